// The candump log format, and reading the gateway's frames by the table they are written from.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { alarmFields } from "../../firmware/tables/alarms";
import { canFrames } from "../../firmware/tables/frames";
import { formatCandump, parseCandump, parseCandumpLog } from "../../tools/can/candump";
import { DecodedFrame, decodeFrame, describe as describeFrame } from "../../tools/can/decode";
import { Frame, frameFromWindow, frameOf, frameToReceiveWindow, frameToWindow } from "../../tools/can/frame";

interface Vector {
  name: string;
  inputs: Record<string, unknown>;
  id_hex: string;
  data_hex: string;
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../vectors/victron-can-vectors.json", import.meta.url), "utf8"),
);
const bytesOf = (vector: Vector): number[] => [...Buffer.from(vector.data_hex, "hex")];
const idOf = (vector: Vector): number => parseInt(vector.id_hex, 16);

/** Vector input -> label of the field, factor to the row's unit, and the range to which the sender clamps. */
const LABELS: Record<string, { label: string; max?: number; per?: number }> = {
  cvl_V: { label: "CVL" },
  ccl_A: { label: "CCL" },
  dcl_A: { label: "DCL" },
  discharge_voltage_V: { label: "Discharge voltage" },
  voltage_V: { label: "Voltage" },
  current_A: { label: "Current" },
  temperature_C: { label: "Temperature" },
  soc_pct: { label: "SoC", max: 100 },
  soh_pct: { label: "SoH", max: 100 },
  min_mV: { label: "Lowest cell" },
  max_mV: { label: "Highest cell" },
  tmin_C: { label: "Coldest sensor" },
  tmax_C: { label: "Hottest sensor" },
  model_u16: { label: "Model" },
  online_capacity_Ah: { label: "Online capacity" },
  capacity_Ah: { label: "Installed capacity" },
  ok: { label: "Modules ok" },
  block_charge: { label: "Modules blocking charge" },
  block_discharge: { label: "Modules blocking discharge" },
  offline: { label: "Modules offline" },
  energy_in_Wh: { label: "Charged", per: 1000 },
  energy_out_Wh: { label: "Discharged", per: 1000 },
};

/** What 0x378 can say, in kWh. */
const COUNTER = 2 ** 32 / 10;

function checkValue(frame: DecodedFrame, input: string, given: number | string): void {
  const { label, max, per = 1 } = LABELS[input];
  const field = frame.fields.find((candidate) => candidate.label === label);
  const row = canFrames.flatMap((each) => each.fields).find((candidate) => candidate.label === label);
  assert.ok(field && row, label);
  if (given === "n/a") return assert.equal(field.value, "unsupported");
  const wanted = Math.min(Number(given) / per, max ?? Infinity) % (row.as === "u32" ? COUNTER : Infinity),
    step = 1 / (row.per ?? 1);
  const error = wanted - field.rowValue;
  const [low, high] = row.round === "floor" ? [-1e-6, step] : [-step / 2 - 1e-9, step / 2 + 1e-9];
  assert.ok(error >= low && error < high, label + ": " + field.rowValue + " for " + given);
}

function checkAlarms(frame: DecodedFrame, inputs: Record<string, unknown>): void {
  const list = (name: string): string[] => (inputs[name] ?? []) as string[];
  const wanted = (level: string, name: string): string =>
    !list("supported_" + level).includes(name) ? "unsupported" : list(level).includes(name) ? "active" : "ok";
  const pairs = frame.fields.filter(({ key }) => key !== "system_status");
  assert.deepEqual(
    pairs.map(({ value }) => value),
    ["alarms", "warnings"].flatMap((level) => alarmFields.map((name) => wanted(level, name))),
  );
  assert.equal(frame.fields.at(-1)!.raw, inputs["system_status_bits"] ?? 0);
}

