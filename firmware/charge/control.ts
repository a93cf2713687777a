// Charge control: what the battery may be charged and discharged with, each second. The states are in phases.ts;
// here are cell protection, blocks, tapers, slew. Falls at once, rises slowly; what is unknown counts as the worst
// (charge/README.md).
import { failSafe } from "./fail-safe.cold";
import { endExternal } from "./external.cold";
import { nextState, syncDue } from "./phases";
import { prepare } from "./prepare.cold";
import * as settingSlot from "./settings";
import * as memory from "./memory";
import { taper } from "./taper";
import { watchFrom } from "./watch.cold";
import {
  BY_INTERNAL,
  BY_SOC,
  CELL_HIGH,
  CHARGE_BLOCKED,
  CHARGE_BY_TEMPERATURE,
  COLD,
  DISCHARGE_BLOCKED,
  EXTERNAL,
  HISTORY,
  HOT,
  IMBALANCE,
  INTERNAL_HOT,
  RECOVERING,
  SUSTAINED,
  type Limits,
} from "./limits";
import { CHARGE_FAULTS } from "../battery/alarms.baked";
import * as slot from "../battery/registers.baked";
import { BOOT, DEGRADED, NORMAL, SILENT, type Snapshot } from "../battery/snapshot";
import { STATUS_CHARGING, STATUS_FAULT, STATUS_IDLE } from "../battery/words.baked";

/** Both ways. */
const BLOCK_BOTH = memory.BLOCK_CHARGE + memory.BLOCK_DISCHARGE;
/** The charge, with the voltage at its floor. */
const CHARGE_AT_FLOOR = memory.BLOCK_CHARGE + memory.BLOCK_FLOOR;
/** Of the faults that block the charge: those that bring the voltage to its floor (3, 6, 7 and 11), a bit each id. */
const FLOOR_FAULTS = 0x8c8;
/** Fault 2, under-voltage: it does not block the charge that ends it. */
const UNDER_VOLTAGE = 4;
/** Warning 0x31, fully discharged, as a bit from 0x20 on. */
const FULLY_DISCHARGED = 0x20000;
/** Warning 0x37, too cold to charge, as a bit from 0x20 on. */
const TOO_COLD = 0x800000;
/**
 * A fault stops the charge at once; the discharge, without which an inverter goes off, when the events that were asked
 * for have not told its cause by then, ms.
 */
const CAUSE_MS = 600;
/** Below this it is the cold, not the heat, that narrows (degC). */
const MILD = 20;

/** What arithmetic may have lost of a whole number. */
const TINY = 1e-6;

/** Irrational enough that no two changed settings cancel out in their sum. */
const SPREAD = 1.6180339887;

/**
 * Factors by temperature of both directions, when one has changed; without a sensor half of what the BMS's own
 * temperature allows.
 */
function temperatures(limits: Limits, v: Float64Array, absent: boolean): void {
  const s = limits.state,
    set = limits.settings,
    tables = limits.tables;
  const coldest = v[slot.minTemperature],
    hottest = v[slot.maxTemperature],
    internal = v[slot.internalTemp];
  for (let way = 0; way < 2; way++) {
    let factor = 1,
      why = 0;
    for (let celsius = coldest, last = false; !last; celsius = hottest) {
      last = celsius === hottest;
      if (celsius < set[settingSlot.clearCold] || celsius > set[settingSlot.clearHot]) {
        const isCold = celsius < MILD,
          other = taper(
            tables,
            CHARGE_BY_TEMPERATURE + way,
            celsius * 10 - (isCold && !way ? set[settingSlot.shift] : 0),
          );
        if (other < factor) {
          factor = other;
          why = isCold ? COLD : HOT;
        }
      }
    }
    if (internal > set[settingSlot.clearInternal]) {
      const other = taper(tables, BY_INTERNAL, internal * 10);
      if (other < factor) {
        factor = other;
        why = INTERNAL_HOT;
      }
    }
    s[memory.chargeFactor + way] = absent ? factor / 2 : factor;
    s[memory.chargeWhy + way] = why || INTERNAL_HOT;
  }
  if (s[memory.chargeFactor] === 0) s[memory.blocks] |= memory.LOOK;
  limits.looked = true;
}

