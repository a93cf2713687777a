// What comes over MQTT: `cmd` is answered on `ack`, `cfg/set` elsewhere. Here a message is
// checked; what it asks for is done elsewhere.

import type { Needs } from "./needs";
import { narrowLimits } from "../charge/external.cold";
import { externalCcl, externalDcl, externalEnds } from "../charge/memory";
import { settingsOf } from "../config/settings.cold";
import { writeSlot } from "../config/slots.cold";
import { idText, parseObject, quote } from "../kernel/json.cold";
import { hurryTask } from "../kernel/tasks";
import { HANDLER_FAILED, PARSE_FAILED } from "../mqtt/session";
import { rareAgain } from "../publish/again.cold";
import { alarmsNow } from "../publish/alarms.cold";
import { beginChange } from "../settings/put.cold";
import { fallAtOnce } from "../victron/fall.cold";
import { acknowledge } from "./answer.cold";
import { bmsEvents, bmsRead, bmsWrite } from "./bms.cold";
import { ALL_COMMANDS, BY_HTTP, MOST_MESSAGE, SAFE } from "./state";
import { setSettings } from "./settings.cold";
import { beginTest } from "./test.cold";
import { ALL } from "../publish/needs";
import { FAMILY_ALARMS } from "../publish/topics.baked";

type Args = Record<string, unknown>;

/** Most values of `out`, three an answer. */
const MOST_OUT = 12;

/** A name that came, as the place of an error: without the comma that ends a place. */
function place(name: string): string {
  return name.substr(0, 64).split(",")[0];
}

/** Why the arguments cannot be, or the command may not; "" when all is well. */
function refuse(mode: number, cmd: string, row: Command, args: Args): string {
  const takes = row.takes.split(" ");
  for (const key of Object.keys(args))
    if (!key || takes.indexOf(key) < 0)
      return "UnknownKey " + cmd + "." + place(key) + ", " + (row.takes ? "it takes " + row.takes : "it takes nothing");
  if (mode < SAFE) return "Disabled " + cmd;
  if (row.may !== "safe" && mode < ALL_COMMANDS) return "InterlockBlocked " + cmd + ", needs mqtt.commands all";
  if (row.may === "confirmed" && args["confirm"] !== true) return "InterlockBlocked " + cmd + ".confirm, must be true";
  const isDry = args["dry"];
  return isDry === undefined || typeof isDry === "boolean" ? "" : "OutOfRange " + cmd + ".dry, must be true or false";
}

/** A member that no message has: `dry` beside `args` must not be lost in silence. */
function isForeign(key: string): boolean {
  return key !== "cmd" && key !== "args" && key !== "id";
}

function command(needs: Needs, payload: string | null, flags: number): void {
  const parsed = payload === null || payload.length > MOST_MESSAGE ? null : parseObject(payload),
    message = (parsed && parsed.value) || {},
    id = idText(message);
  const cmd = message["cmd"],
    args = message["args"] === undefined ? {} : (message["args"] as Args);
  const row = typeof cmd === "string" ? commandOf(cmd) : undefined;
  let tail = "",
    result = "";
  if (typeof cmd === "string") tail = ',"cmd":' + quote(cmd.substr(0, 64));
  if (id === null) result = "BadCmdJson id, must be a whole number or at most 64 bytes of text";
  else tail += id;
  if (!parsed) result = "ArgsTooLarge cmd";
  else if (!parsed.value) result = "BadCmdJson cmd, " + parsed.reason;
  else if (flags !== BY_HTTP && needs.mqtt.session.stale) result = "Stale cmd";
  else if (cmd === undefined || cmd === "") result = "MissingCmd cmd";
  else if (typeof cmd !== "string") result = "BadCmdJson cmd, must be text";
  else if (Object.keys(message).some(isForeign))
    result = "UnknownKey " + place(Object.keys(message).filter(isForeign)[0]) + ", a message has cmd, args and id";
  else if (!row) result = "UnknownCmd " + place(cmd);
  else if (typeof args !== "object" || args === null || typeof args.length === "number")
    result = "BadCmdJson args, must be an object";
  else result = result || refuse(flags === BY_HTTP ? ALL_COMMANDS : needs.commands.mode, cmd, row, args);
  const counts = needs.mqtt.session.counts;
  if (parsed && !parsed.value) counts[PARSE_FAILED]++;
  if (row && !result) {
    result =
      row.asks && Object.keys(args).length === 0
        ? "MissingArgs " + (cmd as string) + ", it takes " + row.takes
        : row.run(needs, args, tail, flags);
    if (result && result[0] !== "{") counts[HANDLER_FAILED]++;
  }
  if (result) acknowledge(needs, tail, flags, result);
}

/**
 * A message that came for `<base>/<device>/<suffix>`, null when it was too long to be kept. Those that the broker had
 * retained are ignored: they may be years old. When too many answers wait nothing is done, because it could not be
 * answered.
 */
