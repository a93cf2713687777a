// The event log of the BMS: its entries from the replies to 0x11 and 0x12 or from registers 200..297, with their whole
// time; what is new in it goes into the journal, and says which faults and warnings are active. Enepaq "TinyBMS
// Communication Protocols" Rev D, 1.1 (0x11, 0x12), 3.3 and 4; extending the 24 bits of time is this project's.
import { type Journal, JOURNAL_SIZE, KNOWN_SIZE } from "../battery/journal";
import { endedBy } from "./events.baked.cold";

/** An event: its number, and the lifetime of the BMS in s when it happened. */
export interface BmsEvent {
  id: number;
  time: number;
  /** It was in the log before. */
  isKnown?: boolean;
}

/** The time of an event starts anew after 24 bits of seconds, 194 days, s. */
const ROLLOVER = 0x1000000;
/** So much of the future is none, s. */
const SLACK = 60;
/** A slot of erased flash. */
const ERASED = 0xffffffff;
const SYSTEM_STARTED = 0x61,
  LAST_WARNING = 0x60;

/**
 * The latest time up to `now` that has these low 24 bits. A moment in the future is one (the log may be read before the
 * time); beyond that, an entry is from before a setback of the counter: the earliest of all, perhaps below 0.
 */
function wholeTime(low: number, now: number): number {
  const time = now - (now % ROLLOVER) + low;
  return time > now && (now >= ROLLOVER || time > now + SLACK) ? time - ROLLOVER : time;
}

/**
 * Where the oldest slot of a full ring is: the time falls there, most of all, and rather not at a restart, which may
 * set it back. What was to happen after `now` is from before a setback.
 */
function seamOf(slots: BmsEvent[], now: number): number {
  const timeOf = function (event: BmsEvent): number {
    return event.time > now ? event.time - ROLLOVER : event.time;
  };
  let start = 0,
    deepest = 0,
    isRestart = true,
    before = slots[slots.length - 1],
    i = 0;
  for (const event of slots) {
    const fall = timeOf(before) - timeOf(event),
      isOther = event.id !== SYSTEM_STARTED;
    if (fall > 0 && (isOther === isRestart ? isOther : fall > deepest)) {
      start = i;
      deepest = fall;
      isRestart = !isOther;
    }
    before = event;
    i++;
  }
  return start;
}

/**
 * Oldest first. The unit writes one slot after the other, and so they stay from the oldest on (`start`), also where a
 * restart set its counter back. Where times mostly fall, or (`isLog` false) nobody knows the order, they stand by time;
 * those of the same second stay.
 */
function inOrder(slots: BmsEvent[], start: number, isLog: boolean): BmsEvent[] {
  const ring = slots.slice(start).concat(slots.slice(0, start)),
    sorted: BmsEvent[] = [];
  let rises = 0,
    before: BmsEvent | null = null;
  for (const event of ring) {
    if (before && before.time < event.time) rises++;
    if (before && before.time > event.time && event.id !== SYSTEM_STARTED) rises--;
    before = event;
  }
  if (isLog && rises >= 0) return ring;
  for (const event of ring) {
    let at = sorted.length;
    while (at > 0 && sorted[at - 1].time > event.time) at--;
    sorted.splice(at, 0, event);
  }
  return sorted;
}

/** The slots of a log, read at lifetime `now`, of which nothing is known. */
function wholeLog(slots: BmsEvent[], now: number): BmsEvent[] {
  return inOrder(slots, slots.length === JOURNAL_SIZE ? seamOf(slots, now) : 0, true);
}

/**
 * Add an entry, unless its slot is empty (zeros) or erased: 16 bits of time; 8 more of it and, in the high byte, the
 * number.
 */
function addSlot(slots: BmsEvent[], low: number, high: number, now: number): void {
  if (high >> 8 && (low & high) !== 0xffff)
    slots.push({ id: high >> 8, time: wholeTime(low | ((high & 255) << 16), now) });
}

/** Lifetime of the BMS in s at a reply to 0x11 or 0x12, of which this is the payload. */
export function eventsAt(payload: string): number {
  return (
    (payload.charCodeAt(0) | (payload.charCodeAt(1) << 8) | (payload.charCodeAt(2) << 16)) +
    payload.charCodeAt(3) * ROLLOVER
  );
}

/** The events in the payload of a reply to 0x11 or 0x12, oldest first. */
export function eventsOf(payload: string): BmsEvent[] {
  const slots: BmsEvent[] = [],
    now = eventsAt(payload);
  let at = 4;
  for (; at + 4 <= payload.length; at += 4) {
    const low = payload.charCodeAt(at) | (payload.charCodeAt(at + 1) << 8);
    addSlot(slots, low, payload.charCodeAt(at + 2) | (payload.charCodeAt(at + 3) << 8), now);
  }
  return wholeLog(slots, now);
}

/**
 * The events in the words of registers 200 and on, oldest first. `now`: the lifetime counter (registers 32, 33), read
 * after them.
 */
export function eventsInRegisters(words: Uint16Array, now: number): BmsEvent[] {
  const slots: BmsEvent[] = [];
  let low = -1;
  for (const word of words) {
    if (low < 0) {
      low = word;
    } else {
      addSlot(slots, low, word, now);
      low = -1;
    }
  }
  return wholeLog(slots, now);
}

/**
 * The faults and warnings that are active after `events`, when `active` were before: each until its recovery, all until
 * a restart.
 */
