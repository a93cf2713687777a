// What held and must go on holding, on the built image: an uptime over 2^31, 2^32 and 2^33 ms and over a year, and an
// event log that is full. (Clocks that jump by years: clock.test.ts.)
import assert from "node:assert/strict";
import { logEvent, publishLog } from "../../tools/simulator/events";
import { faultyImage } from "../fixtures/image";
import { CELLS, FAST, repliesOf, timeOfFall } from "./falls";
import { imageText, LIMITS } from "./rig";
import { startUnit, type Unit } from "./unit";

/** Stands for an age in the image, which is built once. */
const AGE_S = 1234567890123;
const YEAR_MS = 365 * 86400000,
  LONGEST_GAP_MS = 1500,
  MOST_MS = 220;
const REST = "55.2/135/180";

/** No gap between two 0x351 from `from` on. */
function judgeBeat(unit: Unit, from: number): void {
  const times = unit.frames.filter(({ id, at }) => id === LIMITS && at >= from).map(({ at }) => at);
  times.slice(1).forEach((at, i) => assert.ok(at - times[i] <= LONGEST_GAP_MS, `${at - times[i]} ms at ${at}`));
  assert.ok(unit.rig.clock.now() - times.at(-1)! <= LONGEST_GAP_MS);
}

describe("system: a long life", function () {
  this.timeout(300000);
  let image = "";
  before(async () => {
    // it takes itself for that old when it starts
    image = await faultyImage({
      file: "drivers/natives.ts",
      from: "export let startedAt = getTime();",
      to: `export let startedAt = getTime() - ${AGE_S};`,
    });
  });

  for (const [name, uptime] of [
    ["2^31 ms", 2 ** 31],
    ["2^32 ms", 2 ** 32],
    ["2^33 ms", 2 ** 33],
    ["a year", YEAR_MS],
  ] as const) {
    it(`an uptime over ${name}`, async () => {
      const aged = image.replace(`${AGE_S}`, String(uptime / 1000 - 45));
      assert.notEqual(aged, image);
      const unit = startUnit({ image: aged, settings: { mqtt: { enabled: true } } });
      unit.pass(40);
      assert.equal(unit.limits(), REST);
      const from = unit.rig.clock.now();
      unit.pass(20);
      assert.equal(unit.limits(), REST);
      judgeBeat(unit, from);
      const replies = repliesOf(unit);
      assert.ok(
        timeOfFall(unit, replies, {
          readings: { words: { max_cell_voltage: 3540 } },
          group: FAST,
          isMet: ({ ccl }) => ccl < 4,
        }) <= MOST_MS,
      );
      unit.read({});
      unit.pass(29);
      assert.ok(unit.said.at(-1)!.ccl < 4, "30 s are waited");
      unit.pass(60);
      assert.equal(unit.limits(), REST, "and the ramp goes on");
      unit.read({ deaf: [FAST, CELLS] });
      unit.pass(7);
      assert.equal(unit.limits(), "55.2/67.5/90", "degraded");
      unit.pass(10);
      assert.equal(unit.limits(), "52.8/0/0", "lost");
      unit.pass(62);
      assert.equal(unit.limits(), "-", "silent");
      unit.read({});
      unit.pass(70);
      assert.ok(unit.said.at(-1)!.ccl > 100);
      const { payload } = [...unit.rig.broker.newest].find(([topic]) => topic.endsWith("/rt/state"))![1];
      assert.equal((JSON.parse(payload) as { ph: string }).ph, "normal");
      assert.deepEqual([unit.rig.deaths, unit.rig.device.exceptions], [[], []]);
    });
  }

  it("a full event log: what is new still blocks, and what ends is free again", async () => {
    const unit = startUnit({ image: await imageText() }),
      { battery } = unit.rig.simulator;
    for (let i = 0; i < 120; i++) logEvent(battery.events, i % 2 ? 0x65 : 0x64, battery.lifetime_s - 600 + i);
    publishLog(battery.events, battery.words);
    unit.pass(30);
    assert.equal(unit.limits(), REST);
    for (let round = 0; round < 30; round++) {
      unit.read({ events: [0x37] });
      unit.pass(4);
      assert.equal(unit.said.at(-1)!.ccl, 0, `round ${round}`);
      unit.read({});
      unit.pass(4);
      assert.equal(unit.said.at(-1)!.ccl, 0, "the wait");
    }
    unit.pass(90);
    assert.equal(unit.said.at(-1)!.ccl, 135);
  });
});
