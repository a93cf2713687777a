// Publishes: takes the samples of the UART, sends what is due, at most 8 messages a step. Connecting is prepared without
// blocking (name, echo) and done right after a periodic 0x351, because it may block everything for a while.
import { floored } from "../battery/names";
import * as r from "../battery/registers.baked";
import { BOOT, LOST } from "../battery/snapshot";
import { SAMPLE_WORDS, samplesDrain } from "../kernel/samples";
import { taskOf } from "../kernel/tasks";
import { nextDue } from "../mqtt/due";
import { limitsMessage, registerMessage, stateMessage } from "../mqtt/messages";
import type { Socket } from "../kernel/ports";
import { CONNECTED, MOST_IN_FLIGHT, OFF, publish } from "../mqtt/session";
import { keepAlive, sessionFail, sessionFeed } from "../mqtt/session-life.cold";
import { advance, brokerSaid } from "./mqtt-connect.cold";
import { OPENED, QOS1, REFRESH_MS, RETAIN, type MqttTask } from "./mqtt-state";

/** Period of a step and of a look at the link (ms), messages a step, and rows looked at for each message. */
const PERIOD_MS = 200, LOOK_AFTER_MS = 1000, MESSAGES = 8, LOOK = 8;
/** Bytes that may wait in the socket when a round of messages begins. */
const PENDING = 1024;
function publishLimits(mqtt: MqttTask, now: number): number {
  const v = mqtt.snapshot.values, phase = mqtt.snapshot.phase, online = phase === BOOT || phase >= LOST ? 0 : 1, session = mqtt.session;
  const cvl = floored(v[r.chargeVoltageLimit]) || 0, ccl = floored(v[r.chargeCurrentLimit]) || 0, dcl = floored(v[r.dischargeCurrentLimit]) || 0;
  const sum = phase * 1e9 + cvl * 1e6 + ccl * 1e3 + dcl; // changes when one of them does
  let sent = 0;
  if (online !== mqtt.online && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/bms", online ? "online" : "offline", QOS1 | RETAIN, now)) mqtt.online = online;
    sent++;
  }
  if ((sum !== mqtt.limitsSum || now - mqtt.limitsAt >= REFRESH_MS) && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/limits", limitsMessage(mqtt.snapshot, mqtt.limits, now), mqtt.limitsFlags, now)) {
      mqtt.limitsSum = sum;
      mqtt.limitsAt = now;
    }
    sent++;
  }
  return sent;
}

function publishRegister(mqtt: MqttTask, now: number): boolean {
  const row = nextDue(mqtt.due, mqtt.snapshot.values, now, LOOK);
  if (row < 0) return false;
  const message = registerMessage(row, mqtt.snapshot, mqtt.raw, now), tab = message.indexOf("\t");
  return publish(mqtt.session, "rt/reg/" + message.substr(0, tab), message.substr(tab + 1), mqtt.registerFlags, now);
}

function telemetry(mqtt: MqttTask, now: number): void {
  const socket = mqtt.session.socket;
  let left = MESSAGES;
  if (!socket || socket.dSnd && socket.dSnd.length > PENDING) return; // put off, not lost: nothing counts as sent
  if (mqtt.heartbeat && now - mqtt.heartbeatAt >= mqtt.heartbeat) {
    publish(mqtt.session, "status/connected", "true", 0, now);
    mqtt.heartbeatAt += mqtt.heartbeat;
    if (mqtt.heartbeatAt < now - mqtt.heartbeat) mqtt.heartbeatAt = now;
    left--;
  }
  left -= publishLimits(mqtt, now);
  const age = now - mqtt.stateAt; // the compact state when its sample is new, and at least each 10 s
  if (mqtt.fresh && age >= mqtt.shortest || age >= REFRESH_MS) {
    publish(mqtt.session, "rt/state", stateMessage(mqtt.snapshot, mqtt.limits), 0, now);
    mqtt.stateAt = now;
    mqtt.fresh = false;
    left--;
  }
  while (left > 0 && publishRegister(mqtt, now)) left--;
}

function step(mqtt: MqttTask, now: number): number {
  const session = mqtt.session, newest = samplesDrain(mqtt.samples);
  if (newest >= 0) {
    mqtt.raw[0] = mqtt.samples.words.subarray(newest * SAMPLE_WORDS, newest * SAMPLE_WORDS + SAMPLE_WORDS);
    mqtt.fresh = true;
  }
  if (session.state === OFF) return 0;
  if (session.state === CONNECTED) {
    if (now - mqtt.lookedAt > LOOK_AFTER_MS) {
      mqtt.lookedAt = now;
      keepAlive(session, now);
    }
    telemetry(mqtt, now);
  } else {
    const before = session.socket;
    advance(mqtt, now);
    if (session.socket && session.socket !== before) attach(mqtt, session.socket);
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
  mqtt.lookedAt = 0;
  mqtt.opened = function () { brokerSaid(mqtt, OPENED); };
  mqtt.task = taskOf("mqtt", PERIOD_MS, mqtt, step);
  return mqtt;
}
