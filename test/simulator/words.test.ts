// Every register of the table through the simulator: value -> words -> reply bytes -> words -> value, and the settings
// back by a write.

import assert from "node:assert/strict";
import fc from "fast-check";
import { answer } from "../../tools/simulator/codec";
import type { Unit } from "../../tools/simulator/codec";
import { createBattery } from "../../tools/simulator/model";
import { seededRandom } from "../../tools/simulator/random";
import { rangeOf } from "../../tools/simulator/settings";
import { getBits, getValue, rows, setBits, setValue, wordsOf } from "../../tools/simulator/words";
import type { Row } from "../../tools/simulator/words";
import { rawUnit, request } from "./bench";

const ask = (unit: Unit, ...body: number[]): Uint8Array => answer(unit, { command: body[0], frame: request(...body) });
const low = (word: number): number => word & 0xff;
const high = (word: number): number => word >> 8;

/** Reads registers by each of the three read commands and checks that they agree. */
function readWords(unit: Unit, address: number, count: number): number[] {
  const native = ask(unit, 0x07, count, low(address), high(address));
  const modbus = ask(unit, 0x03, high(address), low(address), 0, count);
  const addresses = Array.from({ length: count }, (_, i) => address + i);
  const single = ask(unit, 0x09, 2 * count, ...addresses.flatMap((one) => [low(one), high(one)]));
  return addresses.map((_, i) => {
    const word = native[3 + 2 * i] | (native[4 + 2 * i] << 8);
    assert.equal((modbus[3 + 2 * i] << 8) | modbus[4 + 2 * i], word);
    assert.equal(single[5 + 4 * i] | (single[6 + 4 * i] << 8), word);
    assert.equal(single[3 + 4 * i] | (single[4 + 4 * i] << 8), address + i);
    return word;
  });
}

/** All numbers that the row's words can hold, in its unit. */
function valuesOf(row: Row): fc.Arbitrary<number> {
  if (row.type === "f32") return fc.float({ noNaN: true, noDefaultInfinity: true });
  const [min, max] =
    row.type === "i16" ? [-32768, 32767] : row.type === "u8" ? [0, 255] : [0, 2 ** (16 * wordsOf(row)) - 1];
  return fc
    .integer({ min, max })
    .filter((raw) => raw !== row.invalid)
    .map((raw) => raw / (row.per ?? 1));
}

describe("simulator registers", () => {
  for (const row of rows.filter(({ type }) => type !== "bytes")) {
    it(`${row.key} round-trips by 0x03, 0x07 and 0x09`, () => {
      fc.assert(
        fc.property(valuesOf(row), (value) => {
          const unit = rawUnit();
          setValue(unit.words, row.key, value);
          const words = new Uint16Array(600);
          words.set(readWords(unit, row.at, wordsOf(row)), row.at);
          assert.ok(getValue(words, row.key) === value);
        }),
        { numRuns: 30 },
      );
    });
  }
  it("keeps null as the row's own word, and refuses it elsewhere", () => {
    const { words } = rawUnit();
    setValue(words, "external_temp_1", null);
    assert.equal(words[42], 0x8000);
    assert.equal(getValue(words, "external_temp_1"), null);
    assert.throws(() => setValue(words, "pack_voltage", null));
    assert.throws(() => getValue(words, "no_such_key"));
  });
  it("clamps what a type can't hold, keeps the high byte of a u8", () => {
    const { words } = rawUnit({ 331: 0x1200 });
    setValue(words, "internal_temp", 1e9);
    assert.equal(getValue(words, "internal_temp"), 3276.7);
    setValue(words, "min_cell_voltage", -5);
    assert.equal(words[40], 0);
    setValue(words, "load_switch_type", 6);
    assert.equal(words[331], 0x1206);
  });
  it("reads and writes signed bit fields without touching their neighbours", () => {
    const { words } = rawUnit();
    setBits(words, "pack_temp_extremes", "min_pack_temp_seen", -8);
    setBits(words, "pack_temp_extremes", "max_pack_temp_seen", 25);
    assert.equal(words[113], 0x19f8);
    assert.equal(getBits(words, "pack_temp_extremes", "min_pack_temp_seen"), -8);
  });
});

describe("simulator settings by every write command", () => {
  const writable = rows.filter(
    ({ write, type, enum: names, key }) => write && type !== "bits" && !names && !key.startsWith("set_state"),
  );
  for (const row of writable) {
    it(`${row.key} round-trips by 0x0B (both lengths), 0x0D and 0x10`, () => {
      const battery = createBattery({ cells: 16, soc_pct: 50, temperature_C: 20, random: seededRandom(1) });
      const [min, max] = rangeOf(battery.words, row);
      fc.assert(
        fc.property(fc.integer({ min, max }), fc.integer({ min: 0, max: 3 }), (raw, way) => {
          const data = Array.from({ length: wordsOf(row) }, (_, i) => Math.floor(raw / 0x10000 ** i) & 0xffff);
          const native = data.flatMap((word) => [low(word), high(word)]);
          const modbus = data.flatMap((word) => [high(word), low(word)]);
          const pairs = data.flatMap((word, i) => [low(row.at + i), high(row.at + i), low(word), high(word)]);
          const address = [low(row.at), high(row.at)];
          const reply = [
            () => ask(battery, 0x0b, native.length, ...address, ...native),
            () => ask(battery, 0x0b, native.length + 2, ...address, ...native),
            () => ask(battery, 0x0d, 2 * native.length, ...pairs),
            () => ask(battery, 0x10, high(row.at), low(row.at), 0, data.length, modbus.length, ...modbus),
          ][way]();
          assert.notEqual(reply[1], 0x00, "refused");
          assert.deepEqual(readWords(battery, row.at, data.length), data);
        }),
        { numRuns: 20 },
      );
    });
  }
});
