// Charge control: what the battery may be charged and discharged with, each second. The states are in charge-phases.ts; here are
// cell protection, blocks, tapers, slew. Falls at once, rises slowly; what is unknown counts as the worst (charge-control.md 5).
import { failSafe } from "./charge-fail-safe.cold";
import { endExternal } from "./external.cold";
import { nextState, syncDue } from "./charge-phases";
import { prepare } from "./charge-prepare.cold";
import * as k from "./charge-settings";
import * as c from "./charge-state";
import { BY_INTERNAL, BY_SOC, CELL_HIGH, CHARGE_BLOCKED, CHARGE_BY_TEMPERATURE, COLD, DISCHARGE_BLOCKED, EXTERNAL, HISTORY, HOT,
  IMBALANCE, INTERNAL_HOT, RECOVERING, SUSTAINED, type Limits } from "./limits";
import * as r from "./registers.baked";
import { BOOT, LOST, NORMAL, SILENT, type Snapshot } from "./snapshot";

const STATUS_CHARGING = 0x91, STATUS_IDLE = 0x97, STATUS_FAULT = 0x9b;
/** Faults 2..7 and 10..15 block the charge; of these 3, 6, 7 and 11 with the voltage at its floor; under-voltage is 2. */
const CHARGE_FAULTS = 0xfcfc, FLOOR_FAULTS = 0x8c8, UNDER_VOLTAGE = 4;
/** Warnings 0x31 (fully discharged) and 0x37 (too cold to charge), as bits from 0x20 on. */
const FULLY_DISCHARGED = 0x20000, TOO_COLD = 0x800000;
/** Below this it is the cold, not the heat, that narrows (degC). */
const MILD = 20;

/** Irrational enough that no two changed settings cancel out in their sum. */
const SPREAD = 1.6180339887;

/** The factor 0..1 of a table at x. */
function taper(tables: Int16Array, table: number, x: number): number {
  let i = tables[table];
  while (x > tables[i]) i += 2;
  const low = tables[i - 1], high = tables[i + 1];
  return low === high ? low / 10000 : (low + (high - low) * (x - tables[i - 2]) / (tables[i] - tables[i - 2])) / 10000;
}

/** Factors by temperature of both directions, when one has changed; without a sensor half of what the BMS's own temperature allows. */
function temperatures(limits: Limits, v: Float64Array, absent: boolean): void {
  const s = limits.state, set = limits.settings, tables = limits.tables;
  const coldest = v[r.minTemperature], hottest = v[r.maxTemperature], internal = v[r.internalTemp];
  for (let way = 0; way < 2; way++) {
    let factor = 1, why = 0;
    for (let celsius = coldest, last = false; !last; celsius = hottest) {
      last = celsius === hottest;
      if (celsius < set[k.clearCold] || celsius > set[k.clearHot]) {
        const isCold = celsius < MILD, other = taper(tables, CHARGE_BY_TEMPERATURE + way, celsius * 10 - (isCold && !way ? set[k.shift] : 0));
        if (other < factor) {
          factor = other;
          why = isCold ? COLD : HOT;
        }
      }
    }
    if (internal > set[k.clearInternal]) {
      const other = taper(tables, BY_INTERNAL, internal * 10);
      if (other < factor) {
        factor = other;
        why = INTERNAL_HOT;
      }
    }
    s[c.chargeFactor + way] = absent ? factor / 2 : factor;
    s[c.chargeWhy + way] = why || INTERNAL_HOT;
  }
  if (s[c.chargeFactor] === 0) s[c.blocks] |= c.LOOK;
}

