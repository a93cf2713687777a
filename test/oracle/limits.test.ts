// The judge of 0x351 with a battery and frames that are written down: what steps of a second make of a ramp, and what a
// block holds.
import assert from "node:assert/strict";
import type { Faults } from "./faults";
import type { Cells, Fast, Known } from "./known";
import { judgeLimits, type LimitsJudge } from "./limits";
import type { Phases } from "./phases";
import { planOf } from "./spec";
import type { Tri } from "./truth";

const N = 16,
  CVL = 55.2,
  FLOOR = 52.8,
  DCL = 180,
  LOW = 46.4;
const LOW_TEMP = 0x37,
  SUSTAIN_DCL = 5;
/** The charge current's largest, its half, and its step a second. */
const MOST = 135,
  HALF = 67.5,
  STEP = 2.7;
const plan = planOf({
  ...{ 300: 3550, 301: 2900, 303: 3350, 306: 28000, 307: N, 315: 3650, 316: 2800, 317: 200, 318: 150 },
  ...{ 319: 60, 320: 0, 321: 85, 329: 4, 340: 0 },
});

type Phase = "normal" | "degraded" | "lost";

interface Bench {
  /** Cells all of this voltage from now on. */
  cells(volts: number): void;
  soc(percent: number): void;
  /** From now on what is read came in replies that may not have been taken. */
  unsure(): void;
  phase(name: Phase): void;
  /** Is warning 0x37 active? */
  warning(is: Tri): void;
  /** A second passes, at its end a frame says these limits. */
  second(ccl: number, dcl?: number, cvl?: number): void;
  wrong: string[];
}

function bench(): Bench {
  let now = 0,
    volts = 3.3,
    soc = 50,
    name: Phase = "normal",
    isCold: Tri = "no",
    isSure = true;
  const wrong: string[] = [],
    fast: Fast[] = [],
    cells: Cells[] = [];
  const known: Known = {
    ...{ fast, cells, settingsAt: 0, settingsSureAt: 0, detected: N, askAgainAt: NaN, onFast: [], onCells: [] },
    plans: () => ({ must: [plan], may: [plan] }),
  };
  const faults: Faults = { ids: () => [LOW_TEMP], is: () => isCold, unexplained: "no" } as unknown as Faults,
    off = { boot: false, normal: false, degraded: false, lost: false, silent: false };
  const phases = (): Phases => ({ ...off, [name]: true, overdue: false, isFailing: false, least: 0, most: 0 });
  const judge: LimitsJudge = judgeLimits({
    ...{ known, faults, phases },
    wrong: (what, _section, expected, seen) => wrong.push(`${now / 1000} s ${what}: ${seen}, ${expected}`),
  });
  const read = (): void => {
    const same = { at: now, isSure, isPlausible: true },
      place = isSure ? 0 : 1;
    fast[place] = {
      ...{ ...same, vMax: volts, vMin: volts, pack: N * volts, current: 0, t1: 20, t2: 20, internal: 25 },
      ...{ soc, status: 0x97 },
    };
    cells[place] = {
      ...{ ...same, volts: Array.from({ length: N }, () => volts), sum: N * volts, highest: volts, lowest: volts },
    };
  };
  return {
    wrong,
    cells: (all) => (volts = all),
    soc: (percent) => (soc = percent),
    unsure: () => (isSure = false),
    phase: (next) => (name = next),
    warning: (is) => (isCold = is),
    second(ccl, dcl = DCL, cvl = CVL) {
      for (let i = 0; i < 10; i++) {
        now += 100;
        if (i === 7) read(); // the reply comes shortly before the step that sees it
        judge.tick(now);
      }
      judge.judge({ at: now, cvl, ccl, dcl, low: LOW });
    },
  };
}

/** What a device says: in tenths, rounded down. */
const shown = (amperes: number): number => Math.floor(amperes * 10 + 1e-6) / 10;

/** The cells were high for a while; 30 s after they are not, the ramp rises by its steps up to `most`. */
function ramp(own: Bench, low: number, most: number): void {
  for (let i = 0; i < 5; i++) own.second(MOST);
  own.cells(3.54);
  for (let i = 0; i < 5; i++) own.second(3.3);
  own.cells(low);
  for (let i = 0; i < 30; i++) own.second(3.3);
  for (let amperes = 3.375 + STEP; amperes < most; amperes += STEP) own.second(shown(amperes));
}

