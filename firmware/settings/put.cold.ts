// A patch of the settings, by HTTP or MQTT: checked whole, then written whole, then in force, one stage a turn of the
// main loop. The old settings count until the stages that apply the new ones; a power cut leaves old or new ones.
import { type Document, readMore, takeUri } from "../config/document.cold";
import { modules } from "../config/fields.baked";
import { takeNames, without } from "../config/names.cold";
import { derOf } from "../config/pem.cold";
import { concerned, type Values } from "../config/settings.cold";
import { sealed } from "../config/pass.cold";
import { caOf, newestSlot, writeSlot } from "../config/slots.cold";
import { idText, parseObject } from "../kernel/json.cold";
import type { Needs } from "./needs";
import { tryNew, tryOld, weigh } from "./judge.cold";
import { beginMerge, endMerge, mergeMore } from "./merge.cold";
import { beginMqtt, endMqtt, takeAlarms, takeBattery, takeOthers } from "./apply.cold";
import { type Asked, type Change, FILE_FORMAT, FILE_VERSION } from "./change";
import { settleLogin } from "./login.cold";
import { clearPiece } from "../publish/again.cold";
import { fallAtOnce } from "../victron/fall.cold";
import { INFO } from "../log/log";
import { writeLog } from "../log/log.cold";

/** A change whose last stage is this old died on its way, for want of memory, ms. */
const DEAD_MS = 10000;

/** Begin a change; false while another one is under way. */
export function beginChange(needs: Needs, asked: Asked): boolean {
  const now = needs.natives.now(),
    other = needs.commands.change;
  if (other && now - other.at < DEAD_MS) return false;
  needs.commands.change = {
    asked: asked,
    stage: 0,
    at: now,
    waits: false,
    merge: null,
    ca: null,
    toRead: [],
    from: 0,
    values: {},
    trial: null,
    move: null,
    put: { id: "", code: "", where: "", reason: "", document: "", changed: [], restart: false, warnings: [] },
  };
  needs.network.soon(function () {
    changeStep(needs);
  });
  return true;
}

/** Stages in their order. */
const PARSE = 0,
  MERGE = 1,
  FIT = 2,
  READ = 3,
  TRY_OLD = 4,
  TRY_NEW = 5,
  WEIGH = 6,
  WRITE = 7,
  BATTERY = 8,
  ALARMS = 9,
  FALL = 10,
  BEGIN_MQTT = 11,
  CLEAR = 12,
  OTHERS = 13,
  END_MQTT = 14,
  TELL = 15,
  OVER = 16;
/** Rows of the settings table in a stage. */
const ROWS = 8;

/** Do a stage; whether it has to be done again. An answer by MQTT goes out before the connection may end. */
function doStage(needs: Needs, own: Change, stage: number): boolean {
  const put = own.put;
  if (stage === PARSE) parsePatch(needs, own);
  else if (stage === MERGE) return own.merge !== null && mergeMore(own.merge, needs.presets, ROWS);
  else if (stage === FIT) fit(needs, own);
  else if (stage === READ) return readRows(needs, own);
  else if (stage === TRY_OLD) tryOld(needs, own);
  else if (stage === TRY_NEW) tryNew(needs, own);
  else if (stage === WEIGH) weigh(needs, own);
  else if (stage === WRITE) {
    put.reason = writeSlot(needs.store, needs.natives.crc32, put.document, own.ca);
    if (put.reason) put.code = "IoError";
    if (put.reason) put.where = "flash";
  } else if (stage === BATTERY) takeBattery(needs, own.values);
  else if (stage === ALARMS) takeAlarms(needs, own.values);
  else if (stage === FALL) fallAtOnce(needs, needs.natives.now());
  else if (stage === BEGIN_MQTT) own.move = beginMqtt(needs, own.values, put.changed);
  else if (stage === CLEAR) return own.move !== null && clearPiece(needs.mqtt, own.move.kinds, own.move.piece++);
  else if (stage === END_MQTT && own.move) {
    if (own.asked.remote === "a") own.asked.then(put, own.values);
    endMqtt(needs, own.values, own.move);
  } else if (stage === OTHERS) {
    writeLog(needs, INFO, "settings: " + put.changed.join(" "));
    takeOthers(needs, put.changed);
    if (put.changed.indexOf("http.pass") >= 0) settleLogin(needs);
  } else {
    if (put.code) put.document = "";
    own.asked.then(put, own.values);
  }
  return false;
}

