// Publishes: takes the samples of the UART, sends what is due, at most 8 messages a step. Connecting is prepared without
// blocking (name, echo) and done right after a periodic 0x351, because it may block everything for a while.
import { floored } from "../battery/names";
import * as r from "../battery/registers.baked";
import { BOOT, LOST, SILENT } from "../battery/snapshot";
import { SAMPLE_WORDS, samplesDrain } from "../kernel/samples";
import { taskOf } from "../kernel/tasks";
import { nextDue, passBegins } from "../mqtt/due";
import { limitsMessage, messageTail, registerMessage, registerText, stateMessage, stateNames, timeMember } from "../mqtt/messages";
import { ROWS } from "../mqtt/rows.baked";
import { CLASSES, GX_ALARM_ROWS, GX_ROWS } from "../mqtt/topics.baked";
import type { Socket } from "../kernel/ports";
import { CONNECTED, MOST_IN_FLIGHT, OFF, publish } from "../mqtt/session";
import { keepAlive, sessionFail, sessionFeed } from "../mqtt/session-life.cold";
import { GX_GONE_MS } from "./can";
import { advance, brokerSaid } from "./mqtt-connect.cold";
import { publishRare } from "./mqtt-topics";
import { FAMILIES, OPENED, QOS1, REFRESH_MS, RETAIN, type MqttTask } from "./mqtt-state";

/** Period of a step, silence after which the link is looked at (ms), messages and rows looked at in a step. */
const PERIOD_MS = 200, LOOK_AFTER_MS = 1000, MESSAGES = 8, LOOK = 6;
/** Bytes that may wait in the socket when a round of messages begins. */
const PENDING = 1024;
/** Families of rare topics (tasks/mqtt-topics.ts) that are looked at at once when phase, permissions, status or GX change: alarms, GX,
 *  states. */
const AT_ONCE = 3;
/** Rare topics wait for a step with room for this many messages. */
const ROOM = 4;

/** Whether the battery is there, and the limits, when one of them changed or was not sent for a while. */
function publishLimits(mqtt: MqttTask, now: number): number {
  const v = mqtt.snapshot.values, phase = mqtt.snapshot.phase, online = phase === BOOT || phase >= LOST ? 0 : 1, session = mqtt.session;
  const cvl = floored(v[r.chargeVoltageLimit]) || 0, ccl = floored(v[r.chargeCurrentLimit]) || 0, dcl = floored(v[r.dischargeCurrentLimit]) || 0;
  const sum = phase * 1e9 + cvl * 1e6 + ccl * 1e3 + dcl; // changes when one of them does
  let sent = 0;
  const key = phase * 8 + (ccl > 0 ? 4 : 0) + (dcl > 0 ? 2 : 0) + (now - mqtt.can.gxAt > GX_GONE_MS ? 1 : 0) + (v[r.onlineStatus] || 0) * 64;
  mqtt.limitsSeen = mqtt.limits.at;
  if (key !== mqtt.rare.key) {
    mqtt.rare.key = key;
    mqtt.rareAt = 0;
    mqtt.rare.due.fill(0, 0, AT_ONCE);
  }
  if (online !== mqtt.online && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/bms", online ? "online" : "offline", QOS1 | RETAIN, now)) mqtt.online = online;
    sent++;
  }
  if ((sum !== mqtt.limitsSum || now - mqtt.limitsAt >= REFRESH_MS) && session.inFlight.length < MOST_IN_FLIGHT) {
    const time = timeMember(mqtt.app.clock.epoch, now, mqtt.rare); // an old limit must not stay retained
    const message = phase === SILENT && mqtt.limitsFlags & RETAIN ? "" : limitsMessage(mqtt.snapshot, mqtt.limits, now, time);
    if (publish(session, "rt/limits", message, mqtt.limitsFlags, now)) {
      mqtt.limitsSum = sum;
      mqtt.limitsAt = now;
    }
    sent++;
  }
  if (online !== mqtt.online || sum !== mqtt.limitsSum) mqtt.limitsSeen = -1; // there was no room
  return sent;
}

/** Register messages, at most `left`; rows that find no room stay due. How many are left. */
function publishRegisters(mqtt: MqttTask, left: number, now: number): number {
  const due = mqtt.due, values = mqtt.snapshot.values, end = due.row + LOOK < ROWS ? due.row + LOOK : ROWS;
  let row = nextDue(due, values, end), tail = "";
  while (row >= 0) {
    tail = tail || messageTail(mqtt.snapshot, now, timeMember(mqtt.app.clock.epoch, now, mqtt.rare));
    const text = registerText(row), tab = text.indexOf("\t"), message = registerMessage(row, text.substr(tab + 1), values[row], mqtt.raw, tail);
    if (!publish(mqtt.session, "rt/reg/" + text.substr(0, tab), message, mqtt.registerFlags, now)) {
      due.low[row] = Infinity;
      return 0;
    }
    left--;
    row = left > 0 && due.row ? nextDue(due, values, end) : -1;
  }
  return left;
}

