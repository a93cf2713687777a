// Offline replay on a clock, a flash and a broker of the test's own: order, once, restarts, power cuts at each flash
// write, torn records, bounds of memory, flash and messages.
import assert from "node:assert/strict";
import fc from "fast-check";
import * as slot from "../../firmware/battery/registers.baked";
import {
  readRecord,
  replayAgain,
  replayKeep,
  replayRecord,
  replaySamples,
  replaySend,
} from "../../firmware/publish/replay.cold";
import { CONNECTED, OFF, WAITING, sessionOf } from "../../firmware/mqtt/session";
import type { App } from "../../firmware/app";
import type { Replay } from "../../firmware/publish/replay";
import { crc32 } from "../../tools/host/crc32";
import {
  memoryStore,
  POWER_CUT,
  restorePower,
  storageModule,
  type Store,
  type StorageModule,
} from "../../tools/host/storage";

const crc = (text: string): number => crc32(Buffer.from(text, "latin1")) | 0; // signed, as a native may give it
interface Sample {
  time?: string;
  timestamp_ms?: number;
  boot?: number;
  s: string;
  v: number;
}

interface Bench {
  app: App;
  store: Store;
  flash: StorageModule;
  /** SoC of each record that the broker has acknowledged, in its order, and all samples. */
  told: number[];
  samples: Sample[];
  payloads: string[];
  writes: { at: number; bytes: number }[];
  /** ms since the first boot. */
  at(): number;
  run(seconds: number): void;
  connect(isThere: boolean): void;
  /** The broker answers, or holds back its PUBACKs. */
  answers: boolean;
  reboot(): void;
  soc(value: number): void;
}

function spied(flash: StorageModule, at: () => number, writes: Bench["writes"]): StorageModule {
  const write = (...given: [string, string, number?, number?]): boolean => {
    writes.push({ at: at(), bytes: given[1].length });
    return flash.write(...given);
  };
  return { ...flash, write: write as StorageModule["write"] };
}

function bench(store = memoryStore()): Bench {
  let total = 0,
    up = 0;
  const values = new Float64Array(64),
    told: number[] = [],
    samples: Sample[] = [],
    payloads: string[] = [],
    writes: Bench["writes"] = [];
  const flash = storageModule(store, (message) => {
    throw new Error(message);
  });
  const start = (): App => {
    const session = sessionOf();
    session.state = WAITING;
    const needs = {
      natives: { now: () => up, crc32: crc },
      store: spied(flash, () => total, writes),
      clock: { epoch: 0 },
      replay: { at: 0, boot: 0, dropped: 0, log: null } as Replay,
    };
    return { ...needs, mqtt: { session, snapshot: { values }, needs } } as unknown as App;
  };
  const own: Bench = {
    app: start(),
    store,
    flash,
    told,
    samples,
    payloads,
    writes,
    answers: true,
    at: () => total,
    run: (seconds) => {
      for (let i = 0; i < seconds; i++) {
        total += 1000;
        up += 1000;
        if (own.answers && own.app.mqtt.session.state === CONNECTED) answer(own);
        turn(own.app, up);
        if (store.isCut) throw POWER_CUT; // the device is dead, whatever it caught
      }
    },
    connect: (isThere) => {
      const { session } = own.app.mqtt;
      session.state = isThere ? CONNECTED : WAITING;
      session.socket = isThere ? { write: () => undefined, end: () => undefined, on: () => undefined } : null;
      session.since = up;
    },
    reboot: () => {
      up = 0;
      own.app = start();
    },
    soc: (value) => {
      values[slot.stateOfCharge] = value;
    },
  };
  values.fill(NaN);
  values[slot.chargeVoltageLimit] = 56.81;
  values[slot.chargeCurrentLimit] = 90;
  values[slot.dischargeCurrentLimit] = 0;
  return own;
}

