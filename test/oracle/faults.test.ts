// When the oracle takes a fault for ended, from readings that are written down.
import assert from "node:assert/strict";
import { watchFaults } from "./faults";
import type { Fast, Known } from "./known";
import type { Line } from "./line";
import { planOf } from "./spec";

const LOW_TEMP = 0x37,
  COLD_GONE = 0x74;
const plan = planOf({
  ...{ 300: 3550, 301: 2900, 303: 3350, 306: 28000, 307: 16, 315: 3650, 316: 2800, 317: 200, 318: 150 },
  ...{ 319: 60, 320: 0, 321: 85, 329: 4, 340: 0 },
});

function bench(): {
  pass(seconds: number): void;
  happens(id: number): void;
  is(id: number): string;
  work: { fails: boolean };
} {
  const work = { fails: false },
    fast: Fast[] = [],
    line = { cleanSince: 0, damagedAt: -Infinity } as unknown as Line,
    known = { fast, plans: () => ({ must: [plan], may: [plan] }) } as unknown as Known;
  const faults = watchFaults(
    line,
    () => known,
    () => work.fails,
  );
  let now = 0;
  const pass = (seconds: number): void => {
    for (const end = now + 1000 * seconds; now < end; now += 500) {
      fast[0] = {
        ...{ at: now, isSure: true, isPlausible: true, vMax: 3.3, vMin: 3.3, pack: 52.8, current: 0 },
        ...{ t1: 20, t2: 20, internal: 25, soc: 50, status: 0x97 },
      };
      faults.step(now, 0.5);
    }
  };
  faults.started(0, []);
  pass(10);
  return { work, pass, happens: (id) => faults.happened(id, now), is: faults.is };
}

describe("oracle: faults that are active", () => {
  it("a status that is well for a while ends one, but not while the work of each second fails", () => {
    for (const fails of [false, true]) {
      const b = bench();
      b.happens(LOW_TEMP);
      b.work.fails = fails;
      b.pass(30);
      assert.equal(b.is(LOW_TEMP), fails ? "maybe" : "no");
      b.work.fails = false;
      b.pass(17);
      assert.equal(b.is(LOW_TEMP), "no");
    }
  });

  it("its recovery ends it all the same", () => {
    const b = bench();
    b.happens(LOW_TEMP);
    b.work.fails = true;
    b.pass(1);
    b.happens(COLD_GONE);
    b.pass(7);
    assert.equal(b.is(LOW_TEMP), "no");
  });
});