export function eventsReplay(active: number[], events: BmsEvent[]): number[] {
  for (const event of events) {
    const id = event.id,
      ended = endedBy(id);
    if (id === SYSTEM_STARTED) active = [];
    else if (ended)
      active = active.filter(function (other) {
        return other !== ended;
      });
    else if (id <= LAST_WARNING && active.indexOf(id) < 0) active = active.concat([id]);
  }
  return active;
}

/** The same ones are active. */
function isSameActive(one: number[], other: number[]): boolean {
  return (
    one.length === other.length &&
    one.every(function (id) {
      return other.indexOf(id) >= 0;
    })
  );
}

/**
 * The entries of a log, or of a reply to 0x11, oldest first; none when all of a log are known. `known` loses what was
 * found; `last` is the newest known entry, behind which the new ones stand in the log.
 */
function entriesInOrder(
  known: Uint32Array,
  last: number,
  entries: Uint32Array,
  now: number,
  isLog: boolean,
): BmsEvent[] {
  const slots: BmsEvent[] = [],
    places: number[] = [];
  let isNew = false,
    start = -1,
    place = 0;
  for (const entry of entries) {
    const at = entry ? known.indexOf(entry) : -1;
    if (at >= 0) known[at] = 0;
    else if (entry >>> 24 && entry !== ERASED) isNew = true;
    places.push(at);
  }
  if (isLog && !isNew) return slots;
  for (const entry of entries) {
    const isKnown = places[place++] >= 0;
    if (!(entry >>> 24) || entry === ERASED) continue;
    slots.push({ id: entry >>> 24, time: wholeTime(entry & (ROLLOVER - 1), now), isKnown: isKnown });
    if (entry === last) start = slots.length; // of equal ones the last
  }
  const size = slots.length;
  if (start > 0) {
    while (!slots[start % size].isKnown) start++; // behind the newest stands the oldest
    start = start % size;
  }
  return !isLog ? inOrder(slots, 0, false) : start < 0 ? wholeLog(slots, now) : inOrder(slots, start, true);
}

/** An event as its slot has it, as a number. */
function entryOf(event: BmsEvent): number {
  return event.id * ROLLOVER + ((event.time + ROLLOVER) % ROLLOVER);
}

/** When the time of day is known (s since 1970, else 0), entries of this BMS that have none get theirs. */
function dateEntries(journal: Journal, now: number, wall: number): void {
  let k = journal.total > journal.from + JOURNAL_SIZE ? journal.total - JOURNAL_SIZE : journal.from;
  for (; wall && k < journal.total; k++) {
    const at = k % JOURNAL_SIZE;
    if (!journal.walls[at]) journal.walls[at] = wall - now + journal.times[at];
  }
}

/** An entry whose time lies in the future, or so far back that it is the same. */
function isFuture(event: BmsEvent, now: number): boolean {
  return event.time > now || event.time < 0 || now - event.time > ROLLOVER / 2;
}

/**
 * Take entries in the order of their slots, read at lifetime `now`: the whole log, or (`isLog` false) what 0x11 tells;
 * `wall`: s since 1970 then, 0 when unknown. Returns how many events are new. The first log is history: it says what is
 * active, and none of it is new. So is a log that has nothing in common with what is known, at a smaller lifetime: it
 * is that of another BMS. An event ends what it names and nothing else. -1: a restart, a counter that went back or an
 * entry in the future was told; or what seems to be known and would change what is active: a counter that went back
 * passes its seconds again, and only the whole log shows how often an entry stands in it. Then the faults that are new
 * count, and nothing else of it before that was read.
 */
export function eventsTake(journal: Journal, entries: Uint32Array, now: number, wall: number, isLog: boolean): number {
  const isBack = now < journal.readAt,
    known = new Uint32Array(journal.known),
    all = entriesInOrder(known, journal.newest, entries, now, isLog),
    added = all.filter(function (event) {
      return !event.isKnown;
    }),
    // known ones behind the first new one count again: a recovery that was found late ends nothing that came after it
    active = eventsReplay(journal.active, all.slice(added.length ? all.indexOf(added[0]) : all.length)),
    last = all.length ? entryOf(all[all.length - 1]) : 0;
  const isOdd = function (event: BmsEvent): boolean {
    return event.id === SYSTEM_STARTED || isFuture(event, now);
  };
  let isHistory = journal.readAt < 0;
  journal.readAt = now;
  if (isLog && added.length) journal.doubted = 0;
  if (
    !isLog &&
    (isBack ||
      ((added.length || last !== journal.doubted) &&
        (all.some(isOdd) || !isSameActive(active, eventsReplay(journal.active, all)))))
  ) {
    journal.doubted = last;
    for (const event of added)
      if (event.id <= LAST_WARNING && journal.active.indexOf(event.id) < 0)
        journal.active = journal.active.concat([event.id]);
    return -1;
  }
  if (isBack && journal.total > journal.from && known.join() === journal.known.join()) isHistory = true;
  if (isHistory) {
    journal.from = journal.total;
    journal.known.fill(0);
  }
  for (const event of added) {
    const at = journal.total++ % JOURNAL_SIZE;
    journal.ids[at] = event.id;
    journal.times[at] = Math.max(event.time, 0);
    journal.known[(journal.total - 1) % KNOWN_SIZE] = entryOf(event);
    journal.walls[at] = 0;
  }
  if (added.length) {
    journal.newest = last;
    journal.active = active;
  }
  dateEntries(journal, now, wall);
  if (isHistory) journal.history = journal.total;
  return isHistory ? 0 : added.length;
}
