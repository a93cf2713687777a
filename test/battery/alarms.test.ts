// Every alarm raised and cleared, as data: at which value, after how long, by which event; and what 0x35A says of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  ALARM,
  type Alarms,
  BMS_LATE,
  BMS_NEVER,
  BUS_OFF,
  CAN_ERRORS,
  CAN_UNHEARD,
  GX_GONE,
  MEMORY_LOW,
  UART_ERRORS,
  WARNING,
  WAS_RESET,
} from "../../firmware/battery/alarms";
import { alarmFields, type AlarmField, alarmRows } from "../../firmware/tables/alarms";
import { alarmsStep } from "../../firmware/battery/alarms.baked";
import { alarmsOf, alarmsText } from "../../firmware/battery/alarms.cold";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { DEGRADED, LOST, NORMAL, type Snapshot } from "../../firmware/battery/snapshot";
import { setImageText } from "../../firmware/kernel/text.cold";
import { alarmOrder, fieldBits, supported } from "../../tools/bake/alarms";
import { slotOf } from "../../tools/bake/names";
import { snapshotWith } from "../fixtures/battery";

setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"));

interface Rig {
  a: Alarms;
  s: Snapshot;
}

/**
 * A battery on which nothing is near: 16 cells of 3.32 V, 25 degC, cutoffs 3650/2900 mV, 60 degC, 5 degC, 100 A each
 * way.
 */
function healthy(): Rig {
  const s = snapshotWith({ settings: { 301: 2900, 315: 3650, 317: 100, 318: 100, 319: 60, 320: 5 } }),
    v = s.values;
  s.phase = NORMAL;
  s.faults.at = 0;
  v[valueSlot.onlineStatus] = 0x97;
  v[valueSlot.stateOfCharge] = 60;
  v[valueSlot.packCurrent] = 0;
  v[valueSlot.externalTemp1] =
    v[valueSlot.externalTemp2] =
    v[valueSlot.minTemperature] =
    v[valueSlot.maxTemperature] =
    v[valueSlot.internalTemp] =
      25;
  return { a: alarmsOf(), s };
}

type Set = Record<string, number>;

/** Rows by key; `highest`, `lowest`, `sum`, `phase`, `config`, `device` where they stand; `low`, `high`: event bits. */
function set({ a, s }: Rig, given: Set): void {
  for (const [name, value] of Object.entries(given)) {
    if (name === "highest" || name === "lowest" || name === "sum" || name === "phase") s[name] = value;
    else if (name === "config" || name === "device") a[name] = value;
    else if (name === "low" || name === "high") s.faults[name] = value;
    else s.values[slotOf(name)] = value;
  }
}

/** Seconds until the row's level is `level`, at most `most` + 1; the others must stay at 0, but for those named. */
function secondsUntil(rig: Rig, id: number, level: number, most: number): number {
  const row = alarmOrder.findIndex((one) => one.id === id);
  for (let second = 1; second <= most; second++) {
    rig.a.at += 1;
    rig.a.step = 4;
    alarmsStep(rig.a, rig.s);
    const now = rig.a.on[row] & ALARM ? 2 : rig.a.on[row] & WARNING ? 1 : 0;
    if (now === level) return second;
  }
  return most + 1;
}

const bit = (...ids: number[]): Set => ({
  low: ids.filter((id) => id < 32).reduce((sum, id) => sum + 2 ** id, 0),
  high: ids.filter((id) => id >= 32).reduce((sum, id) => sum + 2 ** (id - 32), 0),
});
const NONE = bit(),
  RECOVERED = { ...NONE, online_status: 0x97 };
const fault = (...ids: number[]): Set => ({ ...bit(...ids), online_status: 0x9b });

/**
 * One way to raise a row and to clear it: a value just short of it, the value and its seconds to `level`, a value too
 * near, and the value and seconds to 0.
 */
interface Way {
  id: number;
  level: 1 | 2;
  short?: Set;
  at: Set;
  after: number;
  near?: Set;
  clear: Set;
  hold: number;
}

