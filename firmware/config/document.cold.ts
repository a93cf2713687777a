// The settings document, read module by module: what is not stored has the board's preset, else its default.

import { quote } from "../kernel/json.cold";
import { refuseForm, trimmed } from "./forms.cold";
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

/** The rows of a module for other rooms, as `fieldsOf` gives them. */
export function eachField(module: string, from: number, count: number, visit: (field: FieldLine) => void): number {
  return fieldsOf(module, from, count, visit);
}

/**
 * Whether a value is what is shown of a field. A secret that is sent counts as a change even if it was right: nobody
 * learns that.
 */
export function isShown(field: FieldLine, value: unknown, before: unknown): boolean {
  return field["s"] ? value === MASK || (value === "" && before === "") : value === before;
}

/** What counts: the stored value, the board's preset, the default; undefined where there is none. */
function valueOf(field: FieldLine, stored: Record<string, unknown>, preset: Record<string, unknown>): unknown {
  const key = field["k"],
    value = stored[key] === undefined ? preset[key] : stored[key];
  return value === undefined ? field["d"] : value;
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
    values[field["k"]] = valueOf(field, stored, preset);
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

/**
 * A module as a JSON object with masked secrets, `count` settings of it from the place `from` in the table on (0: its
 * first): that part of the text, and the next place, -1 behind its last.
 */
export function rowsText(
  document: string,
  presets: string,
  module: string,
  from: number,
  count: number,
): { text: string; next: number } {
  const stored = (JSON.parse(document) as Document)[module] || {},
    preset = (JSON.parse(presets) as Document)[module] || {};
  let text = "";
  const next = fieldsOf(module, from, count, function (field) {
    const value = valueOf(field, stored, preset),
      shown = field["s"] && value !== "" ? MASK : value;
    // the table's names need no quoting; one of the first settings of a module has a value
    if (value !== undefined)
      text += (text || from ? ',"' : '"') + field["k"] + '":' + (typeof shown === "string" ? quote(shown) : shown);
  });
  return { text: (from ? "" : "{") + text + (next < 0 ? "}" : ""), next: next };
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
