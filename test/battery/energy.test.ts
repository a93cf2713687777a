// The energy counters: what they count, and that flash keeps them, also when the power fails while a record is written.
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Energy, energyStep } from "../../firmware/battery/energy";
import { energyRecord, loadEnergy, readEnergy, saveEnergy } from "../../firmware/battery/energy.cold";
import * as slot from "../../firmware/battery/registers.baked";
import { snapshotOf } from "../../firmware/battery/snapshot";
import { crc32 } from "../../tools/host/crc32";
import { memoryStore, restorePower, type Store, storageModule } from "../../tools/host/storage";

const crc = (text: string): number => crc32(Buffer.from(text, "latin1"));
const fresh = (): Energy => ({
  at: -1,
  power: 0,
  charged: 0,
  discharged: 0,
  saved: 0,
  savedAt: 0,
  every: 60000,
  seq: 0,
  file: 0,
  place: 0,
});
const MINUTE = 60000,
  TEN_MINUTES = 600000;
const moduleOf = (store: Store) =>
  storageModule(store, (message) => {
    throw new Error(message);
  });

/** kWh in and out after samples of power (W) at times (s). */
function counted(samples: [at: number, watts: number][]): [number, number] {
  const s = snapshotOf(),
    energy = fresh(),
    v = s.values;
  for (const [at, watts] of samples) {
    s.fastAt = at * 1000;
    v[slot.packPower] = watts;
    energyStep(energy, s);
    energyStep(energy, s); // the same sample counts once
  }
  return [energy.charged, energy.discharged];
}

describe("energy", () => {
  const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-9, `${a} ${b}`);

  it("an hour of 1 kW is 1 kWh, in the direction of the current", () => {
    const hour = (watts: number): [number, number][] => Array.from({ length: 3601 }, (_, i) => [i, watts]);
    const [charged, none] = counted(hour(1000)),
      [nothing, discharged] = counted(hour(-1000));
    [charged, discharged].forEach((kWh) => near(kWh, 1));
    assert.deepEqual([none, nothing], [0, 0]);
  });
  it("takes the mean of two samples", () =>
    near(
      counted([
        [0, 0],
        [3.6, 2000],
      ])[0],
      0.001,
    ));
  it("counts nothing over a gap of more than 5 s, nor what is unknown", () => {
    assert.deepEqual(
      counted([
        [0, 1000],
        [5.001, 1000],
      ]),
      [0, 0],
    );
    near(
      counted([
        [0, 1000],
        [5, 1000],
      ])[0],
      5 / 3600,
    );
    assert.deepEqual(
      counted([
        [0, 1000],
        [1, NaN],
      ]),
      [0, 0],
    );
  });
  it("neither counter ever falls", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: -40000, max: 40000 })), { maxLength: 40 }),
        (steps) => {
          const s = snapshotOf(),
            energy = fresh(),
            v = s.values;
          for (const [seconds, watts] of steps) {
            const before = [energy.charged, energy.discharged];
            s.fastAt += seconds * 1000;
            v[slot.packPower] = watts;
            energyStep(energy, s);
            assert.ok(energy.charged >= before[0] && energy.discharged >= before[1]);
          }
        },
      ),
    );
  });
});

