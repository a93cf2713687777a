// Bringing the on-chip CAN controller up, and back after bus-off. ESP32 Technical Reference Manual, TWAI; errata
// TWAI-3.13.1 (receive error counter) and 3.13.3 (first frame after recovery).
import { canRx, canTx } from "board";
import type { Twai } from "./can-twai";

const BASE = 0x3ff6b000, MODE = BASE, STATUS = BASE + 8, INTERRUPT = BASE + 0x0c, ENABLE = BASE + 0x10, TIMING = BASE + 0x18;
const CAPTURE = BASE + 0x2c, WARNING = BASE + 0x34, RX_ERRORS = BASE + 0x38, TX_ERRORS = BASE + 0x3c, FILTER = BASE + 0x40, DIVIDER = BASE + 0x7c;
const CLOCK = 0x3ff000c0, RESET = 0x3ff000c4, GATE = 0x80000;
const OUTPUT_SELECT = 0x3ff44530, INPUT_SELECT = 0x3ff442a8, TX_SIGNAL = 0x7b, THROUGH_MATRIX = 0x80;
/** Mode bits: reset, listen only, one filter; the last is kept in each write. */
const RM = 1, LOM = 2, AFM = 8;
/** Clock divider register: PeliCAN layout, no clock output. */
const PELICAN = 0x88;
/** BTR0 by bit rate, BTR1 0x3E: 20 quanta, sampled at 80 %. */
const PRESCALER: Record<number, number> = { 125: 0x8f, 250: 0x87, 500: 0x83, 1000: 0x81 };
const SEGMENTS = 0x3e;
/** Code and mask that take exactly 0x305 and 0x307. */
const CODE = [0x60, 0xa0, 0, 0], MASK = [0, 0x5f, 0xff, 0xff];
/** Messages in the receive queue from which on it is as good as dead. */
const QUEUE_DEAD = 62;
/** Waits before coming back from bus-off, ms; and for the 128 x 11 bits of the recovery itself. */
const BACK_OFF = [1000, 2000, 5000, 10000], RECOVERY_MS = 50, GIVE_UP_MS = 2000;

function route(tx: number, rx: number): void {
  digitalWrite(tx, 1);
  pinMode(tx, "output");
  pinMode(rx, "input_pullup");
  poke32(INPUT_SELECT, THROUGH_MATRIX | rx);
  poke32(OUTPUT_SELECT + 4 * tx, TX_SIGNAL); // from here on the pin functions must leave the pin alone
}

/** Clock, reset pulse, pins, timing, filter, operating mode. False when the controller does not answer. */
export function startTwai(twai: Twai, settings: Record<string, unknown>): boolean {
  const rate = settings["rate"] as number, listenOnly = settings["listen_only"] as boolean;
  poke32(CLOCK, peek32(CLOCK) | GATE);
  poke32(RESET, peek32(RESET) | GATE);
  poke32(RESET, peek32(RESET) & ~GATE);
  route(canTx, canRx);
  poke32(MODE, RM);
  if (!(peek32(MODE) & RM)) return false;
  poke32(DIVIDER, PELICAN);
  poke32(MODE, RM | LOM | AFM);
  poke32(ENABLE, 0);
  poke32(TIMING, [PRESCALER[rate], SEGMENTS]);
  poke32(FILTER, CODE.concat(MASK));
  poke32(WARNING, 96);
  poke32(TX_ERRORS, 0);
  poke32(RX_ERRORS, listenOnly ? 128 : 0);
  peek32(INTERRUPT);
  peek32(CAPTURE, 2);
  poke32(MODE, listenOnly ? LOM | AFM : AFM);
  if (peek32(TIMING) !== PRESCALER[rate] || peek32(MODE) & RM) return false;
  twai.listenOnly = listenOnly;
  twai.recoverAt = 0;
  return true;
}

/** After an overrun the window cannot be trusted: everything in it is released. A full queue only wakes by a reset (erratum 3.13.11). */
function clearOverrun(twai: Twai): void {
  let left = peek32(BASE + 0x74);
  if (left >= QUEUE_DEAD) {
    poke32(MODE, RM | LOM | AFM);
    poke32(MODE, twai.listenOnly ? LOM | AFM : AFM);
  }
  poke32(BASE + 4, 8);
  for (; left > 0; left--) poke32(BASE + 4, 4);
  twai.errors++;
}

/** Out of an overrun (`now` below 0), or one step of the way back from bus-off: freeze, wait, let the controller count free bits, clear, go on. */
export function recoverTwai(twai: Twai, now: number): void {
  if (now < 0) {
    clearOverrun(twai);
  } else if (twai.stage === 0) {
    twai.busOff++;
    twai.flying = 0;
    poke32(MODE, RM | LOM | AFM);
    poke32(TX_ERRORS, 0);
    poke32(TX_ERRORS, 255); // bus-off anew, with the receive counter at 0
    peek32(INTERRUPT);
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
    peek32(INTERRUPT);
    peek32(CAPTURE, 2);
    poke32(MODE, AFM);
    twai.recoverAt = twai.stage = 0;
  }
}
