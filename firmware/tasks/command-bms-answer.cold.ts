// The answer of a command that asked the TinyBMS, from the conversation that is over.
import { eventName, eventSeverity, nameIn } from "../battery/names.cold";
import { SEVERITIES_AT } from "../battery/names.baked";
import { eventsAt, eventsOf } from "../bms/events.cold";
import type { Talk } from "../bms/talk";
import type { SettingsTalk } from "../bms/settings-steps";
import type { Asked } from "./command-state";

/** Bytes that an answer's list of events may have. */
const MOST_EVENTS = 800;

/** What a failed exchange is called. */
function failed(cmd: string, outcome: string): string {
  if (outcome === "timeout" || outcome === "truncated") return "UartTimeout " + cmd;
  if (outcome === "crc_mismatch") return "CrcError " + cmd;
  return "Failed " + cmd + ", " + (outcome === "nack" ? "the BMS refuses it" : "the answer was no good (" + outcome + ")");
}

/** A change that was refused, or of which nobody knows. The reason begins with the setting. */
function refused(cmd: string, talk: SettingsTalk, byAddress: boolean): string {
  const reason = talk.reason, colon = reason.indexOf(": "), key = colon < 0 ? "" : reason.substr(0, colon), isKey = key && key.indexOf(" ") < 0;
  const where = !isKey || key === "settings" ? cmd : byAddress ? cmd + ".value" : cmd + "." + key;
  const isRange = reason.indexOf(" is below ") >= 0 || reason.indexOf(" is above ") >= 0 || reason.indexOf(": must be ") >= 0;
  if (talk.outcome === "refused") {
    if (reason.indexOf("does not answer") >= 0) return "UartTimeout " + cmd + ", " + reason;
    if (reason.indexOf(": is no setting") >= 0) return "UnknownKey " + where;
    if (isRange) return "OutOfRange " + where + ", " + reason;
  }
  return "Failed " + where + ", " + reason;
}

/** The events, the newest first, as many as are wanted and fit. */
function eventsReply(payload: string, count: number): string {
  const events = eventsOf(payload);
  let text = "", i = events.length - 1;
  for (; i >= 0 && count > 0 && text.length < MOST_EVENTS; i--) {
    const event = events[i];
    text += (text ? "," : "") + '{"id":' + event.id + ',"name":"' + eventName(event.id) + '","severity":"'
      + nameIn(SEVERITIES_AT, eventSeverity(event.id)) + '","at_s":' + event.time + "}";
    count--;
  }
  return '{"lifetime_s":' + eventsAt(payload) + ',"total":' + events.length + ',"events":[' + text + "]}";
}

/** JSON of the reply, or an error as "Code where, reason". */
export function bmsAnswer(talk: Talk, asked: Asked): string {
  const cmd = asked.cmd, args = asked.args, settings = talk.settings, words: number[] = [];
  let at = 0;
  if (settings && settings.outcome !== "ok") {
    if (talk.outcome) return refused(cmd, settings, args["address"] !== undefined);
    return "UartTimeout " + cmd + ", the BMS does not answer; look at the settings, they may have been changed in part";
  }
  if (settings) {
    return JSON.stringify({ "done": settings.done, "undo": settings.undo, "written": settings.queue.length > 0 && !settings.dry });
  }
  if (talk.outcome !== "ok") return failed(cmd, talk.outcome || "timeout");
  if (cmd === "bms.events") return eventsReply(talk.payload, args["count"] === undefined ? 49 : args["count"] as number);
  for (; at < talk.payload.length; at += 2) words.push(talk.payload.charCodeAt(at) | talk.payload.charCodeAt(at + 1) << 8);
  return JSON.stringify({ "address": args["address"], "count": words.length, "words": words });
}
