// The recorder's pure parts: values, topics, clock, rows, buffer, gaps, alarms, charts, pushes.
import assert from "node:assert/strict";
import fc from "fast-check";
import { spansOf, type AlarmEvent } from "./alarm-model";
import { Buffer as Queue } from "../../tools/recorder/buffer";
import { catalogSensors, patchFault, pushableFields } from "../../tools/recorder/catalog";
import * as clock from "../../tools/recorder/clock";
import { holeMs, sourceOf, withHoles } from "../../tools/recorder/downsample";
import type { Message, Outcome } from "../../tools/recorder/effects";
import { causeOf, gapsOf } from "../../tools/recorder/gaps";
import { camelOf, memberOf, numberOf, snakeOf, timeOf } from "../../tools/recorder/normalize";
import { isAnswerTo, isShownBy, nextOf, resultOf, undoOf, type PushResult } from "../../tools/recorder/pushes";
import { newMemory, outcomeOf, type Memory, type Rules } from "../../tools/recorder/rows";
import { statusOf, stateAge } from "../../tools/recorder/page/fleet/list";
import { ageOf, SILENT_MS, STALE_MS } from "../../tools/recorder/page/parts/age";
import { moduleOf, placeOf } from "../../tools/recorder/topics";

const NOW = Date.UTC(2026, 1, 3, 10, 0, 0);
const rules: Rules = { prefix: "tinybms", seed: false, storeAll: false, keepRawDays: 90 };

const message = (topic: string, payload: unknown, more: Partial<Message> = {}): Message => ({
  topic,
  payload: Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload)),
  qos: 1,
  retain: false,
  dup: false,
  arrival: NOW,
  ...more,
});

function kept(outcome: Outcome): Extract<Outcome, { kind: "kept" }> {
  assert.equal(outcome.kind, "kept", JSON.stringify(outcome));
  return outcome as Extract<Outcome, { kind: "kept" }>;
}

const told = (
  suffix: string,
  payload: unknown,
  more: Partial<Message> = {},
  memory: Memory = newMemory(),
): Extract<Outcome, { kind: "kept" }> =>
  kept(outcomeOf(message(`tinybms/one/${suffix}`, payload, more), rules, memory));

describe("recorder: values", () => {
  const cases: [unknown, number | null][] = [
    ["", null],
    [" ", null],
    ["abc", null],
    [NaN, null],
    [Infinity, null],
    ["1e400", null],
    [[], null],
    [{}, null],
    ["450 ppm", null],
    [null, null],
    ["12.5", 12.5],
    ["12,5", 12.5],
    ["1e3", 1000],
    [true, 1],
    [false, 0],
    [" 7 ", 7],
    ["-.5", -0.5],
    ["0x10", null],
    ["1_000", null],
    [-0.25, -0.25],
  ];
  for (const [given, wanted] of cases)
    it(`${JSON.stringify(given) ?? String(given)} is ${wanted}`, () => assert.equal(numberOf(given), wanted));

  it("a number written as a text is the same number", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => numberOf(String(value)) === value),
    );
  });

  it("names go both ways, and members are found by either", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}([A-Z][a-z0-9]{0,5}){0,3}$/);
    fc.assert(
      fc.property(name, (camel) => {
        assert.equal(camelOf(snakeOf(camel)), camel);
        assert.equal(memberOf({ [snakeOf(camel)]: 1 }, camel), 1);
        assert.equal(memberOf({ [camel]: 2 }, camel), 2);
      }),
    );
    assert.equal(snakeOf("heapMinFreeKb"), "heap_min_free_kb");
  });

  it("times come as ISO, s or ms", () => {
    assert.deepEqual(
      ["2026-02-03T10:00:00Z", "2026-02-03T10:00:00", NOW, NOW / 1000, String(NOW), "soon", 0].map(timeOf),
      [NOW, NOW, NOW, NOW, NOW, null, null],
    );
  });
});

