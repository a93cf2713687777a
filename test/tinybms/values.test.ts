// Register words as values: what the vectors say, every row both ways through the simulator, and what no vector shows.
import assert from "node:assert/strict";
import fc from "fast-check";
import { answer } from "../../tools/simulator/codec";
import { setBits, setValue } from "../../tools/simulator/words";
import { floatOf, rows, type Row, type Value, valueOf, valuesOf } from "../../tools/tinybms/values";
import { bmsVectors } from "../fixtures/bytes";
import { rawUnit, request } from "../simulator/bench";

const span = (row: Row): number => row.words ?? 1;

/** A row's words as the simulator answers them by 0x07, as registers. */
function read(unit: ReturnType<typeof rawUnit>, row: Row): Record<number, number> {
  const frame = answer(unit, { command: 0x07, frame: request(0x07, span(row), row.at & 255, row.at >> 8) });
  return Object.fromEntries(
    Array.from({ length: span(row) }, (_, i) => [row.at + i, frame[3 + 2 * i] | (frame[4 + 2 * i] << 8)]),
  );
}

/** Values in the row's unit that its words can hold. */
function any(row: Row): fc.Arbitrary<number> {
  if (row.type === "f32") return fc.float({ noNaN: true, noDefaultInfinity: true });
  const [min, max] =
    row.type === "i16" ? [-32768, 32767] : row.type === "u8" ? [0, 255] : [0, 2 ** (16 * span(row)) - 1];
  return fc
    .integer({ min, max })
    .filter((raw) => raw !== row.invalid)
    .map((raw) => raw / (row.per ?? 1));
}

describe("values of registers", () => {
  for (const vector of bmsVectors.filter(({ decoded }) => decoded.registers && decoded.values)) {
    it(vector.name, () => {
      const values = valuesOf(vector.decoded.registers!);
      for (const [key, value] of Object.entries(vector.decoded.values!)) assert.deepEqual(values[key], value, key);
    });
  }

  for (const row of rows.filter(({ type }) => type !== "bits" && type !== "bytes" && type !== "event")) {
    it(`${row.key} comes back from the simulator`, () => {
      fc.assert(
        fc.property(any(row), (value) => {
          const unit = rawUnit();
          setValue(unit.words, row.key, value);
          const expected: Value = row.enum ? (row.enum[value] ?? null) : value;
          const found = valuesOf(read(unit, row))[row.key];
          if (row.type === "f32") assert.equal(Math.fround(found as number), Math.fround(value) + 0);
          else assert.deepEqual(found, expected);
        }),
        { numRuns: 30 },
      );
    });
  }

  for (const row of rows.filter(({ type, perCell }) => type === "bits" && !perCell)) {
    for (const field of row.bits!.filter(({ key }) => key !== "reserved")) {
      it(`${row.key}: ${field.key} comes back, its neighbours do not matter`, () => {
        fc.assert(
          fc.property(fc.nat(2 ** field.width - 1), fc.nat(0xffff), (raw, rest) => {
            const unit = rawUnit({ [row.at]: rest }),
              value = field.signed && raw >> (field.width - 1) ? raw - 2 ** field.width : raw;
            setBits(unit.words, row.key, field.key, value);
            assert.deepEqual(valuesOf(read(unit, row))[field.key], field.enum ? (field.enum[raw] ?? null) : value);
          }),
          { numRuns: 30 },
        );
      });
    }
  }

  it("lists cells of a mask from 1 on", () => {
    assert.deepEqual(
      [0, 1, 0x8000, 0xffff, 0x0011].map((mask) => (valuesOf({ 51: mask }).balancing_decision as number[]).join()),
      ["", "1", "16", Array.from({ length: 16 }, (_, i) => i + 1).join(), "1,5"],
    );
  });

  it("is null for the word that means none, for an unknown name and for a float that is no number", () => {
    const values = valuesOf({
      36: 0,
      37: 0x7fc0,
      42: 0x8000,
      43: 0x7fff,
      45: 0,
      50: 0,
      323: 0xffff,
      330: 0x0005,
      343: 9,
    });
    assert.deepEqual(
      [
        values.pack_voltage,
        values.external_temp_1,
        values.external_temp_2,
        values.state_of_health,
        values.online_status,
        values.set_state_of_health,
        values.charger_type,
        values.discharge_over_current_timeout,
        values.broadcast_protocol,
      ],
      [null, null, 3276.7, null, null, null, null, 0, null],
    );
  });

  it("leaves out what was read by half, reserved registers and reserved bits", () => {
    assert.deepEqual(valuesOf({ 36: 1, 39: 2, 16: 7, 49: 7, 302: 7, 399: 7 }), {});
    assert.deepEqual(Object.keys(valuesOf({ 329: 0xffff, 501: 0 })), [
      "invert_external_current_sensor",
      "disable_switch_diagnostics",
      "enable_charge_restart_level",
      "firmware_public_version",
      "power_type",
      "current_sensor",
    ]);
  });

  it("has an event slot as time and id, null when empty; a serial number as hex", () => {
    assert.deepEqual(valuesOf({ 200: 0x1234, 201: 0x6156, 202: 0, 203: 0 }), {
      event_00: { timestamp: 0x561234, id: 0x61 },
      event_01: null,
    });
    assert.equal(
      valueOf(rows.find(({ key }) => key === "serial_number")!, [77, 7936, 14131, 13364, 4935, 13874]),
      "4D00001F333734344713" + "3236",
    );
  });

  it("takes the shortest number of a float", () => {
    assert.deepEqual(
      [0x425f1eb8, 0xc1920000, 0x00000001, 0x7f7fffff, 0, 0x3eaaaaab].map(floatOf),
      [55.78, -18.25, 1e-45, 3.4028235e38, 0, 0.33333334],
    );
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(Math.fround(floatOf(new Uint32Array(new Float32Array([value]).buffer)[0]) ?? NaN), value + 0);
      }),
    );
  });
});
