// Replies that are read rarely: settings, events, statistics, identity; and how the plan follows a line or a unit that fails.
import type { Journal } from "../battery/journal";
import { LOST, type Snapshot } from "../battery/snapshot";
import { eventsAt, eventsOf, eventsTake } from "./events.cold";
import { allEvents, newestEvents } from "./plan.baked.cold";
import { crc16Table } from "../kernel/crc16";
import { CELLS, EVENTS, FAST, SETTINGS, type Exchange, type Poller } from "./poller";
import { readBlock } from "./requests.cold";
import { acceptSettings } from "./settings.cold";

/** Failures after which the fast group is asked more slowly, and how often then; an empty battery is woken once a minute only. */
const SLOW_AFTER = 3, SLOW_MS = 1000, ASLEEP_MS = 60000, UNDER_VOLTAGE = 2;
/** The last warning that has a bit: those above have no meaning that is known. */
const LAST_KNOWN = 63;
/** The command that reads all of the event log. */
const WHOLE_LOG = 0x12;
/** Refusals after which block reads use the other command. */
const REFUSED_MOST = 3;
/** The longest reply that 0x07 can give: 31 registers. */
const LONGEST_0X07 = 67;

/** The words of a reply whose bytes are high first, as numbers, without the CRC. */
export function turnedWords(words: Uint16Array): Uint16Array {
  const out = new Uint16Array(words.length - 1);
  let i = 0;
  for (; i < out.length; i++) out[i] = words[i] >> 8 | (words[i] & 255) << 8;
  return out;
}

/** A reply of settings, statistics or identity; its words as numbers. The cells wait for the settings, which say where they are. */
export function acceptRare(poller: Poller, snapshot: Snapshot, group: number, words: Uint16Array, now: number): Uint16Array {
  if (group === SETTINGS) {
    acceptSettings(snapshot, words, now);
    if (poller.plan[CELLS].due > now + ASLEEP_MS) poller.plan[CELLS].due = poller.slowAt = now;
  }
  return words;
}

/** Which events are asked for from now on, when they are due as before. */
function askEvents(poller: Poller, exchange: Exchange): void {
  exchange.due = poller.plan[EVENTS].due;
  Object.assign(poller.plan[EVENTS], exchange);
}

/** The event log: all of it first, then what is new; and from it the faults. `wall`: s since 1970, 0 when unknown. */
export function acceptEvents(poller: Poller, snapshot: Snapshot, journal: Journal, now: number, wall: number): void {
  const faults = snapshot.faults, before = journal.total, payload = poller.rx.substr(3, poller.rx.charCodeAt(2));
  // what the alarms have ended since the last look is over here too
  const had = journal.active = journal.active.filter(function (id) {
    return id > LAST_KNOWN || (id < 32 ? faults.low : faults.high) >> (id & 31) & 1;
  });
  if (poller.rx.charCodeAt(1) === WHOLE_LOG) askEvents(poller, newestEvents());
  eventsTake(journal, eventsOf(payload), eventsAt(payload), wall);
  if (faults.at < 0 || journal.total > before) {
    faults.low = faults.high = 0;
    for (const id of journal.active) {
      if (had.indexOf(id) < 0) faults.fresh = true;
      if (id < 32) faults.low |= 1 << id;
      else if (id <= LAST_KNOWN) faults.high |= 1 << id - 32;
    }
  }
  faults.at = now;
}

/** Block reads by the other command: a unit answers one of them in a way that we do not understand. */
function otherCommand(exchange: Exchange): void {
  const request = exchange.request, modbus = request.charCodeAt(1) === 7;
  const count = request.charCodeAt(modbus ? 2 : 5), at = modbus ? request.charCodeAt(3) | request.charCodeAt(4) << 8
    : request.charCodeAt(2) << 8 | request.charCodeAt(3);
  let crc = 0xffff, i = 0;
  exchange.request = readBlock(modbus ? 3 : 7, at, count);
  exchange.head = String.fromCharCode(0xaa, modbus ? 3 : 7, 2 * count);
  for (; i < 3; i++) crc = crc >> 8 ^ crc16Table[(crc ^ exchange.head.charCodeAt(i)) & 255];
  exchange.crc = crc;
  exchange.turned = modbus;
}

/**
 * After a failure, or the first reply after some: all events are read again; how often the fast group is asked, how often a request is
 * repeated, by which command.
 */
export function pace(poller: Poller, snapshot: Snapshot, journal: Journal, every: number, retries: number): void {
  const slow = poller.failed >= SLOW_AFTER, asleep = slow && snapshot.phase >= LOST && journal.active.indexOf(UNDER_VOLTAGE) >= 0;
  const fast = poller.plan[FAST];
  askEvents(poller, allEvents()); // a reply with new ones may have been lost, and the BMS tells them once
  if (asleep || fast.every === ASLEEP_MS) { // the probe alone is asked; everything when it is answered
    for (const exchange of poller.plan) if (exchange !== fast) exchange.due = asleep ? fast.due + 1 : 0;
    if (!asleep) fast.due = 0;
    poller.slowAt = 0;
  }
  fast.every = !slow ? every : asleep ? ASLEEP_MS : SLOW_MS;
  poller.retries = slow && retries < 1 ? 1 : retries; // a sleeping unit hears the second copy only
  if (poller.refused < REFUSED_MOST) return;
  const command = poller.plan[FAST].request[1];
  poller.refused = 0;
  for (const exchange of poller.plan) if (exchange.request[1] === command && exchange.length <= LONGEST_0X07) otherCommand(exchange);
}
