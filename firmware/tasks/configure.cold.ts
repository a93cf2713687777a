// Settings to work with: one module of the stored document at a time, at boot and after a change.
import { readModule } from "../config/config.cold";
import { cellVoltages } from "../config/presets.cold";
import { modules } from "../config/fields.baked";
import { newestSlot } from "../config/slots.cold";
import { OFF, publish, WAITING, type Session } from "../mqtt/session";
import { sessionEnd, sessionEnter } from "../mqtt/session-life.cold";
import type { App } from "./app";
import { QOS1, RETAIN } from "./mqtt-state";

type Values = Record<string, unknown>;

/** Settings of one module as they count now. */
export function settingsOf(app: Pick<App, "store" | "natives" | "presets">, module: string): Values {
  return readModule(newestSlot(app.store, app.natives.crc32).document, app.presets, module);
}

/** A topic without blanks around its levels and without empty ones. */
function levels(topic: string): string {
  return topic.split("/").map(function (level) { return level.trim(); }).filter(function (level) { return level !== ""; }).join("/");
}

/** Voltages, currents and where the cells are. */
function configureBattery(app: App): void {
  const battery = settingsOf(app, "battery"), voltages = cellVoltages(battery), most = settingsOf(app, "can/limits"), bms = settingsOf(app, "bms");
  const limits = app.limits;
  limits.vBulk = voltages[0];
  limits.vFloat = voltages[1];
  limits.vRebulk = voltages[2];
  limits.inhibitCharge = battery["inhibit_charge"] as boolean;
  limits.inhibitDischarge = battery["inhibit_discharge"] as boolean;
  limits.cclMax = most["cclMax"] as number;
  limits.dclMax = most["dclMax"] as number;
  app.snapshot.lowOrder = bms["cell_order"] === "low";
  app.snapshot.expectedCells = bms["expected_cells"] as number;
}

/** A change of one of these ends the connection and begins another. */
const CONNECTION = ["enabled", "uri", "host", "port", "user", "pass", "use_tls", "baseTopic", "deviceId", "client_id", "clean_session"];

/** A connection ends on purpose: its subscribers learn that, and what the broker keeps under a base topic that goes away is taken back. */
function farewell(session: Session, base: string, now: number): void {
  if (session.state === OFF) return;
  if (base !== session.base) for (const module of modules.split(" ")) publish(session, "cfg/" + module, "", RETAIN, now);
  publish(session, "status", base === session.base ? '{"online":false}' : "", RETAIN, now);
  sessionEnd(session);
}

/** Rates and flags at once; broker and names with a new connection, when one of those changed. */
function configureMqtt(app: App, changed: string): void {
  const config = settingsOf(app, "mqtt"), retain = settingsOf(app, "retain"), mqtt = app.mqtt, session = mqtt.session, now = app.natives.now();
  const device = (config["deviceId"] as string) || app.device, own = app.commands, names = changed.split(" ");
  const base = levels(config["baseTopic"] as string) + "/" + device + "/";
  own.mode = ["off", "safe", "all"].indexOf(config["commands"] as string);
  own.answerFlags = config["ackQos"] ? QOS1 : 0;
  own.configFlags = QOS1 + (retain["config"] ? RETAIN : 0);
  session.backOffFirst = config["reconnect_interval_ms"] as number;
  session.backOffMost = config["reconnect_max_ms"] as number;
  mqtt.shortest = config["sensorMinPublishMs"] as number;
  mqtt.due.shortest = mqtt.shortest;
  mqtt.heartbeat = config["heartbeat_ms"] as number || Infinity;
  mqtt.timeout = config["connect_timeout_ms"] as number;
  mqtt.registerFlags = Math.min(config["default_qos"] as number, 1) * QOS1 + (retain["telemetry"] ? RETAIN : 0);
  mqtt.limitsFlags = QOS1 + (retain["limits"] ? RETAIN : 0);
  session.ping = config["ping"] as boolean;
  if (session.state !== OFF && !names.some(function (name) { return name.startsWith("mqtt.") && CONNECTION.indexOf(name.substr(5)) >= 0; })) return;
  farewell(session, base, now);
  session.host = config["host"] as string;
  session.port = config["port"] as number;
  session.ip = "";
  session.keepAlive = (config["keepalive_seconds"] as number) * 1000;
  session.base = base;
  session.backOff = session.backOffFirst;
  session.retryAt = now;
  mqtt.enabled = config["enabled"] as boolean;
  mqtt.cleanSession = config["clean_session"] as boolean;
  mqtt.clientId = (config["client_id"] as string) || device;
  if (config["use_tls"]) {
    session.errorCode = "TlsUnavailable";
    session.errorMessage = "this version cannot encrypt";
  } else if (mqtt.enabled && session.host) {
    sessionEnter(session, WAITING, now);
  }
}

/**
 * Let settings count: those of the modules that `changed` names ("mqtt.host mqtt.port"), the battery's in any case. Their topics
 * cfg/<module> are published again.
 */
export function applyChanges(app: App, changed: string): void {
  const own = app.commands, names = modules.split(" ");
  if (!changed) return;
  configureBattery(app);
  if (changed.indexOf("mqtt.") >= 0 || changed.indexOf("retain.") >= 0) configureMqtt(app, changed);
  for (const name of changed.split(" ")) {
    const place = names.indexOf(name.substr(0, name.lastIndexOf(".")));
    if (place >= 0) own.pending |= 1 << place;
  }
  own.at = app.natives.now();
}
