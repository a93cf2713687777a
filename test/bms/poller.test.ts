// Block reads of the TinyBMS: all vectors that concern 0x03 and 0x07, whole, byte by byte and after noise; then any
// bytes.
import assert from "node:assert/strict";
import fc from "fast-check";
import { acceptEvents, pace, pollPeriod, pollerExpire, takePiece } from "../../firmware/bms/poller.cold";
import { newestEvents, pollPlan, readsOf } from "../../firmware/bms/plan.baked.cold";
import { EVENTS, SETTINGS as SETTINGS_GROUP } from "../../firmware/bms/places";
import { type Exchange, pollerFeed, pollerNext, pollerOf, type Poller } from "../../firmware/bms/poller";
import { journalOf } from "../../firmware/battery/journal";
import { LOST, snapshotOf } from "../../firmware/battery/snapshot";
import { receive } from "../../firmware/bms/receive.cold";
import {
  type BmsVector,
  bmsVector,
  bmsVectors,
  bytes,
  framed,
  hex,
  replyOf,
  slowCrc,
  toArrayBuffer,
} from "../fixtures/bytes";

const FAST = "\xaa\x07\x11\x24\x00\x76\x69",
  CELLS = "\xaa\x07\x10\x00\x00\x3c\xa9",
  SETTINGS = framed("\xaa\x03\x01\x2c\x00\x1d");
/** All settings in one reply, as the vendor's vectors have it. */
const SETTINGS_AT_ONCE = framed("\xaa\x03\x01\x2c\x00\x2c");
const LATE = 10000;
const blockReads = bmsVectors.filter((vector) => /^AA 0[37]/.test(vector.request_hex));

/** The exchange of a request as the plan would have it. */
function exchangeOf(request: string): Exchange {
  const command = request.charCodeAt(1),
    words = request.charCodeAt(command === 7 ? 2 : 5),
    head = "\xaa" + String.fromCharCode(command, 2 * words);
  return {
    request,
    head,
    length: 2 * words + 5,
    crc: slowCrc(head),
    every: 0,
    due: 0,
    ...(command === 3 && { turned: true }),
  };
}

/** A poller that has just sent `request`, without further copies. */
function asking(request: string): Poller {
  const poller = pollerOf([exchangeOf(request)]);
  poller.retries = 0;
  assert.equal(pollerNext(poller, 0), request);
  return poller;
}

/** Feed pieces until words come; the words without the CRC, as numbers. */
function feed(poller: Poller, pieces: string[]): number[] | null {
  for (const piece of pieces) {
    const words = pollerFeed(poller, piece, toArrayBuffer);
    if (words) return Array.from(words).slice(0, -1);
  }
  return null;
}

const numbers = (vector: BmsVector): number[] | null =>
  vector.decoded.outcome === "ok"
    ? Object.entries(vector.decoded.registers ?? {})
        .sort(([a], [b]) => +a - +b)
        .map(([, word]) => word)
    : null;
const isSwapped = (vector: BmsVector): boolean => vector.request_hex.startsWith("AA 03");
const swap = (words: number[] | null, yes: boolean): number[] | null =>
  words && yes ? words.map((word) => (word >> 8) | ((word & 255) << 8)) : words;
const outcomeOf = (vector: BmsVector): string =>
  ["ok", "nack"].includes(vector.decoded.outcome) ? vector.decoded.outcome : (vector.decoded.error as string);

/** The counter that a failure raises. */
const counters: Record<string, "ok" | "nacks" | "timeouts" | "crc" | "foreign"> = {
  ok: "ok",
  nack: "nacks",
  truncated: "timeouts",
  timeout: "timeouts",
  crc_mismatch: "crc",
  unexpected_reply: "foreign",
  length_mismatch: "foreign",
  multi_packet: "foreign",
};

const EXTRA = "\xaa\x07\x18\x20\x00\xa4\xab",
  STATISTICS = "\xaa\x03\x00\x64\x00\x12\x9d\xc3",
  IDENTITY = "\xaa\x03\x01\xf4\x00\x0a\x9c\x18";
const ALL_EVENTS = framed("\xaa\x07\x1c\xc8\x00"),
  NEWEST_EVENTS = "\xaa\x11\xbf\x1c";

