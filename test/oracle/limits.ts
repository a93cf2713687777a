// The judge of 0x351: for each of its limits a highest and a lowest value that the spec allows now, given what the
// device said before. What must narrow makes the highest, what may narrow the lowest; a frame in between is right.
import type { Faults } from "./faults";
import type { Cells, Fast, Known } from "./known";
import type { Phases } from "./phases";
import {
  CHARGING,
  chargeTarget,
  chargeTemperatureFactor,
  CVL_HOLD_S,
  CVL_RATE,
  dischargeTarget,
  EVENT_BLOCKS,
  FAULT,
  FLOAT_RATE,
  HARD,
  INTEGRAL_MOST,
  KI,
  RECOVERY_HOLD_S,
  RECOVERY_RATE,
  RECOVERY_THRESHOLD,
  TAU_S,
  type Plan,
  type Reading,
} from "./spec";
import { mayRestart, newTracks, replaceRefuted, stepTracks, type Track } from "./states";
import { newWindow, type Window } from "./window";

/** What a frame 0x351 says: V, A, A, V. */
export interface Said {
  at: number;
  cvl: number;
  ccl: number;
  dcl: number;
  low: number;
}

export interface LimitsJudge {
  tick(now: number): void;
  judge(said: Said): void;
  /** Frames must come, may come (no: they must not). */
  mustSend(): boolean;
  maySend(): boolean;
  /** For a person: bounds and states now. */
  describe(): string;
}

export interface Inputs {
  known: Known;
  faults: Faults;
  phases(): Phases;
  wrong(what: string, section: string, expected: string, seen: string): void;
}

// Tolerances: what the rules leave open, and the way from the wire to the bus (README 12).

/** Part of the largest current whose fall waits for the next second. */
const LITTLE = 0.02;
/** From the last byte of a reply that narrows to the frame, ms. */
const FAST_MS = Number(process.env.ORACLE_NARROW_MS ?? 350),
  /** So long the device may not know of a reply; what it narrows stays narrow for longer. */
  LOOK_MS = 130,
  /** From any other input to the frame: the step of the second, then as above. */
  SECOND_MS = 1450,
  /** From one step of the second to the next. */
  STEP_MS = 1300,
  /** What is low may be so for two steps. */
  SLOW_MS = 2 * STEP_MS;
/** Age at which a group is not fresh any more, and at which nothing is known: the next look makes it so, ms. */
const FRESH_MS = 5000,
  OLD_MS = 17000;
/** A tenth, rounded down; and what the arithmetic of both sides may differ by, V or A. */
const DIGIT = 0.1,
  E = 6e-3;
/** A wait may end so much early: its first step counts whole, and falls on a half second, s. */
const JITTER_S = 1.6;
/** A step counts a second, or what failing seconds took, s. */
const STEP_S = 1.1,
  AFTER_FAILING_S = 6.1;
/** A value that rises may be two steps ahead of one that does so evenly, s. */
const AHEAD_S = 2.2,
  /** A rise begins at the latest so long after its wait: two steps, the frame, and the reply that begins it, s. */
  LATE_S = 4,
  /** A value that stood at its target for so long is not on its way back from a loss any more: two frames, s. */
  REACHED_S = 3;
const SUSTAIN_A = 5;
/** From settings that do not fit to silence, and from those that fit to the first frame: three good snapshots, ms. */
const INVALID_MS = 1900,
  INVALID_BACK_MS = 9000;
/** Frames that refute a history; a start without data for so long may be a loss, ms. */
const REFUTED_FRAMES = 4,
  LATE_START_MS = 4500,
  /** So long the discharge may go on while the events are asked for the cause of a fault, s (README 7). */
  CAUSE_S = 2;

const inf = Infinity;

/** A limit: bounds of the true output, what was said last, and how long the target has been above it (s). */
interface Current {
  key: "ccl" | "dcl";
  high: number;
  low: number;
  seen: number;
  /** The largest that it can be, A. */
  most: number;
  waitHigh: number;
  waitLow: number;
  mightRise: boolean;
  /** It was kept down by its target, where the device may have been for less than a step. */
  wasAtTarget: boolean;
  /** Seconds that the target has not been above: a step of the device has seen it after `STEP_MS`. */
  notAbove: number;
  /** The target has been above for so long that it rises for sure. */
  mustRise: boolean;
  isRecovering: boolean;
  /** Seconds that the target has been reached: then it is not on its way back any more. */
  reached: number;
  highest: Window;
  lowest: Window;
}

