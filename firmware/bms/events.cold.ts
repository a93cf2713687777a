// The event log of the BMS: its entries from the replies to 0x11 and 0x12 or from registers 200..297, with their whole time;
// what is new in it goes into the journal, and says which faults and warnings are active.
// Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 (0x11, 0x12), 3.3 and 4; extending the 24 bits of time is this project's.
import { type Journal, JOURNAL_SIZE } from "../battery/journal";
import { endedBy } from "./events.baked.cold";

/** An event: its number, and the lifetime of the BMS in s when it happened. */
export interface BmsEvent { id: number; time: number }

/** The time of an event starts anew after 24 bits of seconds, 194 days. */
const ROLLOVER = 0x1000000;
const SYSTEM_STARTED = 0x61, LAST_WARNING = 0x60;

/** The latest time up to `now` that has these low 24 bits. */
function wholeTime(low: number, now: number): number {
  const time = now - now % ROLLOVER + low;
  return time > now && time >= ROLLOVER ? time - ROLLOVER : time;
}

/**
 * By time. In a full ring the oldest slot lies behind the newest, so the order begins where the time falls; slots of the same
 * second keep theirs.
 */
function inOrder(slots: BmsEvent[]): BmsEvent[] {
  const sorted: BmsEvent[] = [];
  let start = 1;
  while (start < slots.length && slots[start].time >= slots[start - 1].time) start++;
  for (const event of slots.slice(start).concat(slots.slice(0, start))) {
    let at = sorted.length;
    while (at > 0 && sorted[at - 1].time > event.time) at--;
    sorted.splice(at, 0, event);
  }
  return sorted;
}

/** Entries of four bytes each from `from` on: three of time (low first) and the number; `turned` 1: the bytes of each word change places. */
function entries(text: string, from: number, turned: number, now: number): BmsEvent[] {
  const slots: BmsEvent[] = [];
  let at = from, id, low;
  for (; at + 4 <= text.length; at += 4) {
    id = text.charCodeAt(at + (3 ^ turned));
    low = text.charCodeAt(at + turned) | text.charCodeAt(at + (1 ^ turned)) << 8 | text.charCodeAt(at + (2 ^ turned)) << 16;
    if (id) slots.push({ id: id, time: wholeTime(low, now) }); // an empty slot is all zeros
  }
  return inOrder(slots);
}

/** Lifetime of the BMS in s at a reply to 0x11 or 0x12, of which this is the payload. */
export function eventsAt(payload: string): number {
  return (payload.charCodeAt(0) | payload.charCodeAt(1) << 8 | payload.charCodeAt(2) << 16) + payload.charCodeAt(3) * ROLLOVER;
}

/** The events in the payload of a reply to 0x11 or 0x12, oldest first. */
export function eventsOf(payload: string): BmsEvent[] {
  return entries(payload, 4, 0, eventsAt(payload));
}

/**
 * The events in the payload of a read of registers 200 and on by `command` 0x03 or 0x07, oldest first. `now`: the lifetime counter
 * (registers 32, 33), read after them.
 */
export function eventsInRegisters(payload: string, command: number, now: number): BmsEvent[] {
  return entries(payload, 0, command === 3 ? 1 : 0, now);
}

/** The faults and warnings that are active after `events`, when `active` were before: each until its recovery, all until a restart. */
export function eventsReplay(active: number[], events: BmsEvent[]): number[] {
  for (const event of events) {
    const id = event.id, ended = endedBy(id);
    if (id === SYSTEM_STARTED) active = [];
    else if (ended) active = active.filter(function (other) { return other !== ended; });
    else if (id <= LAST_WARNING && active.indexOf(id) < 0) active = active.concat([id]);
  }
  return active;
}

/** Of events in order, those that were not in the log at the last look. */
function newOnes(journal: Journal, events: BmsEvent[]): BmsEvent[] {
  const seen = journal.seen.slice();
  return events.filter(function (event) {
    const at = event.time === journal.newest ? seen.indexOf(event.id) : -1;
    if (at >= 0) seen.splice(at, 1);
    return at < 0 && event.time >= journal.newest;
  });
}

/** When the time of day is known (s since 1970, else 0), entries of this BMS that have none get theirs. */
function dateEntries(journal: Journal, now: number, wall: number): void {
  let k = journal.total > journal.from + JOURNAL_SIZE ? journal.total - JOURNAL_SIZE : journal.from;
  for (; wall && k < journal.total; k++) {
    const at = k % JOURNAL_SIZE;
    if (!journal.walls[at]) journal.walls[at] = wall - now + journal.times[at];
  }
}

/**
 * Take the log, read at lifetime `now`, oldest first; `wall`: s since 1970 then, 0 when unknown. Returns how many events are new.
 * The first log, which must be a whole one (0x12 or registers), is history: it says what is active, and none of it is new. So is the
 * log of another BMS, known by its smaller lifetime. An emptied log ends no fault.
 */
export function eventsTake(journal: Journal, events: BmsEvent[], now: number, wall: number): number {
  const isFirst = now < journal.readAt || journal.readAt < 0;
  if (isFirst) {
    journal.from = journal.total;
    journal.active = [];
    journal.newest = -1;
    journal.seen = [];
  }
  const added = newOnes(journal, events);
  for (const event of added) {
    const at = journal.total++ % JOURNAL_SIZE;
    if (event.time > journal.newest) journal.seen = [];
    journal.seen.push(event.id);
    if (journal.seen.length > JOURNAL_SIZE) journal.seen.splice(0, 1); // the log has no more of them
    journal.newest = event.time;
    journal.ids[at] = event.id;
    journal.times[at] = event.time;
    journal.walls[at] = 0;
  }
  journal.active = eventsReplay(journal.active, added);
  journal.readAt = now;
  dateEntries(journal, now, wall);
  if (isFirst) journal.history = journal.total;
  return isFirst ? 0 : added.length;
}
