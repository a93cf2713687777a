// What the poller does when no clean reply comes: the whole receiver, the same bytes again, and in the end a failure.

import type { Journal } from "../battery/journal";
import { hardwareVersion } from "../battery/registers.baked";
import { LOST, type Snapshot } from "../battery/snapshot";
import { HARDWARE_VERSION_WORD, SERIAL_NUMBER_WORD } from "../battery/words.baked";
import { crc16Table } from "../kernel/crc16";
import { eventsTake } from "./events.cold";
import { BYTE_MS, CELLS, EARLY_MS, EVENTS, FAST, SETTINGS } from "./places";
import { newestEvents, readsOf } from "./plan.baked.cold";
import type { Exchange, Poller } from "./poller";
import { receive } from "./receive.cold";
import { readBlock } from "./requests.cold";
import { acceptSettings } from "./settings.cold";

/** A failed slow group is asked again, from its first piece on, after this long, ms. */
const AGAIN_MS = 1000;

function fail(poller: Poller, exchange: Exchange, outcome: string): void {
  if (outcome === "timeout" || outcome === "truncated") poller.timeouts++;
  else if (outcome === "crc_mismatch") poller.crc++;
  else if (outcome === "nack") poller.nacks++;
  else poller.foreign++;
  poller.failed++;
  if (outcome === "nack" || outcome === "length_mismatch" || outcome === "multi_packet") poller.refused++;
  poller.noise += poller.rx.length;
  if (exchange !== poller.plan[FAST]) exchange.due = poller.sentAt + (exchange.list && poller.rx ? 0 : AGAIN_MS);
  // a reply with new events may have been lost or cut, and the BMS tells them once: then all are read
  if (exchange.list) beginGroup(poller, EVENTS);
  else if (exchange.part) beginGroup(poller, poller.plan.indexOf(exchange));
  poller.slowAt = 0;
  poller.pending = null;
  poller.rx = "";
}

/** A reply's head is there and all its bytes, but not alone or not clean: the whole receiver. */
export function look(
  poller: Poller,
  exchange: Exchange,
  toArrayBuffer: (text: string) => ArrayBuffer,
): Uint16Array | null {
  const found = receive(poller.rx, exchange.request, toArrayBuffer);
  if (found.outcome === "ok") {
    poller.noise += found.discarded;
    poller.rx = poller.rx.substr(found.discarded);
    poller.ok++;
    poller.pending = null;
    return found.words;
  }
  if (exchange.list && found.need > poller.rx.length) {
    poller.want = found.need; // a longer list than the shortest
  } else {
    poller.from = poller.rx.indexOf(exchange.head, poller.from) + 1;
    poller.want = poller.rx.length + 1;
  }
  if (found.final) fail(poller, exchange, found.outcome);
  return null;
}

/** Forget what can no longer belong to the reply: all but the last bytes, as many as it has. */
export function dropNoise(poller: Poller, exchange: Exchange): void {
  const cut = poller.rx.length - exchange.length;
  poller.rx = poller.rx.substr(cut);
  poller.want -= cut;
  poller.from = 0;
  poller.noise += cut;
}

/**
 * Whether the answer that is awaited is overdue: then the same bytes again ("" after the last copy, the group has
 * failed).
 */
export function pollerExpire(poller: Poller, now: number): string {
  const exchange = poller.pending;
  if (!exchange || now - poller.sentAt < (exchange.request.length + exchange.length) * BYTE_MS + poller.timeout)
    return "";
  if (poller.copies < poller.retries && !exchange.list) {
    poller.copies++;
    poller.resent++;
    poller.noise += poller.rx.length;
    poller.rx = "";
    poller.want = exchange.length;
    poller.from = 0;
    poller.sentAt = now;
    return exchange.request;
  }
  fail(poller, exchange, poller.rx ? receive(poller.rx, exchange.request, null).outcome : "timeout");
  return "";
}

// Replies that are read rarely: settings, events, statistics, identity; and how the plan follows a line or a unit that
// fails.

/** Failures after which the fast group is asked more slowly. */
const SLOW_AFTER = 3;
/** Period of the fast group then, ms. */
const SLOW_MS = 1000;
/** Period in which an empty battery is woken, ms. */
const ASLEEP_MS = 60000;
/** Id of the event of an empty battery. */
const UNDER_VOLTAGE = 2;
/** The last warning that has a bit: those above have no meaning that is known. */
const LAST_KNOWN = 63;
/** Words of the event log as registers; the lifetime counter follows them. */
const LOG_WORDS = 98;
/** Refusals after which block reads use the other command. */
const REFUSED_MOST = 3;

