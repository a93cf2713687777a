// Charge control by its cases: ways from state to state, timers, blocks, recovery, rules, reasons
// (firmware/charge/README.md).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { limitsStep } from "../../firmware/charge/control";
import { brokenRules, takeSettings } from "../../firmware/charge/prepare.cold";
import * as setting from "../../firmware/charge/settings";
import * as memory from "../../firmware/charge/memory";
import { narrowLimits } from "../../firmware/charge/external.cold";
import { HISTORY, limitsOf } from "../../firmware/charge/limits";
import { whyText } from "../../firmware/charge/why.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { reasons } from "../../firmware/tables/states";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { DEGRADED } from "../../firmware/battery/snapshot";
import { bakeText } from "../../tools/bake/text";
import { defaultsOf } from "../../tools/charge/config";
import { type Answer, answered, type Line, sessionOf } from "../../tools/charge/whatif";
import { answersTo, cellsAt, lastAnswer, stepWorld, worldOf } from "../fixtures/charge";

interface Vector {
  id: string;
  case: string;
  line: Line;
  expected: Omit<Answer, "reason">;
}

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/charge-control-vectors.json", import.meta.url), "utf8"),
) as Vector[];
const without = ({ reason: _reason, ...answer }: Answer): Omit<Answer, "reason"> => answer;
const after = (line: Line, previous: Line): Answer => lastAnswer([{ ...line, previous }]);

describe("charge control, by cases", () => {
  for (const { id, case: name, line, expected } of vectors) {
    it(`${id} ${name}`, () => assert.deepEqual(without(lastAnswer([line])), expected));
  }

  it("the same cases one after the other, each with its own memory and configuration", () => {
    assert.deepEqual(
      answersTo(vectors.map(({ line }) => line)).map(without),
      vectors.map(({ expected }) => expected),
    );
  });
});

describe("states and their timers", () => {
  const near = { cells: cellsAt(3.44), soc: 92 };

  it("a condition must hold for its time without a break, this second included", () => {
    const states = answersTo([
      ...new Array<Line>(9).fill(near),
      { cells: cellsAt(3.3) },
      ...new Array<Line>(10).fill(near),
    ]).map(({ state }) => state);
    assert.deepEqual(states, [...new Array(19).fill("BULK"), "ABS"]);
  });

  it("a timer starts anew when another condition takes it over", () => {
    const low = { cells: cellsAt(3.2, 2.95), soc: 50 };
    assert.equal(
      lastAnswer(
        [{ ...near, previous: { tc: 0 } }, ...new Array<Line>(8).fill(near)],
        { cells: cellsAt(3.45, 2.94), soc: 90 },
        29,
      ).state,
      "BULK",
    );
    assert.equal(lastAnswer([], low, 30).state, "SUSTAIN/CHG_BLOCK".split("/")[0]);
  });

  it("tail current ends absorption only after its shortest time, but counts before", () => {
    const tail = { cells: cellsAt(3.449), current: 3, soc: 99 };
    assert.equal(after({ ...tail }, { state: "ABS", t: 298, tc: 200 }).state, "ABS");
    assert.equal(after({ ...tail }, { state: "ABS", t: 299, tc: 59 }).state, "FLOAT");
    assert.equal(
      after({ ...tail, current: -1 }, { state: "ABS", t: 400, tc: 59 }).state,
      "ABS",
      "never while discharging",
    );
    assert.equal(
      after({ ...tail, current: 4.1 }, { state: "ABS", t: 400, tc: 59 }).state,
      "ABS",
      "3.449 V - 20 mohm x 4.1 A is below 3.37 V",
    );
  });

  it("BMS full: absorption and hold go to float at once, bulk does not; sustain comes first", () => {
    const full = { cells: cellsAt(3.44), soc: 100, status: "0x92" };
    for (const [state, next] of [
      ["ABS", "FLOAT"],
      ["IMB_HOLD", "FLOAT"],
      ["BULK", "BULK"],
      ["SUSTAIN", "SUSTAIN"],
    ])
      assert.equal(after(full, { state }).state, next);
    assert.equal(after({ ...full, soc: 3 }, { state: "ABS", tc: 29 }).state, "SUSTAIN");
  });

  it("hold ends by time in float, by a low highest cell in bulk", () => {
    assert.equal(after({ cells: cellsAt(3.4, 3.47), soc: 96 }, { state: "IMB_HOLD", t: 14399 }).state, "FLOAT");
    assert.equal(after({ cells: cellsAt(3.3, 3.39), soc: 96 }, { state: "IMB_HOLD", t: 10, tc: 59 }).state, "BULK");
    assert.equal(after({ cells: cellsAt(3.3, 3.4), soc: 96 }, { state: "IMB_HOLD", t: 10, tc: 59 }).state, "IMB_HOLD");
  });

  it("sustain ends with SoC and lowest cell together", () => {
    assert.equal(after({ cells: cellsAt(3.1), soc: 8 }, { state: "SUSTAIN", tc: 59 }).state, "BULK");
    assert.equal(after({ cells: cellsAt(3.1), soc: 7.9 }, { state: "SUSTAIN", tc: 59 }).state, "SUSTAIN");
    assert.equal(after({ cells: cellsAt(3.2), soc: 5 }, { tc: 29, dcl: 180 }).state, "SUSTAIN");
    assert.equal(after({ cells: cellsAt(3.2), soc: 5 }, { tc: 29, dcl: 180 }).dcl, 5, "5 A by SoC alone");
  });

  it("a new charge after 14 days without a full one", () => {
    assert.equal(after({ cells: cellsAt(3.34), soc: 95, days: 13.9 }, { state: "FLOAT" }).state, "FLOAT");
    assert.equal(after({ cells: cellsAt(3.34), soc: 95, days: 14 }, { state: "FLOAT" }).state, "BULK");
    const world = worldOf();
    world.limits.state[memory.state] = memory.ABSORPTION;
    world.limits.state[memory.t] = 500;
    for (let i = 0; i < 60; i++) stepWorld(world, cellsAt(3450), { current: 2, soc: 99 });
    assert.equal(world.limits.state[memory.fullAt], world.now, "a tail current is a full charge");
    assert.equal(world.limits.state[memory.bmsFullAt], 0, "but not for the BMS");
  });

  it("absorption that its longest time has ended is no full charge", () => {
    const world = worldOf();
    world.limits.state[memory.state] = memory.ABSORPTION;
    world.limits.state[memory.t] = 3599;
    stepWorld(world, cellsAt(3430, 3459), { current: 20, soc: 98 });
    assert.deepEqual([world.limits.state[memory.state], world.limits.state[memory.fullAt]], [memory.FLOAT, 0]);
  });
});

