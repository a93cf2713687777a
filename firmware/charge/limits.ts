// What charge control works with: settings, its memory, the three limits with their reasons, and the history of those.
// charge/control.ts makes the limits each second.
import * as memory from "./memory";
import { SETTINGS } from "./settings";

/** Reasons in the order of severity; their names are in tables/states.ts. */
export const FRESH = 1,
  USER = 2,
  BMS_MAX = 3,
  CELL_HIGH = 4,
  CELL_LOW = 5,
  COLD = 6,
  HOT = 7,
  INTERNAL_HOT = 8,
  IMBALANCE = 9,
  SUSTAINED = 10,
  RECOVERING = 11,
  CHARGE_BLOCKED = 12,
  DISCHARGE_BLOCKED = 13,
  CONFIG = 14,
  EXTERNAL = 15,
  LATE = 16,
  GONE = 17,
  MUTE = 18;

/** Tables of factors, in the order in which they stand in `tables`. */
export const BY_TOP = 0,
  BY_BOTTOM = 1,
  CHARGE_BY_TEMPERATURE = 2,
  DISCHARGE_BY_TEMPERATURE = 3,
  BY_INTERNAL = 4,
  BY_SOC = 5,
  TABLES = 6;

/** Changes of the reasons that are remembered. */
export const HISTORY = 20;

export interface Limits {
  /** What the user set and what follows from it and from the battery's own settings: charge/settings.ts. */
  settings: Float64Array;
  /** What charge control remembers from step to step: charge/memory.ts. */
  state: Float64Array;
  /**
   * Factors as points (x, 10000 x factor), linear between them, constant outside; before the points the place of each
   * table's first one. Each has a point far below and one far above. x: mV from register 300 (BY_TOP) or 301
   * (BY_BOTTOM), 0.1 degC, 0.1 %.
   */
  tables: Int16Array;
  /** The settings fit the battery; without that nothing is sent. */
  valid: boolean;
  /**
   * Something was looked at between two steps (narrow.cold.ts), or settings have changed: what is watched
   * follows at the next step.
   */
  looked: boolean;
  /** Number of cells of the last good settings. */
  cells: number;
  /**
   * When the last step began, and when the last one came to its end with all that follows from it each second (ms):
   * what throws there leaves old limits, alarms and modules behind (charge/late.cold.ts).
   */
  at: number;
  doneAt: number;
  /** The most severe reason of the three limits, the charge current before the discharge current before the voltage. */
  reason: number;
  /**
   * A ring: minutes since boot (17 bits, they begin again after 91 days), reasons of CVL, of CCL, of DCL (5 bits each).
   */
  history: Uint32Array;
}

export function limitsOf(): Limits {
  // Tables of currents over cell voltages, SoC and temperatures; those of cells lie at offsets from 300 and 301.
  const tables = new Int16Array([
    6, 20, 32, 52, 72, 82, -32768, 10000, -100, 10000, -70, 5000, -50, 2000, -20, 500, 0, 0, 32767, 0, -32768, 0, 0, 0,
    50, 2000, 100, 5000, 200, 10000, 32767, 10000, -32768, 0, 0, 0, 20, 2500, 50, 5000, 100, 10000, 400, 10000, 450,
    5000, 500, 2500, 550, 0, 32767, 0, -32768, 0, -200, 0, -100, 3000, 0, 7000, 50, 10000, 450, 10000, 500, 5000, 550,
    2500, 600, 0, 32767, 0, -32768, 10000, 700, 10000, 800, 2500, 900, 0, 32767, 0, -32768, 10000, 850, 10000, 900,
    5000, 950, 2000, 980, 1000, 32767, 1000,
  ]);
  const limits = {
    settings: new Float64Array(SETTINGS),
    state: new Float64Array(memory.STATE),
    tables: tables,
    valid: false,
    looked: false,
    cells: 0,
    at: 0,
    doneAt: 0,
    reason: 0,
    history: new Uint32Array(HISTORY),
  };
  limits.state.fill(NaN, 0, memory.state);
  limits.state.fill(NaN, memory.UNKNOWN);
  limits.state[memory.state] = memory.BULK;
  limits.state[memory.sinceLow] = memory.LONG;
  return limits;
}
