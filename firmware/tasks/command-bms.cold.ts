// Commands that ask the TinyBMS: they begin a conversation (talk.cold.ts); the answer comes when it is over.
import { askFor, readBlock } from "../bms/requests.cold";
import { eachSetting } from "../bms/settings-rows.cold";
import { settingsTalkOf } from "../bms/settings-talk.cold";
import type { SettingsTalk } from "../bms/settings-steps";
import type { App } from "./app";
import { settingsOf } from "./settings.cold";

/** The last register there is; registers a read; the event log; time for a read and for a change, ms. */
const LAST = 599, MOST_READ = 31, ALL_EVENTS = 0x12, READ_MS = 5000, WRITE_MS = 40000, FIRST_SETTING = 300;

type Args = Record<string, unknown>;

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most && value % 1 === 0;
}

/** The changes that make a register's raw number; an error as "Code key". */
function changesOf(address: number, value: number): Args | string {
  const changes: Args = {};
  let rest = value, found = 0;
  eachSetting(function (line) {
    const width = line["w"];
    if (line["r"] !== address - FIRST_SETTING) return;
    found++;
    let raw = width === 32 ? value : value >> line["l"] & (1 << width) - 1;
    rest -= width === 32 ? value : raw << line["l"];
    if (line["s"]) raw = raw << 16 >> 16;
    changes[line["k"]] = raw / line["p"];
  });
  if (!found) return "ReadOnlyRegister address";
  return rest ? "OutOfRange value" : changes;
}

/** A change of settings, or the check of one. */
function write(app: App, cmd: string, args: Args): SettingsTalk | string {
  const isDry = args["dry"] === true, settings = args["settings"], address = args["address"], value = args["value"];
  let changes = settings as Args | string | undefined;
  if (!settingsOf(app, "bms")["allow_write"]) return "InterlockBlocked " + cmd;
  if (settings === undefined) {
    if (address === undefined) return "MissingValue " + cmd + ".address";
    if (value === undefined) return "MissingValue " + cmd + ".value";
    if (!isWhole(address, 0, LAST)) return "OutOfRange " + cmd + ".address";
    if (!isWhole(value, 0, 0xffffffff)) return "OutOfRange " + cmd + ".value";
    changes = changesOf(address as number, value as number);
    if (typeof changes === "string") return changes.replace(" ", " " + cmd + ".");
  } else if (typeof settings !== "object" || settings === null || !Object.keys(settings).length) {
    return "OutOfRange " + cmd + ".settings";
  } else if (address !== undefined || value !== undefined) {
    return "UnknownKey " + cmd + ".address";
  }
  if (!isDry && args["confirm"] !== true) return "InterlockBlocked " + cmd + ".confirm";
  return settingsTalkOf(changes as Args, isDry, true, true);
}

/** Begin: "" when the conversation runs, else an error as "Code where". */
export function bmsCommand(app: App, cmd: string, args: Args, tail: string, flags: number): string {
  const own = app.commands, now = app.natives.now(), address = args["address"], count = args["count"] === undefined ? 1 : args["count"];
  let settings: SettingsTalk | string | null = null, request = "";
  if (cmd === "bms.events") {
    if (!isWhole(count, 1, 49)) return "OutOfRange bms.events.count";
    request = askFor(ALL_EVENTS);
  } else if (Object.keys(args).length === 0) {
    return "MissingArgs " + cmd;
  } else if (cmd === "bms.read") {
    if (address === undefined) return "MissingValue bms.read.address";
    if (!isWhole(address, 0, LAST)) return "OutOfRange bms.read.address";
    if (!isWhole(count, 1, MOST_READ)) return "OutOfRange bms.read.count";
    request = readBlock(7, address as number, count as number);
  } else {
    settings = write(app, cmd, args);
    if (typeof settings === "string") return settings;
  }
  if (app.uart.talk) return "Busy " + cmd;
  const until = now + (settings ? WRITE_MS : READ_MS);
  app.uart.talk = { exchange: { request: request, head: "", length: 0, crc: 0, every: 0, due: 0 }, settings: settings,
    outcome: "", payload: "", error: 0, until: until, owner: own };
  own.asked = { cmd: cmd, tail: tail, flags: flags, args: args };
  if (own.at > until) own.at = until;
  return "";
}