describe("recorder: topics", () => {
  const place = (topic: string, seed = false): unknown => placeOf(topic, { prefix: "tinybms", seed });

  it("each suffix has its row, and what has none is a dead letter", () => {
    const use = (suffix: string): unknown =>
      (place(`tinybms/one/${suffix}`) as { use?: string }).use ?? place(`tinybms/one/${suffix}`);
    const wanted: Record<string, string> = {
      "rt/reg/state_of_charge": "measurement",
      "rt/replay": "replay",
      "rt/limits": "limits",
      "rt/state": "state",
      "rt/cells": "document",
      "rt/gx/Dc/0/Voltage": "document",
      "rt/network/state": "document",
      "rt/alarms/m": "document",
      "rt/alarms/id5": "alarm",
      "rt/energy/charge/daily": "energy",
      "status": "online",
      "status/connected": "heartbeat",
      "system": "system",
      "system/config": "system",
      "cfg/can/limits": "config",
      "cfg/registers/slot0": "config",
      "cfg/ack": "ack",
      "cfg/set": "ignored",
      "cmd": "ignored",
      "nonsense": "UnknownTopic",
      "rt/reg": "UnknownTopic",
      "manifest/page0": "manifest",
      "log": "log",
      "rt/io/input/x": "document",
    };
    for (const [suffix, name] of Object.entries(wanted)) assert.equal(use(suffix), name, suffix);
    assert.equal(place("tinybms/a b/status"), "BadDevice");
    assert.equal(place("other/one/status"), "UnknownTopic");
  });

  it("the seed's topics are a module's measurements", () => {
    assert.deepEqual(place("m1/temperature/dht22", true), {
      device: "m1",
      suffix: "temperature/dht22",
      use: "measurement",
      sensor: "temperature/dht22",
    });
    assert.deepEqual(place("m1/co2", true), { device: "m1", suffix: "co2", use: "measurement", sensor: "co2" });
    assert.equal((place("m1/system/config", true) as { use: string }).use, "system");
    assert.equal(place("m1/a/b/c", true), "UnknownTopic");
    assert.deepEqual(
      ["m1/co2", "tinybms/one/rt/state"].map((topic) => moduleOf(topic)),
      ["m1", "one"],
    );
  });
});

