// What only the on-chip controller's driver must do (the rest is can-port.test.ts): set-up order, errata, a receive
// queue gone mad.
import assert from "node:assert/strict";
import type { TwaiOptions } from "../../tools/can/twai-state";
import { type Access, twaiRig } from "./can-rig";
import { chip } from "./chip";
import { turn } from "./can-scenarios";

type Rig = ReturnType<typeof twaiRig>;

const BASE = 0x3ff6b000,
  KEEPALIVE = { id: 0x305, data: [1, 2, 3, 4, 5, 6, 7, 8] };
const started = (options: TwaiOptions = {}): Rig => {
  const rig = twaiRig(options);
  assert.ok(rig.start());
  return rig;
};

/** Sends one frame and hears two others; whether all of it worked without a complaint. */
function works(rig: Rig): boolean {
  turn(rig);
  for (const id of [0x305, 0x306, 0x307]) rig.bus.inject({ id, data: [1] });
  rig.pass(10000);
  const ids = [...turn(rig, 0).ids, ...turn(rig, 0).ids];
  return rig.port.tx === 1 && ids.join() === "773,775" && rig.complaints().length === 0;
}

/** All accesses of a start. */
function startAccesses(): Access[] {
  return started().calls[0].accesses;
}

describe("TWAI driver: set-up", () => {
  it("does the steps in the order that the hardware asks for", () => {
    const steps = startAccesses()
      .filter(([kind]) => kind !== "peek")
      .map(
        ([kind, where, written]) =>
          kind +
          " " +
          (kind === "poke" ? (where as number).toString(16) : String(where)) +
          " " +
          JSON.stringify(written),
      );
    assert.deepEqual(steps, [
      "poke 3ff000c0 [" + (0xf9c1e06f | 0x80000) + "]",
      "poke 3ff000c4 [524288]",
      "poke 3ff000c4 [0]",
      "level 32 1",
      'mode 32 "output"',
      'mode 33 "input_pullup"',
      "poke 3ff442a8 [161]",
      "poke 3ff445b0 [123]",
      "poke 3ff6b000 [1]",
      "poke 3ff6b07c [136]",
      "poke 3ff6b000 [11]",
      "poke 3ff6b010 [192]",
      "poke 3ff6b018 [131,62]",
      "poke 3ff6b040 [96,160,0,0,0,95,255,255]",
      "poke 3ff6b034 [96]",
      "poke 3ff6b03c [0]",
      "poke 3ff6b038 [0]",
      "poke 3ff6b000 [8]",
    ]);
  });

  it("reads what reading clears only where a load is never repeated", () => {
    const rig = started();
    rig.bus.partner = "noEcho";
    for (let i = 0; i < 40; i++) turn(rig);
    rig.bus.partner = "ack";
    for (let i = 0; i < 60; i++) turn(rig);
    const unsafe = rig.calls
      .flatMap(({ accesses }) => accesses)
      .filter(([kind, where, count]) => {
        const touched = Array.from({ length: count as number }, (_, i) => (where as number) + 4 * i);
        return kind === "peek" && touched.some((addr) => [0x0c, 0x2c, 0x30].includes(addr - BASE));
      });
    assert.deepEqual([unsafe, rig.port.tx > 0], [[], true]);
  });

  // Set by the hardware reset just before, or done by another step as well: nobody can tell whether these were written.
  const SILENT = ["3ff6b034", "3ff6b03c", "3ff6b038", "mode 32", "3ff6b000 1", "3ff6b000 11", "3ff6b010"];
  const all = startAccesses(),
    isSilent = ([kind, where, written]: Access): boolean => {
      const addr = typeof where === "number" ? where.toString(16) : "";
      return SILENT.some((name) => [addr, addr + " " + String(written), kind + " " + String(where)].includes(name));
    };
  all.forEach((access, n) => {
    const [kind, where, written] = access;
    if (kind === "peek" || isSilent(access)) return;
    it(
      "is found out when it leaves out " + kind + " " + (where as number).toString(16) + " " + JSON.stringify(written),
      () => {
        const rig = twaiRig({}, (made, at) => (at === n ? undefined : made));
        assert.ok(!rig.start() || !works(rig));
      },
    );
  });

  it("works when nothing is left out", () => assert.ok(works(started())));

  it("gives up without touching more when the controller does not answer", () => {
    const rig = twaiRig({}, (access) => (access[0] === "poke" && access[1] === 0x3ff000c0 ? undefined : access));
    assert.equal(rig.start(), false);
    assert.equal(turn(rig).isSent, false);
    assert.deepEqual(
      rig.calls[0].accesses.at(-1)?.slice(0, 2),
      ["peek", BASE],
      "the look whether reset mode was entered is the last one",
    );
  });

  it("a self-test that does not hear itself fails, and leaves the driver at work", () => {
    const rig = twaiRig();
    rig.bus.partner = "noEcho";
    assert.equal(rig.selfTest(), false);
    rig.bus.partner = "ack";
    rig.pass(10000);
    assert.ok(works(rig));
  });
});

