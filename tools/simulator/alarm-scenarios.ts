// One scenario for each way to an alarm of the gateway: just short of it, for too short a time, at it, where it must
// stay, and back. The table names what the battery shows; how long each stage takes follows from the alarm's own row in
// firmware/tables/alarms.ts.

import { alarmRows } from "../../firmware/tables/alarms";
import type { AlarmLevel } from "../../firmware/tables/alarms";
import type { Scenario } from "./scenarios";
import type { Trouble } from "./trouble";

/**
 * A way to an alarm (level 2) or a warning (1). Values for the LFP battery of 16 cells with the settings of
 * settings.ts.
 */
export interface AlarmWay {
  id: number;
  level: 1 | 2;
  /** What tells it from another way to the same. */
  by?: string;
  /** Not yet; it; no longer enough to raise it, but it stays; all is well again (`{}` unless said). */
  below?: Trouble;
  at: Trouble;
  between?: Trouble;
  clear?: Trouble;
  /** Beyond the row's own times, s: how much later the gateway can know that it has come, and that it has gone. */
  late_s?: number;
  lateClear_s?: number;
  /** It comes at once: by an event of the unit, or because the row says so (`also`). */
  isAtOnce?: true;
}

const cell = (volts: number): Trouble => ({ cell_V: { 4: volts } });
const pack = (degrees: number): Trouble => ({ pack_C: degrees });
const load = (ampere: number): Trouble => ({ current_A: -ampere });
const charge = (ampere: number): Trouble => ({ current_A: ampere, charger: true });
const soc = (percent: number): Trouble => ({ soc_pct: percent });
/** Cells that are all alike but for one. */
const apart = (base: number, one: number): Trouble => ({ cells_V: base, cell_V: { 4: one } });
const events = (...ids: number[]): Trouble => ({ events: ids });
const set = (key: string, value: number): Trouble => ({ settings: { [key]: value } });

/** Settings are read each minute, error rates are of a minute; the unit takes 3 s to cut a load off. */
const SETTINGS_S = 64,
  RATES_S = 75,
  RATES_CLEAR_S = 130,
  CUT_OFF_S = 3;
/**
 * After a restart of the unit the whole log counts, read again in six pieces: one behind each fast poll, 250 ms, as no
 * reply is seen before the chip's next look at its UART.
 */
const WHOLE_LOG_S = 1.5;

