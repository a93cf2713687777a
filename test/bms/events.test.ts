// The event log: from frames and registers, the whole time of 24 bits, what is active, what is new, and the journal of it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { eventName, eventSeverity } from "../../firmware/battery/names.cold";
import { type Journal, JOURNAL_SIZE, journalOf } from "../../firmware/battery/journal";
import { severities } from "../../firmware/battery/states";
import { endedBy } from "../../firmware/bms/events.baked.cold";
import { type BmsEvent, eventsAt, eventsInRegisters, eventsOf, eventsReplay, eventsTake } from "../../firmware/bms/events.cold";
import { events as table, SYSTEM_STARTED } from "../../firmware/bms/events";
import { setImageText } from "../../firmware/kernel/text-set.cold";
import { createLog, EVENT_SLOTS, type EventLog, logEvent, publishLog, takeNewEvents } from "../../tools/simulator/events";
import { bakeText } from "../../tools/bake/text";
import { bmsVector, bytes, wordBytes } from "../fixtures/bytes";

const DAY = 86400, ROLLOVER = 0x1000000, FAULT = 0x02, RECOVERED = 0x7b, WARNING = 0x31, STARTED = 0x61, CHARGER = 0x64;
const event = (id: number, time: number): BmsEvent => ({ id, time });
const payloadOf = (name: string): string => bytes(bmsVector(name).response_hex).slice(3, -2);

/** Payload of 0x11 or 0x12: the time, then the log's slots as they stand. */
const payload = (now: number, slots: BmsEvent[]): string => wordBytes([now % 65536, Math.floor(now / 65536)])
  + slots.map(({ id, time }) => wordBytes([time % 65536, Math.floor(time / 65536) & 255 | id << 8])).join("");

/** Entries of the journal that it still has, oldest first. */
const entriesOf = (journal: Journal): number[][] => Array.from({ length: Math.min(journal.total, JOURNAL_SIZE) }, (_, i) => {
  const at = (Math.max(0, journal.total - JOURNAL_SIZE) + i) % JOURNAL_SIZE;
  return [journal.ids[at], journal.times[at], journal.walls[at]];
});

/** A log of the simulator and of all that ever happened. */
function logged(list: BmsEvent[]): EventLog {
  const log = createLog();
  for (const { id, time } of list) logEvent(log, id, time);
  return log;
}

describe("the table of events", () => {
  before(() => setImageText(bakeText()));

  it("has the vendor's numbers; the severity follows from the number", () => {
    assert.equal(table.length, 34);
    for (const { id, severity } of table) assert.equal(severities[eventSeverity(id)], severity);
    assert.deepEqual([0x01, 0x30, 0x31, 0x60, 0x61, 0x90].map(eventSeverity), [2, 2, 1, 1, 0, 0]);
  });

  it("is in the image's text", () => {
    for (const { id, name } of table) assert.equal(eventName(id), name);
    assert.deepEqual([0x08, 0x90, 255].map(eventName), ["event_8", "event_144", "event_255"]);
  });

  it("says which recovery ends what", () => {
    const pairs = Array.from({ length: 256 }, (_, id) => [endedBy(id), id]).filter(([ended]) => ended);
    assert.deepEqual(pairs.sort(([a], [b]) => a - b), table.flatMap(({ id, clearedBy }) => (clearedBy && clearedBy !== SYSTEM_STARTED ? [[id, clearedBy]] : [])));
    assert.deepEqual(pairs.length, 9);
  });
});

