// The way of a byte from the wire to JavaScript on an ESP32 with Espruino: the UART's FIFO, IDF's driver, Espruino's
// UART task, its queue of events, and the look of the main loop at them. Bytes and time in, strings for 'data' and time
// out; nothing else. Written in the language of the interpreter, because the prelude of tools/rig runs this very file
// there. Sources: Espruino targets/esp32/jshardwareUart.c (serialToEspruino of the releases, pollSerialDevices since
// 2026-08), src/jsdevices.c (jshPushIOCharEvents), src/jsinteractive.c (jsiIdle, jsiHandleIOEventForSerial),
// boards/ESP32.py (io_buffer_size); ESP-IDF 3.3 components/driver/uart.c. Behaviour only. Agrees with what Espruino
// 2v27.45 did in an ESP32 emulator.

/**
 * Bytes in the FIFO that make the driver collect them; else it does so when no byte has come for this long, ms (10
 * symbols of 11 bits).
 */
const FIFO_THRESHOLD = 120;
export const QUIET_LINE_MS = 110 / 115.2;
/** The driver's buffer, and what FIFO and driver hold beyond it before bytes are lost. */
const RING_BYTES = 1024,
  STUCK_BYTES = 256;
/** Newer sources: the task sleeps longer after so many rounds in which no UART had a byte. */
export const SLEEPY_ROUND_MS = 100,
  SLEEPY_AFTER = 5000;
/**
 * It reads so much in a round. Newer sources wait so long instead while fewer places are free in the queue of events.
 */
const READ_BYTES = 256,
  FULL_QUEUE_MS = 10;
/** The queue, what of it stays spare, an event's head, and the longest event. */
const QUEUE_BYTES = 4096,
  SPARE_BYTES = 4,
  HEAD_BYTES = 2,
  EVENT_BYTES = 64;
/** A string longer than this is a flat one, to which nothing can be appended (14-byte variables). */
const FLAT_OVER_BYTES = 19;
const NEVER = Infinity;

/** What differs from release to release. */
export interface UartRelease {
  /**
   * 2v26 to 2v29: an event that waits behind a first one is appended to it, and lost when that one is a flat string.
   */
  appends: boolean;
  /** The task waits for the console so long, ms, before it looks at the other UARTs. */
  roundMs: number;
  /** It does not read what the queue of events has no room for. */
  minds: boolean;
}

/** One UART that is not the console. Times are ms of one clock. */
export interface UartModel {
  release: UartRelease;
  fifo: string;
  heardAt: number;
  ring: string;
  /** When the round under way ends, whether it reads then, and how many in a row found nothing. */
  roundAt: number;
  reads: boolean;
  quietRounds: number;
  /** Events and the bytes that they take; what this look at them may still take. */
  events: string[];
  used: number;
  budget: number;
  /** Events were dropped since the flag was asked for: Espruino's FIFO_FULL. */
  isOverflowed: boolean;
  /** Bytes lost: at the wire, in the queue, by appending. */
  lost: { wire: number; queue: number; appended: number };
}

/** A UART at rest, opened at `now`. */
export function uartModel(release: UartRelease, now: number): UartModel {
  return {
    release: release,
    fifo: "",
    heardAt: now,
    ring: "",
    roundAt: now + release.roundMs,
    reads: true,
    quietRounds: 0,
    events: [],
    used: 0,
    budget: 0,
    isOverflowed: false,
    lost: { wire: 0, queue: 0, appended: 0 },
  };
}

function freePlaces(u: UartModel): number {
  return QUEUE_BYTES - u.used - SPARE_BYTES;
}

function hasRoom(u: UartModel): boolean {
  return !u.release.minds || freePlaces(u) >= READ_BYTES;
}

function pushEvent(u: UartModel, bytes: string): void {
  if (freePlaces(u) < bytes.length + HEAD_BYTES) {
    u.isOverflowed = true;
    u.lost.queue += bytes.length;
    return;
  }
  u.events.push(bytes);
  u.used += bytes.length + HEAD_BYTES;
}

/**
 * What the task has read: on to the newest event when that is not the next to be handled and has room, else as new
 * events.
 */
