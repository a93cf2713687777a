// What happens each ten seconds, with a device that is only what that needs: the GX that stays away, a number of cells
// that does not fit.
import assert from "node:assert/strict";
import { brokenRules } from "../../firmware/charge/settings";
import { EXTRA } from "../../firmware/bms/places";
import type { App } from "../../firmware/app";
import { tenSeconds } from "../../firmware/care/ten-seconds.cold";
import { cellsAt, stepWorld, worldOf } from "../fixtures/charge";

/** Limits of a battery at rest after the device has looked for the GX, at second `at`. */
function limitsAfter(
  world: ReturnType<typeof worldOf>,
  gxLossMs: number,
  gxAt: number,
  at: number,
  extra?: Uint16Array,
): number[] {
  const { limits, snapshot } = world,
    never = 1e15;
  const app = {
    snapshot,
    limits,
    uart: { raw: Object.assign([], { [EXTRA]: extra }) },
    rates: { at: never, doneAt: 0, moved: false },
    energy: { savedAt: never },
    natives: { toUint8Array: (text: string) => Buffer.from(text, "latin1") },
    can: { texts: new Uint8Array(100), chemistry: "LFP", gxLossMs, gxAt },
  } as unknown as App;
  tenSeconds(app, at * 1000);
  return Array.from(stepWorld(world, cellsAt(3300)).subarray(0, 3));
}

describe("a GX that stays away", () => {
  const LOSS_MS = 600000,
    FREE = [55200, 135, 180],
    STOPPED = [52800, 0, 0];

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

describe("the number of cells that the BMS has found (register 53)", () => {
  const found = (cells: number): Uint16Array => new Uint16Array(24).fill(cells, 53 - 32, 54 - 32);

  it("must be that of register 307, else charge is limited, until it is right; 0 is unknown", () => {
    const world = worldOf();
    for (const [cells, ccl, broken] of [
      [16, 135, 0],
      [15, 27, 1 << 10],
      [0, 27, 0],
      [16, 27, 0],
    ]) {
      assert.deepEqual(limitsAfter(world, 0, -1, 60, found(cells)), [55200, ccl, 180], `${cells} cells`);
      assert.equal(world.limits.settings[brokenRules], broken, `${cells} cells`);
    }
  });
});
