// Settings to work with: one module of the stored document at a time, at boot and after a change.
import { modules } from "../config/fields.baked";
import { levels } from "../mqtt/levels.cold";
import { CONNECTED, CRITICAL, OFF, publish, QOS1, RETAIN, SUBSCRIBING, TELEMETRY, WAITING, type Session } from "../mqtt/session";
import { sessionEnd, sessionEnter } from "../mqtt/session-life.cold";
import * as topics from "../mqtt/topics.baked";
import type { App } from "./app";
import { configureBattery, configureOthers } from "./configure-parts";
import { replayAgain } from "./replay-load.cold";
import type { RegisterStyle } from "./mqtt-state";
import { clearRetained } from "./mqtt-topics-parts";
import { INFO, writeLog } from "./log";
import { settingsOf, type Values } from "./settings.cold";

/** A level as requirements S0-8 wants it: small letters and digits, one underscore for what stands between them. */
function sanitised(level: string): string {
  const text = level.toLowerCase();
  let out = "", gap = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character >= "a" && character <= "z" || character >= "0" && character <= "9") {
      out += (out && gap) + character;
      gap = "";
    } else if (" -_.".indexOf(character) >= 0) {
      gap = "_";
    }
  }
  return out;
}

/** What charge control and alarms work with. */
const BATTERY = ["battery.", "bms.", "can.", "can/limits.", "alarms."];
/** A change of one of these ends the connection and begins another. */
const CONNECTION = ["enabled", "uri", "host", "port", "user", "pass", "use_tls", "baseTopic", "deviceId", "client_id", "clean_session", "cmd_qos"];

/** A connection ends on purpose: its subscribers learn that. At QoS 0: what waits for an answer would wait behind others. */
function farewell(session: Session, base: string, now: number): void {
  if (session.state !== CONNECTED) return;
  publish(session, "status", base === session.base ? '{"online":false}' : "", RETAIN, now);
}

/** How register messages go out: settings mqtt.root_topic, mqtt.verbose; and whether those with text differ from others in their flags. */
function styleOf(config: Values, flags: number[]): RegisterStyle | null {
  const root = levels((config["root_topic"] as string).split("/").map(sanitised).join("/")), verbose = config["verbose"] as boolean;
  return root || verbose || flags[topics.TEXT] !== flags[topics.TELEMETRY] ? { root: root && root + "/", verbose: verbose } : null;
}

/** QoS, retain and rank of each class of topics (mqtt/topics.ts). */
function flagsOf(config: Values, retain: Values): number[] {
  const telemetry = TELEMETRY + (config["default_qos"] as number) * QOS1;
  function kept(key: string): number { return retain[key] ? RETAIN : 0; }
  return [TELEMETRY, TELEMETRY + kept("state"), telemetry + kept("telemetry"), telemetry + kept("text"), CRITICAL + QOS1 + kept("limits"),
    CRITICAL + QOS1 + kept("alarms"), QOS1 + kept("config"), QOS1 + RETAIN];
}

/** The broker and our name, taken from the settings `config` of mqtt. */
function takeBroker(app: App, config: Values, device: string): void {
  const mqtt = app.mqtt, session = mqtt.session;
  session.host = config["host"] as string;
  session.port = config["port"] as number;
  session.tls = config["use_tls"] as boolean;
  session.ip = "";
  session.keepAlive = (config["keepalive_seconds"] as number) * 1000;
  session.commandQos = config["cmd_qos"] as number;
  mqtt.enabled = config["enabled"] as boolean;
  mqtt.cleanSession = config["clean_session"] as boolean;
  mqtt.clientId = (config["client_id"] as string) || device;
}

/** Rates and flags at once; broker and names with a new connection, when one of those changed. */
function configureMqtt(app: App, changed: string): void {
  const config = settingsOf(app, "mqtt"), retain = settingsOf(app, "retain"), now = app.natives.now();
  const mqtt = app.mqtt, session = mqtt.session, own = app.commands, names = changed.split(" ");
  const device = (config["deviceId"] as string) || app.device, base = levels(config["baseTopic"] as string) + "/" + device + "/";
  const flags = flagsOf(config, retain);
  own.mode = ["off", "safe", "all"].indexOf(config["commands"] as string);
  own.answerFlags = config["ackQos"] ? QOS1 : 0;
  own.configFlags = flags[topics.CONFIG];
  session.backOffFirst = config["reconnect_interval_ms"] as number;
  session.backOffMost = config["reconnect_max_ms"] as number;
  if (mqtt.shortest !== config["sensorMinPublishMs"]) mqtt.rare.due[3] = mqtt.rare.place[3] = mqtt.rareAt = 0; // sensors/config says it
  mqtt.due.shortest = mqtt.shortest = config["sensorMinPublishMs"] as number;
  mqtt.heartbeat = config["heartbeat_ms"] as number || Infinity;
  mqtt.timeout = config["connect_timeout_ms"] as number;
  mqtt.registerFlags = flags[topics.TELEMETRY];
  mqtt.limitsFlags = flags[topics.LIMITS];
  const style = styleOf(config, flags), root = style ? style.root : "", moves = root !== (mqtt.style ? mqtt.style.root : "");
  session.ping = config["ping"] as boolean;
  const stays = session.state !== OFF && session.state !== SUBSCRIBING
    && !names.some(function (name) { return name.startsWith("mqtt.") && CONNECTION.indexOf(name.substr(5)) >= 0; });
  if (!stays) farewell(session, base, now);
  clearRetained(mqtt, flags, base !== session.base, moves, !stays);
  mqtt.style = style;
  if (moves) { // all of them there
    mqtt.due.low.fill(Infinity);
    mqtt.rare.groups = [];
  }
  mqtt.rare.flags.set(flags);
  if (!stays && session.state !== OFF) sessionEnd(session);
  configureOthers(app, device);
  if (stays) return;
  if (app.replay.log) replayAgain(app.replay.log);
  takeBroker(app, config, device);
  session.base = base;
  session.backOff = session.backOffFirst;
  session.retryAt = now;
  if (mqtt.enabled && session.host) sessionEnter(session, WAITING, now);
}

/**
 * Let settings count: those of the modules that `changed` names ("mqtt.host mqtt.port"), at boot all of them. Their topics
 * cfg/<module> are published again.
 */
export function applyChanges(app: App, changed: string): void {
  const own = app.commands, names = modules.split(" ");
  if (!changed) return;
  if (app.server) writeLog(app, INFO, "settings: " + changed);
  if (BATTERY.some(function (module) { return changed.indexOf(module) >= 0; })) configureBattery(app);
  if (changed.indexOf("mqtt.") >= 0 || changed.indexOf("retain.") >= 0 || changed.indexOf("ha.") >= 0) configureMqtt(app, changed);
  if (changed.indexOf("time.") >= 0) app.clock.at = 0;
  if (changed.indexOf("ha.") >= 0 || changed.indexOf("mqtt.commands") >= 0) { // who may command decides what Home Assistant is offered
    app.mqtt.discovery.reread = true;
    app.mqtt.discovery.at = 0;
  }
  for (const name of changed.split(" ")) {
    const place = names.indexOf(name.substr(0, name.lastIndexOf(".")));
    if (place >= 0) own.pending |= 1 << place;
  }
  own.at = app.natives.now();
}
