// The simulated TinyBMS behind the codec: a battery stepped by dt, the unit's own decisions about it, and the registers
// that show both. Pure: no clock, no line, randomness only from the seed. What TinyBMS does by itself:
// Enepaq TinyBMS User Manual v2.2 Rev D.

import { createCells, currentAtVoltage, approach, stepCells, stepThermal } from "./cells";
import type { Cell, Thermal, Totals } from "./cells";
import type { LogEntry, Unit } from "./codec";
import { EVENT, allEvents, clearLog, createLog, logEvent, publishLog, takeNewEvents } from "./events";
import type { EventLog } from "./events";
import { closedSwitches, createProtectionState, hasFault, settingsReader, stepProtections } from "./protection";
import type { ProtectionState } from "./protection";
import type { Random } from "./random";
import { initialSettings, settingBound, writeSettings } from "./settings";
import { followEvents, forceReadings, isFaulty } from "./trouble";
import type { Trouble } from "./trouble";
import { REGISTER_COUNT, getBits, getValue, rowOf, setBits, setValue } from "./words";

/** What the house wants from the battery: A (above 0: charge), a charger on the charge port or not, ambient in degC. */
export interface Demand {
  current_A: number;
  charger: boolean;
  ambient_C: number;
}

/** Limits that the GX obeys: charge voltage in V, charge and discharge current in A. */
export interface Limits {
  cvl: number;
  ccl: number;
  dcl: number;
}

/** How a battery begins. */
export interface BatteryOptions {
  cells: number;
  soc_pct: number;
  temperature_C: number;
  random: Random;
  /** Points of state of charge by which single cells are ahead or behind, cell 1 first. */
  offsets_pct?: number[];
  /** Which of the two external temperature sensors are connected. */
  sensors?: [boolean, boolean];
  /**
   * Registers of a pack with fewer than 16 cells: 16-N..15 (`high`, as seen on hardware) or 0..N-1.
   */
  cellOrder?: "high" | "low";
}

/** The whole simulated unit. Tests may read and change anything; registers follow at the next step. */
export interface Battery extends Unit {
  cells: Cell[];
  firstRegister: number;
  sensors: [boolean, boolean];
  thermal: Thermal;
  totals: Totals;
  current_A: number;
  soc_pct: number;
  soh_pct: number;
  lifetime_s: number;
  charger: boolean;
  switches: { charge: boolean; load: boolean };
  /** The unit decided that the battery is full and keeps the charge switch open. */
  chargeDone: boolean;
  /** One cell reached register 300 before the others: the charge switch waits for the balancing. */
  waitsForBalance: boolean;
  charging: boolean;
  protection: ProtectionState;
  events: EventLog;
  limits: Limits | null;
  /** Restarts since the start of the simulator, and the seconds that the present one still takes. */
  restarts: number;
  starting_s: number;
  /** What is wrong by the scenario, and which of its events are logged already. */
  trouble: Trouble;
  troubleEvents: number[];
}

/**
 * Currents beyond this count as charging or discharging; also the idle band of sleep (high-power type, User Manual
 * v2.2).
 */
export const IDLE_A = 0.8;
/** The model runs in steps of at most this, whatever the caller asks for. */
const STEP_S_MAX = 1;
/** How fast inverter and chargers follow a demand, as a rate in 1/s. */
const FOLLOW_RATE = 2;
/** A charger without GX limits charges to this much above register 300, else not every cell would reach it. */
const CHARGER_HEADROOM_V = 0.025;
const RESTART_S = 1;
/** More than 24 bits, so that event times have rolled over once. */
const LIFETIME_AT_START_S = 20_000_000;
/** Version and serial number, 500..509: "2.1 HP", firmware 2.3.254, boot loader 24, register map 4. */
const VERSION = [0x0102, 0x0303, 254, 0x0418, 0x004d, 0x1f00, 0x3733, 0x3434, 0x1347, 0x3632];
const SOFTWARE_RESET = 4;
const POWER_ON = 5;

function setting(battery: Battery, key: string): number {
  return getValue(battery.words, key) ?? NaN;
}

/**
 * A unit with a battery, as after power-on; registers are filled. Throws a RangeError for a number of cells outside
 * 4..16.
 */
