// The judge of 0x35A: for each pair of bits whether it must say active, must say "all is well", or may say either.
// Fields, thresholds, debounce and clear times: README 11; phases: README 4.
import type { Faults } from "./faults";
import type { Known } from "./known";
import type { Phases } from "./phases";
import { FAULT, lookUp, temperaturesOf, type Plan, type Reading } from "./spec";
import type { Line } from "./line";
import { allOf, anyOf, ask, hold, newHeld, type Held, type Tri } from "./truth";

/** What a condition is asked about: one reading under one plan. */
interface Case {
  reading: Reading;
  plan: Plan;
}

interface Way {
  set: Tri;
  debounce: number;
}

interface Level {
  ways: Way[];
  clear: Tri;
  hold: number;
}

interface Row {
  name: string;
  alarm: Level;
  warning: Level | null;
}

interface Active {
  ways: Held[];
  clear: Held;
  must: boolean;
  may: boolean;
}

export interface AlarmsInputs {
  known: Known;
  faults: Faults;
  line: Line;
  phases(): Phases;
  wrong(what: string, section: string, expected: string, seen: string): void;
}

export interface AlarmsJudge {
  tick(now: number): void;
  judge(at: number, data: number[]): void;
  describe(): string;
}

/** Fields by their place: bits 2k and 2k+1 of the alarms, the same of the warnings four bytes later (README 11). */
const FIELDS = [
  "general",
  "high voltage",
  "low voltage",
  "high temperature",
  "low temperature",
  "high temperature, charge",
  "low temperature, charge",
  "high discharge current",
  "high charge current",
  "contactor",
  "short circuit",
  "BMS internal",
  "cell imbalance",
];
const BYTES = 8,
  WARNING_BYTE = 4,
  LOST_FRAME = "0000400000004000";
/**
 * From the battery to the frame, s: the cells each second, the step, a frame that lost its arbitration and waits for
 * the next second. A timer may end so much early: its first step counts whole, and a reply earlier told the condition.
 */
const LATE_S = 3.2,
  EARLY_S = 2.2;
/** Old readings say nothing about now, ms. */
const STALE_MS = 3000;
/** What binary fractions of volts may differ by. */
const E = 1e-9;
const isAtLeast = (volts: number, bound: number): boolean => volts >= bound - E,
  isAtMost = (volts: number, bound: number): boolean => volts <= bound + E;
const INTERNAL = 11,
  EARLY_START_S = 3,
  PAIRED_S = 3,
  /** The rate of 60 s is looked at each 10 s and stands until it is taken again. */
  RATES_MS = 132000;

function newActive(): Active {
  return { ways: [], clear: newHeld(), must: false, may: false };
}

/** `above`: the alarm over a warning; the warning comes with it and clears after it (README 11). */
function stepActive(active: Active, level: Level, dt: number, above?: Active): void {
  level.ways.forEach(({ set, debounce }, i) => {
    const held = (active.ways[i] ??= newHeld());
    hold(held, set, dt);
    if (held.perhaps > 0 && held.perhaps > debounce - EARLY_S) active.may = true;
    if (held.sure > debounce + LATE_S) active.must = true;
  });
  hold(active.clear, level.clear, dt);
  if (above?.may) {
    active.may = true;
    active.clear.sure = 0;
  }
  const isSet = level.ways.map(({ set }) => set);
  if (active.clear.perhaps > level.hold - EARLY_S) active.must = false;
  if (active.clear.sure > level.hold + LATE_S && !isSet.includes("yes") && !isSet.includes("maybe")) active.may = false;
  if (active.must) active.may = true;
}

