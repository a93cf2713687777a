// Publishes: takes the samples of the UART, sends what is due, at most 8 messages a step. Connecting is prepared without
// blocking (name, echo) and done right after a periodic 0x351, because it may block everything for a while.
import * as r from "../battery/registers.baked";
import { SAMPLE_WORDS, samplesDrain } from "../kernel/samples";
import { taskOf } from "../kernel/task-start.cold";
import { discoveryOf } from "../mqtt/discovery-begin.cold";
import { nextDue, passBegins } from "../mqtt/due";
import { registerMessage, registerText, stateMessage } from "../mqtt/messages";
import { messageTail, stateNames } from "../mqtt/messages-rare.cold";
import { ROWS } from "../mqtt/rows.baked";
import type { Socket } from "../kernel/ports";
import { outboxDrain } from "../mqtt/outbox.cold";
import { sessionFeed } from "../mqtt/receive.cold";
import { CONNECTED, OFF, publish } from "../mqtt/session";
import { keepAlive } from "../mqtt/session-life.cold";
import { commandStep } from "./command-step.cold";
import { advance, brokerSaid, introduce } from "./mqtt-connect.cold";
import { publishDiscovery } from "./mqtt-discovery-step.cold";
import { publishLimits } from "./mqtt-limits.cold";
import { takeMessage } from "./mqtt-receive.cold";
import { publishRare } from "./mqtt-topics.cold";
import { rareOf } from "./mqtt-topics-again.cold";
import { sendRegister } from "./mqtt-topics-parts";
import { FEW_IN_FLIGHT, LEFT, REFRESH_MS, type MqttTask } from "./mqtt-state";

/** Period of a step and of one that streams (ms), messages and rows looked at in a step. */
const PERIOD_MS = 200, STREAM_MS = 20, MESSAGES = 8, LOOK = 6;
/** Bytes that may wait in the socket when a round of messages begins. */
const PENDING = 1024;
/** Rare topics wait for a step with room for this many messages. */
const ROOM = 4;

/** Register messages, at most `left`; rows that find no room stay due. How many are left. */
function publishRegisters(mqtt: MqttTask, left: number, now: number): number {
  const due = mqtt.due, values = mqtt.snapshot.values, end = due.row + LOOK < ROWS ? due.row + LOOK : ROWS;
  let row = nextDue(due, values, end), tail = "";
  while (row >= 0) {
    tail = tail || messageTail(mqtt.snapshot, now, mqtt.app.clock.epoch, mqtt.rare);
    const text = registerText(row), tab = text.indexOf("\t"), message = registerMessage(row, text.substr(tab + 1), values[row], mqtt.raw, tail);
    const suffix = text.substr(0, tab), flags = mqtt.registerFlags;
    if (!(mqtt.style ? sendRegister(mqtt, suffix, message, flags, now) : publish(mqtt.session, "rt/reg/" + suffix, message, flags, now))) {
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
    mqtt.names = stateNames(s, mqtt.limits, mqtt.raw[3]);
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
  if (now >= mqtt.rareAt && left >= ROOM && mqtt.session.inFlight.length <= FEW_IN_FLIGHT) publishRare(mqtt.app, now);
}

function step(mqtt: MqttTask, now: number): number {
  if (now >= mqtt.app.commands.at) commandStep(mqtt.app, now);
  const session = mqtt.session, samples = mqtt.samples, socket = session.socket;
  if (samples.count) {
    const newest = samplesDrain(samples) * SAMPLE_WORDS;
    mqtt.raw[0] = samples.words.subarray(newest, newest + SAMPLE_WORDS);
    mqtt.fresh = true;
  }
  if (session.inbox.length) {
    takeMessage(mqtt, now);
    if (session.rx && session.socket) mqtt.heard(""); // more may wait behind a full inbox
  }
  if (session.state === CONNECTED && socket) {
    if (!socket.dSnd) session.waitingSince = now;
    if (now >= session.lookAt) keepAlive(session, now);
    if (session.socket && (socket.dSnd || "").length <= PENDING && (session.free || !outboxDrain(session, now))) {
      telemetry(mqtt, now); // else put off, not lost: nothing counts as sent
    }
    if (now >= mqtt.discovery.at) publishDiscovery(mqtt, now);
  } else if (session.state !== OFF) {
    advance(mqtt, now);
    if (session.socket && session.socket !== socket) attach(mqtt, session.socket);
  }
  return session.stream ? STREAM_MS : PERIOD_MS;
}

/** Bytes of the broker, and the end of the connection. An event of a socket that was given up says nothing. */
function attach(mqtt: MqttTask, socket: Socket): void {
  const session = mqtt.session;
  mqtt.heard = function (bytes) {
    if (session.socket !== socket) return;
    const inFlight = session.inFlight, now = mqtt.app.natives.now();
    let rest = bytes, code = 0;
    if (bytes) session.heardAt = now;
    // PUBACK of the oldest message is what comes most, and needs no look at the rest of the protocol
    while (!session.rx && !session.skip && inFlight.length && inFlight[0].flags & 2 && rest.length > 3 && session.state === CONNECTED
      && rest.substr(0, 4) === "\x40\x02" + String.fromCharCode(inFlight[0].id >> 8, inFlight[0].id & 255)) {
      inFlight.shift();
      rest = rest.substr(4);
    }
    if (!rest && !session.rx) return;
    for (code = sessionFeed(session, rest, now); code !== -1; code = session.socket === socket ? sessionFeed(session, "", now) : -1) {
      brokerSaid(mqtt, code);
    }
  };
  socket.on("data", mqtt.heard);
  socket.on("close", function () { if (session.socket === socket) brokerSaid(mqtt, LEFT); });
}

export function mqttTaskOf(parts: Pick<MqttTask, "session" | "snapshot" | "limits" | "samples" | "due" | "can" | "raw" | "app">): MqttTask {
  const mqtt = parts as MqttTask;
  mqtt.fresh = false;
  mqtt.discovery = discoveryOf();
  mqtt.rareAt = 0;
  mqtt.rare = rareOf();
  mqtt.style = null;
  mqtt.errorsSaid = 0;
  mqtt.limitsSeen = mqtt.phaseSeen = mqtt.namesSum = -1;
  mqtt.opened = function () { introduce(mqtt); };
  mqtt.task = taskOf("mqtt", PERIOD_MS, mqtt, step);
  return mqtt;
}
