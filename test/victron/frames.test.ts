// Frames towards the GX: the vectors of what is sent, clamping, silence for what is unknown, and reading back.
import assert from "node:assert/strict";
import fc from "fast-check";
import * as r from "../../firmware/battery/registers.baked";
import { fields } from "../../firmware/config/fields";
import { canFrames } from "../../firmware/victron/frames";
import { encoders, frameEvery, frameIds, frameWhenLost } from "../../firmware/victron/frames.baked";
import { slotOf } from "../../tools/bake/names";
import { decodeFrame } from "../../tools/can/decode";
import { type CanVector, canVectors } from "../fixtures/bytes";

type Values = Record<string, number>;

/** Slots of the vectors' input names; a value of the frame's unit is the row's. */
const slots: Record<string, number> = {
  cvl_V: r.chargeVoltageLimit, ccl_A: r.chargeCurrentLimit, dcl_A: r.dischargeCurrentLimit, discharge_voltage_V: r.dischargeVoltageLimit,
  soc_pct: r.stateOfCharge, soh_pct: r.stateOfHealth, voltage_V: r.packVoltage, current_A: r.packCurrent, temperature_C: r.batteryTemperature,
  min_mV: r.minCellVoltage, max_mV: r.maxCellVoltage, tmin_C: r.minTemperature, tmax_C: r.maxTemperature,
};

function encode(id: number, set: (v: Float64Array) => void): number[] | undefined {
  const values = new Float64Array(r.SLOTS).fill(NaN);
  set(values);
  return encoders[frameIds.indexOf(id)]?.(values);
}

/** A frame from values by slot. */
const encodeValues = (id: number, given: Values): number[] | undefined =>
  encode(id, (v) => Object.entries(given).forEach(([slot, value]) => { v[+slot] = value; }));

const upper = (data: number[] | undefined): string => Buffer.from(data ?? []).toString("hex").toUpperCase();
const word = (data: number[] | undefined, at: number): number => Buffer.from(data ?? []).readUInt16LE(at);
const int = (data: number[] | undefined, at: number): number => Buffer.from(data ?? []).readInt16LE(at);

/** Vectors of measured values that this table can say: high resolution is always sent. */
const measured = canVectors.filter((vector) => ["0x351", "0x355", "0x356", "0x373"].includes(vector.id_hex) && vector.inputs["soc_hires_pct"] !== null);
const alarms = canVectors.filter((vector) => vector.id_hex === "0x35A" && vector.inputs["supported_alarms"]);

/** 'BMS internal' alone out of a vector that supports everything: bits 7:6 of bytes 2 and 6. */
const onlyInternal = (vector: CanVector): string => upper(Array.from(Buffer.from(vector.data_hex, "hex"), (byte, at) => at === 2 || at === 6 ? byte & 0xc0 : 0));

describe("frame vectors", () => {
  it("are all there", () => assert.deepEqual([measured.length, alarms.length], [22, 11]));

  for (const vector of measured) {
    it(`${vector.id_hex} ${vector.name}`, () => {
      const data = encode(parseInt(vector.id_hex, 16), (v) => Object.entries(vector.inputs).forEach(([name, value]) => { v[slots[name]] = value as number; }));
      assert.equal(upper(data), vector.data_hex);
    });
  }

  it("0x355 candump_soc_soh but for its empty high resolution", () => {
    assert.equal(upper(encodeValues(0x355, { [r.stateOfCharge]: 89, [r.stateOfHealth]: 100 })), "59006400C4220000");
  });

  for (const vector of alarms) {
    it(`0x35A ${vector.name}: what BMS internal says`, () => {
      const isIn = (list: string): boolean => (vector.inputs[list] as string[]).includes("bms_internal");
      assert.equal(upper(encodeValues(0x35a, { [r.internalFailure]: isIn("alarms") ? 2 : isIn("warnings") ? 1 : 0 })), onlyInternal(vector));
    });
  }

  it("0x35A while lost or failed (decisions 2): both active, all else unsupported", () => {
    assert.equal(upper(encodeValues(0x35a, { [r.internalFailure]: 2 })), "0000400000004000");
  });

  it("0x35E: the text of the setting, at most 8 bytes, not the name that selects a quirk of the GX", () => {
    const row = canFrames.find((frame) => frame.id === 0x35e), setting = fields.find((field) => field.module + "." + field.key === "can.manufacturer");
    assert.equal(row?.fields[0].from, "can.manufacturer");
    assert.deepEqual([setting?.max, setting?.default], [8, "TinyBMS"]);
    assert.equal(encoders[frameIds.indexOf(0x35e)], null);
    assert.equal(decodeFrame(0x35e, Buffer.from("PYLON   "))?.fields[0].value, "PYLON   ");
  });
});

describe("frame schedule", () => {
  it("sends limits first, each second, and while lost only limits, alarms and identity", () => {
    assert.equal(frameIds[0], 0x351);
    const rows = Array.from(frameIds, (id, i) => [id, frameEvery[i], frameWhenLost[i]]);
    assert.deepEqual(rows, [[0x351, 10, 1], [0x355, 10, 0], [0x356, 10, 0], [0x35a, 10, 1], [0x373, 10, 0], [0x35e, 100, 1]]);
  });
});

