// Frames towards the GX: the vectors of what is sent, clamping, silence for what is unknown, and reading back.
import assert from "node:assert/strict";
import fc from "fast-check";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { canFrames } from "../../firmware/tables/frames";
import { encoders, frameIds, rareFrame } from "../../firmware/victron/frames.baked";
import { batteryTexts, padded, settingTexts } from "../../firmware/victron/texts.cold";
import { slotOf } from "../../tools/bake/names";
import { decodeFrame } from "../../tools/can/decode";
import { encodeInputs } from "../../tools/can/inputs";
import { canVectors } from "../fixtures/bytes";

type Values = Record<string, number>;

function encode(id: number, set: (v: Float64Array) => void): number[] | undefined {
  const values = new Float64Array(valueSlot.SLOTS).fill(NaN);
  set(values);
  const row = frameIds.indexOf(id);
  const bytes = row < encoders.length ? encoders[row](values) : rareFrame(row, values);
  return bytes && Array.from(bytes);
}

/** A frame from values by slot. */
const encodeValues = (id: number, given: Values): number[] | undefined =>
  encode(id, (v) =>
    Object.entries(given).forEach(([slot, value]) => {
      v[+slot] = value;
    }),
  );

const upper = (data: number[] | undefined): string =>
  Buffer.from(data ?? [])
    .toString("hex")
    .toUpperCase();
const word = (data: number[] | undefined, at: number): number => Buffer.from(data ?? []).readUInt16LE(at);
const int = (data: number[] | undefined, at: number): number => Buffer.from(data ?? []).readInt16LE(at);

describe("frame vectors", () => {
  it("are all there", () =>
    assert.deepEqual([canVectors.length, new Set(canVectors.map(({ id_hex: id }) => id)).size], [52, 17]));

  for (const { name, id_hex: id, inputs, data_hex: data } of canVectors) {
    it(`${id} ${name}`, () => {
      const bytes = encodeInputs(parseInt(id, 16), inputs);
      if (id === "0x307") assert.equal(bytes, undefined, "a frame of the GX");
      else assert.equal(upper(bytes), data);
    });
  }

  it("0x35A while lost: BMS internal alone", () => {
    assert.equal(
      upper(encodeValues(0x35a, { [valueSlot.alarmBits]: 0x400000, [valueSlot.warningBits]: 0x400000 })),
      "0000400000004000",
    );
  });

  it("0x374..0x377 say which cell and which sensor", () => {
    const text = (id: number, slot: number, place: number): string =>
      Buffer.from(encodeValues(id, { [slot]: place })!)
        .toString("latin1")
        .replace(/\0+$/, "");
    for (let cell = 1; cell <= 16; cell++) {
      assert.equal(text(0x374, valueSlot.lowestCell, cell), `C${cell}`);
      assert.equal(text(0x375, valueSlot.highestCell, cell), `C${cell}`);
    }
    for (const [place, name] of [
      [1, "T1"],
      [2, "T2"],
      [3, "INT"],
    ] as const) {
      assert.equal(text(0x376, valueSlot.coldestSensor, place), name);
      assert.equal(text(0x377, valueSlot.hottestSensor, place), name);
    }
  });

  it("0x35F: version with the major number first; capacity rounded down", () => {
    assert.equal(
      upper(
        encodeValues(0x35f, {
          [valueSlot.hardwareVersion]: 0x0102,
          [valueSlot.gatewayVersion]: 3 * 256 + 44,
          [valueSlot.onlineCapacity]: 279.99,
        }),
      ),
      "0201032C17010000",
    );
  });
});

describe("texts of frames", () => {
  const rows = (text: string): string[] =>
    Array.from({ length: text.length / 8 }, (_, i) => text.slice(8 * i, 8 * i + 8).replace(/\0/g, "."));

  it("no name: the manufacturer; names of up to 8 characters stand for it; longer ones go into three frames", () => {
    const empty = "........";
    assert.deepEqual(rows(settingTexts("TinyBMS", "")), ["TinyBMS.", empty, empty, empty, empty, empty]);
    assert.deepEqual(rows(settingTexts("TinyBMS", "House")), ["House...", empty, empty, empty, empty, empty]);
    assert.deepEqual(rows(settingTexts("TinyBMS", "TinyBMS 16S LFP")), [
      "TinyBMS ",
      empty,
      empty,
      empty,
      "TinyBMS ",
      "16S LFP.",
    ]);
  });
  it("serial number and family, empty while unknown; 7-bit ASCII", () => {
    assert.deepEqual(rows(batteryTexts("0035004150024E4800010002", "LFP", 16)), ["00350041", "50024E48", "LFP16S.."]);
    assert.deepEqual(rows(batteryTexts("", "LFP", 0)), ["........", "........", "........"]);
    assert.equal(padded("B\xe4r\n1", 8), "B?r?1\0\0\0");
  });
});

describe("unknown values", () => {
  const known = new Float64Array(valueSlot.SLOTS).fill(20);
  for (const row of canFrames) {
    for (const field of row.fields.filter((field) => field.as !== "text" && field.as !== "pair")) {
      const isShort = row.shortAt !== undefined && field.at >= row.shortAt;
      it(`0x${row.id.toString(16)} ${field.label}: ${field.absent !== undefined ? "sends " + field.absent : isShort ? "shortens the frame" : "silences the frame"}`, () => {
        const data = encode(row.id, (v) => {
          v.set(known);
          v[slotOf(field.from)] = NaN;
        });
        if (field.absent !== undefined) assert.equal(word(data, field.at), field.absent);
        else if (isShort) assert.equal(data?.length, row.shortAt);
        else assert.equal(data, undefined);
      });
    }
  }
});

