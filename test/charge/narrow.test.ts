// What a step between two seconds may do: fall, and nothing else. States, timers, filter and
// integrator stand still.
import assert from "node:assert/strict";
import fc from "fast-check";
import { limitsStep } from "../../firmware/charge/control";
import * as memory from "../../firmware/charge/memory";
import { narrowAtOnce } from "../../firmware/charge/narrow.cold";
import * as setting from "../../firmware/charge/settings";
import { takeFaults, takeMeasurements, type Line } from "../../tools/charge/whatif";
import { cellsAt, copyOf, stepWorld, type World, worldOf } from "../fixtures/charge";

/** Read this, and look whether a limit must fall at once. */
function narrowed(world: World, mv: number[], line: Line = {}): boolean {
  takeMeasurements(world.snapshot, line, mv);
  takeFaults(world.snapshot, line);
  return narrowAtOnce(world.limits, world.snapshot, world.now + 300);
}

const STANDS = { t: memory.t, tc: memory.tc, state: memory.state, integ: memory.integ, cvl_filter: memory.pf };
const mvAt = (level: number, top: number): number[] => cellsAt(level, top);

function rested(level = 3350): World {
  const world = worldOf();
  for (let i = 0; i < 40; i++) stepWorld(world, mvAt(level, level));
  return world;
}

describe("a step between two seconds", () => {
  it("falls by more than 2 % of the largest at once, by less not at all", () => {
    for (let top = 3450; top < 3560; top++) {
      const world = rested(),
        before = world.limits.state.slice(),
        share = 1 - Math.max(0, stepWorld(copyOf(world), mvAt(3350, top))[memory.ccl] / 135),
        did = narrowed(world, mvAt(3350, top));
      assert.equal(did, share > 0.02, `${top} mV: ${share}`);
      if (!did) assert.deepEqual(world.limits.state, before, `${top} mV`);
    }
  });

  it("any readings: no limit rises, and what stands still does", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            level: fc.integer({ min: 2790, max: 3660 }),
            high: fc.integer({ min: 0, max: 200 }),
            t: fc.integer({ min: -25, max: 65 }),
            tint: fc.integer({ min: 20, max: 95 }),
            status: fc.constantFrom(0x97, 0x91, 0x93, 0x9b, 0x55),
            fault: fc.constantFrom(0, 0, 0, 2, 3, 5, 0x31, 0x37),
            isStep: fc.boolean(),
          }),
          { minLength: 20, maxLength: 60 },
        ),
        (list) => {
          const world = rested();
          for (const { level, high, t, tint, status, fault, isStep } of list) {
            const line = { tmin: t, tmax: t, tint, status, faults: fault ? [fault] : [] },
              cells = mvAt(level, level + high),
              s = world.limits.state,
              before = s.slice();
            if (isStep) {
              stepWorld(world, cells, line);
              continue;
            }
            const did = narrowed(world, cells, line);
            for (const slot of [memory.cvl, memory.ccl, memory.dcl]) assert.ok(s[slot] <= before[slot] + 1e-9);
            if (!did) assert.deepEqual(s, before);
            for (const [name, slot] of Object.entries(STANDS))
              assert.ok(s[slot] === before[slot] || (name === "cvl_filter" && s[slot] < before[slot]), name);
            // the second that follows gives no more than without it
            const other = copyOf(world);
            other.limits.state.set(before);
            assert.ok(
              stepWorld(copyOf(world), cells, line)[memory.ccl] <= stepWorld(other, cells, line)[memory.ccl] + 1e-9,
            );
          }
        },
      ),
      { numRuns: 200, seed: 7 },
    );
  });

  it("does not count for the waits: a current that waits to rise waits as long as without it", () => {
    const world = rested();
    stepWorld(world, mvAt(3350, 3540));
    let seconds = 0;
    for (; world.limits.state[memory.ccl] < 5 && seconds < 60; seconds++) {
      for (let i = 0; i < 4; i++) assert.equal(narrowed(world, mvAt(3350, 3350)), false);
      stepWorld(world, mvAt(3350, 3350));
    }
    assert.equal(seconds, 31);
  });

  it("registers 40 and 41 of another moment do not move the voltage, they narrow the currents", () => {
    const world = rested(3330);
    takeMeasurements(world.snapshot, {}, mvAt(3330, 3330));
    world.snapshot.highest = 3525;
    world.snapshot.lowest = 3325;
    assert.ok(narrowAtOnce(world.limits, world.snapshot, world.now + 250));
    for (let i = 0; i < 5; i++) {
      assert.equal(world.limits.state[memory.cvl], 55200);
      world.now += 1000;
      limitsStep(world.limits, world.snapshot, world.now, 1);
    }
    assert.ok(world.limits.state[memory.ccl] < 12);
    assert.ok(world.limits.state[memory.pf] > world.limits.settings[setting.bulk]);
  });

  it("is none before the first step, while data is lost, and while the settings do not fit", () => {
    const fresh = worldOf();
    assert.equal(narrowed(fresh, mvAt(3350, 3640)), false);
    for (const phase of [0, 3, 4]) {
      const world = rested();
      world.snapshot.phase = phase;
      assert.equal(narrowed(world, mvAt(3350, 3640)), false, `phase ${phase}`);
    }
    const invalid = rested();
    invalid.limits.valid = false;
    assert.equal(narrowed(invalid, mvAt(3350, 3640)), false);
  });
});