export function mqttReceived(
  needs: Needs,
  suffix: string,
  payload: string | null,
  qos: number,
  retained: boolean,
): void {
  const own = needs.commands;
  if (retained || (suffix !== "cmd" && suffix !== "cfg/set")) return;
  if (own.out.length >= MOST_OUT) own.dropped++;
  else if (suffix === "cmd") command(needs, payload, qos > 0 ? 2 : own.answerFlags);
  else setSettings(needs, payload, 2);
}

/** A command that came by HTTP from who may change things: all are allowed. */
export function httpCommand(needs: Needs, payload: string): void {
  command(needs, payload, BY_HTTP);
}

// The table of commands. Handlers stand below, or in another cold file.

/** A command: a row of the table. */
export interface Command {
  /** Setting mqtt.commands that it needs: safe, or all; confirmed is all, and `confirm` among the arguments. */
  may: "safe" | "all" | "confirmed";
  /** Its arguments, with blanks between them. */
  takes: string;
  /** Without any argument it is refused. */
  asks?: true;
  /**
   * Do it: rights and names of the arguments are checked. JSON of the reply, an error as "Code where", or "" when the
   * answer comes later; `tail` and `flags` as `Asked` has them.
   */
  run(needs: Needs, args: Args, tail: string, flags: number): string;
}

/**
 * The table. A handler calls: the bare name of a cold function would make it from flash with the table. It is returned
 * as it is, because a variable here would be held by the handlers that it holds.
 */
function commands(): Record<string, Command | undefined> {
  return {
    "system.ping": { may: "safe", takes: "", run: () => '{"pong":true}' },
    "system.reboot": { may: "confirmed", takes: "confirm", run: (needs) => restartSoon(needs) },
    "system.factory_reset": { may: "confirmed", takes: "confirm", run: (needs) => factoryReset(needs) },
    "alarms.list": { may: "safe", takes: "", run: (needs) => alarmsList(needs) },
    "alarms.ack": { may: "safe", takes: "id", asks: true, run: (needs, args) => acknowledgeAlarm(needs, args["id"]) },
    "alarms.ack_all": { may: "safe", takes: "", run: (needs) => acknowledgeAll(needs) },
    "bms.read": {
      may: "safe",
      takes: "address count",
      asks: true,
      run: (needs, args, tail, flags) => bmsRead(needs, args, tail, flags),
    },
    "bms.events": {
      may: "safe",
      takes: "count",
      run: (needs, args, tail, flags) => bmsEvents(needs, args, tail, flags),
    },
    "bms.write": {
      may: "all",
      takes: "address value settings confirm dry",
      asks: true,
      run: (needs, args, tail, flags) => bmsWrite(needs, args, tail, flags),
    },
    "can.limits.override": {
      may: "safe",
      takes: "ccl dcl ttl_s",
      asks: true,
      run: (needs, args) => overrideLimits(needs, args),
    },
    "mqtt.test": { may: "safe", takes: "", run: (needs, args, tail, flags) => tryConnection(needs, tail, flags) },
    "publish.all": { may: "safe", takes: "", run: (needs) => publishAll(needs) },
    "log.level": {
      may: "safe",
      takes: "level",
      asks: true,
      run: (needs, args, tail, flags) => setLevel(needs, args["level"], tail, flags),
    },
    "time.resync": { may: "all", takes: "", run: (needs) => askTimeAgain(needs) },
  };
}

/** The row of a command, undefined when there is none. */
export function commandOf(cmd: string): Command | undefined {
  const row = commands()[cmd];
  return row && typeof row.run === "function" ? row : undefined; // every object has members of its own, like toString
}

// Commands that need nobody else: alarms, publishing, restart.

/** The wait before a restart in which its answer leaves, ms. */
const RESTART_MS = 1500;

export function alarmsList(needs: Needs): string {
  return '{"alarms":' + JSON.stringify(alarmsNow(needs.mqtt)) + "}";
}

/** Acknowledge the alarms with that number, 0: all of them; the numbers of those that are raised. */
export function acknowledgeAlarms(needs: Needs, id: number): number[] {
  const done: number[] = [];
  for (const alarm of alarmsNow(needs.mqtt)) {
    if (id && alarm["id"] !== id) continue;
    done.push(alarm["id"]);
    if (!alarm["k"]) needs.alarms.acked.push(alarm["id"], alarm["since_ms"]);
  }
  needs.mqtt.rare.due[FAMILY_ALARMS] = needs.mqtt.rareAt = 0; // rt/alarms says it at once
  return done;
}

/** Acknowledge one alarm. */
export function acknowledgeAlarm(needs: Needs, id: unknown): string {
  const acked = typeof id === "number" && id >= 1 ? acknowledgeAlarms(needs, id) : [];
  return acked.length
    ? '{"id":' + acked[0] + "}"
    : "OutOfRange alarms.ack.id, must be the number of an alarm that is raised";
}