/**
 * What blocks, by events, status, cells, temperature and the user, and what that and somebody outside leave of the
 * voltage (5.5).
 */
function restrict(limits: Limits, snapshot: Snapshot, status: number): void {
  const s = limits.state,
    set = limits.settings,
    v = snapshot.values,
    floor = set[settingSlot.floor],
    warnings = snapshot.faults.high;
  if (limits.at >= s[memory.externalUntil]) endExternal(limits);
  let blocks = set[settingSlot.inhibit] | set[settingSlot.stopped],
    faults = snapshot.faults.low & CHARGE_FAULTS;
  let held = s[memory.latch],
    cap = s[memory.externalCvl],
    why = EXTERNAL;
  if (!((status >= STATUS_CHARGING && status <= STATUS_IDLE) || (status === STATUS_FAULT && faults)))
    blocks |=
      status === STATUS_FAULT && limits.at - snapshot.faults.askedAt < CAUSE_MS ? memory.BLOCK_CHARGE : BLOCK_BOTH;
  if (faults) {
    if (faults & set[settingSlot.dischargeFaults]) blocks |= memory.BLOCK_DISCHARGE;
    if (status === STATUS_CHARGING || v[slot.packCurrent] > 0) faults &= ~UNDER_VOLTAGE;
    if (faults) blocks |= faults & FLOOR_FAULTS ? CHARGE_AT_FLOOR : memory.BLOCK_CHARGE;
  }
  if (warnings & FULLY_DISCHARGED || snapshot.lowest <= set[settingSlot.blockBottom]) blocks |= memory.BLOCK_DISCHARGE;
  if (warnings & TOO_COLD || s[memory.chargeFactor] === 0) blocks |= memory.BLOCK_CHARGE;
  if (snapshot.highest >= set[settingSlot.blockTop]) s[memory.overVoltage] = 1;
  else if (snapshot.highest <= set[settingSlot.freeTop]) s[memory.overVoltage] = 0;
  if (s[memory.overVoltage]) blocks |= CHARGE_AT_FLOOR;
  s[memory.blocks] = s[memory.externalUntil] > 0 ? blocks | memory.LOOK : blocks;
  if (!(blocks & memory.BLOCK_CHARGE)) {
    held = NaN;
  } else if (!(held > 0)) {
    held = (v[slot.packVoltage] * 1000 + 0.5) | 0;
    if (held > set[settingSlot.latchMost]) held = set[settingSlot.latchMost];
    if (held > s[memory.cvl]) held = s[memory.cvl];
    if (held < floor) held = floor;
  }
  s[memory.latch] = held;
  if (blocks & memory.BLOCK_FLOOR) held = floor;
  if (held > 0 && !(cap < held)) {
    cap = held;
    why = CHARGE_BLOCKED;
  }
  s[memory.cvlCap] = cap;
  s[memory.cvlCapReason] = why;
}

/**
 * Charge voltage: falls at once, rises by 5 mV a second when no cell is high and not soon after a block (5.3, 5.4).
 * What protects the cells is made of one reply, that of the cell registers: registers 40 and 41 are of another moment,
 * under another load.
 */
