// The cost model's table (tools/host/costs.json) against the interpreter: a unit of work that has become dearer or
// cheaper is noticed here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { interpreterUnits, smallOnes } from "../../tools/bench/costs";
import { findBenchTools } from "../../tools/bench/measure";

/** How far a unit may be from the table before `npm run bench -- --costs` must write a new one. */
const DRIFT = 0.25,
  /** What happens beside a unit only adds, and less than that. */
  TRIES = 2;

describe("the cost model's table", () => {
  it(`is within ${DRIFT * 100} % of what the interpreter needs now`, async function () {
    if (!findBenchTools()) {
      console.log("    skipped: needs Espruino for Linux and valgrind");
      this.skip();
    }
    const { units, small } = JSON.parse(
      readFileSync(new URL("../../tools/host/costs.json", import.meta.url), "utf8"),
    ) as { units: Record<string, number>; small: Record<string, number> };
    const { cold } = await smallOnes(["cold"]);
    assert.ok(
      Math.abs(cold! / small["cold"]! - 1) <= DRIFT,
      `a cold function: ${cold} now, ${small["cold"]} in the table`,
    );
    const measured = await interpreterUnits(TRIES);
    assert.deepEqual(Object.keys(measured), Object.keys(units));
    for (const [unit, cost] of Object.entries(measured))
      assert.ok(Math.abs(cost / units[unit]! - 1) <= DRIFT, `${unit}: ${cost} now, ${units[unit]} in the table`);
  });
});