/** What blocks, by events, status, cells, temperature and the user, and what that and somebody outside leave of the voltage (5.5). */
function restrict(limits: Limits, snapshot: Snapshot, status: number): void {
  const s = limits.state, set = limits.settings, v = snapshot.values, floor = set[k.floor], warnings = snapshot.faults.high;
  if (limits.at >= s[c.externalUntil]) endExternal(limits);
  let blocks = set[k.inhibit] | set[k.stopped], faults = snapshot.faults.low & CHARGE_FAULTS;
  let held = s[c.latch], cap = s[c.externalCvl], why = EXTERNAL;
  if (!(status >= STATUS_CHARGING && status <= STATUS_IDLE || status === STATUS_FAULT && faults)) blocks |= 5;
  if (faults) {
    if (faults & set[k.dischargeFaults]) blocks |= 4;
    if (status === STATUS_CHARGING || v[r.packCurrent] > 0) faults &= ~UNDER_VOLTAGE;
    if (faults) blocks |= faults & FLOOR_FAULTS ? 3 : 1;
  }
  if (warnings & FULLY_DISCHARGED || snapshot.lowest <= set[k.blockBottom]) blocks |= 4;
  if (warnings & TOO_COLD || s[c.chargeFactor] === 0) blocks |= 1;
  if (snapshot.highest >= set[k.blockTop]) s[c.overVoltage] = 1;
  else if (snapshot.highest <= set[k.freeTop]) s[c.overVoltage] = 0;
  if (s[c.overVoltage]) blocks |= 3;
  s[c.blocks] = s[c.externalUntil] > 0 ? blocks | c.LOOK : blocks;
  if (!(blocks & 1)) {
    held = NaN;
  } else if (!(held > 0)) {
    held = v[r.packVoltage] * 1000 + 0.5 | 0;
    if (held > set[k.latchMost]) held = set[k.latchMost];
    if (held > s[c.cvl]) held = s[c.cvl];
    if (held < floor) held = floor;
  }
  s[c.latch] = held;
  if (blocks & 2) held = floor;
  if (held > 0 && !(cap < held)) {
    cap = held;
    why = CHARGE_BLOCKED;
  }
  s[c.cvlCap] = cap;
  s[c.cvlCapReason] = why;
}

/** Charge voltage: falls at once, rises by 5 mV a second when no cell is high and not soon after a block (5.3, 5.4). */
function chargeVoltage(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state, set = limits.settings, dt = s[c.dt], limit = set[k.limit], over = snapshot.highest - limit, last = s[c.cvl];
  const first = r.cell01Voltage + snapshot.firstCell, n = limits.cells;
  let target = set[k.bulk], why = set[k.bulkWhy], pf = s[c.pf], integ = s[c.integ], raw = snapshot.sum;
  if (over > 0) for (const mv of snapshot.values.subarray(first, first + n)) if (mv > limit) raw += limit - mv;
  if (over < 0) raw -= n * over;
  if (over > 0 || integ > 0) {
    integ += set[k.ki] * over * dt;
    s[c.integ] = integ = integ > set[k.integMax] ? set[k.integMax] : integ > 0 ? integ : 0;
    raw -= integ;
  }
  pf = pf > 0 && dt < set[k.tau] && (raw > pf || over <= set[k.hard]) ? pf + (raw - pf) * dt / set[k.tau] : raw;
  s[c.pf] = pf;
  if (s[c.state] === c.FLOAT) {
    target = (last < target ? last : target) - set[k.floatRate] * dt;
    if (target < set[k.float]) target = set[k.float];
  }
  if (pf < target) {
    target = pf;
    why = CELL_HIGH;
  }
  if (s[c.cvlCap] <= target) {
    target = s[c.cvlCap];
    why = s[c.cvlCapReason];
  }
  if (target < set[k.floor]) target = set[k.floor];
  s[c.cvlTarget] = target;
  if (target < last && (over > set[k.hard] || s[c.blocks] & 1)) s[c.sinceLow] = 0;
  if (target > last) {
    raw = over <= 0 && (s[c.sinceLow] >= set[k.cvlUpHold] || s[c.state] === c.FLOAT) ? last + set[k.cvlUpRate] * dt : last;
    if (raw < target) {
      target = raw > set[k.floor] ? raw : set[k.floor];
      if (why < RECOVERING) why = over > 0 ? CELL_HIGH : RECOVERING;
    }
  }
  s[c.cvl] = target;
  s[c.cvlReason] = why;
}

