// From what a person calls the values of a CAN frame to the snapshot's values, and through the firmware's own encoders
// to bytes. The names of the inputs are those of the CAN vectors; the rows' own names and some natural ones are taken
// too.
import { alarmFields, type AlarmField } from "../../firmware/tables/alarms";
import { slots } from "../bake/names";
import { supported, fieldBits } from "../bake/alarms";
import { canFrames, type CanFrame } from "../../firmware/tables/frames";
import { EACH_TWO, encoders, frameIds, rareFrame, TEXTS } from "../../firmware/victron/frames.baked";
import { batteryTexts, padded, settingTexts } from "../../firmware/victron/texts.cold";

export type Inputs = Record<string, unknown>;

/** Other names of the rows, the first one that is given counts; a factor where the unit is another one. */
const ALIASES: Record<string, (string | [name: string, factor: number])[]> = {
  charge_voltage_limit: ["cvl_V", "cvl"],
  charge_current_limit: ["ccl_A", "ccl"],
  discharge_current_limit: ["dcl_A", "dcl"],
  discharge_voltage_limit: ["discharge_voltage_V", "dvl_V", "low_voltage_V"],
  state_of_charge: ["soc_pct", "soc"],
  state_of_health: ["soh_pct", "soh"],
  pack_voltage: ["voltage_V", "voltage"],
  pack_current: ["current_A", "current"],
  battery_temperature: ["temperature_C", "temperature"],
  modules_ok: ["ok"],
  modules_offline: ["offline"],
  modules_blocking_charge: ["block_charge", "blocking_charge"],
  modules_blocking_discharge: ["block_discharge", "blocking_discharge"],
  min_cell_voltage: ["min_mV", ["min_V", 1000]],
  max_cell_voltage: ["max_mV", ["max_V", 1000]],
  min_temperature: ["tmin_C"],
  max_temperature: ["tmax_C"],
  lowest_cell: ["cell", "rank"],
  highest_cell: ["cell", "rank"],
  coldest_sensor: ["sensor"],
  hottest_sensor: ["sensor"],
  hardware_version: ["model_u16", "model"],
  online_capacity: ["online_capacity_Ah", "capacity_Ah"],
  charged_energy: [["energy_in_Wh", 0.001], ["charged_Wh", 0.001], "energy_in_kWh"],
  discharged_energy: [["energy_out_Wh", 0.001], ["discharged_Wh", 0.001], "energy_out_kWh"],
  battery_capacity: ["capacity_Ah", ["reg306_raw", 0.01]],
};

const namesOf = (row: string): (readonly [name: string, factor: number])[] =>
  [...(ALIASES[row] ?? []), row].map((alias) => (typeof alias === "string" ? [alias, 1] : alias));

/** A number that is given for a row, in the row's unit, and the name it was given by; null when there is none. */
export function givenFor(inputs: Inputs, row: string): { name: string; value: number } | null {
  const found = namesOf(row).find(([name]) => typeof inputs[name] === "number");
  return found ? { name: found[0], value: (inputs[found[0]] as number) * found[1] } : null;
}

/**
 * The number that is given for a row: NaN for null, "n/a" and what is missing. Throws an Error that names what is no
 * number.
 */
function numberOf(inputs: Inputs, row: string): number {
  const found = namesOf(row).find(([name]) => inputs[name] !== undefined);
  if (!found) return NaN;
  const [name, factor] = found,
    value = inputs[name];
  if (value === null || value === "n/a") return NaN;
  if (typeof value !== "number") throw new Error(`${name}: must be a number, null or "n/a"`);
  return value * factor;
}

/** Inputs of 0x35A: which of the fields of firmware/tables/alarms.ts are active, and which are evaluated at all. */
const PAIR_NAMES = [
  "alarms, warnings: lists of " + alarmFields.join(", "),
  "supported_alarms, supported_warnings: lists of the same (default: those of the device)",
  "system_status_bits: 0 to 3",
];

/** Inputs of frames beside the numbers of their rows; a text frame without a line here takes `text` alone. */
const OTHER_NAMES: Record<number, string[] | undefined> = {
  0x355: ["soc_hires_pct"],
  0x35f: ["firmware"],
  0x374: ["text"],
  0x375: ["text"],
  0x376: ["text"],
  0x377: ["text"],
  0x380: ["text", "regs504_507", "regs504_509"],
  0x381: ["text", "regs504_507", "regs504_509"],
  0x382: ["text", "cells", "chemistry"],
};

