// Which register message is due: moved by more than its deadband, or not sent for a minute. A pass looks at a few rows
// a step and begins anew after the shortest period, so that the whole table costs a little of each step.
import { deadband, live, ROWS } from "./rows.baked";

/** Each row is sent this often even when nothing changed, in turn. */
const REFRESH_MS = 60000 / ROWS;

export interface Due {
  /** The row that is looked at next, and when the present pass began. */
  row: number;
  passAt: number;
  /** Nothing to say while a value is between these; NaN: it is known to be unknown; low above high: send it. */
  low: Float32Array;
  high: Float32Array;
  /** Shortest period, ms. */
  shortest: number;
  /** When each live row was sent last (ms), after a connection what lets them begin with the others. */
  liveAt: Float64Array;
  /** The row that is sent again next, and when. */
  refresh: number;
  refreshAt: number;
}

export function dueOf(): Due {
  return {
    row: 0,
    passAt: 0,
    low: new Float32Array(ROWS).fill(Infinity),
    high: new Float32Array(ROWS),
    shortest: 1000,
    liveAt: new Float64Array(live.length).fill(-Infinity),
    refresh: 0,
    refreshAt: 0,
  };
}

/** Begin a pass when it is time; false while there is nothing to look at. */
export function passBegins(due: Due, now: number): boolean {
  if (now >= due.refreshAt) {
    due.refreshAt = due.refreshAt + REFRESH_MS > now ? due.refreshAt + REFRESH_MS : now + REFRESH_MS;
    due.low[due.refresh] = Infinity;
    due.refresh = due.refresh < ROWS - 1 ? due.refresh + 1 : 0;
  }
  if (due.row === 0) {
    if (now - due.passAt < due.shortest) return false;
    due.passAt = now;
  }
  return true;
}

/** The next row to send before row `end`, -1 when none is due; it then counts as sent. Live rows only while unknown. */
export function nextDue(due: Due, values: Float64Array, end: number): number {
  const low = due.low,
    high = due.high;
  let row = due.row;
  for (const value of values.subarray(row, end)) {
    if (
      (value >= low[row] && value <= high[row]) ||
      (value !== value && low[row] !== low[row]) ||
      (value === value && live.indexOf(row) >= 0)
    ) {
      row++;
      continue;
    }
    low[row] = value - deadband[row];
    high[row] = value + deadband[row];
    due.row = row < ROWS - 1 ? row + 1 : 0;
    return row;
  }
  due.row = row < ROWS ? row : 0;
  return -1;
}

/**
 * The live rows that a new sample makes due, a bit each: moved by more than their deadband, and not sent within the
 * shortest period; all of them when there is none. They then count as sent.
 */
export function liveDue(due: Due, values: Float64Array, now: number): number {
  const low = due.low,
    high = due.high;
  let place = 0,
    bits = 0;
  for (const row of live) {
    const value = values[row];
    if (
      !due.shortest ||
      (!(value >= low[row] && value <= high[row]) && value === value && now - due.liveAt[place] >= due.shortest)
    ) {
      low[row] = value - deadband[row];
      high[row] = value + deadband[row];
      due.liveAt[place] = now;
      bits |= 1 << place;
    }
    place++;
  }
  return bits;
}
