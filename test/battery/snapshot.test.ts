// Replies into the snapshot: real bytes, what is implausible, missing sensors, packs of fewer cells, and the phases by
// age.
import assert from "node:assert/strict";
import { deriveSecond } from "../../firmware/battery/derived";
import { acceptCells, snapshotAge, updatePhase } from "../../firmware/battery/snapshot.cold";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { acceptFast, BOOT, DEGRADED, LOST, NORMAL, SILENT, snapshotOf } from "../../firmware/battery/snapshot";
import { turnedWords } from "../../firmware/bms/poller.cold";
import { acceptSettings } from "../../firmware/bms/settings.cold";
import { slotOf } from "../../tools/bake/names";
import {
  cellWords,
  fastWords,
  feedSnapshot,
  floatWords,
  settingsWords,
  snapshotWith,
  vectorWords,
} from "../fixtures/battery";
import { bmsVector } from "../fixtures/bytes";

describe("real replies", () => {
  it("the fast group gives each value of the vector", () => {
    const snapshot = snapshotOf();
    assert.ok(acceptFast(snapshot, vectorWords("block_fast_poll_36_52"), 7));
    const numbers = Object.entries(bmsVector("block_fast_poll_36_52").decoded.values ?? {}).filter(
      ([, value]) => typeof value === "number" || value === null,
    );
    assert.equal(numbers.length, 10);
    for (const [key, value] of numbers) {
      const got = snapshot.values[slotOf(key)];
      assert.ok(value === null ? Number.isNaN(got) : Math.abs(got - (value as number)) < 1e-5, `${key}: ${got}`);
    }
    assert.deepEqual([snapshot.fastAt, snapshot.seq, snapshot.dropped], [7, 1, 0]);
    assert.equal(snapshot.values[valueSlot.onlineStatus], 0x93);
    assert.deepEqual(
      [snapshot.values[valueSlot.balancingDecision], snapshot.values[valueSlot.balancingActive]],
      [0x11, 1],
    );
    assert.equal(snapshot.values[valueSlot.cellSpread], 5);
    assert.ok(Math.abs(snapshot.values[valueSlot.packPower] + 53.12 * 18.25) < 0.01);
  });

  it("the settings give voltages, cutoffs and the number of cells", () => {
    const snapshot = snapshotOf(),
      numbers = turnedWords(vectorWords("modbus_read_all_settings_300_343"));
    acceptSettings(snapshot, numbers, 5);
    const registers = bmsVector("modbus_read_all_settings_300_343").decoded.registers ?? {};
    assert.deepEqual(
      Array.from(numbers),
      Array.from({ length: 44 }, (_, i) => registers[300 + i]),
    );
    const v = snapshot.values;
    assert.deepEqual(
      [
        v[valueSlot.fullyChargedVoltage],
        v[valueSlot.fullyDischargedVoltage],
        v[valueSlot.batteryCapacity],
        v[valueSlot.seriesCells],
      ],
      [3650, 2800, 280, 16],
    );
    assert.deepEqual(
      [
        v[valueSlot.overVoltageCutoff],
        v[valueSlot.underVoltageCutoff],
        v[valueSlot.dischargeOverCurrentCutoff],
        v[valueSlot.chargeOverCurrentCutoff],
      ],
      [3750, 2500, 110, 90],
    );
    assert.deepEqual([v[valueSlot.overHeatCutoff], v[valueSlot.lowTempChargerCutoff]], [60, -5]);
    assert.deepEqual([snapshot.cells, snapshot.firstCell, snapshot.settingsAt], [16, 0, 5]);
  });

  it("the cells of a pack of 14 are registers 2..15", () => {
    const snapshot = snapshotOf();
    acceptSettings(snapshot, settingsWords({ 307: 14 }), 0);
    assert.ok(acceptFast(snapshot, fastWords({ ...floatWords(36, 55.78), 40: 3970, 41: 3980 }), 0));
    assert.ok(acceptCells(snapshot, vectorWords("block_16_cells_14s_pack"), 1));
    assert.deepEqual([snapshot.cells, snapshot.firstCell, snapshot.highest, snapshot.lowest], [14, 2, 3990, 3970]);
    assert.ok(
      Number.isNaN(snapshot.values[valueSlot.cell01Voltage]) && Number.isNaN(snapshot.values[valueSlot.cell02Voltage]),
    );
    assert.equal(snapshot.values[valueSlot.cell03Voltage], 3980);
  });
});

