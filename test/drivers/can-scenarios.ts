// What any CAN driver must do, on whichever controller: one suite for both, and what the interpreter repeats.
import assert from "node:assert/strict";
import type { CanRig } from "./can-rig";

export interface Scenario {
  name: string;
  run(rig: CanRig): void;
}

export const LIMITS = 0x351,
  DATA = [0x28, 2, 0x46, 5, 8, 7, 0xd0, 1];
const MS = 1000,
  TURN_US = 20 * MS,
  KEEPALIVE = { id: 0x305, data: [1, 2, 3, 4, 5, 6, 7, 8] };

/**
 * One turn of the CAN task: look after the controller, hear all, try to send, let time pass. Returns what came and
 * whether it left.
 */
export function turn(rig: CanRig, id = LIMITS, us = TURN_US): { ids: number[]; isSent: boolean } {
  const ids = rig.tend() ? received(rig) : [],
    isSent = id > 0 && rig.send(id, DATA);
  rig.pass(us);
  return { ids, isSent };
}

function received(rig: CanRig): number[] {
  const ids: number[] = [];
  for (let most = 6; most > 0; most--) {
    const id = rig.receive();
    if (!id) break;
    ids.push(id);
  }
  return ids;
}

/** Turns without sending; what came. */
function listen(rig: CanRig, turns: number, us = TURN_US): number[] {
  return Array.from({ length: turns }, () => turn(rig, 0, us).ids).flat();
}

/** Turns until something holds; fails when it does not within `most`. */
function turnUntil(rig: CanRig, holds: () => boolean, most: number, us = TURN_US): void {
  for (let i = 0; i < most && !holds(); i++) turn(rig, LIMITS, us);
  assert.ok(holds(), "not within " + most + " turns");
}

const sentIds = (rig: CanRig): number[] => rig.sent.map(({ frame }) => frame.id);
const noComplaint = (rig: CanRig): void => assert.deepEqual(rig.complaints(), []);

/** A driver into bus-off: nobody hears what it sends, itself included. */
function loseBus(rig: CanRig): void {
  const before = rig.port.busOff;
  rig.bus.partner = "noEcho";
  turnUntil(rig, () => rig.port.busOff > before, 60);
  rig.bus.partner = "ack";
}

