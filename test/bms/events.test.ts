// The event log: from frames and registers, the whole time of 24 bits, what is active, what is new, and the journal of
// it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { eventName, eventSeverity } from "../../firmware/battery/names.cold";
import { type Journal, JOURNAL_SIZE, journalOf, KNOWN_SIZE } from "../../firmware/battery/journal";
import { severities } from "../../firmware/tables/states";
import { endedBy } from "../../firmware/bms/events.baked.cold";
import {
  type BmsEvent,
  eventsAt,
  eventsInRegisters,
  eventsOf,
  eventsReplay,
  eventsTake,
} from "../../firmware/bms/events.cold";
import { events as table, SYSTEM_STARTED } from "../../firmware/tables/events";
import { setImageText } from "../../firmware/kernel/text.cold";
import {
  createLog,
  EVENT_SLOTS,
  type EventLog,
  logEvent,
  publishLog,
  takeNewEvents,
} from "../../tools/simulator/events";
import { bakeText } from "../../tools/bake/text";
import { bmsVector, bytes, wordBytes } from "../fixtures/bytes";

const DAY = 86400,
  ROLLOVER = 0x1000000,
  FAULT = 0x02,
  RECOVERED = 0x7b,
  WARNING = 0x31,
  STARTED = 0x61,
  CHARGER = 0x64;
const event = (id: number, time: number): BmsEvent => ({ id, time });
/** Entries as the log has them: 24 bits of time, the number above. */
const packed = (list: BmsEvent[]): Uint32Array =>
  Uint32Array.from(list, ({ id, time }) => id * ROLLOVER + (time % ROLLOVER));
/** What 0x11 tells; the whole log. */
const tell = (journal: Journal, list: BmsEvent[], now: number, wall = 0): number =>
  eventsTake(journal, packed(list), now, wall, false);
const read = (journal: Journal, list: BmsEvent[], now: number, wall = 0): number =>
  eventsTake(journal, packed(list), now, wall, true);
const slotsOf = (log: EventLog): BmsEvent[] => log.slots.map(({ id, time_s }) => event(id, time_s));
const payloadOf = (name: string): string => bytes(bmsVector(name).response_hex).slice(3, -2);

/** Payload of 0x11 or 0x12: the time, then the log's slots as they stand. */
const payload = (now: number, slots: BmsEvent[]): string =>
  wordBytes([now % 65536, Math.floor(now / 65536)]) +
  slots.map(({ id, time }) => wordBytes([time % 65536, (Math.floor(time / 65536) & 255) | (id << 8)])).join("");

/** Entries of the journal that it still has, oldest first. */
const entriesOf = (journal: Journal): number[][] =>
  Array.from({ length: Math.min(journal.total, JOURNAL_SIZE) }, (_, i) => {
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
    assert.deepEqual(
      pairs.sort(([a], [b]) => a - b),
      table.flatMap(({ id, clearedBy }) => (clearedBy && clearedBy !== SYSTEM_STARTED ? [[id, clearedBy]] : [])),
    );
    assert.deepEqual(pairs.length, 9);
  });
});