/** The words of a reply whose bytes are high first, as numbers, without the CRC. */
export function turnedWords(words: Uint16Array): Uint16Array {
  const out = new Uint16Array(words.length - 1);
  let i = 0;
  for (; i < out.length; i++) out[i] = (words[i] >> 8) | ((words[i] & 255) << 8);
  return out;
}

/**
 * The settings, `raw` those that counted last: null until then. True when they are the same as in the last reply, and
 * count. Others are read again at once: an implausible reply changes nothing, of a changed one only what narrows
 * counts. The cells wait for the settings, which say where they are.
 */
export function acceptRare(
  poller: Poller,
  snapshot: Snapshot,
  raw: Uint16Array | null,
  words: Uint16Array,
  now: number,
): boolean {
  const last = poller.once || raw,
    isSame = !!last && last.join() === words.join(),
    taken = acceptSettings(snapshot, words, now, !isSame),
    plan = poller.plan;
  if (taken) poller.once = isSame ? null : words;
  if (taken && isSame) {
    if (plan[CELLS].due > now + ASLEEP_MS) plan[CELLS].due = poller.slowAt = now;
    return true;
  }
  plan[SETTINGS].due = poller.slowAt = now;
  return false;
}

/** What is new in the event log is asked for from now on, and at once: the log may have changed while it was read. */
function askNewest(poller: Poller, now: number): void {
  const exchange = poller.plan[EVENTS];
  Object.assign(exchange, newestEvents());
  exchange.turned = false;
  exchange.part = undefined;
  exchange.due = poller.slowAt = now;
}

/**
 * The event log: all of it first (`isLog`: its registers and the lifetime counter), then the replies to 0x11; and from
 * it the faults. `wall`: s since 1970, 0 when unknown. A reply of new ones that does not fit what is known, or tells of
 * a restart, makes all of it be read again, and so does one that tells something right after the log was read: it may
 * have changed meanwhile.
 */
export function acceptEvents(
  poller: Poller,
  snapshot: Snapshot,
  journal: Journal,
  words: Uint16Array,
  isLog: boolean,
  now: number,
  wall: number,
): void {
  const faults = snapshot.faults,
    at = isLog ? LOG_WORDS : 0,
    entries = isLog
      ? new Uint32Array(words.buffer, 0, LOG_WORDS / 2)
      : new Uint32Array(words.buffer, 4, (words.length - 3) / 2);
  // what the alarms have ended since the last look is over here too
  const had = (journal.active = journal.active.filter(function (id) {
    return id > LAST_KNOWN || ((id < 32 ? faults.low : faults.high) >> (id & 31)) & 1;
  }));
  const added = eventsTake(journal, entries, words[at] + words[at + 1] * 65536, wall, isLog);
  if (isLog) askNewest(poller, now);
  else if (added < 0 || (!journal.checked && added)) {
    beginGroup(poller, EVENTS);
    poller.plan[EVENTS].due = poller.slowAt = now;
  }
  journal.checked = !isLog;
  faults.low = faults.high = 0;
  for (const id of journal.active) {
    if (had.indexOf(id) < 0) faults.fresh = true;
    if (id < 32) faults.low |= 1 << id;
    else if (id <= LAST_KNOWN) faults.high |= 1 << (id - 32);
  }
  faults.at = now;
}

/** Block reads by the other command: a unit answers one of them in a way that we do not understand. */
function otherCommand(exchange: Exchange): void {
  const request = exchange.request,
    modbus = request.charCodeAt(1) === 7;
  const count = request.charCodeAt(modbus ? 2 : 5),
    at = modbus
      ? request.charCodeAt(3) | (request.charCodeAt(4) << 8)
      : (request.charCodeAt(2) << 8) | request.charCodeAt(3);
  aim(exchange, modbus ? 3 : 7, at, count);
}

/**
 * After a failure, or the first reply after some: how often the fast group is asked, how often a request is repeated,
 * by which command. A unit that fell silent may be another one: what was read of a group in pieces does not count, and
 * all events are read again.
 */