const valuesWith = (given: Record<string, number>): Float64Array => {
  const values = new Float64Array(slots.length).fill(NaN);
  for (const [row, value] of Object.entries(given)) values[slots.findIndex(({ key }) => key === row)] = value;
  return values;
};

function encodeValues(id: number, given: Record<string, number>): number[] | undefined {
  const row = frameIds.indexOf(id),
    values = valuesWith(given);
  const bytes = row < EACH_TWO ? encoders[row](values) : row < TEXTS ? rareFrame(row, values) : undefined;
  return bytes && Array.from(bytes);
}

/** SoC in two resolutions: the device has one value for both. */
function chargeFrame(inputs: Inputs): number[] | undefined {
  const soc = numberOf(inputs, "state_of_charge"),
    fine = inputs["soc_hires_pct"];
  const frame = (value: number): number[] | undefined =>
    encodeValues(0x355, { state_of_charge: value, state_of_health: numberOf(inputs, "state_of_health") });
  const coarse = frame(soc);
  if (!coarse || fine === undefined) return coarse;
  if (fine === null) return [...coarse.slice(0, 4), 0, 0, 0, 0];
  if (typeof fine !== "number") throw new Error("soc_hires_pct: must be a number or null");
  return [...coarse.slice(0, 4), ...frame(fine)!.slice(4)];
}

function fieldsIn(inputs: Inputs, name: string, otherwise: readonly AlarmField[]): AlarmField[] {
  const list = inputs[name] ?? otherwise;
  if (!Array.isArray(list)) throw new Error(`${name}: must be a list`);
  for (const field of list)
    if (!alarmFields.includes(field)) throw new Error(`${name}: there is no field ${JSON.stringify(field)}`);
  return list as AlarmField[];
}

/**
 * Two words of pairs. Without any list nothing is supported; without the lists of support what this firmware supports.
 */
function alarmFrame(inputs: Inputs): number[] | undefined {
  const isGiven = inputs["alarms"] !== undefined || inputs["warnings"] !== undefined;
  const words = (["alarms", "warnings"] as const).map((level) => {
    const able = fieldsIn(inputs, `supported_${level}`, isGiven ? supported[level] : []),
      active = fieldsIn(inputs, level, []);
    return able.reduce((bits, field) => bits + fieldBits([field], active.includes(field) ? 1 : 2), 0);
  });
  const status = inputs["system_status_bits"] ?? 0;
  if (typeof status !== "number" || !(status >= 0 && status <= 3) || status % 1)
    throw new Error("system_status_bits: must be 0 to 3");
  return encodeValues(0x35a, { alarm_bits: words[0], warning_bits: words[1] + status * 2 ** 26 });
}

function textIn(inputs: Inputs): string | null {
  if (inputs["text"] === null) return null;
  if (typeof inputs["text"] !== "string") throw new Error("text: must be a string or null");
  return inputs["text"];
}

/** Register words (numbers or hex text) as the snapshot has the serial number. */
function serialIn(inputs: Inputs): string | null {
  const words = inputs["regs504_507"] ?? inputs["regs504_509"];
  if (words === undefined || words === null) return words === null ? null : textIn(inputs);
  if (!Array.isArray(words)) throw new Error("regs504_507: must be a list");
  return words
    .map((word) => {
      const value = typeof word === "string" ? (/^(0x)?[0-9a-f]+$/i.test(word) ? parseInt(word, 16) : NaN) : word;
      if (!Number.isInteger(value) || value < 0 || value > 0xffff)
        throw new Error(`regs504_507: ${JSON.stringify(word)} is no word`);
      return value.toString(16).toUpperCase().padStart(4, "0");
    })
    .join("");
}

/** Eight characters of a text frame; null when the value is. */
function textOf(id: number, inputs: Inputs): string | null {
  if (id === 0x380 || id === 0x381) {
    const serial = serialIn(inputs);
    return serial === null
      ? null
      : batteryTexts(serial, "", 0)
          .slice(id === 0x380 ? 0 : 8)
          .slice(0, 8);
  }
  if (id === 0x382 && inputs["text"] === undefined) {
    const cells = inputs["cells"],
      chemistry = inputs["chemistry"] ?? "";
    if (typeof cells !== "number" || typeof chemistry !== "string")
      throw new Error("text, or chemistry and cells: is missing");
    return batteryTexts("", chemistry.toUpperCase(), cells).slice(16);
  }
  const text = textIn(inputs);
  if (text === null) return null;
  // A name of up to 8 characters belongs in 0x35E alone, but who asks for the frame gets it.
  if (id === 0x370) return padded(text, 8);
  return id === 0x371 ? padded(text.slice(8), 8) : settingTexts(text, "").slice(0, 8);
}

