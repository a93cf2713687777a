// The CAN task with a port and a clock of its own: which frame when, in each phase, at once, and never too many.
import assert from "node:assert/strict";
import { floor } from "../../firmware/charge/settings";
import { ALARM } from "../../firmware/battery/alarms";
import { BMS_INTERNAL, BMS_INTERNAL_FIELD, BMS_OFFLINE } from "../../firmware/battery/alarms.baked";
import { alarmsOf } from "../../firmware/battery/alarms.cold";
import { secondLate } from "../../firmware/charge/late.cold";
import { limitsOf } from "../../firmware/charge/limits";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { BOOT, DEGRADED, LOST, NORMAL, SILENT, type Snapshot } from "../../firmware/battery/snapshot";
import type { CanPort } from "../../firmware/kernel/ports";
import { type CanTask, canTaskOf } from "../../firmware/victron/task";
import { canFrames } from "../../firmware/tables/frames";
import { ALARMS_ROW } from "../../firmware/victron/frames.baked";
import { batteryTexts, settingTexts } from "../../firmware/victron/texts.cold";
import { snapshotWith } from "../fixtures/battery";

interface Sent {
  id: number;
  at: number;
  data: string;
}
interface Rig {
  can: CanTask;
  s: Snapshot;
  sent: Sent[];
  now: number;
  received: number[];
  accepts(id: number): boolean;
}

const GX = 0x305;

function rigOf(name = ""): Rig {
  const s = snapshotWith(),
    limits = limitsOf(),
    sent: Sent[] = [];
  s.phase = NORMAL;
  limits.valid = true;
  for (const [slot, value] of [
    [valueSlot.chargeVoltageLimit, 55.2],
    [valueSlot.chargeCurrentLimit, 100],
    [valueSlot.dischargeCurrentLimit, 100],
    [valueSlot.dischargeVoltageLimit, 46.4],
    [valueSlot.alarmBits, 1],
    [valueSlot.warningBits, 2],
    [valueSlot.hardwareVersion, 2],
    [valueSlot.gatewayVersion, 1],
    [valueSlot.onlineCapacity, 280],
    [valueSlot.chargedEnergy, 1],
    [valueSlot.dischargedEnergy, 1],
    [valueSlot.coldestSensor, 1],
    [valueSlot.hottestSensor, 2],
  ])
    s.values[slot] = value;
  const rig = { s, sent, now: 1000, received: [], accepts: () => true } as unknown as Rig;
  const port: CanPort = {
    tx: 0,
    rx: 0,
    errors: 0,
    busOff: 0,
    ackAt: 0,
    lost: 0,
    tend: () => 1,
    health: () => ({ tec: 0, rec: 0, state: "active" }),
    receive: () => rig.received.shift() ?? 0,
    send: (id, bytes, at) => {
      if (!rig.accepts(id)) return false;
      sent.push({ id, at, data: Buffer.from(Array.from(bytes)).toString("hex") });
      return true;
    },
  };
  const texts =
    settingTexts("TinyBMS", name).slice(0, 8) +
    batteryTexts("0011223344556677", "LFP", 16) +
    settingTexts("", name).slice(32);
  rig.can = canTaskOf(port, s, limits, alarmsOf(), Uint8Array.from(Buffer.from(texts, "latin1")));
  return rig;
}

/** Run the task as its scheduler does, for so many ms; the limits stay fresh. */
function run(rig: Rig, ms: number, isFresh = true): Sent[] {
  const from = rig.sent.length,
    end = rig.now + ms;
  while (rig.now < end) {
    rig.can.limits.at = rig.now; // a step that begins and fails
    if (isFresh) rig.can.limits.doneAt = rig.now;
    rig.now += (rig.can.task.step as (can: CanTask, now: number) => number)(rig.can, rig.now);
  }
  return rig.sent.slice(from);
}

const gaps = (list: Sent[]): number[] => list.slice(1).map(({ at }, i) => at - list[i].at);
const of = (list: Sent[], id: number): Sent[] => list.filter((one) => one.id === id);
const byDefault = canFrames.filter(({ id }) => id !== 0x370 && id !== 0x371);

