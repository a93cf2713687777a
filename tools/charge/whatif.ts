// Charge control step by step from described inputs: `npm run whatif`, and the tests' way to run the vectors. Names are
// those of firmware/charge/memory.ts, rules those of firmware/charge/prepare.cold.ts.
import { limitsStep } from "../../firmware/charge/control";
import * as setting from "../../firmware/charge/settings";
import * as memory from "../../firmware/charge/memory";
import { type Limits, limitsOf } from "../../firmware/charge/limits";
import { floored } from "../../firmware/battery/names.cold";
import { updatePhase } from "../../firmware/battery/snapshot.cold";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { DEGRADED, LOST, SILENT, type Snapshot, snapshotOf } from "../../firmware/battery/snapshot";
import { chargeStates, reasons } from "../../firmware/tables/states";
import { type Config, configured, unknownNames } from "./config";

export type Line = Record<string, unknown>;
export interface Answer {
  state: string;
  cvl: number | null;
  ccl: number | null;
  dcl: number | null;
  reason: string;
}

/** What is carried from line to line. */
export interface Session {
  limits: Limits;
  snapshot: Snapshot;
  config: Config;
  now: number;
  /** What was not understood in the last line and has no effect. */
  notes: string[];
}

const DAY_MS = 86400000;
/** Outputs and timers of `previous`: slot, and units of the slot in one of the name's. */
const PREVIOUS: Record<string, [slot: number, per: number]> = {
  t: [memory.t, 1],
  tc: [memory.tc, 1],
  cvl: [memory.cvl, 1000],
  ccl: [memory.ccl, 1],
  dcl: [memory.dcl, 1],
  pf: [memory.pf, 1000],
  integ: [memory.integ, 1000],
  low: [memory.sinceLow, 1],
  ch: [memory.chargeHeld, 1],
  dh: [memory.dischargeHeld, 1],
  susv: [memory.susv, 1],
  latch: [memory.latch, 1000],
};

/** Inputs of a line. */
const LINE_NAMES = "cells current soc tmin tmax tint status faults age dt days config previous".split(" ");
/** An answer can be given as `previous`; its reason says nothing that is carried. */
const PREVIOUS_NAMES = [...Object.keys(PREVIOUS), "state", "reason"];

function strangeNames(given: Line, known: string[], before: string): string[] {
  const strange = Object.keys(given).filter((name) => !known.includes(name));
  return strange.map((name) => `${before}${name} is not known and has no effect`);
}

export function sessionOf(): Session {
  return { limits: limitsOf(), snapshot: snapshotOf(), config: {}, now: 1e9, notes: [] };
}

const isObject = (value: unknown): value is Line =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A number of the line, its default when left out, NaN (unknown) for null. */
function numberIn(line: Line, name: string, preset: number, low = -Infinity, high = Infinity): number {
  const value = line[name];
  if (value === undefined) return preset;
  if (value === null) return NaN;
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw new Error(`${name}: must be a number` + (low > -Infinity ? ` of ${low}..${high}` : ""));
}

/** A number, or hexadecimal text with or without 0x. */
function codeOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  if (typeof value === "string" && /^(0x)?[0-9a-f]{1,4}$/i.test(value.trim())) return parseInt(value, 16);
  throw new Error(`${name}: must be a number or hexadecimal text`);
}

function cellsOf(line: Line): number[] {
  const cells = line["cells"];
  if (!Array.isArray(cells) || cells.length < 4 || cells.length > 16)
    throw new Error("cells: must be 4 to 16 voltages");
  return cells.map((volts: unknown, i) => {
    if (volts === null) return NaN;
    if (typeof volts !== "number" || !(volts >= 0.5 && volts <= 5))
      throw new Error(`cells[${i}]: must be a voltage of 0.5..5 V`);
    return Math.round(volts * 10000) / 10;
  });
}

/** As after lost data: floor and 0 A, and the way up at once. */
function takeLost(limits: Limits, count: number): void {
  const s = limits.state;
  s[memory.cvl] = limits.settings[setting.vRebulk] * count;
  s[memory.ccl] = s[memory.dcl] = 0;
  s[memory.chargeHeld] = s[memory.dischargeHeld] = s[memory.sinceLow] = memory.LONG;
}

/** Put what `previous` says in place of everything carried. */
function takePrevious(limits: Limits, previous: Line, count: number): void {
  const s = limits.state,
    given = previous["state"] ?? "BULK",
    name = typeof given === "string" ? given.split("/")[0].trim().toUpperCase() : "";
  const isLost = name === "LOST" || name === "SILENT",
    state = isLost ? memory.BULK : chargeStates.indexOf(name);
  if (state < memory.BULK)
    throw new Error(`previous.state: must be one of ${chargeStates.slice(1).join(", ")}, LOST, SILENT`);
  if (isLost) takeLost(limits, count);
  for (const [name, [slot, per]] of Object.entries(PREVIOUS)) {
    const value = previous[name];
    if (value === undefined || value === null) continue;
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number)) throw new Error(`previous.${name}: must be a number`);
    s[slot] = Math.round(number * per * 1e6) / 1e6;
  }
  s[memory.state] = state;
}

/** Events as bits; those from 0x40 on mean nothing for charge control. */
export function takeFaults(snapshot: Snapshot, line: Line): void {
  const given = line["faults"] ?? [];
  if (!Array.isArray(given)) throw new Error("faults: must be a list");
  snapshot.faults = { low: 0, high: 0, fresh: false, at: 0, askedAt: NaN };
  for (const event of given.map((one: unknown, i) => codeOf(one, `faults[${i}]`))) {
    if (event < 0x20) snapshot.faults.low |= 1 << event;
    else if (event < 0x40) snapshot.faults.high |= 1 << (event - 0x20);
  }
}

