// The settings document, read module by module: what is not stored has the board's preset, else its default.
import { quote } from "../kernel/quote.cold";
import { textSlice } from "../kernel/text";
import { FIELDS_AT, FIELDS_END } from "./fields.baked";

/** A line of the settings table in the image's text: module, key, type, default, bounds, values, secret, remote. */
export interface FieldLine {
  m: string; k: string; t: "b" | "i" | "n" | "s"; d?: unknown; a?: number; b?: number; o?: unknown[]; s?: number; r: "n" | "h" | "a";
}
export type Document = Record<string, Record<string, unknown>>;

/** Text that stands for a secret in everything that leaves the device. */
const MASK = "***";

/** Call `visit` with each line of the table that belongs to a module. */
function fieldsOf(module: string, visit: (field: FieldLine) => void): void {
  const table = textSlice(FIELDS_AT, FIELDS_END), start = '{"m":' + JSON.stringify(module) + ",";
  let at = table.indexOf(start), end = 0;
  while (at >= 0) {
    end = table.indexOf("\n", at);
    visit(JSON.parse(table.substring(at, end)) as FieldLine);
    at = table.substr(end + 1, start.length) === start ? end + 1 : -1;
  }
}

/** One module of a stored document; what is not stored has the board's preset, else its default (undefined where there is none). */
export function readModule(document: string, presets: string, module: string): Record<string, unknown> {
  const stored = (JSON.parse(document) as Document)[module] || {}, preset = (JSON.parse(presets) as Document)[module] || {};
  const values: Record<string, unknown> = {};
  fieldsOf(module, function (field) {
    const value = stored[field["k"]] === undefined ? preset[field["k"]] : stored[field["k"]];
    values[field["k"]] = value === undefined ? field["d"] : value;
  });
  return values;
}

/** Modules of the table as JSON members with masked secrets, one text a module. */
export function moduleText(document: string, presets: string, module: string): string {
  const values = readModule(document, presets, module);
  let text = "";
  fieldsOf(module, function (field) {
    const value = values[field["k"]];
    if (value === undefined) return;
    const shown = field["s"] && value !== "" ? MASK : value;
    text += (text ? "," : "") + quote(field["k"]) + ":" + (typeof shown === "string" ? quote(shown) : shown);
  });
  return quote(module) + ":{" + text + "}";
}