describe("blocks", () => {
  const day = { cells: cellsAt(3.35), soc: 70 };
  const rows: [string, Line, string][] = [
    ["0x02", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x03", {}, "/CHG_BLOCK"],
    ["0x04", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x05", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x06", {}, "/CHG_BLOCK"],
    ["0x06", { config: { r340: 1 } }, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x07", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x0A", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x0B", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x0C", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x0D", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x0E", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x0F", {}, "/CHG_BLOCK/DIS_BLOCK"],
    ["0x31", {}, "/DIS_BLOCK"],
    ["0x37", {}, "/CHG_BLOCK"],
    ["0x38", {}, ""],
    ["0x61", {}, ""],
    ["0x79", {}, ""],
  ];
  for (const [event, extra, flags] of rows) {
    it(`event ${event}${extra["config"] ? " in single-port mode" : ""}: ${flags || "nothing"}`, () => {
      const answer = lastAnswer([{ ...day, ...extra, faults: [event], previous: { cvl: 55.2, ccl: 135, dcl: 180 } }]);
      assert.equal(answer.state, "BULK" + flags);
      assert.deepEqual([answer.ccl, answer.dcl], [flags.includes("CHG") ? 0 : 135, flags.includes("DIS") ? 0 : 180]);
      const atFloor = ["0x03", "0x06", "0x07", "0x0B"].includes(event);
      assert.equal(
        answer.cvl,
        !flags.includes("CHG") ? 55.2 : atFloor ? 52.8 : 53.6,
        "latched at the pack voltage, or at the floor",
      );
    });
  }

  it("status 0x9B: only faults are a cause, anything else blocks both", () => {
    const state = (faults: unknown[]): string => lastAnswer([{ ...day, status: 155, faults }]).state;
    assert.equal(state([3]), "BULK/CHG_BLOCK");
    for (const faults of [[], ["31"], ["0x61"], [8]]) assert.equal(state(faults), "BULK/CHG_BLOCK/DIS_BLOCK");
  });

  it("status 0x9B whose cause was just asked for stops the charge alone; any other status both at once", () => {
    for (const [status, dcl] of [
      [0x9b, 180],
      [0x55, 0],
    ]) {
      const { limits, snapshot, now } = worldOf(),
        currents = (at: number): number[] => {
          limitsStep(limits, snapshot, at, 1);
          return [limits.state[memory.ccl], limits.state[memory.dcl]];
        };
      assert.deepEqual(currents(now), [135, 180]);
      snapshot.values[valueSlot.onlineStatus] = status;
      snapshot.faults.askedAt = now + 500;
      assert.deepEqual(currents(now + 1000), [0, dcl], "half a second later");
      assert.deepEqual(currents(now + 2000), [0, 0], "nobody has told one");
    }
  });

  it("under-voltage: charge is free again as soon as current flows in or the BMS says charging", () => {
    const under = { cells: cellsAt(3, 2.9), soc: 2, status: "0x9B", faults: ["0x02"] };
    assert.equal(lastAnswer([under]).state, "BULK/CHG_BLOCK/DIS_BLOCK");
    assert.equal(lastAnswer([{ ...under, current: 0.5 }]).state, "BULK/DIS_BLOCK");
    assert.equal(lastAnswer([{ ...under, status: 0x91 }]).state, "BULK/DIS_BLOCK");
  });

  it("the highest cell blocks from 3.63 V on and until 3.5 V", () => {
    const states = answersTo([3.62, 3.63, 3.55, 3.51, 3.5].map((top) => ({ cells: cellsAt(3.4, top), soc: 95 }))).map(
      ({ state }) => state,
    );
    assert.deepEqual(states, ["BULK", "BULK/CHG_BLOCK", "BULK/CHG_BLOCK", "BULK/CHG_BLOCK", "BULK"]);
  });

  it("a cold night: the voltage of the moment of blocking, held, then the slow way up after a minute", () => {
    const cold = (volts: number): Line => ({ cells: cellsAt(volts), soc: 60, tmin: 0, tmax: 2, current: -5 }),
      mild = { ...cold(3.32), tmin: 8, tmax: 9 };
    const answers = answersTo([
      mild,
      cold(3.34),
      cold(3.32),
      cold(3.3),
      ...new Array<Line>(100).fill(cold(3.31)),
      mild,
      mild,
    ]);
    assert.deepEqual(answers.map(({ cvl }) => cvl).slice(0, 4), [55.2, 53.4, 53.4, 53.4]);
    assert.deepEqual(
      answers.slice(1).map(({ ccl }) => ccl),
      new Array(105).fill(0),
    );
    assert.deepEqual([answers[104].state, answers[105].cvl], ["BULK", 53.4]);
    assert.equal(answers[1].reason, "charge_blocked");
  });

  it("the voltage stays down for a minute after a block, and never rises while a cell is high", () => {
    const block = { cells: cellsAt(3.36), soc: 80, faults: [6] },
      free = { cells: cellsAt(3.36), soc: 80 };
    const answers = answersTo([free, block, ...new Array<Line>(80).fill(free)]).map(({ cvl }) => cvl);
    assert.deepEqual([answers[0], answers[1], answers[60], answers[61 + 19]], [55.2, 52.8, 52.8, 52.9]);
    const high = { cells: cellsAt(3.3, 3.461), soc: 90 };
    assert.equal(lastAnswer([{ ...high, previous: { cvl: 52.9 } }], high, 300).cvl, 52.9);
  });

  it("inhibited by hand", () => {
    assert.equal(lastAnswer([{ ...day, config: { inhibit_charge: true } }]).state, "BULK/CHG_BLOCK");
    assert.equal(lastAnswer([{ ...day, config: { inhibit_discharge: true } }]).state, "BULK/DIS_BLOCK");
  });
});

describe("the highest cell near the over-voltage cutoff", () => {
  it("blocks the charge from register 315 - 20 mV up, with the voltage at its floor", () => {
    for (const [highest, blocks] of [
      [3629, 0],
      [3629.9, 0],
      [3630, 3],
      [3640, 3],
    ]) {
      const world = worldOf();
      for (let i = 0; i < 3; i++) stepWorld(world, cellsAt(3400));
      const s = stepWorld(world, cellsAt(3400, highest));
      assert.equal(s[memory.blocks] & 3, blocks, `${highest} mV`);
      assert.equal(s[memory.ccl], 0);
      if (blocks) assert.equal(s[memory.cvl], 52800);
    }
  });
});

describe("the lowest cell near the under-voltage cutoff", () => {
  // register 301 only 10 mV above 316 (a broken rule): there the taper alone would still allow a current.
  const config = { r301: 2.85, r316: 2.84 },
    at = (lowest: number): Line => ({ cells: cellsAt(2.9, lowest), soc: 20, current: -5, config });

  it("blocks the discharge from register 316 + 20 mV down, and no cell above", () => {
    for (const lowest of [2.86, 2.8595, 2.855, 2.8]) {
      const { dcl, reason } = lastAnswer([at(3), at(lowest)]);
      assert.deepEqual([dcl, lastAnswer([at(lowest)]).dcl], [0, 0], `${lowest} V: ${reason}`);
    }
    for (const lowest of [2.8605, 2.862]) assert.ok(lastAnswer([at(lowest)]).dcl! > 0, `${lowest} V`);
  });

  it("says so", () => {
    const world = worldOf(16, config);
    for (let i = 0; i < 3; i++) stepWorld(world, cellsAt(2900));
    assert.equal(world.limits.state[memory.blocks], 0, "nothing else makes it look");
    stepWorld(world, cellsAt(2900, 2858));
    assert.equal(reasons[world.limits.state[memory.dclReason]], "discharge_blocked");
    assert.equal(world.limits.state[memory.blocks] & 4, 4);
    stepWorld(world, cellsAt(2900, 2862));
    assert.equal(world.limits.state[memory.blocks] & 4, 0);
  });
});

describe("currents", () => {
  const mild = { cells: cellsAt(3.3), soc: 50 };

  it("one or no sensor", () => {
    assert.deepEqual(without(lastAnswer([{ ...mild, tmin: 3, tmax: null }])), {
      state: "BULK",
      cvl: 55.2,
      ccl: 45,
      dcl: 158.4,
    });
    assert.deepEqual(without(lastAnswer([{ ...mild, tmin: null, tmax: null }])), {
      state: "BULK",
      cvl: 55.2,
      ccl: 67.5,
      dcl: 90,
    });
    assert.equal(lastAnswer([{ ...mild, tmin: null, tmax: null, tint: 45 }]).ccl, 33.7, "half of half");
    assert.deepEqual(
      answersTo([mild, { ...mild, tmin: 30, tmax: 30 }, { ...mild, tmin: null, tmax: null }]).map(({ ccl }) => ccl),
      [135, 135, 67.5],
    );
  });

  it("a higher register 320 moves the cold table up, the heat stays where it is", () => {
    const at = (celsius: number, r320: number): number | null =>
      lastAnswer([{ ...mild, tmin: celsius, tmax: celsius, config: { r320 } }]).ccl;
    assert.deepEqual([at(5, 0), at(5, 3), at(3, 3), at(42.5, 3), at(42.5, 0)], [67.5, 33.7, 0, 101.2, 101.2]);
    assert.deepEqual([at(10, 10), at(15, 10), at(20, 10)], [0, 67.5, 135], "up to where it is clear of the cold");
  });

  it("tables may be given, as voltages or as distances", () => {
    const at = (config: Line): number | null => lastAnswer([{ cells: cellsAt(3.5), soc: 50, config }]).ccl;
    assert.equal(
      at({
        ccl_cell: [
          [3.4, 1],
          [3.6, 0],
        ],
      }),
      67.5,
    );
    assert.equal(
      at({
        ccl_cell: [
          [-0.15, 1],
          [0.05, 0],
        ],
      }),
      67.5,
    );
    assert.equal(
      lastAnswer([
        {
          ...mild,
          soc: 92.5,
          config: {
            soc_chg: [
              [90, 1],
              [95, 0.5],
            ],
          },
        },
      ]).ccl,
      101.2,
    );
    assert.equal(lastAnswer([{ ...mild, soc: 92.5, config: { soc_taper: true } }]).ccl, 47.2);
    assert.equal(
      lastAnswer([
        {
          ...mild,
          tmin: 20,
          tmax: 20,
          config: {
            t_chg: [
              [10, 0.5],
              [30, 1],
            ],
          },
        },
      ]).ccl,
      101.2,
    );
    assert.equal(
      lastAnswer([
        {
          ...mild,
          tint: 50,
          config: {
            t_int: [
              [40, 1],
              [60, 0],
            ],
          },
        },
      ]).dcl,
      90,
    );
  });

  it("rise only after more than 30 s, 2 % of the largest a second", () => {
    const answers = answersTo([
      { ...mild, previous: { ccl: 100, dcl: 0, cvl: 55.2 } },
      ...new Array<Line>(33).fill(mild),
    ]);
    assert.deepEqual(
      answers.slice(28, 34).map(({ ccl, dcl }) => [ccl, dcl]),
      [
        [100, 0],
        [100, 0],
        [102.7, 3.6],
        [105.4, 7.2],
        [108.1, 10.8],
        [110.8, 14.4],
      ],
    );
  });

  it("a break of the possibility starts the wait anew", () => {
    const cold = { ...mild, tmin: 3 };
    assert.equal(lastAnswer([cold, ...new Array<Line>(30).fill(mild), cold], mild, 30).ccl, 45);
  });

  it("a block at 0 A starts the wait anew", () => {
    const world = worldOf(),
      high = { cells: cellsAt(3350, 3560), line: {} },
      wait = (seconds: number, line: Line): void => {
        for (let i = 0; i < seconds; i++) stepWorld(world, cellsAt(3350), line);
      };
    wait(3, {});
    stepWorld(world, high.cells);
    assert.equal(world.limits.state[memory.ccl], 0);
    wait(20, {});
    assert.equal(world.limits.state[memory.chargeHeld], 20);
    wait(1, { faults: [0x37] });
    assert.equal(world.limits.state[memory.chargeHeld], 0);
    wait(30, {});
    assert.equal(world.limits.state[memory.ccl], 0, "30 s are not more than 30 s");
    wait(1, {});
    assert.ok(world.limits.state[memory.ccl] > 0);
  });

  it("sustain: nothing by voltage, 5 A by SoC; the flag goes at 3.05 V", () => {
    const at = (low: number, susv: number): number | null =>
      lastAnswer([{ cells: cellsAt(3.1, low), soc: 4, previous: { state: "SUSTAIN", susv, dcl: 5 } }]).dcl;
    assert.deepEqual([at(2.95, 0), at(2.96, 0), at(3.04, 1), at(3.05, 1)], [0, 5, 0, 5]);
  });
});

describe("old data and recovery", () => {
  const good = { cells: cellsAt(3.35), soc: 70 };

  it("degraded halves once and goes on by the normal ramp", () => {
    const old = { ...good, age: 8 },
      answers = answersTo([good, old, old, old, ...new Array<Line>(31).fill(good)]);
    assert.deepEqual(
      answers.slice(1, 4).map(({ state, ccl, dcl }) => [state, ccl, dcl]),
      new Array(3).fill(["BULK/DEGRADED", 67.5, 90]),
    );
    assert.deepEqual([answers[33].ccl, answers[34].ccl], [67.5, 70.2]);
    assert.equal(answers[2].reason, "degraded");
  });

  it("degraded from the start, or without all of the last limits: floor and 0 A", () => {
    const old = { ...good, age: 8 };
    assert.deepEqual(without(lastAnswer([old])), { state: "BULK/DEGRADED", cvl: 52.8, ccl: 0, dcl: 0 });
    assert.deepEqual(without(after(old, { cvl: 54, dcl: 50 })), { state: "BULK/DEGRADED", cvl: 54, ccl: 0, dcl: 50 });
    const back = lastAnswer([old, good]);
    assert.deepEqual([back.ccl, back.dcl], [0, 0], "and then the ramp from there");
  });

  it("degraded: a stop by hand and a limit from outside count at once, one that has ended does not", () => {
    const held = (config: Line): Answer =>
      lastAnswer([
        { ...good, previous: { cvl: 55, ccl: 100, dcl: 100 } },
        { ...good, age: 8, config },
      ]);
    assert.deepEqual([held({ inhibit_charge: true }).ccl, held({ inhibit_charge: true }).dcl], [0, 90]);
    assert.deepEqual([held({ inhibit_discharge: true }).ccl, held({ inhibit_discharge: true }).dcl], [67.5, 0]);
    for (const [until_s, limits] of [
      [100, [54000, 20, 90]],
      [1, [55200, 67.5, 90]],
    ] as const) {
      const world = worldOf();
      stepWorld(world, cellsAt(3300));
      narrowLimits(world.limits, 54000, 20, NaN, world.now + until_s * 1000);
      world.snapshot.phase = DEGRADED;
      assert.deepEqual(Array.from(stepWorld(world, cellsAt(3300)).subarray(0, 3)), limits, `${until_s} s`);
    }
  });

  it("degraded: a voltage of 0 from outside is the floor, also while the status is not known", () => {
    for (const line of [{}, { status: null }]) {
      const world = worldOf();
      stepWorld(world, cellsAt(3300));
      narrowLimits(world.limits, 0, NaN, NaN, world.now + 100000);
      world.snapshot.phase = DEGRADED;
      assert.equal(stepWorld(world, cellsAt(3300), line)[memory.cvl], 52800);
    }
  });

  it("degraded: a status that nobody knows stops both, whatever its number", () => {
    for (const status of [1, 0x55, 0x98, 0x9c]) {
      const { ccl, dcl } = lastAnswer([good, { ...good, age: 8, status }]);
      assert.deepEqual([ccl, dcl], [0, 0], `${status}`);
    }
  });

  it("degraded: a wait stands still, and goes on afterwards", () => {
    const old = { ...good, age: 8 },
      answers = answersTo([
        { ...good, previous: { cvl: 55.2, ccl: 50, dcl: 50, ch: 20, dh: 20 } },
        ...[old, old, old],
        ...new Array<Line>(10).fill(good),
      ]);
    assert.deepEqual(
      answers.slice(-2).map(({ ccl, dcl }) => [ccl, dcl]),
      [
        [50, 50],
        [52.7, 53.6],
      ],
    );
  });

  it("ages of 5, 15 and 75 s are still in the phase before", () => {
    assert.deepEqual(
      [5, 15, 75].map((age) => lastAnswer([good, { ...good, age }]).state),
      ["BULK", "BULK/DEGRADED", "LOST"],
    );
  });

  it("lost does not depend on the state; three good snapshots, then the ramps at once from floor and 0 A", () => {
    for (const state of ["BULK", "FLOAT", "SUSTAIN"])
      assert.deepEqual(without(after({ ...good, age: 20 }, { state, cvl: 54, ccl: 30 })), {
        state: "LOST",
        cvl: 52.8,
        ccl: 0,
        dcl: 0,
      });
    const answers = answersTo([good, { ...good, age: 20 }, good, good, good, ...new Array<Line>(20).fill(good)]);
    assert.deepEqual(
      answers.slice(1, 6).map(({ state, ccl, dcl }) => [state, ccl, dcl]),
      [
        ["LOST", 0, 0],
        ["LOST", 0, 0],
        ["LOST", 0, 0],
        ["BULK", 2.7, 3.6],
        ["BULK", 5.4, 7.2],
      ],
    );
    assert.deepEqual([answers[4].cvl, answers[4 + 19].cvl], [52.8, 52.9]);
  });

  it("a hole in the data: 0 A, and the voltage does not rise", () => {
    const holes: Line[] = [
      { current: null },
      { soc: null },
      { status: null },
      { tint: null },
      { cells: [...cellsAt(3.3).slice(1), null] },
    ];
    for (const hole of holes) {
      const answer = lastAnswer([
        { ...good, previous: { cvl: 54, ccl: 50, dcl: 60, ch: 100, dh: 100 } },
        { ...good, ...hole },
      ]);
      assert.deepEqual([answer.cvl, answer.ccl, answer.dcl], [54, 0, 0], JSON.stringify(hole));
    }
  });
});

describe("limits from outside", () => {
  it("a current below 0 is 0, and a small one stays what it is", () => {
    const world = worldOf();
    narrowLimits(world.limits, NaN, -5, 0.5, 1e6);
    const s = stepWorld(world, cellsAt(3300));
    assert.deepEqual([s[memory.externalCcl], s[memory.externalDcl], s[memory.ccl], s[memory.dcl]], [0, 0.5, 0, 0.5]);
  });

  it("narrow at once, never widen, end by themselves by the ramp", () => {
    const world = worldOf(),
      line = { soc: 50 };
    stepWorld(world, cellsAt(3300), line);
    narrowLimits(world.limits, 54000, 20, 0, world.now + 10000);
    const s = stepWorld(world, cellsAt(3300), line);
    assert.deepEqual(Array.from(s.subarray(0, 3)), [54000, 20, 0]);
    assert.equal(reasons[world.limits.reason], "external");
    assert.equal(s[memory.blocks] & 5, 0, "0 A from outside is no block");
    for (let i = 0; i < 9; i++) stepWorld(world, cellsAt(3300), line);
    assert.ok(Math.abs(s[memory.cvl] - 54005) < 1e-6 && s[memory.ccl] === 20, "after 10 s it has ended");
    for (let i = 0; i < 40; i++) stepWorld(world, cellsAt(3300), line);
    assert.ok(s[memory.ccl] > 20 && s[memory.ccl] < 60 && s[memory.dcl] > 0);
    narrowLimits(world.limits, 99000, 500, 500, world.now + 10000);
    for (let i = 0; i < 200; i++) stepWorld(world, cellsAt(3300), line);
    assert.ok(s[memory.cvl] <= 55200 && s[memory.ccl] <= 135 && s[memory.dcl] <= 180);
  });

  it("end each by itself: a later one leaves alone what it does not name", () => {
    const world = worldOf(),
      line = { soc: 50 };
    stepWorld(world, cellsAt(3300), line);
    narrowLimits(world.limits, NaN, 0, NaN, world.now + 100000);
    narrowLimits(world.limits, NaN, NaN, 100, world.now + 10000);
    const s = stepWorld(world, cellsAt(3300), line);
    assert.deepEqual(Array.from(s.subarray(1, 3)), [0, 100]);
    for (let i = 0; i < 95; i++) {
      stepWorld(world, cellsAt(3300), line);
      assert.equal(s[memory.ccl], 0);
    }
    assert.ok(s[memory.dcl] > 100, "that of 10 s has ended");
    for (let i = 0; i < 60; i++) stepWorld(world, cellsAt(3300), line);
    assert.ok(s[memory.ccl] > 0, "and that of 100 s");
    assert.ok(Number.isNaN(s[memory.externalUntil]));
  });

  it("do not go below the floor", () => {
    const world = worldOf();
    narrowLimits(world.limits, 30000, NaN, NaN, 1e6);
    stepWorld(world, cellsAt(3300));
    assert.deepEqual(Array.from(world.limits.state.subarray(0, 3)), [52800, 135, 180]);
  });
});

describe("rules at start", () => {
  const rows: [string, Line, number, string][] = [
    ["BulkVoltage", { r300: 3.52 }, 2, "55.1 27 180"],
    ["FullVoltage", { r315: 3.59 }, 2, "55.2 27 180"],
    ["EmptyVoltage", { r316: 2.86 }, 2, "55.2 27 180"],
    ["HeatCutoff", { r319: 56 }, 1, "55.2 27 180"],
    ["Restart", { r329: 0 }, 1, "55.2 27 180"],
    ["Restart", { r321: 90 }, 1, "55.2 27 180"],
    ["Balancing", { r303: 3.4 }, 1, "55.2 27 180"],
    ["ColdCutoff ColdShift", { r320: 11 }, 1, "55.2 27 180"],
    ["ColdShift", { r320: 1 }, 0, "55.2 135 180"],
    ["Chemistry BulkVoltage FullVoltage", { r300: 4.2 }, 3, "null null null"],
    ["Chemistry Rebulk", { v_bulk: 3.2 }, 3, "null null null"],
    ["Rebulk", { v_rebulk: 2.89 }, 3, "null null null"],
    ["Rebulk", { v_rebulk: 0.001 }, 3, "null null null"],
  ];
  for (const [codes, config, severity, limits] of rows) {
    it(`${codes}: ${JSON.stringify(config)}`, () => {
      const line = { cells: cellsAt(3.3), soc: 50, config },
        { answer, session } = answered(sessionOf(), line);
      const broken = brokenRules(session.limits.settings[setting.brokenRules]);
      assert.deepEqual(
        broken.map((rule) => rule["code"]),
        codes.split(" ").filter((code) => !(code === "BulkVoltage" && config["r300"] === 4.2)),
      );
      assert.equal(Math.max(...broken.map((rule) => rule["severity"] as number)), severity);
      assert.equal(`${answer.cvl} ${answer.ccl} ${answer.dcl}`, limits);
      assert.equal(answer.reason, severity ? "config" : "bms_max");
      assert.equal(session.limits.valid, severity < 3);
      assert.equal(session.limits.settings[setting.severity], Math.min(severity, 2), "what the alarms are told");
    });
  }

  it("a battery whose settings are put right charges again, by the ramp", () => {
    const world = worldOf(16, { r329: 0 }),
      v = world.snapshot.values;
    const s = stepWorld(world, cellsAt(3300));
    assert.equal(s[memory.ccl], 27);
    v[valueSlot.optionFlags] = 4;
    world.snapshot.settingsAt = 60000;
    for (let i = 0; i < 40; i++) stepWorld(world, cellsAt(3300));
    assert.ok(s[memory.ccl] > 27 && s[memory.ccl] < 60);
  });

  it("every setting comes to its own slot", () => {
    const limits = limitsOf(),
      battery = defaultsOf("battery");
    takeSettings(limits, { ...battery, chemistry: "lfp" }, defaultsOf("can/limits"));
    const set = limits.settings,
      slots: Record<string, [number, number]> = {
        v_offset: [setting.vOffset, 1000],
        head: [setting.head, 1],
        guard: [setting.guard, 1000],
        db: [setting.db, 1000],
        hard: [setting.hard, 1000],
        ki: [setting.ki, 1],
        integ_max: [setting.integMax, 1000],
        tau: [setting.tau, 1],
        cvl_up_hold: [setting.cvlUpHold, 1],
        cvl_up_rate: [setting.cvlUpRate, 1000],
        float_rate: [setting.floatRate, 1000 / 60],
        abs_min: [setting.absMin, 1],
        abs_max: [setting.absMax, 1],
        tail_spread: [setting.tailSpread, 1000],
        hold_in: [setting.holdIn, 1000],
        hold_out: [setting.holdOut, 1000],
        hold_max: [setting.holdMax, 1],
        i_hold: [setting.iHold, 1],
        rebulk_soc: [setting.rebulkSoc, 1],
        rebulk_days: [setting.rebulkDays, 1],
        sustain_soc: [setting.sustainSoc, 1],
        sustain_exit_soc: [setting.sustainExitSoc, 1],
        sus_dcl: [setting.susDcl, 1],
        sus_ccl: [setting.susCcl, 1],
        rec_hold: [setting.recHold, 1],
        rec_rate: [setting.recRate, 0.01],
        rec_thr: [setting.recThreshold, 0.01],
      };
    for (const [key, [slot, per]] of Object.entries(slots))
      assert.ok(Math.abs(set[slot] - (battery[key] as number) * per) < 1e-9, key);
    assert.deepEqual(
      Object.keys(battery)
        .filter((key) => !(key in slots))
        .toSorted(),
      [
        "chemistry",
        "inhibit_charge",
        "inhibit_discharge",
        "soc_sync",
        "soc_taper",
        "tail_v",
        "v_bulk",
        "v_float",
        "v_rebulk",
      ],
    );
    assert.deepEqual(
      [
        setting.vBulk,
        setting.vFloat,
        setting.vRebulk,
        setting.tailV,
        setting.tailDrop,
        setting.mppt,
        setting.cclMax,
        setting.dclMax,
      ].map((slot) => set[slot]),
      [3450, 3375, 3300, 3370, 280, 25, 140, 180],
    );
  });

  it("a float voltage above that of bulk is that of bulk", () => {
    assert.equal(
      after(
        { cells: cellsAt(3.3), soc: 99, config: { v_float: 3.6, db: 0.05 } },
        { state: "FLOAT", t: 5000, cvl: 55.2, pf: 60 },
      ).cvl,
      55.2,
    );
  });

  it("nmc has its own voltages", () => {
    const config = { chemistry: "nmc", r300: 4.2, r301: 3, r315: 4.25, r316: 2.9 };
    assert.equal(lastAnswer([{ cells: cellsAt(3.7), soc: 50, config }]).cvl, 65.6);
    assert.equal(lastAnswer([{ cells: cellsAt(3.7), soc: 50, age: 20, config }]).cvl, 61.6);
  });

  it("an offset for the cable counts in bulk and float, up to the ceiling", () => {
    assert.equal(lastAnswer([{ cells: cellsAt(3.3), soc: 50, config: { v_offset: 0.1 } }]).cvl, 55.3);
    assert.equal(
      lastAnswer([{ cells: cellsAt(3.3), soc: 50, config: { v_offset: 0.3 } }]).cvl,
      55.3,
      "cells stay below their limit: 16 x 3.46 V",
    );
    assert.equal(
      after({ cells: cellsAt(3.375), soc: 99, config: { v_offset: 0.3 } }, { state: "FLOAT", t: 5000, cvl: 54.3 }).cvl,
      54.3,
    );
    assert.equal(
      lastAnswer([{ cells: cellsAt(3.3), soc: 50, config: { v_offset: 0.3, guard: 0.17, r300: 3.55 } }]).cvl,
      55.2,
    );
  });
});

describe("SoC synchronisation", () => {
  const line = { cells: cellsAt(3.45), soc: 98, days: 15 },
    previous = { state: "ABS", t: 100, cvl: 55.2, ccl: 100, dcl: 180 };
  const first = (extra: Line, config: Line): Line => ({
    ...line,
    ...extra,
    config: { soc_sync: true, ...config },
    previous,
  });

  it("raises the target and caps the current, only in absorption, with two ports, after 14 days", () => {
    const on = lastAnswer([first({}, {})], line, 200);
    assert.deepEqual([on.cvl, on.ccl], [56.2, 14]);
    for (const off of [first({ days: 13 }, {}), first({}, { r340: 1 }), first({}, { soc_sync: false })]) {
      const { config: _c, previous: _p, ...next } = off;
      assert.ok(lastAnswer([off], next, 50).cvl! <= 55.2, JSON.stringify(off));
    }
  });

  it("waits for absorption: bulk does not use it up", () => {
    const bulk = { ...line, cells: cellsAt(3.3) },
      { previous: _p, ...begin } = first({ cells: bulk.cells }, {});
    const answers = answersTo([begin, ...new Array<Line>(20).fill(bulk), ...new Array<Line>(215).fill(line)]);
    assert.deepEqual([answers[20].state, answers[20].cvl, answers.at(-1)!.state], ["BULK", 55.2, "ABS"]);
    assert.ok(answers.at(-1)!.cvl! > 55.5 && answers.at(-1)!.ccl === 14, JSON.stringify(answers.at(-1)));
  });

  it("ends with the BMS full, at register 300 + 15 mV, or after 2 h", () => {
    const ends: [string, Line, number][] = [
      ["FLOAT", { ...line, status: 0x92 }, 1],
      ["ABS", { ...line, cells: cellsAt(3.5, 3.565) }, 1],
      ["FLOAT", line, 7101],
    ];
    for (const [state, last, count] of ends) {
      const answers = answersTo([
        first({}, {}),
        ...new Array<Line>(100).fill(line),
        ...new Array<Line>(count).fill(last),
      ]);
      assert.equal(answers[100].cvl, 55.7);
      assert.equal(answers.at(-1)!.state, state);
      assert.ok(answers.at(-1)!.cvl! <= 55.3, `${state} ${answers.at(-1)!.cvl}`);
    }
  });
});

describe("reasons", () => {
  it("the history keeps the last changes with their time, and no more", () => {
    const world = worldOf(),
      { limits } = world;
    for (let i = 0; i < 25; i++) stepWorld(world, cellsAt(3300), { tmin: i % 2 ? 3 : 20 }, 30);
    assert.equal(limits.state[memory.changes], 25);
    assert.equal(limits.history.length, HISTORY);
    const newest = limits.history[24 % HISTORY];
    const [cvl, ccl, dcl] = limits.state.subarray(memory.cvlReason, memory.dclReason + 1);
    assert.deepEqual(
      [Math.floor(newest / 32768), newest % 32768],
      [Math.floor(world.now / 60000), cvl * 1024 + ccl * 32 + dcl],
    );
    const minutes = Array.from({ length: HISTORY }, (_, slot) =>
      Math.floor((31 + 30 * (slot < 5 ? slot + 20 : slot)) / 60),
    );
    assert.deepEqual(
      Array.from(limits.history, (entry) => Math.floor(entry / 32768)),
      minutes,
      "the oldest are overwritten first",
    );
    for (let i = 0; i < 5; i++) stepWorld(world, cellsAt(3300), { tmin: 20 });
    assert.ok(limits.state[memory.changes] <= 26, "no entry without a change");
  });

  it("a block that holds the voltage where float has it is the reason", () => {
    const world = worldOf(),
      { state } = world.limits;
    stepWorld(world, cellsAt(3380));
    state[memory.state] = memory.FLOAT;
    state[memory.cvl] = world.limits.settings[setting.float];
    stepWorld(world, cellsAt(3380), { faults: ["0x37"] });
    assert.equal(state[memory.cvl], 54000);
    assert.equal(reasons[state[memory.cvlReason]], "charge_blocked");
  });

  it("as JSON: the state, and of each limit reason and target", () => {
    setImageText(bakeText());
    const world = worldOf();
    stepWorld(world, cellsAt(3300), { tmin: 3, tmax: 20 });
    assert.deepEqual(JSON.parse(`{${whyText(world.limits)}}`), {
      ...{ state: "BULK", cvl_reason: "fresh", cvl_code: 1, cvl_target: 55.2 },
      ...{ ccl_reason: "cold", ccl_code: 6, ccl_target: 45 },
      ...{ dcl_reason: "cold", dcl_code: 6, dcl_target: 158.4 },
    });
  });

  it("of the limits together: the most severe, current before voltage", () => {
    const reason = (line: Line): string => lastAnswer([{ cells: cellsAt(3.3), soc: 50, ...line }]).reason;
    assert.equal(reason({}), "bms_max");
    assert.equal(reason({ config: { I_chg_user: 100 } }), "user");
    assert.equal(reason({ cells: cellsAt(3.4, 3.5) }), "cell_high");
    assert.equal(reason({ cells: cellsAt(3.2, 2.96) }), "cell_low");
    assert.equal(reason({ tmin: 3 }), "cold");
    assert.equal(reason({ tmax: 47 }), "hot");
    assert.equal(reason({ tint: 76 }), "internal_hot");
    assert.equal(reason({ cells: cellsAt(3.4, 3.5), previous: { state: "IMB_HOLD" } }), "imbalance_hold");
    assert.equal(reason({ soc: 4, previous: { state: "SUSTAIN" } }), "sustain");
    assert.equal(reason({ previous: { ccl: 10 } }), "recovering");
    assert.equal(reason({ faults: [3] }), "charge_blocked");
    assert.equal(reason({ faults: ["0x31"] }), "discharge_blocked");
    assert.equal(reason({ age: 8 }), "degraded");
    assert.equal(reason({ age: 16 }), "lost");
    assert.equal(reason({ age: 76 }), "silent");
  });
});