const ways: Way[] = [
  // By hand, apart from firmware/tables/alarms.ts. An alarm steps down through its warning, so its way to 0 is both
  // holds, less the second that counts for both.
  {
    id: 1,
    level: 1,
    short: { highest: 3599 },
    at: { highest: 3600 },
    after: 3,
    near: { highest: 3571 },
    clear: { highest: 3570 },
    hold: 10,
  },
  {
    id: 1,
    level: 2,
    short: { highest: 3649 },
    at: { highest: 3650 },
    after: 1,
    near: { highest: 3551 },
    clear: { highest: 3550 },
    hold: 19,
  },
  { id: 1, level: 2, at: fault(0x03), after: 1, near: fault(0x03), clear: RECOVERED, hold: 19 },
  {
    id: 3,
    level: 2,
    short: { highest: 3649 },
    at: { highest: 3650 },
    after: 1,
    near: { highest: 3551 },
    clear: { highest: 3550 },
    hold: 19,
  },
  {
    id: 2,
    level: 1,
    short: { lowest: 3001 },
    at: { lowest: 3000 },
    after: 10,
    near: { lowest: 3099 },
    clear: { lowest: 3100 },
    hold: 30,
  },
  {
    id: 2,
    level: 2,
    short: { lowest: 2901 },
    at: { lowest: 2900 },
    after: 3,
    near: { lowest: 3049 },
    clear: { lowest: 3100 },
    hold: 89,
  },
  { id: 2, level: 2, at: fault(0x02), after: 1, near: fault(0x02), clear: RECOVERED, hold: 89 },
  { id: 2, level: 2, at: fault(0x31), after: 1, clear: RECOVERED, hold: 89 },
  {
    id: 3,
    level: 1,
    short: { highest: 3599 },
    at: { highest: 3600 },
    after: 3,
    near: { highest: 3571 },
    clear: { highest: 3570 },
    hold: 10,
  },
  {
    id: 4,
    level: 1,
    short: { lowest: 3001 },
    at: { lowest: 3000 },
    after: 10,
    near: { lowest: 3099 },
    clear: { lowest: 3100 },
    hold: 30,
  },
  {
    id: 4,
    level: 2,
    short: { lowest: 2901 },
    at: { lowest: 2900 },
    after: 3,
    near: { lowest: 3049 },
    clear: { lowest: 3100 },
    hold: 89,
  },
  {
    id: 20,
    level: 1,
    short: { max_temperature: 54.9 },
    at: { max_temperature: 55 },
    after: 10,
    near: { max_temperature: 52.1 },
    clear: { max_temperature: 52 },
    hold: 30,
  },
  {
    id: 20,
    level: 1,
    short: { internal_temp: 74.9 },
    at: { internal_temp: 75 },
    after: 10,
    near: { internal_temp: 70.1 },
    clear: { internal_temp: 70 },
    hold: 30,
  },
  {
    id: 20,
    level: 2,
    short: { max_temperature: 59.9 },
    at: { max_temperature: 60 },
    after: 3,
    near: { max_temperature: 55.1 },
    clear: { max_temperature: 40 },
    hold: 59,
  },
  {
    id: 20,
    level: 2,
    short: { internal_temp: 89.9 },
    at: { internal_temp: 90 },
    after: 3,
    near: { internal_temp: 86 },
    clear: { internal_temp: 30 },
    hold: 59,
  },
  { id: 20, level: 2, at: fault(0x04), after: 1, clear: RECOVERED, hold: 59 },
  {
    id: 21,
    level: 1,
    short: { min_temperature: -9.9 },
    at: { min_temperature: -10 },
    after: 10,
    near: { min_temperature: -7.1 },
    clear: { min_temperature: -7 },
    hold: 60,
  },
  {
    id: 21,
    level: 2,
    short: { min_temperature: -19.9 },
    at: { min_temperature: -20 },
    after: 10,
    near: { min_temperature: -17.1 },
    clear: { min_temperature: 20 },
    hold: 119,
  },
  { id: 21, level: 2, at: fault(0x0a), after: 1, clear: RECOVERED, hold: 119 },
  {
    id: 23,
    level: 1,
    short: { max_temperature: 44.9 },
    at: { max_temperature: 45 },
    after: 10,
    near: { max_temperature: 43.1 },
    clear: { max_temperature: 43 },
    hold: 60,
  },
  {
    id: 23,
    level: 2,
    short: { max_temperature: 54.9 },
    at: { max_temperature: 55 },
    after: 3,
    near: { max_temperature: 52.1 },
    clear: { max_temperature: 30 },
    hold: 119,
  },
  {
    id: 22,
    level: 1,
    short: { min_temperature: 10.1 },
    at: { min_temperature: 10 },
    after: 10,
    near: { min_temperature: 11.9 },
    clear: { min_temperature: 12 },
    hold: 60,
  },
  {
    id: 22,
    level: 2,
    short: { min_temperature: 5.1 },
    at: { min_temperature: 5 },
    after: 3,
    near: { min_temperature: 6.9 },
    clear: { min_temperature: 20 },
    hold: 119,
  },
  { id: 22, level: 2, at: fault(0x37), after: 1, clear: RECOVERED, hold: 119 },
  {
    id: 11,
    level: 1,
    short: { pack_current: -94.9 },
    at: { pack_current: -95 },
    after: 5,
    near: { pack_current: -85.1 },
    clear: { pack_current: -84.9 },
    hold: 10,
  },
  {
    id: 11,
    level: 2,
    at: fault(0x05),
    after: 1,
    near: { ...RECOVERED, pack_current: 80 },
    clear: { ...RECOVERED, pack_current: 79 },
    hold: 19,
  },
  {
    id: 10,
    level: 1,
    short: { pack_current: 94.9 },
    at: { pack_current: 95 },
    after: 5,
    near: { pack_current: 85.1 },
    clear: { pack_current: 84.9 },
    hold: 10,
  },
  {
    id: 10,
    level: 2,
    at: fault(0x06),
    after: 1,
    near: { ...RECOVERED, pack_current: 80 },
    clear: { ...RECOVERED, pack_current: 79 },
    hold: 19,
  },
  { id: 10, level: 2, at: fault(0x07), after: 1, clear: RECOVERED, hold: 19 },
  ...[0x0b, 0x0c, 0x0d].map(
    (id): Way => ({ id: 62, level: 2, at: fault(id), after: 1, near: fault(id), clear: RECOVERED, hold: 1 }),
  ),
  ...[0x0b, 0x0e, 0x0f].map((id): Way => ({ id: 63, level: 2, at: fault(id), after: 1, clear: RECOVERED, hold: 89 })),
  { id: 63, level: 2, at: { phase: LOST }, after: 1, near: { phase: LOST }, clear: { phase: NORMAL }, hold: 89 },
  { id: 63, level: 2, at: { config: 2 }, after: 1, clear: { config: 0 }, hold: 89 },
  { id: 63, level: 2, at: { online_status: 0x9b }, after: 1, clear: { online_status: 0x97 }, hold: 89 },
  { id: 63, level: 2, short: fault(0x04), at: fault(0x31), after: 1, clear: RECOVERED, hold: 89 },
  {
    id: 63,
    level: 2,
    short: { sum: 53120 * 1.0099 },
    at: { sum: 53120 * 1.011 },
    after: 10,
    near: { sum: 53120 * 1.011 },
    clear: { sum: 53120 },
    hold: 89,
  },
  { id: 63, level: 1, at: { phase: DEGRADED }, after: 1, clear: { phase: NORMAL }, hold: 60 },
  { id: 63, level: 1, at: { config: 1 }, after: 1, clear: { config: 0 }, hold: 60 },
  { id: 63, level: 1, at: { device: UART_ERRORS }, after: 1, clear: { device: 0 }, hold: 60 },
  {
    id: 63,
    level: 1,
    at: { external_temp_1: NaN, external_temp_2: NaN },
    after: 1,
    clear: { external_temp_1: 25 },
    hold: 60,
  },
  {
    id: 30,
    level: 1,
    short: { lowest: 3161 },
    at: { lowest: 3160 },
    after: 60,
    near: { lowest: 3199 },
    clear: { lowest: 3200 },
    hold: 60,
  },
  {
    id: 30,
    level: 2,
    short: { lowest: 3021 },
    at: { lowest: 3020 },
    after: 30,
    near: { lowest: 3079 },
    clear: { lowest: 3300 },
    hold: 119,
  },
  {
    id: 5,
    level: 1,
    short: { state_of_charge: 15.1 },
    at: { state_of_charge: 15 },
    after: 10,
    near: { state_of_charge: 16.9 },
    clear: { state_of_charge: 17 },
    hold: 60,
  },
  {
    id: 5,
    level: 2,
    short: { state_of_charge: 10.1 },
    at: { state_of_charge: 10 },
    after: 10,
    near: { state_of_charge: 11.9 },
    clear: { state_of_charge: 30 },
    hold: 119,
  },
  { id: 40, level: 1, at: { device: UART_ERRORS }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 41, level: 1, at: { phase: DEGRADED }, after: 1, clear: { phase: NORMAL }, hold: 1 },
  { id: 41, level: 1, at: { device: BMS_LATE }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 42, level: 1, at: { device: CAN_ERRORS }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 43, level: 1, at: { device: CAN_UNHEARD }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 44, level: 2, at: { device: BUS_OFF }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 45, level: 1, at: { device: GX_GONE }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 50, level: 1, at: { device: WAS_RESET }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 52, level: 1, at: { device: MEMORY_LOW }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 51, level: 2, at: { config: 2 }, after: 1, clear: { config: 0 }, hold: 1 },
  { id: 51, level: 1, at: { config: 1 }, after: 1, clear: { config: 0 }, hold: 1 },
  { id: 60, level: 2, at: { phase: LOST }, after: 1, clear: { phase: NORMAL }, hold: 1 },
  { id: 60, level: 2, at: { device: BMS_NEVER }, after: 1, clear: { device: 0 }, hold: 1 },
  { id: 61, level: 2, at: { online_status: 0x9b }, after: 1, clear: { online_status: 0x97 }, hold: 1 },
];

