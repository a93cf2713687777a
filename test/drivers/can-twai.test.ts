// The CAN driver on the register-level model of the controller: set-up, sending, receiving, a silent bus, bus-off, overrun.
import assert from "node:assert/strict";
import { twai } from "../../firmware/drivers/can-twai";
import { startTwai } from "../../firmware/drivers/can-twai-start.cold";
import { createTwai, type Twai } from "../../tools/can/twai-model";
import type { TwaiOptions } from "../../tools/can/twai-state";

const unused = { ...twai };
const DATA = [0x28, 2, 0x46, 5, 8, 7, 0xd0, 1], TEN_MS = 10000;

/** Set the model up behind the device's globals, and the driver as at boot. */
function chip(options: TwaiOptions = {}, settings: Record<string, unknown> = {}): Twai {
  const model = createTwai({ strict: true, ...options });
  Object.assign(globalThis, { peek32: model.peek32, poke32: model.poke32, pinMode: model.pinMode, digitalWrite: model.digitalWrite });
  Object.assign(twai, unused);
  assert.ok(startTwai(twai, { rate: 500, listen_only: false, ...settings }));
  model.advance(TEN_MS);
  return model;
}

const complaints = (model: Twai): string[] => [...model.violations, ...model.warnings].map((entry) => entry.note);
const nowOf = (model: Twai): number => model.state.now / 1000;

/** One turn of the CAN task: look after the controller, try to send, let `us` pass. */
function turn(model: Twai, id = 0x351, us = 20000): boolean {
  twai.tend(nowOf(model));
  const isSent = twai.send(id, DATA, nowOf(model));
  model.advance(us);
  return isSent;
}

function received(): number[] {
  const ids: number[] = [];
  for (let id = twai.receive(); id; id = twai.receive()) ids.push(id);
  return ids;
}

describe("can driver: set-up", () => {
  for (const rate of [125, 250, 500, 1000]) {
    it(`${rate} kbit/s without a violation or a warning, and a frame leaves`, () => {
      const model = chip({ bitrate: rate * 1000 }, { rate });
      assert.ok(turn(model));
      twai.tend(nowOf(model));
      assert.equal(twai.tx, 1);
      assert.deepEqual(complaints(model), []);
    });
  }

  it("listen only: nothing leaves, frames are heard", () => {
    const model = chip({}, { listen_only: true });
    assert.equal(turn(model), false);
    model.bus.inject({ id: 0x305, data: [0, 0, 0, 0, 0, 0, 0, 0] });
    model.advance(TEN_MS);
    assert.deepEqual([received(), model.sent.length], [[0x305], 0]);
    assert.deepEqual(complaints(model), []);
  });

  it("before it nothing leaves", () => {
    chip();
    Object.assign(twai, unused);
    assert.equal(twai.send(0x351, DATA, 0), false);
  });
});

describe("can driver: frames", () => {
  it("sends the bytes as they are, one frame at a time", () => {
    const model = chip();
    assert.ok(twai.send(0x351, DATA, nowOf(model)));
    assert.equal(twai.send(0x355, DATA, nowOf(model)), false, "busy");
    model.advance(TEN_MS);
    twai.tend(nowOf(model));
    assert.ok(twai.send(0x373, [1, 2, 3, 4], nowOf(model)));
    model.advance(TEN_MS);
    twai.tend(nowOf(model));
    const frames = model.sent.map((event) => [event.frame?.id, Array.from(event.frame?.data ?? [])]);
    assert.deepEqual(frames, [[0x351, DATA], [0x373, [1, 2, 3, 4]]]);
    assert.deepEqual([twai.tx, twai.errors], [2, 0]);
    assert.deepEqual(complaints(model), []);
  });

  it("receives 0x305 and 0x307 and nothing else", () => {
    const model = chip();
    for (const id of [0x304, 0x305, 0x306, 0x307, 0x308, 0x351, 0x105, 0x705, 0x7ff]) model.bus.inject({ id, data: [1] });
    model.advance(TEN_MS);
    assert.deepEqual(received(), [0x305, 0x307]);
    assert.deepEqual([twai.rx, complaints(model)], [2, []]);
  });

  it("limits that lost the bus are tried once more at once, other frames are not", () => {
    for (const id of [0x351, 0x355]) {
      const model = chip();
      model.fault.arbitrationLoss(3);
      turn(model, id);
      twai.tend(nowOf(model));
      model.advance(TEN_MS);
      twai.tend(nowOf(model));
      assert.deepEqual([twai.tx, twai.errors], id === 0x351 ? [1, 0] : [0, 1]);
      assert.ok(turn(model), "and the way is free");
    }
  });

  for (const waiting of [8, 40, 150]) it(`an overrun by ${waiting} frames is cleared and counted, and frames come again`, () => {
    const model = chip();
    for (let i = 0; i < waiting; i++) model.bus.inject({ id: 0x305, data: [1, 2, 3, 4, 5, 6, 7, 8] });
    model.advance(100000);
    for (let i = 0; i < 80; i++) twai.receive();
    assert.ok(twai.errors > 0);
    model.advance(TEN_MS);
    model.bus.inject({ id: 0x307, data: [1] });
    model.advance(TEN_MS);
    assert.deepEqual(received(), [0x307]);
    assert.deepEqual(complaints(model).filter((note) => !note.includes("overrun")), []);
  });
});

describe("can driver: trouble", () => {
  it("no acknowledgement: errors are counted, nothing is stuck, and frames leave when the GX is back", () => {
    const model = chip();
    model.bus.partner = "none";
    for (let i = 0; i < 200; i++) turn(model);
    assert.ok(twai.errors > 50, `${twai.errors} errors`);
    assert.deepEqual([twai.tx, twai.busOff], [0, 0], "a missing acknowledgement alone never leads to bus-off");
    model.bus.partner = "ack";
    for (let i = 0; i < 10; i++) turn(model);
    assert.ok(twai.tx >= 8);
    assert.deepEqual(model.violations, []);
  });

  it("a bus held dominant: aborted after 50 ms, and frames leave when it is free", () => {
    const model = chip();
    model.bus.partner = "stuckDominant";
    for (let i = 0; i < 50; i++) turn(model);
    assert.equal(twai.tx, 0);
    model.bus.partner = "ack";
    for (let i = 0; i < 1000 && twai.tx < 3; i++) turn(model);
    assert.ok(twai.tx >= 3);
    assert.deepEqual(model.violations, []);
  });

  it("bus-off: back after 1, 2, 5, 10, 10 s, and sends again without a violation", () => {
    const model = chip(), times: number[] = [];
    let before = 0;
    while (times.length < 6 && nowOf(model) < 120000) {
      for (let i = 0; i < 2; i++) model.fault.txError({ seg: 8, type: 0 });
      turn(model, 0x355);
      if (twai.busOff > before) times.push(nowOf(model));
      before = twai.busOff;
    }
    assert.equal(times.length, 6);
    const waits = times.slice(1).map((time, i) => (time - times[i]) / 1000);
    [1, 2, 5, 10, 10].forEach((wait, i) => assert.ok(waits[i] >= wait && waits[i] < wait + 2.5, `wait ${i}: ${waits[i]} s`));
    model.state.txErrors.length = 0;
    for (let i = 0; i < 700; i++) turn(model);
    assert.ok(twai.tx > 50);
    assert.equal(twai.recoveries, 0, "the next time begins with 1 s");
    assert.deepEqual(model.violations.map((entry) => entry.note), []);
  });
});