describe("recorder: the clock", () => {
  const at = (
    own: clock.DeviceClock,
    sinceMs: number | null,
    arrival: number,
    more: Partial<clock.Stamp> = {},
  ): clock.Timed | null => clock.timeOfMessage(own, { time: null, sinceMs, arrival, isFresh: true, ...more });

  it("a believable time counts, an unbelievable one does not", () => {
    const own = clock.newClock();
    assert.deepEqual(at(own, null, NOW, { time: NOW - 1000 }), { time: NOW - 1000, flags: 0, anchor: null });
    assert.equal(at(own, null, NOW, { time: NOW + 400_000 })!.flags, clock.ARRIVAL);
    assert.equal(at(own, null, NOW, { time: 5000 })!.time, NOW);
  });

  it("a boot that is told gives every message its time, also one that comes late", () => {
    const own = clock.newClock();
    assert.ok(clock.bootTold(own, NOW - 60_000, null, NOW));
    assert.ok(clock.bootTold(own, NOW - 1000, null, NOW));
    assert.equal(clock.bootTold(own, NOW - 1200, null, NOW), null);
    assert.equal(at(own, 500, NOW)!.time, NOW - 500);
    assert.equal(at(own, 50_000, NOW)!.time, NOW - 10_000, "its own boot");
  });

  it("without a clock the first message makes the epoch; the next boot is seen by the counter that fell", () => {
    const own = clock.newClock();
    assert.ok(at(own, 10_000, NOW)!.anchor);
    assert.deepEqual(at(own, 12_000, NOW + 2100), { time: NOW + 2000, flags: clock.ESTIMATED, anchor: null });
    const late = at(own, 4000, NOW + 2200)!;
    assert.deepEqual([late.time, late.anchor], [NOW - 6000, null], "a late message is no boot");
    const boot = at(own, 1000, NOW + 30_000)!;
    assert.deepEqual([boot.time, boot.anchor?.bootAt], [NOW + 30_000, NOW + 29_000]);
    assert.equal(at(own, 11_000, NOW + 30_100)!.time, NOW + 1000, "the boot before");
  });

  it("a real clock counts from where it was told", () => {
    const own = clock.newClock();
    at(own, 10_000, NOW);
    const anchor = clock.bootTold(own, NOW - 10_000 - 4000, 7, NOW + 100)!;
    assert.deepEqual([anchor.bootAt, anchor.fromMs, anchor.epoch], [NOW - 10_000, 14_100, NOW - 14_000]);
    assert.equal(at(own, 10_000, NOW + 200)!.time, NOW, "again the same time");
    assert.equal(at(own, 20_000, NOW + 10_000)!.time, NOW + 6000);
    assert.equal(clock.epochOfBoot(own, 7), NOW - 14_000);
  });

  it("one that is off by less than a second changes nothing but the number", () => {
    const own = clock.newClock();
    at(own, 10_000, NOW);
    assert.deepEqual(clock.bootTold(own, NOW - 10_500, 3, NOW + 100)?.epoch, NOW - 10_000);
    assert.equal(own.anchors.length, 1);
    assert.equal(clock.epochOfBoot(own, 3), NOW - 10_000);
  });

  it("a restart of the recorder does not put a new boot into the old one", () => {
    const own = clock.clockOf(
      [{ bootAt: NOW - 86_400_000, fromMs: 0, epoch: NOW - 86_400_000, boot: null, source: "estimated" }],
      NOW - 3_600_000,
    );
    assert.equal(at(own, 5000, NOW)!.time, NOW);
  });

  it("with its anchors known, a message has one time in whatever order messages come", () => {
    // Minutes ago: the first boot is before all counters, so that the anchor of each message is among those that are
    // known.
    const boots = fc
      .uniqueArray(fc.integer({ min: 2, max: 500 }), { minLength: 1, maxLength: 4 })
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(
        boots,
        fc.array(fc.nat(100_000), { minLength: 2, maxLength: 20 }),
        fc.infiniteStream(fc.nat()),
        (starts, counters, random) => {
          const anchors = starts.map(
            (start): clock.Anchor => ({
              bootAt: NOW - start * 60_000,
              fromMs: 0,
              epoch: NOW - start * 60_000,
              boot: start,
              source: "uptime",
            }),
          );
          const times = (order: number[]): Map<number, number> => {
            const own = clock.clockOf(anchors, null);
            return new Map(order.map((sinceMs) => [sinceMs, at(own, sinceMs, NOW)!.time]));
          };
          const shuffled = [...counters].sort(() => ((random.next().value as number) % 3) - 1),
            first = times(counters);
          for (const [sinceMs, time] of times([...shuffled, ...counters])) assert.equal(first.get(sinceMs), time);
        },
      ),
    );
  });
});

