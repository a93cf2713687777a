// What happens each ten seconds, with a device that is only what that needs: the GX that stays away, a number of cells
// that does not fit.
import assert from "node:assert/strict";
import { MEMORY_LOW, UART_ERRORS, WAS_RESET } from "../../firmware/battery/alarms";
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
    memory: { isLow: false },
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

describe("what the gateway finds of itself", () => {
  const HOUR_MS = 3600000;
  /** Bits of the alarms at `now` of a device that is only what they need. */
  function bitsAt(now: number, wasReset: boolean, isLow: boolean): number {
    const app = { ...worldOf(), memory: { isLow }, wasReset, uart: { raw: [] }, energy: { savedAt: Infinity } },
      rates = { at: Infinity, doneAt: 0, moved: false, bits: 0, errorBits: UART_ERRORS },
      can = { texts: new Uint8Array(100), chemistry: "LFP", gxLossMs: 0, gxAt: 0 },
      natives = { toUint8Array: (text: string) => Buffer.from(text, "latin1") };
    tenSeconds({ ...app, rates, can, natives } as unknown as App, now);
    return rates.bits;
  }

  it("is an alarm beside the rates: a start that nobody wanted for an hour, memory while it is short", () => {
    assert.equal(bitsAt(3000, false, false), UART_ERRORS);
    assert.equal(bitsAt(3000, true, false), UART_ERRORS | WAS_RESET);
    assert.equal(bitsAt(HOUR_MS - 1, true, true), UART_ERRORS | WAS_RESET | MEMORY_LOW);
    assert.equal(bitsAt(HOUR_MS, true, true), UART_ERRORS | MEMORY_LOW);
  });
});
