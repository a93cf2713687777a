// A change of the settings: checked whole before anything of it is kept. Only what differs from the defaults is stored.
import { quote } from "../kernel/quote.cold";
import { textSlice } from "../kernel/text";
import type { Document, FieldLine } from "./config.cold";
import { FIELDS_AT, FIELDS_END } from "./fields.baked";

export type { Document } from "./config.cold";

/** Text that stands for a secret in everything that leaves the device. */
const MASK = "***";

/** Call `visit` with each line of the table, in its order. */
function eachField(visit: (field: FieldLine) => void): void {
  const table = textSlice(FIELDS_AT, FIELDS_END);
  let at = 0, end = table.indexOf("\n");
  while (end > 0) {
    visit(JSON.parse(table.substring(at, end)) as FieldLine);
    at = end + 1;
    end = table.indexOf("\n", at);
  }
}

const typeNames: Record<string, string> = { "b": "boolean", "i": "number", "n": "number", "s": "string" };

/** Why a value cannot be a field's; "" when it can. */
function refuse(field: FieldLine, value: unknown): string {
  const type = typeNames[field["t"]], article = "must be a ";
  if (typeof value !== type) return article + type;
  if (field["t"] === "i" && value !== ((value as number) | 0)) return "must be a whole number";
  if (field["o"] && field["o"].indexOf(value) < 0) return "must be one of " + field["o"];
  const size = type === "string" ? (value as string).length : value as number, unit = type === "string" ? " bytes" : "";
  if (field["b"] !== undefined && !(size <= field["b"])) return "must be at most " + field["b"] + unit;
  if (field["a"] !== undefined && !(size >= field["a"])) return "must be at least " + field["a"] + unit;
  return "";
}

/** The fields that rules between fields read. */
const TOGETHER = ["wifi.pass", "battery.v_bulk", "battery.v_float", "battery.v_rebulk", "battery.chemistry", "bms.expected_cells", "mqtt.baseTopic",
  "mqtt.root_topic", "mqtt.battery_json", "ha.prefix", "mqtt.deviceId", "mqtt.reconnect_max_ms", "mqtt.reconnect_interval_ms"];

/** Rules between fields: the reason with the field it names, "" when they hold together. `all` has the values, defaults too. */
function refuseTogether(all: Record<string, unknown>): string {
  const pass = all["wifi.pass"] as string, bulk = all["battery.v_bulk"] as number, float = all["battery.v_float"] as number;
  const rebulk = all["battery.v_rebulk"] as number, cells = all["bms.expected_cells"] as number;
  const custom = all["battery.chemistry"] === "custom", device = all["mqtt.deviceId"] as string;
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (pass && pass.length < 8) return "wifi.pass: must be empty or at least 8 bytes";
  if (cells > 0 && cells < 4) return "bms.expected_cells: must be 0 or 4 to 16";
  if (custom && !(bulk && float && rebulk)) return "battery.chemistry: custom needs v_bulk, v_float and v_rebulk";
  if (bulk && (bulk < 2 || float && float >= bulk || rebulk && rebulk >= bulk)) return "battery.v_bulk: must be above v_float and v_rebulk";
  if (float && rebulk && rebulk >= float) return "battery.v_rebulk: must be below v_float";
  for (const name of ["mqtt.baseTopic", "mqtt.root_topic", "mqtt.battery_json", "ha.prefix"]) { // a broker cuts the connection that publishes such
    const topic = all[name] as string;
    if (topic.indexOf("#") >= 0 || topic.indexOf("+") >= 0) return name + ": must not hold # or +";
  }
  for (let i = 0; i < device.length; i++) if (letters.indexOf(device[i]) < 0) return "mqtt.deviceId: must hold letters, digits, - and _ only";
  if ((all["mqtt.reconnect_max_ms"] as number) < (all["mqtt.reconnect_interval_ms"] as number)) {
    return "mqtt.reconnect_max_ms: must not be below reconnect_interval_ms";
  }
  return "";
}

export interface Merged {
  /** The reason of a refusal, beginning with the field ("" when accepted); nothing is applied then. */
  reason: string;
  /** The new document, and the fields that changed. */
  document: string;
  changed: string[];
}

/** The first key of a patch that the table does not have; a key that stands twice counts too. */
function unknownKey(patch: Document, known: string[]): string {
  const modules = Object.keys(patch);
  for (const module of modules) {
    if (typeof patch[module] !== "object" || patch[module] === null) return module + ": must be an object";
    const keys = Object.keys(patch[module]);
    if (modules.indexOf(module, modules.indexOf(module) + 1) >= 0) return module + ": stands twice";
    for (const key of keys) {
      if (known.indexOf(module + "." + key) < 0) return module + "." + key + ": is no setting";
      if (keys.indexOf(key, keys.indexOf(key) + 1) >= 0) return module + "." + key + ": stands twice";
    }
  }
  return "";
}

function documentText(document: Document): string {
  return "{" + Object.keys(document).map(function (module) {
    const values = document[module];
    return quote(module) + ":{" + Object.keys(values).map(function (key) {
      const value = values[key];
      return quote(key) + ":" + (typeof value === "string" ? quote(value) : value);
    }).join(",") + "}";
  }).join(",") + "}";
}

/**
 * A patch on a stored document: `null` takes a field back to its default, `***` leaves a secret as it is. `remote` is
 * "h" for HTTP and "a" for MQTT, which may change less.
 */
export function mergeDocument(document: string, patch: Document, remote: "h" | "a"): Merged {
  const old = JSON.parse(document) as Document, merged: Document = {}, together: Record<string, unknown> = {};
  const changed: string[] = [], known: string[] = [];
  let reason = "";
  eachField(function (field) {
    const name = field["m"] + "." + field["k"], stored = (old[field["m"]] || {})[field["k"]], given = (patch[field["m"]] || {})[field["k"]];
    let value = stored;
    known.push(name);
    if (given !== undefined && !(field["s"] && given === MASK)) {
      if (field["r"] === "n" || remote === "a" && field["r"] !== "a") reason = reason || name + ": cannot be changed this way";
      value = given === null || given === field["d"] ? undefined : given;
      if (value !== undefined && !reason) reason = refuse(field, value) && name + ": " + refuse(field, value);
      if (value !== stored) changed.push(name);
    }
    if (TOGETHER.indexOf(name) >= 0) together[name] = value === undefined ? field["d"] : value;
    if (value !== undefined) {
      if (!merged[field["m"]]) merged[field["m"]] = {};
      merged[field["m"]][field["k"]] = value;
    }
  });
  reason = unknownKey(patch, known) || reason || refuseTogether(together);
  return { reason: reason, document: reason ? "" : documentText(merged), changed: changed };
}