/** Measurements of a line into the snapshot. */
export function takeMeasurements(snapshot: Snapshot, line: Line, cells: number[]): void {
  const v = snapshot.values,
    sum = cells.reduce((total, mv) => total + mv, 0),
    internal = numberIn(line, "tint", 30);
  const coldest = numberIn(line, "tmin", 20),
    hottest = numberIn(line, "tmax", 22);
  const known = [coldest, hottest].filter((celsius) => !isNaN(celsius)),
    temperatures = known.length ? known : [internal];
  snapshot.cells = cells.length;
  snapshot.firstCell = 16 - cells.length;
  snapshot.highest = cells.some(isNaN) ? NaN : Math.max(...cells);
  snapshot.lowest = cells.some(isNaN) ? NaN : Math.min(...cells);
  snapshot.topCell = snapshot.highest;
  snapshot.bottomCell = snapshot.lowest;
  snapshot.sum = sum;
  v.fill(NaN, valueSlot.cell01Voltage, valueSlot.cell16Voltage + 1);
  v.set(cells, valueSlot.cell01Voltage + snapshot.firstCell);
  v[valueSlot.packVoltage] = sum / 1000;
  v[valueSlot.packCurrent] = numberIn(line, "current", 0);
  v[valueSlot.stateOfCharge] = numberIn(line, "soc", 50, 0, 100);
  v[valueSlot.onlineStatus] = line["status"] === null ? NaN : codeOf(line["status"] ?? 0x97, "status");
  v[valueSlot.internalTemp] = internal;
  v[valueSlot.externalTemp1] = coldest;
  v[valueSlot.externalTemp2] = hottest;
  v[valueSlot.minTemperature] = Math.min(...temperatures);
  v[valueSlot.maxTemperature] = Math.max(...temperatures);
}

/** Configuration and memory for the line, which may replace either. */
function takeCarried(session: Session, line: Line, count: number): void {
  const { config, previous } = line;
  for (const [name, value] of Object.entries({ config, previous })) {
    if (value !== undefined && value !== null && !isObject(value)) throw new Error(`${name}: must be an object`);
  }
  if (isObject(config)) {
    if (config["N"] !== undefined && config["N"] !== count)
      throw new Error(`config.N: ${JSON.stringify(config["N"])}, but ${count} cells are given`);
    session.config = config;
    session.notes.push(...unknownNames(config).map((name) => `config.${name} is not known and has no effect`));
  }
  const { limits, snapshot } = session,
    isNew = isObject(config) || count !== snapshot.cells;
  session.limits = isNew
    ? configured(session.config, count, snapshot.values)
    : { ...limits, settings: limits.settings.slice() };
  const fresh = previous === undefined ? limits.state.slice() : limitsOf().state;
  if (isNew) fresh[memory.preparedAt] = fresh[memory.preparedSum] = fresh[memory.codes] = NaN;
  session.limits.state = fresh;
  if (previous === undefined) return;
  if (isObject(previous)) {
    session.notes.push(...strangeNames(previous, PREVIOUS_NAMES, "previous."));
    takePrevious(session.limits, previous, count);
  }
  snapshot.phase = snapshot.good = 0;
}

/**
 * All that a step needs, from a line; what is carried changes only when the whole line is good. Throws an Error with
 * the reason.
 */
export function described(before: Session, line: unknown): { session: Session; dt: number } {
  if (!isObject(line)) throw new Error("not an object");
  const snapshot = { ...before.snapshot, values: before.snapshot.values.slice() },
    session = { ...before, snapshot, notes: [] as string[] };
  const cells = cellsOf(line),
    dt = numberIn(line, "dt", 1, 0, 86400);
  const age = numberIn(line, "age", 0.5, 0),
    days = numberIn(line, "days", 1, 0, 1e6);
  if (isNaN(dt + age + days)) throw new Error("dt, age, days: must be numbers");
  session.notes.push(...strangeNames(line, LINE_NAMES, ""));
  takeCarried(session, line, cells.length);
  takeFaults(snapshot, line);
  takeMeasurements(snapshot, line, cells);
  session.now = before.now + dt * 1000;
  snapshot.settingsAt = session.now;
  snapshot.fastAt = snapshot.cellsAt = session.now - age * 1000;
  if (age <= 5 && snapshot.good < 3) snapshot.good++;
  updatePhase(snapshot, session.now);
  session.limits.state.fill(session.now - days * DAY_MS, memory.fullAt, memory.bmsFullAt + 1);
  return { session, dt };
}

/** State as `rt/limits` writes it. */
function stateText(limits: Limits, phase: number): string {
  if (phase === SILENT || !limits.valid) return "SILENT";
  if (phase === LOST) return "LOST";
  const s = limits.state,
    blocks = s[memory.blocks];
  if (phase === DEGRADED) return chargeStates[s[memory.state]] + "/DEGRADED";
  return chargeStates[s[memory.state]] + (blocks & 1 ? "/CHG_BLOCK" : "") + (blocks & 4 ? "/DIS_BLOCK" : "");
}

/**
 * One step of the firmware's charge control; the session is the one to go on with. Throws an Error with the reason for
 * a bad line.
 */
export function answered(before: Session, line: unknown): { session: Session; answer: Answer } {
  const { session, dt } = described(before, line),
    { limits, snapshot } = session,
    v = snapshot.values;
  limitsStep(limits, snapshot, session.now, dt);
  const answer = {
    state: stateText(limits, snapshot.phase),
    cvl: floored(v[valueSlot.chargeVoltageLimit]),
    ccl: floored(v[valueSlot.chargeCurrentLimit]),
    dcl: floored(v[valueSlot.dischargeCurrentLimit]),
    reason: reasons[limits.reason],
  };
  return { session, answer };
}