export function createBattery(options: BatteryOptions): Battery {
  const { cells, soc_pct, temperature_C, random } = options;
  if (!Number.isInteger(cells) || cells < 4 || cells > 16)
    throw new RangeError(`a TinyBMS has 4 to 16 cells, not ${cells}`);
  const words = new Uint16Array(REGISTER_COUNT);
  initialSettings(words, cells);
  words.set(VERSION, 500);
  const battery: Battery = {
    words,
    cells: createCells(cells, getValue(words, "battery_capacity") ?? 0, soc_pct, options.offsets_pct ?? [], random),
    firstRegister: options.cellOrder === "low" ? 0 : 16 - cells,
    sensors: options.sensors ?? [true, true],
    thermal: { pack_C: temperature_C, internal_C: temperature_C, ambient_C: temperature_C },
    totals: { in_Ah: 0, out_Ah: 0, in_Wh: 0, out_Wh: 0, bled_Ah: 0, bled_Wh: 0, heat_Wh: 0 },
    current_A: 0,
    soc_pct,
    soh_pct: 99,
    lifetime_s: LIFETIME_AT_START_S,
    charger: false,
    switches: { charge: true, load: true },
    chargeDone: false,
    waitsForBalance: false,
    charging: false,
    protection: createProtectionState(),
    events: createLog(),
    limits: null,
    restarts: 0,
    starting_s: 0,
    trouble: {},
    troubleEvents: [],
    write: (writes) => writeRegisters(battery, writes),
    bound: (kind, address) => settingBound(words, kind, address),
    perform: (option) => perform(battery, option),
    log: (newest): LogEntry[] => (newest ? takeNewEvents : allEvents)(battery.events),
  };
  setBits(words, "last_reset_and_wakeup", "last_reset_cause", POWER_ON);
  clearStatistics(battery);
  start(battery);
  publish(battery);
  return battery;
}

/** Another battery on the same unit: charge, temperatures and sensors as `options` say; settings and events stay. */
export function replacePack(battery: Battery, options: Omit<BatteryOptions, "cells" | "cellOrder">): void {
  const { soc_pct, temperature_C, offsets_pct = [], sensors = [true, true], random } = options,
    capacity = getValue(battery.words, "battery_capacity") ?? 0;
  battery.cells = createCells(battery.cells.length, capacity, soc_pct, offsets_pct, random);
  battery.sensors = sensors;
  battery.thermal = { pack_C: temperature_C, internal_C: temperature_C, ambient_C: temperature_C };
  battery.soc_pct = soc_pct;
  battery.current_A = 0;
  battery.chargeDone = battery.waitsForBalance = battery.charging = false;
}

function log(battery: Battery, id: number): void {
  logEvent(battery.events, id, battery.lifetime_s);
  publishLog(battery.events, battery.words);
}

function start(battery: Battery): void {
  log(battery, EVENT.systemStarted);
  log(battery, setting(battery, "operation_mode") === 1 ? EVENT.singlePort : EVENT.dualPort);
}

/**
 * Restart: outputs off for a second, faults forgotten until they trip again; settings and events stay (0x02).
 */
function restart(battery: Battery): void {
  battery.restarts++;
  battery.starting_s = RESTART_S;
  battery.current_A = 0;
  battery.charger = false;
  battery.charging = false;
  battery.chargeDone = false;
  battery.waitsForBalance = false;
  battery.protection = createProtectionState();
  setBits(battery.words, "last_reset_and_wakeup", "last_reset_cause", SOFTWARE_RESET);
  start(battery);
}

const STATISTICS = [
  "max_discharge_current_seen",
  "max_charge_current_seen",
  "max_cell_voltage_diff_seen",
  "under_voltage_count",
  "over_voltage_count",
  "discharge_over_current_count",
  "charge_over_current_count",
  "over_heat_count",
  "charging_count",
  "full_charge_count",
];

function clearStatistics(battery: Battery): void {
  for (const key of STATISTICS) setValue(battery.words, key, 0);
  for (const field of ["min_pack_temp_seen", "max_pack_temp_seen"]) {
    setBits(battery.words, "pack_temp_extremes", field, Math.round(battery.thermal.pack_C));
  }
  setValue(battery.words, "statistics_cleared_at", Math.floor(battery.lifetime_s));
}