describe("events from frames and registers", () => {
  it("all_events_49_full_log, newest_events_none", () => {
    const full = payloadOf("all_events_49_full_log"),
      none = payloadOf("newest_events_none");
    const given = (
      bmsVector("all_events_49_full_log").decoded as unknown as { events: { timestamp: number; id: number }[] }
    ).events;
    assert.deepEqual(
      eventsOf(full),
      given.map(({ timestamp, id }) => event(id, timestamp)),
    );
    assert.deepEqual([eventsAt(full), eventsOf(none), eventsAt(none)], [2000, [], 16683981]);
  });

  it("a full ring whose time falls twice by as much begins at the first fall", () => {
    const slots = Array.from({ length: EVENT_SLOTS }, (_, i) =>
        event(CHARGER, i < 10 ? 2000 + i : i < 30 ? 1000 + i : i),
      ),
      words = Uint16Array.from([...packed(slots)].flatMap((entry) => [entry & 0xffff, Math.floor(entry / 65536)]));
    assert.deepEqual(
      eventsInRegisters(words, 5000).map(({ time }) => time),
      [...slots.slice(10), ...slots.slice(0, 10)].map(({ time }) => time),
    );
  });

  it("an entry of half the 24 bits ago is an event, one of a second more is of no known time", () => {
    for (const [age, added] of [
      [ROLLOVER / 2, 1],
      [ROLLOVER / 2 + 1, -1],
    ] as const) {
      const journal = journalOf(),
        now = 3 * ROLLOVER;
      read(journal, [event(CHARGER, now - 100)], now - 50);
      assert.equal(tell(journal, [event(CHARGER, now - age)], now), added, `${age} s`);
    }
  });

  it("any log, full or not, gives the last 49 events in order, from 0x12 and from the registers", () => {
    const step = fc.record({
      id: fc.integer({ min: 1, max: 255 }),
      after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: DAY })),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff - 120 * DAY }),
        fc.array(step, { maxLength: 110 }),
        (start, steps) => {
          let now = start;
          const happened = steps.map(({ id, after }) => event(id, (now += after))),
            log = logged(happened),
            words = new Uint16Array(300);
          publishLog(log, words);
          const expected = happened.slice(-EVENT_SLOTS),
            slots = words.slice(200, 298);
          assert.deepEqual(
            eventsOf(
              payload(
                now,
                log.slots.map(({ id, time_s }) => event(id, time_s)),
              ),
            ),
            expected,
          );
          assert.deepEqual(eventsInRegisters(slots, now), expected);
        },
      ),
    );
  });

  it("extends the time of 24 bits to the last one that is not in the future", () => {
    const time = (low: number, now: number): number => eventsOf(payload(now, [event(1, low)]))[0].time;
    assert.deepEqual(
      [time(5, 5), time(5, ROLLOVER + 5), time(6, ROLLOVER + 5), time(0xffffff, ROLLOVER), time(0, ROLLOVER)],
      [5, ROLLOVER + 5, 6, ROLLOVER - 1, ROLLOVER],
    );
    assert.equal(time(0xffffff, 0xfffffffe), 0xfeffffff);
    assert.equal(time(7, 6), 7, "the log was read a moment before the time, in the first 194 days");
  });

  it("empty slots, and what is cut off, are no events", () => {
    assert.deepEqual(eventsInRegisters(Uint16Array.of(0, 0, 9, 0x6100, 0, 0, 1), 9), [event(STARTED, 9)]);
    assert.deepEqual(eventsOf(""), []);
  });
});