describe("events from frames and registers", () => {
  it("all_events_49_full_log, newest_events_none", () => {
    const full = payloadOf("all_events_49_full_log"), none = payloadOf("newest_events_none");
    const given = (bmsVector("all_events_49_full_log").decoded as unknown as { events: { timestamp: number; id: number }[] }).events;
    assert.deepEqual(eventsOf(full), given.map(({ timestamp, id }) => event(id, timestamp)));
    assert.deepEqual([eventsAt(full), eventsOf(none), eventsAt(none)], [2000, [], 16683981]);
  });

  it("any log, full or not, gives the last 49 events in order, from 0x12 and from the registers by both commands", () => {
    const step = fc.record({ id: fc.integer({ min: 1, max: 255 }), after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: DAY })) });
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff - 120 * DAY }), fc.array(step, { maxLength: 110 }), (start, steps) => {
      let now = start;
      const happened = steps.map(({ id, after }) => event(id, now += after)), log = logged(happened), words = new Uint16Array(300);
      publishLog(log, words);
      const expected = happened.slice(-EVENT_SLOTS), slots = words.slice(200, 298);
      assert.deepEqual(eventsOf(payload(now, log.slots.map(({ id, time_s }) => event(id, time_s)))), expected);
      assert.deepEqual(eventsInRegisters(wordBytes(slots), 7, now), expected);
      assert.deepEqual(eventsInRegisters(wordBytes(slots, true), 3, now), expected);
    }));
  });

  it("extends the time of 24 bits to the last one that is not in the future", () => {
    const time = (low: number, now: number): number => eventsOf(payload(now, [event(1, low)]))[0].time;
    assert.deepEqual([time(5, 5), time(5, ROLLOVER + 5), time(6, ROLLOVER + 5), time(0xffffff, ROLLOVER), time(0, ROLLOVER)], [5, ROLLOVER + 5, 6, ROLLOVER - 1, ROLLOVER]);
    assert.equal(time(0xffffff, 0xfffffffe), 0xfeffffff);
    assert.equal(time(7, 6), 7, "the log was read a moment before the time, in the first 194 days");
  });

  it("empty slots, and what is cut off, are no events", () => {
    assert.deepEqual(eventsInRegisters("\0\0\0\0" + wordBytes([9, 0x6100]) + "\0\0\0\0\x01", 7, 9), [event(STARTED, 9)]);
    assert.deepEqual(eventsOf(""), []);
  });
});

describe("what is active", () => {
  const replay = (...ids: number[]): number[] => eventsReplay([], ids.map((id, i) => event(id, i)));

  it("each fault and warning until its own recovery, all until a restart", () => {
    for (const { id, severity, clearedBy } of table.filter((row) => row.severity !== "info")) {
      assert.deepEqual(replay(id), [id], severity);
      for (const { id: other } of table.filter((row) => row.severity === "info")) {
        assert.deepEqual(replay(id, other), other === clearedBy || other === STARTED ? [] : [id], `${id} then ${other}`);
      }
      if (clearedBy) assert.deepEqual(replay(id, clearedBy, id), [id]);
    }
    assert.deepEqual(replay(FAULT, WARNING, FAULT, 0x04, RECOVERED), [WARNING, 0x04]);
    assert.deepEqual(replay(RECOVERED, CHARGER, 0x7d), []);
    assert.deepEqual(replay(0x08, 0x30, 0x60, 0x90), [0x08, 0x30, 0x60], "unknown ones by their range");
  });
});