const nameOf = (id: number): string => `${id} ${alarmRows.find((row) => row.id === id)!.code}`;
const pairs = (bits: number, field: AlarmField): number => (bits / 4 ** alarmFields.indexOf(field)) & 3;

describe("alarms", () => {
  it("each row has a way to each of its levels here", () => {
    const missing = alarmRows.flatMap((row) =>
      [row.warning || row.warnWhile ? 1 : 0, row.alarm || row.alarmWhile || row.events ? 2 : 0]
        .filter((level) => level && !ways.some((way) => way.id === row.id && way.level === level))
        .map((level) => `${row.code} ${level}`),
    );
    assert.deepEqual(missing, []);
    for (const row of alarmRows)
      for (const event of row.events ?? []) {
        assert.ok(
          row.id === 63 ||
            ways.some(
              ({ id, at }) => id === row.id && (bit(event).low & (at.low ?? 0) || bit(event).high & (at.high ?? 0)),
            ),
          `${row.code} ${event}`,
        );
      }
  });

  for (const { id, level, short, at, after, near, clear, hold } of ways) {
    const how = JSON.stringify(at),
      row = alarmRows.find((one) => one.id === id)!;
    it(`${nameOf(id)}: ${level === 2 ? "alarm" : "warning"} by ${how} after ${after} s, gone after ${hold} s`, () => {
      const rig = healthy(),
        field = row.field;
      assert.equal(secondsUntil(rig, id, 1, 5), 6, "healthy at first");
      if (short) {
        set(rig, short);
        assert.equal(secondsUntil(rig, id, level, 200), 201, "not short of it");
        set(rig, clear);
        secondsUntil(rig, id, 0, 200);
      }
      set(rig, at);
      assert.equal(secondsUntil(rig, id, level, 200), after);
      if (field === "bms_internal") assert.equal(rig.s.values[valueSlot.internalFailure], level);
      if (field && rig.s.phase < LOST) {
        assert.equal(pairs(rig.s.values[valueSlot.warningBits], field), supported.warnings.includes(field) ? 1 : 0);
        assert.equal(pairs(rig.s.values[valueSlot.alarmBits], field), level === 2 ? 1 : 2);
      }
      if (near) {
        set(rig, near);
        assert.equal(secondsUntil(rig, id, 0, 200), 201, "stays while it is near");
      }
      set(rig, near ? at : {});
      secondsUntil(rig, id, level, 100);
      set(rig, clear);
      assert.equal(secondsUntil(rig, id, 0, 300), hold);
      if (field) assert.equal(pairs(rig.s.values[valueSlot.alarmBits], field), 2);
      assert.equal(rig.a.since[alarmOrder.indexOf(row)], rig.a.at);
    });
  }

  it("a condition that is interrupted starts anew", () => {
    const rig = healthy();
    for (let i = 0; i < 5; i++) {
      set(rig, { min_temperature: -10 });
      assert.equal(secondsUntil(rig, 21, 1, 9), 10);
      set(rig, { min_temperature: -9 });
      secondsUntil(rig, 21, 1, 1);
    }
  });

  it("a charge-cold threshold below 0 degC counts as 0", () => {
    const rig = healthy();
    set(rig, { low_temp_charger_cutoff: -20, min_temperature: 0.1 });
    assert.equal(secondsUntil(rig, 22, 2, 100), 101);
    set(rig, { min_temperature: 0 });
    assert.equal(secondsUntil(rig, 22, 2, 100), 3);
  });

  it("an alarm brings its warning along and steps down through it", () => {
    const rig = healthy();
    set(rig, { min_temperature: -20 });
    assert.equal(secondsUntil(rig, 21, 2, 20), 10);
    assert.equal(pairs(rig.s.values[valueSlot.warningBits], "low_temperature"), 1);
    set(rig, { min_temperature: 0 });
    assert.equal(secondsUntil(rig, 21, 1, 100), 60);
    assert.equal(secondsUntil(rig, 21, 0, 100), 59, "the second in which the alarm went counts for both");
  });

  it("a latch is released after 10 s without fault when its recovery event was missed, but not 0x02, switches, sensors", () => {
    const rig = healthy();
    set(rig, { ...bit(0x02, 0x03, 0x05, 0x0b, 0x0e, 0x31, 0x37), online_status: 0x9b });
    secondsUntil(rig, 1, 0, 30);
    assert.deepEqual(rig.s.faults, {
      low: bit(0x02, 0x03, 0x05, 0x0b, 0x0e).low,
      high: bit(0x31, 0x37).high,
      fresh: false,
      at: 0,
      askedAt: NaN,
    });
    set(rig, { online_status: 0x97, highest: 3551 });
    secondsUntil(rig, 1, 0, 9);
    assert.deepEqual(rig.s.faults.high, bit(0x31, 0x37).high, "not before 10 s");
    secondsUntil(rig, 1, 0, 1);
    assert.deepEqual(
      rig.s.faults,
      { low: bit(0x02, 0x03, 0x0b, 0x0e).low, high: 0, fresh: false, at: 0, askedAt: NaN },
      "a cell is still too high",
    );
    set(rig, { highest: 3550 });
    secondsUntil(rig, 1, 0, 1);
    assert.equal(rig.s.faults.low, bit(0x02, 0x0b, 0x0e).low);
  });

  it("a fault whose cause is known is no internal failure; one without is", () => {
    const rig = healthy();
    set(rig, { ...bit(0x04), online_status: 0x9b });
    assert.equal(secondsUntil(rig, 63, 2, 30), 31);
    set(rig, NONE);
    assert.equal(secondsUntil(rig, 63, 2, 30), 1);
  });

  it("warnings of the charger (0x38, 0x39) end by themselves", () => {
    for (const event of [0x38, 0x39]) {
      const rig = healthy();
      set(rig, bit(event));
      assert.equal(secondsUntil(rig, 63, 1, 3), 1);
      assert.equal(secondsUntil(rig, 63, 0, 200), 68, "10 s and then 60 s, from the first second on");
      set(rig, bit(event));
      rig.s.faults.fresh = true;
      assert.equal(secondsUntil(rig, 63, 1, 3), 1, "again, although the status has said no fault for long");
      assert.equal(secondsUntil(rig, 63, 0, 200), 69);
    }
  });

  it("what is unknown raises nothing and clears nothing", () => {
    const rig = healthy();
    set(rig, { highest: 3700 });
    secondsUntil(rig, 1, 2, 3);
    rig.s.values.fill(NaN, 0, valueSlot.MEASURED_SLOTS);
    rig.s.highest = rig.s.lowest = rig.s.sum = NaN;
    assert.equal(secondsUntil(rig, 1, 0, 300), 301);
    assert.deepEqual(Array.from(rig.a.on.filter((on) => on & 3)).length, 2, "the two of the cell voltage");
  });
});