export const scenarios: Scenario[] = [
  {
    name: "sends the bytes as they are, one frame at a time",
    run: (rig) => {
      assert.ok(rig.start());
      rig.tend();
      assert.ok(rig.send(LIMITS, DATA));
      assert.equal(rig.send(0x355, DATA), false, "busy");
      rig.pass(10 * MS);
      for (const data of [[1, 2, 3, 4], [], [0xff, 0, 0x80]]) {
        rig.tend();
        assert.ok(rig.send(0x373, data));
        rig.pass(10 * MS);
      }
      rig.tend();
      assert.deepEqual(
        rig.sent.map(({ frame }) => [frame.id, frame.data]),
        [
          [LIMITS, DATA],
          [0x373, [1, 2, 3, 4]],
          [0x373, []],
          [0x373, [0xff, 0, 0x80]],
        ],
      );
      assert.deepEqual([rig.port.tx, rig.port.errors, rig.port.ackAt > 0], [4, 0, true]);
      noComplaint(rig);
    },
  },
  {
    name: "hears 0x305 and 0x307, and counts them",
    run: (rig) => {
      assert.ok(rig.start());
      rig.bus.inject(KEEPALIVE);
      rig.bus.inject({ id: 0x307, data: [0x12, 0x34, 0x56, 0x78, 0x56, 0x49, 0x43, 0] });
      rig.pass(10 * MS);
      assert.deepEqual(listen(rig, 2), [0x305, 0x307]);
      rig.bus.inject({ id: 0x305, data: [] });
      rig.pass(MS);
      assert.deepEqual([listen(rig, 2), rig.port.rx], [[0x305], 3]);
      noComplaint(rig);
    },
  },
  {
    name: "is deaf to every other identifier, extended and remote frames",
    run: (rig) => {
      assert.ok(rig.start());
      const others = [0x304, 0x306, 0x308, 0x30d, 0x325, 0x351, 0x105, 0x705, 0x7ff, 0];
      others.forEach((id) => rig.bus.inject({ id, data: [1] }));
      rig.pass(10 * MS);
      assert.deepEqual(listen(rig, 4), []);
      for (const frame of [
        { id: 0x305 << 18, ext: true, data: [1] },
        { id: 0x305, rtr: true },
        { id: 0x307, rtr: true, dlc: 8 },
      ])
        rig.bus.inject(frame);
      rig.pass(10 * MS);
      assert.deepEqual(listen(rig, 4), []);
      rig.bus.inject(KEEPALIVE);
      rig.pass(MS);
      assert.deepEqual([listen(rig, 1), rig.port.rx], [[0x305], 1]);
      noComplaint(rig);
    },
  },
  {
    name: "listens only: nothing leaves, no error flag either",
    run: (rig) => {
      assert.ok(rig.start({ listen_only: true }));
      assert.equal(turn(rig).isSent, false);
      rig.bus.inject(KEEPALIVE);
      rig.fault.rxError({ seg: 10, type: 2 });
      rig.pass(10 * MS);
      assert.deepEqual([listen(rig, 1), rig.sent, rig.health().state], [[0x305], [], "listen"]);
      noComplaint(rig);
    },
  },
  {
    name: "limits that lost the bus are tried once more within 20 ms",
    run: (rig) => {
      assert.ok(rig.start());
      rig.fault.arbitrationLoss(3);
      turn(rig, LIMITS, 10 * MS);
      rig.tend();
      rig.pass(MS);
      rig.tend();
      assert.deepEqual([sentIds(rig), rig.port.tx, rig.port.errors], [[LIMITS], 1, 0]);
      noComplaint(rig);
    },
  },
  {
    name: "limits that lost it twice are given up, and the next ones go",
    run: (rig) => {
      assert.ok(rig.start());
      rig.fault.arbitrationLoss(3);
      rig.fault.arbitrationLoss(4);
      turn(rig, LIMITS, 10 * MS);
      rig.tend();
      rig.pass(5 * MS);
      rig.tend();
      assert.deepEqual([sentIds(rig), rig.port.tx, rig.port.errors], [[], 0, 0]);
      assert.ok(turn(rig).isSent);
      rig.tend();
      assert.deepEqual([sentIds(rig), rig.port.tx], [[LIMITS], 1]);
    },
  },
  {
    name: "limits that lost it longer ago are old and stay where they are",
    run: (rig) => {
      assert.ok(rig.start());
      rig.fault.arbitrationLoss(3);
      turn(rig, LIMITS, 30 * MS);
      rig.tend();
      rig.pass(10 * MS);
      assert.deepEqual([sentIds(rig), rig.port.tx, rig.port.errors], [[], 0, 0]);
    },
  },
  {
    name: "another frame that lost the bus is given up",
    run: (rig) => {
      assert.ok(rig.start());
      rig.fault.arbitrationLoss(3);
      turn(rig, 0x355, 10 * MS);
      rig.tend();
      rig.pass(10 * MS);
      assert.deepEqual([sentIds(rig), rig.port.tx, rig.port.errors], [[], 0, 0]);
      assert.ok(turn(rig).isSent, "and the way is free");
    },
  },
  {
    name: "limits that met an error are not repeated",
    run: (rig) => {
      assert.ok(rig.start());
      rig.fault.txError({ seg: 10, type: 0 });
      turn(rig, LIMITS, 10 * MS);
      rig.tend();
      rig.pass(10 * MS);
      assert.deepEqual([sentIds(rig), rig.port.tx, rig.port.errors], [[], 0, 1]);
    },
  },
  {
    name: "another node's broken frame does not spoil the account of ours",
    run: (rig) => {
      assert.ok(rig.start());
      rig.fault.rxError({ seg: 2, type: 2 });
      rig.pass(10 * MS);
      turn(rig);
      rig.tend();
      assert.deepEqual([rig.port.tx, rig.port.errors, rig.health().rec], [1, 0, 1]);
    },
  },
  {
    name: "without an acknowledgement errors are counted, bus-off never comes, and frames leave when the GX is back",
    run: (rig) => {
      assert.ok(rig.start());
      rig.bus.partner = "none";
      for (let i = 0; i < 60; i++) turn(rig);
      assert.deepEqual([rig.port.tx, rig.port.busOff, rig.port.ackAt, sentIds(rig)], [0, 0, 0, []]);
      assert.ok(rig.port.errors > 50, rig.port.errors + " errors");
      assert.deepEqual(rig.health(), { tec: 128, rec: 0, state: "passive" });
      rig.bus.partner = "ack";
      for (let i = 0; i < 10; i++) turn(rig);
      assert.ok(rig.port.tx >= 8);
      assert.ok(rig.health().tec < 128);
      noComplaint(rig);
    },
  },
  {
    name: "error counters: active, warning, passive",
    run: (rig) => {
      assert.ok(rig.start());
      assert.deepEqual(rig.health(), { tec: 0, rec: 0, state: "active" });
      rig.bus.partner = "none";
      for (let i = 0; i < 12; i++) turn(rig);
      rig.tend();
      assert.deepEqual(rig.health(), { tec: 96, rec: 0, state: "warning" });
      rig.bus.partner = "ack";
      for (let i = 0; i < 3; i++) rig.fault.rxError({ seg: 2, type: 2 });
      rig.pass(10 * MS);
      assert.deepEqual(rig.health(), { tec: 96, rec: 3, state: "warning" });
    },
  },
  {
    name: "a bus held dominant: given up after 50 ms, nothing old leaves later, and new frames do",
    run: (rig) => {
      assert.ok(rig.start());
      rig.bus.partner = "stuckDominant";
      for (let i = 0; i < 10; i++) turn(rig);
      assert.deepEqual([rig.port.tx, sentIds(rig)], [0, []]);
      assert.ok(rig.port.errors > 0);
      for (let i = 0; i < 4; i++) turn(rig, 0);
      rig.bus.partner = "ack";
      for (let i = 0; i < 4; i++) turn(rig, 0);
      assert.deepEqual(sentIds(rig), [], "what waited is too old");
      turnUntil(rig, () => rig.port.tx >= 2, 10);
      noComplaint(rig);
    },
  },
  {
    name: "bus-off: back after 1 s, says so meanwhile, and sends again",
    run: (rig) => {
      assert.ok(rig.start());
      loseBus(rig);
      const since = rig.now();
      assert.deepEqual([rig.port.busOff, rig.health().state, turn(rig).isSent], [1, "bus_off", false]);
      turnUntil(rig, () => rig.port.tx > 0, 200, 50 * MS);
      assert.ok(rig.now() - since >= 1000 && rig.now() - since < 2000, rig.now() - since + " ms");
      assert.deepEqual([rig.port.busOff, rig.health().state], [1, "active"]);
      noComplaint(rig);
    },
  },
  {
    name: "bus-off again and again: 1, 2, 5, 10, 10 s, and 1 s again after a frame that left",
    run: (rig) => {
      assert.ok(rig.start());
      for (const wait of [1000, 2000, 5000, 10000, 10000, 1000]) {
        if (rig.port.busOff === 5) turnUntil(rig, () => rig.port.tx > 0, 5);
        rig.bus.partner = "noEcho";
        const before = rig.port.busOff;
        turnUntil(rig, () => rig.port.busOff > before, 60);
        const since = rig.now();
        rig.bus.partner = "ack";
        for (let i = 0; i < 60 && rig.health().state === "bus_off"; i++) turn(rig, 0, (wait * MS) / 20);
        const waited = rig.now() - since;
        assert.ok(waited >= wait && waited < 1.2 * wait + 100, waited + " ms for " + wait);
      }
      assert.equal(rig.port.busOff, 6);
      noComplaint(rig);
    },
  },
  {
    name: "an overrun is cleared and counted, and frames come again",
    run: (rig) => {
      assert.ok(rig.start());
      for (let i = 0; i < 9; i++) rig.bus.inject(KEEPALIVE);
      rig.pass(20 * MS);
      listen(rig, 4);
      const errors = rig.port.errors;
      assert.ok(errors > 0);
      rig.bus.inject({ id: 0x307, data: [1] });
      rig.pass(MS);
      assert.deepEqual([listen(rig, 2), rig.port.errors], [[0x307], errors]);
      assert.ok(turn(rig).isSent);
      noComplaint(rig);
    },
  },
  {
    name: "sends a frame to itself, and works as before after it",
    run: (rig) => {
      rig.bus.partner = "none";
      assert.equal(rig.selfTest(), true);
      rig.bus.partner = "ack";
      rig.pass(10 * MS);
      assert.ok(turn(rig).isSent);
      rig.bus.inject(KEEPALIVE);
      rig.pass(MS);
      assert.deepEqual([listen(rig, 1), rig.port.tx], [[0x305], 1]);
      noComplaint(rig);
    },
  },
  {
    name: "does nothing before its start, nor at a bit rate that there is not",
    run: (rig) => {
      assert.deepEqual([turn(rig), rig.complaints()], [{ ids: [], isSent: false }, []]);
      assert.equal(rig.start({ rate: 333 }), false);
      assert.deepEqual([turn(rig).isSent, rig.complaints()], [false, []]);
    },
  },
];