function chargeVoltage(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    set = limits.settings,
    dt = s[memory.dt],
    limit = set[settingSlot.limit],
    over = snapshot.topCell - limit,
    last = s[memory.cvl];
  const first = slot.cell01Voltage + snapshot.firstCell,
    n = limits.cells;
  let target = set[settingSlot.bulk],
    why = set[settingSlot.bulkWhy],
    pf = s[memory.pf],
    integ = s[memory.integ],
    raw = snapshot.sum;
  if (over > 0) for (const mv of snapshot.values.subarray(first, first + n)) if (mv > limit) raw += limit - mv;
  if (over < 0) raw -= n * over;
  if (over > 0 || integ > 0) {
    integ += set[settingSlot.ki] * over * dt;
    s[memory.integ] = integ = integ > set[settingSlot.integMax] ? set[settingSlot.integMax] : integ > 0 ? integ : 0;
    raw -= integ;
  }
  pf =
    pf > 0 && dt < set[settingSlot.tau] && (raw > pf || over <= set[settingSlot.hard])
      ? pf + ((raw - pf) * dt) / set[settingSlot.tau]
      : raw;
  s[memory.pf] = pf;
  if (s[memory.state] === memory.FLOAT) {
    target = (last < target ? last : target) - set[settingSlot.floatRate] * dt;
    if (target < set[settingSlot.float]) target = set[settingSlot.float];
  }
  if (pf < target) {
    target = pf;
    why = CELL_HIGH;
  }
  if (s[memory.cvlCap] <= target) {
    target = s[memory.cvlCap];
    why = s[memory.cvlCapReason];
  }
  if (target < set[settingSlot.floor]) target = set[settingSlot.floor];
  s[memory.cvlTarget] = target;
  if (target < last && (over > set[settingSlot.hard] || s[memory.blocks] & memory.BLOCK_CHARGE)) s[memory.sinceLow] = 0;
  if (target > last) {
    raw =
      snapshot.highest <= limit &&
      (s[memory.sinceLow] >= set[settingSlot.cvlUpHold] || s[memory.state] === memory.FLOAT)
        ? last + set[settingSlot.cvlUpRate] * dt
        : last;
    if (raw < target) {
      target = raw > set[settingSlot.floor] ? raw : set[settingSlot.floor];
      if (why < RECOVERING) why = snapshot.highest > limit ? CELL_HIGH : RECOVERING;
    }
  }
  s[memory.cvl] = target;
  s[memory.cvlReason] = why;
}

/**
 * A current falls at once, and rises by 2 % of the largest a second after a while of being possible. `way`: 0 charge, 1
 * discharge.
 */
function current(limits: Limits, way: number, mv: number, most: number, mostWhy: number): void {
  const s = limits.state,
    set = limits.settings;
  let target = s[memory.chargeFactor + way],
    why = target < 1 ? s[memory.chargeWhy + way] : set[settingSlot.mostWhy + way],
    held = 0;
  if (way ? mv < set[settingSlot.clearBottom] : mv > set[settingSlot.clearTop]) {
    const byCell = taper(limits.tables, way, mv - set[settingSlot.full + way]);
    if (byCell < target) {
      target = byCell;
      why = CELL_HIGH + way;
    }
  }
  target *= set[settingSlot.most + way];
  if (target > most) {
    target = most;
    why = mostWhy;
  }
  if (s[memory.blocks]) {
    if (target > s[memory.externalCcl + way]) {
      target = s[memory.externalCcl + way];
      why = EXTERNAL;
    }
    if (s[memory.blocks] & (way ? memory.BLOCK_DISCHARGE : memory.BLOCK_CHARGE)) {
      if (target > 0 || why < EXTERNAL) why = CHARGE_BLOCKED + way;
      target = 0;
    }
  }
  s[memory.cclTarget + way] = target;
  if (target > s[memory.ccl + way]) {
    const largest = set[settingSlot.most + way];
    let out = s[memory.ccl + way];
    held = s[memory.chargeHeld + way] + s[memory.dt];
    if (held > set[settingSlot.recHold] && (out > 0 || target >= largest * set[settingSlot.recThreshold]))
      out += largest * set[settingSlot.recRate] * s[memory.dt];
    if (out < target) {
      target = out;
      if (why < RECOVERING) why = RECOVERING;
    }
  }
  s[memory.chargeHeld + way] = held;
  s[memory.ccl + way] = target;
  s[memory.cclReason + way] = why;
}

/** The charge current with what state and settings leave of it. */
function chargeCurrent(limits: Limits, snapshot: Snapshot, state: number): void {
  const set = limits.settings;
  let most = set[settingSlot.cap],
    why = set[settingSlot.capWhy];
  if (
    state > memory.FLOAT &&
    (state === memory.HOLD || snapshot.lowest < set[settingSlot.sustainCharge]) &&
    most > set[settingSlot.holdA + state - memory.HOLD]
  ) {
    most = set[settingSlot.holdA + state - memory.HOLD];
    why = IMBALANCE + state - memory.HOLD;
  }
  if (set[settingSlot.socTaper]) {
    const bySoc = set[settingSlot.most] * taper(limits.tables, BY_SOC, snapshot.values[slot.stateOfCharge] * 10);
    if (bySoc < most) {
      most = bySoc;
      why = CELL_HIGH;
    }
  }
  current(limits, 0, snapshot.highest, most, why);
}

