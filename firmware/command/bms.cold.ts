// Commands that ask the TinyBMS: they begin a conversation (talk.cold.ts); the answer comes when it is over.

import type { Needs } from "./needs";
import { SEVERITIES_AT } from "../battery/names.baked";
import { eventName, eventSeverity, nameIn } from "../battery/names.cold";
import { eventsAt, eventsInRegisters } from "../bms/events.cold";
import { EVENTS, FIRST_SETTING, MOST_BLOCK } from "../bms/places";
import { readsOf } from "../bms/plan.baked.cold";
import { readBlock } from "../bms/requests.cold";
import type { SettingsTalk } from "../bms/settings";
import { eachSetting, settingsTalkOf } from "../bms/settings.cold";
import { STALL_MS, type Talk } from "../bms/talk";
import { settingsOf } from "../config/settings.cold";
import { hurryTask } from "../kernel/tasks";
import type { Asked } from "./state";

/** The last register there is. */
const LAST = 599;
/** Events of the log. */
const MOST_COUNT = 49;
/** Time for a read, ms. */
const READ_MS = 5000;
type Args = Record<string, unknown>;

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most && value % 1 === 0;
}

function outOfRange(where: string, least: number, most: number): string {
  return "OutOfRange " + where + ", must be a whole number from " + least + " to " + most;
}

/** The changes that make a register's raw number; an error as "Code key, reason". */
function changesOf(address: number, value: number): Args | string {
  const changes: Args = {};
  let rest = value,
    found = 0;
  eachSetting(function (line) {
    const width = line["w"];
    if (line["r"] !== address - FIRST_SETTING) return;
    found++;
    let raw = width === 32 ? value : (value >> line["l"]) & ((1 << width) - 1);
    rest -= width === 32 ? value : raw << line["l"];
    if (line["s"]) raw = (raw << 16) >> 16;
    changes[line["k"]] = raw / line["p"];
  });
  if (!found) return "ReadOnlyRegister address, is no setting of the BMS";
  return rest ? "OutOfRange value, must fit the register" : changes;
}

/** A change of settings, or the check of one. */
function write(needs: Needs, cmd: string, args: Args): SettingsTalk | string {
  const isDry = args["dry"] === true,
    settings = args["settings"],
    address = args["address"],
    value = args["value"];
  let changes = settings as Args | string | undefined;
  if (!isDry && !settingsOf(needs, "bms")["allow_write"]) return "InterlockBlocked " + cmd + ", needs bms.allow_write";
  if (settings === undefined) {
    if (address === undefined) return "MissingValue " + cmd + ".address";
    if (value === undefined) return "MissingValue " + cmd + ".value";
    if (!isWhole(address, 0, LAST)) return outOfRange(cmd + ".address", 0, LAST);
    if (!isWhole(value, 0, 0xffffffff)) return outOfRange(cmd + ".value", 0, 0xffffffff);
    changes = changesOf(address as number, value as number);
    if (typeof changes === "string") return changes.replace(" ", " " + cmd + ".");
  } else if (typeof settings !== "object" || settings === null || !Object.keys(settings).length) {
    return "OutOfRange " + cmd + ".settings, must be an object of settings";
  } else if (address !== undefined || value !== undefined) {
    return "UnknownKey " + cmd + ".address, cannot stand beside settings";
  }
  if (!isDry && args["confirm"] !== true) return "InterlockBlocked " + cmd + ".confirm, must be true";
  return settingsTalkOf(changes as Args, isDry, true, true);
}

/**
 * Begin a conversation: "" when it runs, else an error as "Code where". `requests` are sent one after the other;
 * `settings` are changed, which makes its own.
 */
export function askBms(needs: Needs, asked: Asked, requests: string[], settings: SettingsTalk | null): string {
  const own = needs.commands;
  if (needs.uart.talk) return "Busy " + asked.cmd + ", the BMS is being asked something else";
  const until = needs.natives.now() + (settings ? STALL_MS : READ_MS);
  needs.uart.talk = {
    exchange: { request: requests.splice(0, 1)[0], head: "", length: 0, crc: 0, every: 0, due: 0 },
    settings: settings,
    more: requests,
    outcome: "",
    payload: "",
    error: 0,
    until: until,
    owner: own,
  };
  own.asked = asked;
  if (own.at > until) own.at = until;
  hurryTask(needs.scheduler, needs.mqtt.task, 0);
  return "";
}

// Each command checks its arguments and begins. "" when the conversation runs, else an error as "Code where".

/** Registers as they are. */
export function bmsRead(needs: Needs, args: Args, tail: string, flags: number): string {
  const address = args["address"],
    count = args["count"] === undefined ? 1 : args["count"];
  if (address === undefined) return "MissingValue bms.read.address";
  if (!isWhole(address, 0, LAST)) return outOfRange("bms.read.address", 0, LAST);
  if (!isWhole(count, 1, MOST_BLOCK)) return outOfRange("bms.read.count", 1, MOST_BLOCK);
  const asked = { cmd: "bms.read", tail: tail, flags: flags, args: args };
  return askBms(needs, asked, [readBlock(7, address as number, count as number)], null);
}