describe("CAN task: cadence", () => {
  const sent = run(rigOf(), 60000);

  it("sends all frames at once at the start, the limits first, and no name", () => {
    const first = sent.filter(({ at }) => at < 1500).map(({ id }) => id);
    assert.equal(first[0], 0x351);
    assert.deepEqual([...first].sort(), byDefault.map(({ id }) => id).sort());
  });

  for (const { id, every } of byDefault) {
    it(`0x${id.toString(16)} each ${every} ms`, () => {
      const settled = gaps(
          of(
            sent.filter(({ at }) => at > 3000),
            id,
          ),
        ),
        mean = settled.reduce((sum, gap) => sum + gap, 0) / settled.length;
      assert.ok(settled.length >= 40000 / every, `${settled.length}`);
      assert.ok(
        Math.abs(mean - every) <= 100 / settled.length + 40 && settled.every((gap) => Math.abs(gap - every) <= 60),
        settled.join(" "),
      );
    });
  }

  it("spreads them: at most 10 a second once it runs, 5 ms apart, the limits first in each second", () => {
    for (let second = 3000; second < 60000; second += 1000) {
      const frames = sent.filter(({ at }) => at >= second && at < second + 1000);
      assert.ok(frames.length >= 8 && frames.length <= 10, `${frames.length} at ${second}`);
      assert.equal(frames[0].id, 0x351);
    }
    assert.ok(Math.min(...gaps(sent)) >= 5);
  });

  it("a long name adds 0x370 and 0x371, of which 0x35E has the beginning", () => {
    const named = run(rigOf("TinyBMS 16S LFP"), 21000),
      text = (id: number): string => Buffer.from(of(named, id)[0].data, "hex").toString("latin1");
    assert.deepEqual([text(0x370), text(0x371), text(0x35e)], ["TinyBMS ", "16S LFP\0", "TinyBMS "]);
    assert.ok(of(named, 0x370).length >= 2 && of(named, 0x371).length >= 2);
  });
});

describe("CAN task: at once", () => {
  it("a GX that appears gets the identity at once; one that stays does not", () => {
    const rig = rigOf();
    run(rig, 5000);
    rig.received.push(GX);
    const ids = new Set(run(rig, 500).map(({ id }) => id));
    for (const { id } of byDefault) assert.ok(ids.has(id), id.toString(16));
    rig.received.push(GX);
    assert.ok(run(rig, 900).length <= 11);
    run(rig, 12000);
    rig.received.push(GX);
    assert.ok(run(rig, 500).length >= 11, "again after it was gone");
  });

  it("limits and alarms that are urgent go at once, 100 ms apart at least, and the grid stays", () => {
    const rig = rigOf();
    run(rig, 3000);
    const before = rig.can.nextAt;
    for (const [row, id, when] of [
      [0, 0x351, 500],
      [ALARMS_ROW, 0x35a, 1500],
    ] as const) {
      run(rig, before + when - rig.now);
      rig.can.waiting[row] = 1;
      const [first] = run(rig, 12),
        at = first.at; // before the next look at an idle bus is arranged
      assert.equal(first.id, id);
      rig.can.waiting[row] = 1;
      const again = of(run(rig, 130), id);
      assert.ok(again.length === 1 && again[0].at - at >= 100 && again[0].at - at < 150, `${again[0]?.at - at} ms`);
    }
    const grid = of(run(rig, 5000), 0x351).map(({ at }) => (at - before) % 1000);
    assert.ok(
      grid.every((phase) => phase < 30),
      grid.join(" "),
    );
  });

  it("never more than 40 frames in a second, whatever is urgent", () => {
    const rig = rigOf("A name of 16 ch.");
    for (let i = 0; i < 200; i++) {
      rig.can.waiting.fill(1);
      run(rig, 50);
    }
    for (const { at } of rig.sent)
      assert.ok(rig.sent.filter((other) => other.at >= at && other.at < at + 1000).length <= 40);
  });

  it("a busy port: the newest data goes later, one slot a frame", () => {
    const rig = rigOf();
    rig.accepts = () => false;
    assert.equal(run(rig, 2500).length, 0);
    rig.s.values[valueSlot.packVoltage] = 50;
    rig.accepts = () => true;
    const measured = of(run(rig, 400), 0x356);
    assert.deepEqual(
      measured.map(({ data }) => data.slice(0, 4)),
      ["8813"],
    );
  });
});

