// What the bake refuses: one line that names the table, the row and the cure.
import assert from "node:assert/strict";
import { canFrames, type CanFrame, type FrameField } from "../../firmware/tables/frames";
import { registers } from "../../firmware/tables/registers";
import { runBake } from "../../tools/bake";
import { refuseFields } from "../../tools/bake/frames";
import { planOf } from "../../tools/bake/plan";

const refused = (bake: () => unknown, message: string): void => assert.throws(bake, { message });

/** The frames with other columns in one field of one of them. */
const withField = (id: number, place: number, columns: Partial<FrameField>): CanFrame[] =>
  canFrames.map((frame) =>
    frame.id === id
      ? { ...frame, fields: frame.fields.map((field, i) => (i === place ? { ...field, ...columns } : field)) }
      : frame,
  );

describe("the bake refuses", () => {
  it("nothing of the frames as they are", () => refuseFields(canFrames));

  const fields: [string, CanFrame[], string][] = [
    [
      "fields that overlap",
      withField(0x356, 1, { at: 1 }),
      'tables/frames.ts: frame 0x356 (Measurements): "Current" (i16, bytes 1 to 2) overlaps "Voltage" (i16, bytes 0 to 1)' +
        " in byte 1: change its column at",
    ],
    [
      "alarms that overlap",
      withField(0x35a, 1, { bit: 1 }),
      'tables/frames.ts: frame 0x35A (Alarms): "High voltage alarm" (byte 0, bits 1 and 2) overlaps "General alarm"' +
        " (byte 0, bits 0 and 1) in byte 0: change its column at",
    ],
    [
      "a field that is longer than the frame",
      withField(0x378, 1, { at: 6 }),
      'tables/frames.ts: frame 0x378 (Energy): "Discharged" (u32, bytes 6 to 9) does not fit into bytes 0 to 7: ' +
        "move it or make it shorter",
    ],
    [
      "a field of no row",
      withField(0x356, 2, { from: "battery_temprature" }),
      'tables/frames.ts: frame 0x356 (Measurements): "Temperature": tables/registers.ts has no row with the key' +
        " battery_temprature",
    ],
    [
      "a field whose row has no slot",
      withField(0x356, 2, { from: "speed" }),
      'tables/frames.ts: frame 0x356 (Measurements): "Temperature": the row speed (the poll group extra) has no slot' +
        " in the snapshot: poll it with fast or cells, or derive a row from it",
    ],
    [
      "pairs without words",
      canFrames.map((frame) => ({ ...frame, words: undefined })),
      "tables/frames.ts: frame 0x35A (Alarms): fields of two bits (pair) need the column words, others none",
    ],
  ];
  for (const [name, frames, message] of fields) it(name, () => refused(() => refuseFields(frames), message));

  it("a register too far away, by row and group, with what to do", () => {
    const far = registers.map((row) => (row.key === "speed" ? { ...row, at: 90 } : row));
    refused(
      () => planOf(far),
      "poll plan: extra: speed (register 90) lies 36 registers behind detected_cells, which ends at 53; extra allows 17:" +
        " give the row another poll group, or the group a wider hole",
    );
  });

  it("by one line and exit code 1, and writes nothing then", () => {
    const written: string[] = [],
      said: string[] = [];
    const run = (bake: () => Record<string, string>): number =>
      runBake(
        bake,
        (path) => written.push(path),
        (line) => said.push(line),
      );
    assert.equal(
      run(() => ({ a: "1", b: refuseFields(withField(0x356, 2, { at: 7 })) as unknown as string })),
      1,
    );
    assert.deepEqual(written, []);
    assert.equal(said.length, 1);
    assert.match(said[0], /^bake: tables\/frames\.ts: frame 0x356[^\n]*\n$/);
    assert.equal(
      run(() => ({ a: "1" })),
      0,
    );
    assert.deepEqual([written, said.length], [["a"], 1]);
  });
});