/** A current falls at once, and rises by 2 % of the largest a second after a while of being possible. `way`: 0 charge, 1 discharge. */
function current(limits: Limits, way: number, mv: number, most: number, mostWhy: number): void {
  const s = limits.state, set = limits.settings;
  let target = s[c.chargeFactor + way], why = target < 1 ? s[c.chargeWhy + way] : set[k.mostWhy + way], held = 0;
  if (way ? mv < set[k.clearBottom] : mv > set[k.clearTop]) {
    const byCell = taper(limits.tables, way, mv - set[k.full + way]);
    if (byCell < target) {
      target = byCell;
      why = CELL_HIGH + way;
    }
  }
  target *= set[k.most + way];
  if (target > most) {
    target = most;
    why = mostWhy;
  }
  if (s[c.blocks]) {
    if (target > s[c.externalCcl + way]) {
      target = s[c.externalCcl + way];
      why = EXTERNAL;
    }
    if (s[c.blocks] & (way ? 4 : 1)) {
      if (target > 0 || why < EXTERNAL) why = CHARGE_BLOCKED + way;
      target = 0;
    }
  }
  s[c.cclTarget + way] = target;
  if (target > s[c.ccl + way]) {
    const largest = set[k.most + way];
    let out = s[c.ccl + way];
    held = s[c.chargeHeld + way] + s[c.dt];
    if (held > set[k.recHold] && (out > 0 || target >= largest * set[k.recThreshold])) out += largest * set[k.recRate] * s[c.dt];
    if (out < target) {
      target = out;
      if (why < RECOVERING) why = RECOVERING;
    }
  }
  s[c.chargeHeld + way] = held;
  s[c.ccl + way] = target;
  s[c.cclReason + way] = why;
}

/** The charge current with what state and settings leave of it. */
function chargeCurrent(limits: Limits, snapshot: Snapshot, state: number): void {
  const set = limits.settings;
  let most = set[k.cap], why = set[k.capWhy];
  if (state > c.FLOAT && (state === c.HOLD || snapshot.lowest < set[k.sustainCharge]) && most > set[k.holdA + state - c.HOLD]) {
    most = set[k.holdA + state - c.HOLD];
    why = IMBALANCE + state - c.HOLD;
  }
  if (set[k.socTaper]) {
    const bySoc = set[k.most] * taper(limits.tables, BY_SOC, snapshot.values[r.stateOfCharge] * 10);
    if (bySoc < most) {
      most = bySoc;
      why = CELL_HIGH;
    }
  }
  current(limits, 0, snapshot.highest, most, why);
}

/** Both currents. At rest, blocked or with nothing but the temperature to narrow them, they need no second look. */
function currents(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state, set = limits.settings, bottom = snapshot.lowest, blocks = s[c.blocks], state = s[c.state];
  let factor = s[c.chargeFactor];
  if (bottom >= set[k.susvOut]) s[c.susv] = 0;
  else if (bottom <= set[k.sustainIn]) s[c.susv] = 1;
  if (blocks & 1 && s[c.ccl] === 0) {
    s[c.cclReason] = CHARGE_BLOCKED;
    s[c.chargeHeld] = 0;
  } else if (state > c.FLOAT || set[k.special]) {
    chargeCurrent(limits, snapshot, state);
  } else if (blocks || snapshot.highest > set[k.clearTop] || s[c.ccl] !== factor * set[k.most]) {
    current(limits, 0, snapshot.highest, Infinity, 0);
  } else {
    s[c.cclReason] = factor < 1 ? s[c.chargeWhy] : set[k.mostWhy];
    s[c.chargeHeld] = 0;
  }
  factor = s[c.dischargeFactor];
  if (blocks & 4 && s[c.dcl] === 0) {
    s[c.dclReason] = DISCHARGE_BLOCKED;
    s[c.dischargeHeld] = 0;
  } else if (blocks || bottom < set[k.clearBottom] || state === c.SUSTAIN || s[c.dcl] !== factor * set[k.dischargeMost]) {
    current(limits, 1, bottom, state !== c.SUSTAIN ? Infinity : s[c.susv] ? 0 : set[k.susDcl], SUSTAINED);
  } else {
    s[c.dclReason] = factor < 1 ? s[c.dischargeWhy] : set[k.dischargeMostWhy];
    s[c.dischargeHeld] = 0;
  }
}

