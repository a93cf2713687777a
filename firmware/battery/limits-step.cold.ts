// Charge and discharge limits: a first, safe policy (the tapers and slews of charge control, without its
// charge states). Never above 90 % of the TinyBMS over-current cutoffs (registers 317, 318), never above
// cells x (register 300 - 75 mV). Falls at once, rises slowly; what is unknown counts as the worst.
import { BMS_MAX, CELL_HIGH, CELL_LOW, CHARGE_BLOCKED, COLD, CONFIG, DISCHARGE_BLOCKED, EXTERNAL, FRESH, GONE, HOT, INTERNAL_HOT, LATE, MUTE,
  RECOVERING, USER, type Limits } from "./limits";
import * as r from "./registers.baked";
import { BOOT, DEGRADED, LOST, NORMAL, SILENT, type Snapshot } from "./snapshot";

const STATUS_CHARGING = 0x91, STATUS_IDLE = 0x97;
/** Share of the cutoffs that is used, distance of the cell target from register 300, room below register 315 (guard and MPPT), mV. */
const HEAD = 0.9, BELOW_FULL = 75, BELOW_CUTOFF = 45;
/** Cell protection starts this far above the target; the charge voltage rises by this much a second, mV. */
const ABOVE_TARGET = 10, RISE = 5;
/** Seconds before a current limit rises, and its rise a second as a share of the largest. */
const HOLD_S = 30, RAMP = 0.02;

// Tapers: the range in which the factor is 1, then points of x and factor in thousandths; constant outside.
const chargeByCell = [-32768, -100, -100, 1000, -70, 500, -50, 200, -20, 50, 0, 0];
const dischargeByCell = [200, 32767, 0, 0, 50, 200, 100, 500, 200, 1000];
const chargeByTemperature = [10, 40, 0, 0, 2, 250, 5, 500, 10, 1000, 40, 1000, 45, 500, 50, 250, 55, 0];
const dischargeByTemperature = [5, 45, -20, 0, -10, 300, 0, 700, 5, 1000, 45, 1000, 50, 500, 55, 250, 60, 0];
const byInternal = [-32768, 70, 70, 1000, 80, 250, 90, 0];

/** The factor 0..1 of a taper at x; 0 when x is unknown. */
function taper(points: number[], x: number): number {
  if (x >= points[0] && x <= points[1]) return 1;
  if (isNaN(x)) return 0;
  const last = points.length - 2;
  let i = 2;
  if (x <= points[2]) return points[3] / 1000;
  while (i < last && x > points[i + 2]) i += 2;
  if (i === last) return points[last + 1] / 1000;
  return (points[i + 1] + (points[i + 3] - points[i + 1]) * (x - points[i]) / (points[i + 2] - points[i])) / 1000;
}

/** Whether the settings and the battery's own fit each other. */
function fits(limits: Limits, v: Float64Array): boolean {
  return limits.vBulk > 0 && Math.abs(v[r.fullyChargedVoltage] - limits.vBulk - 100) <= 150
    && limits.vRebulk < v[r.overVoltageCutoff] - BELOW_CUTOFF && limits.vRebulk < v[r.fullyChargedVoltage] - BELOW_FULL;
}

/** Charge voltage (mV of the pack): the cell target, lowered so that the top cell just reaches its limit. */
function chargeVoltage(limits: Limits, snapshot: Snapshot, blocked: number, dt: number): number {
  const v = snapshot.values, n = limits.cells, cell = Math.min(limits.vBulk, v[r.fullyChargedVoltage] - BELOW_FULL);
  const top = cell + ABOVE_TARGET, floor = n * limits.vRebulk, ceiling = n * (v[r.overVoltageCutoff] - BELOW_CUTOFF);
  let target = snapshot.sum, was = limits.cvl;
  limits.cvlReason = FRESH;
  if (snapshot.highest > top) {
    for (const mv of v.subarray(r.cell01Voltage + snapshot.firstCell, r.cell01Voltage + snapshot.firstCell + n)) if (mv > top) target += top - mv;
  } else {
    target += n * (top - snapshot.highest);
  }
  if (target < n * cell) limits.cvlReason = CELL_HIGH;
  else target = n * cell;
  if (blocked) {
    limits.cvlReason = CHARGE_BLOCKED;
    target = blocked > 1 ? floor : Math.min(target, n * limits.vFloat, isNaN(was) ? target : was);
  }
  if (isNaN(was)) was = target;
  if (target > was) target = snapshot.highest > top ? was : Math.min(target, was + RISE * dt);
  return target > ceiling ? ceiling : target > floor ? target : floor;
}

