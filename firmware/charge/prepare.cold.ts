// What follows from the settings of user and battery: thresholds in mV and A for charge control, so that a step only
// compares. Runs when a setting of either has changed (charge/README.md).

import * as valueSlot from "../battery/registers.baked";
import type { Snapshot } from "../battery/snapshot";
import { cellVoltages } from "../config/presets.cold";
import {
  BMS_MAX,
  BY_BOTTOM,
  BY_INTERNAL,
  BY_TOP,
  CHARGE_BY_TEMPERATURE,
  CONFIG,
  DISCHARGE_BY_TEMPERATURE,
  FRESH,
  type Limits,
  USER,
} from "./limits";
import * as memory from "./memory";
import * as setting from "./settings";
import { ALARM, cclMax, dclMax, inhibit, INVALID, mppt, TOLD, vBulk, vOffset, WARNING } from "./settings";

/** Faults that block the discharge, with two ports, a bit each id. */
const DISCHARGE_FAULTS = 0xfcb4;
/** Fault 6: with one port it does so too. */
const CHARGE_OVER_CURRENT = 0x40;
/** What faulty settings leave of the charge current. */
const FAULTY_SHARE = 0.2;
/** Cell target of a synchronisation above register 300, mV. */
const SYNC_ABOVE = 5;
/** Charge current of a synchronisation, a share of the capacity. */
const SYNC_SHARE = 0.05;

/** The first (or last) x of a table's run of factors of 1: before (or behind) it the table matters. */
function clear(tables: Int16Array, table: number, last: boolean): number {
  let i = tables[table];
  for (; tables[i + 1] < 10000; i += 2) if (tables[i] === 32767) return last ? -32768 : 32767;
  if (!last) return tables[i];
  while (tables[i + 1] === 10000 && tables[i] < 32767) i += 2;
  return tables[i + 1] === 10000 ? 32767 : tables[i - 2];
}

/** The x up to which (or from which on) a table is 0; NaN when it never is. */
function zero(tables: Int16Array, table: number, hot: boolean): number {
  let i = tables[table];
  const step = hot ? -2 : 2;
  while (hot && tables[i] < 32767) i += 2;
  if (tables[i + 1] > 0) return NaN;
  while (tables[i + step + 1] === 0 && tables[i + step] < 32767 && tables[i + step] > -32768) i += step;
  return tables[i];
}

function currents(limits: Limits, v: Float64Array): void {
  const set = limits.settings,
    capacity = v[valueSlot.batteryCapacity];
  for (const way of [0, 1]) {
    const bms = v[way ? valueSlot.dischargeOverCurrentCutoff : valueSlot.chargeOverCurrentCutoff] * set[setting.head],
      user = set[setting.cclMax + way];
    set[setting.most + way] = user <= bms ? user : bms;
    set[setting.mostWhy + way] = user <= bms ? USER : BMS_MAX;
  }
  set[setting.holdA] = set[setting.iHold] || Math.max(2, 0.02 * capacity);
  set[setting.sustainA] = set[setting.susCcl] * capacity;
  set[setting.cap] = set[setting.severity] ? set[setting.most] * FAULTY_SHARE : Infinity;
  set[setting.capWhy] = CONFIG;
  set[setting.special] = set[setting.severity] || set[setting.socTaper];
  set[setting.drop] = set[setting.tailDrop] / (0.05 * capacity);
}

/** A voltage of the pack between floor and ceiling. */
function within(set: Float64Array, voltage: number): number {
  return Math.max(set[setting.floor], Math.min(set[setting.ceiling], voltage));
}

function voltages(limits: Limits, v: Float64Array): void {
  const set = limits.settings,
    n = limits.cells,
    full = v[valueSlot.fullyChargedVoltage],
    empty = v[valueSlot.fullyDischargedVoltage];
  let bulk = set[setting.vBulk],
    float = Math.min(set[setting.vFloat], bulk);
  if (set[setting.severity] > WARNING) {
    bulk = Math.min(bulk, full - 75);
    float = Math.min(float, bulk - 50);
  }
  set[setting.absTop] = bulk - 10;
  set[setting.absPack] = n * bulk - 200;
  set[setting.backTop] = bulk - 30;
  set[setting.backPack] = n * bulk - 500;
  set[setting.holdBack] = bulk - 50;
  set[setting.latchMost] = n * float;
  set[setting.floor] = n * set[setting.vRebulk];
  set[setting.ceiling] = n * (v[valueSlot.overVoltageCutoff] - set[setting.guard] - set[setting.mppt]);
  set[setting.tail] = set[setting.tailV];
  set[setting.absLongest] = set[setting.absMax];
  set[setting.limit] = bulk + set[setting.db];
  set[setting.bulk] = within(set, n * bulk + set[setting.vOffset]);
  set[setting.float] = within(set, n * float + set[setting.vOffset]);
  set[setting.bulkWhy] = set[setting.severity] > WARNING ? CONFIG : FRESH;
  set[setting.full] = full;
  set[setting.empty] = empty;
  set[setting.sustainIn] = empty + 50;
  set[setting.sustainCharge] = empty + 100;
  set[setting.susvOut] = empty + 150;
  set[setting.sustainOut] = empty + 200;
  set[setting.blockTop] = v[valueSlot.overVoltageCutoff] - 20;
  set[setting.freeTop] = full - 50;
  set[setting.nearTop] = Math.min(set[setting.blockTop], set[setting.freeTop]);
  set[setting.blockBottom] = v[valueSlot.underVoltageCutoff] + 20;
}