/** Registers 46 and 47 of a state of charge in millionths of a percent. */
const socWords = (raw: number): Record<number, number> => ({ 46: raw % 65536, 47: Math.floor(raw / 65536) });

describe("implausible replies are dropped whole and counted", () => {
  const bad: Record<string, Record<number, number>> = {
    "no voltage": floatWords(36, NaN),
    "voltage above 80": floatWords(36, 81),
    "voltage below 0": floatWords(36, -1),
    "no current": floatWords(38, NaN),
    "current above 1.5 x the cutoff": floatWords(38, 166),
    "discharge above it": floatWords(38, -166),
    "infinite current": floatWords(38, Infinity),
    "lowest cell of 0": { 40: 0 },
    "highest cell above 5 V": { 41: 5001 },
    "lowest above highest": { 40: 3400, 41: 3300 },
    "sensor at 126 degC": { 42: 1260 },
    "internal at -46 degC": { 48: 65536 - 460 },
    "SoC above 100": { 46: 0, 47: 2000 },
    "SoC a millionth above 101": socWords(101000001),
  };
  for (const [name, changes] of Object.entries(bad)) {
    it(name, () => {
      const snapshot = snapshotWith(),
        before = Array.from(snapshot.values);
      assert.equal(acceptFast(snapshot, fastWords(changes), 9), false);
      assert.deepEqual(Array.from(snapshot.values), before);
      assert.deepEqual([snapshot.dropped, snapshot.seq, snapshot.fastAt, snapshot.good], [1, 1, 0, 0]);
    });
  }

  it("a SoC up to 101 % is 100 %", () => {
    for (const [raw, percent] of [
      [0, 0],
      [99999999, 99.999999],
      [100000000, 100],
      [100000001, 100],
      [101000000, 100],
    ]) {
      const snapshot = snapshotWith();
      assert.ok(acceptFast(snapshot, fastWords(socWords(raw)), 9), `${raw}`);
      assert.equal(snapshot.values[valueSlot.stateOfCharge], percent);
    }
  });

  it("cells that do not add up to the pack, and a cell that reads 0", () => {
    const snapshot = snapshotWith(),
      cells = new Array<number>(16).fill(3320);
    assert.equal(acceptCells(snapshot, cellWords(cells.map((mv) => mv + 60)), 9), false);
    assert.equal(acceptCells(snapshot, cellWords([0, ...cells.slice(1)]), 9), false);
    assert.deepEqual([snapshot.dropped, snapshot.cellsAt, snapshot.values[valueSlot.cell01Voltage]], [2, 0, 3320]);
  });

  it("a number of cells that cannot be leaves the settings as old as they were", () => {
    for (const cells of [0, 3, 17, 65535]) {
      const snapshot = snapshotWith();
      acceptSettings(snapshot, settingsWords({ 307: cells }), 9);
      assert.deepEqual([snapshot.cells, snapshot.settingsAt, snapshot.dropped], [16, 0, 1], `${cells}`);
    }
  });
});

describe("missing values", () => {
  const v = (changes: Record<number, number>): Float64Array => snapshotWith({ fast: changes }).values;

  it("SoH of 0 (old firmware) and both sensors missing are unknown; temperatures are the internal one then", () => {
    const values = v({ 42: 0x8000, 43: 0x8000, 45: 0 });
    for (const slot of [valueSlot.stateOfHealth, valueSlot.externalTemp1, valueSlot.externalTemp2])
      assert.ok(Number.isNaN(values[slot]));
    for (const slot of [valueSlot.minTemperature, valueSlot.maxTemperature, valueSlot.batteryTemperature])
      assert.equal(values[slot], 26.8);
  });

  it("one sensor stands for both; two give lowest, highest and mean; below 0 degC is signed", () => {
    const one = v({ 42: 0x8000, 43: 65536 - 75 }),
      two = v({ 42: 200, 43: 65536 - 100 });
    assert.deepEqual(
      [one[valueSlot.minTemperature], one[valueSlot.maxTemperature], one[valueSlot.batteryTemperature]],
      [-7.5, -7.5, -7.5],
    );
    assert.deepEqual(
      [two[valueSlot.minTemperature], two[valueSlot.maxTemperature], two[valueSlot.batteryTemperature]],
      [-10, 20, 5],
    );
  });
});

