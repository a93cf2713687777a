// The settings of the TinyBMS: GET /api/registers, and GET and PUT /api/backup. They are as they were read last, which
// is once a minute and after each change.

import type { Needs } from "./needs";
import { rawSetting, type SettingLine } from "../bms/settings.cold";
import { SETTING_LINES_AT, SETTING_LINES_END } from "../bms/setting-lines.baked";
import { FIRST_SETTING, SETTINGS } from "../bms/places";
import type { Pieces } from "../http/server";
import { bodyText, errorText } from "../http/server.cold";
import { parseObject } from "../kernel/json.cold";
import { textSlice } from "../kernel/text";
import { isoTime } from "../kernel/time.cold";
import { VERSION } from "../kernel/version";
import { wallSeconds } from "../time/clock.cold";
import { writePieces } from "./command.cold";
import { onePiece } from "./pieces.cold";

/** Settings in a piece. */
const ROWS = 8;
/** What a backup calls itself. */
const FORMAT = "tinybms-backup",
  FORMAT_VERSION = 1,
  MEMBERS = ["format", "version", "device", "firmware", "serial", "time", "settings"];

/** At most `count` lines of the table from line `from` on. */
function linesOf(from: number, count: number): SettingLine[] {
  return textSlice(SETTING_LINES_AT, SETTING_LINES_END - 1)
    .split("\n")
    .slice(from, from + count)
    .map(function (line) {
      return JSON.parse(line) as SettingLine;
    });
}

/** The value of a setting: its name where it has one, else the number in its unit. */
function valueOf(words: Uint16Array, line: SettingLine): number | string {
  const raw = rawSetting(words, line),
    names = line["e"] ? line["e"] + ";" : "",
    at = names.indexOf("," + raw + ":");
  return at < 0 ? raw / line["p"] : names.substring(names.indexOf(":", at) + 1, names.indexOf(",", at + 1));
}

/** Settings, a few a piece; an empty list while they are not known. */
export function registersPart(needs: Needs, piece: number): string {
  const words = needs.uart.raw[SETTINGS],
    lines = words ? linesOf(piece * ROWS, ROWS) : [];
  let text = piece ? "" : '{"settings":[';
  if (!lines.length) return piece && !(words && linesOf((piece - 1) * ROWS, 1).length) ? "" : text + "]}\r\n";
  for (const line of lines) {
    const names = line["e"],
      row: Record<string, unknown> = {
        "key": line["k"],
        "register": FIRST_SETTING + line["r"],
        "value": words ? valueOf(words, line) : null,
        "unit": line["u"],
      };
    if (names)
      row["values"] = names
        .substring(1, names.length - 1)
        .split(",")
        .map(function (name) {
          return name.substr(name.indexOf(":") + 1);
        });
    else row["min"] = line["a"] / line["p"];
    if (!names) row["max"] = line["b"] / line["p"];
    text += (piece || line !== lines[0] ? "," : "") + JSON.stringify(row);
  }
  return text;
}

/** All settings as a file, a few a piece. */
export function backupPart(needs: Needs, piece: number): string {
  const words = needs.uart.raw[SETTINGS],
    lines = words ? linesOf(piece * ROWS, ROWS) : [];
  let text = piece
    ? ""
    : JSON.stringify({
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "device": needs.device,
        "firmware": VERSION,
        "serial": needs.snapshot.serial || null,
        "time": isoTime(wallSeconds(needs)) || null,
      }).slice(0, -1) + ',"settings":{';
  if (!lines.length) return piece && !(words && linesOf((piece - 1) * ROWS, 1).length) ? "" : text + "}}\r\n";
  for (const line of lines)
    text +=
      (piece || line !== lines[0] ? "," : "") +
      JSON.stringify(line["k"]) +
      ":" +
      JSON.stringify(words ? valueOf(words, line) : null);
  return text;
}

/** Of a backup what the TinyBMS has not. */
function differing(words: Uint16Array, wanted: Record<string, unknown>): Record<string, unknown> {
  const changes: Record<string, unknown> = {},
    same: string[] = [];
  for (const line of linesOf(0, 99)) {
    const value = wanted[line["k"]];
    // the interpreter does not read back each fraction that it writes
    if (
      typeof value === "number" && !line["e"]
        ? Math.round(value * line["p"]) === rawSetting(words, line)
        : value === valueOf(words, line)
    )
      same.push(line["k"]);
  }
  for (const key of Object.keys(wanted)) if (same.indexOf(key) < 0) changes[key] = wanted[key];
  return changes;
}

/** Write a backup back: what differs is changed. With the flag dry it is compared alone. */
export function restorePieces(needs: Needs, body: string, flags: string[]): Pieces {
  const parsed = parseObject(body),
    file = parsed.value,
    settings = file ? (file["settings"] as Record<string, unknown> | null | undefined) : null,
    words = needs.uart.raw[SETTINGS];
  if (!file) return onePiece(errorText(400, "BadCfgJson", "body", parsed.reason));
  if (file["format"] !== FORMAT) return onePiece(errorText(400, "OutOfRange", "format", "must be " + FORMAT));
  if (file["version"] !== FORMAT_VERSION)
    return onePiece(errorText(400, "OutOfRange", "version", "must be " + FORMAT_VERSION));
  for (const name of Object.keys(file))
    if (MEMBERS.indexOf(name) < 0) return onePiece(errorText(400, "UnknownKey", name, "is no member of such a file"));
  if (typeof settings !== "object" || !settings || typeof settings["length"] === "number")
    return onePiece(errorText(400, "OutOfRange", "settings", "must be an object"));
  if (!words) return onePiece(errorText(504, "NotReady", "settings", "the TinyBMS has not told its settings yet"));
  const changes = differing(words, settings);
  if (!Object.keys(changes).length)
    return onePiece(bodyText(200, '{"ok":true,"done":{},"undo":{},"written":false}\r\n'));
  return writePieces(needs, changes, flags);
}

/** PUT /api/registers: settings by their keys. */
export function putRegisters(needs: Needs, body: string, flags: string[]): Pieces {
  const parsed = parseObject(body);
  return parsed.value
    ? writePieces(needs, parsed.value, flags)
    : onePiece(errorText(400, "BadCfgJson", "body", parsed.reason));
}
