// Commands that need nobody else: ping, alarms, limits, time, settings of the log, restart (requirements 6.2).
import { writeSlot } from "../config/slots.cold";
import { alarmsNow } from "./active-alarms.cold";
import type { App } from "./app";
import { ALL } from "./command-state";
import { rareAgain } from "./mqtt-topics-parts";
import { applyChanges, narrowLimits, putConfig } from "./shared";
import { settingsOf } from "./settings.cold";

/** Longest time of a narrowed limit (s), the wait before a restart in which its answer leaves (ms), everything is sent again. */
const MOST_TTL_S = 3600, RESTART_MS = 1500;

type Args = Record<string, unknown>;

/** `id` 0: all of them. */
function acknowledgeAlarms(app: App, id: number): number[] {
  const done: number[] = [];
  for (const alarm of alarmsNow(app)) {
    if (id && alarm["id"] !== id) continue;
    done.push(alarm["id"]);
    if (!alarm["k"]) app.commands.acked.push(alarm["id"], alarm["since_ms"]);
  }
  app.mqtt.rare.due[0] = app.mqtt.rareAt = 0; // rt/alarms says it at once
  return done;
}

function isNumber(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

/** Narrow the currents for a while; what the battery needs counts all the same. */
function override(app: App, cmd: string, args: Args): string {
  const ccl = args["ccl"], dcl = args["dcl"], ttl = args["ttl_s"], most = 750;
  if (ccl === undefined && dcl === undefined) return "MissingValue " + cmd + ".ccl";
  if (ttl === undefined) return "MissingValue " + cmd + ".ttl_s";
  if (ccl !== undefined && !isNumber(ccl, 0, most)) return "OutOfRange " + cmd + ".ccl";
  if (dcl !== undefined && !isNumber(dcl, 0, most)) return "OutOfRange " + cmd + ".dcl";
  if (!isNumber(ttl, 1, MOST_TTL_S)) return "OutOfRange " + cmd + ".ttl_s";
  narrowLimits(app.limits, NaN, ccl === undefined ? NaN : ccl as number, dcl === undefined ? NaN : dcl as number,
    app.natives.now() + (ttl as number) * 1000);
  return JSON.stringify(args);
}

/** Everything that is known is published again, as after a connection. */
function publishAll(app: App, now: number): void {
  const mqtt = app.mqtt;
  mqtt.due.low.fill(Infinity);
  mqtt.limitsSeen = mqtt.online = -1;
  mqtt.stateAt = mqtt.limitsAt = -1e9;
  mqtt.limitsSum = NaN;
  rareAgain(mqtt);
  app.commands.pending = ALL;
  app.commands.at = now;
}

/** Do a command whose name and rights are checked. JSON of the reply, an error as "Code where", or "" when the answer comes later. */
export function commandDo(app: App, cmd: string, args: Args, tail: string, flags: number): string {
  const own = app.commands, now = app.natives.now(), hasArgs = Object.keys(args).length > 0;
  if (cmd === "system.ping") return '{"pong":true}';
  if (cmd === "alarms.list") return '{"alarms":' + JSON.stringify(alarmsNow(app)) + "}";
  if (cmd === "alarms.ack_all") return '{"acked":' + JSON.stringify(acknowledgeAlarms(app, 0)) + "}";
  if (cmd === "publish.all") {
    publishAll(app, now);
    return "{}";
  }
  if (cmd === "time.resync") { // a question under way is new enough
    if (!app.clock.request) app.clock.at = 0;
    return "{}";
  }
  if (cmd === "mqtt.test") {
    if (own.test) return "Busy mqtt.test";
    own.test = { stage: "", began: now, since: now, config: settingsOf(app, "mqtt"), ip: "", socket: null, rx: "", result: "",
      head: "", tail: tail, flags: flags };
    own.at = now;
    return "";
  }
  if (cmd === "system.reboot" || cmd === "system.factory_reset") {
    if (cmd === "system.factory_reset") { // both files, because the older one holds secrets too
      for (const file of ["ca", "cert", "key"]) app.store.erase("tls." + file);
      if (writeSlot(app.store, app.natives.crc32, "{}") || writeSlot(app.store, app.natives.crc32, "{}")) return "IoError flash";
    }
    own.restartAt = now + RESTART_MS;
    if (own.at > own.restartAt) own.at = own.restartAt;
    return '{"restart_ms":' + RESTART_MS + "}";
  }
  if (!hasArgs) return "MissingArgs " + cmd;
  if (cmd === "can.limits.override") return override(app, cmd, args);
  if (cmd === "alarms.ack") {
    if (!isNumber(args["id"], 1, 255)) return "OutOfRange alarms.ack.id";
    return acknowledgeAlarms(app, args["id"] as number).length ? JSON.stringify(args) : "OutOfRange alarms.ack.id";
  }
  const done = putConfig(app, { "log": { "level": args["level"] } }, "a", false);
  if (!done.code) applyChanges(app, done.changed.join(" "));
  return done.code ? done.code + " log.level.level" : JSON.stringify(args);
}