function pushBytes(u: UartModel, bytes: string): void {
  const last = u.events.length - 1;
  if (last > 0 && u.events[last].length + bytes.length < EVENT_BYTES) {
    u.events[last] += bytes;
    u.used += bytes.length;
    return;
  }
  for (let at = 0; at < bytes.length; at += EVENT_BYTES) pushEvent(u, bytes.substr(at, EVENT_BYTES));
}

/** The driver empties the FIFO, as far as its buffer has room. */
function collect(u: UartModel): void {
  const room = RING_BYTES - u.ring.length;
  u.ring += u.fifo.substr(0, room);
  u.fifo = u.fifo.substr(room);
}

function endRound(u: UartModel): void {
  if (u.reads) {
    if (u.ring === "") u.quietRounds++;
    else {
      u.quietRounds = 0;
      pushBytes(u, u.ring.substr(0, READ_BYTES));
      u.ring = u.ring.substr(READ_BYTES);
      if (u.fifo.length >= FIFO_THRESHOLD) collect(u);
    }
  }
  u.reads = hasRoom(u);
  u.roundAt += !u.reads ? FULL_QUEUE_MS : u.quietRounds > SLEEPY_AFTER ? SLEEPY_ROUND_MS : u.release.roundMs;
}

/** Rounds that find nothing are counted, not run. */
function skipRounds(u: UartModel, now: number): void {
  const sleepy = u.quietRounds > SLEEPY_AFTER,
    round = sleepy ? SLEEPY_ROUND_MS : u.release.roundMs;
  let rounds = Math.floor((now - u.roundAt) / round);
  if (!sleepy) rounds = Math.min(rounds, SLEEPY_AFTER - u.quietRounds);
  if (rounds <= 0) return;
  u.quietRounds += rounds;
  u.roundAt += rounds * round;
}

/** Let time pass until `now`. */
export function uartAdvance(u: UartModel, now: number): void {
  for (;;) {
    const quietAt = u.fifo !== "" && u.ring.length < RING_BYTES ? u.heardAt + QUIET_LINE_MS : NEVER;
    if (Math.min(quietAt, u.roundAt) > now) return;
    if (quietAt <= u.roundAt) collect(u);
    else {
      if (u.ring === "" && u.reads && hasRoom(u)) skipRounds(u, Math.min(now, quietAt));
      endRound(u);
    }
  }
}

/** Bytes whose last bit came at `now`. */
export function uartHear(u: UartModel, bytes: string, now: number): void {
  let rest = bytes;
  uartAdvance(u, now);
  while (rest !== "") {
    const isFull = u.ring.length >= RING_BYTES,
      room = (isFull ? STUCK_BYTES : FIFO_THRESHOLD) - u.fifo.length;
    if (isFull && room < rest.length) {
      u.lost.wire += rest.length - room;
      rest = rest.substr(0, room);
    }
    u.fifo += rest.substr(0, room);
    rest = rest.substr(room);
    if (u.fifo.length >= FIFO_THRESHOLD) collect(u);
  }
  u.heardAt = now;
}

/** The main loop begins to look at its events: it handles what is there now. */
export function uartLook(u: UartModel, now: number): void {
  uartAdvance(u, now);
  u.budget = u.used;
}

/**
 * What the next call of the 'data' handler in this look is given; "" when there is none. The handler may have taken
 * time.
 */
export function uartTake(u: UartModel, now: number): string {
  uartAdvance(u, now);
  if (u.budget <= 0 || u.events.length === 0) return "";
  let data = u.events.shift() as string,
    length = data.length;
  const isFlat = length > FLAT_OVER_BYTES;
  u.used -= length + HEAD_BYTES;
  while (u.release.appends && u.events.length > 0) {
    const next = u.events.shift() as string;
    length = next.length;
    u.used -= length + HEAD_BYTES;
    if (isFlat) u.lost.appended += length;
    else data += next;
  }
  u.budget -= 1 + length + HEAD_BYTES; // of all that was appended only the last is counted
  return data;
}

/** When there may be an event, as far as can be said now; Infinity: nothing is on its way. */
export function uartDue(u: UartModel): number {
  if (u.events.length > 0) return 0;
  if (u.ring !== "") return u.roundAt;
  return u.fifo !== "" ? u.heardAt + QUIET_LINE_MS : NEVER;
}
