// What is kept of the time of day between two requests.
import type { Question } from "../kernel/ports";

export interface Clock {
  /** When something is to be done next, ms. 0: ask the time server now. */
  at: number;
  /** s since 1970 at boot; 0: the time of day is not known. */
  epoch: number;
  /** Local time (setting time.zone): s east of UTC now, and when to look at that again, ms. */
  east: number;
  eastUntil: number;
  /**
   * Answers that counted, when the last one came (ms), failures, how many since the last answer, and why the last one.
   */
  syncs: number;
  syncedAt: number;
  failures: number;
  failed: number;
  error: string;
  /** The request under way: its token, when it left (ms), its socket (null: the server's name is looked up). */
  request: TimeRequest | null;
}

export interface TimeRequest {
  token: string;
  askedAt: number;
  question: Question | null;
}
