// The UART line between unit and gateway: pace of 115200 baud, turnaround, sleep and wake-up, broadcast text, faults.
// Time and randomness are injected; bytes and times only, the codec knows what the bytes mean.

import { BROADCAST_PERIODS_MS, broadcastText } from "./broadcast";
import type { Clock } from "./clock";
import { createRequestStream, settleRequests, takeRequests } from "./codec";
import type { Heard, RequestStream } from "./codec";
import { spoiledAnswer } from "./faults";
import type { Faults } from "./faults";
import { maySleep } from "./model";
import type { Battery } from "./model";
import { randomBytes } from "./random";
import type { Random } from "./random";
import { getValue, setBits } from "./words";

/** 10 bits a byte at 115200 baud (Communication Protocols Rev D, 1). */
export const BYTE_MS = 10000 / 115200;
/** Derived from measurements on hardware (clarkni5/tinybms). */
export const TURNAROUND_MS = 1;
/** Without traffic for this long the unit sleeps (User Manual v2.2). */
export const SLEEP_AFTER_MS = 10000;
/** A fragment is dropped after this much silence. Generous, since TCP and pseudo terminals deliver in bursts. */
export const QUIET_MS = 30;
/** From the first byte after sleep to readiness; not documented. */
export const WAKE_MS = 10;
/** The unit is deaf for this long while it restarts; not documented. */
export const BOOT_MS = 500;
const CHUNK_BYTES = 8;
const TICK_MS = 50;
const WOKEN_BY_UART = 3;
/** Sums of byte times round a little; far below one bit. */
const ROUNDING_MS = 1e-6;

interface Segment {
  bytes: Uint8Array;
  at_ms: number;
  isText: boolean;
  start_ms: number | null;
  sent: number;
}

/** One line. Only `createLine`, `receiveBytes` and `closeLine` are meant for others; tests may look. */
export interface Line {
  battery: Battery;
  clock: Clock;
  random: Random;
  faults: Faults;
  send(bytes: Uint8Array): void;
  stream: RequestStream;
  queue: Segment[];
  lastTraffic_ms: number;
  deafUntil_ms: number;
  receiveEnd_ms: number;
  sendEnd_ms: number;
  nextText_ms: number;
  closed: boolean;
  cancelPump(): void;
  cancelQuiet(): void;
  cancelTick(): void;
}

const nothing = (): void => undefined;

/**
 * A line with its unit awake. `send` gets the bytes for the gateway, in chunks of at most 8, each when its last bit has
 * arrived.
 */
export function createLine(
  battery: Battery,
  clock: Clock,
  random: Random,
  faults: Faults,
  send: (bytes: Uint8Array) => void,
): Line {
  const now = clock.now();
  const line: Line = {
    battery,
    clock,
    random,
    faults,
    send,
    stream: createRequestStream(),
    queue: [],
    lastTraffic_ms: now,
    deafUntil_ms: now,
    receiveEnd_ms: now,
    sendEnd_ms: now,
    nextText_ms: now,
    closed: false,
    cancelPump: nothing,
    cancelQuiet: nothing,
    cancelTick: nothing,
  };
  tick(line);
  return line;
}

/** Stops every timer; nothing is sent or heard after it. */
export function closeLine(line: Line): void {
  line.closed = true;
  line.queue = [];
  line.cancelPump();
  line.cancelQuiet();
  line.cancelTick();
}

/** True when the unit sleeps: no traffic for 10 s and the battery is at rest. */
export function isAsleep(line: Line): boolean {
  return line.clock.now() - line.lastTraffic_ms >= SLEEP_AFTER_MS && maySleep(line.battery);
}

/** Sends what is due now and asks to be called when the next chunk is. */
function pump(line: Line): void {
  line.cancelPump();
  const now = line.clock.now();
  while (line.queue.length > 0) {
    const head = line.queue[0];
    if (head.start_ms === null) {
      if (now + ROUNDING_MS < head.at_ms) return wakeAt(line, head.at_ms);
      head.start_ms = Math.max(head.at_ms, line.sendEnd_ms);
    }
    const due = Math.min(head.bytes.length, Math.floor((now - head.start_ms) / BYTE_MS + ROUNDING_MS));
    if (due > head.sent) {
      const chunk = head.bytes.slice(head.sent, due);
      head.sent = due;
      line.send(chunk);
      // The receiver may have answered at once, or closed the line.
      if (line.queue[0] !== head) return;
    }
    if (head.sent < head.bytes.length)
      return wakeAt(line, head.start_ms + Math.min(head.bytes.length, head.sent + CHUNK_BYTES) * BYTE_MS);
    line.sendEnd_ms = head.start_ms + head.bytes.length * BYTE_MS;
    line.queue.shift();
  }
}

