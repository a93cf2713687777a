// The ten invariants of charge control (firmware/charge/README.md), each over 100,000 random steps, seeded.
import assert from "node:assert/strict";
import fc from "fast-check";
import { limitsStep } from "../../firmware/charge/control";
import * as setting from "../../firmware/charge/settings";
import * as memory from "../../firmware/charge/memory";
import { narrowLimits } from "../../firmware/charge/external.cold";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { DEGRADED, LOST, NORMAL, SILENT } from "../../firmware/battery/snapshot";
import type { Line } from "../../tools/charge/whatif";
import { seededRandom } from "../../tools/simulator/random";
import { copyOf, stepWorld, type World, worldOf } from "../fixtures/charge";

const STEPS = 100_000,
  LENGTH = 100,
  SEED = 20261121,
  TINY = 1e-6;
const FAULTS = [2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 0x31, 0x37, 0x38];

/** One step's inputs: cells as a level and a spread around it, so that all regions of the tables and states are met. */
const anyStep = fc.record({
  level: fc.oneof(
    fc.integer({ min: 3380, max: 3480 }),
    fc.integer({ min: 3050, max: 3400 }),
    fc.integer({ min: 2750, max: 3700 }),
  ),
  high: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
  low: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
  current: fc.integer({ min: -150, max: 150 }),
  soc: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 80, max: 100 })),
  t1: fc.oneof(fc.constant(20), fc.integer({ min: -25, max: 65 })),
  t2: fc.oneof(fc.constant(22), fc.integer({ min: -25, max: 65 })),
  tint: fc.oneof(fc.constant(30), fc.integer({ min: -20, max: 95 })),
  status: fc.constantFrom(0x97, 0x97, 0x91, 0x93, 0x92, 0x9b),
  fault: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(...FAULTS) }),
  dt: fc.constantFrom(1, 1, 1, 0.5, 2, 20),
  repeat: fc.integer({ min: 0, max: 30 }),
  phase: fc.oneof(
    { weight: 20, arbitrary: fc.constant(NORMAL) },
    { weight: 1, arbitrary: fc.constantFrom(DEGRADED, LOST, SILENT) },
  ),
});
type Step = Record<typeof anyStep extends fc.Arbitrary<infer T> ? keyof T : never, number>;
const anyRun = fc.record({
  cells: fc.integer({ min: 4, max: 16 }),
  steps: fc.array(anyStep, { minLength: LENGTH, maxLength: LENGTH, size: "max" }),
});

function cellsOf(step: Step, count: number): number[] {
  const cells = new Array<number>(count).fill(step.level);
  cells[0] = step.level + step.high;
  cells[count - 1] = step.level - step.low;
  return cells;
}

const lineOf = (step: Step): Line => ({
  current: step.current,
  soc: step.soc,
  tmin: step.t1,
  tmax: step.t2,
  tint: step.tint,
  status: step.status,
  faults: step.fault ? [step.fault] : [],
});

function take(world: World, step: Step): Float64Array {
  world.snapshot.phase = step.phase;
  return stepWorld(world, cellsOf(step, world.limits.cells || world.snapshot.cells), lineOf(step), step.dt);
}

/**
 * `check` at each of the 100,000 steps, before which the world is `before`; it takes the step itself or lets it be
 * taken.
 */
function everyStep(check: (before: World, step: Step) => World, most = STEPS): void {
  let steps = 0;
  fc.assert(
    fc.property(anyRun, (run) => {
      let world = worldOf(run.cells);
      for (const step of run.steps) {
        world = check(world, step);
        steps++;
      }
    }),
    { numRuns: most / LENGTH, seed: SEED, endOnFailure: true },
  );
  assert.equal(steps, most);
}

/** The world after the step. */
function after(before: World, step: Step): World {
  const world = copyOf(before);
  take(world, step);
  return world;
}

const outputs = ({ limits }: World): number[] => Array.from(limits.state.subarray(0, 3));