describe("packs of 4 to 16 cells", () => {
  for (let cells = 4; cells <= 16; cells++) {
    it(`${cells} cells in high and in low order`, () => {
      for (const isLow of [false, true]) {
        const snapshot = snapshotOf(),
          registers = new Array<number>(16).fill(0),
          first = isLow ? 0 : 16 - cells;
        snapshot.lowOrder = isLow;
        acceptSettings(snapshot, settingsWords({ 307: cells }), 0);
        for (let i = 0; i < cells; i++) registers[first + i] = 3300 + i;
        const pack = registers.reduce((sum, mv) => sum + mv, 0);
        assert.ok(
          acceptFast(snapshot, fastWords({ ...floatWords(36, pack / 1000), 40: 3300, 41: 3300 + cells - 1 }), 0),
        );
        assert.ok(acceptCells(snapshot, cellWords(registers), 0));
        assert.deepEqual([snapshot.firstCell, snapshot.lowest, snapshot.highest], [first, 3300, 3300 + cells - 1]);
        assert.ok(Math.abs(snapshot.sum - pack) < 1e-6);
      }
    });
  }

  it("cells at the other end than the setting says are found there, and stay there", () => {
    const snapshot = snapshotOf(),
      low = [3300, 3301, 3302, 3303, ...new Array<number>(12).fill(0)],
      high = [...low].reverse();
    const take = (registers: number[], now: number): boolean => acceptCells(snapshot, cellWords(registers), now);
    acceptSettings(snapshot, settingsWords({ 307: 4 }), 0);
    assert.ok(acceptFast(snapshot, fastWords({ ...floatWords(36, 13.206), 40: 3300, 41: 3303 }), 0));
    assert.ok(take(low, 1));
    assert.deepEqual(
      [snapshot.cellsMoved, snapshot.firstCell, snapshot.lowest, snapshot.highest],
      [true, 0, 3300, 3303],
    );
    acceptSettings(snapshot, settingsWords({ 307: 4 }), 2);
    assert.deepEqual([snapshot.firstCell, take(low, 3)], [0, true]);
    assert.ok(take(high, 4));
    assert.deepEqual([snapshot.cellsMoved, snapshot.firstCell], [false, 12]);
    assert.equal(take(new Array<number>(16).fill(0), 5), false, "nothing anywhere is no battery");
    assert.equal(
      take([3300, 3301, 0, 3303, ...new Array<number>(8).fill(0), 3300, 0, 3302, 3303], 6),
      false,
      "nor is a hole",
    );
    assert.equal(snapshot.firstCell, 12);
  });

  it("bms.expected_cells wins over register 307", () => {
    const snapshot = snapshotOf();
    snapshot.expectedCells = 8;
    acceptSettings(snapshot, settingsWords({ 307: 16 }), 0);
    assert.deepEqual([snapshot.cells, snapshot.firstCell], [8, 8]);
  });
});

