// The candump log format, and reading the gateway's frames by the table they are written from.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { canFrames } from "../../firmware/victron/frames";
import { formatCandump, parseCandump, parseCandumpLog } from "../../tools/can/candump";
import { DecodedFrame, decodeFrame, describe as describeFrame } from "../../tools/can/decode";
import { Frame, frameFromWindow, frameOf, frameToReceiveWindow, frameToWindow } from "../../tools/can/frame";

interface Vector { name: string; inputs: Record<string, unknown>; id_hex: string; data_hex: string }
const vectors: Vector[] = JSON.parse(readFileSync(new URL("../vectors/victron-can-vectors.json", import.meta.url), "utf8"));
const bytesOf = (vector: Vector): number[] => [...Buffer.from(vector.data_hex, "hex")];
const idOf = (vector: Vector): number => parseInt(vector.id_hex, 16);

/** Vector input -> label of the field, and the range to which the sender clamps. */
const LABELS: Record<string, { label: string; max?: number }> = {
  cvl_V: { label: "CVL" }, ccl_A: { label: "CCL" }, dcl_A: { label: "DCL" }, discharge_voltage_V: { label: "Discharge voltage" },
  voltage_V: { label: "Voltage" }, current_A: { label: "Current" }, temperature_C: { label: "Temperature" },
  soc_pct: { label: "SoC", max: 100 }, soh_pct: { label: "SoH", max: 100 },
  min_mV: { label: "Lowest cell" }, max_mV: { label: "Highest cell" },
  tmin_C: { label: "Coldest sensor" }, tmax_C: { label: "Hottest sensor" }, text: { label: "Manufacturer" },
};

function checkValue(frame: DecodedFrame, input: string, given: number | string): void {
  const { label, max } = LABELS[input];
  const field = frame.fields.find((candidate) => candidate.label === label);
  const row = canFrames.flatMap((each) => each.fields).find((candidate) => candidate.label === label);
  assert.ok(field && row, label);
  if (typeof given === "string") return assert.equal(field.value, given);
  const wanted = Math.min(given, max ?? Infinity), step = 1 / (row.per ?? 1);
  const error = wanted - field.rowValue;
  const [low, high] = row.round === "floor" ? [-1e-9, step] : [-step / 2 - 1e-9, step / 2 + 1e-9];
  assert.ok(error >= low && error < high, label + ": " + field.rowValue + " for " + given);
}

function checkAlarms(frame: DecodedFrame, inputs: Record<string, unknown>): void {
  const wanted = (list: string): string => {
    if (!inputs["supported_" + list]) return "unsupported";
    return (inputs[list] as string[]).includes("bms_internal") ? "active" : "ok";
  };
  const shown = frame.fields.map((field) => [field.label, field.value]);
  assert.deepEqual(shown, [["BMS internal alarm", wanted("alarms")], ["BMS internal warning", wanted("warnings")]]);
}

describe("decoding by the frame table", () => {
  const known = vectors.filter((vector) => canFrames.some((row) => row.id === idOf(vector)));

  it("has vectors for all six frames", () => {
    assert.deepEqual(new Set(known.map(idOf)), new Set(canFrames.map((row) => row.id)));
  });

  for (const vector of known) {
    it(vector.name, () => {
      const frame = decodeFrame(idOf(vector), bytesOf(vector)) as DecodedFrame;
      if (frame.id === 0x35a) return checkAlarms(frame, vector.inputs);
      const inputs = Object.entries(vector.inputs).filter(([key]) => key in LABELS);
      assert.ok(inputs.length > 0);
      inputs.forEach(([key, value]) => checkValue(frame, key, value as number | string));
    });
  }

  it("describes a frame in one line", () => {
    const line = (id: number, hex: string): string => describeFrame(id, [...Buffer.from(hex, "hex")]);
    assert.equal(line(0x351, "280246050807D001"), "351 Limits: CVL 55.2 V, CCL 135.0 A, DCL 180.0 A, Discharge voltage 46.4 V");
    assert.equal(line(0x355, "32005C00AB130000"), "355 State of charge: SoC 50 %, SoH 92 %, SoC high resolution 50.35 %");
    assert.equal(line(0x35a, "0000400000004000"), "35A Alarms: BMS internal alarm active, BMS internal warning active");
    assert.equal(line(0x35e, "54696E79424D5300"), '35E Manufacturer: Manufacturer "TinyBMS"');
    assert.equal(line(0x373, "480D9D0D29013301"),
      "373 Cells: Lowest cell 3400 mV, Highest cell 3485 mV, Coldest sensor 297 K, Hottest sensor 307 K");
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

const anyFrame = fc.record({
  isExt: fc.boolean(), isRemote: fc.boolean(), id: fc.nat(0x1fffffff), data: fc.array(fc.nat(255), { maxLength: 8 }),
}).map(({ isExt, isRemote, id, data }) => frameOf(isExt ? id : id & 0x7ff, isRemote ? [] : data, {
  ext: isExt, rtr: isRemote, dlc: data.length,
}));

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
    fc.assert(fc.property(anyFrame, fc.nat(2 ** 31), fc.nat(999999), (frame, whole, micros) => {
      const record = { seconds: whole + micros / 1e6, channel: "can0", frame };
      assert.deepEqual(parseCandump(formatCandump(record)), record);
    }));
  });

  it("refuses lines that are none, and names the bad line of a log", () => {
    for (const line of ["", "can0 351#00", "(1.0) can0 351#00", "(1.000000) can0 351#0", "(1.000000) can0 351##100",
      "(1.000000) can0 351#001122334455667788", "(1.000000) can0 35#00"]) assert.equal(parseCandump(line), null, line);
    const log = "# a comment\n\n(1.000000) can0 351#00\n(2.000000) can0 305# R\r\n";
    assert.deepEqual(parseCandumpLog(log).map((record) => record.frame.id), [0x351, 0x305]);
    assert.throws(() => parseCandumpLog(log + "oops"), /line 5: oops/);
  });
});

describe("frame windows", () => {
  it("keep every frame, also with the undefined bits of a received one", () => {
    fc.assert(fc.property(anyFrame, (frame) => {
      const pad = (bytes: number[]): number[] => [...bytes, ...Array(13 - bytes.length).fill(0xa5)];
      assert.deepEqual(frameFromWindow(pad(frameToWindow(frame))), frame);
      assert.deepEqual(frameFromWindow(pad(frameToReceiveWindow(frame))), frame);
    }));
  });
});
