// The configuration of charge control by short names, as the settings of the user and the
// registers of the battery.
import * as setting from "../../firmware/charge/settings";
import { takeSettings } from "../../firmware/charge/prepare.cold";
import {
  BY_BOTTOM,
  BY_INTERNAL,
  BY_SOC,
  BY_TOP,
  CHARGE_BY_TEMPERATURE,
  DISCHARGE_BY_TEMPERATURE,
  type Limits,
  limitsOf,
  TABLES,
} from "../../firmware/charge/limits";
import * as valueSlot from "../../firmware/battery/registers.baked";
import { type Field, fields } from "../../firmware/tables/fields";

export type Config = Record<string, unknown>;
type Point = [x: number, factor: number];

/** Short names that are not the setting's. */
const ALIASES: Record<string, string> = { I_chg_user: "cclMax", I_dis_user: "dclMax", tail: "tail_v" };
/**
 * Registers: slot, and units of the snapshot in one of the name's. Voltages are in V; the register's own mV are
 * understood too.
 */
const REGISTERS: Record<string, [slot: number, per: number]> = {
  r300: [valueSlot.fullyChargedVoltage, 1000],
  r301: [valueSlot.fullyDischargedVoltage, 1000],
  r303: [valueSlot.earlyBalancingThreshold, 1000],
  r315: [valueSlot.overVoltageCutoff, 1000],
  r316: [valueSlot.underVoltageCutoff, 1000],
  r317: [valueSlot.dischargeOverCurrentCutoff, 1],
  r318: [valueSlot.chargeOverCurrentCutoff, 1],
  r319: [valueSlot.overHeatCutoff, 1],
  r320: [valueSlot.lowTempChargerCutoff, 1],
  r321: [valueSlot.chargeRestartLevel, 1],
  r329: [valueSlot.optionFlags, 1],
  r340: [valueSlot.operationMode, 1],
  C: [valueSlot.batteryCapacity, 1],
};
/** Tables: place, units of x in one of the name's, and what a voltage is counted from. */
const FACTORS: Record<string, [table: number, per: number, from: string]> = {
  ccl_cell: [BY_TOP, 1000, "r300"],
  dcl_cell: [BY_BOTTOM, 1000, "r301"],
  t_chg: [CHARGE_BY_TEMPERATURE, 10, ""],
  t_dis: [DISCHARGE_BY_TEMPERATURE, 10, ""],
  t_int: [BY_INTERNAL, 10, ""],
  soc_chg: [BY_SOC, 10, ""],
};
/** What a battery has that is not described: defaults of the settings, and for the others what breaks no rule. */
const USUAL: Record<string, number> = {
  r300: 3.55,
  r301: 2.9,
  r303: 3.35,
  r315: 3.65,
  r316: 2.8,
  r317: 200,
  r318: 150,
  r319: 90,
  r320: -40,
  r321: 85,
  r329: 4,
  r340: 0,
  C: 280,
};
const SETTABLE = fields.filter(({ module }) => module === "battery" || module === "can/limits");

/** Defaults of a module of settings. */
export const defaultsOf = (module: string): Config =>
  Object.fromEntries(fields.filter((field) => field.module === module).map((field) => [field.key, field.default]));

/** A number of the configuration; throws an Error that names it. */
function numberOf(config: Config, name: string): number {
  const value = config[name];
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Error(`config.${name}: must be a number`);
  return value;
}

function isPoint(one: unknown): one is Point {
  return Array.isArray(one) && one.length === 2 && one.every((x) => Number.isFinite(x)) && one[1] >= 0 && one[1] <= 1;
}

/** A setting of the configuration; throws an Error that names it. */
function settingOf(config: Config, name: string, field: Field): unknown {
  const value = config[name];
  if (field.type === "number") return numberOf(config, name);
  if (field.type === "bool" ? typeof value === "boolean" : field.oneOf?.includes(value as string)) return value;
  throw new Error(`config.${name}: ${JSON.stringify(value)} is no value of it`);
}

/**
 * Points of a table with x in the snapshot's units; x of a cell table is a voltage, or a distance from its register.
 */
function pointsOf(config: Config, name: string, registers: Record<string, number>): Point[] {
  const [, per, from] = FACTORS[name],
    given = config[name];
  if (!Array.isArray(given) || !given.length || !given.every(isPoint))
    throw new Error(`config.${name}: must be points [x, factor 0..1]`);
  const zero = from && given.some(([x]) => Math.abs(x) > 1) ? registers[from] : 0;
  const points = given.map(([x, factor]): Point => [Math.round((x - zero) * per), Math.round(factor * 10000)]);
  if (points.some(([x], i) => Math.abs(x) > 32000 || (i > 0 && x <= points[i - 1][0])))
    throw new Error(`config.${name}: x must rise`);
  return points;
}

