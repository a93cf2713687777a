// A patch is merged into the stored document: checked whole before anything of it is kept. Only what differs from the
// defaults is stored.
import { type Document, eachField, type FieldLine, isShown } from "../config/document.cold";
import { formed, refuseForm } from "../config/forms.cold";
import { quote, quoteBytes } from "../kernel/json.cold";

const typeNames: Record<string, string> = { "b": "boolean", "i": "number", "n": "number", "s": "string" };

/** Why a value cannot be a field's; "" when it can. */
function refuse(field: FieldLine, value: unknown): string {
  const type = typeNames[field["t"]],
    article = "must be a ";
  if (typeof value !== type) return article + type;
  if (field["t"] === "i" && value !== ((value as number) | 0)) return "must be a whole number";
  if (field["o"] && field["o"].indexOf(value) < 0) return "must be one of " + field["o"];
  const size = type === "string" ? (value as string).length : (value as number),
    unit = type === "string" ? " bytes" : "";
  if (field["b"] !== undefined && !(size <= field["b"])) return "must be at most " + field["b"] + unit;
  if (field["a"] !== undefined && !(size >= field["a"])) return "must be at least " + field["a"] + unit;
  return field["f"] ? refuseForm(field["f"], value as string) : "";
}

/** Settings of modules, defaults too. */
export type ModuleValues = Record<string, Record<string, unknown>>;

/** Modules between whose fields there are rules. */
const RULED = ["battery", "bms", "mqtt"];

/** Rules between fields of a module: the reason with the field it names, "" when they hold together. */
function refuseTogether(values: ModuleValues): string {
  const battery = values["battery"] || {},
    bms = values["bms"] || {},
    mqtt = values["mqtt"] || {};
  const bulk = battery["v_bulk"] as number,
    float = battery["v_float"] as number;
  const rebulk = battery["v_rebulk"] as number,
    cells = bms["expected_cells"] as number,
    custom = battery["chemistry"] === "custom";
  if (custom && !(bulk && float && rebulk)) return "battery.chemistry: custom needs v_bulk, v_float and v_rebulk";
  if (bulk && (bulk < 2 || (float && float >= bulk) || (rebulk && rebulk >= bulk)))
    return "battery.v_bulk: must be above v_float and v_rebulk";
  if (float && rebulk && rebulk >= float) return "battery.v_rebulk: must be below v_float";
  if (cells > 0 && cells < 4) return "bms.expected_cells: must be 0 or 4 to 16";
  if ((mqtt["reconnect_max_ms"] as number) < (mqtt["reconnect_interval_ms"] as number)) {
    return "mqtt.reconnect_max_ms: must not be below reconnect_interval_ms";
  }
  return "";
}

/** A patch on its way into a stored document: row by row of the modules that it names, the others stay as they are. */
export interface Merge {
  patch: Document;
  remote: "h" | "a";
  /** Modules that wait, in the table's order; the place in the table of the first one's next row, 0 for its first. */
  waiting: string[];
  at: number;
  stored: Document;
  merged: Document;
  changed: string[];
  /** The first key of the patch that is no setting, and the first other reason. */
  unknown: string;
  reason: string;
  /** What the first module that waits has then, as far as it was read; and those that change or that rules look at. */
  current: Record<string, unknown>;
  values: ModuleValues;
}

/**
 * Begin: `null` takes a field back to the board's preset or its default, `***` leaves a secret as it is, and what is as
 * it is already is no change. `remote` is "h" for HTTP and "a" for MQTT, which may change less. `names` are all
 * modules.
 */
export function beginMerge(document: string, patch: Document, remote: "h" | "a", names: string[]): Merge {
  let unknown = "";
  for (const module of Object.keys(patch)) {
    if (names.indexOf(module) < 0) unknown = unknown || module + ": is no module of the settings";
    else if (typeof patch[module] !== "object" || patch[module] === null)
      unknown = unknown || module + ": must be an object";
  }
  return {
    patch: patch,
    remote: remote,
    waiting: names.filter(function (name) {
      return !unknown && patch[name] !== undefined;
    }),
    at: 0,
    stored: JSON.parse(document) as Document,
    merged: {},
    changed: [],
    unknown: unknown,
    reason: "",
    current: {},
    values: {},
  };
}

/** Take `count` more rows; whether any is left. */
export function mergeMore(own: Merge, presets: string, count: number): boolean {
  const module = own.waiting[0];
  if (!module) return false;
  const given = own.patch[module],
    stored = own.stored[module] || {},
    preset = (JSON.parse(presets) as Document)[module] || {},
    merged = own.merged[module] || {},
    values = own.current;
  own.at = eachField(module, own.at, count, function (field) {
    const key = field["k"],
      name = module + "." + key,
      wanted = given[key],
      patch = typeof wanted === "string" ? formed(field["f"], wanted) : wanted,
      base = preset[key] === undefined ? field["d"] : preset[key],
      before = stored[key] === undefined ? base : stored[key];
    let value = stored[key];
    if (patch !== undefined) given[key] = undefined; // no room for both; what is left in the end is no setting
    if (patch !== undefined && !isShown(field, patch, before)) {
      if (field["r"] === "n" || (own.remote === "a" && field["r"] !== "a"))
        own.reason = own.reason || name + ": cannot be changed " + (own.remote === "a" ? "over MQTT" : "at all");
      value = patch === null || patch === base ? undefined : patch;
      if (value !== undefined && !own.reason) {
        const reason = refuse(field, value);
        own.reason = reason && name + ": " + reason;
      }
      if ((field["s"] && patch !== null) || (value === undefined ? base : value) !== before) own.changed.push(name);
    }
    if (value !== undefined) merged[key] = value;
    values[key] = value === undefined ? base : value;
  });
  own.merged[module] = merged;
  if (own.at >= 0) return true;
  const isChanged = own.changed.some(function (name) {
    return name.startsWith(module + ".");
  });
  if (isChanged || RULED.indexOf(module) >= 0) own.values[module] = values; // there is no room for all
  own.current = {};
  for (const key of Object.keys(given))
    if (given[key] !== undefined) own.unknown = own.unknown || module + "." + key + ": is no setting";
  own.at = 0;
  own.waiting.splice(0, 1);
  return own.waiting.length > 0;
}

/** The new document, "" when the patch is refused: then `own.reason` says why, beginning with the field. */
export function endMerge(own: Merge, names: string[]): string {
  own.reason = own.unknown || own.reason || refuseTogether(own.values);
  if (own.reason) return "";
  return (
    "{" +
    names
      .map(function (module) {
        const values = own.merged[module] || own.stored[module] || {},
          text = Object.keys(values)
            .map(function (key) {
              const value = values[key];
              return quote(key) + ":" + (typeof value === "string" ? quoteBytes(value) : value);
            })
            .join(",");
        return text && quote(module) + ":{" + text + "}";
      })
      .filter(function (text) {
        return text;
      })
      .join(",") +
    "}"
  );
}
