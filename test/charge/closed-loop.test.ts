// Charge control in a closed loop: with a cell ahead and a charger that measures wrongly it settles, and the highest
// cell stays safe.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../tools/build/board";
import { closedLoop, summary } from "../../tools/charge/plant";

const MINUTES = 120,
  SETTLED_MIN = 30,
  HIGHEST_V = 3.5,
  BAND_V = 0.2,
  TINY = 1e-9;

describe("charge control in a closed loop", () => {
  for (const error_V of [-0.2, -0.1, 0, 0.2, 0.4]) {
    it(`charger off by ${error_V} V: highest cell below 3.50 V, CVL within 0.2 V after 30 min`, () => {
      for (const pv_A of [60, 90, 120]) {
        for (const noise_mV of [1, 3]) {
          for (const [pack_mohm, seed] of [
            [6, 1],
            [8, 2],
            [11, 3],
          ]) {
            const trial = { error_V, pv_A, noise_mV, pack_mohm, seed },
              samples = closedLoop(trial, MINUTES),
              late = summary(samples, SETTLED_MIN);
            assert.ok(late.top_V < HIGHEST_V, `${late.top_V} V: ${JSON.stringify(trial)}`);
            assert.ok(
              late.cvlTo_V - late.cvlFrom_V <= BAND_V + TINY,
              `CVL ${late.cvlFrom_V}..${late.cvlTo_V}: ${JSON.stringify(trial)}`,
            );
            assert.ok(late.top_V > 3.44 && samples.some(({ state }) => state === "ABS"), "it was a full charge");
            assert.ok(
              Math.max(...samples.map(({ current_A }) => current_A)) > 0.9 * pv_A,
              "with the charger's current",
            );
          }
        }
      }
    });
  }

  it("is drawn by the tool", () => {
    const folder = mkdtempSync(join(tmpdir(), "tinybms-plot-")),
      file = join(folder, "loop.svg");
    try {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", "tools/charge-plot.ts", file, "--minutes", "40"],
        { cwd: root, encoding: "utf8" },
      );
      assert.equal(status, 0, stderr);
      assert.match(stdout, /charger \+0\.4 V: highest cell 3\.4\d\d V/);
      const svg = readFileSync(file, "utf8");
      assert.match(svg, /^<svg/);
      for (const text of ["Charge control in a closed loop", "CVL sent, V", "IMB_HOLD"])
        assert.ok(svg.includes(text), text);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