/** Ids of cells and sensors: from their number, or the text "C7", "T1", "INT". */
function placeFrame(frame: CanFrame, inputs: Inputs): number[] | undefined {
  const { from } = frame.fields[0];
  if (inputs["text"] === undefined) return encodeValues(frame.id, { [from]: numberOf(inputs, from) });
  const text = textIn(inputs),
    place = text === "INT" ? 3 : Number(/^[CT](\d+)$/.exec(text ?? "")?.[1] ?? NaN);
  const bytes = encodeValues(frame.id, { [from]: place });
  return text === null || (bytes && Buffer.from(bytes).toString("latin1") === padded(text, 8))
    ? bytes
    : [...Buffer.from(padded(text, 8), "latin1")];
}

function versionOf(inputs: Inputs): number {
  const { firmware, gateway_version: raw } = inputs;
  if ((firmware ?? raw ?? null) === null) return NaN;
  if (firmware === undefined && typeof raw === "number") return raw;
  const [, major, minor] = /^(\d+)\.(\d+)(?!\d)/.exec(String(firmware ?? raw)) ?? [];
  if (typeof firmware === "number" || !(Number(major) <= 255 && Number(minor) <= 255))
    throw new Error('firmware: must be "major.minor"');
  return Number(major) * 256 + Number(minor);
}

/** All names that mean something for a frame, each once. */
export function inputNames(frame: CanFrame): string[] {
  const isText = frame.fields[0].as === "text",
    rows = isText ? [] : frame.fields.flatMap(({ from }) => namesOf(from).map(([name]) => name));
  return [...new Set([...rows, ...(OTHER_NAMES[frame.id] ?? (isText ? ["text"] : []))])];
}

/** Units that a name says itself, by its end: `cvl_V`, `soc_pct`. */
const SAID: Record<string, string> = { pct: "%", C: "degC", raw: "register word" };

/** Names of one value with the unit of each, for people: `cvl_V, cvl or charge_voltage_limit (V)`. */
function inputText(field: CanFrame["fields"][number]): string {
  const unit = slots.find(({ key }) => key === field.from)?.unit ?? "",
    names = namesOf(field.from).map(([name, factor]) => {
      const end = name.slice(name.lastIndexOf("_") + 1);
      const own = SAID[end] ?? end;
      return factor === 1 && (!(end in SAID) || own === unit) ? name : `${name} [${own}]`;
    });
  return names.join(" or ") + (unit ? ` (${unit})` : "");
}

/** The inputs of every frame with their units, for `--help`. */
export function inputsHelp(): string {
  return canFrames
    .map((frame) => {
      const id = "0x" + frame.id.toString(16).toUpperCase(),
        as = frame.fields[0].as,
        isNumbers = as !== "text" && as !== "pair";
      const numbers = isNumbers ? [...new Set(frame.fields.map(inputText))] : [];
      const others = as === "pair" ? PAIR_NAMES : (OTHER_NAMES[frame.id] ?? (as === "text" ? ["text"] : []));
      return `  ${id}  ${frame.name}\n` + [...numbers, ...others].map((line) => `         ${line}\n`).join("");
    })
    .join("");
}

/**
 * Data bytes of the frame `id`; undefined when it would not be sent: an id that is never sent, or a needed value that
 * is null. Throws an Error that names the input that is wrong, or the names there are when none is right.
 */
export function encodeInputs(id: number, inputs: Inputs): number[] | undefined {
  const frame = canFrames.find((candidate) => candidate.id === id);
  if (!frame) return undefined;
  const names = inputNames(frame);
  if (Object.keys(inputs).length === 0 && !frame.words) return undefined;
  if (!frame.words && !names.some((name) => name in inputs)) throw new Error(`inputs: needs ${names.join(", ")}`);
  if (id === 0x355) return chargeFrame(inputs);
  if (id === 0x35a) return alarmFrame(inputs);
  const as = frame.fields[0].as;
  if (as === "cell" || as === "sensor") return placeFrame(frame, inputs);
  if (as === "text") {
    const text = textOf(id, inputs);
    return text === null ? undefined : [...Buffer.from(text, "latin1")];
  }
  const given = frame.fields.map(({ from, as: type }) => [
    from,
    type === "version" ? versionOf(inputs) : numberOf(inputs, from),
  ]);
  return encodeValues(id, Object.fromEntries(given) as Record<string, number>);
}
