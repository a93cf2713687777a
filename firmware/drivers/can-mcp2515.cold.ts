// Bringing an MCP2515 up over SPI, and back after bus-off or a lost supply. Microchip DS20001801: registers (section
// 11), bit timing (5), modes (10), SPI instructions (12).
import { canCs, canMiso, canMosi, canSck, canSpi } from "board";
import type { CanHealth } from "../kernel/ports";
import type { Mcp2515 } from "./can-mcp2515";

const RESET = 0xc0,
  READ = 3,
  WRITE = 2,
  MODIFY = 5;
const CANSTAT = 0x0e,
  CANCTRL = 0x0f,
  TEC = 0x1c,
  CNF3 = 0x28,
  EFLG = 0x2d;
/** CANCTRL: one-shot; listen only; loop-back. */
const ONE_SHOT = 8,
  LISTEN = 0x60,
  LOOP_BACK = 0x40;
/** 0x305 and 0x307 as a filter, the mask that compares all 11 bits of a standard identifier. */
const KEEPALIVE = [0x60, 0xa0, 0, 0],
  IDENTITY = [0x60, 0xe0, 0, 0],
  ALL_BITS = [0xff, 0xe0, 0, 0];
/**
 * After a reset the chip is deaf for 128 clocks (16 us at 8 MHz); polls until it must have answered, or sent to itself.
 */
const POLLS = 100;
/** Waits before coming back, ms. */
const BACK_OFF = [1000, 2000, 5000, 10000];

/**
 * CNF3, CNF2, CNF1: 16 quanta (1 + 5 + 6 + 4) or, where the crystal is too slow, 8 (1 + 2 + 3 + 2), sampled at 75 %;
 * null: it cannot.
 */
function timingOf(crystal: number, rate: number): number[] | null {
  const wide = crystal * 1000 >= 32 * rate,
    prescaler = (crystal * 1000) / rate / (wide ? 32 : 16);
  if (prescaler < 1 || prescaler > 64 || prescaler % 1) return null;
  return wide ? [3, 0xac, 0x40 | (prescaler - 1)] : [1, 0x91, prescaler - 1];
}

/** Whether two lists of bytes are the same from `at` on. */
function isAt(answer: ArrayLike<number>, at: number, bytes: number[]): boolean {
  return bytes.every(function (byte, i) {
    return answer[at + i] === byte;
  });
}

/** Reset, and wait until the chip is in configuration mode. */
function reset(spi: SpiPort): boolean {
  spi.send(RESET, canCs);
  for (let left = POLLS; left > 0; left--) {
    const answer = spi.send([READ, CANSTAT, 0, 0], canCs);
    if (answer[2] === 0x80 && (answer[3] & 0x17) === 7) return true;
  }
  return false;
}

/**
 * SPI port, reset, bit timing, filters, mode, for a crystal of so many MHz. False when the chip does not answer, which
 * is tried again later, or cannot do the bit rate.
 */
export function startMcp2515(mcp: Mcp2515, settings: Record<string, unknown>, crystal: number): boolean {
  const rate = settings["rate"] as number,
    listenOnly = settings["listen_only"] as boolean,
    timing = timingOf(crystal, rate);
  if (!timing) return false;
  if (!mcp.spi) {
    digitalWrite(canCs, 1);
    pinMode(canCs, "output");
    mcp.spi = global[canSpi] as SpiPort;
    mcp.spi.setup({ sck: canSck, miso: canMiso, mosi: canMosi, baud: 4000000, mode: 0 });
    mcp.load = new Uint8Array(14);
    mcp.load[0] = 0x40;
  }
  const spi = mcp.spi,
    control = listenOnly ? LISTEN | ONE_SHOT : ONE_SHOT;
  mcp.look = new Uint8Array(7);
  mcp.rate = rate;
  mcp.crystal = crystal;
  mcp.listenOnly = listenOnly;
  mcp.control = control;
  mcp.flying = 0;
  mcp.recoverAt = 1; // at the next look, unless it answers
  if (!reset(spi)) return false;
  spi.send([WRITE, CNF3].concat(timing, [0, 0, 0]), canCs); // and no interrupts, no flags
  spi.send([WRITE, 0].concat(KEEPALIVE, IDENTITY, KEEPALIVE), canCs);
  spi.send([WRITE, 0x10].concat(IDENTITY, KEEPALIVE, IDENTITY), canCs);
  spi.send([WRITE, 0x20].concat(ALL_BITS, ALL_BITS), canCs);
  spi.send([WRITE, 0x60, 4], canCs); // by filter, the second buffer takes what the first has no room for
  spi.send([WRITE, 0x70, 0], canCs);
  spi.send([WRITE, CANCTRL, control], canCs);
  const answer = spi.send([READ, CNF3, 0, 0, 0, 0, 0, 0, 0, 0], canCs);
  if (!isAt(answer, 2, timing) || answer[9] !== control) return false;
  mcp.recoverAt = 0;
  return true;
}