describe("TWAI driver: receive queue", () => {
  for (const waiting of [6, 8, 22, 40, 61, 62, 63, 64, 150])
    for (const fifoRevives of [true, false]) {
      it(waiting + " frames piled up, " + (fifoRevives ? "reset mode" : "only a hardware reset") + " wakes it", () => {
        const rig = started({ fifoRevives });
        for (let i = 0; i < waiting; i++) rig.bus.inject(KEEPALIVE);
        rig.pass(100000);
        for (let i = 0; i < 4; i++) turn(rig, 0);
        assert.ok(rig.port.errors > 0);
        rig.pass(10000);
        rig.bus.inject({ id: 0x307, data: [1] });
        rig.pass(10000);
        assert.deepEqual([turn(rig).ids, rig.complaints()], [[0x307], []]);
        turn(rig);
        assert.equal(rig.port.tx, 1);
      });
    }

  it("a dead queue waits for the frame in flight, which is not cut", () => {
    const rig = started();
    for (let i = 0; i < 80; i++) rig.bus.inject(KEEPALIVE);
    rig.pass(100000);
    rig.tend();
    assert.ok(rig.send(0x351, [1, 2, 3, 4, 5, 6, 7, 8]));
    rig.pass(50);
    assert.equal(rig.receive(), 0);
    rig.pass(10000);
    turn(rig, 0);
    assert.deepEqual([rig.port.tx, rig.complaints()], [1, []]);
    assert.ok(works({ ...rig, port: Object.assign(rig.port, { tx: 0 }) }));
  });

  it("a dead queue is woken even when its window looks like a frame", () => {
    const rig = started();
    const peek = chip.peek32;
    chip.peek32 = (addr, count) => {
      const read = peek(addr, count);
      if (count === 14 && (read as Uint32Array)[13] === 64) (read as Uint32Array).set([0x38, 0x60, 0xbf]);
      return read;
    };
    for (let i = 0; i < 150; i++) rig.bus.inject(KEEPALIVE);
    rig.pass(100000);
    turn(rig, 0);
    assert.ok(rig.port.rx < 2 && rig.port.errors > 0, rig.port.rx + " frames heard");
    assert.ok(works(rig));
  });

  it("a status that always says 'received' does not hang it", () => {
    const rig = started();
    const peek = chip.peek32;
    chip.peek32 = (addr, count) =>
      addr === BASE + 8
        ? 0x0d
        : count === 14
          ? new Uint32Array(14).fill(0xff)
          : addr === BASE + 0x74
            ? 64
            : peek(addr, count);
    for (let i = 0; i < 50; i++) {
      turn(rig, 0);
      assert.ok(rig.cost() < 400);
    }
    assert.ok(rig.port.errors > 0);
  });
});

describe("TWAI driver: errata and trouble", () => {
  it("traffic while it is off the bus does not block the recovery (erratum 3.13.1)", () => {
    const rig = started();
    rig.bus.partner = "noEcho";
    for (let i = 0; i < 60 && !rig.port.busOff; i++) turn(rig);
    rig.bus.partner = "ack";
    for (let i = 0; i < 200 && rig.port.tx === 0; i++) {
      rig.bus.inject(KEEPALIVE);
      turn(rig);
    }
    assert.ok(rig.port.tx > 0);
    assert.ok(rig.now() < 4000, rig.now() + " ms");
    assert.deepEqual(rig.complaints(), []);
  });

  it("a bus that stays dominant holds the recovery up, counts once, and it comes when the bus is free", () => {
    const rig = started();
    rig.bus.partner = "noEcho";
    for (let i = 0; i < 60 && !rig.port.busOff; i++) turn(rig);
    rig.bus.partner = "stuckDominant";
    for (let i = 0; i < 600; i++) turn(rig, 0x351, 50000);
    assert.deepEqual([rig.port.busOff, rig.port.tx], [1, 0]);
    rig.bus.partner = "ack";
    for (let i = 0; i < 300 && rig.port.tx === 0; i++) turn(rig, 0x351, 50000);
    assert.ok(rig.port.tx > 0);
    assert.deepEqual(rig.complaints(), []);
  });

  it("in reset mode by itself: noticed by the frame that did not leave, and it comes back", () => {
    const rig = started();
    rig.model.state.bus.allowTruncated = true;
    rig.model.poke32(BASE, 9);
    rig.model.state.violations.length = 0;
    for (let i = 0; i < 150 && rig.port.tx === 0; i++) turn(rig);
    assert.ok(rig.port.tx > 0);
    assert.equal(rig.port.busOff, 1);
  });

  it("listen-only stays so through an overrun", () => {
    const rig = twaiRig();
    assert.ok(rig.start({ listen_only: true }));
    for (let i = 0; i < 80; i++) rig.bus.inject(KEEPALIVE);
    rig.pass(100000);
    for (let i = 0; i < 5; i++) turn(rig, 0);
    rig.fault.rxError({ seg: 2, type: 2 });
    rig.bus.inject(KEEPALIVE);
    rig.pass(10000);
    assert.deepEqual([turn(rig).ids, rig.health().state, rig.sent, rig.complaints()], [[0x305], "listen", [], []]);
  });
});