/** A step with good data; false when a value is missing in it. */
function control(limits: Limits, snapshot: Snapshot): boolean {
  const s = limits.state, set = limits.settings, v = snapshot.values, top = snapshot.highest, status = v[r.onlineStatus];
  const coldest = v[r.minTemperature], internal = v[r.internalTemp];
  const absent = coldest === internal && isNaN(v[r.externalTemp1]) && isNaN(v[r.externalTemp2]);
  const weather = absent ? -1e9 - internal : coldest + v[r.maxTemperature] * 1e3 + internal * 1e6;
  if (!(weather + top + snapshot.sum + v[r.packCurrent] + v[r.stateOfCharge] + status < Infinity)) return false;
  s[c.sinceLow] += s[c.dt];
  nextState(limits, snapshot);
  if (set[k.socSync] && syncDue(limits, snapshot)) prepare(limits, snapshot);
  if (weather !== s[c.weather]) {
    s[c.weather] = weather;
    temperatures(limits, v, absent);
  }
  if (s[c.blocks] || snapshot.faults.low || snapshot.faults.high || top > set[k.freeTop] || snapshot.lowest <= set[k.blockBottom]
    || !(status >= STATUS_CHARGING && status <= STATUS_IDLE)) restrict(limits, snapshot, status);
  chargeVoltage(limits, snapshot);
  currents(limits, snapshot);
  return true;
}

/** Look at the settings of the battery again: they were read anew, and may have changed. */
function lookAtSettings(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state, v = snapshot.values;
  if (isNaN(v[r.fullyChargedVoltage])) return;
  let sum = snapshot.cells;
  for (const setting of v.subarray(r.fullyChargedVoltage, r.operationMode + 1)) sum = sum * SPREAD + setting;
  s[c.preparedAt] = snapshot.settingsAt;
  if (sum === s[c.preparedSum]) return;
  s[c.preparedSum] = sum;
  s[c.sync] = 0;
  prepare(limits, snapshot);
}

/**
 * One step, each second: `dt` seconds after the last one. True when a limit fell. Limits stay unknown before the first
 * complete snapshot, without a chemistry, when the settings do not fit the battery, and while silent. A negative `dt` is
 * for a reader that finds the limits older than it may use: they become the fail-safe of lost data, and stay as old.
 */
export function limitsStep(limits: Limits, snapshot: Snapshot, now: number, dt: number): boolean {
  const s = limits.state, v = snapshot.values, phase = snapshot.phase, cvl = s[c.cvl], ccl = s[c.ccl], dcl = s[c.dcl];
  if (phase === BOOT) return false;
  if (dt >= 0) {
    limits.at = now;
    s[c.dt] = dt;
    if (s[c.preparedAt] !== snapshot.settingsAt) lookAtSettings(limits, snapshot);
    if (!limits.valid || phase !== NORMAL || !control(limits, snapshot)) failSafe(limits, phase);
  } else {
    failSafe(limits, LOST);
  }
  const why = s[c.cvlReason], whyCharge = s[c.cclReason], whyDischarge = s[c.dclReason], codes = why * 1024 + whyCharge * 32 + whyDischarge;
  if (codes !== s[c.codes]) {
    s[c.codes] = codes;
    limits.reason = whyCharge >= whyDischarge && whyCharge >= why ? whyCharge : whyDischarge >= why ? whyDischarge : why;
    limits.history[s[c.changes] % HISTORY] = (now / 60000 & 131071) * 32768 + codes;
    s[c.changes]++;
  }
  if (limits.valid && phase !== SILENT) {
    v[r.chargeVoltageLimit] = s[c.cvl] / 1000;
    v[r.chargeCurrentLimit] = s[c.ccl];
    v[r.dischargeCurrentLimit] = s[c.dcl];
  } else {
    v.fill(NaN, r.chargeVoltageLimit, r.dischargeCurrentLimit + 1);
  }
  if (dt >= 0) limits.doneAt = now;
  return dt < 0 || s[c.cvl] < cvl || s[c.ccl] < ccl || s[c.dcl] < dcl;
}