/** The stage behind `stage`: what does not concern these settings is left out. */
function nextStage(own: Change, stage: number): number {
  const changed = own.put.changed,
    isMqtt = own.asked.remote === "a";
  let next = stage + 1;
  if (stage >= TELL || (stage === END_MQTT && isMqtt)) return OVER;
  if (own.put.code || (stage === FIT && !changed.length) || (stage === WEIGH && own.asked.dry)) return TELL;
  if (next === TRY_OLD && !own.values["battery"]) next = WEIGH;
  if (next === BATTERY && !own.values["battery"]) next = ALARMS;
  if (next === ALARMS && !own.values["alarms"]) next = FALL;
  if (next === FALL && !own.values["battery"]) next = BEGIN_MQTT;
  if (next === BEGIN_MQTT && !own.values["retain"]) next = OTHERS;
  return next === END_MQTT && !own.move ? TELL : next;
}

/** A message in pieces is waited for this long, and looked at so often, ms. */
const STREAM_MS = 8000,
  LOOK_MS = 100;

/** Nothing may be cleared, and no connection ended, between the pieces of a message: `commandStep` comes again. */
function mustWait(needs: Needs, own: Change): boolean {
  const now = needs.natives.now();
  own.waits = own.stage === BEGIN_MQTT && needs.mqtt.session.stream > 0 && now - own.at < STREAM_MS;
  if (own.waits && needs.commands.at > now + LOOK_MS) needs.commands.at = now + LOOK_MS;
  return own.waits;
}

/** The next stage of the change that is under way. */
export function changeStep(needs: Needs): void {
  const own = needs.commands.change;
  if (!own || mustWait(needs, own)) return;
  try {
    if (!doStage(needs, own, own.stage)) own.stage = nextStage(own, own.stage);
  } catch (error) {
    own.put.code = "Failed";
    own.put.where = "settings";
    own.put.reason = "" + error;
    own.stage = own.stage === TELL || (own.stage === END_MQTT && own.asked.remote === "a") ? OVER : TELL;
  }
  own.at = needs.natives.now();
  if (own.stage === OVER) needs.commands.change = null;
  else
    needs.network.soon(function () {
      changeStep(needs);
    });
}

// The stages that check.

/**
 * `mqtt.server_certificate` (PEM) is a file and no setting; why it cannot be taken, beginning with the field, or "".
 */
function takeCa(own: Change, settings: Record<string, unknown>): string {
  const mqtt = settings["mqtt"] as Record<string, unknown> | null | undefined,
    text = mqtt ? mqtt["server_certificate"] : undefined;
  if (!mqtt || text === undefined) return "";
  const der = typeof text === "string" ? text && derOf("ca", text) : "!must be a string";
  if (own.asked.remote === "a") return "mqtt.server_certificate: cannot be changed over MQTT";
  if (der[0] === "!") return "mqtt.server_certificate: " + der.substr(1);
  own.ca = der;
  settings["mqtt"] = without(mqtt, "server_certificate");
  return "";
}

/** What a file of exported settings may have. */
const MEMBERS = ["format", "version", "device", "firmware", "time", "settings"];

/** Of a file of exported settings these; the reason when it is none, beginning with the member. */
function settingsIn(file: Record<string, unknown>): Record<string, unknown> | string {
  const settings = file["settings"] as Record<string, unknown> | null | undefined;
  if (file["format"] !== FILE_FORMAT) return "format: must be " + FILE_FORMAT;
  if (file["version"] !== FILE_VERSION) return "version: must be " + FILE_VERSION;
  for (const name of Object.keys(file)) if (MEMBERS.indexOf(name) < 0) return name + ": is no member of such a file";
  return typeof settings === "object" && settings ? settings : "settings: must be an object";
}

/** The text, which nobody holds any longer. */
function takeText(asked: Asked): string {
  const text = asked.text;
  asked.text = "";
  return text;
}

