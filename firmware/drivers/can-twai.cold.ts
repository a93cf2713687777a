// Bringing the on-chip CAN controller up, and back after bus-off. ESP32 Technical Reference Manual, TWAI; errata
// TWAI-3.13.1 (receive error counter) and 3.13.3 (first frame after recovery).

import type { CanHealth } from "../kernel/ports";
import { LIMITS_ID, RETRY_MS, STUCK_MS } from "./can";
import type { Twai } from "./can-twai";
import {
  BASE,
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
import { canRx, canTx } from "board";

const MODE = BASE,
  ENABLE = BASE + 0x10,
  TIMING = BASE + 0x18,
  WARNING = BASE + 0x34;
const RX_ERRORS = BASE + 0x38,
  TX_ERRORS = BASE + 0x3c,
  FILTER = WINDOW,
  COUNT = BASE + 0x74,
  DIVIDER = BASE + 0x7c;
/**
 * Interrupt flags, and arbitration and error capture, at the address where reading them is safe (errata CPU-3.16,
 * 3.18).
 */
const FLAGS = 0x6002b00c,
  CAPTURE = 0x6002b02c;
/** Flags that are latched for `tend`: arbitration lost, bus error. No interrupt comes of them. */
const LATCHED = 0xc0;
const CLOCK = 0x3ff000c0,
  RESET = 0x3ff000c4,
  GATE = 0x80000;
const OUTPUT_SELECT = 0x3ff44530,
  INPUT_SELECT = 0x3ff442a8,
  TX_SIGNAL = 0x7b,
  THROUGH_MATRIX = 0x80;
/** Mode bits: reset, listen only, self-test, one filter; the last is kept in each write. */
const RM = 1,
  LOM = 2,
  STM = 4,
  AFM = 8;
/** Command: clear the overrun. */
const CLEAR_OVERRUN = 8;
/** Command: send to oneself once. */
const SEND_TO_SELF = 0x12;
/** Clock divider register: PeliCAN layout, no clock output. */
const PELICAN = 0x88;
/** BTR0 by bit rate, BTR1 0x3E: 20 quanta, sampled at 80 %. */
const PRESCALER: Record<number, number> = { 125: 0x8f, 250: 0x87, 500: 0x83, 1000: 0x81 };
const SEGMENTS = 0x3e;
/** Code and mask that take exactly 0x305 and 0x307. */
const CODE = [0x60, 0xa0, 0, 0],
  MASK = [0, 0x5f, 0xff, 0xff];
/** Waits before coming back from bus-off, ms; and for the 128 x 11 bits of the recovery itself. */
const BACK_OFF = [1000, 2000, 5000, 10000],
  RECOVERY_MS = 50,
  GIVE_UP_MS = 2000;

function route(tx: number, rx: number): void {
  digitalWrite(tx, 1);
  pinMode(tx, "output");
  pinMode(rx, "input_pullup");
  poke32(INPUT_SELECT, THROUGH_MATRIX | rx);
  poke32(OUTPUT_SELECT + 4 * tx, TX_SIGNAL); // from here on the pin functions must leave the pin alone
}

/** Clock, reset pulse, pins, timing, filter, operating mode. False when the controller does not answer. */
export function startTwai(twai: Twai, settings: Record<string, unknown>): boolean {
  const prescaler = PRESCALER[settings["rate"] as number],
    listenOnly = settings["listen_only"] as boolean;
  if (!prescaler) return false;
  poke32(CLOCK, peek32(CLOCK) | GATE);
  poke32(RESET, peek32(RESET) | GATE);
  poke32(RESET, peek32(RESET) & ~GATE);
  route(canTx, canRx);
  poke32(MODE, RM);
  if (!(peek32(MODE) & RM)) return false;
  poke32(DIVIDER, PELICAN);
  poke32(MODE, RM | LOM | AFM);
  poke32(ENABLE, LATCHED);
  poke32(TIMING, [prescaler, SEGMENTS]);
  poke32(FILTER, CODE.concat(MASK));
  poke32(WARNING, 96);
  poke32(TX_ERRORS, 0);
  poke32(RX_ERRORS, listenOnly ? 128 : 0);
  peek32(FLAGS);
  peek32(CAPTURE, 2);
  const timing = peek32(TIMING, 2);
  poke32(MODE, listenOnly ? LOM | AFM : AFM);
  if (timing[0] !== prescaler || timing[1] !== SEGMENTS || peek32(MODE) & RM) return false;
  twai.listenOnly = listenOnly;
  twai.recoverAt = twai.stage = twai.flying = twai.seen = 0;
  return true;
}

/**
 * After an overrun the window cannot be trusted: everything is released. A full queue only wakes by a reset (erratum
 * 3.13.11).
 */
function emptyQueue(twai: Twai): void {
  const mode = twai.listenOnly ? LOM | AFM : AFM;
  let left = peek32(COUNT);
  if (left >= QUEUE_DEAD) {
    twai.seen = 0; // till the next look
    if (twai.flying) return; // a reset would cut it: it is soon over
    poke32(MODE, RM | mode);
    left = peek32(COUNT);
    if (left) startTwai(twai, { "rate": 2000 / ((peek32(TIMING, 2)[0] & 63) + 1), "listen_only": twai.listenOnly });
    else poke32(MODE, mode);
    left = 0;
  }
  for (let most = 2 * QUEUE_DEAD; left > 0 && most > 0; most--) {
    poke32(COMMAND, RELEASE);
    left = peek32(COUNT);
  }
  poke32(COMMAND, CLEAR_OVERRUN);
  twai.seen = peek32(STATUS);
  twai.errors++;
}

/**
 * Out of an overrun (`now` below 0), or one step of the way back from bus-off: freeze, wait, let the controller count
 * free bits, clear, go on.
 */
export function recoverTwai(twai: Twai, now: number): void {
  if (now < 0) {
    emptyQueue(twai);
  } else if (twai.stage === 0) {
    if (twai.flying >= 0) twai.busOff++;
    if (twai.ackAt > twai.recoverAt) twai.recoveries = 0;
    twai.flying = -1;
    twai.seen = 0;
    poke32(MODE, RM | LOM | AFM);
    poke32(TX_ERRORS, 0);
    poke32(TX_ERRORS, 255); // bus-off anew, with the receive counter at 0
    peek32(FLAGS);
    twai.recoverAt = now + BACK_OFF[Math.min(twai.recoveries, 3)];
    twai.recoveries++;
    twai.stage = 1;
  } else if (twai.stage === 1) {
    poke32(MODE, LOM | AFM);
    twai.recoverAt = now + RECOVERY_MS;
    twai.stage = 2;
  } else if (peek32(STATUS) & 0x80) {
    twai.recoverAt = now + RECOVERY_MS;
    twai.stage++;
    if (twai.stage * RECOVERY_MS > GIVE_UP_MS) twai.stage = 0;
  } else {
    poke32(MODE, RM | AFM);
    poke32(TX_ERRORS, 0);
    poke32(RX_ERRORS, 0);
    peek32(FLAGS);
    peek32(CAPTURE, 2);
    poke32(MODE, AFM);
    twai.stage = twai.flying = 0;
  }
}

/** Error counters, and the state that follows from them. */
export function twaiHealth(): CanHealth {
  const status = peek32(STATUS),
    counters = peek32(RX_ERRORS, 2),
    most = Math.max(counters[0], counters[1]);
  const state = most > 127 ? "passive" : most > 95 ? "warning" : "active";
  return {
    tec: counters[1],
    rec: counters[0],
    state: status & 0x80 ? "bus_off" : peek32(MODE) & LOM ? "listen" : state,
  };
}

/** A frame nobody else reads: the lowest priority there is. */
const TEST_FRAME = [2, 0xff, 0xe0, 0x5a, 0xa5],
  TEST_POLLS = 200;

/**
 * Send a frame (0x7FF) to oneself, through the transceiver but without an acknowledgement, and start anew. True when it
 * came back as it was. The frame is on the bus: for the bench, never while a battery hangs on it.
 */
export function selfTestTwai(twai: Twai, settings: Record<string, unknown>): boolean {
  if (!startTwai(twai, settings)) return false;
  poke32(MODE, RM | AFM);
  poke32(FILTER, [0xff, 0xe0, 0, 0, 0, 0x1f, 0xff, 0xff]);
  poke32(TX_ERRORS, 0);
  poke32(RX_ERRORS, 0);
  poke32(MODE, STM | AFM);
  poke32(WINDOW, TEST_FRAME);
  poke32(COMMAND, SEND_TO_SELF);
  let left = TEST_POLLS;
  while (left > 0 && !(peek32(STATUS) & 1)) left--;
  const frame = peek32(WINDOW, 5);
  return (
    startTwai(twai, settings) &&
    left > 0 &&
    (frame[0] & 0xcf) === 2 &&
    frame[1] === 0xff &&
    frame[2] >> 5 === 7 &&
    frame[3] === TEST_FRAME[3] &&
    frame[4] === TEST_FRAME[4]
  );
}

// What became of a frame on the on-chip controller that was not plainly sent.

/** Error capture: while receiving. */
const RECEIVING = 0x20;
/** Command: abort. */
const ABORT = 2;

/**
 * Looks at the outcome; `given` is what `seen` says of a frame that lost its arbitration for good. TCS alone is not
 * trusted: an attempt that was given up may set it too.
 */
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
    if (status & COMPLETE && !(status & SENDING) && !(flags & LOST) && capture[1] & RECEIVING) {
      // the error was another frame's
      twai.tx++;
      twai.ackAt = now;
    } else {
      if (flags & LOST) {
        // of two that began together one gives way: no error, and the frame is sent again
        twai.lost = twai.flying;
        twai.seen |= given;
      } else {
        twai.errors++;
      }
      if (peek32(BASE) & 1) return recoverTwai(twai, now); // in reset mode by itself
    }
  }
  twai.flying = 0;
}