describe("extremes of whatever is fresh", () => {
  const fast = (low: number, high: number, volts = 53.12): Uint16Array =>
      fastWords({ ...floatWords(36, volts), 40: low, 41: high }),
    cells = (mv: number, other = mv): Uint16Array => cellWords([...new Array<number>(15).fill(mv), other]);
  const extremes = (s: ReturnType<typeof snapshotOf>): number[] => [s.lowest, s.highest];

  it("registers 40 and 41 count at their own poll, beside the cells as long as those are fresh", () => {
    const snapshot = snapshotWith({ mv: [...new Array<number>(15).fill(3320), 3331.5] });
    assert.ok(acceptFast(snapshot, fast(3319, 3325), 100));
    assert.deepEqual(extremes(snapshot), [3319, 3331.5]);
    assert.ok(acceptFast(snapshot, fast(3321, 3640), 4900));
    assert.deepEqual(extremes(snapshot), [3320, 3640]);
    for (const now of [5000, 5001]) {
      updatePhase(snapshot, now);
      assert.ok(acceptFast(snapshot, fast(3322, 3324), now));
      assert.deepEqual(extremes(snapshot), now > 5000 ? [3322, 3324] : [3320, 3331.5], `${now}`);
    }
  });

  it("cells count alone when the fast group is old, and are not held against its voltage then", () => {
    for (const [age, taken] of [
      [2000, false],
      [2001, true],
      [6000, true],
      [20000, true],
    ] as const) {
      const snapshot = snapshotWith();
      updatePhase(snapshot, age);
      assert.equal(acceptCells(snapshot, cells(3400, 3640), age), taken, `${age} ms`);
      if (taken) assert.deepEqual(extremes(snapshot), [age > 5000 ? 3400 : 3320, 3640], `${age} ms`);
    }
    const alone = snapshotWith();
    alone.good = 0;
    for (const now of [20000, 21000, 22000]) acceptCells(alone, cells(3320), now);
    assert.equal(alone.good, 0, "cells alone are no complete snapshot");
  });

  it("what is lost takes the measurements with it that are not fresh, and leaves those that are", () => {
    const fastLives = snapshotWith(),
      cellsLive = snapshotWith();
    acceptFast(fastLives, fast(3319, 3325), 15000);
    acceptCells(cellsLive, cells(3320, 3330), 15000);
    for (const s of [fastLives, cellsLive]) assert.equal(updatePhase(s, 15001), LOST);
    const known = (s: typeof fastLives): boolean[] =>
      [
        s.values[valueSlot.packVoltage],
        s.values[valueSlot.stateOfCharge],
        s.values[valueSlot.cell01Voltage],
        s.highest,
      ].map((x) => !isNaN(x));
    assert.deepEqual(
      [known(fastLives), known(cellsLive)],
      [
        [true, true, false, true],
        [false, false, true, true],
      ],
    );
  });
});