describe("any value", () => {
  const any = fc.oneof(
    fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
    fc.constantFrom(0, -0.04, 32767, 3276.75, 6553.55, 65535.9, -3276.85, Infinity, -Infinity, 1e12),
  );
  const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

  it("clamps and never wraps", () => {
    fc.assert(
      fc.property(any, (x) => {
        const limitsWith = (cvl: number): number[] | undefined =>
          encodeValues(0x351, {
            [valueSlot.chargeVoltageLimit]: cvl,
            [valueSlot.chargeCurrentLimit]: x,
            [valueSlot.dischargeCurrentLimit]: x,
            [valueSlot.dischargeVoltageLimit]: x,
          });
        const cvl = x * 10 < 1 ? 0.1 : x,
          limits = limitsWith(cvl);
        if (x * 10 < 1) assert.equal(limitsWith(x), undefined, "a GX takes a CVL of 0 for too high a battery");
        const near = (raw: number, exact: number, tolerance: number): void =>
          assert.ok(Math.abs(raw - exact) <= tolerance, `${raw} for ${exact}`);
        near(word(limits, 0), clamp(cvl * 10, 1, 65535), 1);
        near(word(limits, 6), clamp(x * 10, 0, 65535), 1);
        for (const at of [2, 4]) near(int(limits, at), clamp(x * 10, 0, 32767), 1);
        const live = encodeValues(0x356, {
          [valueSlot.packVoltage]: x,
          [valueSlot.packCurrent]: x,
          [valueSlot.batteryTemperature]: x,
        });
        near(int(live, 0), clamp(x * 100, -32768, 32767), 0.51);
        near(int(live, 2), clamp(x * 10, -32768, 32767), 0.51);
        near(int(live, 4), clamp(x * 10, -32768, 32767), 0.51);
        const charge = encodeValues(0x355, { [valueSlot.stateOfCharge]: x, [valueSlot.stateOfHealth]: x });
        near(word(charge, 0), clamp(x, 0, 100), 0.51);
        near(word(charge, 4), clamp(x * 100, 0, 10000), 0.51);
        const cells = encodeValues(0x373, {
          [valueSlot.minCellVoltage]: x,
          [valueSlot.maxCellVoltage]: x,
          [valueSlot.minTemperature]: x,
          [valueSlot.maxTemperature]: x,
        });
        near(word(cells, 0), clamp(x, 0, 65535), 0.51);
        near(word(cells, 4), clamp(x + 273, 0, 65535), 0.51);
        for (const data of [limits, live, charge, cells])
          assert.ok(data?.length === 8 && data.every((byte) => byte === (byte & 255)));
      }),
    );
  });

  it("limits are rounded down, but an exact tenth stays (14 x 3.3 is 46.2)", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: 0, max: 3000 }), (x) => {
        assert.ok(
          word(
            encodeValues(0x351, {
              [valueSlot.chargeVoltageLimit]: 1,
              [valueSlot.chargeCurrentLimit]: x,
              [valueSlot.dischargeCurrentLimit]: 1,
              [valueSlot.dischargeVoltageLimit]: 1,
            }),
            2,
          ) <=
            x * 10 + 1e-6,
        );
      }),
    );
    for (let cells = 4; cells <= 16; cells++) {
      for (let mv = 2500; mv <= 4300; mv += 5) {
        const data = encodeValues(0x351, {
          [valueSlot.chargeVoltageLimit]: cells * (mv / 1000),
          [valueSlot.chargeCurrentLimit]: 1,
          [valueSlot.dischargeCurrentLimit]: 1,
          [valueSlot.dischargeVoltageLimit]: (cells * mv) / 1000,
        });
        assert.deepEqual(
          [word(data, 0), word(data, 6)],
          [Math.floor((cells * mv) / 100), Math.floor((cells * mv) / 100)],
          `${cells} x ${mv}`,
        );
      }
    }
  });

  it("a GX reads the values back within the resolution of the frame", () => {
    const value = fc.double({ noNaN: true, min: 0, max: 99 });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: valueSlot.SLOTS, maxLength: valueSlot.SLOTS }),
        fc.double({ noNaN: true, min: -99, max: 0 }),
        (list, negative) => {
          const values = Float64Array.from(list);
          values[valueSlot.chargeVoltageLimit] += 0.1;
          values[valueSlot.packCurrent] =
            values[valueSlot.minTemperature] =
            values[valueSlot.batteryTemperature] =
              negative;
          canFrames.forEach((row) => {
            const data = encode(row.id, (v) => v.set(values));
            if (!data) return;
            const numeric = decodeFrame(row.id, data)?.fields.filter((field) => !Number.isNaN(field.rowValue)) ?? [],
              rounded = row.fields.filter(({ round }) => round).map(({ label }) => label);
            numeric
              .filter(({ label }) => rounded.includes(label))
              .forEach((field) => {
                const source = row.fields.find((candidate) => candidate.label === field.label),
                  step = (source?.round === "floor" ? 1 : 0.5) / (source?.per ?? 1);
                assert.ok(
                  Math.abs(field.rowValue - values[slotOf(field.key)]) <= step + 1e-5,
                  `${row.name} ${field.label}`,
                );
              });
          });
        },
      ),
    );
  });
});
