// Turns of the interpreter's main loop in the built image, with its work as on a chip, cold functions counted: from
// begin to end of a turn nobody looks at the UART.
import assert from "node:assert/strict";
import { measuredWeights } from "../../tools/host/costs";
import { startVirtual } from "../../tools/host/virtual";
import { imageText } from "./rig";

/** No turn may take longer, none of supervise, M instructions, once everything has been published once. */
const MOST = 20,
  MOST_SUPERVISE = 11;
const SETTLED_MS = 90_000,
  WATCHED_MS = 60_000;

describe("system: turns of the main loop", () => {
  it("run one step of a task at most, and none is long", async () => {
    const rig = startVirtual({ image: await imageText(), seed: 1, scenario: "charge", weights: measuredWeights(true) });
    let turns = 0,
      most = 0,
      supervise = 0;
    rig.clock.run(SETTLED_MS);
    rig.turned.push((instructions, whats) => {
      const steps = whats.filter((what) => what !== "string");
      assert.ok(steps.length <= 1, whats.join(" "));
      most = Math.max(most, instructions / 1e6);
      if (steps[0] === "supervise") supervise = Math.max(supervise, instructions / 1e6);
      turns++;
    });
    rig.clock.run(WATCHED_MS);
    assert.ok(turns > (20 * WATCHED_MS) / 1000, `${turns} turns`);
    assert.ok(most <= MOST, `${most.toFixed(1)} M`);
    assert.ok(supervise > 1 && supervise <= MOST_SUPERVISE, `supervise: ${supervise.toFixed(1)} M`);
  });

  it("go on when the interpreter has removed the timer whose callback it broke off", async () => {
    const rig = startVirtual({ image: await imageText(), seed: 1 });
    let frames = 0;
    rig.clock.run(10_000);
    rig.frames.push(() => frames++);
    (rig.device.global.clearInterval as () => void)();
    rig.clock.run(2_000);
    assert.equal(frames, 0, "nothing runs without it");
    rig.device.raiseFlags(["CALLBACK", "MEMORY"]);
    rig.clock.run(5_000);
    assert.ok(frames > 30, `${frames} frames`);
    assert.ok(
      rig.console.some((line) => line.includes("MEMORY")),
      "and it is told",
    );
  });
});
