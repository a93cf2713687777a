// When commands come next.
import type { Commands } from "./command-state";

/** The next step of commands is not later than `time`. */
export function remind(own: Commands, time: number): void {
  if (own.at > time) own.at = time;
}