describe("the journal", () => {
  const log = [event(STARTED, 100), event(FAULT, 200), event(CHARGER, 300), event(WARNING, 300)];

  it("takes the first log as history, and knows what is active", () => {
    const journal = journalOf();
    assert.equal(eventsTake(journal, log, 400, 0), 0);
    assert.deepEqual([journal.total, journal.history, journal.active], [4, 4, [FAULT, WARNING]]);
    assert.deepEqual(entriesOf(journal), log.map(({ id, time }) => [id, time, 0]));
  });

  it("then only what is new, also within the second of the newest", () => {
    const journal = journalOf();
    eventsTake(journal, log, 300, 0);
    assert.equal(eventsTake(journal, log, 300, 0), 0, "the same again");
    assert.equal(eventsTake(journal, [], 301, 0), 0, "0x11 without news, or an emptied log");
    const more = [...log, event(CHARGER, 300), event(RECOVERED, 350)];
    assert.equal(eventsTake(journal, more, 360, 0), 2);
    assert.equal(eventsTake(journal, more.slice(-1), 370, 0), 0, "told again");
    assert.equal(eventsTake(journal, [event(FAULT, 380)], 390, 0), 1, "by 0x11 alone");
    assert.deepEqual([journal.total, journal.history, journal.active], [7, 4, [WARNING, FAULT]]);
  });

  it("an empty log first, then the first event", () => {
    const journal = journalOf();
    assert.deepEqual([eventsTake(journal, [], 0, 0), eventsTake(journal, [event(FAULT, 0)], 0, 0), journal.active], [0, 1, [FAULT]]);
  });

  it("begins again with another BMS, whose time is smaller; entries stay", () => {
    const journal = journalOf();
    eventsTake(journal, log, 400, 0);
    assert.equal(eventsTake(journal, [event(0x05, 20)], 30, 1000000), 0);
    assert.deepEqual([journal.total, journal.history, journal.from, journal.active], [5, 5, 4, [0x05]]);
    assert.deepEqual(entriesOf(journal).map(([, , wall]) => wall), [0, 0, 0, 0, 999990], "the time of day of another BMS is not known");
    assert.equal(eventsTake(journal, [event(0x05, 20), event(0x77, 40)], 50, 0), 1);
    assert.deepEqual(journal.active, []);
  });

  it("says the time of day as soon as it is known", () => {
    const journal = journalOf();
    eventsTake(journal, log, 400, 0);
    eventsTake(journal, [event(CHARGER, 410)], 410, 1800000000);
    assert.deepEqual(entriesOf(journal).map(([, , wall]) => wall), [1799999690, 1799999790, 1799999890, 1799999890, 1800000000]);
    eventsTake(journal, [event(CHARGER, 500)], 505, 0);
    eventsTake(journal, [], 510, 1800000105);
    assert.deepEqual(entriesOf(journal).map(([, , wall]) => wall).slice(-2), [1800000000, 1800000095], "what is known stays");
  });

  it("holds 49 entries, counts all, and agrees with a reader of everything, however the log is read", () => {
    const step = fc.record({ id: fc.constantFrom(FAULT, RECOVERED, WARNING, 0x7a, CHARGER, STARTED, 0x08), after: fc.integer({ min: 0, max: 3 }), read: fc.boolean() });
    fc.assert(fc.property(fc.nat(0xf0000000), fc.array(step, { maxLength: 150 }), (start, steps) => {
      const journal = journalOf(), happened: BmsEvent[] = [];
      let now = start, unread = 0, told = 0;
      eventsTake(journal, [], now, 0);
      for (const { id, after, read } of steps) {
        happened.push(event(id, now += after));
        unread++;
        if (!read && unread < EVENT_SLOTS) continue;
        told += eventsTake(journal, eventsOf(payload(now, logged(happened).slots.map(({ id: one, time_s }) => event(one, time_s)))), now, 0);
        unread = 0;
      }
      told += eventsTake(journal, happened.slice(-EVENT_SLOTS), now, 0);
      assert.deepEqual([told, journal.total, journal.history], [happened.length, happened.length, 0]);
      assert.deepEqual(entriesOf(journal).map(([id, time]) => event(id, time)), happened.slice(-JOURNAL_SIZE));
      assert.deepEqual(journal.active, eventsReplay([], happened));
    }), { numRuns: 200 });
  });

  it("takes what 0x11 tells, in any portions", () => {
    const step = fc.record({ id: fc.constantFrom(FAULT, RECOVERED, WARNING, CHARGER), after: fc.integer({ min: 1, max: 9 }), read: fc.boolean() });
    fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const journal = journalOf(), log = createLog();
      let now = 100, told = eventsTake(journal, [], now, 0);
      steps.forEach(({ id, after, read }, i) => {
        logEvent(log, id, now += after);
        if (!read && i < steps.length - 1 && log.unread < EVENT_SLOTS) return;
        told += eventsTake(journal, eventsOf(payload(now, takeNewEvents(log).map(({ id: one, time_s }) => event(one, time_s)))), now, 0);
      });
      assert.deepEqual([told, journal.total], [steps.length, steps.length]);
    }));
  });

  it("stays bounded when the time of the BMS stands still", () => {
    const journal = journalOf();
    eventsTake(journal, [], 5, 0);
    for (let i = 1; i <= 3000; i++) eventsTake(journal, [event(i % 48 + 1, 5)], 5, 0);
    assert.ok(journal.seen.length <= JOURNAL_SIZE && journal.active.length <= 48);
  });
});