export const alarmWays: AlarmWay[] = [
  { id: 1, level: 1, below: cell(3.598), at: cell(3.602), between: cell(3.575) },
  { id: 1, level: 2, below: cell(3.648), at: cell(3.652), between: cell(3.556) },
  { id: 2, level: 1, below: cell(3.003), at: cell(2.998), between: cell(3.09) },
  {
    id: 2,
    level: 2,
    by: "fully-discharged",
    below: cell(2.903),
    at: cell(2.898),
    between: cell(3.045),
    isAtOnce: true,
  },
  {
    id: 2,
    level: 2,
    by: "cutoff",
    at: cell(2.795),
    between: cell(3.2),
    clear: { charger: true, current_A: 5 },
    isAtOnce: true,
  },
  { id: 3, level: 1, below: cell(3.598), at: cell(3.602), between: cell(3.575) },
  { id: 3, level: 2, below: cell(3.648), at: cell(3.652), between: cell(3.556) },
  { id: 4, level: 1, below: cell(3.003), at: cell(2.998), between: cell(3.09) },
  { id: 4, level: 2, below: cell(2.903), at: cell(2.898), between: cell(3.045) },
  { id: 5, level: 1, below: soc(15.4), at: soc(14.9), between: soc(16.6), clear: soc(60) },
  { id: 5, level: 2, below: soc(10.4), at: soc(9.9), between: soc(11.6), clear: soc(60) },
  { id: 10, level: 1, below: charge(141), at: charge(143.5), between: charge(129) },
  { id: 10, level: 2, by: "charger", below: charge(149), at: charge(151), between: charge(123) },
  {
    id: 10,
    level: 2,
    by: "regeneration",
    at: { current_A: 151, charger: false },
    between: { current_A: 123, charger: false },
  },
  { id: 11, level: 1, below: load(188), at: load(191), between: load(173) },
  { id: 11, level: 2, below: load(199), at: load(202), between: load(163), late_s: CUT_OFF_S },
  { id: 20, level: 1, below: pack(54.5), at: pack(55.3), between: pack(53), clear: pack(25) },
  { id: 20, level: 2, below: pack(59.5), at: pack(60.3), between: pack(56), clear: pack(25), isAtOnce: true },
  {
    id: 20,
    level: 2,
    by: "board",
    at: { internal_C: 91 },
    between: { internal_C: 87 },
    clear: { internal_C: 30 },
    isAtOnce: true,
  },
  { id: 21, level: 1, below: pack(-9.5), at: pack(-10.3), between: pack(-8), clear: pack(20) },
  { id: 21, level: 2, below: pack(-19.5), at: pack(-20.3), between: pack(-18), clear: pack(20) },
  { id: 21, level: 2, by: "cutoff", at: pack(-41), between: pack(-18), clear: pack(20), isAtOnce: true },
  { id: 22, level: 1, below: pack(6.5), at: pack(5.6), between: pack(7.5), clear: pack(20) },
  { id: 22, level: 2, below: pack(1.5), at: pack(0.7), between: pack(2.5), clear: pack(20), isAtOnce: true },
  { id: 23, level: 1, below: pack(44.5), at: pack(45.3), between: pack(44), clear: pack(25) },
  { id: 23, level: 2, below: pack(54.5), at: pack(55.3), between: pack(53), clear: pack(25) },
  { id: 30, level: 1, below: apart(3.3, 3.145), at: apart(3.3, 3.135), between: apart(3.3, 3.165) },
  { id: 30, level: 2, below: apart(3.2, 3.495), at: apart(3.2, 3.505), between: apart(3.2, 3.46) },
  { id: 62, level: 2, by: "charger-switch", at: events(0x0b), lateClear_s: WHOLE_LOG_S },
  { id: 62, level: 2, by: "load-switch", at: events(0x0c), lateClear_s: WHOLE_LOG_S },
  { id: 62, level: 2, by: "single-port-switch", at: events(0x0d), lateClear_s: WHOLE_LOG_S },
  { id: 63, level: 1, by: "old-data", at: { line: { silence: 1 } }, late_s: 7, lateClear_s: 4 },
  { id: 63, level: 1, by: "no-sensor", at: { sensors: [false, false] } },
  {
    id: 63,
    level: 1,
    by: "settings",
    at: set("early_balancing_threshold", 3400),
    clear: set("early_balancing_threshold", 3350),
    late_s: SETTINGS_S,
    lateClear_s: SETTINGS_S,
  },
  { id: 63, level: 1, by: "charger-too-high", at: events(0x38), clear: {}, lateClear_s: 12 },
  { id: 63, level: 1, by: "charger-too-low", at: events(0x39), lateClear_s: 12 },
  { id: 63, level: 2, by: "sum", below: { packError_V: 0.48 }, at: { packError_V: 0.58 } },
  { id: 63, level: 2, by: "sensor-gone", at: events(0x0e), lateClear_s: WHOLE_LOG_S, isAtOnce: true },
  { id: 63, level: 2, by: "sensor-came", at: events(0x0f), lateClear_s: WHOLE_LOG_S, isAtOnce: true },
  { id: 63, level: 2, by: "unexplained", at: { isUnexplained: true }, isAtOnce: true },
  { id: 63, level: 2, by: "lost", at: { line: { silence: 1 } }, late_s: 17, lateClear_s: 4, isAtOnce: true },
  { id: 40, level: 1, at: { line: { "bad-crc": 0.3 } }, late_s: RATES_S, lateClear_s: RATES_CLEAR_S },
  { id: 41, level: 1, at: { line: { silence: 1 } }, late_s: 7, lateClear_s: 4 },
  {
    id: 51,
    level: 1,
    at: set("early_balancing_threshold", 3400),
    clear: set("early_balancing_threshold", 3350),
    late_s: SETTINGS_S,
    lateClear_s: SETTINGS_S,
  },
  {
    id: 51,
    level: 2,
    at: set("over_voltage_cutoff", 3590),
    clear: set("over_voltage_cutoff", 3650),
    late_s: SETTINGS_S,
    lateClear_s: SETTINGS_S,
  },
  { id: 60, level: 2, at: { line: { silence: 1 } }, late_s: 17, lateClear_s: 4 },
  { id: 61, level: 2, at: { isUnexplained: true } },
];