describe("phases by age", () => {
  it("boot until all groups are there", () => {
    const snapshot = snapshotOf();
    assert.equal(updatePhase(snapshot, 1e6), BOOT);
    acceptFast(snapshot, fastWords(), 0);
    assert.equal(updatePhase(snapshot, 10), BOOT);
    feedSnapshot(snapshot, { now: 20 });
    assert.equal(updatePhase(snapshot, 30), NORMAL);
    assert.equal(snapshotAge(snapshot, 30), 10);
  });

  it("degraded after 5 s, lost after 15 s with values unknown, silent after 75 s", () => {
    const snapshot = snapshotWith();
    const phases = [5000, 5001, 15000, 15001, 75000, 75001].map((now) => {
      const phase = updatePhase(snapshot, now);
      assert.equal(Number.isNaN(snapshot.values[valueSlot.packVoltage]), now > 15000);
      assert.equal(Number.isNaN(snapshot.highest), now > 15000);
      return phase;
    });
    assert.deepEqual(phases, [NORMAL, DEGRADED, DEGRADED, LOST, LOST, SILENT]);
    assert.equal(
      snapshot.values[valueSlot.fullyChargedVoltage],
      NaN,
      "settings go 15 s after they should have been read again",
    );
  });

  const RIDE = 120000,
    ride = { rideMs: RIDE, rideBelow: 3375, rideAbove: 3225 },
    AGES = [5000, 5001, 15000, 15001, RIDE, RIDE + 1, RIDE + 60000, RIDE + 60001];
  const riding = (settings: object): number[] => {
    const snapshot = Object.assign(snapshotWith(), settings);
    return AGES.map((now) => updatePhase(snapshot, now));
  };

  it("rides through a loss: degraded for longer, values unknown all the same, then lost for a minute, silent at last", () => {
    assert.deepEqual(riding(ride), [NORMAL, DEGRADED, DEGRADED, DEGRADED, DEGRADED, LOST, LOST, SILENT]);
    const snapshot = Object.assign(snapshotWith(), ride);
    for (const now of [6000, 16000, 17000]) assert.equal(updatePhase(snapshot, now), DEGRADED);
    assert.ok(Number.isNaN(snapshot.values[valueSlot.packVoltage]));
    assert.equal(updatePhase(Object.assign(snapshotWith(), ride), RIDE), DEGRADED, "one look is enough");
  });

  it("does not with a cell out of mid range, for less than 15 s, or while the UART answers in part", () => {
    const usual = [NORMAL, DEGRADED, DEGRADED, LOST, SILENT, SILENT, SILENT, SILENT];
    for (const cells of [{ highest: 3375 }, { lowest: 3225 }, { rideMs: 0 }])
      assert.deepEqual(riding({ ...ride, ...cells }), usual, JSON.stringify(cells));
    assert.deepEqual(riding({ ...ride, highest: 3374, lowest: 3226 })[4], DEGRADED);
    const absurd = Object.assign(snapshotWith(), ride);
    assert.equal(acceptFast(absurd, fastWords({ 41: 6000 }), 300), false);
    assert.equal(updatePhase(absurd, 16000), LOST, "an answer that is no good is not a silent line");
    const snapshot = Object.assign(snapshotWith(), ride);
    assert.equal(updatePhase(snapshot, 15100), DEGRADED);
    acceptFast(snapshot, fastWords({ ...floatWords(36, 53.12), 40: 3320, 41: 3320 }), 20000);
    assert.equal(updatePhase(snapshot, 20000), LOST, "live values, and cells of which nothing is known");
    assert.equal(updatePhase(snapshot, 26000), LOST, "and no way back but by good data");
    for (const now of [27000, 28000, 29000]) feedSnapshot(snapshot, { now });
    assert.equal(updatePhase(snapshot, 29000), NORMAL);
  });

  it("each required group counts: cells alone, settings alone", () => {
    const snapshot = snapshotWith();
    acceptFast(snapshot, fastWords({ ...floatWords(36, 53.12), 40: 3320, 41: 3320 }), 6000);
    assert.equal(updatePhase(snapshot, 6000), DEGRADED);
    const other = snapshotWith();
    for (const now of [30000, 60000, 65000, 65100]) {
      acceptFast(other, fastWords({ ...floatWords(36, 53.12), 40: 3320, 41: 3320 }), now);
      acceptCells(other, cellWords(new Array<number>(16).fill(3320)), now);
      assert.equal(updatePhase(other, now), now > 65000 ? DEGRADED : NORMAL);
    }
  });

  it("lost and silent end after three complete snapshots, degraded after one", () => {
    for (const gap of [20000, 80000]) {
      const snapshot = snapshotWith();
      const before = updatePhase(snapshot, gap);
      const phases = [1, 2, 3].map((n) => {
        feedSnapshot(snapshot, { now: gap + n * 1000 });
        return updatePhase(snapshot, gap + n * 1000);
      });
      assert.deepEqual(phases, [before, before, NORMAL]);
    }
    const degraded = snapshotWith();
    assert.equal(updatePhase(degraded, 6000), DEGRADED);
    feedSnapshot(degraded, { now: 6100 });
    assert.equal(updatePhase(degraded, 6100), NORMAL);
  });
});

describe("what is derived each second", () => {
  it("tells which place has moved: lowest cell 1, highest 2, coldest sensor 4, hottest 8, and nothing else", () => {
    const s = snapshotWith(),
      v = s.values;
    Object.assign(v, {
      [valueSlot.lowestCell]: 3,
      [valueSlot.highestCell]: 5,
      [valueSlot.externalTemp1]: 20,
      [valueSlot.externalTemp2]: 25,
    });
    deriveSecond(s);
    const moved = (slot: number, value: number): number => {
      v[slot] = value;
      return deriveSecond(s);
    };
    assert.equal(deriveSecond(s), 0);
    for (const place of [1, 2, 4, 8, 16]) assert.equal(moved(valueSlot.lowestCell, place), 1, `cell ${place}`);
    for (const place of [1, 2, 4, 8, 16]) assert.equal(moved(valueSlot.highestCell, place), 2, `cell ${place}`);
    assert.equal(moved(valueSlot.externalTemp2, 15), 12, "the sensors have changed places");
    assert.equal(
      moved(valueSlot.externalTemp1, NaN),
      8,
      "the other one is alone: the coldest already, now the hottest too",
    );
  });
});