describe("poll plan", () => {
  it("asks for what the protocol says, byte by byte", () => {
    const plan = pollPlan(),
      newest = newestEvents();
    assert.deepEqual(
      plan.map((exchange) => exchange.request),
      [FAST, CELLS, SETTINGS, EXTRA, STATISTICS, IDENTITY, ALL_EVENTS],
    );
    plan.forEach(({ part, ...exchange }, group) => {
      assert.deepEqual({ ...exchange, every: 0 }, exchangeOf(exchange.request));
      assert.equal(part, group === SETTINGS_GROUP || group === EVENTS ? 0 : undefined);
    });
    assert.deepEqual([newest.request, newest.head, newest.list], [NEWEST_EVENTS, "\xaa\x11", true]);
    for (const { request, head, crc } of [...plan, newest]) {
      assert.equal(slowCrc(request), 0, "a frame with its CRC has CRC 0");
      assert.equal(crc, slowCrc(head.length < 3 ? head + "\x04" : head));
    }
  });

  it("takes turns: each group in its period, one request at a time, the one that has been due longest first", () => {
    const poller = pollerOf(pollPlan()),
      sent: Record<string, number> = {};
    poller.plan[0].every = 250;
    for (let now = 0; now < 600000; now += 5) {
      const request = pollerNext(poller, now),
        pending = poller.pending!;
      if (!request) continue;
      assert.equal(pollerNext(poller, now), "", "nothing while an answer is awaited");
      sent[request] = (sent[request] ?? 0) + 1;
      const head = pending.list ? pending.head + "\x04" : pending.head,
        body = head + "\0".repeat(pending.length - 5);
      const words = pollerFeed(poller, framed(body), toArrayBuffer),
        group = poller.plan.indexOf(pending);
      assert.ok(words);
      if (pending.part !== undefined) takePiece(poller, group, words, now);
    }
    const expected: [string, number][] = [
      [FAST, 2400],
      [CELLS, 600],
      [SETTINGS, 10],
      [framed("\xaa\x03\x01\x49\x00\x0f"), 10],
      [EXTRA, 60],
      [STATISTICS, 10],
      [IDENTITY, 1],
      ...readsOf(EVENTS).map(([at, count]): [string, number] => [
        framed("\xaa\x07" + String.fromCharCode(count, at & 255, at >> 8)),
        300,
      ]),
    ];
    for (const [request, count] of expected)
      assert.ok(Math.abs(sent[request]! - count) <= count / 50 + 1, `${hex(request)}: ${sent[request]}`);
  });
});

describe("the event log", () => {
  const words = (time: number, ids: number[]): string =>
    String.fromCharCode(
      time & 255,
      (time >> 8) & 255,
      (time >> 16) & 255,
      0,
      ...ids.flatMap((id, i) => [(time - 10 + i) & 255, ((time - 10 + i) >> 8) & 255, 0, id]),
    );
  const replyTo = (command: number, payload: string): string => {
    const frame = "\xaa" + String.fromCharCode(command, payload.length) + payload,
      crc = slowCrc(frame);
    return frame + String.fromCharCode(crc & 255, crc >> 8);
  };

  for (const [how, cut] of [
    ["whole", 300],
    ["byte by byte", 1],
    ["in pieces of 7", 7],
  ] as const) {
    for (const noise of ["", "\xaa\x12\x00", "BPV: 52.1\t\xaa"]) {
      it(`a list of three, ${how}, behind ${hex(noise) || "nothing"}`, () => {
        const poller = pollerOf([newestEvents()]),
          journal = journalOf(),
          reply = noise + replyTo(0x11, words(5000, [0x65, 2, 0x62]));
        pollerNext(poller, 0);
        let found = null;
        for (let i = 0; i < reply.length; i += cut)
          found = pollerFeed(poller, reply.slice(i, i + cut), toArrayBuffer) ?? found;
        assert.ok(found);
        const snapshot = snapshotOf();
        journal.checked = true;
        journal.readAt = 0;
        acceptEvents(poller, snapshot, journal, found, false, 7, 0);
        assert.deepEqual([snapshot.faults.low, snapshot.faults.high, snapshot.faults.at], [4, 0, 7]);
        assert.deepEqual([journal.total, journal.history, journal.active, journal.readAt], [3, 0, [2], 5000]);
      });
    }
  }
});