/** The lower of two factors keeps its reason. */
const worst = { factor: 1, reason: 0 };
function narrow(factor: number, reason: number): void {
  if (factor < worst.factor) {
    worst.factor = factor;
    worst.reason = reason;
  }
}

/** Factor of both directions: temperatures, then the cell; both NTCs missing halve it. */
function narrowByTemperature(v: Float64Array, points: number[], shift: number): void {
  const coldest = v[r.minTemperature], hottest = v[r.maxTemperature];
  narrow(taper(points, coldest - shift), coldest < 20 ? COLD : HOT);
  narrow(hottest >= v[r.overHeatCutoff] - 2 ? 0 : taper(points, hottest), hottest < 20 ? COLD : HOT);
  narrow(taper(byInternal, v[r.internalTemp]), INTERNAL_HOT);
  if (isNaN(v[r.externalTemp1]) && isNaN(v[r.externalTemp2])) {
    worst.factor /= 2;
    if (worst.reason < COLD) worst.reason = HOT;
  }
}

/** A current limit falls at once; it rises after 30 s of being possible, by 2 % of the largest a second. */
function slewed(was: number, target: number, largest: number, held: number, dt: number): number {
  if (isNaN(was) || target <= was) return target;
  if (held <= HOLD_S || was === 0 && target < largest * 0.015) return was;
  return Math.min(target, was + largest * RAMP * dt);
}

function chargeCurrent(limits: Limits, v: Float64Array, highest: number, blocked: number, dt: number): void {
  const bms = v[r.chargeOverCurrentCutoff] * HEAD, largest = Math.min(limits.cclMax, bms);
  const shift = v[r.lowTempChargerCutoff] > 0 ? v[r.lowTempChargerCutoff] : 0;
  worst.factor = 1;
  worst.reason = limits.cclMax <= bms ? USER : BMS_MAX;
  narrow(taper(chargeByCell, highest - v[r.fullyChargedVoltage]), CELL_HIGH);
  narrowByTemperature(v, chargeByTemperature, shift);
  if (limits.externalCcl < largest) narrow(limits.externalCcl / largest, EXTERNAL);
  if (blocked) narrow(0, CHARGE_BLOCKED);
  const target = largest * worst.factor;
  limits.chargeMost = largest;
  limits.chargeHeld = target > limits.ccl ? limits.recovering ? HOLD_S + 1 : limits.chargeHeld + dt : 0;
  limits.ccl = slewed(limits.ccl, target, largest, limits.chargeHeld, dt);
  limits.cclReason = limits.ccl < target ? RECOVERING : worst.reason;
}

function dischargeCurrent(limits: Limits, v: Float64Array, lowest: number, blocked: boolean, dt: number): void {
  const bms = v[r.dischargeOverCurrentCutoff] * HEAD, largest = Math.min(limits.dclMax, bms);
  worst.factor = 1;
  worst.reason = limits.dclMax <= bms ? USER : BMS_MAX;
  narrow(taper(dischargeByCell, lowest - v[r.fullyDischargedVoltage]), CELL_LOW);
  narrowByTemperature(v, dischargeByTemperature, 0);
  if (limits.externalDcl < largest) narrow(limits.externalDcl / largest, EXTERNAL);
  if (blocked) narrow(0, DISCHARGE_BLOCKED);
  const target = largest * worst.factor;
  limits.dischargeMost = largest;
  limits.dischargeHeld = target > limits.dcl ? limits.recovering ? HOLD_S + 1 : limits.dischargeHeld + dt : 0;
  limits.dcl = slewed(limits.dcl, target, largest, limits.dischargeHeld, dt);
  limits.dclReason = limits.dcl < target ? RECOVERING : worst.reason;
}