function perform(battery: Battery, option: number): boolean {
  const actions: Record<number, () => void> = {
    1: () => {
      clearLog(battery.events);
      publishLog(battery.events, battery.words);
    },
    2: () => clearStatistics(battery),
    5: () => restart(battery),
  };
  actions[option]?.();
  return option in actions;
}

/** Writing 340 with another value restarts the unit (Communication Protocols Rev D, 3.4). */
function writeRegisters(battery: Battery, writes: Parameters<Unit["write"]>[0]): boolean {
  const mode = setting(battery, "operation_mode");
  const done = writeSettings(battery.words, writes);
  if (done && setting(battery, "operation_mode") !== mode) restart(battery);
  return done;
}

/** Pack voltage in V: the sum of its cells. */
export function packVoltage(battery: Battery): number {
  return battery.cells.reduce((sum, cell) => sum + cell.voltage_V, 0);
}

/** True when the unit may go to sleep: no charger, no fault, current inside the idle band (User Manual v2.2). */
export function maySleep(battery: Battery): boolean {
  return !battery.charger && Math.abs(battery.current_A) < IDLE_A && !hasFault(battery.protection);
}

/** What would flow if every switch were closed: the demand within the GX limits and the charge voltage. */
function wantedCurrent(battery: Battery, demand: Demand): number {
  const { limits, cells, thermal } = battery;
  if (demand.current_A <= 0) return Math.max(demand.current_A, -(limits?.dcl ?? Infinity));
  const voltage_V =
    limits?.cvl ?? cells.length * (setting(battery, "fully_charged_voltage") / 1000 + CHARGER_HEADROOM_V);
  const constantVoltage_A = Math.max(0, currentAtVoltage(cells, voltage_V, thermal.pack_C));
  return Math.min(demand.current_A, limits?.ccl ?? Infinity, constantVoltage_A);
}

function operateSwitches(battery: Battery): void {
  const closed = closedSwitches(battery.protection, battery.charger);
  const ready = battery.starting_s <= 0;
  const charge = ready && closed.charge && !battery.chargeDone && !battery.waitsForBalance;
  const load = ready && closed.load;
  const common = charge && load;
  battery.switches = setting(battery, "operation_mode") === 1 ? { charge: common, load: common } : { charge, load };
}

/** Without a charger the current comes in through the load port: regeneration. */
function isBlocked(battery: Battery, current_A: number): boolean {
  return current_A > 0 && battery.charger ? !battery.switches.charge : !battery.switches.load;
}

function flow(battery: Battery, demand: Demand, dt: number): void {
  battery.current_A = approach(battery.current_A, wantedCurrent(battery, demand), FOLLOW_RATE, dt);
  if (isBlocked(battery, battery.current_A)) battery.current_A = 0;
  battery.current_A = battery.trouble.current_A ?? battery.current_A;
  stepCells(battery.cells, battery.current_A, battery.thermal, dt, battery.totals);
  stepThermal(battery.thermal, battery.cells, battery.current_A, demand.ambient_C, dt);
  const part_pct = (battery.current_A * dt) / 36 / setting(battery, "battery_capacity");
  battery.soc_pct = Math.min(100, Math.max(0, battery.soc_pct + part_pct));
  forceReadings(battery);
}

function noticeCharger(battery: Battery, present: boolean): void {
  if (present === battery.charger || battery.starting_s > 0) return;
  battery.charger = present;
  battery.charging = false;
  battery.waitsForBalance = false;
  // A reconnected charger ends "fully charged" (User Manual v2.2).
  if (present) battery.chargeDone = false;
  log(battery, present ? EVENT.chargerConnected : EVENT.chargerDisconnected);
}

/**
 * Extremes of what the unit measures now: cells in mV, its pack sensors in degC (the board's own when none is
 * connected).
 */
function measure(battery: Battery): { minCell_mV: number; maxCell_mV: number; coldest_C: number; hottest_C: number } {
  const millivolts = battery.cells.map((cell) => cell.voltage_V * 1000);
  const pack = sensorTemperatures(battery).filter((temperature): temperature is number => temperature !== null);
  const { internal_C } = battery.thermal;
  return {
    minCell_mV: Math.min(...millivolts),
    maxCell_mV: Math.max(...millivolts),
    coldest_C: pack.length ? Math.min(...pack) : internal_C,
    hottest_C: Math.max(internal_C, ...pack),
  };
}