/** Where each table begins to matter. */
function bounds(limits: Limits): void {
  const set = limits.settings,
    tables = limits.tables;
  set[setting.clearTop] = set[setting.full] + clear(tables, BY_TOP, true);
  set[setting.clearBottom] = set[setting.empty] + clear(tables, BY_BOTTOM, false);
  set[setting.clearCold] =
    Math.max(
      clear(tables, CHARGE_BY_TEMPERATURE, false) + set[setting.shift],
      clear(tables, DISCHARGE_BY_TEMPERATURE, false),
    ) / 10;
  set[setting.clearHot] =
    Math.min(clear(tables, CHARGE_BY_TEMPERATURE, true), clear(tables, DISCHARGE_BY_TEMPERATURE, true)) / 10;
  set[setting.clearInternal] = clear(tables, BY_INTERNAL, true) / 10;
}

/**
 * A SoC synchronisation (setting battery.soc_sync): absorption goes on to register 300 + 5 mV,
 * with 0.05 C at most in place of the taper by the highest cell, so that the TinyBMS meets its own condition of a full
 * battery and corrects its SoC.
 */
function synchronise(set: Float64Array, cells: number, capacity: number): void {
  const target = set[setting.full] + SYNC_ABOVE;
  set[setting.bulk] = within(set, cells * target);
  set[setting.limit] = target + set[setting.db];
  set[setting.clearTop] = set[setting.tail] = set[setting.absLongest] = Infinity;
  set[setting.cap] = Math.min(set[setting.cap], SYNC_SHARE * capacity);
  set[setting.capWhy] = USER;
  set[setting.special] = 1;
}

/** Make the thresholds, and tell whether the settings fit (`limits.valid`) and which rules are broken. */
export function prepare(limits: Limits, snapshot: Pick<Snapshot, "values" | "cells">): void {
  const set = limits.settings,
    v = snapshot.values,
    shift = v[valueSlot.lowTempChargerCutoff] * 10 - zero(limits.tables, CHARGE_BY_TEMPERATURE, false);
  limits.cells = snapshot.cells;
  set[setting.shift] = shift > 0 ? shift : 0;
  set[setting.heatZero] = zero(limits.tables, CHARGE_BY_TEMPERATURE, true) / 10;
  const broken = checkRules(v, set, limits.cells);
  set[setting.brokenRules] = broken & 0xffff;
  set[setting.severity] = broken >> 16;
  limits.valid = set[setting.severity] < INVALID;
  if (set[setting.severity] > ALARM) set[setting.severity] = ALARM;
  set[setting.dischargeFaults] =
    v[valueSlot.operationMode] === 1 ? DISCHARGE_FAULTS | CHARGE_OVER_CURRENT : DISCHARGE_FAULTS;
  limits.state[memory.blocks] |= memory.LOOK;
  limits.looked = true;
  limits.state[memory.weather] = NaN;
  voltages(limits, v);
  currents(limits, v);
  bounds(limits);
  if (limits.state[memory.sync]) synchronise(set, limits.cells, v[valueSlot.batteryCapacity]);
  // whole mV
  v[valueSlot.dischargeVoltageLimit] = Math.floor((limits.cells * v[valueSlot.fullyDischargedVoltage]) / 100) / 10;
}

// What the settings of user and battery must fulfil (charge/README.md, rules at start). The bit of a rule is its row.

const SILENT_CAN = "nothing is sent",
  LESS = "charge current at most 20 %",
  LESS_VOLTAGE = LESS + ", v_bulk at most register 300 - 0.075 V";

/** Severity, code, rule and effect. */
const rules: [number, string, string, string][] = [
  [INVALID, "Chemistry", "v_bulk + 0.1 V within 0.15 V of register 300", SILENT_CAN],
  [INVALID, "Rebulk", "v_rebulk from register 301 to below v_bulk, register 300 - 0.075 V and the ceiling", SILENT_CAN],
  [ALARM, "BulkVoltage", "v_bulk + 0.075 V <= register 300", LESS_VOLTAGE],
  [ALARM, "FullVoltage", "register 300 + 0.05 V <= register 315", LESS_VOLTAGE],
  [ALARM, "EmptyVoltage", "register 301 >= register 316 + 0.05 V", LESS_VOLTAGE],
  [WARNING, "ColdCutoff", "register 320 <= 10 degC", LESS],
  [TOLD, "ColdShift", "register 320 <= zero of the cold table", "the cold table begins at register 320"],
  [WARNING, "HeatCutoff", "zero of the heat table <= register 319 - 2 degC", LESS],
  [WARNING, "Restart", "register 329 bit 2 set and register 321 <= rebulk_soc", LESS],
  [WARNING, "Balancing", "register 303 <= v_float", LESS],
  [WARNING, "Cells", "cells in use = register 307 = register 53", LESS],
];
/** Their rows, by severity. */
const INVALID_ROWS = 0b11,
  ALARM_ROWS = 0b11100,
  WARNING_ROWS = 0b11110100000;