/** Both currents. At rest, blocked or with nothing but the temperature to narrow them, they need no second look. */
function currents(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    set = limits.settings,
    bottom = snapshot.lowest,
    blocks = s[memory.blocks],
    state = s[memory.state];
  let factor = s[memory.chargeFactor];
  if (bottom >= set[settingSlot.susvOut]) s[memory.susv] = 0;
  else if (bottom <= set[settingSlot.sustainIn]) s[memory.susv] = 1;
  if (blocks & memory.BLOCK_CHARGE && s[memory.ccl] === 0) {
    s[memory.cclReason] = CHARGE_BLOCKED;
    s[memory.chargeHeld] = 0;
  } else if (state > memory.FLOAT || set[settingSlot.special]) {
    chargeCurrent(limits, snapshot, state);
  } else if (
    blocks ||
    snapshot.highest > set[settingSlot.clearTop] ||
    s[memory.ccl] !== factor * set[settingSlot.most]
  ) {
    current(limits, 0, snapshot.highest, Infinity, 0);
  } else {
    s[memory.cclReason] = factor < 1 ? s[memory.chargeWhy] : set[settingSlot.mostWhy];
    s[memory.chargeHeld] = 0;
  }
  factor = s[memory.dischargeFactor];
  if (blocks & memory.BLOCK_DISCHARGE && s[memory.dcl] === 0) {
    s[memory.dclReason] = DISCHARGE_BLOCKED;
    s[memory.dischargeHeld] = 0;
  } else if (
    blocks ||
    bottom < set[settingSlot.clearBottom] ||
    state === memory.SUSTAIN ||
    s[memory.dcl] !== factor * set[settingSlot.dischargeMost]
  ) {
    current(
      limits,
      1,
      bottom,
      state !== memory.SUSTAIN ? Infinity : s[memory.susv] ? 0 : set[settingSlot.susDcl],
      SUSTAINED,
    );
  } else {
    s[memory.dclReason] = factor < 1 ? s[memory.dischargeWhy] : set[settingSlot.dischargeMostWhy];
    s[memory.dischargeHeld] = 0;
  }
}

/** What temperatures, events, status and extremes forbid, at each step with data: in degraded too. */
function forbid(limits: Limits, snapshot: Snapshot, status: number): void {
  const s = limits.state,
    set = limits.settings,
    v = snapshot.values;
  const coldest = v[slot.minTemperature],
    internal = v[slot.internalTemp];
  const absent = coldest === internal && isNaN(v[slot.externalTemp1]) && isNaN(v[slot.externalTemp2]);
  const weather = absent ? -1e9 - internal : coldest + v[slot.maxTemperature] * 1e3 + internal * 1e6;
  if (weather !== s[memory.weather] && weather < Infinity) {
    s[memory.weather] = weather;
    temperatures(limits, v, absent);
  }
  if (
    s[memory.blocks] ||
    snapshot.faults.low ||
    snapshot.faults.high ||
    snapshot.highest >= set[settingSlot.nearTop] ||
    snapshot.lowest <= set[settingSlot.blockBottom] ||
    !(status >= STATUS_CHARGING && status <= STATUS_IDLE)
  )
    restrict(limits, snapshot, status);
}

/**
 * A step with good data; false when a value is missing in it. One that takes no time (dt 0) leaves states and timers
 * alone.
 */