describe("oracle: steps of a ramp", () => {
  it("a target that a ramp has nearly reached and that rises then: the next step is a whole one", () => {
    const own = bench(),
      target = 47.25;
    ramp(own, 3.49, target);
    const last = 3.375 + STEP * Math.floor((target - 3.375) / STEP);
    own.cells(3.371);
    own.second(shown(last + STEP));
    assert.deepEqual(own.wrong, []);
    own.second(shown(last + 4 * STEP));
    assert.match(own.wrong.join("\n"), /CCL too high/, "but not three");
  });

  for (const [name, seconds, isRight] of [
    ["a target that was reached less than a step before the data grew old: the wait is not begun anew", 0, true],
    ["one that was reached long before: it is", 4, false],
  ] as const)
    it(name, () => {
      const own = bench();
      ramp(own, 3.3, MOST);
      for (let i = 0; i <= seconds; i++) own.second(MOST);
      own.phase("degraded");
      own.second(HALF, DCL / 2);
      own.phase("normal");
      own.second(shown(HALF + STEP), DCL / 2);
      if (isRight) assert.deepEqual(own.wrong, []);
      else assert.match(own.wrong.join("\n"), /CCL too high/);
    });
});

// Found by story 500023 of cells: a cold battery whose events were not answered for a while.
describe("oracle: the voltage that a block holds", () => {
  const STEP_DCL = 3.6,
    RATE = 0.005;
  /** Seconds since the loss ended. */
  let since = 0;
  const dcl = (): number => shown(Math.min(DCL, STEP_DCL * since));
  const rise = (own: Bench): void => {
    since++;
    own.second(shown(Math.min(MOST, STEP * since)), dcl(), shown(FLOOR + RATE * since));
  };
  const held = (own: Bench, cvl: number): void => {
    since++;
    own.second(0, dcl(), cvl);
  };

  /** The way back from a loss with cells of 3.4 V: after 40 s a block is possible, and 22 s later there is one. */
  function blocked(): Bench {
    const own = bench();
    own.cells(3.4);
    own.phase("lost");
    for (let i = 0; i < 5; i++) own.second(0, 0, FLOOR);
    own.phase("normal");
    since = 0;
    while (since < 40) rise(own);
    own.warning("maybe");
    while (since < 62) rise(own);
    own.warning("yes");
    return own;
  }
  const HELD = 53.1,
    WHEN_POSSIBLE = 53;

  it("is that of its own beginning, also where one was possible before", () => {
    const own = blocked();
    for (let i = 0; i < 10; i++) held(own, HELD);
    assert.deepEqual(own.wrong, []);
  });

  it("may be that of the moment from which it was possible, for the device may have known of it", () => {
    const own = blocked();
    for (let i = 0; i < 10; i++) held(own, WHEN_POSSIBLE);
    assert.deepEqual(own.wrong, []);
  });

  it("and none above", () => {
    const own = blocked();
    for (let i = 0; i < 10; i++) held(own, HELD + 0.2);
    assert.match(own.wrong.join("\n"), /CVL too high/);
  });
});

// Found by story 600006 of line: for 13 s every reply was late, and the cells fell to 2.92 V meanwhile.
describe("oracle: cells in replies that may not have been taken", () => {
  for (const [name, isUnsure] of [
    ["need not be known when no other ones are fresh", true],
    ["but those of a clean reply must be", false],
  ] as const)
    it(name, () => {
      const own = bench();
      for (let i = 0; i < 3; i++) own.second(MOST);
      if (isUnsure) own.unsure();
      own.cells(2.92);
      for (let i = 0; i < 5; i++) own.second(MOST, isUnsure ? DCL : 14.4);
      own.phase("degraded");
      for (let i = 0; i < 8; i++) own.second(HALF, DCL / 2);
      if (isUnsure) assert.deepEqual(own.wrong, []);
      else assert.match(own.wrong.join("\n"), /DCL too high/);
    });

  it("nor end what is left in sustain", () => {
    for (const isUnsure of [true, false]) {
      const own = bench();
      own.soc(2);
      for (let i = 0; i < 31; i++) own.second(MOST);
      for (let i = 0; i < 4; i++) own.second(MOST, SUSTAIN_DCL);
      if (isUnsure) own.unsure();
      own.cells(2.95);
      for (let i = 0; i < 4; i++) own.second(isUnsure ? MOST : 28, SUSTAIN_DCL);
      if (isUnsure) assert.deepEqual(own.wrong, []);
      else assert.match(own.wrong.join("\n"), /DCL too high/);
    }
  });
});
