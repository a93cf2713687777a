// The settings document, read module by module: what is not stored has the board's preset, else its default.

import { quote, quoteBytes } from "../kernel/json.cold";
import { formed, refuseForm, trimmed } from "./forms.cold";
import { textSlice } from "../kernel/text";
import { FIELDS_AT, FIELDS_END } from "./fields.baked";

/**
 * A line of the settings table in the image's text: module, key, type, default, bounds, form, values, secret, remote.
 */
export interface FieldLine {
  m: string;
  k: string;
  t: "b" | "i" | "n" | "s";
  d?: unknown;
  a?: number;
  b?: number;
  f?: string;
  o?: unknown[];
  s?: number;
  r: "n" | "h" | "a";
}
export type Document = Record<string, Record<string, unknown>>;

/** Text that stands for a secret in everything that leaves the device. */
const MASK = "***";

/**
 * Call `visit` with at most `count` lines of the table that belong to a module, from `from` on (0: its first); where
 * the next begins, -1 when there is none.
 */
function fieldsOf(module: string, from: number, count: number, visit: (field: FieldLine) => void): number {
  const table = textSlice(FIELDS_AT, FIELDS_END),
    start = '{"m":' + JSON.stringify(module) + ",";
  let at = from || table.indexOf(start),
    left = count,
    end = 0;
  while (at >= 0 && left-- > 0) {
    end = table.indexOf("\n", at);
    visit(JSON.parse(table.substring(at, end)) as FieldLine);
    at = table.substr(end + 1, start.length) === start ? end + 1 : -1;
  }
  return at;
}

/** More than any module has. */
const ALL_ROWS = 99;

/** Read `count` settings of a module into `values`, from the place `from` in the table on; the next place, or -1. */
export function readMore(
  document: string,
  presets: string,
  module: string,
  values: Record<string, unknown>,
  from: number,
  count: number,
): number {
  const stored = (JSON.parse(document) as Document)[module] || {},
    preset = (JSON.parse(presets) as Document)[module] || {};
  return fieldsOf(module, from, count, function (field) {
    const value = stored[field["k"]] === undefined ? preset[field["k"]] : stored[field["k"]];
    values[field["k"]] = value === undefined ? field["d"] : value;
  });
}

/**
 * One module of a stored document; what is not stored has the board's preset, else its default (undefined where there
 * is none).
 */
export function readModule(document: string, presets: string, module: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  readMore(document, presets, module, values, 0, ALL_ROWS);
  return values;
}

/** Modules of the table as JSON members with masked secrets, one text a module. */
export function moduleText(document: string, presets: string, module: string): string {
  const values = readModule(document, presets, module);
  let text = "";
  fieldsOf(module, 0, ALL_ROWS, function (field) {
    const value = values[field["k"]];
    if (value === undefined) return;
    const shown = field["s"] && value !== "" ? MASK : value;
    text += (text ? "," : "") + quote(field["k"]) + ":" + (typeof shown === "string" ? quote(shown) : shown);
  });
  return quote(module) + ":{" + text + "}";
}

// A change of the settings: checked whole before anything of it is kept. Only what differs from the defaults is stored.

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
  /** Keys of the module's patch that the table has, the first one that it has not, and the first other reason. */
  known: string[];
  unknown: string;
  reason: string;
  /** What the modules of the patch have then. */
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
    known: [],
    unknown: unknown,
    reason: "",
    values: {},
  };
}

/**
 * Whether a value is what is shown of a field. A secret that is sent counts as a change even if it was right: nobody
 * learns that.
 */
function isShown(field: FieldLine, value: unknown, before: unknown): boolean {
  return field["s"] ? value === MASK || (value === "" && before === "") : value === before;
}

