// From where on a reply may make a limit fall at once, and that a calm battery is not watched anew each second.
import assert from "node:assert/strict";
import * as setting from "../../firmware/charge/settings";
import { watchFrom } from "../../firmware/charge/watch.cold";
import { ABSENT_WORD, acceptFast, BOTTOM, TOP, TOP_CELL } from "../../firmware/battery/snapshot";
import { fastWords } from "../fixtures/battery";
import { cellsAt, stepWorld, type World, worldOf } from "../fixtures/charge";

const STEP_MV = 0.1;

/** A battery that has been at these voltages for a while. */
function rested(lowest: number, highest = lowest): World {
  const world = worldOf();
  for (let i = 0; i < 5; i++) stepWorld(world, cellsAt(lowest, highest));
  return world;
}

describe("what is watched between two steps", () => {
  it("a cell at a cutoff is seen, however near it was before", () => {
    const { blockTop, blockBottom } = setting;
    for (let below = 0; below < 8; below += STEP_MV) {
      const high = rested(3350, 3629.9 - below),
        low = rested(2820.1 + below, 3000),
        top = high.limits.settings[blockTop],
        bottom = low.limits.settings[blockBottom];
      for (const { limits, snapshot } of [high, low]) watchFrom(limits, snapshot);
      assert.deepEqual([top, bottom], [3630, 2820]);
      assert.ok(high.snapshot.watched[TOP] < top && high.snapshot.watched[TOP_CELL] < top, `${below} mV below`);
      assert.ok(low.snapshot.watched[BOTTOM] > bottom, `${below} mV above`);
    }
  });

  it("a calm second leaves nothing to look at, a cell beyond a threshold does", () => {
    assert.equal(rested(3350).limits.looked, false);
    for (const [lowest, highest] of [
      [3350, 3500],
      [3000, 3050],
    ])
      assert.equal(rested(lowest, highest).limits.looked, true, `${lowest} to ${highest} mV`);
  });

  it("the last sensor that goes is seen, one that was gone before is not", () => {
    const words = fastWords({ 42: ABSENT_WORD, 43: ABSENT_WORD });
    for (const [before, isWorse] of [
      [{}, true],
      [{ tmin: null, tmax: null }, false],
    ] as const) {
      const world = worldOf();
      for (let i = 0; i < 3; i++) stepWorld(world, cellsAt(3350), before);
      watchFrom(world.limits, world.snapshot);
      world.snapshot.isWorse = false;
      assert.ok(acceptFast(world.snapshot, words, world.now));
      assert.equal(world.snapshot.isWorse, isWorse);
    }
  });
});