/** Clear an overflow; or leave the bus for a while, and come back with everything set up anew. */
export function recoverMcp2515(mcp: Mcp2515, now: number): void {
  const errors = mcp.look[3],
    hasAnswered = mcp.look[5] === mcp.control;
  if (mcp.recoverAt) {
    if (startMcp2515(mcp, { "rate": mcp.rate, "listen_only": mcp.listenOnly }, mcp.crystal)) return;
  } else if (hasAnswered && !(errors & 0x20)) {
    mcp.errors++;
    mcp.spi.send([MODIFY, EFLG, errors & 0xc0, 0], canCs);
    return;
  } else {
    if (hasAnswered) mcp.busOff++;
    else mcp.errors++;
    if (mcp.tx !== mcp.sentBefore) mcp.recoveries = 0;
    mcp.sentBefore = mcp.tx;
    mcp.flying = 0;
    mcp.look = new Uint8Array(7);
    mcp.spi.send(RESET, canCs); // off the bus meanwhile
  }
  mcp.recoverAt = now + BACK_OFF[Math.min(mcp.recoveries, 3)];
  mcp.recoveries++;
}

/** Error counters, and the state that follows from them. */
export function mcp2515Health(mcp: Mcp2515): CanHealth {
  if (mcp.recoverAt) return { tec: 0, rec: 0, state: "bus_off" };
  const answer = mcp.spi.send([READ, TEC, 0, 0], canCs),
    most = Math.max(answer[2], answer[3]);
  return {
    tec: answer[2],
    rec: answer[3],
    state: mcp.listenOnly ? "listen" : most > 127 ? "passive" : most > 95 ? "warning" : "active",
  };
}

/** What one sends to oneself, as a LOAD TX BUFFER: 0x305 with two bytes. */
const TEST_FRAME = [0x40, 0x60, 0xa0, 0, 0, 2, 0x5a, 0xa5];

/**
 * Send a frame to oneself inside the chip (nothing reaches the bus) and start anew. True when it came back as it was.
 */
export function selfTestMcp2515(mcp: Mcp2515, settings: Record<string, unknown>, crystal: number): boolean {
  if (!startMcp2515(mcp, settings, crystal)) return false;
  const spi = mcp.spi;
  let left = POLLS;
  spi.send([WRITE, CANCTRL, LOOP_BACK | ONE_SHOT], canCs);
  while (left > 0 && (spi.send([READ, CANSTAT, 0], canCs)[2] & 0xe0) !== LOOP_BACK) left--;
  spi.send(TEST_FRAME, canCs);
  spi.send(0x81, canCs);
  while (left > 0 && !(spi.send([0xa0, 0], canCs)[1] & 1)) left--;
  if (left <= 0) {
    startMcp2515(mcp, settings, crystal);
    return false;
  }
  const answer = spi.send([0x90, 0, 0, 0, 0, 0, 0, 0], canCs);
  const came =
    answer[1] === 0x60 && (answer[2] & 0xf8) === 0xa0 && (answer[5] & 15) === 2 && isAt(answer, 6, [0x5a, 0xa5]);
  return startMcp2515(mcp, settings, crystal) && came;
}