describe("CAN task: phases", () => {
  const after = (phase: number): number[] => {
    const rig = rigOf();
    run(rig, 3000);
    rig.s.phase = phase;
    run(rig, 300);
    return [...new Set(run(rig, 21000).map(({ id }) => id))].sort();
  };
  const all = byDefault.map(({ id }) => id).sort();

  it("boot and silent: nothing", () => assert.deepEqual([after(BOOT), after(SILENT)], [[], []]));
  it("normal and degraded: all", () => assert.deepEqual([after(NORMAL), after(DEGRADED)], [all, all]));
  it("limits that were not refreshed within 3 s are those of lost data, in the frame and for everybody", () => {
    const rig = rigOf();
    run(rig, 3000);
    rig.can.limits.settings[floor] = 52800;
    const late = of(run(rig, 10000, false), 0x351),
      from = rig.can.limits.doneAt;
    assert.equal(late.length, 10);
    for (const { at, data } of late)
      assert.equal(data.slice(0, 12), at - from <= 3000 ? "2802e803e803" : "100200000000", `${at - from} ms`);
    assert.deepEqual(
      [valueSlot.chargeVoltageLimit, valueSlot.chargeCurrentLimit, valueSlot.dischargeCurrentLimit].map(
        (slot) => rig.s.values[slot],
      ),
      [52.8, 0, 0],
    );
  });

  it("those that nobody has made for 15 s: lost for everybody, with its alarms", () => {
    const rig = rigOf(),
      { on } = rig.can.alarms,
      rows = [BMS_INTERNAL, BMS_OFFLINE];
    run(rig, 3000);
    run(rig, 14500, false);
    assert.deepEqual([rig.s.phase, ...rows.map((row) => on[row])], [NORMAL, 0, 0]);
    run(rig, 1500, false);
    assert.deepEqual([rig.s.phase, ...rows.map((row) => on[row] & ALARM)], [LOST, ALARM, ALARM]);
    assert.equal((rig.can.alarms.raised >> BMS_INTERNAL_FIELD) & 3, 3);
  });

  it("15 s and 75 s are still in the phase before", () => {
    for (const [age, phase] of [
      [15000, NORMAL],
      [15001, LOST],
      [75000, LOST],
      [75001, SILENT],
    ]) {
      const { s, can } = rigOf();
      secondLate(s, can.limits, can.alarms, can.limits.doneAt + age);
      assert.equal(s.phase, phase, `${age} ms`);
      assert.deepEqual([can.alarms.key, s.derived], [-1, -1], "what follows is made anew when it works again");
    }
  });

  it("lost: limits, alarms, modules, identity", () => {
    assert.deepEqual(after(LOST), [0x351, 0x35a, 0x35e, 0x35f, 0x372, 0x378, 0x379, 0x380, 0x381, 0x382]);
  });
  it("settings that do not fit: nothing", () => {
    const rig = rigOf();
    rig.can.limits.valid = false;
    assert.deepEqual(run(rig, 5000), []);
  });
  it("what is unknown is not sent", () => {
    const rig = rigOf();
    rig.s.values[valueSlot.hardwareVersion] = rig.s.values[valueSlot.packVoltage] = NaN;
    rig.can.texts.fill(0, 8, 32);
    const ids = new Set(run(rig, 21000).map(({ id }) => id));
    assert.deepEqual(
      [0x356, 0x35f, 0x380, 0x381, 0x382].filter((id) => ids.has(id)),
      [],
    );
  });
});
