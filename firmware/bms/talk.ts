// A conversation with the TinyBMS beside the polls, one exchange in each gap behind a fast poll: a type, and when it is
// over.
import type { Exchange } from "./poller";
import type { SettingsTalk } from "./settings";

/**
 * Settings that are written go on as long as one exchange follows the other: given up on the way, or on the way back,
 * they would be changed in part. When none ended for so long nobody answers, ms.
 */
export const STALL_MS = 40000;

export interface Talk {
  /** What the poller awaits while it is this conversation's turn; `request` is what was sent last. */
  exchange: Exchange;
  /** Settings that are read or written; null: one exchange, and that is all. */
  settings: SettingsTalk | null;
  /** Requests that follow the first one when it was answered; their data bytes become one. */
  more: string[];
  /** "" while it goes on, else an outcome of the receiver; with "ok" the data bytes, with "nack" the ERR byte. */
  outcome: string;
  payload: string;
  error: number;
  /** It is given up at this time (ms). */
  until: number;
  /** Who is to look (at once, when `at` is 0) at the outcome. */
  owner: { at: number };
}