/** Names in the compact state: looked up again when one of them changes. */
function namesOf(mqtt: MqttTask): string[] {
  const s = mqtt.snapshot, sum = s.values[r.onlineStatus] * 65536 + mqtt.limits.reason * 256 + s.phase;
  if (sum !== mqtt.namesSum) {
    mqtt.namesSum = sum;
    mqtt.names = stateNames(s, mqtt.limits);
  }
  return mqtt.names;
}

function telemetry(mqtt: MqttTask, now: number): void {
  let left = MESSAGES;
  if (now - mqtt.heartbeatAt >= mqtt.heartbeat) {
    publish(mqtt.session, "status/connected", "true", 0, now);
    mqtt.heartbeatAt += mqtt.heartbeat;
    if (mqtt.heartbeatAt < now - mqtt.heartbeat) mqtt.heartbeatAt = now;
    left--;
  }
  if (mqtt.limits.at !== mqtt.limitsSeen || mqtt.snapshot.phase !== mqtt.phaseSeen) {
    mqtt.phaseSeen = mqtt.snapshot.phase;
    left -= publishLimits(mqtt, now);
  }
  const age = now - mqtt.stateAt; // the compact state when its sample is new, and at least each 10 s
  if (mqtt.fresh && age >= mqtt.shortest || age >= REFRESH_MS) {
    publish(mqtt.session, "rt/state", stateMessage(mqtt.snapshot, namesOf(mqtt)), 0, now);
    mqtt.stateAt = now;
    mqtt.fresh = false;
    left--;
  }
  if (passBegins(mqtt.due, now)) left = publishRegisters(mqtt, left, now);
  if (now >= mqtt.rareAt && left >= ROOM) publishRare(mqtt.app, now);
}

function step(mqtt: MqttTask, now: number): number {
  const session = mqtt.session, samples = mqtt.samples, socket = session.socket;
  if (samples.count) {
    const newest = samplesDrain(samples) * SAMPLE_WORDS;
    mqtt.raw[0] = samples.words.subarray(newest, newest + SAMPLE_WORDS);
    mqtt.fresh = true;
  }
  if (session.state === CONNECTED && socket) {
    if (!socket.dSnd) session.waitingSince = now;
    if (session.pingAt || socket.dSnd || now - session.sentAt > LOOK_AFTER_MS) keepAlive(session, now);
    if (session.socket && (socket.dSnd || "").length <= PENDING) telemetry(mqtt, now); // else put off, not lost: nothing counts as sent
  } else if (session.state !== OFF) {
    advance(mqtt, now);
    if (session.socket && session.socket !== socket) attach(mqtt, session.socket);
  }
  return 0;
}

/** Bytes of the broker, and the end of the connection. An event of a socket that was given up says nothing. */
function attach(mqtt: MqttTask, socket: Socket): void {
  const session = mqtt.session;
  socket.on("data", function (bytes) {
    const code = session.socket === socket ? sessionFeed(session, bytes) : -1;
    if (code !== -1) brokerSaid(mqtt, code);
  });
  socket.on("close", function () {
    if (session.socket === socket) sessionFail(session, "ConnRefused", "the connection was closed", mqtt.app.natives.now());
  });
}

export function mqttTaskOf(parts: Pick<MqttTask, "session" | "snapshot" | "limits" | "samples" | "due" | "can" | "raw" | "app">): MqttTask {
  const mqtt = parts as MqttTask;
  mqtt.fresh = false;
  mqtt.rareAt = 0;
  mqtt.rare = { due: new Float64Array(FAMILIES), place: new Uint8Array(FAMILIES), flags: new Uint8Array(CLASSES),
    gx: new Float32Array(GX_ROWS + GX_ALARM_ROWS), alarms: [], summary: true, leftovers: 1, key: -1, odd: false, count: 0, published: 0,
    groups: [], from: 0, settings: -1, ip: "", totals: null, mirror: null, date: "", dayAt: -1 };
  mqtt.limitsSeen = mqtt.phaseSeen = mqtt.namesSum = -1;
  mqtt.opened = function () { brokerSaid(mqtt, OPENED); };
  mqtt.task = taskOf("mqtt", PERIOD_MS, mqtt, step);
  return mqtt;
}
