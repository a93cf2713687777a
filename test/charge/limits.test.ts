// Charge and discharge limits: what they never do, whatever the battery says, and what they do with time and old data.
import assert from "node:assert/strict";
import fc from "fast-check";
import { limitsStep } from "../../firmware/charge/control";
import { narrowLimits } from "../../firmware/charge/external.cold";
import * as memory from "../../firmware/charge/memory";
import { takeSettings } from "../../firmware/charge/prepare.cold";
import {
  BY_BOTTOM,
  BY_INTERNAL,
  BY_SOC,
  BY_TOP,
  CHARGE_BY_TEMPERATURE,
  DISCHARGE_BY_TEMPERATURE,
  type Limits,
  limitsOf,
} from "../../firmware/charge/limits";
import { taper } from "../../firmware/charge/taper";
import { reasons } from "../../firmware/tables/states";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { BOOT, DEGRADED, LOST, NORMAL, SILENT, type Snapshot, snapshotOf } from "../../firmware/battery/snapshot";
import { encoders } from "../../firmware/victron/frames.baked";
import { defaultsOf } from "../../tools/charge/config";
import { type Cells, snapshotWith } from "../fixtures/battery";

/** Settings of LFP cells; the battery of the fixture allows 110 A of discharge and 90 A of charge. */
function lfp(battery: Record<string, unknown> = {}, most: Record<string, unknown> = {}): Limits {
  const limits = limitsOf();
  takeSettings(
    limits,
    { ...defaultsOf("battery"), chemistry: "lfp", ...battery },
    { ...defaultsOf("can/limits"), ...most },
  );
  return limits;
}

function normal(given: Cells = {}): Snapshot {
  const snapshot = snapshotWith({ ...given, settings: { 303: 3350, ...given.settings } });
  assert.equal(snapshot.dropped, 0);
  snapshot.phase = NORMAL;
  return snapshot;
}

/** CVL, CCL, DCL in V and A as they stand in the snapshot. */
const outputs = (snapshot: Snapshot): number[] =>
  [valueSlot.chargeVoltageLimit, valueSlot.chargeCurrentLimit, valueSlot.dischargeCurrentLimit].map(
    (slot) => snapshot.values[slot],
  );

function stepped(limits: Limits, snapshot: Snapshot, seconds = 1): number[] {
  for (let i = 0; i < seconds; i++) limitsStep(limits, snapshot, limits.at + 1000, 1);
  return outputs(snapshot);
}

const anyCells = fc
  .integer({ min: 4, max: 16 })
  .chain((count) => fc.array(fc.integer({ min: 2500, max: 3800 }), { minLength: count, maxLength: count }));
const anyBattery = fc.record({
  mv: anyCells,
  full: fc.integer({ min: 3450, max: 3700 }),
  cutoff: fc.integer({ min: 3500, max: 3900 }),
  out: fc.integer({ min: 1, max: 750 }),
  into: fc.integer({ min: 1, max: 750 }),
  t1: fc.integer({ min: -400, max: 800 }),
  t2: fc.integer({ min: -400, max: 800 }),
  status: fc.constantFrom(0x91, 0x92, 0x93, 0x96, 0x97, 0x9b, 0, 0x55),
  cclMax: fc.double({ min: 0, max: 750, noNaN: true }),
  dclMax: fc.double({ min: 0, max: 750, noNaN: true }),
});

/** Points of each table as the rules of charge control have them: mV from register 300 or 301, 0.1 degC, 0.1 %. */
const TABLES: Record<string, [table: number, points: [x: number, factor: number][]]> = {
  "highest cell": [
    BY_TOP,
    [
      [-100, 1],
      [-70, 0.5],
      [-50, 0.2],
      [-20, 0.05],
      [0, 0],
    ],
  ],
  "lowest cell": [
    BY_BOTTOM,
    [
      [0, 0],
      [50, 0.2],
      [100, 0.5],
      [200, 1],
    ],
  ],
  "temperature, charge": [
    CHARGE_BY_TEMPERATURE,
    [
      [0, 0],
      [20, 0.25],
      [50, 0.5],
      [100, 1],
      [400, 1],
      [450, 0.5],
      [500, 0.25],
      [550, 0],
    ],
  ],
  "temperature, discharge": [
    DISCHARGE_BY_TEMPERATURE,
    [
      [-200, 0],
      [-100, 0.3],
      [0, 0.7],
      [50, 1],
      [450, 1],
      [500, 0.5],
      [550, 0.25],
      [600, 0],
    ],
  ],
  "temperature of the BMS": [
    BY_INTERNAL,
    [
      [700, 1],
      [800, 0.25],
      [900, 0],
    ],
  ],
  "state of charge": [
    BY_SOC,
    [
      [850, 1],
      [900, 0.5],
      [950, 0.2],
      [980, 0.1],
    ],
  ],
};