describe("decoding by the frame table", () => {
  const known = vectors.filter((vector) => canFrames.some((row) => row.id === idOf(vector)));

  it("has vectors for all frames but the hottest and coldest sensor and the family", () => {
    const without = canFrames.filter(({ id }) => !known.some((vector) => idOf(vector) === id)).map(({ id }) => id);
    assert.deepEqual(without, [0x376, 0x377, 0x382]);
  });

  for (const vector of known) {
    it(vector.name, () => {
      const frame = decodeFrame(idOf(vector), bytesOf(vector)) as DecodedFrame;
      if (frame.id === 0x35a) return checkAlarms(frame, vector.inputs);
      if (frame.fields.length === 1 && frame.fields[0].unit === "")
        return assert.equal(
          frame.fields[0].value,
          Buffer.from(bytesOf(vector)).toString("latin1").replace(/\0.*$/, ""),
        );
      const inputs = Object.entries(vector.inputs).filter(([key]) => key in LABELS);
      assert.ok(inputs.length > 0);
      inputs.forEach(([key, value]) => checkValue(frame, key, value as number | string));
    });
  }

  it("describes a frame in one line", () => {
    const line = (id: number, hex: string): string => describeFrame(id, [...Buffer.from(hex, "hex")]);
    assert.equal(
      line(0x351, "280246050807D001"),
      "351 Limits: CVL 55.2 V, CCL 135.0 A, DCL 180.0 A, Discharge voltage 46.4 V",
    );
    assert.equal(
      line(0x355, "32005C00AB130000"),
      "355 State of charge: SoC 50 %, SoH 92 %, SoC high resolution 50.35 %",
    );
    assert.match(
      line(0x35a, "0000400000004000"),
      /^35A Alarms: General alarm unsupported, .*BMS internal alarm active, .*BMS internal warning active, .*System status unsupported$/,
    );
    assert.equal(line(0x35e, "54696E79424D5300"), '35E Manufacturer: "TinyBMS"');
    assert.equal(line(0x35f, "0201010718010000"), "35F Battery: Model 258, Firmware 1.7, Online capacity 280 Ah");
    assert.equal(
      line(0x372, "0100FFFF00000000"),
      "372 Modules: Modules ok 1, Modules blocking charge unsupported, Modules blocking discharge 0, Modules offline 0",
    );
    assert.equal(line(0x378, "39300000F82A0000"), "378 Energy: Charged 1234.5 kWh, Discharged 1100.0 kWh");
    assert.equal(
      line(0x373, "480D9D0D29013301"),
      "373 Cells: Lowest cell 3400 mV, Highest cell 3485 mV, Coldest sensor 297 K, Hottest sensor 307 K",
    );
    assert.equal(line(0x305, "0000000000000000"), "305 GX keepalive: 0000000000000000");
    assert.equal(line(0x307, "1234567856494300"), '307 GX identity: "VIC"');
    assert.equal(line(0x123, "AB"), "123 unknown frame: AB");
  });

  it("leaves out what a short frame does not have, and signs what is signed", () => {
    assert.equal(decodeFrame(0x373, [1, 0, 2, 0])?.fields.length, 2);
    assert.equal(decodeFrame(0x351, [1])?.fields.length, 0);
    assert.equal(decodeFrame(0x356, [0, 0, 0xff, 0xff, 0, 0])?.fields[1].value, -0.1);
    assert.equal(decodeFrame(0x123, [1]), null);
  });
});

const anyFrame = fc
  .record({
    isExt: fc.boolean(),
    isRemote: fc.boolean(),
    id: fc.nat(0x1fffffff),
    data: fc.array(fc.nat(255), { maxLength: 8 }),
  })
  .map(({ isExt, isRemote, id, data }) =>
    frameOf(isExt ? id : id & 0x7ff, isRemote ? [] : data, { ext: isExt, rtr: isRemote, dlc: data.length }),
  );

describe("candump log", () => {
  it("writes the format of candump -l", () => {
    const frame = frameOf(0x351, [0x28, 0x02, 0x46, 0x05, 0x08, 0x07, 0xd0, 0x01]);
    const line = (seconds: number, shown: Frame): string => formatCandump({ seconds, channel: "can0", frame: shown });
    assert.equal(line(1700000000.000001, frame), "(1700000000.000001) can0 351#280246050807D001");
    assert.equal(line(12.9999996, frameOf(5)), "(0000000013.000000) can0 005#");
    assert.equal(line(0, frameOf(0x1abc, [1], { ext: true })), "(0000000000.000000) can0 00001ABC#01");
    assert.equal(line(0, frameOf(1, [], { rtr: true, dlc: 3 })), "(0000000000.000000) can0 001#R3");
  });

  it("reads what it writes", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(2 ** 31), fc.nat(999999), (frame, whole, micros) => {
        const record = { seconds: whole + micros / 1e6, channel: "can0", frame };
        assert.deepEqual(parseCandump(formatCandump(record)), record);
      }),
    );
  });

  it("refuses lines that are none, and names the bad line of a log", () => {
    for (const line of [
      "",
      "can0 351#00",
      "(1.0) can0 351#00",
      "(1.000000) can0 351#0",
      "(1.000000) can0 351##100",
      "(1.000000) can0 351#001122334455667788",
      "(1.000000) can0 35#00",
      "(1.000000) can0 20000040#0000000000000000",
    ])
      assert.equal(parseCandump(line), null, line);
    const log = "# a comment\n\n(1.000000) can0 351#00\n(2.000000) can0 305# R\r\n";
    assert.deepEqual(
      parseCandumpLog(log).map((record) => record.frame.id),
      [0x351, 0x305],
    );
    assert.throws(() => parseCandumpLog(log + "oops"), /line 5: oops/);
  });
});

describe("frame windows", () => {
  it("keep every frame, also with the undefined bits of a received one", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const pad = (bytes: number[]): number[] => [...bytes, ...Array(13 - bytes.length).fill(0xa5)];
        assert.deepEqual(frameFromWindow(pad(frameToWindow(frame))), frame);
        assert.deepEqual(frameFromWindow(pad(frameToReceiveWindow(frame))), frame);
      }),
    );
  });
});