describe("recorder: messages as rows", () => {
  const reg = { key: "state_of_charge", unit: "%", value: 62.1, timestamp_ms: 5000, seq: 7, quality: "ok" };
  const booted = (): Memory => {
    const memory = newMemory();
    told("system/config", { uptimeStart: (NOW - 10_000) / 1000, boot: 4 }, { retain: true }, memory);
    return memory;
  };

  it("a register message is a row at its own time, and the latest", () => {
    const { effects, live } = told("rt/reg/state_of_charge", reg, {}, booted());
    assert.deepEqual(effects.rows, [
      { device: "one", sensor: "state_of_charge", time: NOW - 5000, value: 62.1, flags: 0 },
    ]);
    assert.equal(effects.latest[0].seq, 7);
    assert.deepEqual([live.value, live.unit, live.time], [62.1, "%", NOW - 5000]);
  });

  it("what is stale is a hole; a text alone is an event when it changes", () => {
    assert.equal(
      told("rt/reg/pack_power", { ...reg, value: null, quality: "stale" }, {}, booted()).effects.rows[0].value,
      null,
    );
    assert.equal(
      told("rt/reg/pack_power", { ...reg, value: 5, quality: "stale" }, {}, booted()).effects.rows[0].value,
      null,
    );
    const { rows, events, latest } = told(
      "rt/reg/serial_number",
      { text: "0A0B", timestamp_ms: 5000 },
      {},
      booted(),
    ).effects;
    assert.deepEqual([rows, events[0].kind, events[0].onChange, latest[0].text], [[], "text", true, "0A0B"]);
  });

  it("retained without a known clock is a state, no row", () => {
    const { effects } = told("rt/reg/state_of_charge", reg, { retain: true });
    assert.deepEqual([effects.rows, effects.latest[0].time], [[], null]);
  });

  it("a copy without any clock is dropped; a first one, even when it is marked as one, is kept", () => {
    const memory = newMemory(),
      seed = { ...rules, seed: true };
    const rows = (more: Partial<Message>): number =>
      kept(outcomeOf(message("m1/co2", "450", more), seed, memory)).effects.rows.length;
    assert.deepEqual(
      [rows({ dup: true }), rows({ dup: true, arrival: NOW + 1000 }), rows({ arrival: NOW + 2000 })],
      [1, 0, 1],
    );
  });

  it("the seed's forms: bare numbers, texts, objects, arrays", () => {
    const seed = { ...rules, seed: true };
    const of = (payload: string): unknown => {
      const { rows, latest } = kept(outcomeOf(message("m1/co2", payload), seed, newMemory())).effects;
      return rows.length ? rows[0].value : (latest[0].text ?? JSON.parse(latest[0].document!));
    };
    assert.deepEqual(
      [
        '{"value":"12,5","time":"2026-02-03T09:00:00Z"}',
        "450",
        "12,5",
        "true",
        '"450 ppm"',
        "on",
        "[1,2]",
        '{"value":"x"}',
        "1e400",
      ].map(of),
      [12.5, 450, 12.5, 1, null, "on", [1, 2], null, null],
    );
    assert.equal(outcomeOf(message("m1/co2", "{bad"), seed, newMemory()).kind, "dead");
  });

  it("the replay's samples have their own times; a boot that is not known yet is a dead letter to try again", () => {
    const samples = [
      { time: "2026-02-03T09:59:00Z", s: "state_of_charge", v: 78.1 },
      { timestamp_ms: 4000, boot: 4, s: "ccl", v: 80 },
    ];
    const { rows } = told("rt/replay", { samples }, {}, booted()).effects;
    assert.deepEqual(
      rows.map(({ sensor, time, flags }) => [sensor, NOW - time, flags]),
      [
        ["state_of_charge", 60_000, clock.REPLAYED],
        ["charge_current_limit", 6000, clock.REPLAYED],
      ],
    );
    assert.deepEqual(outcomeOf(message("tinybms/one/rt/replay", { samples }), rules, newMemory()), {
      kind: "dead",
      reason: "NoClock",
      device: "one",
    });
  });

  it("an alarm has the time of its own clock; a repeated one is the same event", () => {
    const memory = booted(),
      raised = { id: 5, code: "LowSoc", a: 1, k: 0, c: 1, s: 1, v: 14, lc: 2000 };
    const events = [0, 9000].map(
      (later) => told("rt/alarms/id5", raised, { arrival: NOW + later, retain: later > 0 }, memory).effects.events[0],
    );
    assert.deepEqual(
      events.map(({ time, key }) => [time, key]),
      [
        [NOW - 8000, "5"],
        [NOW - 8000, "5"],
      ],
    );
  });

  it("system, hardware, energy, settings, labels, limits, log", () => {
    const system = told("system", { rssi: "-61", memory: { heapFreeKb: 100, heap_min_free_kb: 90 } }).effects.about[0];
    assert.deepEqual(system.values, { rssi: -61, heap_free_kb: 100, heap_min_free_kb: 90 });
    assert.deepEqual(told("hardware/config", { chip: { model: "ESP32", rev: 3, cores: 2 } }).effects.about[0].values, {
      chip_model: "ESP32",
      chip_rev: "3",
      cores: 2,
    });
    assert.deepEqual(told("rt/energy/charge/monthly", { value: 3.2, unit: "kWh", date: "2026-02" }).effects.energy[0], {
      device: "one",
      direction: "charge",
      period: "monthly",
      date: "2026-02-01",
      kwh: 3.2,
    });
    assert.equal(
      told("rt/energy/charge/yesterday", { value: 3.2, date: "2026-02-02" }).effects.energy[0].period,
      "daily",
    );
    assert.equal(told("cfg/can/limits", { cclMax: 140 }).effects.config[0].module, "can/limits");
    assert.deepEqual(told("manifest/page0", { items: [{ t: "rt/reg/x", u: "V", l: "X" }] }).effects.labels, [
      { sensor: "x", unit: "V", label: "X" },
    ]);
    const limits = told("rt/limits", {
      cvl: 55,
      reason: "bms_max",
      phase: "normal",
      state: "BULK",
      timestamp_ms: 1000,
      time: "2026-02-03T09:59:58Z",
    }).effects;
    assert.deepEqual(
      [limits.anchors[0].anchor.epoch, limits.events[0].data.reason, limits.facts.at(-1)?.value],
      [NOW - 3000, "bms_max", "normal"],
    );
    assert.equal(
      told("log", { level: "warn", msg: "bms lost", timestamp_ms: 5 }).effects.events[0].data.text,
      "bms lost",
    );
  });

  it("too big, too many, too old, no JSON are dead letters with that reason", () => {
    const memory = booted(),
      dead = (suffix: string, payload: unknown): unknown =>
        (outcomeOf(message(`tinybms/one/${suffix}`, payload), rules, memory) as { reason?: string }).reason;
    assert.equal(dead("rt/cells", "x".repeat(70_000)), "TooBig");
    assert.equal(dead("rt/reg/a", "{"), "BadJson");
    assert.equal(dead("rt/reg/a", { value: 1, time: "2025-01-01T00:00:00Z" }), "TooOld");
    for (let i = 0; i < 500; i++) dead(`rt/reg/s${i}`, { value: 1, timestamp_ms: 1 });
    assert.equal(dead("rt/reg/one_more", { value: 1, timestamp_ms: 1 }), "TooManySensors");
  });

  it("whatever a device sends ends as rows, states or a dead letter: 10^6 bytes", () => {
    const suffixes = [
      "rt/reg/x",
      "rt/replay",
      "rt/limits",
      "rt/state",
      "rt/cells",
      "status",
      "rt/alarms/id1",
      "rt/energy/charge/daily",
      "system",
      "system/config",
      "hardware/config",
      "cfg/mqtt",
      "cfg/ack",
      "manifest/page0",
      "log",
      "sensors/status",
    ];
    const shapes = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
      fc.jsonValue({ maxDepth: 3 }).map((value) => Buffer.from(JSON.stringify(value))),
      fc
        .record({
          value: fc.anything(),
          time: fc.anything(),
          timestamp_ms: fc.anything(),
          samples: fc.anything(),
          items: fc.anything(),
          a: fc.anything(),
        })
        .map((value) =>
          Buffer.from(JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one))),
        ),
    );
    let bytes = 0;
    const memory = newMemory(),
      seed = { ...rules, seed: true };
    fc.assert(
      fc.property(fc.constantFrom(...suffixes), shapes, fc.boolean(), (suffix, payload, retain) => {
        bytes += payload.length;
        const outcome = outcomeOf({ ...message(`tinybms/one/${suffix}`, ""), payload, retain }, seed, memory);
        if (outcome.kind !== "kept") return;
        for (const row of outcome.effects.rows)
          assert.ok(
            Number.isInteger(row.time) && (row.value === null || Number.isFinite(row.value)),
            JSON.stringify(row),
          );
      }),
      { numRuns: 5000 },
    );
    assert.ok(bytes > 1e6, String(bytes));
  });
});

