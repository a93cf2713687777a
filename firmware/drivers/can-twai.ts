// The ESP32's on-chip CAN controller (TWAI) by register access: sending, receiving and a look at its state. There is no
// way to its interrupt from JavaScript, so it is polled. Register map: ESP32 TWAI, PeliCAN layout (SJA1000). Of a
// received frame only the identifier counts, so that data shifted by erratum TWAI-3.13.5 does no harm.
import { NEVER } from "../kernel/time";
import type { CanPort } from "../kernel/ports";
import { judgeTwai, recoverTwai, twaiHealth } from "./can-twai.cold";
import {
  BUS_OFF,
  COMMAND,
  COMPLETE,
  FREE,
  LOST,
  QUEUE_DEAD,
  RELEASE,
  SEND_ONCE,
  SENDING,
  STATUS,
  WINDOW,
} from "./twai";

/**
 * Status with the flags behind it, at their other address: reading clears them, and there a load is never repeated
 * (errata CPU-3.16, 3.18).
 */
const OUTCOME = 0x6002b008;
/** Status bit: the receive buffer holds a frame. */
const RECEIVED = 1;
/** Status bit: overrun. */
const OVERRUN = 2;
/** Flag: bus error. */
const BROKEN = 0x80;
/** Beside the status as read: a frame lost arbitration for good. */
const GIVEN_UP = 0x100;
/** Messages in the receive queue up to which none was written over. */
const QUEUE_SAFE = 4;
/** The natives under names of the image: by their own they are found last, behind all of those. */
const peek = peek32,
  poke = poke32;

export interface Twai extends CanPort {
  /** Status as read last; 0 while nothing can be done. */
  seen: number;
  /**
   * Id of the frame in flight (0: none, -1: the controller is off the bus), when it was started (earlier when it was
   * tried again).
   */
  flying: number;
  flyingSince: number;
  listenOnly: boolean;
  /**
   * Bus-off: tries so far without a frame sent, when the next step of the recovery is due, or was (ms), and its stage.
   */
  recoveries: number;
  recoverAt: number;
  stage: number;
}

/** The controller. Before `startTwai` it is off the bus for good. */
export const twai: Twai = {
  tend: function (now) {
    const t = twai;
    if (t.flying > 0) {
      const look = peek(OUTCOME, 2),
        status = (t.seen = look[0]);
      if ((status & (BUS_OFF | SENDING | COMPLETE | FREE)) === (COMPLETE | FREE) && !(look[1] & (LOST | BROKEN))) {
        t.tx++;
        t.ackAt = now;
        t.flying = 0;
      } else {
        judgeTwai(t, now, status, look[1], GIVEN_UP);
      }
    } else if (!t.flying) {
      if ((t.seen = peek(STATUS)) & BUS_OFF) recoverTwai(t, now);
    } else if (now >= t.recoverAt) {
      recoverTwai(t, now);
    }
    return t.seen & (RECEIVED | OVERRUN | GIVEN_UP);
  },
  seen: 0,
  flying: -1,
  send: function (id, bytes, now) {
    const t = twai;
    if (!(t.seen & FREE) || t.listenOnly || t.flying) return false;
    poke(WINDOW, [bytes.length, id >> 3, (id & 7) << 5]);
    poke(WINDOW + 12, bytes);
    poke(COMMAND, SEND_ONCE);
    t.flying = id;
    t.flyingSince = now;
    return true;
  },
  tx: 0,
  ackAt: 0,
  receive: function () {
    const t = twai;
    if (!(t.seen & (RECEIVED | OVERRUN))) return 0;
    const frame = peek(WINDOW, 14),
      id = (frame[1] << 3) | (frame[2] >> 5),
      waiting = frame[13];
    const wanted = !(frame[0] & 0xc0) && (id | 2) === 0x307; // the filter lets extended and remote frames through too
    if (t.seen & OVERRUN || waiting >= QUEUE_DEAD || (!wanted && waiting > QUEUE_SAFE)) {
      recoverTwai(t, -1);
      return 0;
    }
    poke(COMMAND, RELEASE);
    t.seen = peek(STATUS);
    if (!wanted) return 0;
    t.rx++;
    return id;
  },
  rx: 0,
  lost: 0,
  flyingSince: 0,
  listenOnly: false,
  errors: 0,
  busOff: 0,
  recoveries: 0,
  recoverAt: NEVER,
  stage: 0,
  health: twaiHealth,
};
