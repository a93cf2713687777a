// How old a value may be before it counts no longer.

/** Older than this is shown as stale: a device tells its state once a second. */
export const STALE_MS = 15_000;
/** Silent for longer is a gap of the history. */
export const SILENT_MS = 90_000;

export type Age = "fresh" | "stale" | "silent";

/** `at` in ms; null: never told. */
export function ageOf(at: number | null, now: number): Age {
  if (at === null || now - at > SILENT_MS) return "silent";
  return now - at > STALE_MS ? "stale" : "fresh";
}
