// What became of a frame on the on-chip controller that was not plainly sent.
import type { Twai } from "./can-twai";
import { recoverTwai } from "./can-twai-parts";

const BASE = 0x3ff6b000, COMMAND = BASE + 4;
/** Arbitration with error capture: reading clears them, and there a load is never repeated (errata CPU-3.16, 3.18). */
const CAPTURE = 0x6002b02c;
/** Status bits: transmit buffer free, last transmission complete, transmitting, bus-off. */
const FREE = 4, COMPLETE = 8, SENDING = 0x20, BUS_OFF = 0x80;
/** Flag: arbitration lost. Error capture: while receiving. */
const LOST = 0x40, RECEIVING = 0x20;
/** Commands: transmit once without retry, abort. */
const SEND_ONCE = 3, ABORT = 2;
/** A transmission that takes this long (ms) found no free bus. The id whose lost arbitration is tried once more, within this time. */
const STUCK_MS = 50, LIMITS_ID = 0x351, RETRY_MS = 20;

/** Looks at the outcome; `given` is what `seen` says of a frame that lost its arbitration for good. TCS alone is not trusted: an attempt
 *  that was given up may set it too. */
export function judgeTwai(twai: Twai, now: number, status: number, flags: number, given: number): void {
  if (status & BUS_OFF) return recoverTwai(twai, now);
  if (!(status & FREE)) {
    if (now - twai.flyingSince < STUCK_MS) return;
    poke32(COMMAND, ABORT);
    twai.errors++;
  } else {
    const capture = peek32(CAPTURE, 2); // both captures are armed anew
    if (flags & LOST && twai.flying === LIMITS_ID && now - twai.flyingSince <= RETRY_MS) {
      twai.flyingSince -= 2 * RETRY_MS; // not again
      poke32(COMMAND, SEND_ONCE);
      return;
    }
    if (status & COMPLETE && !(status & SENDING) && !(flags & LOST) && capture[1] & RECEIVING) { // the error was another frame's
      twai.tx++;
      twai.ackAt = now;
    } else {
      twai.errors++;
      if (flags & LOST) {
        twai.lost = twai.flying;
        twai.seen |= given;
      }
      if (peek32(BASE) & 1) return recoverTwai(twai, now); // in reset mode by itself
    }
  }
  twai.flying = 0;
}
