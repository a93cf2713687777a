// The acceptance filter by brute force over all standard identifiers, alone and through the register model.
import assert from "node:assert/strict";
import { frameOf } from "../../tools/can/frame";
import { filterAccepts } from "../../tools/can/twai-filter";
import { createTwai } from "../../tools/can/twai-model";
import { complaints, initSteps, MODE, read, receiveAll, RMC, started, write } from "./reference";

const ALL_IDS = Array.from({ length: 2048 }, (_, id) => id);

function accepted(code: number[], mask: number[], single: boolean, data: number[] = [1, 2, 3]): number[] {
  return ALL_IDS.filter((id) => filterAccepts(code, mask, single, frameOf(id, data)));
}

describe("TWAI acceptance filter", () => {
  it("takes exactly 0x305 and 0x307 with ACR 60 A0 00 00, AMR 00 5F FF FF", () => {
    for (const data of [[], [0xff], [0, 0, 0, 0, 0, 0, 0, 0]]) {
      assert.deepEqual(accepted([0x60, 0xa0, 0, 0], [0, 0x5f, 0xff, 0xff], true, data), [0x305, 0x307]);
    }
  });
  it("takes the group 0x304..0x307 with AMR1 = 7F", () => {
    assert.deepEqual(accepted([0x60, 0xa0, 0, 0], [0, 0x7f, 0xff, 0xff], true), [0x304, 0x305, 0x306, 0x307]);
  });
  it("takes exactly one with AMR 00 1F FF FF", () => {
    assert.deepEqual(accepted([0x60, 0xa0, 0, 0], [0, 0x1f, 0xff, 0xff], true), [0x305]);
  });
  it("takes exactly two with the dual filter", () => {
    assert.deepEqual(accepted([0x60, 0xa0, 0x6a, 0x20], [0, 0x1f, 0, 0x1f], false), [0x305, 0x351]);
  });
  it("takes everything with a mask of ones", () => {
    for (const single of [true, false]) assert.equal(accepted([0, 0, 0, 0], [255, 255, 255, 255], single).length, 2048);
  });
  it("sees the remote bit and the data bytes where the mask cares", () => {
    const remote = frameOf(0x305, [], { rtr: true });
    assert.equal(filterAccepts([0x60, 0xa0, 0, 0], [0, 0x0f, 255, 255], true, remote), false);
    assert.equal(filterAccepts([0x60, 0xb0, 0, 0], [0, 0x0f, 255, 255], true, remote), true);
    const take = (data: number[]): boolean =>
      filterAccepts([0x60, 0xa0, 0x12, 0x34], [0, 0x1f, 0, 0], true, frameOf(0x305, data));
    assert.deepEqual([[0x12, 0x34], [0x12, 0x35], [0x12], [0x13]].map(take), [true, false, true, false]);
    const dual = (byte: number): boolean =>
      filterAccepts([0x60, 0xa1, 0, 2], [0, 0x10, 0, 0x10], false, frameOf(0x305, [byte]));
    assert.deepEqual([0x12, 0x13, 0x22].map(dual), [true, false, false]);
  });
  it("does not know the format: an extended frame with the same upper bits passes", () => {
    const code = [0x60, 0xa0, 0, 0],
      mask = [0, 0x5f, 0xff, 0xff];
    const extended = frameOf((0x60a0 << 13) | 5, [], { ext: true });
    assert.equal(filterAccepts(code, mask, true, extended), true);
    assert.equal(filterAccepts(code, mask, true, frameOf(0x305, [], { ext: true })), false);
    assert.equal(filterAccepts([0x60, 0xa0, 0, 0x28], [0, 0, 0, 0], true, extended), true);
    assert.equal(filterAccepts([0, 0, 0x60, 0xa0], [0, 0, 0, 0], false, extended), true);
  });

  it("lets only 0x305 and 0x307 of all identifiers into the FIFO", () => {
    const model = started(createTwai());
    const taken: number[] = [];
    for (const id of ALL_IDS) {
      model.bus.inject({ id, data: [id & 255] });
      model.advance(300);
      receiveAll(model).frames.forEach((frame) => taken.push(frame.id));
    }
    assert.deepEqual(taken, [0x305, 0x307]);
    assert.deepEqual(complaints(model), []);
  });

  it("is the dual filter when AFM is lost on leaving reset mode", () => {
    const model = createTwai();
    initSteps.forEach((step) => (step.name === "leave reset mode" ? write(model, MODE, 0) : step.run(model)));
    model.advance(100);
    model.bus.inject({ id: 0x123, data: [1] });
    model.advance(500);
    assert.equal(read(model, RMC), 1, "AMR2 and AMR3 of ones take everything");
  });
});