describe("recorder: the buffer", () => {
  it("flushes at 100 rows or at 5 s, never when empty, one at a time", () => {
    const queue = new Queue<number>();
    assert.deepEqual([queue.dueAt(), queue.take(NOW, true)], [Infinity, []]);
    queue.push(1, 1, true, NOW);
    assert.equal(queue.dueAt(), NOW + 5000);
    assert.deepEqual(queue.take(NOW + 4999), []);
    for (let i = 2; i <= 100; i++) queue.push(i, 1, true, NOW + 10);
    assert.equal(queue.take(NOW + 10).length, 100);
    queue.push(101, 200, true, NOW + 20);
    assert.deepEqual([queue.take(NOW + 9999), queue.rows], [[], 300]);
    queue.failed();
    assert.deepEqual(
      queue.take(NOW + 9999),
      [...Array(101)].map((_, i) => i + 1),
      "the failed batch is first again",
    );
    queue.done();
    assert.deepEqual([queue.rows, queue.length, queue.dueAt()], [0, 0, Infinity]);
  });

  it("many messages make large batches: 200 ms are between two, unless the broker waits for its answers", () => {
    const queue = new Queue<number>({ window: 500 }),
      push = (count: number, now: number): void => {
        for (let i = 0; i < count; i++) queue.push(i, 1, true, now);
      };
    push(100, NOW);
    assert.equal(queue.take(NOW).length, 100, "the first at once");
    queue.done();
    push(150, NOW + 50);
    assert.deepEqual([queue.dueAt(), queue.take(NOW + 199)], [NOW + 200, []]);
    assert.equal(queue.take(NOW + 200).length, 150);
    queue.done();
    push(499, NOW + 210);
    assert.deepEqual(queue.take(NOW + 211), []);
    push(1, NOW + 211);
    assert.equal(queue.take(NOW + 211).length, 500, "a full window");
  });

  it("a full window of unanswered messages is written at once", () => {
    const queue = new Queue<number>({ window: 20 });
    for (let i = 0; i < 20; i++) queue.push(i, 0, true, NOW);
    assert.equal(queue.take(NOW).length, 20);
  });

  it("1000 messages in 10 s are at most 12 transactions, whenever they come", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { minLength: 1000, maxLength: 1000 }), (times) => {
        const queue = new Queue<number>();
        let flushes = 0,
          kept = 0;
        const flush = (now: number): void => {
          const batch = queue.take(now);
          if (batch.length === 0) return;
          flushes++;
          kept += batch.length;
          queue.done();
        };
        for (const at of times.sort((a, b) => a - b)) {
          if (queue.dueAt() <= at) flush(at);
          queue.push(at, 1, true, at);
          flush(at);
        }
        flush(20_000);
        assert.ok(flushes <= 12 && kept === 1000, `${flushes} flushes, ${kept} kept`);
      }),
      { numRuns: 30 },
    );
  });

  it("nothing is lost or doubled by any order of pushes, failures and flushes", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("push", "take", "done", "failed"), { maxLength: 200 }), (steps) => {
        const queue = new Queue<number>({ flushRows: 3, mostBatch: 4 }),
          kept: number[] = [];
        let next = 0,
          batch: number[] = [];
        for (const step of steps) {
          if (step === "push") queue.push(next++, 1, false, next);
          else if (step === "take") batch = queue.isFlushing ? batch : queue.take(next, true);
          else if (step === "done") [batch] = (kept.push(...batch), queue.done(), [[]]);
          else [batch] = (queue.failed(), [[]]);
        }
        queue.failed();
        for (let rest = queue.take(next, true); rest.length > 0; rest = queue.take(next, true)) {
          kept.push(...rest);
          queue.done();
        }
        assert.deepEqual(
          kept,
          [...Array(next)].map((_, i) => i),
        );
      }),
    );
  });
});

