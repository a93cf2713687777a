// Settings to work with: one module of the stored document at a time, at boot and after a change.

import type { Move } from "./change";
import type { Needs } from "./needs";
import { takeSettings } from "../charge/prepare.cold";
import { vFloat, vRebulk } from "../charge/settings";
import { levels } from "../config/forms.cold";
import { modules } from "../config/fields.baked";
import { type Values, settingsOf } from "../config/settings.cold";
import { outboxFlush, publishTo } from "../mqtt/outbox.cold";
import { samplesOf } from "../kernel/samples";
import { hurryTask } from "../kernel/tasks";
import { publish } from "../mqtt/publish";
import { CONNECTED, CRITICAL, OFF, QOS1, RETAIN, SUBSCRIBING, type Session, TELEMETRY, WAITING } from "../mqtt/session";
import { sessionEnd, sessionEnter } from "../mqtt/session.cold";
import { clearLast, kindsToClear } from "../publish/again.cold";
import { setIo } from "../publish/io.cold";
import { replayAgain } from "../publish/replay.cold";
import type { Mirror, RegisterStyle } from "../publish/state";
import * as topics from "../publish/topics.baked";
import { fallAtOnce } from "../victron/fall.cold";
import { LEAST_GX_LOSS_S } from "../victron/task";

/** Let all settings count, at boot. */
export function applyAll(needs: Needs): void {
  function read(names: string): Record<string, Values> {
    const values: Record<string, Values> = {};
    for (const name of names.split(" ")) values[name] = settingsOf(needs, name);
    return values;
  }
  const battery = read("battery bms can can/limits alarms");
  takeBattery(needs, battery);
  takeAlarms(needs, battery);
  fallAtOnce(needs, needs.natives.now());
  const mqtt = read("mqtt retain ha");
  endMqtt(needs, mqtt, beginMqtt(needs, mqtt, ["mqtt.enabled"]));
  takeOthers(needs, ["battery.", "mqtt.", "http."]);
}

/** What else changes with these settings; the topics cfg/<module> of their modules are published again. */
export function takeOthers(needs: Needs, changed: string[]): void {
  const own = needs.commands,
    names = modules.split(" ");
  for (const name of changed) {
    const module = name.substr(0, name.lastIndexOf(".")),
      place = names.indexOf(module);
    if (place >= 0) own.pending |= 1 << place;
    if (module === "http") own.readAuth = settingsOf(needs, "http")["read_auth"] as boolean;
    if (module === "time") needs.clock.at = needs.clock.eastUntil = 0;
    // who may command decides what Home Assistant is offered, the largest currents how far
    if (module !== "ha" && name !== "mqtt.commands" && module !== "can/limits") continue;
    needs.mqtt.discovery.reread = true;
    needs.mqtt.discovery.at = 0;
  }
  own.shown = null; // half of it would be old
  own.at = needs.natives.now();
  hurryTask(needs.scheduler, needs.mqtt.task, 0);
}

// The battery's settings and those of the alarms, to work with.

/** Where a row of 0x35A says whether the battery is online: the value for online. */
const systemStatus = ["off", "active_is_online", "ok_is_online"];

/** Ride-through needs cells between this far below v_rebulk and v_float: of lfp 3.225 and 3.375 V. */
const RIDE_MV = 75;

/** Voltages, currents, where the cells are, how long a loss of the battery or of the GX is borne. */
export function takeBattery(needs: Needs, values: Record<string, Values>): void {
  const battery = values["battery"],
    bms = values["bms"],
    can = values["can"];
  takeSettings(needs.limits, battery, values["can/limits"]);
  needs.can.chemistry = battery["chemistry"] === "custom" ? "" : ((battery["chemistry"] as string) || "").toUpperCase();
  needs.snapshot.lowOrder = bms["cell_order"] === "low";
  needs.snapshot.expectedCells = bms["expected_cells"] as number;
  needs.can.gxLossMs = can["gx_loss_s"] ? Math.max(can["gx_loss_s"] as number, LEAST_GX_LOSS_S) * 1000 : 0;
  needs.snapshot.rideMs = (can["ride_through_min"] as number) * 60000;
  needs.snapshot.rideBelow = needs.limits.settings[vFloat];
  needs.snapshot.rideAbove = needs.limits.settings[vRebulk] - RIDE_MV;
}

/** What the alarms compare with. */
export function takeAlarms(needs: Needs, values: Record<string, Values>): void {
  const config = values["alarms"],
    alarms = needs.alarms;
  alarms.spreadAlarm = (config["imbalance_alarm"] as number) * 1000;
  alarms.spreadWarning = (config["imbalance_warning"] as number) * 1000;
  alarms.socAlarm = config["low_soc_alarm"] as number;
  alarms.socWarning = config["low_soc_warning"] as number;
  alarms.systemStatus = systemStatus.indexOf(values["can"]["sys_status"] as string);
  alarms.active = 1;
}

// Settings of MQTT to work with: rates and flags at once; broker and names with a new connection, when one of those
// changed.