function compute(limits: Limits, snapshot: Snapshot, dt: number): void {
  const v = snapshot.values, status = v[r.onlineStatus];
  const unwell = !(status >= STATUS_CHARGING && status <= STATUS_IDLE);
  const blocked = snapshot.highest >= v[r.overVoltageCutoff] - 20 ? 2 : unwell || limits.inhibitCharge ? 1 : 0;
  limits.cvl = chargeVoltage(limits, snapshot, blocked, dt);
  chargeCurrent(limits, v, snapshot.highest, blocked, dt);
  dischargeCurrent(limits, v, snapshot.lowest, unwell || limits.inhibitDischarge || snapshot.lowest <= v[r.underVoltageCutoff] + 20, dt);
  if (limits.recovering && limits.cclReason !== RECOVERING && limits.dclReason !== RECOVERING) limits.recovering = false;
}

/** Old data: degraded holds the voltage and at most half the currents, lost is the floor and 0 A. */
function failSafe(limits: Limits, phase: number): void {
  const reason = phase === DEGRADED ? LATE : phase === LOST ? GONE : MUTE;
  if (phase === DEGRADED) {
    limits.ccl = Math.min(limits.ccl, limits.chargeMost / 2);
    limits.dcl = Math.min(limits.dcl, limits.dischargeMost / 2);
  } else {
    limits.cvl = limits.cells * limits.vRebulk;
    limits.ccl = limits.dcl = 0;
    limits.recovering = true;
  }
  limits.chargeHeld = limits.dischargeHeld = 0;
  limits.cvlReason = limits.cclReason = limits.dclReason = reason;
}

/** Put the limits into the snapshot; unknown, and so never sent, while `mute`. */
function publish(limits: Limits, v: Float64Array, mute: boolean): void {
  const ccl = limits.cclReason, dcl = limits.dclReason, cvl = limits.cvlReason;
  limits.reason = ccl >= dcl && ccl >= cvl ? ccl : dcl >= cvl ? dcl : cvl;
  v[r.chargeVoltageLimit] = mute ? NaN : limits.cvl / 1000;
  v[r.chargeCurrentLimit] = mute ? NaN : limits.ccl;
  v[r.dischargeCurrentLimit] = mute ? NaN : limits.dcl;
}

/**
 * One step, each second: `dt` seconds after the last one. True when a limit fell. Limits stay unknown before the first
 * complete snapshot, without a chemistry, when the settings do not fit the battery, and while silent. A negative `dt` is
 * for a reader that finds the limits older than it may use: they become the fail-safe of lost data, and stay as old.
 */
export function limitsStep(limits: Limits, snapshot: Snapshot, now: number, dt: number): boolean {
  const v = snapshot.values, phase = snapshot.phase, cvl = limits.cvl, ccl = limits.ccl, dcl = limits.dcl;
  if (phase === BOOT) return false;
  if (dt < 0) {
    failSafe(limits, LOST);
    publish(limits, v, !limits.valid);
    return true;
  }
  limits.at = now;
  if (now >= limits.externalUntil) limits.externalCcl = limits.externalDcl = NaN;
  if (!isNaN(v[r.fullyChargedVoltage])) {
    limits.valid = fits(limits, v);
    limits.cells = snapshot.cells;
    v[r.dischargeVoltageLimit] = limits.cells * v[r.fullyDischargedVoltage] / 1000;
  }
  if (!limits.valid) {
    limits.cvlReason = limits.cclReason = limits.dclReason = CONFIG;
  } else if (phase === NORMAL) {
    compute(limits, snapshot, dt);
  } else {
    failSafe(limits, phase);
  }
  v[r.internalFailure] = phase >= LOST || v[r.onlineStatus] === 0x9b ? 2 : phase === DEGRADED ? 1 : 0;
  publish(limits, v, !limits.valid || phase === SILENT);
  return limits.cvl < cvl || limits.ccl < ccl || limits.dcl < dcl;
}