/**
 * Stages in their order: `short` is `at`, but not for long enough; at the end of `clear` the level is left, of `end`
 * all of the alarm.
 */
export interface Stage {
  role: "calm" | "below" | "short" | "at" | "between" | "clear" | "end";
  from_s: number;
  trouble: Trouble;
}

/** The gateway has read everything after this; a stage takes this much longer than the alarm's own time; s. */
const START_S = 25,
  SLACK_S = 5;
/**
 * `short` lacks this much of the alarm's time, s: cells are read each 1.1 to 1.4 s, since a reply waits for the chip's
 * next look at its UART (100 ms), so what is over may be seen that much longer; and the step that sees it first counts
 * its whole second.
 */
const SHORT_BY_S = 2.5;

/** The row's times for a level (s); those without are at once. */
export function timesOf({ id, level, isAtOnce }: AlarmWay): { after: number; hold: number; rest: number } {
  const row = alarmRows.find((one) => one.id === id),
    own: AlarmLevel | undefined = level === 2 ? row?.alarm : row?.warning;
  return {
    after: isAtOnce ? 0 : (own?.after ?? 0),
    hold: own?.hold ?? 0,
    rest: level === 2 ? (row?.warning?.hold ?? 0) : 0,
  };
}

/** The stages of a way, and when all is over (s). */
export function stagesOf(way: AlarmWay): { stages: Stage[]; end_s: number } {
  const { after, hold, rest } = timesOf(way),
    { below, at, between, clear = {}, late_s = 0, lateClear_s = 0 } = way;
  const stages: Stage[] = [];
  let now_s = 0;
  const add = (role: Stage["role"], length_s: number, trouble: Trouble): void => {
    stages.push({ role, from_s: now_s, trouble });
    now_s += length_s;
  };
  add("calm", START_S, clear);
  if (below) add("below", after + SLACK_S, below);
  if (below && after > SHORT_BY_S) {
    add("calm", SLACK_S, clear);
    add("short", after - SHORT_BY_S, at);
  }
  if (below) add("calm", SLACK_S, clear);
  add("at", after + late_s + SLACK_S, at);
  if (between) add("between", hold + SLACK_S, between);
  add("clear", hold + lateClear_s + SLACK_S, clear);
  add("end", rest + SLACK_S, clear);
  return { stages, end_s: now_s };
}

/** The scenario's name: alarm, level, and way where there are several. */
export function nameOf({ id, level, by }: AlarmWay): string {
  const code = alarmRows
    .find((row) => row.id === id)!
    .code.replace(/(?<!^)[A-Z]/g, "-$&")
    .toLowerCase();
  return `${code}-${level === 2 ? "alarm" : "warning"}${by ? "-" + by : ""}`;
}

function scenarioFor(way: AlarmWay): Scenario {
  const { stages, end_s } = stagesOf(way);
  return {
    doc: `alarm ${way.id} comes and goes within ${end_s} s`,
    soc_pct: 60,
    temperature_C: 22,
    demand: () => ({ current_A: 0, charger: false, ambient_C: 22 }),
    trouble: (time_s) => stages.findLast(({ from_s }) => time_s >= from_s)!.trouble,
  };
}

/** A scenario for each way. */
export const alarmScenarios: Record<string, Scenario> = Object.fromEntries(
  alarmWays.map((way) => [nameOf(way), scenarioFor(way)]),
);