describe("energy in flash", () => {
  it("a record of 16 bytes says what was written, and nothing when a bit is wrong", () => {
    const any = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(any, any, any, fc.nat(127), (seq, charged, discharged, bit) => {
        const record = energyRecord(seq, charged / 1000, discharged / 1000, crc);
        assert.equal(record.length, 16);
        assert.deepEqual(readEnergy(record, crc), [seq, charged / 1000, discharged / 1000]);
        const bytes = Buffer.from(record, "latin1");
        bytes[bit >> 3] ^= 1 << (bit & 7);
        assert.equal(readEnergy(bytes.toString("latin1"), crc), null);
      }),
    );
    assert.equal(readEnergy("\xff".repeat(16), crc), null);
    assert.equal(readEnergy("", crc), null);
  });

  /** Save `count` times, 0.1 kWh each; what a boot finds after it. */
  function saved(store: Store, count: number): { energy: Energy; v: Float64Array } {
    const v = new Float64Array(slot.SLOTS),
      energy = loadEnergy(v, moduleOf(store), crc);
    for (let i = 0; i < count; i++) {
      energy.charged += 0.1;
      saveEnergy(energy, v, moduleOf(store), crc, i * MINUTE);
    }
    return { energy, v };
  }
  const booted = (store: Store): number => {
    const v = new Float64Array(slot.SLOTS);
    loadEnergy(v, moduleOf(store), crc);
    return Math.round(v[slot.chargedEnergy] * 10);
  };

  it("starts at 0, goes on where it was, through many files, with a kB of flash in 64 records", () => {
    const store = memoryStore();
    assert.equal(booted(store), 0);
    for (let total = 0; total < 1500; total += 100) {
      assert.equal(booted(store), total);
      saved(store, 100);
    }
    assert.ok(store.used <= 7 * (4096 + 64), `${store.used} bytes of flash for 1500 records`);
    assert.equal([...store.files.keys()].length, 2, "two files");
  });
  it("writes nothing for less than 0.05 kWh", () => {
    const store = memoryStore(),
      { energy, v } = saved(store, 1),
      before = store.operations;
    energy.charged += 0.04;
    saveEnergy(energy, v, moduleOf(store), crc, MINUTE);
    assert.equal(store.operations, before);
    energy.charged += 0.02;
    saveEnergy(energy, v, moduleOf(store), crc, MINUTE - 1);
    assert.equal(store.operations, before, "nor before a minute is over");
    saveEnergy(energy, v, moduleOf(store), crc, MINUTE);
    assert.ok(store.operations > before);
  });
  it("brings both directions back as they are told, in whole Wh, and counts on from their sum", () => {
    const store = memoryStore(),
      { energy, v } = saved(store, 0);
    energy.charged = 12.3456;
    energy.discharged = 3.4567;
    saveEnergy(energy, v, moduleOf(store), crc, MINUTE);
    const told = [v[slot.chargedEnergy], v[slot.dischargedEnergy]];
    assert.deepEqual(told, [12.345, 3.456]);
    const again = new Float64Array(slot.SLOTS),
      found = loadEnergy(again, moduleOf(store), crc);
    assert.deepEqual([again[slot.chargedEnergy], again[slot.dischargedEnergy]], told);
    const before = store.operations;
    found.discharged += 0.04;
    saveEnergy(found, again, moduleOf(store), crc, MINUTE);
    assert.equal(store.operations, before, "less than 0.05 kWh more than what was found");
  });
  it("a record each ten minutes only while little flash is free", () => {
    const store = memoryStore();
    store.used = 224 * 4096 - 250000;
    const { energy, v } = saved(store, 1),
      before = store.operations;
    energy.charged += 1;
    saveEnergy(energy, v, moduleOf(store), crc, TEN_MINUTES - 1);
    assert.equal(store.operations, before);
    saveEnergy(energy, v, moduleOf(store), crc, TEN_MINUTES);
    assert.ok(store.operations > before);
    energy.charged += 1;
    saveEnergy(energy, v, moduleOf(store), crc, Infinity);
    assert.equal(booted(store), 21, "before a restart at once");
  });
  it("begins no file when that would compact the flash, and tries again later", () => {
    const store = memoryStore();
    store.used = 224 * 4096 - 4000;
    const { energy } = saved(store, 3);
    assert.deepEqual([energy.seq, store.files.size, store.compactions], [0, 0, 0]);
  });
  it("loses at most the record at which the power failed", () => {
    for (const done of [0, 1, 255, 256, 257, 511, 512]) {
      for (let cut = 1; cut < 70; cut += done % 256 === 0 ? 1 : 9) {
        const store = memoryStore(),
          { energy, v } = saved(store, done);
        store.faults.cutAt = store.operations + cut;
        energy.charged += 0.1;
        try {
          saveEnergy(energy, v, moduleOf(store), crc, done * MINUTE);
        } catch {
          assert.ok(store.isCut);
        }
        restorePower(store);
        const found = booted(store);
        assert.ok(found >= Math.round(v[slot.chargedEnergy] * 10), "what was told is never more than what is kept");
        assert.ok(found === done || found === done + 1, `${found} after ${done}, cut at ${cut}`);
        saved(store, 2);
        assert.equal(booted(store), found + 2, "and goes on");
      }
    }
  });
});