/** Sensor 1 sits in the middle of the pack, sensor 2 at its edge; null where none is connected. */
function sensorTemperatures(battery: Battery): [number | null, number | null] {
  const { pack_C, ambient_C } = battery.thermal;
  const [first, second] = battery.trouble.sensors ?? battery.sensors;
  return [first ? pack_C : null, second ? 0.8 * pack_C + 0.2 * ambient_C : null];
}

function protect(battery: Battery, dt: number): void {
  const measured = {
    ...measure(battery),
    ...settingsReader(battery.words),
    current_A: battery.current_A,
    charger: battery.charger,
  };
  stepProtections(battery.protection, measured, dt, (protection, tripped) => {
    log(battery, tripped ? protection.event : protection.cleared);
    if (tripped && protection.counter) count(battery, protection.counter);
    // An empty battery charges again whatever was decided before.
    if (tripped && protection.event === EVENT.fullyDischarged) battery.chargeDone = false;
  });
}

function count(battery: Battery, key: string): void {
  setValue(battery.words, key, setting(battery, key) + 1);
}

/** The rules of "full", "wait for the balancing" and "charge again" (User Manual v2.2). */
function decideCharge(battery: Battery): void {
  const { minCell_mV, maxCell_mV } = measure(battery);
  const full_mV = setting(battery, "fully_charged_voltage");
  const balanced = maxCell_mV - minCell_mV < setting(battery, "allowed_disbalance");
  const canCharge = battery.charger && battery.switches.charge;
  if (balanced) battery.waitsForBalance = false;
  else if (canCharge && maxCell_mV >= full_mV) battery.waitsForBalance = true;
  if (
    canCharge &&
    minCell_mV >= full_mV &&
    balanced &&
    battery.current_A * 1000 < setting(battery, "charge_finished_current")
  ) {
    battery.chargeDone = true;
    battery.charging = false;
    battery.soc_pct = 100;
    count(battery, "full_charge_count");
    log(battery, EVENT.chargingDone);
  }
  const restarts = getBits(battery.words, "option_flags", "enable_charge_restart_level") === 1;
  if (battery.chargeDone && restarts && battery.soc_pct <= setting(battery, "charge_restart_level"))
    battery.chargeDone = false;
  if (canCharge && !battery.chargeDone && !battery.charging) {
    battery.charging = true;
    count(battery, "charging_count");
    log(battery, EVENT.chargingStarted);
  }
}

function onlineStatus(battery: Battery): string {
  if (hasFault(battery.protection) || isFaulty(battery)) return "fault";
  if (battery.current_A < -IDLE_A) return "discharging";
  if (battery.charger && !battery.chargeDone && (battery.waitsForBalance || battery.current_A > IDLE_A))
    return "charging";
  if (battery.current_A > IDLE_A) return battery.charger ? "charging" : "regeneration";
  return battery.chargeDone ? "fully_charged" : "idle";
}

function statusCode(name: string): number {
  return Number(Object.entries(rowOf("online_status").enum ?? {}).find(([, label]) => label === name)?.[0]);
}

/**
 * Bleeds cells above register 303 that are further above the lowest than register 308, while charging or at
 * over-voltage.
 */
function balance(battery: Battery): void {
  const { minCell_mV } = measure(battery);
  const threshold_mV = setting(battery, "early_balancing_threshold");
  const allowed_mV = setting(battery, "allowed_disbalance");
  const status = onlineStatus(battery);
  const allowed =
    status === "charging" || status === "regeneration" || battery.protection.active.has(EVENT.overVoltage);
  let needed = 0;
  let active = 0;
  battery.cells.forEach((cell, i) => {
    const millivolts = cell.voltage_V * 1000;
    const needs = millivolts > threshold_mV && millivolts - minCell_mV > allowed_mV;
    cell.bleeding = needs && allowed;
    if (needs) needed |= 1 << (battery.firstRegister + i);
    if (cell.bleeding) active |= 1 << (battery.firstRegister + i);
  });
  setValue(battery.words, "balancing_decision", needed);
  setValue(battery.words, "balancing_active", active);
}

