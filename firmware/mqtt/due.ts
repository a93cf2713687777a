// Which register message is due: moved by more than its deadband and older than the shortest period, or not sent for a
// minute. One pass looks at a few rows only, so that the whole table costs a little of each step.
import { deadband, ROWS } from "./rows.baked";

/** A message is repeated after this many seconds even when nothing changed. */
const REFRESH_S = 60;

export interface Due {
  row: number;
  /** What was sent last of each row, and when (s). */
  values: Float32Array;
  times: Uint16Array;
  /** Shortest period, s. */
  shortest: number;
}

export function dueOf(): Due {
  return { row: 0, values: new Float32Array(ROWS), times: new Uint16Array(ROWS), shortest: 1 };
}

/** The next row to send among the next `look` rows, -1 when none is due; it then counts as sent. Never at time 0. */
export function nextDue(due: Due, values: Float64Array, now: number, look: number): number {
  const seconds = (now / 1000 | 0) % 65535 + 1;
  for (; look > 0; look--) {
    const row = due.row, value = values[row], was = due.values[row], time = due.times[row], age = (seconds - time + 65535) % 65535;
    due.row = row + 1 < ROWS ? row + 1 : 0;
    if (time && age < due.shortest) continue;
    if (!time || age >= REFRESH_S || (isNaN(value) ? !isNaN(was) : !(Math.abs(value - was) * 1000 <= deadband[row]))) {
      due.values[row] = value;
      due.times[row] = seconds;
      return row;
    }
  }
  return -1;
}