/** As the task of diagnostics does it. */
function turn(app: App, now: number): void {
  const {
    replay,
    mqtt: { session },
  } = app;
  if (now < replay.at) return;
  if (session.state !== CONNECTED || !replay.boot) replayKeep(app.mqtt, now);
  else if (replay.log) replaySend(app.mqtt, now);
}

function answer(own: Bench): void {
  for (const { topic, payload, flags } of own.app.mqtt.session.inFlight.splice(0)) {
    assert.deepEqual([topic, flags], ["rt/replay", 2]);
    assert.ok(payload.length <= 1024, `${payload.length} bytes`);
    const { samples } = JSON.parse(payload) as { samples: Sample[] };
    own.payloads.push(payload);
    own.samples.push(...samples);
    own.told.push(...samples.filter(({ s }) => s === "state_of_charge").map(({ v }) => v));
  }
}

/** `count` records, one each half minute, numbered by their SoC from `from` on. */
function outage(own: Bench, count: number, from: number): number[] {
  const made: number[] = [];
  for (let i = 0; i < count; i++) {
    own.soc(from + i / 2);
    made.push(from + i / 2);
    own.run(30);
  }
  return made;
}

/** No longer kept in RAM: connected, everything told and noted. */
function drain(own: Bench): void {
  own.connect(true);
  for (let i = 0; i < 2000 && (i < 20 || own.app.replay.log); i++) own.run(1);
  assert.equal(own.app.replay.log, null);
}

const isRising = (list: number[]): boolean => list.every((value, i) => i === 0 || value > list[i - 1]!);