/** A level of a topic: small letters and digits, one underscore for what stands between them. */
function sanitised(level: string): string {
  const text = level.toLowerCase();
  let out = "",
    gap = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if ((character >= "a" && character <= "z") || (character >= "0" && character <= "9")) {
      out += (out && gap) + character;
      gap = "";
    } else if (" -_.".indexOf(character) >= 0) {
      gap = "_";
    }
  }
  return out;
}

/** A change of one of these ends the connection and begins another. */
const CONNECTION = [
  "enabled",
  "uri",
  "host",
  "port",
  "user",
  "pass",
  "use_tls",
  "baseTopic",
  "deviceId",
  "client_id",
  "server_certificate",
  "clean_session",
  "cmd_qos",
];

/**
 * A connection ends on purpose: its subscribers learn that. At QoS 0: what waits for an answer would wait behind
 * others.
 */
function farewell(session: Session, base: string, now: number): void {
  if (session.state !== CONNECTED) return;
  outboxFlush(session, now);
  publish(session, "status", base === session.base ? '{"online":false}' : "", RETAIN, now);
}

/**
 * How register messages go out: settings mqtt.root_topic, mqtt.verbose; and whether those with text differ from others
 * in their flags.
 */
function styleOf(config: Values, flags: number[]): RegisterStyle | null {
  const root = levels((config["root_topic"] as string).split("/").map(sanitised).join("/")),
    verbose = config["verbose"] as boolean;
  return root || verbose || flags[topics.TEXT] !== flags[topics.TELEMETRY]
    ? { root: root && root + "/", verbose: verbose }
    : null;
}

/** QoS, retain and rank of each class of topics (tables/topics.ts). */
function flagsOf(config: Values, retain: Values): number[] {
  const telemetry = TELEMETRY + (config["default_qos"] as number) * QOS1;
  function kept(key: string): number {
    return retain[key] ? RETAIN : 0;
  }
  return [
    TELEMETRY,
    TELEMETRY + kept("state"),
    telemetry + kept("telemetry"),
    telemetry + kept("text"),
    CRITICAL + QOS1 + kept("limits"),
    CRITICAL + QOS1 + kept("alarms"),
    QOS1 + kept("config"),
    QOS1 + RETAIN,
  ];
}