function wakeAt(line: Line, at_ms: number): void {
  line.cancelPump();
  line.cancelPump = line.clock.schedule(Math.max(0, at_ms - line.clock.now()), () => pump(line));
}

/** Adds bytes to send from `at_ms` on. What has begun goes first, the rest by time. */
function enqueue(line: Line, bytes: Uint8Array, at_ms: number, isText: boolean): void {
  const place = line.queue.findIndex((segment) => segment.start_ms === null && segment.at_ms > at_ms);
  line.queue.splice(place < 0 ? line.queue.length : place, 0, { bytes, at_ms, isText, start_ms: null, sent: 0 });
  pump(line);
}

/**
 * A broadcast pauses at the byte under way while a command is handled, and goes on after the reply (User Manual v2.2).
 */
function pauseText(line: Line, resume_ms: number): void {
  const head = line.queue[0];
  if (!head?.isText || head.start_ms === null) return;
  const begun = Math.ceil((line.clock.now() - head.start_ms) / BYTE_MS);
  if (begun >= head.bytes.length) return;
  const rest = head.bytes.slice(begun);
  head.bytes = head.bytes.slice(0, begun);
  enqueue(line, rest, resume_ms, true);
}

function reply(line: Line, heard: Heard): void {
  const { battery, clock, faults, random } = line;
  const restarts = battery.restarts;
  const spoiled = spoiledAnswer(battery, heard, faults, random);
  if (spoiled && !faults.active().includes("flood")) {
    const at_ms = Math.max(line.receiveEnd_ms, clock.now()) + TURNAROUND_MS + spoiled.delay_ms;
    pauseText(line, at_ms + ROUNDING_MS);
    enqueue(line, spoiled.bytes, at_ms, false);
  }
  if (battery.restarts !== restarts) {
    line.stream = createRequestStream();
    line.deafUntil_ms = clock.now() + BOOT_MS;
  }
}

/**
 * Takes bytes from the gateway. A sleeping unit is woken by them and does not answer them; a deaf one (waking,
 * restarting) ignores them. Bytes that come in one burst count as if the wire had needed its time for them.
 */
export function receiveBytes(line: Line, bytes: Uint8Array): void {
  const now = line.clock.now();
  if (line.closed || bytes.length === 0) return;
  const slept = isAsleep(line);
  line.lastTraffic_ms = now;
  if (slept) {
    setBits(line.battery.words, "last_reset_and_wakeup", "last_wakeup_cause", WOKEN_BY_UART);
    line.stream = createRequestStream();
    line.deafUntil_ms = now + WAKE_MS;
  }
  if (now < line.deafUntil_ms) return;
  line.receiveEnd_ms = Math.max(line.receiveEnd_ms, now) + bytes.length * BYTE_MS;
  for (const heard of takeRequests(line.stream, bytes)) reply(line, heard);
  line.cancelQuiet();
  if (line.stream.held.length === 0) return;
  line.cancelQuiet = line.clock.schedule(line.receiveEnd_ms - now + QUIET_MS, () => {
    for (const heard of settleRequests(line.stream)) reply(line, heard);
  });
}

/** Each 50 ms: broadcast text when it is due, random bytes for the next 50 ms while the line is flooded. */
function tick(line: Line): void {
  const now = line.clock.now();
  line.cancelTick = line.clock.schedule(TICK_MS, () => tick(line));
  if (line.faults.hits("flood")) enqueue(line, randomBytes(line.random, Math.floor(TICK_MS / BYTE_MS)), now, false);
  const period_ms = BROADCAST_PERIODS_MS[getValue(line.battery.words, "broadcast_period") ?? 0];
  if (!period_ms || now < line.nextText_ms || now < line.deafUntil_ms || line.queue.length > 0 || isAsleep(line))
    return;
  line.nextText_ms = now + period_ms;
  enqueue(line, broadcastText(line.battery), now, true);
}