describe("what is active", () => {
  const replay = (...ids: number[]): number[] =>
    eventsReplay(
      [],
      ids.map((id, i) => event(id, i)),
    );

  it("each fault and warning until its own recovery, all until a restart", () => {
    for (const { id, severity, clearedBy } of table.filter((row) => row.severity !== "info")) {
      assert.deepEqual(replay(id), [id], severity);
      for (const { id: other } of table.filter((row) => row.severity === "info")) {
        assert.deepEqual(
          replay(id, other),
          other === clearedBy || other === STARTED ? [] : [id],
          `${id} then ${other}`,
        );
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
    assert.equal(read(journal, log, 400), 0);
    assert.deepEqual([journal.total, journal.history, journal.active], [4, 4, [FAULT, WARNING]]);
    assert.deepEqual(
      entriesOf(journal),
      log.map(({ id, time }) => [id, time, 0]),
    );
  });

  it("then only what is new, also within the second of the newest", () => {
    const journal = journalOf();
    read(journal, log, 300);
    assert.equal(read(journal, log, 300), 0, "the same again");
    assert.equal(tell(journal, [], 301), 0, "0x11 without news");
    assert.equal(read(journal, [], 301), 0, "an emptied log");
    const more = [...log, event(CHARGER, 300), event(RECOVERED, 350)];
    assert.equal(read(journal, more, 360), 2);
    assert.equal(tell(journal, more.slice(-1), 370), 0, "told again");
    assert.equal(tell(journal, [event(FAULT, 380)], 390), 1, "by 0x11 alone");
    assert.deepEqual([journal.total, journal.history, journal.active], [7, 4, [WARNING, FAULT]]);
  });

  it("an empty log first, then the first event", () => {
    const journal = journalOf();
    assert.deepEqual([read(journal, [], 0), tell(journal, [event(FAULT, 0)], 0), journal.active], [0, 1, [FAULT]]);
  });

  it("begins again with another BMS, whose time is smaller; entries stay, and what it does not name goes on", () => {
    const journal = journalOf();
    read(journal, log, 400);
    assert.equal(read(journal, [event(0x05, 20)], 30, 1000000), 0);
    assert.deepEqual([journal.total, journal.history, journal.from, journal.active], [5, 5, 4, [FAULT, WARNING, 0x05]]);
    assert.deepEqual(
      entriesOf(journal).map(([, , wall]) => wall),
      [0, 0, 0, 0, 999990],
      "the time of day of another BMS is not known",
    );
    assert.equal(read(journal, [event(0x05, 20), event(0x77, 40)], 50), 1);
    assert.deepEqual(journal.active, [FAULT, WARNING]);
  });

  it("says the time of day as soon as it is known", () => {
    const journal = journalOf();
    read(journal, log, 400);
    tell(journal, [event(CHARGER, 410)], 410, 1800000000);
    assert.deepEqual(
      entriesOf(journal).map(([, , wall]) => wall),
      [1799999690, 1799999790, 1799999890, 1799999890, 1800000000],
    );
    tell(journal, [event(CHARGER, 500)], 505);
    tell(journal, [], 510, 1800000105);
    assert.deepEqual(
      entriesOf(journal)
        .map(([, , wall]) => wall)
        .slice(-2),
      [1800000000, 1800000095],
      "what is known stays",
    );
  });

  const luck = fc.record({
    id: fc.constantFrom(FAULT, RECOVERED, WARNING, 0x7a, CHARGER, STARTED, 0x08),
    after: fc.integer({ min: 0, max: 3 }),
    read: fc.boolean(),
  });

  it("holds 49 entries, counts all, and agrees with a reader of everything, however often the log is read", () => {
    fc.assert(
      fc.property(fc.nat(0xf0000000), fc.array(luck, { maxLength: 150 }), (start, steps) => {
        const journal = journalOf(),
          happened: BmsEvent[] = [];
        let now = start,
          unread = 0,
          told = read(journal, [], now);
        for (const { id, after, read: isRead } of steps) {
          happened.push(event(id, (now += after)));
          unread++;
          if (!isRead && unread < EVENT_SLOTS - 1) continue;
          told += read(journal, slotsOf(logged(happened)), now);
          unread = 0;
        }
        told += read(journal, slotsOf(logged(happened)), now);
        assert.deepEqual([told, journal.total, journal.history], [happened.length, happened.length, 0]);
        assert.deepEqual(
          entriesOf(journal).map(([id, time]) => event(id, time)),
          happened.slice(-JOURNAL_SIZE),
        );
        assert.deepEqual(journal.active, eventsReplay([], happened));
      }),
      { numRuns: 200 },
    );
  });

  it("takes what 0x11 tells, in any portions", () => {
    const step = fc.record({
      id: fc.constantFrom(FAULT, RECOVERED, WARNING, CHARGER),
      after: fc.integer({ min: 1, max: 9 }),
      read: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const journal = journalOf(),
          log = createLog();
        let now = 100,
          told = read(journal, [], now);
        steps.forEach(({ id, after, read: isRead }, i) => {
          logEvent(log, id, (now += after));
          if (!isRead && i < steps.length - 1 && log.unread < EVENT_SLOTS) return;
          const list = takeNewEvents(log).map(({ id: one, time_s }) => event(one, time_s));
          told += tell(journal, list, now);
        });
        assert.deepEqual([told, journal.total], [steps.length, steps.length]);
      }),
    );
  });

  it("stays bounded when the time of the BMS stands still", () => {
    const journal = journalOf();
    read(journal, [], 5);
    for (let i = 1; i <= 3000; i++) tell(journal, [event((i % 48) + 1, 5)], 5);
    assert.ok(journal.known.length === KNOWN_SIZE && journal.active.length <= 48);
  });
});

describe("a restart, a counter that went back, an entry in the future", () => {
  const LOW_TEMP = 0x37,
    SENSOR = 0x0e,
    SWITCH = 0x0b;
  /** All that happened, then the whole log when `tell` asks for it. */
  function told(journal: Journal, happened: BmsEvent[], news: BmsEvent[], now: number): void {
    happened.push(...news);
    if (tell(journal, news, now) < 0) read(journal, slotsOf(logged(happened)), now);
  }

  it("events after a restart with the counter 5 s back count", () => {
    const journal = journalOf(),
      happened = [event(CHARGER, 60), event(0x65, 63)];
    read(journal, happened, 66);
    told(journal, happened, [event(STARTED, 62), event(LOW_TEMP, 62)], 63);
    assert.deepEqual([journal.active, journal.total], [[LOW_TEMP], 4]);
    told(journal, happened, [event(0x74, 63)], 64);
    assert.deepEqual(journal.active, []);
  });

  it("a restart ends what was before it, told alone or with it, whatever the counter says", () => {
    for (const apart of [true, false]) {
      const journal = journalOf(),
        happened = [event(CHARGER, 50)];
      read(journal, happened, 60);
      const fault = [event(SENSOR, 63)],
        restart = [event(STARTED, 62)];
      if (apart) {
        told(journal, happened, fault, 64);
        assert.deepEqual(journal.active, [SENSOR]);
        told(journal, happened, restart, 63);
      } else {
        told(journal, happened, [...fault, ...restart], 70);
      }
      assert.deepEqual(journal.active, [], String(apart));
    }
  });

  it("a fault that 0x11 tells beside a restart counts at once, before the log was read", () => {
    const journal = journalOf();
    read(journal, [event(CHARGER, 50)], 60);
    assert.equal(tell(journal, [event(STARTED, 55), event(SWITCH, 56)], 57), -1);
    assert.deepEqual([journal.active, journal.total], [[SWITCH], 1]);
    assert.equal(tell(journal, [event(STARTED, 58), event(SWITCH, 59)], 60), -1);
    assert.deepEqual(journal.active, [SWITCH], "once");
  });

  it("an entry in the future deafens nothing", () => {
    for (const odd of [event(255, ROLLOVER - 1), event(CHARGER, ROLLOVER - 1), event(CHARGER, 5000)]) {
      for (const now of [1000, 20000000]) {
        const journal = journalOf(),
          happened = [event(CHARGER, now - 50), odd];
        read(journal, happened, now);
        for (const [i, id] of [LOW_TEMP, SWITCH].entries())
          told(journal, happened, [event(id, now + 10 * i + 1)], now + 10 * i + 2);
        assert.deepEqual(journal.active, [LOW_TEMP, SWITCH], JSON.stringify([odd, now]));
        told(journal, happened, [odd], now + 30);
        told(journal, happened, [event(0x74, now + 40)], now + 41);
        assert.deepEqual(journal.active, [SWITCH]);
      }
    }
  });

  it("a counter that jumps back ends nothing, whether something is told or not", () => {
    for (const news of [[], [event(CHARGER, 20)]]) {
      const journal = journalOf(),
        happened = [event(SWITCH, 1000)];
      read(journal, happened, 1100);
      told(journal, happened, news, 30);
      assert.deepEqual(journal.active, [SWITCH]);
    }
  });

  it("a full ring with a setback in it is read in the order of its slots", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 48 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 500 }),
        (turn, ago, by) => {
          const happened: BmsEvent[] = [];
          let now = 100000;
          for (let i = 0; i < 49 + turn - ago; i++) happened.push(event(CHARGER, (now += 20)));
          happened.push(event(SWITCH, (now += 1)), event(STARTED, (now -= by)));
          for (let i = 0; i < ago; i++) happened.push(event(i === 0 ? LOW_TEMP : CHARGER, (now += 1)));
          const journal = journalOf();
          read(journal, slotsOf(logged(happened)), now + 1);
          assert.deepEqual(journal.active, [LOW_TEMP]);
        },
      ),
    );
  });

  // Found by the oracle (restarts, seed 128): a unit whose counter went back twice by 600 s, on a device that started.
  const TWICE_BACK =
    "bfffc8f 64fffc93 65fffc93 efffc93 61fffc8f 31fffc92 61fffa3b 37fffa3b 7afffa6d 74fffa6d 37fffb3e 61fffb42 37fffb42 " +
    "74fffb56 efffb6e 64fffb75 65fffb75 efffb75 61fffb72 bfffb72 61fffb76 3fffb79 61fffb9d 79fffb9d 74fffd44 efffd49 " +
    "61fffd4b 31fffd4b 7afffd64 efffd91 61fffd8f 37fffd8f 74fffda2 3fffe5c 79fffe5c 61fffe5d 37fffe60 74fffe71 64fffe88 " +
    "65fffe88 efffe88 61fffe77 61fffe79 bfffe7a 61fffea8 37fffeb2 61fffc5d 37fffc5d 74fffc85";
  const slotsOfText = (text: string): BmsEvent[] =>
    text.split(" ").map((word) => event(parseInt(word, 16) >>> 24, parseInt(word, 16) % ROLLOVER));

  it("what was to happen after the time of reading is from before a setback, also by less than a minute", () => {
    const journal = journalOf();
    read(journal, slotsOfText(TWICE_BACK), 0xfffc2a);
    assert.deepEqual(journal.active, []);
  });

  it("a restart ends what was before it, wherever a full ring seemed to begin", () => {
    const next = TWICE_BACK.split(" ").indexOf("74fffd44");
    for (const now of [0xfffc2a, 0xfffcf8, 0xfffd50]) {
      const journal = journalOf(),
        slots = slotsOfText(TWICE_BACK);
      let at = next,
        time = now;
      const take = (...ids: number[]): void => {
        const news = ids.map((id) => event(id, time++));
        for (const one of news) slots[at++ % EVENT_SLOTS] = one;
        if (tell(journal, news, time) < 0) {
          read(journal, slots, time);
          read(journal, slots, time); // 0x11 tells nothing right after the log: it is not read twice
        }
      };
      read(journal, slots, now);
      take(LOW_TEMP);
      read(journal, slots, time);
      for (let turn = 0; turn < 30; turn++) {
        time += 7; // an entry of the same number in the same second would be the same one
        take(STARTED, SWITCH);
        assert.deepEqual(journal.active, [SWITCH], `${now}, ${turn}`);
        take(STARTED);
        assert.deepEqual(journal.active, [], `${now}, ${turn}`);
      }
    }
  });

  // Found by the oracle (restarts, seed 200): three entries were written while the log was read, two were seen.
  it("an entry that is found after those behind it is not the newest", () => {
    const journal = journalOf(),
      old = [event(STARTED, 100), event(SENSOR, 150), event(STARTED, 140), event(CHARGER, 160)],
      news = [event(CHARGER, 200), event(0x65, 200), event(SENSOR, 200)],
      restart = [event(STARTED, 206), event(0x03, 207)];
    read(journal, [...old, ...news.slice(1)], 201);
    assert.equal(tell(journal, news, 202), 1);
    read(journal, [...old, ...news], 203);
    assert.deepEqual(journal.active, [SENSOR]);
    assert.equal(tell(journal, restart.slice(0, 1), 207), -1);
    read(journal, [...old, ...news, ...restart], 208);
    assert.deepEqual(journal.active, [0x03]);
  });

  it("a recovery in the very second of an older one ends what it names, and no older restart anything", () => {
    const journal = journalOf(),
      happened = [event(STARTED, 4999), event(RECOVERED, 4999)];
    read(journal, happened, 4999);
    told(journal, happened, [event(STARTED, 4960), event(FAULT, 4962)], 4962);
    told(journal, happened, [event(SWITCH, 4988)], 4988);
    told(journal, happened, [event(FAULT, 4995), event(RECOVERED, 4999)], 4999);
    read(journal, happened, 4999);
    assert.deepEqual(journal.active, [SWITCH]);
  });

  // Found by the oracle (restarts, seed 419794): the counter went 5 s back, and passed the second of an older event.
  it("an event, its recovery and a restart count in the very second of older ones of the same number", () => {
    const journal = journalOf(),
      happened = [event(STARTED, 50)];
    read(journal, happened, 60);
    told(journal, happened, [event(LOW_TEMP, 63), event(0x74, 63)], 64);
    told(journal, happened, [event(STARTED, 60)], 60);
    told(journal, happened, [event(LOW_TEMP, 63)], 63);
    assert.deepEqual([journal.active, journal.total], [[LOW_TEMP], 5]);
    told(journal, happened, [event(0x74, 63)], 63);
    assert.deepEqual([journal.active, journal.total], [[], 6]);
    told(journal, happened, [event(SENSOR, 64)], 64);
    told(journal, happened, [event(STARTED, 60), event(SWITCH, 61)], 61);
    told(journal, happened, [event(SENSOR, 64)], 64);
    assert.deepEqual(journal.active, [SWITCH, SENSOR]);
    assert.deepEqual(
      entriesOf(journal).map(([id, time]) => event(id, time)),
      happened,
    );
  });

  it("so they do within one second, told one by one, also beside others", () => {
    for (const beside of [[], [event(CHARGER, 101)]]) {
      const journal = journalOf(),
        happened: BmsEvent[] = [];
      read(journal, happened, 90);
      for (const id of [FAULT, RECOVERED, FAULT]) told(journal, happened, [event(id, 100)], 100);
      assert.deepEqual(journal.active, [FAULT]);
      told(journal, happened, [event(RECOVERED, 100), ...beside], 101);
      assert.deepEqual([journal.active, journal.total], [[], 4 + beside.length]);
    }
  });

  it("a unit that tells the same again lets the log be read once, and what the alarms have ended is over", () => {
    const journal = journalOf(),
      log = [event(CHARGER, 90), event(LOW_TEMP, 100)];
    read(journal, log, 110);
    assert.equal(tell(journal, log, 112), 0, "while it is active");
    journal.active = [];
    assert.equal(tell(journal, log, 114), -1);
    assert.equal(read(journal, log, 115), 0);
    for (const now of [116, 118, 120]) assert.equal(tell(journal, log, now), 0, `${now}`);
    assert.deepEqual([journal.active, journal.total], [[], 2]);
  });

  it("a full ring of any order, then restarts: what came since counts, and nothing else", () => {
    const entry = fc.tuple(
      fc.constantFrom(SWITCH, SENSOR, LOW_TEMP, 0x74, STARTED, CHARGER),
      fc.integer({ min: 1, max: 3000 }),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, { minLength: 49, maxLength: 49, selector: ([, time]) => time }),
        fc.array(fc.constantFrom(SWITCH, SENSOR, LOW_TEMP, 0x74, CHARGER), { maxLength: 6 }),
        fc.array(fc.constantFrom(SWITCH, SENSOR, LOW_TEMP, 0x74, CHARGER), { maxLength: 6 }),
        (full, first, second) => {
          const journal = journalOf(),
            happened = full.map(([id, time]) => event(id, time));
          let time = 4000;
          read(journal, slotsOf(logged(happened)), time);
          for (const ids of [first, second]) {
            told(journal, happened, [event(CHARGER, ++time)], time);
            const news = [STARTED, ...ids].map((id) => event(id, ++time));
            told(journal, happened, news, time);
            assert.deepEqual(journal.active, eventsReplay([], news));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("what is active agrees with a reader of everything where entries are equal, in a log that is not full", () => {
    const step = fc.record({
      id: fc.constantFrom(FAULT, RECOVERED, WARNING, SWITCH),
      after: fc.integer({ min: 0, max: 2 }),
      back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })),
      isAsked: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 12, maxLength: 24 }), (steps) => {
        const journal = journalOf(),
          happened: BmsEvent[] = [];
        let now = 5000,
          news: BmsEvent[] = [];
        read(journal, [], now);
        for (const { id, after, back, isAsked } of steps) {
          if (back) news.push(event(STARTED, (now -= back)));
          news.push(event(id, (now += after)));
          if (!isAsked) continue;
          told(journal, happened, news, now);
          news = [];
          assert.deepEqual([...journal.active].sort(), eventsReplay([], happened).sort());
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("agrees with a reader of everything over restarts and setbacks, however the log is read", () => {
    const step = fc.record({
      id: fc.constantFrom(FAULT, RECOVERED, WARNING, 0x7a, CHARGER, SWITCH),
      after: fc.integer({ min: 0, max: 9 }),
      back: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 50 })),
      ask: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 5000, max: 0x3000000 }), fc.array(step, { maxLength: 120 }), (start, steps) => {
        const journal = journalOf(),
          happened: BmsEvent[] = [],
          log = createLog();
        let now = start;
        read(journal, [], now);
        const take = (): void => {
          const news = takeNewEvents(log).map(({ id, time_s }) => event(id, time_s));
          if (tell(journal, news, now) < 0) read(journal, slotsOf(log), now);
        };
        for (const { id, after, back, ask } of steps) {
          if (back) {
            now -= back;
            happened.push(event(STARTED, now));
            logEvent(log, STARTED, now);
          }
          happened.push(event(id, (now += after)));
          logEvent(log, id, now);
          if (ask === 0 || log.unread > 40) take();
        }
        take();
        read(journal, slotsOf(log), now);
        // what is active for sure is: nothing that goes on is ended (the same number in the same second is one)
        for (const id of eventsReplay([], happened)) assert.ok(journal.active.includes(id), `0x${id.toString(16)}`);
      }),
      { numRuns: 300 },
    );
  });
});
