// What the limits on the bus may say, judged from outside: by the replies that reached the device and by nothing that
// it says of itself. Ages, limits and how fast they may rise: firmware/charge/README.md.
import { crc16 } from "../../tools/simulator/codec";
import { CELLS, CHARGE, LIMITS, MEASURED, MODULES } from "./rig";
import { valuesOf, type OwnFrame, type VirtualRig } from "../../tools/host/virtual";

/** First registers of the groups that must be there; settings are read each minute and count as fresh that long. */
const FAST = 36,
  CELLS_GROUP = 0,
  SETTINGS = 300,
  SETTINGS_EVERY_MS = 60000;
const DEGRADED_MS = 5000,
  LOST_MS = 15000,
  SILENT_MS = 75000;
/** Ages are looked at each half second, limits leave a little later. */
const LAG_MS = 700;
/**
 * The device waits that long for a reply for sure; later it may have given up. Measurements and cells that come that
 * soon after each other are taken for sure while the data is not lost; then the device forgets what came alone, and
 * only a run of them, each that soon after the one before, must bring it back. A good bus must show after the longest
 * wait of the way back from bus-off.
 */
const SURE_MS = 150,
  TOGETHER_MS = 450,
  NOT_LOST_MS = 14000,
  RUN_MS = 2500,
  RUN = 8,
  BUS_RECOVERY_MS = 12500;
/**
 * The simulated battery with default settings: floor, bulk, ceiling (V), largest currents (A), discharge voltage (V).
 */
const FLOOR = 52.8,
  BULK = 55.2,
  MOST_CHARGE = 135,
  MOST_DISCHARGE = 180,
  DISCHARGE_VOLTAGE = 46.4;
/**
 * Rises in V and parts of the largest current a second, what a step of rounding adds, and how much older the last step
 * may be, s.
 */
const CVL_RATE = 0.005,
  CURRENT_RATE = 0.02,
  ROUNDING = 0.1001,
  STEP_S = 1.6;
/** Cells (mV) and temperature (degC) at which a direction is blocked, and how soon, ms. */
const BLOCK_HIGH = 3630,
  BLOCK_LOW = 2820,
  BLOCK_COLD = 0,
  BLOCK_MS = 2200,
  STATUS_FAULT = 0x9b;
const LONGEST_GAP_MS = 1500,
  MOST_FRAMES = 40,
  SECOND_MS = 1000;

export interface Ages {
  /** What was wrong, with its time; and what the periodic frames of limits did. */
  wrong: string[];
  spacing: number[];
  /** Age of the data that reached the device, ms; Infinity before the first whole set. */
  age(at: number): number;
  /** Call at least each second. `isBusGood`: another node hears and acknowledges. */
  look(isBusGood: boolean): void;
}

/** The words of a whole, good reply to a block read in `rx`; null while there is none. */
function replyIn(rx: number[], command: number, count: number): number[] | null {
  const length = 2 * count + 5;
  for (let at = rx.indexOf(0xaa); at >= 0 && at + length <= rx.length; at = rx.indexOf(0xaa, at + 1)) {
    if (rx[at + 1] !== command || rx[at + 2] !== 2 * count) continue;
    if (crc16(rx, at, length - 2) !== (rx[at + length - 2] | (rx[at + length - 1] << 8))) continue;
    return Array.from({ length: count }, (_, i) => rx[at + 3 + 2 * i] | (rx[at + 4 + 2 * i] << 8));
  }
  return null;
}

/**
 * Calls `fresh` for each block that reached the device whole; `isSure`: so soon that the device still waited for it.
 */
function listenToBattery(rig: VirtualRig, fresh: (group: number, words: number[], isSure: boolean) => void): void {
  let askedAt = 0,
    asked: { command: number; count: number; first: number } | null = null,
    rx: number[] = [];
  rig.asked.push((request) => {
    const command = request[1],
      isModbus = command === 3;
    asked =
      command !== 7 && !isModbus
        ? null
        : isModbus
          ? { command, count: request[5], first: (request[2] << 8) | request[3] }
          : { command, count: request[2], first: request[3] | (request[4] << 8) };
    askedAt = rig.clock.now();
    rx = [];
  });
  rig.answered.push((bytes) => {
    if (!asked) return;
    rx.push(...bytes);
    const words = replyIn(rx, asked.command, asked.count);
    if (!words) return;
    fresh(
      asked.first,
      asked.command === 3 ? words.map((word) => (word >> 8) | ((word & 255) << 8)) : words,
      rig.clock.now() - askedAt < SURE_MS,
    );
    asked = null;
  });
}