/**
 * Broken rules as bits, and the worst severity of them in the bits from 16 on; distances in mV, of the MPPTs' headroom
 * included. Straight code in the order of the rows: a function a row costs six times as much.
 */
export function checkRules(v: Float64Array, set: Float64Array, cells: number): number {
  const full = v[valueSlot.fullyChargedVoltage],
    empty = v[valueSlot.fullyDischargedVoltage],
    over = v[valueSlot.overVoltageCutoff],
    bulk = set[setting.vBulk],
    rebulk = set[setting.vRebulk],
    detected = set[setting.detected],
    ceiling = over - set[setting.guard] - set[setting.mppt];
  const broken =
    (bulk > 0 && Math.abs(full - bulk - 100) <= 150 ? 0 : 1) +
    (rebulk >= empty && rebulk < Math.min(bulk, full - 75, ceiling) ? 0 : 2) +
    (bulk + set[setting.mppt] + 50 <= full ? 0 : 4) +
    (full + 50 <= over ? 0 : 8) +
    (empty >= v[valueSlot.underVoltageCutoff] + 50 ? 0 : 16) +
    (v[valueSlot.lowTempChargerCutoff] <= 10 ? 0 : 32) +
    (set[setting.shift] <= 0 ? 0 : 64) +
    (set[setting.heatZero] > v[valueSlot.overHeatCutoff] - 2 ? 128 : 0) +
    (v[valueSlot.optionFlags] & 4 && v[valueSlot.chargeRestartLevel] <= set[setting.rebulkSoc] ? 0 : 256) +
    (v[valueSlot.earlyBalancingThreshold] <= set[setting.vFloat] ? 0 : 512) +
    (v[valueSlot.seriesCells] === cells && (!detected || detected === cells) ? 0 : 1024);
  const worst = broken & INVALID_ROWS ? INVALID : broken & ALARM_ROWS ? ALARM : broken & WARNING_ROWS ? WARNING : TOLD;
  return (worst << 16) | broken;
}

/** The rows of broken rules, as they stand on HTTP and MQTT. */
export function brokenRules(broken: number): Record<string, unknown>[] {
  return rules
    .filter(function (_row, i) {
      return broken & (1 << i);
    })
    .map(function (row) {
      return { "code": row[1], "severity": row[0], "rule": row[2], "effect": row[3] };
    });
}

// The user's settings (modules battery and can/limits) into the slots of charge control.

/** Settings in the order of their slots, from v_offset on: those in V, then the others. "-" is none of them. */
const MILLI = "v_offset guard - db hard integ_max cvl_up_rate tail_spread hold_in hold_out float_rate";
const PERCENT = "rec_rate rec_thr";
const PLAIN =
  "head ki tau cvl_up_hold abs_min abs_max hold_max i_hold rebulk_soc rebulk_days sustain_soc sustain_exit_soc sus_dcl sus_ccl rec_hold " +
  "soc_taper soc_sync";
/**
 * MPPTs go this much above the charge voltage when they feed in, mV a cell: 0.4 V of 16 cells (Victron CAN-bus BMS
 * protocol, 2021).
 */
const MPPT = 25;

/** Take the settings; the next step works out what follows from them. */
export function takeSettings(limits: Limits, battery: Record<string, unknown>, most: Record<string, unknown>): void {
  const set = limits.settings,
    s = limits.state;
  set.set(cellVoltages(battery), vBulk);
  let slot = vOffset;
  for (const key of MILLI.split(" ")) set[slot++] = Math.round((battery[key] as number) * 1e6) / 1000;
  set[slot - 1] /= 60;
  for (const key of PERCENT.split(" ")) set[slot++] = (battery[key] as number) / 100;
  for (const key of PLAIN.split(" ")) set[slot++] = +(battery[key] as number);
  set[mppt] = MPPT;
  set[cclMax] = most["cclMax"] as number;
  set[dclMax] = most["dclMax"] as number;
  set[inhibit] =
    (battery["inhibit_charge"] ? memory.BLOCK_CHARGE : 0) + (battery["inhibit_discharge"] ? memory.BLOCK_DISCHARGE : 0);
  s[memory.preparedAt] = s[memory.preparedSum] = NaN;
}