describe("tables of factors", () => {
  for (const [name, [table, points]] of Object.entries(TABLES))
    it(`${name}: its points, linear between them, constant outside`, () => {
      const { tables } = limitsOf(),
        last = points.length - 1,
        close = (x: number, factor: number): void =>
          assert.ok(Math.abs(taper(tables, table, x) - factor) < 1e-9, `${x}: ${taper(tables, table, x)}`);
      for (const [i, [x, factor]] of points.entries()) {
        close(x, factor);
        if (i < last) close((x + points[i + 1][0]) / 2, (factor + points[i + 1][1]) / 2);
      }
      close(points[0][0] - 5000, points[0][1]);
      close(points[last][0] + 5000, points[last][1]);
    });
});

describe("limits, whatever the battery says", () => {
  it("never above 90 % of registers 317 and 318 nor the user's maximum, nor outside floor and N x (register 300 - 75 mV)", () => {
    fc.assert(
      fc.property(fc.array(anyBattery, { minLength: 1, maxLength: 4 }), (batteries) => {
        const limits = lfp();
        for (const b of batteries) {
          const n = b.mv.length,
            word = (t: number): number => t & 0xffff;
          const snapshot = normal({
            mv: b.mv,
            settings: { 300: b.full, 315: b.cutoff, 317: b.out, 318: b.into },
            fast: { 38: 0, 39: 0, 42: word(b.t1), 43: word(b.t2), 50: b.status },
          });
          takeSettings(limits, { ...defaultsOf("battery"), chemistry: "lfp" }, { cclMax: b.cclMax, dclMax: b.dclMax });
          const [cvl, ccl, dcl] = stepped(limits, snapshot, 2);
          assert.ok(limits.valid, "the generator only makes batteries that fit");
          assert.ok(ccl >= 0 && ccl <= 0.9 * b.into + 1e-9 && ccl <= b.cclMax, `CCL ${ccl}`);
          assert.ok(dcl >= 0 && dcl <= 0.9 * b.out + 1e-9 && dcl <= b.dclMax, `DCL ${dcl}`);
          assert.ok(
            cvl <= (n * (b.full - 75)) / 1000 + 1e-9 &&
              cvl <= (n * (b.cutoff - 45)) / 1000 + 1e-9 &&
              cvl >= n * 3.3 - 1e-9,
            `CVL ${cvl}`,
          );
          if (b.status === 0x9b || b.status < 0x91) assert.deepEqual([ccl, dcl], [0, 0]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("a higher top cell never raises CVL or CCL", () => {
    fc.assert(
      fc.property(anyCells, fc.integer({ min: 0, max: 300 }), (mv, rise) => {
        const higher = mv.slice(),
          at = mv.indexOf(Math.max(...mv));
        higher[at] += rise;
        const low = stepped(lfp(), normal({ mv })),
          high = stepped(lfp(), normal({ mv: higher }));
        assert.ok(high[0] <= low[0] + 1e-9 && high[1] <= low[1] + 1e-9);
      }),
    );
  });

  it("an unknown measurement is 0 A", () => {
    for (const slots of [
      [valueSlot.onlineStatus],
      [valueSlot.minTemperature, valueSlot.maxTemperature],
      [valueSlot.internalTemp],
    ]) {
      const snapshot = normal();
      slots.forEach((slot) => {
        snapshot.values[slot] = NaN;
      });
      assert.deepEqual(stepped(lfp(), snapshot).slice(1), [0, 0], `${slots}`);
    }
    const snapshot = normal();
    snapshot.highest = snapshot.lowest = NaN;
    assert.deepEqual(stepped(lfp(), snapshot).slice(1), [0, 0]);
  });

  it("fault 0x9B and an unknown status block both directions", () => {
    for (const status of [0x9b, 0x55]) {
      const snapshot = normal({ fast: { 50: status } }),
        limits = lfp();
      assert.deepEqual(stepped(limits, snapshot).slice(1), [0, 0]);
      assert.deepEqual(
        [limits.state[memory.cclReason], limits.state[memory.dclReason]].map((reason) => reasons[reason]),
        ["charge_blocked", "discharge_blocked"],
      );
    }
  });

  it("4 to 16 cells: bulk voltage and its floor, exact to the tenth of a volt on CAN", () => {
    for (let cells = 4; cells <= 16; cells++) {
      const limits = lfp(),
        snapshot = normal({ mv: new Array<number>(cells).fill(3320) }),
        cvl = stepped(limits, snapshot)[0];
      assert.equal(cvl, Math.floor((cells * 345) / 10) / 10);
      const word = (): number => {
        const data = encoders[0]?.(snapshot.values) ?? [];
        return data[0] | (data[1] << 8);
      };
      assert.equal(word(), Math.floor((cells * 345) / 10));
      snapshot.phase = LOST;
      stepped(limits, snapshot);
      assert.equal(word(), cells * 33);
    }
  });
});

describe("limits with time", () => {
  it("a step says whether a limit fell, whichever", () => {
    for (const [name, given] of Object.entries({ cvl: [40000, NaN, NaN], ccl: [NaN, 20, NaN], dcl: [NaN, NaN, 20] })) {
      const limits = lfp(),
        snapshot = normal(),
        step = (): boolean => limitsStep(limits, snapshot, limits.at + 1000, 1);
      step();
      assert.equal(step(), false, "none did");
      narrowLimits(limits, given[0], given[1], given[2], limits.at + 1e6);
      assert.deepEqual([step(), step()], [true, false], name);
    }
  });

  it("fall at once", () => {
    const limits = lfp();
    const warm = normal();
    assert.deepEqual(stepped(limits, warm).slice(1), [81, 99]);
    const cold = normal({ fast: { 42: 50, 43: 50 } });
    cold.values.set(
      warm.values.subarray(valueSlot.chargeVoltageLimit, valueSlot.dischargeCurrentLimit + 1),
      valueSlot.chargeVoltageLimit,
    );
    assert.ok(limitsStep(limits, cold, limits.at + 1000, 1), "a fall is reported");
    assert.deepEqual(outputs(cold).slice(1), [40.5, 99]);
  });

  it("rise after 30 s only, by at most 2 % of the largest a second", () => {
    const limits = lfp(),
      cold = normal({ fast: { 42: 50, 43: 50 } }),
      warm = normal();
    stepped(limits, cold);
    let before = limits.state[memory.ccl];
    for (let second = 1; second <= 90; second++) {
      stepped(limits, warm);
      const ccl = limits.state[memory.ccl];
      if (second <= 30) assert.equal(ccl, 40.5, `second ${second}`);
      assert.ok(ccl >= before && ccl <= before + 0.02 * 81 + 1e-9);
      before = ccl;
    }
    assert.equal(before, 81);
  });

  it("the charge voltage rises by at most 5 mV a second", () => {
    const limits = lfp(),
      full = normal({ mv: new Array<number>(16).fill(3560) });
    stepped(limits, full);
    let before = limits.state[memory.cvl];
    for (let second = 0; second < 200; second++) {
      stepped(limits, normal());
      const cvl = limits.state[memory.cvl];
      assert.ok(cvl <= before + 5 + 1e-6);
      before = cvl;
    }
  });
});

describe("limits of old data", () => {
  it("degraded: the voltage stays, currents are at most half of the largest", () => {
    const limits = lfp(),
      snapshot = normal(),
      [cvl] = stepped(limits, snapshot);
    snapshot.phase = DEGRADED;
    assert.deepEqual(stepped(limits, snapshot), [cvl, 40.5, 49.5]);
    assert.deepEqual(stepped(limits, snapshot, 5), [cvl, 40.5, 49.5], "not halved again");
    assert.equal(reasons[limits.reason], "degraded");
  });

  it("lost: floor, 0 A, 0 A; silent: unknown; then the ramp from 0 without the 30 s", () => {
    const limits = lfp(),
      snapshot = normal();
    stepped(limits, snapshot);
    snapshot.phase = LOST;
    assert.deepEqual(stepped(limits, snapshot), [52.8, 0, 0]);
    assert.equal(reasons[limits.reason], "lost");
    snapshot.phase = SILENT;
    assert.ok(stepped(limits, snapshot).every((value) => Number.isNaN(value)));
    assert.deepEqual(stepped(limits, normal()), [52.8, 1.6, 1.9], "1.62 and 1.98 A, rounded down");
  });

  it("unknown before the first complete snapshot, without a chemistry, and when settings and battery do not fit", () => {
    const boot = snapshotOf();
    assert.equal(boot.phase, BOOT);
    assert.ok(stepped(lfp(), boot).every((value) => Number.isNaN(value)));
    for (const [limits, settings] of [
      [lfp({ chemistry: undefined }), {}],
      [lfp({ chemistry: "nmc" }), {}],
      [lfp(), { 300: 4200 }],
      [lfp(), { 315: 3340 }],
    ] as [Limits, Record<number, number>][]) {
      const snapshot = normal({ settings });
      assert.ok(stepped(limits, snapshot).every((value) => Number.isNaN(value)));
      assert.equal(encoders[0]?.(snapshot.values), undefined, "0x351 is not sent");
      assert.equal(reasons[limits.reason], "config");
    }
  });
});