/** Take `count` more rows; whether any is left. */
export function mergeMore(own: Merge, presets: string, count: number): boolean {
  const module = own.waiting[0];
  if (!module) return false;
  const given = own.patch[module],
    stored = own.stored[module] || {},
    preset = (JSON.parse(presets) as Document)[module] || {},
    merged = own.merged[module] || {},
    values = own.values[module] || {};
  own.at = fieldsOf(module, own.at, count, function (field) {
    const key = field["k"],
      name = module + "." + key,
      wanted = given[key],
      patch = typeof wanted === "string" ? formed(field["f"], wanted) : wanted,
      base = preset[key] === undefined ? field["d"] : preset[key],
      before = stored[key] === undefined ? base : stored[key];
    let value = stored[key];
    if (patch !== undefined) own.known.push(key);
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
  own.values[module] = values;
  if (own.at >= 0) return true;
  for (const key of Object.keys(given))
    if (own.known.indexOf(key) < 0) own.unknown = own.unknown || module + "." + key + ": is no setting";
  own.known = [];
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

// The broker as one URL: mqtt://user:pass@host:port or mqtts://..., taken apart into the fields that it stands for.

/** `%41` is A; null where a percent sign is followed by something else. */
function percentDecoded(text: string): string | null {
  const parts = text.split("%"),
    digits = "0123456789abcdef";
  let out = parts[0];
  for (const part of parts.slice(1)) {
    const high = digits.indexOf(part.substr(0, 1).toLowerCase()),
      low = digits.indexOf(part.substr(1, 1).toLowerCase());
    if (part.length < 2 || high < 0 || low < 0) return null;
    out += String.fromCharCode(high * 16 + low) + part.substr(2);
  }
  return out;
}

function isNumber(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text[i] < "0" || text[i] > "9") return false;
  return text !== "";
}

/** Put what `uri` says into `fields`; the reason when it is no such URL. */
function takeApart(uri: string, fields: Record<string, unknown>): string {
  const secure = uri.substr(0, 8).toLowerCase() === "mqtts://",
    scheme = secure ? 8 : 7;
  if (!secure && uri.substr(0, 7).toLowerCase() !== "mqtt://") return "must begin with mqtt:// or mqtts://";
  let rest = uri.substr(scheme);
  if (rest[rest.length - 1] === "/") rest = rest.substr(0, rest.length - 1);
  if (rest.indexOf("/") >= 0 || rest.indexOf("?") >= 0 || rest.indexOf("#") >= 0 || rest.indexOf(" ") >= 0)
    return "must end after the port";
  const parts = rest.split("@"),
    place = parts.pop() as string,
    login = parts.join("@"),
    colon = login.indexOf(":"),
    portAt = place.indexOf(":"),
    end = portAt < 0 ? place.length : portAt;
  const user = percentDecoded(colon < 0 ? login : login.substr(0, colon)),
    pass = percentDecoded(colon < 0 ? "" : login.substr(colon + 1));
  const host = percentDecoded(place.substr(0, end)),
    port = place.substr(end);
  if (place[0] === "[") return "must name an IPv4 address: the interpreter knows no IPv6";
  if (user === null || pass === null || host === null) return "has a bad percent code";
  if (!host || !end) return "names no host";
  if (port && (port[0] !== ":" || port.length > 6 || !isNumber(port.substr(1)))) return "has a port that is no number";
  const badHost = refuseForm("host", host),
    badUser = refuseForm("text", user);
  if (badHost) return "has a host that " + badHost;
  if (badUser) return "has a user that " + badUser;
  fields["host"] = host;
  fields["port"] = port ? +port.substr(1) : secure ? 8883 : 1883;
  fields["user"] = user;
  fields["pass"] = pass;
  fields["use_tls"] = secure;
  return "";
}

/**
 * In settings, `mqtt.uri` becomes host, port, user, pass and use_tls, and wins over them. "" or the reason why it
 * cannot.
 */
export function takeUri(settings: Record<string, unknown>): string {
  const fields = settings["mqtt"] as Record<string, unknown> | null | undefined,
    uri = fields ? fields["uri"] : null;
  if (!fields || typeof uri !== "string" || uri === "" || uri === MASK) return "";
  fields["uri"] = "";
  return takeApart(trimmed(uri), fields);
}
