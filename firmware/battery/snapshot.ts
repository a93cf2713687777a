// The snapshot: where the bytes of the UART become values, and the only place where tasks meet. One Float64Array, one
// slot for each row of the table that is kept; unknown or stale is NaN.

import * as slot from "./registers.baked";
import { EXTERNAL_TEMP_1_WORD, EXTERNAL_TEMP_2_WORD } from "./words.baked";

/** Phases, in the order of the enum that everybody shows. */
export const BOOT = 0,
  NORMAL = 1,
  DEGRADED = 2,
  LOST = 3,
  SILENT = 4;

/** Age at which data is degraded, ms. */
export const DEGRADED_MS = 5000;
/** Age at which it is lost, ms. */
export const LOST_MS = 15000;
/** Age at which it is no longer worth a frame, ms. */
export const SILENT_MS = 75000;

/** 1.5 times 750 A, the largest cutoff a unit has. */
export const MOST_CURRENT_A = 1125;

/**
 * What is watched, by its place in `watched`: registers 41 and 40, coldest and hottest sensor, the BMS itself; the
 * highest cell register; and the word of a sensor that is absent, when both being absent is news.
 */
export const TOP = 0,
  BOTTOM = 1,
  COLDEST = 2,
  HOTTEST = 3,
  INTERNAL = 4,
  TOP_CELL = 5,
  NO_SENSOR = 6,
  WATCHED = 7;
/** Temperature word of a sensor that is absent (Enepaq Rev D, registers 42 and 43). */
export const ABSENT_WORD = 32768;

export interface Snapshot {
  values: Float64Array;
  phase: number;
  /**
   * Largest plausible current (A): 1.5 times the larger over-current cutoff, of the largest unit while that is unknown.
   */
  mostCurrent: number;
  /** When each group was last accepted (ms), -1 for never. */
  fastAt: number;
  cellsAt: number;
  settingsAt: number;
  /** Accepted fast polls since boot, and replies dropped because they were implausible. */
  seq: number;
  dropped: number;
  /** Complete snapshots in a row, up to what ends a loss. */
  good: number;
  /** Number of cells and first cell register in use; 0 while unknown. */
  cells: number;
  firstCell: number;
  /** The cells were found at the other end of the registers than the setting says. */
  cellsMoved: boolean;
  /** Settings bms.cell_order = low, bms.expected_cells. */
  lowOrder: boolean;
  expectedCells: number;
  /**
   * Setting can.ride_through_min (ms), the range of all cells (mV) in which it counts, and whether it does for what is
   * old now.
   */
  rideMs: number;
  rideBelow: number;
  rideAbove: number;
  rides: boolean;
  /** Highest and lowest cell of whatever is fresh: registers 40 and 41, and the cell registers; mV. */
  highest: number;
  lowest: number;
  /**
   * Beyond these values a limit may have to fall at once (places below), and something was beyond them since somebody
   * last looked.
   */
  watched: Float64Array;
  isWorse: boolean;
  /** Of the cell registers alone, as long as they are fresh: highest, lowest, sum; mV. */
  topCell: number;
  bottomCell: number;
  sum: number;
  /** Registers 504..509 as 24 hex digits, "" while unknown. */
  serial: string;
  /** Places of the extremes, and the modules, as battery/derived.ts derived them last. */
  derived: number;
  /** Faults and warnings of the TinyBMS that are active. */
  faults: Faults;
}

export function snapshotOf(): Snapshot {
  return {
    values: new Float64Array(slot.SLOTS).fill(NaN),
    phase: BOOT,
    mostCurrent: MOST_CURRENT_A,
    fastAt: -1,
    cellsAt: -1,
    settingsAt: -1,
    seq: 0,
    dropped: 0,
    good: 0,
    cells: 0,
    firstCell: 0,
    cellsMoved: false,
    lowOrder: false,
    expectedCells: 0,
    rideMs: 0,
    rideBelow: 0,
    rideAbove: 0,
    rides: false,
    highest: NaN,
    lowest: NaN,
    watched: new Float64Array(WATCHED).fill(NaN),
    isWorse: false,
    topCell: NaN,
    bottomCell: NaN,
    sum: NaN,
    serial: "",
    derived: 0,
    faults: { low: 0, high: 0, fresh: false, at: -1, askedAt: NaN },
  };
}

/** Take the fast group (registers 36..52) if all of it is plausible; false, and counted, when not. */
export function acceptFast(snapshot: Snapshot, words: Uint16Array, now: number): boolean {
  if (!slot.decodeFast(words, snapshot.values, snapshot.mostCurrent)) {
    snapshot.dropped++;
    snapshot.good = 0;
    return false;
  }
  const v = snapshot.values,
    top = v[slot.maxCellVoltage],
    bottom = v[slot.minCellVoltage],
    watched = snapshot.watched;
  snapshot.highest = snapshot.topCell > top ? snapshot.topCell : top;
  snapshot.lowest = snapshot.bottomCell < bottom ? snapshot.bottomCell : bottom;
  if (
    top > watched[TOP] ||
    bottom < watched[BOTTOM] ||
    v[slot.minTemperature] < watched[COLDEST] ||
    v[slot.maxTemperature] > watched[HOTTEST] ||
    v[slot.internalTemp] > watched[INTERNAL] ||
    (words[EXTERNAL_TEMP_1_WORD] === watched[NO_SENSOR] && words[EXTERNAL_TEMP_2_WORD] === ABSENT_WORD)
  )
    snapshot.isWorse = true;
  snapshot.fastAt = now;
  snapshot.seq++;
  return true;
}

// The TinyBMS's faults and warnings that are active: the meeting point of the event log (which sets and clears them),
// the alarms and the charge control (which act on them). Ids: TinyBMS Rev D, 3.3 (0x02..0x0F faults, 0x31..0x39
// warnings).

export interface Faults {
  /**
   * One bit an id: 0x00..0x1F in `low`, 0x20..0x3F in `high`. The reader of the event log sets a bit at the event and
   * clears it at the recovery event of the id (TinyBMS Rev D, 3.3) or at 0x61 (restart), replaying the log in time
   * order at boot. The alarms clear it too, when the recovery event was missed (tables/alarms.ts, column `lasting`).
   */
  low: number;
  high: number;
  /** One of them is new: the alarms end none before they have seen it for a while. */
  fresh: boolean;
  /** When the event log was last read (ms), -1 never: until then what only an event can raise is not supported. */
  at: number;
  /** When a new status asked for the events (ms), NaN when they have been told since. */
  askedAt: number;
}