describe("the event log", () => {
  it("brings an event to the alarms once: what they have ended does not come back with the next one", () => {
    const journal = journalOf(),
      snapshot = snapshotOf(),
      { faults } = snapshot;
    const take = (time: number, ids: number[]): void => {
      const poller = pollerOf(pollPlan()),
        log = new Uint16Array(100);
      ids.forEach((id, i) => log.set([time + i, id << 8], 2 * i));
      log[98] = time + 9;
      acceptEvents(poller, snapshot, journal, log, true, time, 0);
    };
    take(1000, [0x61]);
    assert.equal(faults.fresh, false);
    take(2000, [0x38, 0x03]);
    assert.deepEqual([faults.low, faults.high, faults.fresh], [8, 1 << 24, true]);
    Object.assign(faults, { high: 0, fresh: false }); // as the alarms do
    take(3000, [0x64]);
    assert.deepEqual([faults.low, faults.high, faults.fresh], [8, 0, false]);
    take(4000, [0x38]);
    assert.deepEqual([faults.low, faults.high, faults.fresh], [8, 1 << 24, true]);
  });
});

describe("a line or a unit that fails", () => {
  it("three failures: a poll a second, a request at least twice; after the first reply as before; asleep once a minute", () => {
    const poller = pollerOf(pollPlan()),
      snapshot = snapshotOf(),
      journal = journalOf();
    for (const failed of [1, 2, 3, 4]) {
      poller.failed = failed;
      pace(poller, snapshot, journal, 230, 0);
      assert.deepEqual([poller.plan[0].every, poller.retries], failed < 3 ? [230, 0] : [1000, 1]);
      assert.equal(pollPeriod(poller, 230), failed < 3 ? 250 : 1000, "what is early counts on a good line only");
    }
    snapshot.phase = LOST;
    journal.active = [2];
    pace(poller, snapshot, journal, 230, 2);
    assert.deepEqual([poller.plan[0].every, poller.retries], [60000, 2]);
    poller.failed = 0;
    pace(poller, snapshot, journal, 230, 0);
    assert.deepEqual([poller.plan[0].every, poller.retries], [230, 0]);
  });

  it("asks an empty battery that does not answer twice a minute, all of it at once when it does", () => {
    const poller = pollerOf(pollPlan()),
      snapshot = snapshotOf(),
      journal = journalOf(),
      sent: [number, string][] = [];
    snapshot.phase = LOST;
    journal.active = [2];
    const send = (now: number, request: string): void => {
      if (request) sent.push([now, request]);
    };
    const step = (now: number): void => {
      if (poller.pending) {
        send(now, pollerExpire(poller, now));
        if (poller.failed) pace(poller, snapshot, journal, 230, 1);
      }
      send(now, pollerNext(poller, now));
    };
    for (let now = 0; now < 400000; now += 250) step(now);
    const minute = sent.filter(([now]) => now >= 100000);
    assert.ok(minute.length >= 8 && minute.length <= 12, `${minute.length} requests in 5 minutes`);
    assert.ok(minute.every(([, request]) => request === FAST));
    poller.failed = 0;
    poller.pending = null;
    pace(poller, snapshot, journal, 230, 1);
    assert.equal(pollerNext(poller, 400100), FAST);
    assert.ok(poller.plan.slice(1).every(({ due }) => due === 0));
  });

  it("reads all events again after a failure, and does not repeat a request for new ones", () => {
    const poller = pollerOf(pollPlan()),
      snapshot = snapshotOf(),
      journal = journalOf(),
      events = poller.plan[EVENTS];
    acceptEvents(poller, snapshot, journal, new Uint16Array(100), true, 0, 0);
    assert.equal(events.request, NEWEST_EVENTS);
    for (const exchange of poller.plan) exchange.due = exchange === events ? 0 : 1e9;
    assert.equal(pollerNext(poller, 1), NEWEST_EVENTS);
    assert.equal(pollerExpire(poller, 1000), "", "no copy");
    assert.deepEqual([poller.pending, poller.failed], [null, 1]);
    pace(poller, snapshot, journal, 230, 1);
    assert.equal(pollerNext(poller, 3000), ALL_EVENTS);
    assert.equal(poller.plan[EVENTS], events);
  });

  it("three refusals: block reads by the other command, and back", () => {
    const poller = pollerOf(pollPlan()),
      before = poller.plan.map(({ request }) => request);
    const refuse = (): string[] => {
      poller.refused = poller.failed = 3;
      pace(poller, snapshotOf(), journalOf(), 230, 0);
      return poller.plan.map(({ request }) => request);
    };
    const after = refuse();
    assert.deepEqual(
      after.map((request) => request.charCodeAt(1)),
      [3, 3, 3, 3, 3, 3, 3],
    );
    for (const i of [0, 1, 3]) {
      const { due, every, list, ...rest } = poller.plan[i];
      assert.deepEqual({ ...rest, due: 0, every: 0 }, exchangeOf(after[i]), `${due + every} ${list}`);
    }
    assert.equal(poller.plan[0].request, "\xaa\x03\x00\x24\x00\x11" + after[0].slice(6));
    assert.equal(before[2], after[2], "the settings are read by 0x03 already");
    const back = refuse(),
      were7 = before.filter((request) => request.charCodeAt(1) === 7);
    assert.ok(back.every((request) => request.charCodeAt(1) === 7));
    assert.deepEqual(
      back.filter((request) => before.includes(request)),
      were7,
    );
    assert.equal(back[2].slice(0, 5), "\xaa\x07\x1d\x2c\x01", "29 registers from 300 on");
  });
});

