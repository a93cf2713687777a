// The snapshot: where the bytes of the UART become values, and the only place where tasks meet. One Float64Array, one
// slot for each row of the table that is kept; unknown or stale is NaN.
import type { Faults } from "./faults";
import * as r from "./registers.baked";

/** Phases, in the order of the enum that everybody shows. */
export const BOOT = 0, NORMAL = 1, DEGRADED = 2, LOST = 3, SILENT = 4;

/** 1.5 times 750 A, the largest cutoff a unit has. */
export const MOST_CURRENT_A = 1125;

export interface Snapshot {
  values: Float64Array;
  phase: number;
  /** Largest plausible current (A): 1.5 times the larger over-current cutoff, of the largest unit while that is unknown. */
  mostCurrent: number;
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
  /** Setting can.ride_through_min (ms), the range of all cells (mV) in which it counts, and whether it does for what is old now. */
  rideMs: number; rideBelow: number; rideAbove: number; rides: boolean;
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
    values: new Float64Array(r.SLOTS).fill(NaN), phase: BOOT, mostCurrent: MOST_CURRENT_A,
    fastAt: -1, cellsAt: -1, settingsAt: -1, seq: 0, dropped: 0,
    good: 0, cells: 0, firstCell: 0, cellsMoved: false, lowOrder: false, expectedCells: 0,
    rideMs: 0, rideBelow: 0, rideAbove: 0, rides: false, highest: NaN, lowest: NaN, sum: NaN,
    serial: "", derived: 0, faults: { low: 0, high: 0, fresh: false, at: -1 },
  };
}

/** Take the fast group (registers 36..52) if all of it is plausible; false, and counted, when not. */
export function acceptFast(snapshot: Snapshot, words: Uint16Array, now: number): boolean {
  if (!r.decodeFast(words, snapshot.values, snapshot.mostCurrent)) {
    snapshot.dropped++;
    snapshot.good = 0;
    return false;
  }
  snapshot.fastAt = now;
  snapshot.seq++;
  return true;
}
