// Settings to work with: one module of the stored document at a time, at boot and after a change.
import { readModule } from "../config/config.cold";
import { cellVoltages } from "../config/presets.cold";
import { newestSlot } from "../config/slots.cold";
import { OFF, WAITING } from "../mqtt/session";
import { sessionEnd, sessionEnter } from "../mqtt/session-life.cold";
import { GX_ALARM_ROWS, GX_ROWS, LIMITS, TELEMETRY } from "../mqtt/topics.baked";
import type { App } from "./app";
import { QOS1, RETAIN, type Mirror } from "./mqtt-state";
import { clearRetained } from "./mqtt-topics-end.cold";

/** Leaves of the mirror: those of rt/gx, nine of its own, two a cell (mqtt/mirror.cold.ts). */
const MIRROR_LEAVES = GX_ROWS + GX_ALARM_ROWS + 9 + 32;

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

/** What is published for a GX, null when nothing is: settings mqtt.victron, mqtt.victron_instance, mqtt.battery_json. */
function mirrorOf(config: Values, device: string): Mirror | null {
  const json = config["battery_json"] as string, victron = config["victron"] as boolean;
  if (!victron && !json) return null;
  return { base: victron ? `N/tb${device.substr(device.length - 6).toLowerCase()}/battery/${config["victron_instance"]}/` : "",
    sent: new Float32Array(victron ? MIRROR_LEAVES : 0), place: 0, allAt: 0, json: levels(json), jsonAt: 0 };
}

/** Broker, topics and rates; a session that runs ends and begins anew. */
function configureMqtt(app: App): void {
  const config = settingsOf(app, "mqtt"), retain = settingsOf(app, "retain"), mqtt = app.mqtt, session = mqtt.session, now = app.natives.now();
  const device = (config["deviceId"] as string) || app.device;
  const telemetry = Math.min(config["default_qos"] as number, 1) * QOS1, base = levels(config["baseTopic"] as string) + "/" + device + "/";
  const flags = [0, retain["state"] ? RETAIN : 0, telemetry + (retain["telemetry"] ? RETAIN : 0), telemetry + (retain["text"] ? RETAIN : 0),
    QOS1 + (retain["limits"] ? RETAIN : 0), QOS1 + (retain["alarms"] ? RETAIN : 0), QOS1 + (retain["config"] ? RETAIN : 0), QOS1 + RETAIN];
  if (session.state !== OFF) {
    clearRetained(mqtt, flags, base !== session.base, now);
    sessionEnd(session);
  }
  mqtt.rare.flags.set(flags);
  mqtt.rare.mirror = mirrorOf(config, device);
  session.host = config["host"] as string;
  session.port = config["port"] as number;
  session.ip = "";
  session.keepAlive = (config["keepalive_seconds"] as number) * 1000;
  session.ping = config["ping"] as boolean;
  session.base = base;
  session.backOff = session.backOffFirst = config["reconnect_interval_ms"] as number;
  session.backOffMost = config["reconnect_max_ms"] as number;
  session.retryAt = now;
  mqtt.shortest = config["sensorMinPublishMs"] as number;
  mqtt.due.shortest = mqtt.shortest;
  mqtt.heartbeat = config["heartbeat_ms"] as number || Infinity;
  mqtt.timeout = config["connect_timeout_ms"] as number;
  mqtt.registerFlags = flags[TELEMETRY];
  mqtt.limitsFlags = flags[LIMITS];
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

/** Let settings count: those of the modules that `changed` names ("mqtt.host mqtt.port"), the battery's in any case. */
export function applyChanges(app: App, changed: string): void {
  if (changed) configureBattery(app);
  if (changed.indexOf("mqtt.") >= 0 || changed.indexOf("retain.") >= 0) configureMqtt(app);
}