function newCurrent(key: "ccl" | "dcl"): Current {
  return {
    key,
    high: inf,
    low: 0,
    seen: NaN,
    most: inf,
    waitHigh: 0,
    waitLow: 0,
    mightRise: false,
    wasAtTarget: false,
    notAbove: 0,
    mustRise: false,
    isRecovering: false,
    reached: 0,
    highest: newWindow(SLOW_MS),
    lowest: newWindow(SLOW_MS),
  };
}

const stepOf = (p: Phases): number => (p.isFailing ? AFTER_FAILING_S : STEP_S);
const isSettled = (p: Phases): boolean => p.normal && !p.degraded && !p.lost && !p.silent && !p.boot;

const mostOf = (key: "ccl" | "dcl", plan: Plan): number => (key === "ccl" ? plan.charge : plan.discharge);

/** The largest current that a state allows (README 8). */
function capOf(key: "ccl" | "dcl", track: Track, plan: Plan, vMin: number): number {
  if (key === "ccl") {
    if (track.state === "IMB_HOLD") return Math.max(2, 0.02 * plan.capacity_Ah);
    if (track.state === "SUSTAIN" && vMin < plan.empty + 0.1 - 1e-9) return 0.1 * plan.capacity_Ah;
    return inf;
  }
  if (track.state !== "SUSTAIN") return inf;
  return track.isEmpty ? 0 : SUSTAIN_A;
}

/** What blocks a direction: `must` for sure, `may` perhaps. */
interface Blocks {
  charge: boolean;
  discharge: boolean;
  toFloor: boolean;
}

/** Everything of one moment that the limits follow from. */
interface Moment {
  now: number;
  dt: number;
  phases: Phases;
  must: Plan[];
  may: Plan[];
  /** Readings with the cells joined in: those that count for sure, and all that may count. */
  sure: Reading[];
  all: Reading[];
  /** Extremes of the cells by whatever is fresh: the narrowing ones that count for sure. */
  vMaxSure: number;
  vMinSure: number;
  mustBlock: Blocks;
  mayBlock: Blocks;
}

function join(fast: Fast, cells: Cells | null): Reading {
  if (!cells) return fast;
  return { ...fast, vMax: Math.max(fast.vMax, cells.highest), vMin: Math.min(fast.vMin, cells.lowest) };
}

const least = <T>(list: T[], value: (item: T) => number): number =>
  list.reduce((a, item) => Math.min(a, value(item)), inf);
const greatest = <T>(list: T[], value: (item: T) => number): number =>
  list.reduce((a, item) => Math.max(a, value(item)), -inf);

