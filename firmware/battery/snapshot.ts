// The snapshot: where the bytes of the UART become values, and the only place where tasks meet. One Float64Array, one
// slot for each row of the table that is kept; unknown or stale is NaN.
import type { Faults } from "./faults";
import * as r from "./registers.baked";

/** Phases, in the order of the enum that everybody shows. */
export const BOOT = 0, NORMAL = 1, DEGRADED = 2, LOST = 3, SILENT = 4;

export interface Snapshot {
  values: Float64Array;
  phase: number;
  /** When each group was last accepted (ms), -1 for never. */
  fastAt: number; cellsAt: number; settingsAt: number;
  /** Accepted fast polls since boot, and replies dropped because they were implausible. */
  seq: number; dropped: number;
  /** Complete snapshots in a row, up to what ends a loss. */
  good: number;
  /** Number of cells and first cell register in use; 0 while unknown. */
  cells: number; firstCell: number;
  /** The cells were found at the other end of the registers than the setting says. */
  cellsMoved: boolean;
  /** Settings bms.cell_order = low, bms.expected_cells. */
  lowOrder: boolean; expectedCells: number;
  /** Highest and lowest cell of both the fast group and the cell registers, and their sum, in mV. */
  highest: number; lowest: number; sum: number;
  /** Registers 504..509 as 24 hex digits, "" while unknown. */
  serial: string;
  /** Places of the extremes, and the modules, as battery/second.ts derived them last. */
  derived: number;
  /** Faults and warnings of the TinyBMS that are active. */
  faults: Faults;
}

export function snapshotOf(): Snapshot {
  return {
    values: new Float64Array(r.SLOTS).fill(NaN), phase: BOOT, fastAt: -1, cellsAt: -1, settingsAt: -1, seq: 0, dropped: 0,
    good: 0, cells: 0, firstCell: 0, cellsMoved: false, lowOrder: false, expectedCells: 0, highest: NaN, lowest: NaN, sum: NaN,
    serial: "", derived: 0, faults: { low: 0, high: 0, at: -1 },
  };
}

const fast = new Float64Array(r.FAST_SLOTS);

/** Take the fast group (registers 36..52) if all of it is plausible; false, and counted, when not. */
export function acceptFast(snapshot: Snapshot, words: Uint16Array, now: number): boolean {
  const v = snapshot.values;
  const current = r.decodeFast(words, fast) ? Math.abs(fast[r.packCurrent]) : NaN;
  const cutoff = Math.max(v[r.dischargeOverCurrentCutoff], v[r.chargeOverCurrentCutoff]);
  if (!(current <= (cutoff > 0 ? cutoff * 1.5 : 1125)) || fast[r.minCellVoltage] > fast[r.maxCellVoltage]) {
    snapshot.dropped++;
    snapshot.good = 0;
    return false;
  }
  v.set(fast, 0);
  snapshot.fastAt = now;
  snapshot.seq++;
  // Power, spread, and the temperatures of the connected sensors (else the internal one).
  let a = v[r.externalTemp1], b = v[r.externalTemp2];
  if (isNaN(a)) a = b;
  if (isNaN(b)) b = a;
  if (isNaN(a)) a = b = v[r.internalTemp];
  v[r.minTemperature] = a < b ? a : b;
  v[r.maxTemperature] = a < b ? b : a;
  v[r.batteryTemperature] = (a + b) / 2;
  v[r.packPower] = v[r.packVoltage] * v[r.packCurrent];
  v[r.cellSpread] = v[r.maxCellVoltage] - v[r.minCellVoltage];
  return true;
}
