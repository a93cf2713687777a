// Settings to work with: one module of the stored document at a time, at boot and after a change.
import { readModule } from "../config/config.cold";
import { cellVoltages } from "../config/presets.cold";
import { takeUri } from "../config/uri";
import { newestSlot } from "../config/slots.cold";
import { CONNECTED, CRITICAL, OFF, publish, QOS1, RETAIN, TELEMETRY, WAITING } from "../mqtt/session";
import { sessionEnd, sessionEnter } from "../mqtt/session-life.cold";
import type { App } from "./app";

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

/** Broker, topics and rates; a session that runs ends and begins anew. */
function configureMqtt(app: App): void {
  const config = settingsOf(app, "mqtt"), retain = settingsOf(app, "retain"), ha = settingsOf(app, "ha"), now = app.natives.now();
  const mqtt = app.mqtt, session = mqtt.session;
  const device = (config["deviceId"] as string) || app.device, badUri = takeUri({ "mqtt": config });
  if (session.state === CONNECTED) publish(session, "status", '{"online":false}', QOS1 | RETAIN, now);
  if (session.state !== OFF) sessionEnd(session);
  session.host = config["host"] as string;
  session.port = config["port"] as number;
  session.tls = config["use_tls"] as boolean;
  session.commandQos = config["cmd_qos"] as number;
  session.birth = ha["enabled"] ? levels(ha["prefix"] as string) + "/status" : "";
  session.ip = "";
  session.keepAlive = (config["keepalive_seconds"] as number) * 1000;
  session.ping = config["ping"] as boolean;
  session.base = levels(config["baseTopic"] as string) + "/" + device + "/";
  session.backOff = session.backOffFirst = config["reconnect_interval_ms"] as number;
  session.backOffMost = config["reconnect_max_ms"] as number;
  session.retryAt = now;
  mqtt.shortest = config["sensorMinPublishMs"] as number;
  mqtt.due.shortest = mqtt.shortest;
  mqtt.heartbeat = config["heartbeat_ms"] as number || Infinity;
  mqtt.timeout = config["connect_timeout_ms"] as number;
  mqtt.registerFlags = TELEMETRY + (config["default_qos"] as number) * QOS1 + (retain["telemetry"] ? RETAIN : 0);
  mqtt.limitsFlags = CRITICAL + QOS1 + (retain["limits"] ? RETAIN : 0);
  mqtt.enabled = config["enabled"] as boolean;
  mqtt.cleanSession = config["clean_session"] as boolean;
  mqtt.clientId = (config["client_id"] as string) || device;
  if (badUri) {
    session.errorCode = "CfgApplyFailed";
    session.errorMessage = "mqtt.uri " + badUri;
  } else if (mqtt.enabled && session.host) {
    sessionEnter(session, WAITING, now);
  }
}

/** Let settings count: those of the modules that `changed` names ("mqtt.host mqtt.port"), the battery's in any case. */
export function applyChanges(app: App, changed: string): void {
  if (changed) configureBattery(app);
  if (changed.indexOf("mqtt.") >= 0 || changed.indexOf("retain.") >= 0 || changed.indexOf("ha.") >= 0) configureMqtt(app);
}
