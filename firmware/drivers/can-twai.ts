// The ESP32's on-chip CAN controller (TWAI) by register access: sending, receiving and a look at its state. There is no
// way to its interrupt from JavaScript, so it is polled. Register map: ESP32 TWAI, PeliCAN layout (SJA1000).
import type { CanPort } from "../kernel/ports";
import { recoverTwai } from "./can-twai-start.cold";

const BASE = 0x3ff6b000, COMMAND = BASE + 4, STATUS = BASE + 8, WINDOW = BASE + 0x40;
/** Status bits: receive buffer holds a frame, overrun, transmit buffer free, last transmission complete, bus-off. */
const RECEIVED = 1, OVERRUN = 2, FREE = 4, COMPLETE = 8, BUS_OFF = 0x80;
/** Commands: transmit once without retry, abort, release the receive buffer. One a write, never read back. */
const SEND_ONCE = 3, ABORT = 2, RELEASE = 4;
/** A transmission that takes this long (ms) found no free bus. The id whose lost arbitration is tried once more. */
const STUCK_MS = 50, LIMITS_ID = 0x351;

export interface Twai extends CanPort {
  listenOnly: boolean;
  /** Id of the frame in flight (0: none), when it was started, and whether it was tried again. */
  flying: number; flyingSince: number; again: boolean;
  /** Bus-off: tries so far, when the next step of the recovery is due (ms, 0: on the bus), and its stage. */
  recoveries: number; recoverAt: number; stage: number;
}

/** The controller. Before `startTwai` it is off the bus for good. */
export const twai: Twai = {
  tx: 0, rx: 0, errors: 0, busOff: 0, ackAt: 0, listenOnly: false, flying: 0, flyingSince: 0, again: false, recoveries: 0, recoverAt: 1e15, stage: 0,
  send: function (id, bytes, now) {
    if (twai.listenOnly || twai.flying || twai.recoverAt || !(peek32(STATUS) & FREE)) return false;
    poke32(WINDOW, [bytes.length, id >> 3, (id & 7) << 5]);
    poke32(WINDOW + 12, bytes);
    poke32(COMMAND, SEND_ONCE);
    twai.flying = id;
    twai.flyingSince = now;
    twai.again = false;
    return true;
  },
  tend: function (now) {
    if (twai.recoverAt) {
      if (now >= twai.recoverAt) recoverTwai(twai, now);
      return;
    }
    const status = peek32(STATUS);
    if (status & BUS_OFF) {
      recoverTwai(twai, now);
    } else if (twai.flying) { // what became of it; an abort completes a frame too, so it is judged before it
      if (!(status & FREE)) {
        if (now - twai.flyingSince < STUCK_MS) return;
        poke32(COMMAND, ABORT);
        twai.errors++;
      } else if (status & COMPLETE) {
        twai.tx++;
        twai.ackAt = now;
        twai.recoveries = 0;
      } else if (twai.flying === LIMITS_ID && !twai.again) {
        twai.again = true;
        poke32(COMMAND, SEND_ONCE);
        return;
      } else {
        twai.errors++;
      }
      twai.flying = 0;
    }
  },
  receive: function () {
    const status = peek32(STATUS);
    if (status & OVERRUN) {
      recoverTwai(twai, -1);
    } else if (status & RECEIVED) {
      const frame = peek32(WINDOW, 3), id = frame[1] << 3 | frame[2] >> 5;
      poke32(COMMAND, RELEASE);
      twai.rx++;
      if (!(frame[0] & 0xc0) && (id | 2) === 0x307) return id;
      recoverTwai(twai, -1); // the filter lets nothing else through: the queue is dead
    }
    return 0;
  },
};