describe("recorder: gaps, alarms, charts, pushes", () => {
  it("a gap is more than 90 s without a row, and has a cause", () => {
    assert.deepEqual(gapsOf("one", NOW, [NOW + 90_000, NOW + 180_001, NOW + 100_000], []), [
      { device: "one", from: NOW + 90_000, to: NOW + 180_001, cause: "device" },
    ]);
    assert.deepEqual(gapsOf("one", null, [NOW], []), []);
    const outages = [
      { cause: "broker" as const, from: NOW, to: NOW + 60_000 },
      { cause: "recorder" as const, from: NOW + 30_000, to: Infinity },
    ];
    assert.deepEqual(
      [causeOf(NOW, NOW + 70_000, outages), causeOf(NOW, NOW + 200_000, outages), causeOf(NOW, NOW + 500_000, [])],
      ["broker", "recorder", "device"],
    );
  });

  it("alarms are the same stretches in whatever order their messages come", () => {
    const event = fc.record<AlarmEvent>({
      time: fc.nat(50),
      isActive: fc.boolean(),
      code: fc.constant("X"),
      severity: fc.constantFrom(1, 2),
      value: fc.constant(null),
    });
    fc.assert(
      fc.property(fc.uniqueArray(event, { selector: ({ time }) => time }), fc.nat(), (events, turn) => {
        const spans = spansOf(events),
          turned = [...events.slice(turn % (events.length || 1)), ...events.slice(0, turn % (events.length || 1))];
        assert.deepEqual(spansOf(turned), spans);
        for (const { raisedAt, clearedAt } of spans) assert.ok(clearedAt === null || clearedAt > raisedAt);
      }),
    );
  });

  it("a chart comes from the table that fits, with its holes", () => {
    const DAY = 86_400_000;
    assert.deepEqual(sourceOf(0, DAY, 800, 700), { table: "raw", step: 0 });
    assert.deepEqual(sourceOf(0, DAY, 800, 20_000), { table: "1m", step: 120_000 });
    assert.deepEqual(sourceOf(0, 365 * DAY, 800, 1e7), { table: "1h", step: 11 * 3_600_000 });
    const point = (t: number): { t: number; min: number; max: number; avg: number; n: number } => ({
      t,
      min: 1,
      max: 1,
      avg: 1,
      n: 1,
    });
    assert.deepEqual(
      withHoles([point(0), point(10), point(500)], 100).map(({ avg }) => avg),
      [1, 1, null, 1],
    );
    // A sensor that tells seldom breaks its line when it is silent for longer than it uses to be.
    assert.equal(holeMs([0, 300, 600, 900].map(point), 90), 900);
    assert.equal(holeMs([0, 10, 20, 500].map(point), 90), 90);
    assert.equal(holeMs([], 90), 90);
  });

  it("a push is checked against the table of settings, with field and reason", () => {
    assert.equal(patchFault({ mqtt: { sensorMinPublishMs: 2000, default_qos: null } }), null);
    assert.deepEqual(patchFault({ mqtt: { sensorMinPublishMs: 1e9 } })?.where, "mqtt.sensorMinPublishMs");
    assert.equal(patchFault({ wifi: { ssid: "x" } })?.code, "Forbidden");
    assert.equal(patchFault({ mqtt: { nonsense: 1 } })?.code, "UnknownField");
    assert.ok([{}, null, { mqtt: 3 }, []].every((patch) => patchFault(patch) !== null));
    assert.ok(
      pushableFields().length > 20 && catalogSensors().some(({ sensorType }) => sensorType === "battery_pack_voltage"),
    );
  });

  it("answers, undo, and the devices of a roll-out", () => {
    assert.deepEqual(
      [isAnswerTo("a", {}), isAnswerTo("a", { id: "a" }), isAnswerTo("a", { id: "b" })],
      [true, true, false],
    );
    assert.deepEqual(resultOf({ ok: true, changed: ["mqtt.x"] }), { state: "done", changed: ["mqtt.x"] });
    assert.equal(resultOf({ ok: false, err: { code: "OutOfRange", where: "x" } }).err?.code, "OutOfRange");
    assert.ok(
      isShownBy({ mqtt: { a: 1 } }, "mqtt", { a: 1, b: 2 }) && !isShownBy({ mqtt: { a: 1 } }, "mqtt", { a: 2 }),
    );
    assert.deepEqual(undoOf({ a: 1, b: 2, pass: "***" }, { a: 1, b: 3, pass: "x" }), { b: 2 });
    const devices = [..."abcdefghijklmno"],
      done: PushResult = { state: "done" },
      failed: PushResult = { state: "unknown" };
    assert.deepEqual([nextOf(devices, []), nextOf(devices, [failed]), nextOf(devices, [done]).length], [["a"], [], 10]);
    assert.deepEqual(nextOf(devices, [done, failed, failed, failed, ...Array<PushResult>(7).fill(done)]), []);
  });
});

