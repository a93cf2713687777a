// The virtual GX on the model's bus, and the model on a real clock.
import assert from "node:assert/strict";
import { formatCandump } from "../../tools/can/candump";
import { createGx, Gx, plugGx, stepGx } from "../../tools/can/gx";
import { runTwai } from "../../tools/can/run-twai";
import { createTwai, Twai } from "../../tools/can/twai-model";
import { complaints, read, receiveAll, send, started, STATUS } from "./reference";

const LIMITS = [0x28, 0x02, 0x46, 0x05, 0x08, 0x07, 0xd0, 0x01];

/** A model, a GX, and a clock in ms that moves both. */
function rig(): { model: Twai; gx: Gx; lines: string[]; run: (ms: number) => void } {
  const model = started(createTwai());
  const clock = { ms: 5000 },
    lines: string[] = [];
  const gx = createGx({ bus: model.bus, now: () => clock.ms, onFrame: (record) => lines.push(formatCandump(record)) });
  const run = (ms: number): void => {
    for (let i = 0; i < ms; i += 10) {
      stepGx(gx);
      model.advance(10000);
      clock.ms += 10;
    }
  };
  return { model, gx, lines, run };
}

describe("virtual GX", () => {
  it("sends 0x305 and 0x307 each second", () => {
    const { model, run, lines } = rig();
    for (let second = 0; second < 3; second++) {
      run(1000);
      assert.deepEqual(
        receiveAll(model).frames.map((frame) => frame.id),
        [0x305, 0x307],
      );
    }
    run(500);
    assert.deepEqual(lines.slice(0, 2), [
      "(0000000005.000000) can0 305#0000000000000000",
      "(0000000005.000000) can0 307#1234567856494300",
    ]);
    assert.equal(lines.length, 8);
    assert.match(lines[6], /^\(0000000008\.000000\) can0 305#/);
  });

  it("acknowledges, logs and decodes what the gateway sends, and keeps the limits", () => {
    const { model, gx, lines, run } = rig();
    send(model, 0x351, LIMITS);
    run(20);
    send(model, 0x456, [1]);
    run(20);
    assert.deepEqual(gx.limits, {
      at: 5000,
      charge_voltage_limit: 55.2,
      charge_current_limit: 135,
      discharge_current_limit: 180,
      discharge_voltage_limit: 46.4,
    });
    assert.equal(gx.latest.CVL.shown, "55.2 V");
    assert.deepEqual(gx.frames, [
      { at: 5000, id: 0x351, data: LIMITS },
      { at: 5020, id: 0x456, data: [1] },
    ]);
    assert.deepEqual([gx.received, gx.unknown, gx.impostors], [2, 1, 0]);
    assert.ok(lines.includes("(0000000005.000000) can0 351#280246050807D001"));
    assert.deepEqual(complaints(model), []);
  });

  it("misses the battery 3 s after the last 0x351, and sees it again", () => {
    const { model, gx, run } = rig();
    run(5000);
    assert.deepEqual([gx.battery, gx.losses], ["none", 0]);
    send(model, 0x351, LIMITS);
    run(3000);
    assert.deepEqual([gx.battery, gx.losses], ["present", 0]);
    run(100);
    assert.deepEqual([gx.battery, gx.losses], ["lost", 1]);
    send(model, 0x351, LIMITS);
    run(20);
    assert.equal(gx.battery, "present");
  });

  it("with its cable pulled nobody acknowledges and nothing is received", () => {
    const { model, gx, lines, run } = rig();
    plugGx(gx, false);
    send(model, 0x351, LIMITS);
    run(2000);
    assert.deepEqual([gx.received, lines.length, read(model, STATUS) & 4], [0, 0, 0]);
    plugGx(gx, true);
    run(1000);
    assert.deepEqual([gx.received, gx.battery], [1, "present"]);
  });

  it("notices a gateway that sends what only a GX may send", () => {
    const { model, gx, run } = rig();
    send(model, 0x305, []);
    run(20);
    assert.equal(gx.impostors, 1);
  });

  it("does not make up for a long sleep of its caller", () => {
    const model = started(createTwai());
    let ms = 0,
      frames = 0;
    const gx = createGx({
      bus: model.bus,
      now: () => ms,
      onFrame: () => {
        frames++;
      },
    });
    for (ms = 0; ms < 100; ms += 10) stepGx(gx);
    for (ms = 60000; ms < 60500; ms += 10) {
      stepGx(gx);
      model.advance(10000);
    }
    assert.equal(frames, 4);
  });
});

describe("model on a clock", () => {
  it("is up to date at every access and between them", () => {
    const model = started(createTwai());
    let ms = 1000;
    const timers: (() => void)[] = [];
    const schedule = (callback: () => void): (() => void) => {
      timers.push(callback);
      return () => {
        timers.length = 0;
      };
    };
    const running = runTwai({ model, now: () => ms, schedule });
    const before = model.state.now;
    send({ ...model, ...running }, 0x351, LIMITS);
    ms += 1;
    assert.equal(running.peek32(0x3ff6b008) & 0x0c, 0x0c, "sent within the millisecond");
    ms += 4;
    timers.forEach((timer) => timer());
    assert.equal(model.state.now - before, 5000);
    ms += 3600000;
    running.catchUp();
    assert.equal(model.state.now - before, 5000 + 10e6, "a sleeping computer does not replay its night");
    ms -= 50;
    running.catchUp();
    running.stop();
    assert.deepEqual([timers.length, model.state.now - before], [0, 10005000]);
  });
});