export function acknowledgeAll(needs: Needs): string {
  return '{"acked":' + JSON.stringify(acknowledgeAlarms(needs, 0)) + "}";
}

/** Try to connect with the settings in force; the answer comes later. */
export function tryConnection(needs: Needs, tail: string, flags: number): string {
  if (needs.commands.test) return "Busy mqtt.test, another test is under way";
  beginTest(needs, settingsOf(needs, "mqtt"), tail, flags);
  return "";
}

/** Ask the time server, unless a question is under way, which is new enough. */
export function askTimeAgain(needs: Needs): string {
  if (!needs.clock.request) needs.clock.at = 0;
  return "{}";
}

/** Everything that is known is published again, as after a connection. */
export function publishAll(needs: Needs): string {
  const mqtt = needs.mqtt;
  mqtt.due.low.fill(Infinity);
  mqtt.limitsSeen = mqtt.online = -1;
  mqtt.stateAt = mqtt.limitsAt = -1e9;
  mqtt.limitsSum = NaN;
  rareAgain(mqtt);
  needs.commands.pending = ALL;
  needs.commands.at = needs.natives.now();
  hurryTask(needs.scheduler, mqtt.task, 0);
  return "{}";
}

/** Restart when the answer has left. */
export function restartSoon(needs: Needs): string {
  const own = needs.commands;
  own.restartAt = needs.natives.now() + RESTART_MS;
  if (own.at > own.restartAt) own.at = own.restartAt;
  hurryTask(needs.scheduler, needs.mqtt.task, 0);
  return '{"restart_ms":' + RESTART_MS + "}";
}

/** Forget settings, the own password and TLS files, then restart. */
export function factoryReset(needs: Needs): string {
  // both files, because the older one holds secrets too
  for (const file of ["tls.ca.next", "tls.ca", "tls.cert", "tls.key", "login"]) needs.store.erase(file);
  if (
    writeSlot(needs.store, needs.natives.crc32, "{}", null) ||
    writeSlot(needs.store, needs.natives.crc32, "{}", null)
  )
    return "IoError flash";
  return restartSoon(needs);
}

// Commands that set something: currents narrowed for a while, the level of the log. They answer with what is in force
// then.

/** Longest time of a narrowed limit, s. */
const MOST_TTL_S = 3600;
/** Largest current of a narrowed limit, A. */
const MOST_A = 750;

function isNumber(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

/**
 * Narrow the currents for a while; what the battery needs counts all the same. JSON of what narrows now, or an error as
 * "Code where".
 */
export function overrideLimits(needs: Needs, args: Args): string {
  const cmd = "can.limits.override",
    ccl = args["ccl"],
    dcl = args["dcl"],
    ttl = args["ttl_s"],
    state = needs.limits.state,
    now = needs.natives.now(),
    most = "must be 0 to " + MOST_A;
  if (ccl === undefined && dcl === undefined) return "MissingValue " + cmd + ".ccl";
  if (ttl === undefined) return "MissingValue " + cmd + ".ttl_s";
  if (ccl !== undefined && !isNumber(ccl, 0, MOST_A)) return "OutOfRange " + cmd + ".ccl, " + most;
  if (dcl !== undefined && !isNumber(dcl, 0, MOST_A)) return "OutOfRange " + cmd + ".dcl, " + most;
  if (!isNumber(ttl, 1, MOST_TTL_S)) return "OutOfRange " + cmd + ".ttl_s, must be 1 to " + MOST_TTL_S;
  narrowLimits(
    needs.limits,
    NaN,
    ccl === undefined ? NaN : (ccl as number),
    dcl === undefined ? NaN : (dcl as number),
    now + (ttl as number) * 1000,
  );
  fallAtOnce(needs, now);
  const reply: Record<string, number> = {};
  if (ccl !== undefined) reply["ccl"] = state[externalCcl];
  if (dcl !== undefined) reply["dcl"] = state[externalDcl];
  reply["ttl_s"] = Math.round(state[externalEnds + (ccl === undefined ? 2 : 1)] - now) / 1000;
  return JSON.stringify(reply);
}

/** Setting log.level. The answer is the level in force, and comes later; an error as "Code where". */
export function setLevel(needs: Needs, level: unknown, tail: string, flags: number): string {
  const isBegun = beginChange(needs, {
    text: '{"log":{"level":' + JSON.stringify(level) + "}}",
    module: "",
    remote: "a",
    dry: false,
    confirmed: false,
    then: function (put) {
      if (put.code) needs.mqtt.session.counts[HANDLER_FAILED]++;
      acknowledge(
        needs,
        tail,
        flags,
        put.code
          ? put.code + " log.level.level, " + put.reason
          : JSON.stringify({ "level": settingsOf(needs, "log")["level"] }),
      );
    },
  });
  return isBegun ? "" : "Busy log.level, another change is under way";
}