describe("block read vectors", () => {
  it("are all there", () => assert.equal(blockReads.length, 20));

  for (const vector of blockReads) {
    const request = bytes(vector.request_hex),
      reply = bytes(vector.response_hex),
      expected = outcomeOf(vector);

    it(`${vector.name}: receive says ${expected}`, () => {
      const found = receive(reply, request, toArrayBuffer);
      assert.equal(found.outcome, expected);
      if (expected === "nack") assert.equal(found.error, vector.decoded.errorCode);
      assert.deepEqual(swap(found.words && Array.from(found.words).slice(0, -1), isSwapped(vector)), numbers(vector));
    });

    for (const [how, pieces] of Object.entries({
      whole: [reply],
      "byte by byte": Array.from(reply),
      "after noise": ["\x00\x55\xaa\x13", reply],
      "in two": [reply.slice(0, 7), reply.slice(7)],
    })) {
      it(`${vector.name}: the poller, ${how}`, () => {
        const poller = asking(request);
        assert.deepEqual(swap(feed(poller, pieces), isSwapped(vector)), numbers(vector));
        if (poller.pending) assert.equal(pollerExpire(poller, LATE), "");
        const counted = how === "after noise" && expected === "truncated" ? "foreign" : counters[expected];
        assert.deepEqual(
          [poller.ok, poller.nacks, poller.timeouts, poller.crc, poller.foreign],
          ["ok", "nacks", "timeouts", "crc", "foreign"].map((name) => +(name === counted)),
        );
        assert.equal(poller.pending, null);
      });
    }
  }
});