function control(limits: Limits, snapshot: Snapshot): boolean {
  const v = snapshot.values,
    status = v[slot.onlineStatus],
    known = snapshot.highest + snapshot.sum + v[slot.packCurrent] + v[slot.stateOfCharge] + v[slot.minTemperature];
  if (!(known + v[slot.maxTemperature] + v[slot.internalTemp] + status < Infinity)) return false;
  if (limits.state[memory.dt] > 0) {
    limits.state[memory.sinceLow] += limits.state[memory.dt];
    nextState(limits, snapshot);
    if (limits.settings[settingSlot.socSync] && syncDue(limits, snapshot)) prepare(limits, snapshot);
  }
  forbid(limits, snapshot, status);
  chargeVoltage(limits, snapshot);
  currents(limits, snapshot);
  return true;
}

/** Look at the settings of the battery again: they were read anew, and may have changed. */
function lookAtSettings(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    v = snapshot.values;
  if (isNaN(v[slot.fullyChargedVoltage])) return;
  let sum = snapshot.cells;
  for (const setting of v.subarray(slot.fullyChargedVoltage, slot.operationMode + 1)) sum = sum * SPREAD + setting;
  s[memory.preparedAt] = snapshot.settingsAt;
  if (sum === s[memory.preparedSum]) return;
  s[memory.preparedSum] = sum;
  s[memory.sync] = 0;
  prepare(limits, snapshot);
}

/**
 * What everybody is told: rounded down to a tenth here and nowhere else; unknown while nothing is sent.
 */
export function tellLimits(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    v = snapshot.values;
  if (limits.valid && snapshot.phase !== SILENT) {
    v[slot.chargeVoltageLimit] = ((s[memory.cvl] / 100 + TINY) | 0) / 10;
    v[slot.chargeCurrentLimit] = ((s[memory.ccl] * 10 + TINY) | 0) / 10;
    v[slot.dischargeCurrentLimit] = ((s[memory.dcl] * 10 + TINY) | 0) / 10;
  } else {
    v.fill(NaN, slot.chargeVoltageLimit, slot.dischargeCurrentLimit + 1);
  }
}

/** What the limits are by data, phase and settings of now; `memory.dt` s have passed. */
export function makeLimits(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    status = snapshot.values[slot.onlineStatus],
    phase = snapshot.phase;
  if (s[memory.preparedAt] !== snapshot.settingsAt) lookAtSettings(limits, snapshot);
  if (!limits.valid || phase !== NORMAL || !control(limits, snapshot)) {
    if (phase === DEGRADED && status > 0) forbid(limits, snapshot, status);
    failSafe(limits, snapshot, phase);
  }
}

/** The limits that were made are in force: their reasons are kept, and everybody is told. */
export function putInForce(limits: Limits, snapshot: Snapshot, now: number): void {
  const s = limits.state,
    why = s[memory.cvlReason],
    whyCharge = s[memory.cclReason],
    whyDischarge = s[memory.dclReason],
    codes = why * 1024 + whyCharge * 32 + whyDischarge;
  if (codes !== s[memory.codes]) {
    s[memory.codes] = codes;
    limits.reason =
      whyCharge >= whyDischarge && whyCharge >= why ? whyCharge : whyDischarge >= why ? whyDischarge : why;
    limits.history[s[memory.changes] % HISTORY] = ((now / 60000) & 131071) * 32768 + codes;
    s[memory.changes]++;
  }
  tellLimits(limits, snapshot);
}

/**
 * One step, each second: `dt` seconds after the last one. True when a limit fell, as it is told. Limits stay unknown
 * before the first complete snapshot, without a chemistry, when the settings do not fit the battery, and while silent.
 */
export function limitsStep(limits: Limits, snapshot: Snapshot, now: number, dt: number): boolean {
  const v = snapshot.values,
    cvl = v[slot.chargeVoltageLimit],
    ccl = v[slot.chargeCurrentLimit],
    dcl = v[slot.dischargeCurrentLimit];
  if (snapshot.phase === BOOT) return false;
  limits.at = now;
  limits.state[memory.dt] = dt;
  makeLimits(limits, snapshot);
  putInForce(limits, snapshot, now);
  if (limits.looked) watchFrom(limits, snapshot);
  return v[slot.chargeVoltageLimit] < cvl || v[slot.chargeCurrentLimit] < ccl || v[slot.dischargeCurrentLimit] < dcl;
}
