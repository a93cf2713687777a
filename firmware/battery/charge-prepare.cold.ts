// What follows from the settings of user and battery: thresholds in mV and A for charge control, so that a step only compares.
// Runs when a setting of either has changed (charge-control.md 4 and 5, decisions.md 6 to 8).
import { checkRules } from "./charge-rules.cold";
import * as k from "./charge-settings";
import * as c from "./charge-state";
import { BMS_MAX, BY_BOTTOM, BY_INTERNAL, BY_TOP, CHARGE_BY_TEMPERATURE, CONFIG, DISCHARGE_BY_TEMPERATURE, FRESH, USER, type Limits } from "./limits";
import * as r from "./registers.baked";
import type { Snapshot } from "./snapshot";

/** Faults that block discharge, with two ports; with one a charge over-current (6) does it too. */
const DISCHARGE_FAULTS = 0xfcb4, CHARGE_OVER_CURRENT = 0x40;
/** What faulty settings leave of the charge current. */
const FAULTY_SHARE = 0.2;
/** Cell target of a synchronisation above register 300 (mV), its current as a share of the capacity. */
const SYNC_ABOVE = 5, SYNC_SHARE = 0.05;

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
  const set = limits.settings, capacity = v[r.batteryCapacity];
  for (const way of [0, 1]) {
    const bms = v[way ? r.dischargeOverCurrentCutoff : r.chargeOverCurrentCutoff] * set[k.head], user = set[k.cclMax + way];
    set[k.most + way] = user <= bms ? user : bms;
    set[k.mostWhy + way] = user <= bms ? USER : BMS_MAX;
  }
  set[k.holdA] = set[k.iHold] || Math.max(2, 0.02 * capacity);
  set[k.sustainA] = set[k.susCcl] * capacity;
  set[k.cap] = set[k.severity] ? set[k.most] * FAULTY_SHARE : Infinity;
  set[k.capWhy] = CONFIG;
  set[k.special] = set[k.severity] || set[k.socTaper];
  set[k.drop] = set[k.tailDrop] / (0.05 * capacity);
}

/** A voltage of the pack between floor and ceiling. */
function within(set: Float64Array, voltage: number): number {
  return Math.max(set[k.floor], Math.min(set[k.ceiling], voltage));
}

function voltages(limits: Limits, v: Float64Array): void {
  const set = limits.settings, n = limits.cells, full = v[r.fullyChargedVoltage], empty = v[r.fullyDischargedVoltage];
  let bulk = set[k.vBulk], float = Math.min(set[k.vFloat], bulk);
  if (set[k.severity] > 1) {
    bulk = Math.min(bulk, full - 75);
    float = Math.min(float, bulk - 50);
  }
  set[k.absTop] = bulk - 10;
  set[k.absPack] = n * bulk - 200;
  set[k.backTop] = bulk - 30;
  set[k.backPack] = n * bulk - 500;
  set[k.holdBack] = bulk - 50;
  set[k.latchMost] = n * float;
  set[k.floor] = n * set[k.vRebulk];
  set[k.ceiling] = n * (v[r.overVoltageCutoff] - set[k.guard] - set[k.mppt]);
  set[k.tail] = set[k.tailV];
  set[k.absLongest] = set[k.absMax];
  set[k.limit] = bulk + set[k.db];
  set[k.bulk] = within(set, n * bulk + set[k.vOffset]);
  set[k.float] = within(set, n * float + set[k.vOffset]);
  set[k.bulkWhy] = set[k.severity] > 1 ? CONFIG : FRESH;
  set[k.full] = full;
  set[k.empty] = empty;
  set[k.sustainIn] = empty + 50;
  set[k.sustainCharge] = empty + 100;
  set[k.susvOut] = empty + 150;
  set[k.sustainOut] = empty + 200;
  set[k.blockTop] = v[r.overVoltageCutoff] - 20;
  set[k.freeTop] = full - 50;
  set[k.blockBottom] = v[r.underVoltageCutoff] + 20;
}

/** Where each table begins to matter. */
function bounds(limits: Limits): void {
  const set = limits.settings, tables = limits.tables;
  set[k.clearTop] = set[k.full] + clear(tables, BY_TOP, true);
  set[k.clearBottom] = set[k.empty] + clear(tables, BY_BOTTOM, false);
  set[k.clearCold] = Math.max(clear(tables, CHARGE_BY_TEMPERATURE, false) + set[k.shift], clear(tables, DISCHARGE_BY_TEMPERATURE, false)) / 10;
  set[k.clearHot] = Math.min(clear(tables, CHARGE_BY_TEMPERATURE, true), clear(tables, DISCHARGE_BY_TEMPERATURE, true)) / 10;
  set[k.clearInternal] = clear(tables, BY_INTERNAL, true) / 10;
}

/**
 * A SoC synchronisation (setting battery.soc_sync, charge-control.md 5.8): absorption goes on to register 300 + 5 mV, with 0.05 C at most
 * in place of the taper by the highest cell, so that the TinyBMS meets its own condition of a full battery and corrects its SoC.
 */
function synchronise(set: Float64Array, cells: number, capacity: number): void {
  const target = set[k.full] + SYNC_ABOVE;
  set[k.bulk] = within(set, cells * target);
  set[k.limit] = target + set[k.db];
  set[k.clearTop] = set[k.tail] = set[k.absLongest] = Infinity;
  set[k.cap] = Math.min(set[k.cap], SYNC_SHARE * capacity);
  set[k.capWhy] = USER;
  set[k.special] = 1;
}

/** Make the thresholds, and tell whether the settings fit (`limits.valid`) and which rules are broken. */
export function prepare(limits: Limits, snapshot: Snapshot): void {
  const set = limits.settings, v = snapshot.values, shift = v[r.lowTempChargerCutoff] * 10 - zero(limits.tables, CHARGE_BY_TEMPERATURE, false);
  limits.cells = snapshot.cells;
  set[k.shift] = shift > 0 ? shift : 0;
  set[k.heatZero] = zero(limits.tables, CHARGE_BY_TEMPERATURE, true) / 10;
  const broken = checkRules(v, set, limits.cells);
  set[k.brokenRules] = broken & 0xffff;
  set[k.severity] = broken >> 16;
  limits.valid = set[k.severity] < 3;
  if (set[k.severity] > 2) set[k.severity] = 2;
  set[k.dischargeFaults] = v[r.operationMode] === 1 ? DISCHARGE_FAULTS | CHARGE_OVER_CURRENT : DISCHARGE_FAULTS;
  limits.state[c.blocks] |= c.LOOK;
  limits.state[c.weather] = NaN;
  voltages(limits, v);
  currents(limits, v);
  bounds(limits);
  if (limits.state[c.sync]) synchronise(set, limits.cells, v[r.batteryCapacity]);
  v[r.dischargeVoltageLimit] = limits.cells * v[r.fullyDischargedVoltage] / 1000;
}