interface Said {
  at: number;
  cvl: number;
  ccl: number;
  dcl: number;
}

/** What is wrong with limits that were on the bus `age` ms after the data. */
function faultsByAge(now: Said, last: Said | null, age: number): string[] {
  const faults: string[] = [];
  if (age > SILENT_MS + LAG_MS) faults.push("sent although the data is silent");
  else if (age > LOST_MS + LAG_MS && (now.cvl !== FLOOR || now.ccl > 0 || now.dcl > 0))
    faults.push("not the fail-safe of lost data");
  else if (age > DEGRADED_MS + LAG_MS) {
    if (now.ccl > MOST_CHARGE / 2 || now.dcl > MOST_DISCHARGE / 2) faults.push("more than half of old data");
    if (last && (now.cvl > last.cvl || now.ccl > last.ccl || now.dcl > last.dcl))
      faults.push("a limit rose on old data");
  }
  return faults;
}

function faultsByRange({ cvl, ccl, dcl }: Said, discharge: number): string[] {
  const isGood =
    cvl >= FLOOR &&
    cvl <= BULK &&
    ccl >= 0 &&
    ccl <= MOST_CHARGE &&
    dcl >= 0 &&
    dcl <= MOST_DISCHARGE &&
    discharge === DISCHARGE_VOLTAGE;
  return isGood ? [] : ["outside of the configuration"];
}

function faultsByRise(now: Said, last: Said | null): string[] {
  if (!last) return [];
  const seconds = (now.at - last.at) / 1000 + STEP_S,
    current = CURRENT_RATE * seconds;
  return [
    ...(now.cvl > last.cvl + CVL_RATE * seconds + ROUNDING ? ["the charge voltage rose too fast"] : []),
    ...(now.ccl > last.ccl + MOST_CHARGE * current + ROUNDING ||
    now.dcl > last.dcl + MOST_DISCHARGE * current + ROUNDING
      ? ["a current rose too fast"]
      : []),
  ];
}

/** Since when the battery's words have said that a direction is blocked; NaN: it is not. */
interface Blocked {
  charge: number;
  discharge: number;
}

function noteBlocks(blocked: Blocked, words: number[], at: number): void {
  const low = words[40 - FAST],
    high = words[41 - FAST],
    sensors = [42, 43].map((register) => (words[register - FAST] << 16) >> 16);
  const connected = sensors.filter((word) => word !== -32768),
    coldest = Math.min(...connected) / 10,
    status = words[50 - FAST];
  const set = (key: keyof Blocked, isBlocked: boolean): void => {
    blocked[key] = !isBlocked ? NaN : isNaN(blocked[key]) ? at : blocked[key];
  };
  set("charge", status === STATUS_FAULT || high >= BLOCK_HIGH || coldest <= BLOCK_COLD);
  set("discharge", low <= BLOCK_LOW);
}

function faultsByBattery({ at, ccl, dcl }: Said, { charge, discharge }: Blocked): string[] {
  return [
    ...(ccl > 0 && at - charge > BLOCK_MS ? ["charging allowed although the battery forbids it"] : []),
    ...(dcl > 0 && at - discharge > BLOCK_MS ? ["discharging allowed although a cell is empty"] : []),
  ];
}

/**
 * The spacing of periodic frames of limits: a periodic one heads the frames of its second, an extra one comes alone.
 */