describe("0x35A of the alarms", () => {
  const words = ({ s }: Rig): string =>
    [valueSlot.alarmBits, valueSlot.warningBits].map((slot) => s.values[slot].toString(16)).join(" ");
  const run = (rig: Rig): string => {
    secondsUntil(rig, 1, 2, 1);
    return words(rig);
  };

  it("all is well: A8AA8A02 A8AA8202; without an event log what only events raise is not supported", () => {
    const rig = healthy();
    assert.equal(run(rig), "28aaaa8 282aaa8");
    rig.s.faults.at = -1;
    assert.equal(run(rig), fieldBits(supported.measured, 2).toString(16) + " 282aaa8");
    assert.deepEqual(
      supported.alarms.filter((field) => !supported.measured.includes(field)),
      ["high_charge_current", "high_discharge_current", "contactor"],
    );
  });

  it("lost: BMS internal alone", () => {
    const rig = healthy();
    rig.a.systemStatus = 1;
    set(rig, { ...bit(0x03), phase: LOST });
    assert.equal(run(rig), "400000 400000");
  });

  it("system status: off, or whether the TinyBMS has no fault, in both polarities", () => {
    const rig = healthy();
    const status = (setting: number, online: number): number => {
      rig.a.systemStatus = setting;
      rig.a.active = 1;
      set(rig, { online_status: online });
      run(rig);
      return rig.s.values[valueSlot.warningBits] >>> 26;
    };
    assert.deepEqual(
      [status(0, 0x97), status(0, 0x9b), status(1, 0x97), status(1, 0x9b), status(2, 0x97), status(2, 0x9b)],
      [0, 0, 1, 2, 2, 1],
    );
  });
});

