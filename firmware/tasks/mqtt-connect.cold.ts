// The way to a connection, one state a step: wait, resolve the name, see an echo, connect right after a periodic 0x351,
// say who we are, take the broker's answer. `connect` of the interpreter blocks everything, so it comes last and rarely.
import { connectPacket, refusal } from "../mqtt/connect.cold";
import { ANSWERING, CONNECTED, LOOKING_UP, OPENING, PINGING, publish, READY, WAITING, type Session } from "../mqtt/session";
import { resend, sessionEnter, sessionFail } from "../mqtt/session-life.cold";
import { settingsOf } from "./configure.cold";
import { rareAgain } from "./mqtt-topics-again.cold";
import { OPENED, QOS1, REFRESH_MS, RETAIN, type MqttTask } from "./mqtt-state";

/** Wait for a name or an echo; an echo older than this is no proof; a connect that took longer doubles the back-off; ms. */
const LOOK_UP_MS = 10000, FRESH_MS = 3000, BLOCKED_MS = 500, BLOCKED_MOST_MS = 600000;
/** The moment after a periodic 0x351 in which there is time; without CAN frames any moment is good. */
const AFTER_GRID_MS = 220, NO_GRID_MS = 1500;

function lookUp(mqtt: MqttTask, now: number): void {
  const session = mqtt.session;
  sessionEnter(session, LOOKING_UP, now);
  mqtt.app.network.lookUp(session.host, function (ip) {
    if (session.state !== LOOKING_UP) return;
    if (ip) session.ip = ip;
    if (session.ip) echo(mqtt, mqtt.app.natives.now());
    else sessionFail(session, "DnsFailed", "no address for " + session.host, mqtt.app.natives.now());
  });
}

function echo(mqtt: MqttTask, now: number): void {
  const session = mqtt.session;
  if (!session.ping) {
    sessionEnter(session, READY, now);
    return;
  }
  sessionEnter(session, PINGING, now);
  mqtt.app.network.ping(session.ip, function (alive) {
    if (alive && session.state === PINGING) sessionEnter(session, READY, mqtt.app.natives.now());
  });
}

/** Note how long connecting blocked; long ones are tried ever more rarely. */
function noteBlock(session: Session, took: number): void {
  if (took > session.blockedMost) session.blockedMost = took;
  if (took > BLOCKED_MS) session.backOff = Math.min((session.backOff || BLOCKED_MS) * 2, BLOCKED_MOST_MS);
}

function open(mqtt: MqttTask, now: number): void {
  const session = mqtt.session;
  sessionEnter(session, OPENING, now);
  try {
    session.socket = mqtt.app.network.connect(session.ip, session.port, mqtt.opened);
    noteBlock(session, mqtt.app.natives.now() - now);
  } catch (error) {
    noteBlock(session, mqtt.app.natives.now() - now);
    sessionFail(session, "ConnRefused", "cannot connect to " + session.host + ":" + session.port, mqtt.app.natives.now());
  }
}

/** Once a connection: who listens learns that we are there, then everything again. */
function publishAll(mqtt: MqttTask): void {
  mqtt.due.low.fill(Infinity);
  mqtt.limitsSeen = -1;
  mqtt.heartbeatAt = mqtt.stateAt = mqtt.limitsAt = -REFRESH_MS;
  mqtt.online = -1;
  mqtt.limitsSum = NaN;
  rareAgain(mqtt);
}

/** The broker's answer to CONNECT: 0 is a welcome, -2 a stream that is no MQTT. */
function answered(mqtt: MqttTask, code: number, now: number): void {
  const session = mqtt.session;
  if (code === 0 && session.state === ANSWERING) {
    sessionEnter(session, CONNECTED, now);
    session.backOff = session.backOffFirst;
    session.waitingSince = now;
    resend(session);
    publish(session, "status", '{"online":true}', QOS1 | RETAIN, now);
    publishAll(mqtt);
  } else {
    const why = code === -2 ? ["Failed", "the broker sent something that is not MQTT"] : refusal(code);
    sessionFail(session, why[0], why[1], now);
  }
}

function introduce(mqtt: MqttTask): void {
  const session = mqtt.session, now = mqtt.app.natives.now(), login = settingsOf(mqtt.app, "mqtt");
  if (!session.socket) return;
  session.sentAt = now;
  sessionEnter(session, ANSWERING, now);
  session.socket.write(connectPacket({
    clientId: mqtt.clientId, user: login["user"] as string, pass: login["pass"] as string, keepAlive: session.keepAlive / 1000,
    cleanSession: mqtt.cleanSession, willTopic: session.base + "status", willPayload: '{"online":false}',
  }));
}

/** One step of a session that is not connected. */
export function advance(mqtt: MqttTask, now: number): void {
  const session = mqtt.session, age = now - session.since, sinceGrid = now - mqtt.can.gridAt;
  if (session.state === WAITING) {
    if (now >= session.retryAt && mqtt.app.network.address()) lookUp(mqtt, now);
  } else if (session.state === READY) {
    if (age > FRESH_MS) echo(mqtt, now);
    else if (sinceGrid < AFTER_GRID_MS || sinceGrid > NO_GRID_MS) open(mqtt, now);
  } else if (session.state === LOOKING_UP && age > LOOK_UP_MS) {
    if (session.ip) echo(mqtt, now);
    else sessionFail(session, "DnsFailed", "no answer for " + session.host, now);
  } else if (session.state === PINGING && age > LOOK_UP_MS) {
    sessionFail(session, "ConnTimeout", "no echo from " + session.ip, now);
  } else if (session.state >= OPENING && age > mqtt.timeout) {
    sessionFail(session, "ConnTimeout", "no answer to CONNECT", now);
  }
}

/** What a socket tells: OPENED, or the result of reading what the broker sent (the code of CONNACK, -2 for no MQTT). */
export function brokerSaid(mqtt: MqttTask, code: number): void {
  if (code === OPENED) introduce(mqtt);
  else answered(mqtt, code, mqtt.app.natives.now());
}
