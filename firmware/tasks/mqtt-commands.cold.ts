// What comes over MQTT: `cmd` is answered on `ack`, `cfg/set` on `cfg/ack` (requirements 6.1 and 6.2). Here a message is checked;
// what it asks for is done elsewhere.
import { HANDLER_FAILED, PARSE_FAILED } from "../mqtt/session";
import type { App } from "./app";
import { acknowledge, errorText, send } from "./command-answer.cold";
import { bmsCommand, commandDo } from "./command-parts";
import { applyChanges, parseObject, putConfig, quote } from "./shared";

/** Longest message, values of `out` (three an answer). */
const MOST = 1024, MOST_OUT = 12;
/** The commands: who may (s with safe commands, all others with all: a confirmed, w those that change the BMS), then their arguments. */
const table: Record<string, string> = {
  "system.ping": "s", "system.reboot": "a confirm", "system.factory_reset": "a confirm", "alarms.list": "s", "alarms.ack": "s id",
  "alarms.ack_all": "s", "bms.read": "s address count", "bms.events": "s count", "bms.write": "w address value settings confirm dry",
  "can.limits.override": "s ccl dcl ttl_s", "mqtt.test": "s", "publish.all": "s", "log.level": "s level",
  "time.resync": "o",
};
const SAFE = 1, ALL_COMMANDS = 2;

/** Why the arguments cannot be, or the command may not; "" when all is well. */
function refuse(app: App, cmd: string, rights: string[], args: Record<string, unknown>): string {
  const mode = app.commands.mode, keys = Object.keys(args);
  for (const key of keys) {
    if (rights.indexOf(key, 1) < 0) return "UnknownKey " + cmd + "." + key;
    if (keys.indexOf(key, keys.indexOf(key) + 1) >= 0) return "BadCmdJson " + cmd + "." + key;
  }
  if (mode < SAFE) return "Disabled " + cmd;
  if (rights[0] !== "s" && mode < ALL_COMMANDS) return "InterlockBlocked " + cmd;
  return rights[0] === "a" && args["confirm"] !== true ? "InterlockBlocked " + cmd + ".confirm" : "";
}

function command(app: App, payload: string | null, flags: number): void {
  const parsed = payload === null || payload.length > MOST ? null : parseObject(payload), message = parsed && parsed.value || {}, id = message["id"];
  const cmd = message["cmd"], args = message["args"] === undefined ? {} : message["args"] as Record<string, unknown>;
  const rights = typeof cmd === "string" ? table[cmd] : "";
  let tail = "", result = "";
  if (typeof cmd === "string") tail = ',"cmd":' + quote(cmd.substr(0, 64));
  if (typeof id === "string" && id.length <= 64) tail += ',"id":' + quote(id);
  else if (typeof id === "number" && id === (id | 0)) tail += ',"id":' + id;
  else if (id !== undefined) result = "BadCmdJson id";
  if (!parsed) result = "ArgsTooLarge cmd";
  else if (!parsed.value) result = "BadCmdJson cmd";
  else if (app.mqtt.session.stale) result = "Stale cmd";
  else if (cmd === undefined || cmd === "") result = "MissingCmd cmd";
  else if (typeof cmd !== "string") result = "BadCmdJson cmd";
  else if (typeof rights !== "string") result = "UnknownCmd " + cmd.substr(0, 64);
  else if (typeof args !== "object" || args === null || typeof args.length === "number") result = "BadCmdJson args";
  else result = result || refuse(app, cmd, rights.split(" "), args);
  const name = cmd as string, counts = app.mqtt.session.counts;
  if (parsed && !parsed.value) counts[PARSE_FAILED]++;
  if (!result) {
    result = name.startsWith("bms.") ? bmsCommand(app, name, args, tail, flags) : commandDo(app, name, args, tail, flags);
    if (result && result[0] !== "{") counts[HANDLER_FAILED]++;
  }
  if (result) acknowledge(app, tail, flags, result);
}

function set(app: App, payload: string | null, flags: number): void {
  const parsed = payload === null || payload.length > MOST ? null : parseObject(payload), counts = app.mqtt.session.counts;
  let error = "", changed: string[] = [];
  if (parsed && !parsed.value) counts[PARSE_FAILED]++;
  if (!parsed) error = "PayloadTooLarge cfg/set";
  else if (!parsed.value) error = "BadCfgJson cfg/set";
  else if (app.mqtt.session.stale) error = "Stale cfg/set";
  else if (app.commands.mode < SAFE) error = "Disabled cfg/set";
  else {
    const done = putConfig(app, parsed.value, "a", false);
    if (done.code) counts[HANDLER_FAILED]++;
    error = done.code && done.code + " " + done.where;
    changed = done.changed;
  }
  send(app, "cfg/ack", error ? '{"ok":false,' + errorText(error) + "}"
    : '{"ok":true,"where":"cfg/set","changed":' + JSON.stringify(changed) + "}", flags);
  if (!error) applyChanges(app, changed.join(" "));
}

/**
 * A message that came for `<base>/<device>/<suffix>`, null when it was too long to be kept. Those that the broker had retained are
 * ignored: they may be years old. When too many answers wait nothing is done, because it could not be answered.
 */
export function mqttReceived(app: App, suffix: string, payload: string | null, qos: number, retained: boolean): void {
  const own = app.commands;
  if (retained || suffix !== "cmd" && suffix !== "cfg/set") return;
  if (own.out.length >= MOST_OUT) own.dropped++;
  else if (suffix === "cmd") command(app, payload, qos > 0 ? 2 : own.answerFlags);
  else set(app, payload, 2);
}