export function judgeLimits({ known, faults, phases, wrong }: Inputs): LimitsJudge {
  const ccl = newCurrent("ccl"),
    dcl = newCurrent("dcl"),
    cvl = {
      high: inf,
      low: 0,
      seen: NaN,
      sinceHigh: inf,
      sinceLow: inf,
      isRecovering: false,
      reached: 0,
      mustRise: false,
    };
  const pf = { high: NaN, low: NaN, integralHigh: 0, integralLow: 0, gap: 0 };
  const pfHigh = newWindow(SLOW_MS),
    pfLow = newWindow(SLOW_MS),
    vMaxHigh = newWindow(SLOW_MS),
    vMaxLow = newWindow(SLOW_MS),
    packs = newWindow(SLOW_MS),
    highestCvl = newWindow(SLOW_MS),
    lowestCvl = newWindow(SLOW_MS);
  let tracks: Track[] = [],
    last = NaN,
    moment: Moment | null = null,
    ownSure = false,
    ownMaybe = false,
    wasLost = false,
    wasOff = false,
    wasNormal = false,
    mayBeBack = false,
    startedAt = NaN,
    wasLate = false,
    unexplained_s = 0,
    invalidSince = NaN,
    invalidAt = -inf,
    latch: { high: number; low: number; cvlHigh: number; cvlLow: number } | null = null;

  // ---- what counts now

  function momentAt(now: number): Moment {
    const { must, may } = known.plans(now);
    const fast = known.fast.filter(({ at }) => now - at < OLD_MS),
      cells = known.cells.filter(({ at }) => now - at < OLD_MS);
    const goodFast = fast.filter(({ isPlausible }) => isPlausible),
      freshCells = cells.filter(({ isPlausible, at }) => isPlausible && now - at < FRESH_MS);
    // None may have been taken where none is sure: then registers 40 and 41 stand alone.
    const isCellsSure = freshCells.some(({ isSure }) => isSure),
      cellsOrNone = isCellsSure ? freshCells : [...freshCells, null];
    const sure = goodFast.flatMap((one) => cellsOrNone.map((other) => join(one, other)));
    const all = fast.flatMap((one) => [one, ...cells.map((other) => join(one, other))]);
    const freshFast = goodFast.some(({ isSure, at }) => isSure && now - at < FRESH_MS) ? goodFast : [];
    const vMaxSure = Math.max(
      freshFast.length ? least(freshFast, ({ vMax }) => vMax) : -inf,
      isCellsSure ? least(freshCells, ({ highest }) => highest) : -inf,
    );
    const vMinSure = Math.min(
      freshFast.length ? greatest(freshFast, ({ vMin }) => vMin) : inf,
      isCellsSure ? greatest(freshCells, ({ lowest }) => lowest) : inf,
    );
    return {
      now,
      dt: isNaN(last) ? 0 : (now - last) / 1000,
      phases: phases(),
      must,
      may,
      sure,
      all,
      vMaxSure,
      vMinSure,
      mustBlock: { charge: false, discharge: false, toFloor: false },
      mayBlock: { charge: false, discharge: false, toFloor: false },
    };
  }

  /** The gateway's own block by the highest cell (README 7): on from r315 - 20 mV, off from r300 - 50 mV. */
  function ownBlock(m: Moment): void {
    const vMaxAny = greatest(m.all, ({ vMax }) => vMax),
      vMaxLeast = Math.min(
        least(m.all, ({ vMax }) => vMax),
        m.vMaxSure,
      );
    const isOn = (vMax: number, plan: Plan): boolean => vMax >= plan.over - 0.02 - 1e-9,
      isOff = (vMax: number, plan: Plan): boolean => vMax <= plan.full - 0.05 + 1e-9;
    if (m.must.some((plan) => isOn(m.vMaxSure, plan))) ownSure = true;
    else if (m.may.some((plan) => isOff(vMaxLeast, plan))) ownSure = false;
    if (m.may.some((plan) => isOn(vMaxAny, plan))) ownMaybe = true;
    else if (m.may.every((plan) => isOff(vMaxAny, plan)) && m.phases.most < FRESH_MS) ownMaybe = ownSure;
  }

  function blocks(m: Moment): void {
    ownBlock(m);
    const { mustBlock: must, mayBlock: may } = m;
    const add = (to: Blocks, charge: boolean, discharge: boolean, toFloor: boolean): void => {
      to.charge ||= charge;
      to.discharge ||= discharge;
      to.toFloor ||= charge && toFloor;
    };
    add(must, ownSure, false, true);
    add(may, ownMaybe, false, true);
    const isCold = (plan: Plan) => (reading: Reading) => chargeTemperatureFactor(plan, reading) <= 0;
    add(must, m.sure.length > 0 && m.must.some((plan) => m.sure.every(isCold(plan))), false, false);
    add(
      may,
      m.may.some((plan) => m.all.some(isCold(plan)) || m.all.some(({ internal }) => internal >= 90)),
      false,
      false,
    );
    add(
      must,
      false,
      m.must.some((plan) => m.vMinSure <= plan.under + 0.02 + 1e-9),
      false,
    );
    add(
      may,
      false,
      m.may.some((plan) => m.all.some(({ vMin }) => vMin <= plan.under + 0.02 + 1e-9)),
      false,
    );
    const isCharging = ({ current, status }: Reading): boolean => current > 0 || status === CHARGING;
    for (const id of faults.ids()) {
      const row = EVENT_BLOCKS[id],
        is = row ? faults.is(id) : "no";
      if (is === "no") continue;
      const single = (plan: Plan): boolean => id === 0x06 && plan.isSinglePort;
      if (is === "yes")
        add(
          must,
          row.charge && !(id === 0x02 && m.all.some(isCharging)),
          row.discharge || m.must.every(single),
          row.toFloor,
        );
      add(
        may,
        row.charge && !(id === 0x02 && m.all.every(isCharging)),
        row.discharge || m.may.some(single),
        row.toFloor,
      );
    }
    unexplained_s = faults.unexplained === "yes" ? unexplained_s + m.dt : 0;
    if (faults.unexplained === "yes") add(must, true, unexplained_s > CAUSE_S, false);
    if (faults.unexplained !== "no" && m.all.some(({ status }) => status === FAULT)) add(may, true, true, false);
  }

  // ---- the currents

  function highTarget(m: Moment, key: "ccl" | "dcl"): number {
    if (m.mustBlock[key === "ccl" ? "charge" : "discharge"]) return 0;
    const target = key === "ccl" ? chargeTarget : dischargeTarget;
    const normal = least(m.must, (plan) =>
      m.sure.length === 0
        ? mostOf(key, plan)
        : greatest(m.sure, (reading) =>
            Math.min(
              target(plan, reading),
              greatest(tracks, (track) => capOf(key, track, plan, reading.vMin)),
            ),
          ),
    );
    return normal;
  }

  function lowTarget(m: Moment, key: "ccl" | "dcl"): number {
    const { boot, degraded, lost, silent } = m.phases;
    if (m.mayBlock[key === "ccl" ? "charge" : "discharge"] || lost || silent || m.all.length === 0) return 0;
    const target = key === "ccl" ? chargeTarget : dischargeTarget;
    const normal = least(m.may, (plan) =>
      least(m.all, (reading) =>
        Math.min(
          target(plan, reading),
          least(tracks, (track) => capOf(key, track, plan, reading.vMin)),
        ),
      ),
    );
    if (boot && isNaN((key === "ccl" ? ccl : dcl).seen)) return wasLate ? 0 : normal;
    return degraded
      ? Math.min(
          normal,
          least(m.may, (plan) => mostOf(key, plan) / 2),
        )
      : normal;
  }

  function stepCurrent(m: Moment, c: Current): void {
    const { phases: p, dt } = m,
      most = (c.most = greatest(m.must, (plan) => mostOf(c.key, plan)));
    c.highest.put(m.now, highTarget(m, c.key));
    c.lowest.put(m.now, lowTarget(m, c.key));
    // What falls by 2 % of the largest, or less, may wait for the step of the second.
    const since = (ms: number): number => (isNaN(c.seen) ? c.highest.greatest(ms) : c.highest.greatest(ms, LOOK_MS)),
      high = Math.min(since(FAST_MS) + LITTLE * most, since(SECOND_MS)),
      low = c.lowest.least(SLOW_MS),
      rate = RECOVERY_RATE * most;
    const isOff = !p.normal && !p.degraded && !p.boot;
    // the highest
    if (isOff) {
      c.high = rate * stepOf(p); // the first step of the way back may come at once
      c.low = 0;
      if (!isNaN(c.seen)) c.seen = 0;
      c.isRecovering = true;
      c.waitHigh = c.waitLow = 0;
    } else if (isNaN(c.seen)) c.high = high;
    else {
      if (!p.normal) c.high = Math.min(c.high, most / 2);
      const isAbove = high > c.seen + E;
      if (isAbove) c.notAbove = 0;
      else if (isSettled(p)) c.notAbove += dt;
      if (c.notAbove * 1000 > STEP_MS) c.waitHigh = 0;
      else if (isAbove && p.normal) c.waitHigh += dt;
      const mayRise =
        p.normal &&
        (c.isRecovering || c.waitHigh > RECOVERY_HOLD_S - JITTER_S) &&
        !(c.seen === 0 && high < RECOVERY_THRESHOLD * most - E);
      if (!mayRise) c.high = Math.min(c.high, c.seen + DIGIT);
      else {
        c.high += rate * (c.mightRise ? dt : STEP_S); // a ramp begins with a whole step
        if (c.wasAtTarget) c.high = Math.max(c.high, c.seen + DIGIT + rate * STEP_S);
      }
      c.mightRise = mayRise;
      if (p.silent) c.high = Math.max(c.high, rate * stepOf(p)); // the way back may begin with a whole step
      c.wasAtTarget = c.high >= high;
      c.high = Math.min(c.high, high);
    }
    c.reached = isSettled(p) && c.seen > 0 && c.seen >= high - DIGIT ? c.reached + dt : 0;
    if (c.reached > REACHED_S) c.isRecovering = false;
    // the lowest
    if (isNaN(c.seen)) c.low = low;
    else {
      if (low <= c.seen + DIGIT + E || p.boot || p.degraded) c.waitLow = 0;
      else c.waitLow += dt;
      const mustRise = c.waitLow > RECOVERY_HOLD_S + LATE_S && !(c.seen === 0 && low < 1.1 * RECOVERY_THRESHOLD * most);
      c.low = Math.max(c.low, mustRise ? c.seen - rate * LATE_S : c.seen);
      if (mustRise) c.low += c.mustRise ? rate * dt : -rate * LATE_S;
      c.mustRise = mustRise;
      c.low = Math.min(c.low, low);
      if (!mustRise) c.low = Math.min(c.low, c.seen);
    }
  }

  // ---- the voltage

  /** The cell protection of README 6 as an interval. */
  function stepProtection(m: Moment): void {
    const fresh = known.cells.filter(({ isPlausible, at }) => isPlausible && m.now - at < FRESH_MS);
    const readings = m.all.filter(({ vMax }) => vMax >= 0.5 && vMax <= 5);
    if (fresh.length === 0 || readings.length === 0) return;
    const before = { ...pf };
    // Cells of one moment alone: registers 40 and 41 are of another (README 6.2).
    const top = { high: greatest(fresh, ({ highest }) => highest), low: least(fresh, ({ highest }) => highest) };
    const low = top.low,
      limits = { high: greatest(m.may, ({ limit }) => limit), low: least(m.may, ({ limit }) => limit) };
    vMaxHigh.put(
      m.now,
      greatest(readings, ({ vMax }) => vMax),
    );
    vMaxLow.put(
      m.now,
      Math.min(
        least(m.sure, ({ vMax }) => vMax),
        greatest(readings, ({ vMax }) => vMax),
      ),
    );
    const integral = (value: number, vMax: number, limit: number): number =>
      Math.min(INTEGRAL_MOST, Math.max(0, value + KI * (vMax - limit) * m.dt));
    pf.integralHigh = integral(pf.integralHigh, top.high, limits.low);
    pf.integralLow = integral(pf.integralLow, low, limits.high);
    const raw = (limit: number, vMax: number, cells: Cells, part: number): number =>
      cells.volts.reduce((sum, volt) => sum + Math.min(volt, limit), 0) +
      cells.volts.length * Math.max(0, limit - vMax) -
      part;
    const rawHigh = greatest(fresh, (cells) => raw(limits.high, cells.highest, cells, pf.integralLow)),
      rawLow = least(fresh, (cells) => raw(limits.low, cells.highest, cells, pf.integralHigh));
    if (isNaN(pf.high)) {
      pf.high = rawHigh;
      pf.low = rawLow;
    }
    const part = Math.min(1, m.dt / TAU_S);
    pf.high += (rawHigh - pf.high) * part;
    pf.low += (rawLow - pf.low) * part;
    if (low > limits.high + HARD) pf.high = Math.min(pf.high, rawHigh);
    if (top.high > limits.low + HARD) pf.low = Math.min(pf.low, rawLow);
    const { normal, degraded, boot, lost, silent } = m.phases;
    if (!normal || degraded || boot) {
      pf.high = Math.max(pf.high, before.high || -inf);
      pf.low = Math.min(pf.low, isNaN(before.low) ? inf : before.low);
      pf.integralHigh = Math.max(pf.integralHigh, before.integralHigh);
      pf.integralLow = Math.min(pf.integralLow, before.integralLow);
    }
    if (lost || silent || boot) {
      pf.high = Math.max(pf.high, rawHigh);
      pf.low = Math.min(pf.low, rawLow);
      pf.integralLow = 0;
    }
    pf.gap = Math.max(Math.abs(rawHigh - pf.high), Math.abs(rawLow - pf.low));
    const tolerance = 0.01 + 0.06 * pf.gap;
    pfHigh.put(m.now, pf.high + tolerance);
    pfLow.put(m.now, pf.low - tolerance);
  }

  function stateTarget(track: Track, plan: Plan, from: number, dt: number): number {
    if (track.state !== "FLOAT") return plan.n * plan.bulk;
    return Math.max(plan.n * plan.float, Math.min(from, plan.n * plan.bulk) - FLOAT_RATE * dt);
  }

  const clamp = (value: number, plan: Plan): number => Math.max(plan.floor, Math.min(value, plan.ceil));

  /** The charge voltage of a block: its floor, or held at what it was (README 7). */
  function stepLatch(m: Moment): void {
    packs.put(
      m.now,
      greatest(m.all, ({ pack }) => pack),
    );
    if (!m.mayBlock.charge) {
      // nothing releases a block while nothing is known; then both, held on and made anew, are right
      if (m.phases.normal) latch = null;
      return;
    }
    const at = (from: number, pack: number, plan: Plan): number =>
      Math.max(plan.floor, Math.min(from, pack, plan.n * plan.float));
    const packLeast = Math.min(
      packs.least(SLOW_MS),
      least(m.all, ({ pack }) => pack),
    );
    if (!latch || !m.mustBlock.charge) {
      // a block that came while another was possible holds the voltage of its own beginning, which may have risen
      const cvlHigh = Math.max(latch ? latch.cvlHigh : -inf, cvl.high),
        cvlLow = Math.min(latch ? latch.cvlLow : inf, cvl.low);
      latch = {
        cvlHigh,
        cvlLow,
        high: Math.max(
          latch?.high ?? -inf,
          greatest(m.may, (plan) => at(cvlHigh, packs.greatest(SLOW_MS), plan)),
        ),
        low: Math.min(
          latch?.low ?? inf,
          least(m.may, (plan) => at(cvlLow, packLeast, plan)),
        ),
      };
    }
  }

  function stepVoltage(m: Moment): void {
    const { phases: p, dt, mustBlock, mayBlock } = m;
    if (m.must.length === 0) return;
    stepLatch(m);
    const floorHigh = greatest(m.may, ({ floor }) => floor),
      floorLow = least(m.may, ({ floor }) => floor);
    const isFloat = tracks.some(({ state }) => state === "FLOAT");
    let high = least(m.must, (plan) =>
      clamp(
        Math.min(
          greatest(tracks, (track) => stateTarget(track, plan, cvl.high, dt)),
          pfHigh.greatest(STEP_MS) || inf,
        ),
        plan,
      ),
    );
    let low = least(m.may, (plan) =>
      clamp(
        Math.min(
          least(tracks, (track) => stateTarget(track, plan, cvl.low, dt)),
          isNaN(pfLow.least(STEP_MS)) ? inf : pfLow.least(STEP_MS),
        ),
        plan,
      ),
    );
    if (mustBlock.charge && latch) high = Math.min(high, mustBlock.toFloor ? floorHigh : latch.high);
    if (mayBlock.charge && latch) low = Math.min(low, mayBlock.toFloor ? floorLow : latch.low);
    if (p.lost || p.silent || (wasLate && isNaN(cvl.seen))) low = floorLow;
    highestCvl.put(m.now, high);
    lowestCvl.put(m.now, low);
    high = highestCvl.greatest(SECOND_MS);
    if (mustBlock.charge && !isNaN(cvl.seen)) high = Math.min(high, highestCvl.greatest(FAST_MS, LOOK_MS) + DIGIT);
    low = lowestCvl.least(SLOW_MS);
    const limitHigh = greatest(m.may, ({ limit }) => limit),
      limitLow = least(m.may, ({ limit }) => limit);
    const topLow = vMaxLow.least(STEP_MS),
      topHigh = vMaxHigh.greatest(SLOW_MS);
    cvl.sinceHigh += dt;
    cvl.sinceLow = mayBlock.charge || !(topHigh <= limitLow + HARD) ? 0 : cvl.sinceLow + dt;
    const isOff = !p.normal && !p.degraded && !p.boot;
    if (isOff) {
      cvl.high = floorHigh + CVL_RATE * STEP_S;
      cvl.low = floorLow;
      if (!isNaN(cvl.seen)) cvl.seen = floorLow;
      cvl.isRecovering = true;
    } else if (isNaN(cvl.seen)) cvl.high = high;
    else {
      const mayRise =
        p.normal &&
        !(topLow > limitHigh + 1e-9) &&
        (isFloat || cvl.isRecovering || cvl.sinceHigh > CVL_HOLD_S - JITTER_S);
      if (mayRise) cvl.high += CVL_RATE * dt;
      else cvl.high = Math.min(cvl.high, cvl.seen + DIGIT);
      cvl.high = Math.min(cvl.high, high);
    }
    cvl.reached = isSettled(p) && high > floorHigh + DIGIT && cvl.seen >= high - DIGIT ? cvl.reached + dt : 0;
    if (cvl.reached > REACHED_S) cvl.isRecovering = false;
    if (isNaN(cvl.seen)) cvl.low = low;
    else {
      const mustRise = p.normal && !p.degraded && !p.boot && topHigh <= limitLow && cvl.sinceLow > CVL_HOLD_S + LATE_S;
      cvl.low = Math.max(cvl.low, mustRise ? cvl.seen - CVL_RATE * LATE_S : cvl.seen);
      if (mustRise) cvl.low += cvl.mustRise ? CVL_RATE * dt : -CVL_RATE * LATE_S;
      cvl.mustRise = mustRise;
      cvl.low = Math.min(cvl.low, low);
    }
  }

  // ---- all together

  function stepInvalid(m: Moment): void {
    const isSure = m.may.length > 0 && m.may.every(({ isInvalid }) => isInvalid);
    if (!isSure) invalidSince = NaN;
    else if (isNaN(invalidSince)) invalidSince = m.now;
    if (m.may.some(({ isInvalid }) => isInvalid)) invalidAt = m.now;
  }

  const isInvalidSure = (now: number): boolean => now - invalidSince > INVALID_MS,
    isInvalidPossible = (now: number): boolean => now - invalidAt < INVALID_BACK_MS;

  function tick(now: number): void {
    if (tracks.length === 0) tracks = newTracks(now);
    const m = momentAt(now);
    moment = m;
    last = now;
    if (isNaN(startedAt)) startedAt = now;
    // A start without data for so long is lost, and comes back as from there, or begins anew (README 4.1).
    if (!m.phases.normal && now - startedAt > LATE_START_MS && isNaN(ccl.seen)) {
      wasLate = ccl.isRecovering = dcl.isRecovering = cvl.isRecovering = true;
    }
    if (m.must.length === 0) return;
    stepInvalid(m);
    const isDataNormal = m.phases.normal;
    if (isInvalidPossible(now)) {
      m.phases = { ...m.phases, silent: true, lost: m.phases.lost };
      if (isInvalidSure(now)) m.phases.normal = m.phases.degraded = m.phases.boot = m.phases.lost = false;
    }
    const isLost = m.phases.lost || m.phases.silent;
    const isOff = !m.phases.normal && !m.phases.degraded && !m.phases.boot;
    if (isLost && !wasLost) mayBeBack = false;
    const isFirst = (wasOff && !isOff) || (isLost && m.phases.normal && !wasNormal);
    if (isFirst) mayBeBack = true;
    if (isFirst || (wasLost && !isLost)) mayRestart(tracks, isFirst || !mayBeBack, !isLost);
    wasLost = isLost;
    wasOff = isOff;
    wasNormal = m.phases.normal;
    blocks(m);
    const { degraded, normal } = m.phases;
    // A configuration that silences CAN may let the states run on.
    stepTracks(
      tracks,
      m.sure,
      m.must[0],
      now,
      ({ early }) => !(early > 0 ? isDataNormal : normal) || (degraded && early < 0),
    );
    stepProtection(m);
    stepCurrent(m, ccl);
    stepCurrent(m, dcl);
    stepVoltage(m);
  }

  function refute(said: Said, m: Moment): void {
    const reading = m.sure[m.sure.length - 1];
    if (!reading) return;
    for (const track of tracks) {
      const isWrong = ([ccl, dcl] as const).some(
        ({ key }) => said[key] > greatest(m.may, (plan) => capOf(key, track, plan, reading.vMin)) + E,
      );
      track.refuted = isWrong ? track.refuted + 1 : 0;
    }
    replaceRefuted(tracks, REFUTED_FRAMES);
  }

  const shown = (value: number): string => (Math.abs(value) === inf ? String(value) : value.toFixed(3));

  function checkRange(name: string, section: string, value: number, low: number, high: number): void {
    if (value > high + E)
      wrong(`${name} too high`, section, `at most ${shown(high)} (at least ${shown(low)})`, `${value}`);
    if (value + DIGIT < low - E)
      wrong(`${name} too low`, section, `at least ${shown(low)} (at most ${shown(high)})`, `${value}`);
  }

  function accept(said: Said): void {
    for (const c of [ccl, dcl]) {
      const value = said[c.key];
      // Timers are frozen while degraded (README 4): a fall to the half does not start the wait again.
      if (value < c.seen - DIGIT / 2 && !moment?.phases.degraded) c.waitHigh = 0;
      if (value > c.high) c.high = value + DIGIT;
      if (value + DIGIT < c.low) c.low = value;
      c.seen = value;
      const ahead = moment?.phases.isFailing ? AFTER_FAILING_S : AHEAD_S;
      c.high = Math.min(c.high, value + DIGIT + RECOVERY_RATE * c.most * ahead);
    }
    if (moment && said.cvl < cvl.seen - DIGIT / 2) {
      const isHard = vMaxLow.least(STEP_MS) > greatest(moment.may, ({ limit }) => limit) + HARD;
      if (moment.mustBlock.charge || isHard) cvl.sinceHigh = 0;
    }
    if (said.cvl > cvl.high) cvl.high = said.cvl + DIGIT;
    if (said.cvl + DIGIT < cvl.low) cvl.low = said.cvl;
    cvl.high = Math.min(cvl.high, said.cvl + DIGIT + CVL_RATE * JITTER_S);
    cvl.seen = said.cvl;
  }

  function judge(said: Said): void {
    tick(said.at);
    const m = moment;
    if (!m || m.must.length === 0)
      return wrong("limits before the first data", "README 4", "nothing", JSON.stringify(said));
    const { phases: p } = m,
      floors = m.may.map(({ n, floor }) => ({ n, floor: Math.floor(floor * 10 + E) / 10 }));
    const isFailSafe =
      said.ccl === 0 && said.dcl === 0 && floors.some(({ floor }) => Math.abs(said.cvl - floor) < DIGIT / 2);
    if (!m.may.some(({ n, empty }) => Math.abs(said.low - Math.floor(n * empty * 10 + E) / 10) < DIGIT / 2))
      wrong("discharge voltage", "README 2", "N x r301", `${said.low}`);
    if (p.overdue && !isFailSafe)
      wrong("limits of a second that fails", "README 4.2", "floor, 0, 0", JSON.stringify(said));
    else if (p.isFailing && !isFailSafe) {
      for (const [key, { high, seen }] of Object.entries({ cvl, ccl, dcl }))
        if (said[key as "cvl"] > Math.max(high, seen) + E)
          wrong(`${key} that rises in a second that fails`, "README 4.2", "not above", String(said[key as "cvl"]));
    } else if (p.boot || p.normal || p.degraded) {
      if (!(isFailSafe && p.lost)) {
        checkRange("CVL", "README 6, 7", said.cvl, cvl.low, cvl.high + CVL_RATE * AHEAD_S);
        checkRange("CCL", "README 4, 7, 8", said.ccl, ccl.low, ccl.high);
        checkRange("DCL", "README 4, 7, 8", said.dcl, dcl.low, dcl.high);
      }
    } else if (!p.lost) wrong("limits while silent", "README 4, 2.1", "nothing", JSON.stringify(said));
    else if (!isFailSafe) wrong("limits while lost", "README 4", "floor, 0, 0", JSON.stringify(said));
    if (isFailSafe && p.lost) {
      for (const c of [ccl, dcl, cvl]) c.isRecovering = true;
      // Where a block may have made the same frame, the voltage may stand anywhere in its last digit.
      const isLostSure = p.overdue || !(p.normal || p.degraded || p.boot);
      cvl.high = Math.max(isLostSure ? -inf : cvl.high, said.cvl + CVL_RATE * STEP_S);
      cvl.low = said.cvl;
      for (const c of [ccl, dcl]) {
        c.high = RECOVERY_RATE * greatest(m.must, (plan) => mostOf(c.key, plan)) * stepOf(p);
        c.low = 0;
      }
    }
    refute(said, m);
    accept(said);
  }

  return {
    tick,
    judge,
    mustSend: () => {
      const p = moment?.phases;
      return !!p && moment!.must.length > 0 && !p.boot && !p.silent && !isInvalidPossible(moment!.now);
    },
    maySend: () => {
      const p = moment?.phases;
      return (
        !!p && moment!.must.length > 0 && (p.normal || p.degraded || p.lost || p.boot) && !isInvalidSure(moment!.now)
      );
    },
    describe: () => {
      const p = moment?.phases;
      const names = p ? (["boot", "normal", "degraded", "lost", "silent"] as const).filter((name) => p[name]) : [];
      return JSON.stringify({
        phase: names.join("/"),
        states: [...new Set(tracks.map(({ state }) => state))].join("/"),
        must: moment?.mustBlock,
        may: moment?.mayBlock,
        age: p && [p.least, p.most].map((ms) => Math.round(ms)),
        reading: moment?.sure.at(-1),
        cvl: [cvl.low, cvl.high, cvl.sinceHigh],
        ccl: [ccl.low, ccl.high, ccl.waitHigh, ccl.waitLow],
        dcl: [dcl.low, dcl.high, dcl.waitHigh, dcl.waitLow],
        faults: faults.ids().map((id) => [id.toString(16), faults.is(id)]),
        unexplained: faults.unexplained,
      });
    },
  };
}