/** The broker and our name, taken from the settings `config` of mqtt. */
function takeBroker(needs: Needs, config: Values, device: string): void {
  const mqtt = needs.mqtt,
    session = mqtt.session;
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

/** Rates and flags count from here on. What is to be cleared is not retained any more, so that it stays cleared. */
export function beginMqtt(needs: Needs, values: Record<string, Values>, changed: string[]): Move {
  const config = values["mqtt"],
    mqtt = needs.mqtt,
    session = mqtt.session,
    samples = mqtt.samples,
    own = needs.commands;
  const device = (config["deviceId"] as string) || needs.device,
    base = levels(config["baseTopic"] as string) + "/" + device + "/",
    flags = flagsOf(config, values["retain"]),
    style = styleOf(config, flags),
    moves = (style ? style.root : "") !== (mqtt.style ? mqtt.style.root : "");
  own.mode = ["off", "safe", "all"].indexOf(config["commands"] as string);
  own.answerFlags = config["ackQos"] ? QOS1 : 0;
  session.backOffFirst = config["reconnect_interval_ms"] as number;
  session.backOffMost = config["reconnect_max_ms"] as number;
  // sensors/config says it
  if (mqtt.shortest !== config["sensorMinPublishMs"])
    mqtt.rare.due[topics.FAMILY_ONCE] = mqtt.rare.place[topics.FAMILY_ONCE] = mqtt.rareAt = 0;
  if (samples.size !== config["queueLength"]) {
    const lost = samples.dropped + samples.count;
    Object.assign(samples, samplesOf(config["queueLength"] as number));
    samples.dropped = lost;
  }
  mqtt.due.shortest = mqtt.shortest = config["sensorMinPublishMs"] as number;
  mqtt.heartbeat = (config["heartbeat_ms"] as number) || Infinity;
  mqtt.timeout = config["connect_timeout_ms"] as number;
  session.ping = config["ping"] as boolean;
  const stays =
    session.state !== OFF &&
    session.state !== SUBSCRIBING &&
    !changed.some(function (name) {
      return name.startsWith("mqtt.") && CONNECTION.indexOf(name.substr(5)) >= 0;
    });
  const kinds = kindsToClear(mqtt, flags, base !== session.base, moves, !stays);
  takeFlags(
    needs,
    flags.map(function (flag, kind) {
      return (kinds >> kind) & 1 ? flag & ~RETAIN : flag;
    }),
  );
  return { style: style, flags: flags, kinds: kinds, piece: 0, base: base, moves: moves, stays: stays };
}

function takeFlags(needs: Needs, flags: number[]): void {
  const mqtt = needs.mqtt;
  needs.commands.configFlags = flags[topics.CONFIG];
  mqtt.registerFlags = flags[topics.TELEMETRY];
  mqtt.limitsFlags = flags[topics.LIMITS];
  mqtt.rare.flags.set(flags);
}

/** All of MQTT counts from here on: broker and names with a new connection, when one of those changed. */
export function endMqtt(needs: Needs, values: Record<string, Values>, move: Move): void {
  const config = values["mqtt"],
    mqtt = needs.mqtt,
    session = mqtt.session,
    stays = move.stays,
    device = (config["deviceId"] as string) || needs.device,
    now = needs.natives.now();
  if (!stays) farewell(session, move.base, now);
  clearLast(mqtt, move.base !== session.base, !stays);
  mqtt.style = move.style;
  if (move.moves) {
    // all of them there
    mqtt.due.low.fill(Infinity);
    mqtt.rare.groups = [];
    mqtt.rare.due[topics.FAMILY_ONCE] = mqtt.rareAt = 0;
  }
  takeFlags(needs, move.flags);
  if (!stays && session.state !== OFF) sessionEnd(session);
  configureOthers(needs, device, values);
  if (stays) return;
  if (needs.replay.log) replayAgain(needs.replay.log);
  takeBroker(needs, config, device);
  session.base = move.base;
  session.backOff = session.backOffFirst;
  session.retryAt = now;
  if (mqtt.enabled && session.host) sessionEnter(session, WAITING, now);
  needs.commands.at = now; // without a connection they have less to do
  hurryTask(needs.scheduler, mqtt.task, 0);
}

// What is published for a GX and subscribed beside commands and settings, with the connection in use where there is one

/** Leaves of the mirror: those of rt/gx, nine of its own, two a cell (publish/gx.cold.ts). */
const MIRROR_LEAVES = topics.GX_ROWS + topics.GX_ALARM_ROWS + 9 + 32;

/**
 * What is published for a GX, null when nothing is: settings mqtt.victron, mqtt.victron_instance, mqtt.battery_json.
 */
function mirrorOf(config: Values, device: string): Mirror | null {
  const json = config["battery_json"] as string,
    victron = config["victron"] as boolean;
  if (!victron && !json) return null;
  return {
    base: victron ? `N/tb${device.substr(device.length - 6).toLowerCase()}/battery/${config["victron_instance"]}/` : "",
    sent: new Float32Array(victron ? MIRROR_LEAVES : 0),
    place: 0,
    allAt: 0,
    json: levels(json),
    jsonAt: 0,
    jsonPhase: -1,
    last: new Float64Array(3).fill(NaN),
  };
}

/**
 * Home Assistant says on `<this>/status` that it starts, whatever the prefix of discovery, unless it is told otherwise.
 */
const HA_PREFIX = "homeassistant";

/** What is subscribed beside commands and settings: Home Assistant's birth, keepalive of the mirror. */
function othersOf(ha: Values, mirror: Mirror | null): string[] {
  const prefix = levels(ha["prefix"] as string),
    birth = ha["birth_topic"] as string,
    others: string[] = [];
  if (ha["enabled"]) others.push(birth || prefix + "/status");
  if (ha["enabled"] && !birth && prefix !== HA_PREFIX) others.push(HA_PREFIX + "/status");
  if (mirror && mirror.base) others.push("R/" + mirror.base.split("/")[1] + "/keepalive");
  return others;
}

/**
 * SUBSCRIBE (3.8) or UNSUBSCRIBE (3.10) of a few short topics, `behind` each its QoS; behind a message that is being
 * sent in pieces.
 */
function ask(session: Session, first: string, list: string[], behind: string): void {
  const socket = session.socket,
    chars = String.fromCharCode;
  const body = list
    .map(function (topic) {
      return chars(topic.length >> 8, topic.length & 255) + topic + behind;
    })
    .join("");
  const packet = first + chars(body.length + 2) + "\xff\xff" + body; // the id is SUBSCRIBE_ID
  if (!body || !socket) return;
  if (session.stream) session.owed += packet;
  else socket.write(packet);
}

/** Let settings count that need no other connection. */
export function configureOthers(needs: Needs, device: string, values: Record<string, Values>): void {
  const mqtt = needs.mqtt,
    session = mqtt.session,
    rare = mqtt.rare,
    old = rare.mirror,
    mirror = mirrorOf(values["mqtt"], device);
  const before = session.others ? session.others.split("\n") : [],
    others = othersOf(values["ha"], mirror),
    now = needs.natives.now();
  if (session.state === CONNECTED) {
    ask(
      session,
      "\x82",
      others.filter(function (topic) {
        return before.indexOf(topic) < 0;
      }),
      "\x00",
    );
    ask(
      session,
      "\xa2",
      before.filter(function (topic) {
        return others.indexOf(topic) < 0;
      }),
      "",
    );
  }
  session.others = others.join("\n");
  setIo(mqtt, values["mqtt"]["io"] as boolean, now);
  if (old && mirror && old.base === mirror.base && old.json === mirror.json) return;
  if (old && old.base && !(mirror && mirror.base === old.base) && session.state === CONNECTED) {
    publishTo(session, old.base + "Connected", '{"value":0}', TELEMETRY, now);
  }
  rare.mirror = mirror;
  rare.due[topics.FAMILY_MIRROR] = rare.due[topics.FAMILY_GX] = mqtt.rareAt = 0;
}