describe("unknown values", () => {
  const known = new Float64Array(r.SLOTS).fill(20);
  for (const row of canFrames) {
    for (const field of row.fields.filter((field) => field.as === "u16" || field.as === "i16")) {
      const isShort = row.shortAt !== undefined && field.at >= row.shortAt;
      it(`0x${row.id.toString(16)} ${field.label}: ${field.absent !== undefined ? "sends " + field.absent : isShort ? "shortens the frame" : "silences the frame"}`, () => {
        const data = encode(row.id, (v) => { v.set(known); v[slotOf(field.from)] = NaN; });
        if (field.absent !== undefined) assert.equal(word(data, field.at), field.absent);
        else if (isShort) assert.equal(data?.length, row.shortAt);
        else assert.equal(data, undefined);
      });
    }
  }
});

describe("any value", () => {
  const any = fc.oneof(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.constantFrom(0, -0.04, 32767, 3276.75, 6553.55, 65535.9, -3276.85, Infinity, -Infinity, 1e12));
  const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

  it("clamps and never wraps", () => {
    fc.assert(fc.property(any, (x) => {
      const limits = encodeValues(0x351, { [r.chargeVoltageLimit]: x, [r.chargeCurrentLimit]: x, [r.dischargeCurrentLimit]: x, [r.dischargeVoltageLimit]: x });
      const near = (raw: number, exact: number, tolerance: number): void => assert.ok(Math.abs(raw - exact) <= tolerance, `${raw} for ${exact}`);
      for (const at of [0, 6]) near(word(limits, at), clamp(x * 10, 0, 65535), 1);
      for (const at of [2, 4]) near(int(limits, at), clamp(x * 10, 0, 32767), 1);
      const live = encodeValues(0x356, { [r.packVoltage]: x, [r.packCurrent]: x, [r.batteryTemperature]: x });
      near(int(live, 0), clamp(x * 100, -32768, 32767), 0.51);
      near(int(live, 2), clamp(x * 10, -32768, 32767), 0.51);
      near(int(live, 4), clamp(x * 10, -32768, 32767), 0.51);
      const charge = encodeValues(0x355, { [r.stateOfCharge]: x, [r.stateOfHealth]: x });
      near(word(charge, 0), clamp(x, 0, 100), 0.51);
      near(word(charge, 4), clamp(x * 100, 0, 10000), 0.51);
      const cells = encodeValues(0x373, { [r.minCellVoltage]: x, [r.maxCellVoltage]: x, [r.minTemperature]: x, [r.maxTemperature]: x });
      near(word(cells, 0), clamp(x, 0, 65535), 0.51);
      near(word(cells, 4), clamp(x + 273, 0, 65535), 0.51);
      for (const data of [limits, live, charge, cells]) assert.ok(data?.length === 8 && data.every((byte) => byte === (byte & 255)));
    }));
  });

  it("limits are rounded down, but an exact tenth stays (14 x 3.3 is 46.2)", () => {
    fc.assert(fc.property(fc.double({ noNaN: true, min: 0, max: 3000 }), (x) => {
      assert.ok(word(encodeValues(0x351, { [r.chargeVoltageLimit]: 1, [r.chargeCurrentLimit]: x, [r.dischargeCurrentLimit]: 1, [r.dischargeVoltageLimit]: 1 }), 2) <= x * 10 + 1e-6);
    }));
    for (let cells = 4; cells <= 16; cells++) {
      for (let mv = 2500; mv <= 4300; mv += 5) {
        const data = encodeValues(0x351, { [r.chargeVoltageLimit]: cells * (mv / 1000), [r.chargeCurrentLimit]: 1, [r.dischargeCurrentLimit]: 1, [r.dischargeVoltageLimit]: cells * mv / 1000 });
        assert.deepEqual([word(data, 0), word(data, 6)], [Math.floor(cells * mv / 100), Math.floor(cells * mv / 100)], `${cells} x ${mv}`);
      }
    }
  });

  it("a GX reads the values back within the resolution of the frame", () => {
    const value = fc.double({ noNaN: true, min: 0, max: 99 });
    fc.assert(fc.property(fc.array(value, { minLength: r.SLOTS, maxLength: r.SLOTS }), fc.double({ noNaN: true, min: -99, max: 0 }), (list, negative) => {
      const values = Float64Array.from(list);
      values[r.packCurrent] = values[r.minTemperature] = values[r.batteryTemperature] = negative;
      canFrames.forEach((row) => {
        const data = encoders[frameIds.indexOf(row.id)]?.(values);
        if (!data) return;
        const numeric = decodeFrame(row.id, data)?.fields.filter((field) => !Number.isNaN(field.rowValue)) ?? [];
        numeric.forEach((field) => {
          const source = row.fields.find((candidate) => candidate.label === field.label), step = (source?.round === "floor" ? 1 : 0.5) / (source?.per ?? 1);
          assert.ok(Math.abs(field.rowValue - values[slotOf(field.key)]) <= step + 1e-5, `${row.name} ${field.label}`);
        });
      });
    }));
  });
});