describe("offline replay", () => {
  it("has records of 32 bytes that say what went in, and none that is torn", () => {
    const u32 = fc.integer({ min: 0, max: 0xfffffffe }),
      u16 = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(
        u32,
        u32,
        u32,
        u16,
        fc.array(u16, { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 31 }),
        (number, wall, up, boot, values, place) => {
          const entry = { kind: "R", boot, number, up: up / 10, wall, acked: number },
            text = replayRecord(entry, values, crc);
          assert.equal(text.length, 32);
          assert.deepEqual(readRecord(text, crc), entry);
          const torn = text.slice(0, place) + "\xff".repeat(32 - place);
          assert.ok(torn === text || readRecord(torn, crc) === null);
        },
      ),
    );
  });

  it("tells a record with its time where it is known, else with uptime and start", () => {
    const entry = { kind: "R", boot: 4, number: 7, up: 99, wall: 0, acked: 1 },
      text = replayRecord(entry, [781, 0xffff, 800, 0], crc);
    assert.equal(
      replaySamples(text, entry, 5, 1e9),
      ',{"timestamp_ms":99000,"boot":4,"s":"state_of_charge","v":78.1},{"timestamp_ms":99000,"boot":4,"s":"ccl","v":80}' +
        ',{"timestamp_ms":99000,"boot":4,"s":"dcl","v":0}',
    );
    assert.match(
      replaySamples(text, entry, 4, 1770112641),
      /^,\{"time":"2026-02-03T09:59:00Z","s":"state_of_charge","v":78\.1\}/,
      "learned since",
    );
    const dated = { ...entry, wall: 1770112740 };
    assert.match(
      replaySamples(replayRecord(dated, [781, 0, 0, 0], crc), dated, 5, 0),
      /^,\{"time":"2026-02-03T09:59:00Z"/,
    );
  });

  it("keeps nothing while the broker is there, and nothing without one", () => {
    const own = bench();
    own.soc(50);
    own.connect(true);
    own.run(3600);
    own.app.mqtt.session.state = OFF;
    own.run(3600);
    assert.deepEqual([own.app.replay.log, own.writes.length, own.payloads.length], [null, 0, 0]);
  });

  it("tells an absence of half a minute from memory alone, limits as charge control told them, once", () => {
    const own = bench();
    own.soc(50);
    own.run(45);
    drain(own);
    own.run(600);
    assert.deepEqual([own.told, own.payloads.length, own.writes.length], [[50], 1, 0]);
    assert.deepEqual(
      own.samples.map(({ s, v }) => [s, v]),
      [
        ["state_of_charge", 50],
        ["cvl", 56.8],
        ["ccl", 90],
        ["dcl", 0],
      ],
    );
  });

  it("tells minutes of it in order, once, each message after the last one was acknowledged and not before live data", () => {
    const own = bench(),
      made = outage(own, 40, 10);
    own.answers = false;
    own.connect(true);
    own.run(4);
    assert.equal(own.app.mqtt.session.inFlight.length, 0);
    own.run(60);
    assert.equal(own.app.mqtt.session.inFlight.length, 1, "one under way");
    own.connect(false);
    own.run(30);
    own.connect(true);
    own.answers = true;
    drain(own);
    assert.deepEqual(own.told, made);
    assert.ok(
      own.writes.every(({ at }, i) => i === 0 || at - own.writes[i - 1]!.at >= 60000),
      "a write a minute at most",
    );
  });

  it("keeps what changes: a steady battery is one record in ten minutes; an unknown one none", () => {
    const own = bench();
    own.soc(50);
    own.run(3600);
    drain(own);
    assert.equal(own.told.length, 6);
    const unknown = bench();
    unknown.app.mqtt.snapshot.values.fill(NaN);
    unknown.run(3600);
    assert.equal(unknown.app.replay.log!.ring, "");
  });

  it("survives restarts: nothing that flash had is missing, order holds, and what was told is not told again", () => {
    const own = bench(),
      made = outage(own, 20, 10);
    own.reboot();
    made.push(...outage(own, 20, 30));
    own.reboot();
    own.connect(true);
    drain(own);
    const lost = made.filter((value) => !own.told.includes(value));
    assert.ok(isRising(own.told), `${own.told}`);
    assert.ok(lost.length <= 4, `lost with the memory: ${lost}`);
    assert.deepEqual([...new Set(own.samples.map(({ boot }) => boot))], [1, 2]);
    own.reboot();
    drain(own);
    own.run(600);
    assert.equal(own.told.length, made.length - lost.length, "once");
  });

  it("lets nothing leave flash that the broker has not acknowledged", () => {
    const own = bench(),
      made = outage(own, 12, 10);
    own.answers = false;
    own.connect(true);
    own.run(20);
    own.connect(false);
    outage(own, 8, 100);
    own.reboot();
    own.answers = true;
    drain(own);
    assert.deepEqual(own.told.slice(0, made.length), made);
  });

  for (const count of [40, 300]) {
    it(`begins again where the broker stopped to acknowledge when the session forgets, ${count} records`, () => {
      const own = bench(),
        made = outage(own, count, 10);
      own.connect(true);
      own.run(8);
      own.answers = false;
      own.run(8);
      assert.equal(own.app.mqtt.session.inFlight.length, 1);
      own.app.mqtt.session.inFlight = [];
      replayAgain(own.app.replay.log!);
      own.answers = true;
      drain(own);
      assert.deepEqual(own.told, made);
    });
  }

  it("has its bounds: 30 days without a broker take 16 kB of files, no compaction, little flash, and the newest is told", () => {
    const own = bench();
    let count = 0;
    for (let hour = 0; hour < 720; hour++) count += outage(own, 120, hour % 2 ? 1000 : 10).length;
    assert.equal(own.store.compactions, 0);
    assert.ok([...own.store.files.values()].reduce((sum, { length }) => sum + length, 0) <= 16384);
    assert.ok(own.app.replay.log!.ring.length <= 512);
    const perDay = own.writes.reduce((sum, { bytes }) => sum + bytes, 0) / 30;
    assert.ok(perDay < 100000, `${perDay} bytes a day`);
    assert.ok(own.writes.every(({ at }, i) => i === 0 || at - own.writes[i - 1]!.at >= 60000));
    own.told.length = 0;
    drain(own);
    assert.equal(own.told.length + own.app.replay.dropped, count);
    assert.equal(own.told.at(-1), 1059.5);
  });

  it("writes nothing where flash has no room for a new file; memory keeps the newest", () => {
    const own = bench(memoryStore({ big: "x".repeat(224 * 4096 - 60000) })),
      made = outage(own, 40, 10);
    assert.equal(own.writes.length, 0);
    drain(own);
    assert.deepEqual(own.told, made.slice(-16));
    assert.equal(own.app.replay.dropped, 24);
  });

  it("loses nothing that was on flash and keeps the order when the power fails at any flash operation", () => {
    const scenario = (own: Bench): void => {
      outage(own, 300, 10);
      own.connect(true);
      own.run(120);
      own.connect(false);
      outage(own, 300, 200);
      drain(own);
    };
    const clean = bench();
    scenario(clean);
    assert.ok(isRising(clean.told) && clean.app.replay.dropped === 0);
    const step = Math.max(1, Math.floor(clean.store.operations / 150));
    for (let cut = 1; cut < clean.store.operations; cut += cut < 12 ? 1 : step) {
      const own = bench();
      own.store.faults.cutAt = cut;
      assert.throws(
        () => scenario(own),
        (error) => error === POWER_CUT,
      );
      restorePower(own.store);
      const before = own.told.slice(),
        last = own.app.replay.log?.spooled ?? before.length + 1,
        { told } = own;
      own.reboot();
      told.length = 0;
      outage(own, 4, 500);
      drain(own);
      const both = before.concat(told.filter((value) => !before.includes(value)));
      assert.ok(isRising(told) && isRising(both), `cut at ${cut}`);
      assert.ok(
        told.length - told.filter((value) => !before.includes(value)).length <= 4 * 62,
        `told twice after a cut at ${cut}`,
      );
      assert.ok(told.includes(500) && both.length >= last - 1, `cut at ${cut}: ${both.length} of ${last - 1}`);
    }
  });

  it("goes on behind records that a power cut tore at any byte", () => {
    for (let bytes = 0; bytes <= 64; bytes++) {
      const own = bench(),
        made = outage(own, 8, 10),
        name = "replay.a",
        { spooled } = own.app.replay.log!;
      const whole = own.store.files.get(name)!,
        end = whole.indexOf("\xff".repeat(64));
      const torn = replayRecord({ kind: "R", boot: 1, number: 99, up: 1, wall: 0, acked: 1 }, [1, 2, 3, 4], crc)
        .repeat(2)
        .slice(0, bytes);
      const place = Math.ceil(end / 32) * 32;
      own.store.files.set(
        name,
        whole.slice(0, place) + torn.replaceAll(/^./g, bytes % 2 ? "R" : "\xff") + whole.slice(place + bytes),
      );
      own.reboot();
      outage(own, 8, 600);
      drain(own);
      const shown = own.told.filter((value) => value !== 0.1); // a record that arrived whole counts
      assert.deepEqual(shown.slice(0, spooled - 1), made.slice(0, spooled - 1));
      assert.ok(isRising(shown) && shown.includes(603.5), `${bytes} bytes: ${shown}`);
    }
  });

  it("tells everything once and in order over any absences, restarts apart", () => {
    const turn = fc.record({
      count: fc.integer({ min: 0, max: 30 }),
      there: fc.integer({ min: 0, max: 40 }),
      answers: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 12 }), (turns) => {
        const own = bench(),
          made: number[] = [];
        for (const { count, there, answers } of turns) {
          own.connect(false);
          made.push(...outage(own, count, 10 + made.length / 2));
          own.answers = answers;
          own.connect(true);
          own.run(there);
        }
        own.answers = true;
        drain(own);
        assert.ok(isRising(own.told), `${own.told}`);
        assert.deepEqual(
          own.told,
          made.filter((value) => own.told.includes(value)),
        );
        assert.equal(own.app.replay.dropped, 0);
      }),
      { numRuns: 60 },
    );
  });
});