describe("recorder: how old what the page shows is", () => {
  const row = (more: object): Parameters<typeof statusOf>[0] => ({
    id: "one",
    name: null,
    firstSeen: "2026-01-01T00:00:00Z",
    lastSeen: null,
    online: true,
    bmsOnline: true,
    phase: null,
    fw: null,
    state: null,
    stateAt: null,
    alarms: 0,
    severity: 0,
    ...more,
  });
  const iso = (at: number): string => new Date(at).toISOString();

  it("a value is fresh up to 15 s, stale up to 90 s, then silent; one never told is silent", () => {
    assert.deepEqual([STALE_MS, SILENT_MS], [15_000, 90_000]);
    const ages = [0, STALE_MS, STALE_MS + 1, SILENT_MS, SILENT_MS + 1].map((ms) => ageOf(NOW - ms, NOW));
    assert.deepEqual(ages, ["fresh", "fresh", "stale", "stale", "silent"]);
    assert.equal(ageOf(null, NOW), "silent");
    assert.equal(ageOf(NOW + 2000, NOW), "fresh", "a clock that is ahead");
  });

  it("never younger as time goes on", () => {
    const order = ["fresh", "stale", "silent"];
    fc.assert(
      fc.property(fc.nat(200_000), fc.nat(200_000), (age, more) => {
        assert.ok(order.indexOf(ageOf(NOW - age - more, NOW)) >= order.indexOf(ageOf(NOW - age, NOW)));
      }),
    );
  });

  it("a device whose battery state is old is stale, also while it tells other things and its broker calls it online", () => {
    const told = { lastSeen: iso(NOW), stateAt: NOW - 60_000 };
    assert.deepEqual([stateAge(row(told), NOW), statusOf(row(told), NOW)], ["stale", "stale"]);
    assert.equal(statusOf(row({ ...told, stateAt: NOW - SILENT_MS - 1 }), NOW), "silent");
    assert.equal(statusOf(row({ ...told, stateAt: NOW - 1000 }), NOW), "online");
  });

  it("one without a state goes by what it told last; the last will counts at once", () => {
    assert.equal(statusOf(row({ lastSeen: iso(NOW - 5000) }), NOW), "online");
    assert.equal(statusOf(row({ lastSeen: iso(NOW - 20_000) }), NOW), "stale");
    assert.equal(statusOf(row({}), NOW), "silent");
    assert.equal(statusOf(row({ online: false, stateAt: NOW }), NOW), "offline");
  });
});
