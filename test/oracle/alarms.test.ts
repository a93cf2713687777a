// The judge of 0x35A with a battery and a frame that are written down: what a device that starts may say.
import assert from "node:assert/strict";
import { judgeAlarms } from "./alarms";
import type { Faults } from "./faults";
import type { Fast, Known } from "./known";
import type { Line } from "./line";
import type { Phases } from "./phases";
import { FAULT, planOf, type Plan } from "./spec";

const IDLE = 0x97;
/** Nothing but "BMS internal" is active. */
const INTERNAL = [0xa8, 0xaa, 0x6a, 0x02, 0xa8, 0xaa, 0xaa, 0x02];
const plan = planOf({
  ...{ 300: 3550, 301: 2900, 303: 3350, 306: 28000, 307: 16, 315: 3650, 316: 2800, 317: 200, 318: 150 },
  ...{ 319: 60, 320: 0, 321: 85, 329: 4, 340: 0 },
});

/** What is wrong with "BMS internal" when a device read this status before the settings, and none of a fault since. */
function startedWith(status: number): string[] {
  const wrong: string[] = [],
    fast: Fast[] = [],
    plans: Plan[] = [];
  const phases: Phases = {
      ...{ boot: true, normal: true, degraded: false, lost: false, silent: false },
      ...{ overdue: false, isFailing: false, least: 0, most: 0 },
    },
    known = { ...{ fast, cells: [], detected: 16, plans: () => ({ must: plans, may: plans }) } } as unknown as Known,
    faults = { ids: () => [], is: () => "no", unexplained: "no" } as unknown as Faults,
    line = { damagedAt: -Infinity, cleanSince: 0 } as unknown as Line;
  const judge = judgeAlarms({
    ...{ known, faults, line, phases: () => phases },
    wrong: (what, _section, expected, seen) => wrong.push(`${what}: ${seen}, ${expected}`),
  });
  for (let now = 100; now <= 2500; now += 100) {
    fast[0] = {
      ...{ at: now, isSure: true, isPlausible: true, vMax: 3.3, vMin: 3.3, pack: 52.8, current: 0 },
      ...{ t1: 20, t2: 20, internal: 25, soc: 50, status: now < 1000 ? status : IDLE },
    };
    if (now === 2000) plans.push(plan);
    judge.tick(now);
  }
  judge.judge(2500, INTERNAL);
  return wrong.filter((text) => text.startsWith("alarm BMS internal"));
}

// Found by story 600011 of all: the device started while the battery had a fault, which was over when it had all.
describe("oracle: alarms of a device that starts", () => {
  it("a fault that was read before the settings may be one without a cause", () => {
    assert.deepEqual(startedWith(FAULT), []);
  });

  it("without one nothing internal is active", () => {
    assert.deepEqual(startedWith(IDLE), ["alarm BMS internal active: 1, 2 or 0"]);
  });
});