export function spacingOf(spacing: number[]): { heard(frame: Pick<OwnFrame, "id" | "at">): void; broken(): void } {
  let limitsAt = NaN,
    gridAt = NaN;
  return {
    broken: () => {
      gridAt = limitsAt = NaN;
    },
    heard: ({ id, at }) => {
      if (id === LIMITS) limitsAt = at;
      else if (
        [CHARGE, MEASURED, MODULES, CELLS].includes(id) &&
        !isNaN(limitsAt) &&
        !(limitsAt - gridAt < SECOND_MS / 2)
      ) {
        if (!isNaN(gridAt)) spacing.push(limitsAt - gridAt);
        gridAt = limitsAt;
        limitsAt = NaN;
      }
    },
  };
}

/** Watch a rig from its start on. */
export function watchAges(rig: VirtualRig): Ages {
  const freshAt: Record<number, number> = {},
    sureAt: Record<number, number> = {},
    blocked: Blocked = { charge: NaN, discharge: NaN },
    recent: number[] = [],
    spacing: number[] = [];
  const ages: Ages = {
    wrong: [],
    spacing,
    look,
    age: (at) => at - Math.min(freshAt[FAST], freshAt[CELLS_GROUP], freshAt[SETTINGS] + SETTINGS_EVERY_MS),
  };
  const grid = spacingOf(spacing);
  let last: Said | null = null,
    run = 0,
    setAt = NaN,
    takenAt = NaN,
    busGoodSince = NaN,
    demandedSince = NaN;
  const note = (at: number, what: string, said: unknown): void => {
    ages.wrong.push(
      `${(at / 1000).toFixed(2)} s: ${what} (age ${(ages.age(at) / 1000).toFixed(2)} s) ${JSON.stringify(said)}`,
    );
  };
  listenToBattery(rig, (group, words, isSure) => {
    freshAt[group] = rig.clock.now();
    if (group === FAST) noteBlocks(blocked, words, rig.clock.now());
    if (!isSure) return;
    const now = (sureAt[group] = freshAt[group]);
    if (group !== CELLS_GROUP || !(now - sureAt[FAST] < TOGETHER_MS)) return;
    run = now - setAt < RUN_MS ? run + 1 : 1;
    setAt = now;
    if (now - takenAt < NOT_LOST_MS || run >= RUN) takenAt = now;
  });
  rig.frames.push((frame) => {
    recent.push(frame.at);
    if (recent.length > MOST_FRAMES && frame.at - (recent.shift() as number) < SECOND_MS)
      note(frame.at, "a flood of frames", frame.id);
    grid.heard(frame);
    if (frame.id === LIMITS) judge(frame);
  });
  function judge(frame: OwnFrame): void {
    const values = valuesOf(frame) as Record<string, number>,
      age = ages.age(frame.at);
    const now: Said = {
      at: frame.at,
      cvl: values.charge_voltage_limit,
      ccl: values.charge_current_limit,
      dcl: values.discharge_current_limit,
    };
    if (!(age < Infinity)) note(frame.at, "sent before the first data", now);
    const faults = [
      ...faultsByAge(now, last, age),
      ...faultsByRange(now, values.discharge_voltage_limit),
      ...faultsByRise(now, last),
      ...faultsByBattery(now, blocked),
    ];
    for (const fault of faults) note(frame.at, fault, [last, now]);
    late(frame.at);
    last = now;
  }
  function late(at: number): void {
    const gap = at - Math.max(last?.at ?? -Infinity, demandedSince);
    if (gap > LONGEST_GAP_MS) note(at, `no limits for ${gap.toFixed(0)} ms`, last);
  }
  /** Limits must be sent: the bus and the data are good, for long enough after they were not. */
  function look(isBusGood: boolean): void {
    const now = rig.clock.now();
    if (!isBusGood) busGoodSince = NaN;
    else if (isNaN(busGoodSince)) busGoodSince = now;
    const isKnown = now - Math.min(takenAt, sureAt[SETTINGS] + SETTINGS_EVERY_MS) < SILENT_MS - LAG_MS - SECOND_MS;
    const isDemanded = isKnown && now - busGoodSince > BUS_RECOVERY_MS;
    if (!isDemanded) grid.broken();
    if (!isDemanded || isNaN(demandedSince)) demandedSince = isDemanded ? now : NaN;
    if (isDemanded) late(now);
  }
  return ages;
}
