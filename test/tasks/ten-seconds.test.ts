// What happens each ten seconds, with a device that is only what that needs: here the GX that stays away.
import assert from "node:assert/strict";
import type { App } from "../../firmware/tasks/app";
import { tenSeconds } from "../../firmware/tasks/ten-seconds.cold";
import { cellsAt, stepWorld, worldOf } from "../fixtures/charge";

/** Limits of a battery at rest after the device has looked for the GX, at second `at`. */
function limitsAfter(world: ReturnType<typeof worldOf>, gxLossMs: number, gxAt: number, at: number): number[] {
  const { limits, snapshot } = world, never = 1e15;
  const app = { snapshot, limits, uart: { raw: [] }, rates: { at: never, doneAt: 0 }, energy: { savedAt: never },
    natives: { toUint8Array: (text: string) => Buffer.from(text, "latin1") },
    can: { texts: new Uint8Array(100), chemistry: "LFP", gxLossMs, gxAt } } as unknown as App;
  tenSeconds(app, at * 1000);
  return Array.from(stepWorld(world, cellsAt(3300)).subarray(0, 3));
}

describe("a GX that stays away", () => {
  const LOSS_MS = 600000, FREE = [55200, 135, 180], STOPPED = [52800, 0, 0];

  it("stops the battery after can.gx_loss_s, counted from the start when none was ever there, and never without it", () => {
    assert.deepEqual(limitsAfter(worldOf(), LOSS_MS, -1, 600), FREE);
    assert.deepEqual(limitsAfter(worldOf(), LOSS_MS, -1, 601), STOPPED);
    assert.deepEqual(limitsAfter(worldOf(), LOSS_MS, 500000, 1100), FREE);
    assert.deepEqual(limitsAfter(worldOf(), LOSS_MS, 500000, 1101), STOPPED);
    assert.deepEqual(limitsAfter(worldOf(), 0, -1, 86400), FREE);
  });

  it("lets it go on by the ramp when the GX is back", () => {
    const world = worldOf();
    assert.deepEqual(limitsAfter(world, LOSS_MS, -1, 700), STOPPED);
    limitsAfter(world, LOSS_MS, 705000, 710);
    for (let second = 1; second < 32; second++) stepWorld(world, cellsAt(3300));
    const [, ccl, dcl] = world.limits.state;
    assert.ok(ccl > 2 && ccl < 10 && dcl > 3 && dcl < 10, `${ccl} A, ${dcl} A`);
  });
});