describe("damaged replies", () => {
  const reply = bytes(bmsVector("block_fast_poll_36_52").response_hex),
    words = numbers(bmsVector("block_fast_poll_36_52"));
  const foreignFrame = (name: string): string => bytes(bmsVector(name).response_hex).slice(0, -8);

  it("a flipped bit, and a CRC with its bytes swapped, are crc_mismatch", () => {
    const swapped = reply.slice(0, -2) + reply.slice(-1) + reply.slice(-2, -1);
    for (const bad of [reply.slice(0, 9) + "\x01" + reply.slice(10), swapped]) {
      assert.equal(receive(bad, FAST, toArrayBuffer).outcome, "crc_mismatch");
      const poller = asking(FAST);
      assert.equal(feed(poller, [bad]), null);
      pollerExpire(poller, LATE);
      assert.equal(poller.crc, 1);
    }
  });

  for (const name of [
    "noise_containing_start_byte",
    "noise_double_start_byte",
    "ascii_broadcast_before_frame",
    "cav3_broadcast_before_frame",
  ]) {
    it(`${name}: skipped and counted, whole and byte by byte`, () => {
      const noise = foreignFrame(name);
      assert.equal(noise.length, bmsVector(name).decoded.discardedBytes);
      for (const pieces of [[noise + reply], Array.from(noise + reply)]) {
        const poller = asking(FAST);
        assert.deepEqual(feed(poller, pieces), words);
        assert.deepEqual([poller.ok, poller.noise], [1, noise.length]);
      }
    });
  }

  it("stale_reply_to_earlier_command: skipped before the settings", () => {
    const stale = foreignFrame("stale_reply_to_earlier_command"),
      settings = bytes(bmsVector("modbus_read_all_settings_300_343").response_hex);
    assert.equal(receive(stale, SETTINGS_AT_ONCE, null).outcome, "unexpected_reply");
    assert.equal(receive(stale + settings, SETTINGS_AT_ONCE, toArrayBuffer).discarded, stale.length);
    assert.deepEqual(
      swap(feed(asking(SETTINGS_AT_ONCE), [stale + settings]), true),
      numbers(bmsVector("modbus_read_all_settings_300_343")),
    );
  });

  it("an acknowledgement is no answer to a read; a refusal of its CRC is one", () => {
    assert.equal(receive(framed("\xaa\x01\x07"), FAST, null).outcome, "unexpected_reply");
    assert.equal(receive(framed("\xaa\x00\x09\x00"), FAST, null).outcome, "unexpected_reply");
    assert.equal(receive(framed("\xaa\x00\x09\x01"), FAST, null).outcome, "nack");
    assert.equal(receive("\xaa\x00\x07\x00\x00\x00", FAST, null).outcome, "crc_mismatch");
  });

  it("wake-up: no answer, then the same bytes again once, then the answer", () => {
    const poller = pollerOf([exchangeOf(FAST)]);
    assert.equal(pollerNext(poller, 0), FAST);
    assert.equal(pollerExpire(poller, 200), "", "200 ms beyond the time on the wire");
    assert.equal(pollerExpire(poller, 205), FAST);
    assert.deepEqual(feed(poller, [reply]), words);
    assert.deepEqual([poller.ok, poller.resent, poller.timeouts], [1, 1, 0]);
    assert.equal(pollerNext(poller, 400), FAST);
    assert.equal(pollerExpire(poller, 605), FAST);
    assert.equal(pollerExpire(poller, 810), "");
    assert.deepEqual([poller.pending, poller.timeouts], [null, 1]);
    assert.equal(pollerFeed(poller, reply, toArrayBuffer), null, "an answer that nobody waits for");
  });
});

describe("any bytes", () => {
  const stream = fc
    .array(fc.oneof(fc.constantFrom(0xaa, 0x07, 0x22, 0x00, 0x01), fc.nat(255)), { maxLength: 700 })
    .map((list) => String.fromCharCode(...list));
  const block = fc.array(fc.nat(0xffff), { minLength: 17, maxLength: 17 });

  it("the hot path and receive agree on a clean reply, and on one with a changed byte", () => {
    fc.assert(
      fc.property(block, fc.nat(38), fc.nat(255), (list, at, byte) => {
        const reply = replyOf(7, list),
          changed = reply.slice(0, at) + String.fromCharCode(byte) + reply.slice(at + 1);
        assert.deepEqual(feed(asking(FAST), [reply]), list);
        for (const text of [reply, changed]) {
          const found = receive(text, FAST, toArrayBuffer);
          assert.deepEqual(feed(asking(FAST), [text]), found.words && Array.from(found.words).slice(0, -1));
          assert.equal(found.outcome === "ok", text === reply);
        }
      }),
    );
  });

  it("never throw, never give words without a right CRC, and the next good frame is read", () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 90 }), block, (noise, size, list) => {
        const poller = asking(FAST);
        for (let at = 0; at < noise.length && poller.pending; at += size) {
          const words = pollerFeed(poller, noise.slice(at, at + size), toArrayBuffer);
          if (!words) continue;
          const frame = hex("\xaa\x07\x22") + Buffer.from(words.buffer).toString("hex");
          assert.ok(hex(noise).includes(frame) && slowCrc(bytes(frame)) === 0);
        }
        pollerExpire(poller, LATE);
        pollerNext(poller, LATE);
        assert.deepEqual(feed(poller, [replyOf(7, list)]), list);
      }),
      { numRuns: 500 },
    );
  });

  it("before a good frame of the same exchange do not hide it, however it is cut", () => {
    const noise = fc
      .array(fc.oneof(fc.constant(0xaa), fc.nat(255)), { maxLength: 120 })
      .map((list) => String.fromCharCode(...list));
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 64 }), block, (before, size, list) => {
        const text = before + replyOf(7, list);
        assert.deepEqual(feed(asking(FAST), text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []), list);
      }),
      { numRuns: 1000, examples: [["x".repeat(37), 1, new Array<number>(17).fill(7)]] },
    );
  });
});