/** The text becomes a patch, which is ready to be merged. */
export function parsePatch(needs: Needs, own: Change): void {
  const asked = own.asked,
    parsed = parseObject(takeText(asked)),
    names = modules.split(" "),
    put = own.put,
    given: Record<string, unknown> = {};
  const found = parsed.value && asked.isFile ? settingsIn(parsed.value) : parsed.value,
    patch = typeof found === "string" ? undefined : found;
  if (!patch) {
    put.code = "BadCfgJson";
    const reason = typeof found === "string" ? found : "body: " + parsed.reason;
    put.where = reason.substr(0, reason.indexOf(": "));
    put.reason = reason.substr(reason.indexOf(": ") + 2);
    return;
  }
  const isMqtt = asked.remote === "a",
    id = isMqtt ? idText(patch) : "";
  if (asked.module) given[asked.module] = patch;
  else
    for (const name of Object.keys(patch))
      if ((name !== "confirm" || asked.isFile) && !(isMqtt && name === "id")) given[name] = patch[name];
  const confirm = asked.module || asked.isFile ? undefined : patch["confirm"],
    badName = takeNames(given),
    badCa = takeCa(own, given),
    badUri = isMqtt ? "" : takeUri(given);
  put.id = id || "";
  put.code = "CfgApplyFailed";
  if (id === null) {
    put.code = "BadCfgJson";
    put.where = "id";
    put.reason = "must be a whole number or at most 64 bytes of text";
  } else if (confirm !== undefined && typeof confirm !== "boolean") {
    put.where = "confirm";
    put.reason = "must be true or false";
  } else if (badName || badCa) {
    const bad = badName || badCa;
    put.where = bad.substr(0, bad.indexOf(": "));
    put.reason = bad.substr(bad.indexOf(": ") + 2);
  } else if (badUri) {
    put.where = "mqtt.uri";
    put.reason = badUri;
  } else {
    put.code = "";
    if (confirm) asked.confirmed = true;
    own.merge = beginMerge(
      newestSlot(needs.store, needs.natives.crc32).document,
      given as Document,
      asked.remote,
      names,
    );
  }
}

/** Modules and settings that count from now on; others from the next start. */
const live = [
  "alarms",
  "battery",
  "bms",
  "can/limits",
  "ha",
  "log",
  "mqtt",
  "retain",
  "time",
  "http.user",
  "http.pass",
  "http.read_auth",
  "http.read_only",
  "http.cors",
];

/** The standard code for why a field was refused. */
function codeOf(reason: string): string {
  if (reason === "is no setting") return "UnknownKey";
  if (reason === "is no module of the settings") return "UnknownModule";
  return reason.startsWith("must be at ") || reason.startsWith("must be one of") ? "OutOfRange" : "CfgApplyFailed";
}

/** Why TLS that a change switches on cannot be: nothing may be torn down for it. */
function tlsRefused(needs: Needs, own: Change): string {
  const mqtt = own.values["mqtt"];
  return own.put.changed.indexOf("mqtt.use_tls") >= 0 && mqtt && mqtt["use_tls"] ? needs.network.tlsFault() : "";
}

/** What was merged is right, or why not; then what is to be read of other modules. */
export function fit(needs: Needs, own: Change): void {
  const merge = own.merge,
    put = own.put;
  if (!merge) return;
  put.changed = merge.changed;
  if (own.ca === caOf(needs.store, needs.natives.crc32)) own.ca = null;
  if (own.ca !== null) put.changed.push("mqtt.server_certificate");
  const http = merge.merged["http"];
  if (put.changed.indexOf("http.pass") >= 0 && http["pass"] && !merge.reason)
    http["pass"] = sealed(needs.natives, http["pass"] as string);
  put.document = endMerge(merge, modules.split(" "));
  own.values = merge.values;
  own.merge = null;
  const colon = merge.reason.indexOf(": "),
    fault = merge.reason ? "" : tlsRefused(needs, own);
  if (merge.reason) {
    put.where = merge.reason.substr(0, colon);
    put.reason = merge.reason.substr(colon + 2);
    put.code = codeOf(put.reason);
  } else if (fault) {
    put.code = "TlsUnavailable";
    put.where = "mqtt.use_tls";
    put.reason = fault;
  }
  const needed = concerned(put.changed),
    values: Record<string, Values> = {}; // those of a whole file have no room beside what follows
  for (const module of Object.keys(merge.values))
    if (needed.indexOf(module) >= 0 || module === own.asked.module) values[module] = merge.values[module];
  own.values = values;
  put.restart = put.changed.some(function (name) {
    return live.indexOf(name) < 0 && live.indexOf(name.substr(0, name.lastIndexOf("."))) < 0;
  });
  own.toRead = needed.filter(function (module) {
    return !own.values[module];
  });
}

/** More rows of what is to be read; whether there are any left. */
export function readRows(needs: Needs, own: Change): boolean {
  const module = own.toRead[0];
  if (!module) return false;
  const values = own.values[module] || {};
  own.values[module] = values;
  own.from = readMore(own.put.document, needs.presets, module, values, own.from, ROWS);
  if (own.from >= 0) return true;
  own.from = 0;
  own.toRead.splice(0, 1);
  return own.toRead.length > 0;
}
