// Numbers of README.md, written down from the rules and from nothing of the firmware: an
// oracle that read the same tables would repeat their mistakes. Volts, amperes, degC, seconds.

/** A table of points, linear between them, constant outside (README 3). */
export type Table = [x: number, y: number][];

export function lookUp(table: Table, x: number): number {
  if (x <= table[0][0]) return table[0][1];
  for (let i = 1; i < table.length; i++) {
    const [x1, y1] = table[i],
      [x0, y0] = table[i - 1];
    if (x <= x1) return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  }
  return table[table.length - 1][1];
}

export const USER_CHARGE = 140,
  USER_DISCHARGE = 180;
const BULK = 3.45,
  FLOAT = 3.375,
  HEAD = 0.9;
export const REBULK = 3.3;
/** Volts above the bulk voltage at which a cell is limited, and from there to the hard zone. */
const DEAD_BAND = 0.01;
export const HARD = 0.02;
const GUARD = 0.02,
  MPPT_A_CELL = (0.4 * 3.2) / 51.2;
export const KI = 0.05,
  INTEGRAL_MOST = 1,
  TAU_S = 20;
export const CVL_HOLD_S = 60,
  CVL_RATE = 0.005,
  FLOAT_RATE = 0.1 / 60;
export const RECOVERY_HOLD_S = 30,
  RECOVERY_RATE = 0.02,
  RECOVERY_THRESHOLD = 0.015;
export const TAIL_CELL = 3.37,
  RESTART_SOC = 85;

/** Offsets from register 300 and 301 (README 3). */
const CHARGE_BY_CELL: Table = [
  [-0.1, 1],
  [-0.07, 0.5],
  [-0.05, 0.2],
  [-0.02, 0.05],
  [0, 0],
];
const DISCHARGE_BY_CELL: Table = [
  [0, 0],
  [0.05, 0.2],
  [0.1, 0.5],
  [0.2, 1],
];
const COLD: Table = [
  [0, 0],
  [2, 0.25],
  [5, 0.5],
  [10, 1],
];
const HOT: Table = [
  [40, 1],
  [45, 0.5],
  [50, 0.25],
  [55, 0],
];
const DISCHARGE_BY_TEMPERATURE: Table = [
  [-20, 0],
  [-10, 0.3],
  [0, 0.7],
  [5, 1],
  [45, 1],
  [50, 0.5],
  [55, 0.25],
  [60, 0],
];
const BY_INTERNAL: Table = [
  [70, 1],
  [80, 0.25],
  [90, 0],
];

/** Registers 300 to 343, raw, by address. */
export type Settings = Record<number, number>;

/** What follows from one set of the battery's settings. */
export interface Plan {
  settings: Settings;
  n: number;
  bulk: number;
  float: number;
  /** Highest voltage of a cell that limits nothing. */
  limit: number;
  floor: number;
  ceil: number;
  charge: number;
  discharge: number;
  capacity_Ah: number;
  full: number;
  empty: number;
  over: number;
  under: number;
  hot: number;
  cold: number;
  isSinglePort: boolean;
  /** The chemistry does not fit: CAN stays silent (README 2.1). */
  isInvalid: boolean;
  /** Rules that do not hold (README 2.2, 2.3). */
  voltageRuleFails: boolean;
  otherRuleFails: boolean;
  chargeTemperature: Table;
}

const signed = (word: number): number => (word << 16) >> 16;

/** Everything that is derived from the settings before any measurement (README 2). */
export function planOf(s: Settings): Plan {
  const n = s[307],
    full = s[300] / 1000,
    empty = s[301] / 1000,
    over = s[315] / 1000,
    under = s[316] / 1000;
  const hot = signed(s[319]),
    cold = signed(s[320]),
    e = 1e-9;
  const voltageRuleFails = BULK + MPPT_A_CELL + 0.05 > full + e || full + 0.05 > over + e || empty < under + 0.05 - e;
  const bulk = voltageRuleFails ? Math.min(BULK, full - 0.075) : BULK,
    float = Math.min(FLOAT, voltageRuleFails ? bulk - 0.05 : FLOAT);
  const otherRuleFails =
    cold > 10 || 55 > hot - 2 || (s[329] & 4) === 0 || s[321] > RESTART_SOC || s[303] / 1000 > float + e;
  const shift = Math.max(0, cold);
  return {
    settings: s,
    n,
    bulk,
    float,
    limit: bulk + DEAD_BAND,
    floor: n * REBULK,
    ceil: n * (over - GUARD) - n * MPPT_A_CELL,
    charge: Math.min(USER_CHARGE, HEAD * s[318]),
    discharge: Math.min(USER_DISCHARGE, HEAD * s[317]),
    capacity_Ah: s[306] / 100,
    full,
    empty,
    over,
    under,
    hot,
    cold,
    isSinglePort: (s[340] & 0xff) === 1,
    isInvalid: Math.abs(full - (BULK + 0.1)) > 0.15 + e,
    voltageRuleFails,
    otherRuleFails,
    chargeTemperature: [...COLD.map(([x, y]): [number, number] => [x + shift, y]), ...HOT],
  };
}