/** The event log. */
export function bmsEvents(needs: Needs, args: Args, tail: string, flags: number): string {
  if (args["count"] !== undefined && !isWhole(args["count"], 1, MOST_COUNT))
    return outOfRange("bms.events.count", 1, MOST_COUNT);
  const asked = { cmd: "bms.events", tail: tail, flags: flags, args: args };
  const requests = readsOf(EVENTS).map(function (read) {
    return readBlock(7, read[0], read[1]);
  });
  return askBms(needs, asked, requests, null);
}

/** Settings of the TinyBMS, by name or by address. */
export function bmsWrite(needs: Needs, args: Args, tail: string, flags: number): string {
  const settings = write(needs, "bms.write", args);
  if (typeof settings === "string") return settings;
  return askBms(needs, { cmd: "bms.write", tail: tail, flags: flags, args: args }, [""], settings);
}

// The answer of a command that asked the TinyBMS, from the conversation that is over.

/** Bytes that an answer's list of events may have. */
const MOST_EVENTS = 800;
/** Bytes of the event log; behind it stands the lifetime counter. */
const LOG_BYTES = 196;

/** What a failed exchange is called. */
function failed(cmd: string, outcome: string): string {
  if (outcome === "timeout" || outcome === "truncated") return "UartTimeout " + cmd;
  if (outcome === "crc_mismatch") return "CrcError " + cmd;
  return (
    "Failed " + cmd + ", " + (outcome === "nack" ? "the BMS refuses it" : "the answer was no good (" + outcome + ")")
  );
}

/** A change that was refused, or of which nobody knows. The reason begins with the setting. */
function refused(cmd: string, talk: SettingsTalk, byAddress: boolean): string {
  const reason = talk.reason,
    colon = reason.indexOf(": "),
    key = colon < 0 ? "" : reason.substr(0, colon),
    isKey = key && key.indexOf(" ") < 0;
  const where = !isKey || key === "settings" ? cmd : byAddress ? cmd + ".value" : cmd + "." + key;
  const isRange =
    reason.indexOf(" is below ") >= 0 || reason.indexOf(" is above ") >= 0 || reason.indexOf(": must be ") >= 0;
  if (talk.outcome === "refused") {
    // the interpreter also finds the begin of a word at the end of a text
    if ((reason + ".").indexOf("does not answer") >= 0) return "UartTimeout " + cmd + ", " + reason;
    if (reason.indexOf(": is no setting") >= 0) return "UnknownKey " + where + ", is no setting of the BMS";
    if (isRange) return "OutOfRange " + where + ", " + reason;
  }
  return "Failed " + where + ", " + reason;
}

/** Two bytes each, the low one first, as numbers. */
function wordsOf(payload: string): number[] {
  const words: number[] = [];
  let at = 0;
  for (; at < payload.length; at += 2) words.push(payload.charCodeAt(at) | (payload.charCodeAt(at + 1) << 8));
  return words;
}

/** The events, the newest first, as many as are wanted and fit. */
function eventsReply(payload: string, count: number): string {
  const now = eventsAt(payload.substr(LOG_BYTES)),
    events = eventsInRegisters(new Uint16Array(wordsOf(payload.substr(0, LOG_BYTES))), now);
  let text = "",
    i = events.length - 1;
  for (; i >= 0 && count > 0 && text.length < MOST_EVENTS; i--) {
    const event = events[i];
    text +=
      (text ? "," : "") +
      '{"id":' +
      event.id +
      ',"name":"' +
      eventName(event.id) +
      '","severity":"' +
      nameIn(SEVERITIES_AT, eventSeverity(event.id)) +
      '","at_s":' +
      event.time +
      "}";
    count--;
  }
  return '{"lifetime_s":' + now + ',"total":' + events.length + ',"events":[' + text + "]}";
}

/** JSON of the reply, or an error as "Code where, reason". */
export function bmsAnswer(talk: Talk, asked: Asked): string {
  const cmd = asked.cmd,
    args = asked.args,
    settings = talk.settings;
  if (settings && settings.outcome !== "ok") {
    if (talk.outcome) return refused(cmd, settings, args["address"] !== undefined);
    return "UartTimeout " + cmd + ", the BMS does not answer; look at the settings, they may have been changed in part";
  }
  if (settings) {
    return JSON.stringify({
      "done": settings.done,
      "undo": settings.undo,
      "written": settings.queue.length > 0 && !settings.dry,
      "range_by_table": settings.byTable.length > 0 ? settings.byTable : undefined,
    });
  }
  if (talk.outcome !== "ok") return failed(cmd, talk.outcome || "timeout");
  if (cmd === "bms.events")
    return eventsReply(talk.payload, args["count"] === undefined ? MOST_COUNT : (args["count"] as number));
  const words = wordsOf(talk.payload);
  return JSON.stringify({ "address": args["address"], "count": words.length, "words": words });
}