describe("alarms on HTTP", () => {
  it("names what is active, and since when", () => {
    const rig = healthy();
    rig.a.at = 100;
    set(rig, { min_temperature: -20, device: GX_GONE });
    secondsUntil(rig, 21, 2, 10);
    assert.deepEqual(JSON.parse(alarmsText(rig.a)), [
      { id: 21, code: "UnderTemperature", severity: 2, since_ms: 110000 },
      { id: 22, code: "LowTempCharge", severity: 2, since_ms: 103000 },
      { id: 45, code: "CanKeepAliveLost", severity: 1, since_ms: 101000 },
    ]);
    assert.equal(alarmsText(alarmsOf()), "[]");
  });

  it("ids and names are those of the frozen list", () => {
    assert.deepEqual(
      alarmRows.map(({ id, code }) => `${id} ${code}`),
      [
        "1 OverVoltage",
        "2 UnderVoltage",
        "3 CellOverVoltage",
        "4 CellUnderVoltage",
        "5 LowSoc",
        "10 OverCurrentCharge",
        "11 OverCurrentDischarge",
        "20 OverTemperature",
        "21 UnderTemperature",
        "22 LowTempCharge",
        "23 HighTempCharge",
        "30 CellImbalance",
        "62 Contactor",
        "63 BmsInternal",
        "40 UartError",
        "41 UartTimeout",
        "42 CanError",
        "43 CanTimeout",
        "44 CanTxError",
        "45 CanKeepAliveLost",
        "50 WatchdogReset",
        "51 ConfigError",
        "52 MemoryError",
        "60 BmsOffline",
        "61 BmsFault",
      ],
    );
  });
});