/** Put points in place of a table. */
function replaceTable(tables: Int16Array, table: number, points: Point[]): Int16Array {
  const all = Array.from({ length: TABLES }, (_, i) =>
    Array.from(tables.subarray(tables[i], i + 1 < TABLES ? tables[i + 1] : undefined)),
  );
  all[table] = [-32768, points[0][1], ...points.flat(), 32767, points[points.length - 1][1]];
  let at = TABLES;
  const starts = all.map((one) => {
    const start = at;
    at += one.length;
    return start;
  });
  return new Int16Array([...starts, ...all.flat()]);
}

/** V or mV as V. */
const volts = (name: string, value: number): number =>
  REGISTERS[name][1] === 1000 && value >= 100 ? value / 1000 : value;

/** Registers by name: those given, else the usual ones, moved where a setting of the user would not fit them. */
function registersOf(config: Config, battery: Config): Record<string, number> {
  const given = Object.keys(REGISTERS)
    .filter((name) => name in config)
    .map((name) => [name, volts(name, numberOf(config, name))]);
  const float = (battery["v_float"] as number) || USUAL.r303;
  const moved = { r321: Math.min(USUAL.r321, battery["rebulk_soc"] as number), r303: Math.min(USUAL.r303, float) };
  return { ...USUAL, ...moved, ...Object.fromEntries(given) };
}

/** The names of a configuration with their units, for `--help`. */
export function configHelp(): string {
  const row = (name: string, unit: string): string => `    ${name.padEnd(28)}${unit}`;
  const units: Record<string, string> = { r317: "A", r318: "A", r319: "degC", r320: "degC", r321: "%", C: "Ah" };
  return [
    row("N", "number of cells"),
    ...Object.keys(REGISTERS).map((name) =>
      row(name, REGISTERS[name][1] === 1000 ? "V or mV" : (units[name] ?? "raw")),
    ),
    ...Object.keys(FACTORS).map((name) =>
      row(name, `[[${FACTORS[name][2] ? "V" : name === "soc_chg" ? "%" : "degC"}, factor 0..1], ...]`),
    ),
    row("I_chg_user, I_dis_user", "A (cclMax, dclMax)"),
    row("mppt", "V that a charger regulates too high"),
    ...SETTABLE.map(({ key, unit, oneOf, min, max }) =>
      row(key, oneOf ? oneOf.join(", ") : (unit ?? `${min} to ${max}`)),
    ),
  ].join("\n");
}

/** Names that mean nothing here. */
export function unknownNames(config: Config): string[] {
  const tables = [ALIASES, REGISTERS, FACTORS].flatMap((table) => Object.keys(table));
  const known = [...SETTABLE.map(({ key }) => key), ...tables, "N", "mppt"];
  return Object.keys(config).filter((name) => !known.includes(name));
}

/**
 * Limits with this configuration, and the battery's registers in the slots of `values`. Throws an Error with name and
 * reason. Names are the short ones above or those of the settings `battery` and `can/limits`.
 */
export function configured(config: Config, cells: number, values: Float64Array): Limits {
  const limits = limitsOf(),
    battery = { ...defaultsOf("battery"), chemistry: "lfp" } as Config,
    most = defaultsOf("can/limits");
  for (const name of Object.keys(config)) {
    const field = SETTABLE.find(({ key }) => key === (ALIASES[name] ?? name));
    if (field) (field.module === "battery" ? battery : most)[field.key] = settingOf(config, name, field);
  }
  const registers = registersOf(config, battery);
  for (const [name, value] of Object.entries(registers))
    values[REGISTERS[name][0]] = Math.round(value * REGISTERS[name][1] * 1000) / 1000;
  values[valueSlot.seriesCells] = cells;
  for (const name of Object.keys(FACTORS)) {
    if (!(name in config) || typeof config[name] === "boolean") continue;
    limits.tables = replaceTable(limits.tables, FACTORS[name][0], pointsOf(config, name, registers));
  }
  if (config["soc_chg"]) battery["soc_taper"] = true;
  takeSettings(limits, battery, most);
  if ("mppt" in config) limits.settings[setting.mppt] = (numberOf(config, "mppt") * 1000) / cells;
  return limits;
}