export function judgeAlarms({ known, faults, line, phases, wrong }: AlarmsInputs): AlarmsJudge {
  const actives = FIELDS.map(() => ({ alarm: newActive(), warning: newActive() }));
  let last = NaN,
    shown: Row[] = [],
    spoiledFor = 0,
    waited = 0,
    isStarting = true,
    mismatchFor = 0;

  function rows(now: number, dt: number, cases: Case[], p: Phases): Row[] {
    const is = (condition: (reading: Reading, plan: Plan) => boolean): Tri =>
      ask(cases, ({ reading, plan }) => condition(reading, plan));
    const events = (...ids: number[]): Tri => anyOf(...ids.map((id) => faults.is(id)));
    const noEvent = (...ids: number[]): Tri => {
      const any = events(...ids);
      return any === "yes" ? "no" : any === "no" ? "yes" : "maybe";
    };
    const hottest = (reading: Reading): number => temperaturesOf(reading).hottest,
      coldest = (reading: Reading): number => temperaturesOf(reading).coldest;
    const coldLimit = (plan: Plan): number => Math.max(plan.cold, 0);
    const level = (ways: [Tri, number][], clear: Tri, seconds: number): Level => ({
      ways: ways.map(([set, debounce]) => ({ set, debounce })),
      clear,
      hold: seconds,
    });
    const surePhase = (name: "normal" | "degraded" | "lost"): Tri => {
      const possible = (["boot", "normal", "degraded", "lost", "silent"] as const).filter((phase) => p[phase]);
      return !p[name] ? "no" : possible.length === 1 ? "yes" : "maybe";
    };
    const spoiled: Tri = spoiledFor > 0 ? "maybe" : "no",
      off = anyOf(faults.unexplained, p.silent ? "maybe" : "no");
    // A block may have been dropped, so that the one before it counts on (README 1.2).
    const blocks = known.cells.filter(({ isPlausible }) => isPlausible);
    const mismatch = ask(
      cases.flatMap(({ reading: { pack } }) => blocks.map(({ sum }) => ({ sum, pack }))),
      ({ sum, pack }) => Math.abs(sum - pack) > 0.01 * pack,
    );
    // A block and a pack voltage of different moments differ after a step of the load.
    mismatchFor = mismatch === "yes" ? mismatchFor + dt : 0;
    const isNearMismatch: Tri =
      known.cells.some(({ isPlausible }) => !isPlausible) || (mismatch === "yes" && mismatchFor < PAIRED_S)
        ? "maybe"
        : mismatch;
    const rule = (condition: (plan: Plan) => boolean): Tri => ask(known.plans(now).may, condition);
    const count: Tri = isNaN(known.detected) ? "maybe" : rule((plan) => plan.n !== known.detected);
    // Nobody looks while the work of each second fails: what came may have gone unseen (README 4.3).
    const seen = (...parts: Tri[]): Tri => {
      const any = anyOf(...parts);
      return p.isFailing && any === "yes" ? "maybe" : any;
    };
    const internalAlarm = anyOf(
      surePhase("lost"),
      seen(
        events(0x0b, 0x0c, 0x0d, 0x0e, 0x0f),
        off,
        count,
        rule((plan) => plan.voltageRuleFails || plan.isInvalid),
      ),
    );
    const internalWarning = anyOf(
      surePhase("degraded"),
      spoiled,
      events(0x38, 0x39) === "no" ? "no" : "maybe",
      seen(
        is(({ t1, t2 }) => isNaN(t1) && isNaN(t2)),
        count,
        rule((plan) => plan.otherRuleFails),
      ),
    );
    const not = (tri: Tri): Tri => (tri === "yes" ? "no" : tri === "no" ? "yes" : "maybe");
    const none: Row = { name: "", alarm: level([], "yes", 0), warning: null };
    return [
      none,
      {
        name: "high voltage",
        alarm: level(
          [
            [events(0x03), 0],
            [is(({ vMax }, { over }) => isAtLeast(vMax, over)), 1],
          ],
          allOf(
            is(({ vMax }, { over }) => isAtMost(vMax, over - 0.1)),
            noEvent(0x03),
          ),
          10,
        ),
        warning: level(
          [[is(({ vMax }, { over }) => isAtLeast(vMax, over - 0.05)), 3]],
          is(({ vMax }, { over }) => isAtMost(vMax, over - 0.08)),
          10,
        ),
      },
      {
        name: "low voltage",
        alarm: level(
          [
            [events(0x02, 0x31), 0],
            [is(({ vMin }, { empty }) => isAtMost(vMin, empty)), 3],
          ],
          allOf(
            is(({ vMin }, { empty }) => isAtLeast(vMin, empty + 0.15)),
            noEvent(0x02, 0x31),
          ),
          60,
        ),
        warning: level(
          [[is(({ vMin }, { empty }) => isAtMost(vMin, empty + 0.1)), 10]],
          is(({ vMin }, { empty }) => isAtLeast(vMin, empty + 0.2)),
          30,
        ),
      },
      {
        name: "high temperature",
        alarm: level(
          [
            [events(0x04), 0],
            [is((reading, { hot }) => hottest(reading) >= hot || reading.internal >= 90), 3],
          ],
          allOf(
            is((reading, { hot }) => hottest(reading) <= hot - 5 && reading.internal <= 85),
            noEvent(0x04),
          ),
          30,
        ),
        warning: level(
          [[is((reading, { hot }) => hottest(reading) >= hot - 5 || reading.internal >= 75), 10]],
          is((reading, { hot }) => hottest(reading) <= hot - 8 && reading.internal <= 70),
          30,
        ),
      },
      {
        name: "low temperature",
        alarm: level(
          [
            [events(0x0a), 0],
            [is((reading) => coldest(reading) <= -20), 10],
          ],
          allOf(
            is((reading) => coldest(reading) >= -17),
            noEvent(0x0a),
          ),
          60,
        ),
        warning: level(
          [[is((reading) => coldest(reading) <= -10), 10]],
          is((reading) => coldest(reading) >= -7),
          60,
        ),
      },
      {
        name: "high temperature, charge",
        alarm: level(
          [[is((reading) => hottest(reading) >= 55), 3]],
          is((reading) => hottest(reading) <= 52),
          60,
        ),
        warning: level(
          [[is((reading) => hottest(reading) >= 45), 10]],
          is((reading) => hottest(reading) <= 43),
          60,
        ),
      },
      {
        name: "low temperature, charge",
        alarm: level(
          [
            [events(0x37), 0],
            [
              is(
                (reading, plan) =>
                  (coldest(reading) <= coldLimit(plan) && reading.current > 0.5) ||
                  (lookUp(plan.chargeTemperature, coldest(reading)) <= 0 && coldest(reading) < 25),
              ),
              3,
            ],
          ],
          allOf(
            is((reading, plan) => coldest(reading) >= coldLimit(plan) + 2),
            noEvent(0x37),
          ),
          60,
        ),
        warning: level(
          [[is((reading, plan) => coldest(reading) <= coldLimit(plan) + 5), 10]],
          is((reading, plan) => coldest(reading) >= coldLimit(plan) + 7),
          60,
        ),
      },
      {
        name: "high discharge current",
        alarm: level(
          [[events(0x05), 0]],
          allOf(
            noEvent(0x05),
            is(({ current }, { settings }) => Math.abs(current) < 0.8 * settings[317]),
          ),
          10,
        ),
        warning: level(
          [[is(({ current }, { settings }) => -current >= 0.95 * settings[317]), 5]],
          is(({ current }, { settings }) => -current <= 0.85 * settings[317]),
          10,
        ),
      },
      {
        name: "high charge current",
        alarm: level(
          [[events(0x06, 0x07), 0]],
          allOf(
            noEvent(0x06, 0x07),
            is(({ current }, { settings }) => current < 0.8 * settings[318]),
          ),
          10,
        ),
        warning: level(
          [[is(({ current }, { settings }) => current >= 0.95 * settings[318]), 5]],
          is(({ current }, { settings }) => current <= 0.85 * settings[318]),
          10,
        ),
      },
      { name: "contactor", alarm: level([[events(0x0b, 0x0c, 0x0d), 0]], noEvent(0x0b, 0x0c, 0x0d), 0), warning: null },
      none,
      {
        name: "BMS internal",
        alarm: level(
          [
            [internalAlarm, 0],
            [isNearMismatch, 10],
          ],
          allOf(not(internalAlarm), not(isNearMismatch)),
          30,
        ),
        warning: level([[internalWarning, 0]], not(internalWarning), 60),
      },
      {
        name: "cell imbalance",
        alarm: level(
          [[is(({ vMax, vMin }) => isAtLeast(vMax - vMin, 0.3)), 30]],
          is(({ vMax, vMin }) => isAtMost(vMax - vMin, 0.24)),
          60,
        ),
        warning: level(
          [[is(({ vMax, vMin }) => isAtLeast(vMax - vMin, 0.16)), 60]],
          is(({ vMax, vMin }) => isAtMost(vMax - vMin, 0.12)),
          60,
        ),
      },
    ];
  }

  /** Readings that are of now; one that is not plausible or not sure makes everything perhaps. */
  function casesOf(now: number): Case[] {
    const fast = known.fast.filter(({ at, isPlausible }) => isPlausible && now - at < STALE_MS),
      cells = known.cells.filter(({ at }) => now - at < STALE_MS),
      { may } = known.plans(now);
    if (fast.length < known.fast.length) return [];
    const isBlockGood = cells.length > 0 && cells.every(({ isPlausible }) => isPlausible);
    return fast.flatMap((one) =>
      (isBlockGood ? cells : [null]).flatMap((block) =>
        may.map((plan) => ({
          plan,
          reading: block
            ? { ...one, vMax: Math.max(one.vMax, block.highest), vMin: Math.min(one.vMin, block.lowest) }
            : one,
        })),
      ),
    );
  }

  function tick(now: number): void {
    const dt = isNaN(last) ? 0 : (now - last) / 1000;
    last = now;
    spoiledFor = now - line.damagedAt < RATES_MS ? spoiledFor + dt + 1e-6 : 0;
    if (known.plans(now).may.length === 0 || known.fast.length === 0) {
      // A start without settings: alarms may count from the measurements already.
      waited += dt;
      // A fault is without a cause that is known until the events were read (README 7).
      if (known.fast.some(({ status }) => status === FAULT)) actives[INTERNAL].alarm.may = true;
      if (waited > EARLY_START_S) actives.forEach(({ alarm, warning }) => (alarm.may = warning.may = true));
      return;
    }
    const { boot, normal, degraded, lost, silent } = phases();
    isStarting = boot;
    // What a device that has no snapshot takes of the rest for its alarms is not said.
    const isSettled = normal && !boot && !degraded && !lost && !silent;
    shown = rows(now, dt, isSettled ? casesOf(now) : [], phases());
    shown.forEach(({ alarm, warning }, i) => {
      stepActive(actives[i].alarm, alarm, dt);
      if (warning) stepActive(actives[i].warning, warning, dt, actives[i].alarm);
    });
    // Stale data and the way back: what was raised may have been forgotten.
    if (boot || degraded || lost || silent)
      actives.forEach(({ alarm, warning }, i) => {
        if (i !== INTERNAL) alarm.must = warning.must = false;
      });
  }

  const pairOf = (data: number[], field: number, byte: number): number =>
    (data[byte + (field >> 2)] >> (2 * (field & 3))) & 3;

  function check(name: string, pair: number, active: Active | null, must: boolean, may: boolean): void {
    // A field is supported as soon as its source has been read (README 11).
    const expected = !active ? [0] : [...(must ? [1] : may ? [1, 2] : [2]), ...(isStarting ? [0] : [])];
    if (!expected.includes(pair))
      wrong(
        `${name} ${["unsupported", "active", "inactive", "3"][pair]}`,
        "README 11",
        expected.join(" or "),
        `${pair}`,
      );
  }

  function judge(at: number, data: number[]): void {
    tick(at);
    const p = phases(),
      hex = Buffer.from(data).toString("hex");
    if (data.length !== BYTES) return wrong("0x35A length", "README 11", "8", String(data.length));
    if (hex === LOST_FRAME && p.lost) return;
    if (!p.boot && !p.normal && !p.degraded) {
      if (p.lost) wrong("alarms while lost", "README 4", LOST_FRAME, hex);
      else wrong("alarms while silent", "README 4", "no frame", hex);
      return;
    }
    if (hex === LOST_FRAME) return wrong("alarms as if lost", "README 4", "the fields of this phase", hex);
    FIELDS.forEach((name, i) => {
      const { alarm, warning } = actives[i],
        row = shown[i];
      if (!row) return;
      const isSupported = row.name !== "",
        hasWarning = row.warning !== null;
      check(`alarm ${name}`, pairOf(data, i, 0), isSupported ? alarm : null, alarm.must, alarm.may);
      check(
        `warning ${name}`,
        pairOf(data, i, WARNING_BYTE),
        isSupported && hasWarning ? warning : null,
        hasWarning && (warning.must || alarm.must),
        hasWarning && (warning.may || alarm.may),
      );
    });
  }

  return {
    tick,
    judge,
    describe: () =>
      FIELDS.map((name, i) => {
        const { alarm, warning } = actives[i],
          text = ({ must, may }: Active): string => (must ? "!" : may ? "?" : "-");
        return `${name}:${text(alarm)}${text(warning)}`;
      }).join(" "),
  };
}