describe("invariants of charge control", () => {
  it("1. the voltage lies between floor and ceiling, and is never 0", () => {
    everyStep((before, step) => {
      const world = after(before, step),
        set = world.limits.settings,
        [cvl] = outputs(world),
        sent = world.snapshot.values[valueSlot.chargeVoltageLimit];
      if (!isNaN(cvl)) assert.ok(cvl >= set[setting.floor] && cvl <= set[setting.ceiling] && cvl > 0, `CVL ${cvl}`);
      assert.ok(
        step.phase === SILENT ? isNaN(sent) : isNaN(cvl) ? isNaN(sent) : sent === Math.floor(cvl / 100 + 1e-6) / 10,
      );
      return world;
    });
  });

  it("2. currents lie between 0 and the largest", () => {
    everyStep((before, step) => {
      const world = after(before, step),
        [, ccl, dcl] = outputs(world);
      if (!isNaN(ccl)) assert.ok(ccl >= 0 && ccl <= 135 && dcl >= 0 && dcl <= 180, `${ccl} ${dcl}`);
      return world;
    });
  });

  it("3. a higher highest cell never raises voltage or charge current (same state, no block)", () => {
    let compared = 0;
    everyStep((before, step) => {
      const world = after(before, step),
        higher = after(before, { ...step, high: step.high + 1 + step.repeat });
      const same =
        world.limits.state[memory.state] === higher.limits.state[memory.state] &&
        !(world.limits.state[memory.blocks] & 1) &&
        !(higher.limits.state[memory.blocks] & 1);
      if (same && step.phase === NORMAL) {
        compared++;
        const [cvl, ccl] = outputs(world),
          [cvlHigher, cclHigher] = outputs(higher);
        assert.ok(cvlHigher <= cvl + TINY && cclHigher <= ccl + TINY, `${cvl} -> ${cvlHigher}, ${ccl} -> ${cclHigher}`);
      }
      return world;
    }, 3 * STEPS);
    assert.ok(compared >= STEPS, `${compared} compared`);
  });

  it("4. a lower lowest cell never raises the discharge current", () => {
    everyStep((before, step) => {
      const world = after(before, step),
        lower = after(before, { ...step, low: step.low + 1 + step.repeat });
      if (step.phase === NORMAL) assert.ok(outputs(lower)[2] <= outputs(world)[2] + TINY);
      return world;
    });
  });

  it("5. a missing input never yields more than the output before", () => {
    const missing: ((world: World) => void)[] = [
      ...[
        valueSlot.packCurrent,
        valueSlot.stateOfCharge,
        valueSlot.onlineStatus,
        valueSlot.minTemperature,
        valueSlot.maxTemperature,
        valueSlot.internalTemp,
      ].map((slot) => (world: World) => {
        world.snapshot.values[slot] = NaN;
      }),
      ({ snapshot }) => {
        snapshot.highest = snapshot.lowest = snapshot.sum = NaN;
      },
    ];
    everyStep((before, step) => {
      const world = after(before, { ...step, phase: NORMAL }),
        holed = copyOf(world),
        was = outputs(world);
      missing[step.repeat % missing.length](holed);
      limitsStep(holed.limits, holed.snapshot, world.now + 1000, 1);
      outputs(holed).forEach((value, i) => assert.ok(value <= was[i], `output ${i}: ${was[i]} -> ${value}`));
      return step.phase === NORMAL ? world : holed;
    });
  });

  it("6. a charge block is 0 A in the same step", () => {
    const alone = [3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 0x37];
    let blocked = 0;
    everyStep((before, step) => {
      const world = after(before, step),
        { state } = world.limits,
        cells = cellsOf(step, world.limits.cells);
      if (step.phase !== NORMAL) return world;
      const must =
        alone.includes(step.fault) ||
        Math.max(...cells) >= 3630 ||
        step.tint >= 90 ||
        Math.min(step.t1, step.t2) <= 0 ||
        Math.max(step.t1, step.t2) >= 55 ||
        (step.fault === 2 && step.current <= 0 && step.status !== 0x91) ||
        (step.status === 0x9b && !(step.fault > 1 && step.fault < 16));
      if (must) assert.ok(state[memory.blocks] & 1, `no block: ${JSON.stringify(step)}`);
      if (state[memory.blocks] & 1) {
        blocked++;
        assert.equal(state[memory.ccl], 0);
      }
      if (state[memory.blocks] & 4) assert.equal(state[memory.dcl], 0);
      return world;
    });
    assert.ok(blocked > STEPS / 50, `${blocked} blocked`);
  });

  it("7. with constant inputs the outputs come to rest and do not cycle", () => {
    let steps = 0;
    // A SoC that says "charge again" while the cells say "full" contradicts itself; there float and absorption take
    // turns.
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 16 }),
        fc.array(anyStep, { minLength: 20, maxLength: 20 }),
        anyStep,
        (cells, before, step) => {
          fc.pre(step.soc > 85 || step.level + step.high < 3400);
          const world = worldOf(cells),
            constant = { ...step, phase: NORMAL, dt: 2 };
          before.forEach((one) => take(world, one));
          for (let i = 0; i < 22000; i++) {
            take(world, constant);
            world.limits.state[memory.fullAt] = world.now;
          }
          const rest = outputs(world);
          for (let i = 0; i < 600; i++) {
            take(world, constant);
            world.limits.state[memory.fullAt] = world.now;
            outputs(world).forEach((value, at) =>
              assert.ok(Math.abs(value - rest[at]) < 1, `output ${at} moves: ${rest[at]} -> ${value}`),
            );
          }
          steps += 22600;
        },
      ),
      { numRuns: 20, seed: SEED, endOnFailure: true },
    );
    assert.ok(steps > STEPS);
  });

  it("8. the voltage rises by at most 0.1 V in 20 s, limits from outside and their end included", () => {
    const random = seededRandom(SEED);
    everyStep((before, step) => {
      if (random() < 0.02)
        narrowLimits(before.limits, 50000 + random() * 6000, random() * 200, NaN, before.now + random() * 60000);
      const world = after(before, step),
        [was] = outputs(before),
        [now] = outputs(world);
      if (was > 0) assert.ok(now <= was + 5 * step.dt + TINY, `${was} -> ${now} in ${step.dt} s`);
      return world;
    });
  });

  it("9. the discharge current does not depend on the protection of the charge", () => {
    everyStep((before, step) => {
      const world = after(before, step),
        other = copyOf(before),
        s = other.limits.state;
      for (const slot of [
        memory.cvl,
        memory.ccl,
        memory.pf,
        memory.integ,
        memory.sinceLow,
        memory.chargeHeld,
        memory.latch,
        memory.overVoltage,
      ])
        s[slot] = slot === memory.latch ? NaN : (s[slot] || 0) + step.repeat;
      take(other, { ...step, high: step.high + step.repeat });
      const gone = step.phase === LOST || step.phase === SILENT;
      assert.ok(
        gone || outputs(other)[2] === outputs(world)[2] || isNaN(outputs(world)[2]),
        `${outputs(world)[2]} ${outputs(other)[2]}`,
      );
      return world;
    });
  });

  it("10. lost and silent do not depend on the state", () => {
    everyStep((before, step) => {
      if (before.limits.valid) {
        for (const phase of [LOST, SILENT]) {
          const { snapshot, limits } = after(before, { ...step, phase }),
            n = limits.cells;
          const sent = [
            valueSlot.chargeVoltageLimit,
            valueSlot.chargeCurrentLimit,
            valueSlot.dischargeCurrentLimit,
          ].map((slot) => snapshot.values[slot]);
          assert.deepEqual(sent, phase === LOST ? [(n * 3300) / 1000, 0, 0] : [NaN, NaN, NaN]);
        }
      }
      return after(before, step);
    });
  });
});