/** What one reply of the fast group says, with the extremes of the cells joined in (README 1.4). */
export interface Reading {
  vMax: number;
  vMin: number;
  pack: number;
  current: number;
  /** NaN where no sensor is connected. */
  t1: number;
  t2: number;
  internal: number;
  soc: number;
  status: number;
}

/** Coldest, hottest, and the factor for missing sensors (README 3). */
export function temperaturesOf({ t1, t2, internal }: Reading): { coldest: number; hottest: number; factor: number } {
  const there = [t1, t2].filter((t) => !isNaN(t));
  if (there.length === 0) return { coldest: internal, hottest: internal, factor: 0.5 };
  return { coldest: Math.min(...there), hottest: Math.max(...there), factor: 1 };
}

/** Factor of the charge current by the cells' temperature; 0 is a charge block (README 7). */
export function chargeTemperatureFactor(plan: Plan, reading: Reading): number {
  const { coldest, hottest, factor } = temperaturesOf(reading);
  return factor * Math.min(lookUp(plan.chargeTemperature, coldest), lookUp(plan.chargeTemperature, hottest));
}

/** Target of the charge current without state and blocks (README 8, 2.3). */
export function chargeTarget(plan: Plan, reading: Reading): number {
  const factor = Math.min(
    lookUp(CHARGE_BY_CELL, reading.vMax - plan.full),
    chargeTemperatureFactor(plan, reading),
    lookUp(BY_INTERNAL, reading.internal),
  );
  const most = plan.voltageRuleFails || plan.otherRuleFails ? 0.2 * plan.charge : Infinity;
  return Math.min(plan.charge * factor, most);
}

/** Target of the discharge current without state and blocks (README 8). */
export function dischargeTarget(plan: Plan, reading: Reading): number {
  const { coldest, hottest, factor } = temperaturesOf(reading);
  return (
    plan.discharge *
    Math.min(
      lookUp(DISCHARGE_BY_CELL, reading.vMin - plan.empty),
      factor * Math.min(lookUp(DISCHARGE_BY_TEMPERATURE, coldest), lookUp(DISCHARGE_BY_TEMPERATURE, hottest)),
      lookUp(BY_INTERNAL, reading.internal),
    )
  );
}

/** What an active event stops, and whether the charge voltage falls to its floor with it (README 7). */
export const EVENT_BLOCKS: Record<number, { charge: boolean; discharge: boolean; toFloor: boolean }> = {
  0x02: { charge: true, discharge: true, toFloor: false },
  0x03: { charge: true, discharge: false, toFloor: true },
  0x04: { charge: true, discharge: true, toFloor: false },
  0x05: { charge: true, discharge: true, toFloor: false },
  0x06: { charge: true, discharge: false, toFloor: true },
  0x07: { charge: true, discharge: true, toFloor: true },
  0x0a: { charge: true, discharge: true, toFloor: false },
  0x0b: { charge: true, discharge: true, toFloor: true },
  0x0c: { charge: true, discharge: true, toFloor: false },
  0x0d: { charge: true, discharge: true, toFloor: false },
  0x0e: { charge: true, discharge: true, toFloor: false },
  0x0f: { charge: true, discharge: true, toFloor: false },
  0x31: { charge: false, discharge: true, toFloor: false },
  0x37: { charge: true, discharge: false, toFloor: false },
};

/** Recovery events and what they end (README 10). */
export const ENDS: Record<number, number> = {
  0x7b: 0x02,
  0x79: 0x03,
  0x73: 0x04,
  0x77: 0x05,
  0x76: 0x06,
  0x78: 0x07,
  0x75: 0x0a,
  0x7a: 0x31,
  0x74: 0x37,
};
export const RESTARTED = 0x61,
  FAULT = 0x9b,
  FULL = 0x92,
  CHARGING = 0x91;