export function pace(poller: Poller, snapshot: Snapshot, journal: Journal, every: number, retries: number): void {
  const slow = poller.failed >= SLOW_AFTER,
    asleep = slow && snapshot.phase >= LOST && journal.active.indexOf(UNDER_VOLTAGE) >= 0;
  const fast = poller.plan[FAST];
  if (slow) {
    beginGroup(poller, SETTINGS);
    beginGroup(poller, EVENTS);
  }
  if (asleep || fast.every === ASLEEP_MS) {
    // the probe alone is asked; everything when it is answered
    for (const exchange of poller.plan) if (exchange !== fast) exchange.due = asleep ? fast.due + 1 : 0;
    if (!asleep) fast.due = 0;
    poller.slowAt = 0;
  }
  fast.every = !slow ? every : asleep ? ASLEEP_MS : SLOW_MS;
  poller.retries = slow && retries < 1 ? 1 : retries; // a sleeping unit hears the second copy only
  if (poller.refused < REFUSED_MOST) return;
  const command = poller.plan[FAST].request[1];
  poller.refused = 0;
  for (const exchange of poller.plan) if (exchange.request[1] === command) otherCommand(exchange);
}

/** Period in which the fast group is asked now, ms; `every` is the one of a good line, less what is early. */
export function pollPeriod(poller: Poller, every: number): number {
  const now = poller.plan[FAST].every;
  return now === every ? every + Math.min(EARLY_MS, every) : now;
}

// The identity block (registers 500..509): hardware version and serial number (Enepaq "TinyBMS Communication Protocols"
// Rev D, 3.5).

/** Words of the serial number. */
const SERIAL_WORDS = 6;

/** Take the identity; four hex digits each word of the serial number. */
export function acceptIdentity(snapshot: Snapshot, words: Uint16Array): void {
  let serial = "";
  for (const word of words.subarray(SERIAL_NUMBER_WORD, SERIAL_NUMBER_WORD + SERIAL_WORDS))
    serial += (65536 + word).toString(16).substr(1);
  snapshot.values[hardwareVersion] = words[HARDWARE_VERSION_WORD];
  snapshot.serial = serial.toUpperCase();
}

// A group of registers whose reply would be too long is read in pieces: it is taken whole or not at all.

/** Places in a read of `readsOf`: its first register, how many registers. */
const READ_FIRST = 0,
  READ_COUNT = 1;

/** Ask for a block of registers from now on, by command 0x07 or 0x03. */
export function aim(exchange: Exchange, command: number, at: number, count: number): void {
  const head = String.fromCharCode(0xaa, command, 2 * count);
  let crc = 0xffff,
    i = 0;
  for (; i < 3; i++) crc = (crc >> 8) ^ crc16Table[(crc ^ head.charCodeAt(i)) & 255];
  Object.assign(exchange, {
    request: readBlock(command, at, count),
    head: head,
    length: 2 * count + 5,
    crc: crc,
    turned: command === 3,
    list: false,
  });
}

/** A group in pieces begins with its first one: nothing that was read of it counts. The event log: all of it. */
export function beginGroup(poller: Poller, group: number): void {
  const exchange = poller.plan[group],
    first = readsOf(group)[0];
  aim(
    exchange,
    (exchange.list ? poller.plan[FAST] : exchange).request.charCodeAt(1),
    first[READ_FIRST],
    first[READ_COUNT],
  );
  exchange.part = 0;
  exchange.words = null;
}

/**
 * A piece was read, its words as numbers (a CRC behind them is left away): the words of all pieces when it was the last
 * one, else null, and the next one is due.
 */
export function takePiece(poller: Poller, group: number, numbers: Uint16Array, now: number): Uint16Array | null {
  const exchange = poller.plan[group],
    reads = readsOf(group),
    part = exchange.part!,
    count = reads[part][READ_COUNT];
  let at = 0,
    total = 0,
    i = 0;
  for (const read of reads) {
    if (i++ < part) at += read[READ_COUNT];
    total += read[READ_COUNT];
  }
  const words = exchange.words || new Uint16Array(total);
  words.set(numbers.subarray(0, count), at);
  if (part === reads.length - 1) {
    beginGroup(poller, group);
    return words;
  }
  exchange.words = words;
  exchange.part = part + 1;
  aim(exchange, exchange.request.charCodeAt(1), reads[part + 1][READ_FIRST], reads[part + 1][READ_COUNT]);
  exchange.due = now;
  poller.slowAt = 0;
  return null;
}
