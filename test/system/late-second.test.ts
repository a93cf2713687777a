// A step of each second throws, or never comes to its end: what it makes grows old as everything else does, on every
// way out. Limits, 0x35A and 0x372 after 3 s as of a lost battery, the phase by the ages of data, nothing more after 75
// s; and back without a restart.
import assert from "node:assert/strict";
import { breakableImage, steps } from "../fixtures/image";
import { ALARMS, CELLS, CHARGE, LIMITS, MEASURED, MODULES, type Status } from "./rig";
import { startUnit, type Unit } from "./unit";
import { jsonOf } from "./virtual-network";

/** What CAN says of a lost battery. */
const LOST = { limits: "52.8/0/0", alarms: "0000400000004000", modules: "0000010001000100" },
  WELL = { limits: "55.2/135/180", modules: "0100000000000000" };
/** Limits and what belongs to them are old after 3 s; a frame of theirs is due each second. */
const STALE_S = 3,
  FRAME_S = 1.2;
/** The longest step of a ramp that counts, s. */
const MOST_DT_S = 5;

function statusOf(unit: Unit): Status {
  const answer = unit.rig.get("/api/status");
  unit.pass(1);
  const status = jsonOf<Status>(answer);
  assert.ok(status, answer.text);
  return status;
}

const said = (unit: Unit): object => ({ limits: unit.limits(), alarms: unit.alarms(), modules: unit.modules() });

describe("system: the work of each second fails", function () {
  this.timeout(300000);
  let image = "";
  before(async () => {
    image = await breakableImage();
  });

  function running(settings = {}): Unit {
    const unit = startUnit({ image, settings });
    unit.pass(40);
    assert.deepEqual([unit.limits(), unit.modules()], [WELL.limits, WELL.modules]);
    assert.notEqual(unit.alarms(), LOST.alarms);
    return unit;
  }

  for (const step of steps) {
    it(`${step}: as of a lost battery after 3 s, lost for everybody after 15 s, silent after 75 s`, () => {
      const unit = running(),
        from = unit.rig.clock.now();
      unit.rig.device.global.broken = step;
      unit.pass(STALE_S + FRAME_S);
      assert.deepEqual(said(unit), LOST);
      const first = unit.frames.length,
        { limits } = statusOf(unit);
      assert.deepEqual([limits.cvl, limits.ccl, limits.dcl, limits.reason], [52.8, 0, 0, "lost"]);
      unit.pass(11.5);
      const status = statusOf(unit);
      assert.equal(status.live_data.phase, "lost");
      assert.deepEqual(
        status.alarms.map(({ id, severity }) => [id, severity]).filter(([id]) => id === 60 || id === 63),
        [
          [63, 2],
          [60, 2],
        ],
      );
      while (unit.rig.clock.now() < from + 72500) {
        unit.pass(1.3);
        const { cvl, ccl, dcl, reason } = statusOf(unit).limits,
          when = `${(unit.rig.clock.now() - from) / 1000} s`;
        assert.deepEqual(said(unit), LOST, when);
        assert.deepEqual([cvl, ccl, dcl, reason], [52.8, 0, 0, "lost"], when);
      }
      const ids = new Set(unit.frames.slice(first).map(({ id }) => id));
      assert.deepEqual(
        [LIMITS, ALARMS, MODULES, CHARGE, MEASURED, CELLS].filter((id) => ids.has(id)),
        [LIMITS, ALARMS, MODULES],
      );
      unit.pass(4);
      const silentFrom = unit.frames.length;
      unit.pass(20);
      assert.equal(unit.frames.length, silentFrom, "not one frame");
      const silent = statusOf(unit);
      assert.deepEqual([silent.live_data.phase, silent.limits.cvl], ["silent", null]);
    });

    it(`${step}: and the battery comes back by the ramp when it works again`, () => {
      for (const seconds of [4, 10, 30]) {
        const unit = running();
        unit.rig.device.global.broken = step;
        unit.pass(seconds);
        if (seconds > 4) assert.deepEqual(said(unit), LOST);
        const from = unit.said.length;
        unit.rig.device.global.broken = "";
        unit.pass(12);
        const last = unit.said.at(-1)!;
        assert.ok(last.ccl > 0 && last.ccl < 50 && last.cvl < 53, JSON.stringify(last));
        assert.ok(
          unit.said.slice(from).every((one, i, all) => i === 0 || one.ccl <= all[i - 1].ccl + 2.7 * MOST_DT_S + 0.1),
        );
        assert.equal(unit.modules(), WELL.modules);
        unit.pass(40);
        assert.equal(unit.alarms().slice(0, 8), "A8AA8A02", "no alarm is left");
        assert.deepEqual(unit.rig.deaths, []);
      }
    });
  }

  it("a failure shorter than 3 s is not seen", () => {
    for (const step of steps) {
      const unit = running();
      unit.rig.device.global.broken = step;
      unit.pass(1.8);
      unit.rig.device.global.broken = "";
      const from = unit.frames.length;
      unit.pass(5);
      assert.deepEqual([unit.limits(), unit.modules()], [WELL.limits, WELL.modules]);
      assert.ok(
        unit.frames
          .slice(from)
          .every(({ id, data }) => id !== ALARMS || Buffer.from(data).toString("hex") !== LOST.alarms),
      );
    }
  });

  it("with a silent UART beside it no value is sent as fresh", () => {
    for (const step of steps) {
      const unit = running(),
        from = unit.rig.clock.now();
      unit.rig.device.global.broken = step;
      unit.rig.simulator.faults.set("silence");
      unit.pass(30);
      assert.deepEqual(
        unit.frames.filter(({ id, at }) => at > from + 5000 && [CHARGE, MEASURED, CELLS].includes(id)),
        [],
      );
      assert.deepEqual(said(unit), LOST);
    }
  });

  it("MQTT says it too", () => {
    const unit = running({ mqtt: { enabled: true } });
    unit.rig.device.global.broken = "alarmsStep";
    unit.pass(25);
    const newest = (suffix: string): string =>
      [...unit.rig.broker.newest].find(([topic]) => topic.endsWith("/" + suffix))![1].payload;
    const state = JSON.parse(newest("rt/state")) as Record<string, unknown>;
    assert.deepEqual(
      [state.ph, state.lim, state.cvl, state.ccl, state.dcl, state.prob],
      ["lost", "lost", 52.8, 0, 0, 1],
    );
    assert.equal(newest("rt/bms"), "offline");
    assert.ok(newest("rt/alarms/id60").includes('"a":1'), newest("rt/alarms/id60"));
  });
});