/** Registers 323 and 328 are inputs: taken over, then they read "no value" (Communication Protocols Rev D, 3.4). */
function takeManualValues(battery: Battery): void {
  const soc_pct = getValue(battery.words, "set_state_of_charge");
  const soh_pct = getValue(battery.words, "set_state_of_health");
  if (soc_pct !== null) battery.soc_pct = soc_pct;
  if (soh_pct !== null) battery.soh_pct = soh_pct;
  setValue(battery.words, "set_state_of_charge", null);
  setValue(battery.words, "set_state_of_health", null);
}

function estimateTimeLeft(battery: Battery): number {
  const { current_A, soc_pct } = battery;
  if (Math.abs(current_A) <= IDLE_A) return 0;
  const part = current_A < 0 ? soc_pct : 100 - soc_pct;
  return Math.round((36 * part * setting(battery, "battery_capacity")) / Math.abs(current_A));
}

/**
 * Cells are measured in 0.1 mV; pack voltage and extremes follow from those, so that the registers agree with each
 * other.
 */
function publish(battery: Battery): void {
  const { words, current_A } = battery;
  const tenths = battery.cells.map((cell) => Math.min(0xffff, Math.max(0, Math.round(cell.voltage_V * 10000))));
  words.fill(0, 0, 16);
  words.set(tenths, battery.firstRegister);
  const [first_C, second_C] = sensorTemperatures(battery);
  const values: Record<string, number | null> = {
    lifetime_counter: Math.floor(battery.lifetime_s),
    estimated_time_left: estimateTimeLeft(battery),
    pack_voltage: tenths.reduce((sum, tenth) => sum + tenth, 0) / 10000 + (battery.trouble.packError_V ?? 0),
    pack_current: current_A,
    min_cell_voltage: Math.min(...tenths) / 10,
    max_cell_voltage: Math.max(...tenths) / 10,
    external_temp_1: first_C,
    external_temp_2: second_C,
    internal_temp: battery.thermal.internal_C,
    state_of_health: battery.soh_pct,
    state_of_charge: battery.soc_pct,
    online_status: statusCode(onlineStatus(battery)),
    detected_cells: battery.cells.length,
  };
  for (const [key, value] of Object.entries(values)) setValue(words, key, value);
}

function raise(battery: Battery, key: string, value: number): void {
  setValue(battery.words, key, Math.max(setting(battery, key), value));
}

function keepStatistics(battery: Battery): void {
  const { words, current_A } = battery;
  const { minCell_mV, maxCell_mV } = measure(battery);
  raise(battery, current_A < 0 ? "max_discharge_current_seen" : "max_charge_current_seen", Math.abs(current_A));
  raise(battery, "max_cell_voltage_diff_seen", maxCell_mV - minCell_mV);
  const pack_C = Math.max(-128, Math.min(127, Math.round(battery.thermal.pack_C)));
  setBits(
    words,
    "pack_temp_extremes",
    "min_pack_temp_seen",
    Math.min(pack_C, getBits(words, "pack_temp_extremes", "min_pack_temp_seen")),
  );
  setBits(
    words,
    "pack_temp_extremes",
    "max_pack_temp_seen",
    Math.max(pack_C, getBits(words, "pack_temp_extremes", "max_pack_temp_seen")),
  );
}

function stepOnce(battery: Battery, demand: Demand, dt: number): void {
  battery.lifetime_s += dt;
  battery.starting_s = Math.max(0, battery.starting_s - dt);
  noticeCharger(battery, battery.trouble.charger ?? demand.charger);
  operateSwitches(battery);
  flow(battery, demand, dt);
  protect(battery, dt);
  followEvents(
    battery,
    (id) => log(battery, id),
    () => restart(battery),
  );
  operateSwitches(battery);
  decideCharge(battery);
  balance(battery);
  keepStatistics(battery);
}

/**
 * Moves the unit `dt` seconds on, in steps of at most 1 s, with the demand of the scenario at each one
 * (`demandAt(seconds from now)`); then refreshes the registers. The GX limits in `battery.limits` apply to the demand.
 */
export function stepBattery(battery: Battery, dt: number, demandAt: (offset_s: number) => Demand): void {
  takeManualValues(battery);
  const steps = Math.max(1, Math.ceil(dt / STEP_S_MAX));
  for (let i = 0; i < steps; i++) stepOnce(battery, demandAt((i * dt) / steps), dt / steps);
  publish(battery);
}
