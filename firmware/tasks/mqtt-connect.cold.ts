// The way to a connection, one state a step: wait, resolve the name, see an echo, connect right after a periodic 0x351,
// say who we are, take the broker's answer. `connect` of the interpreter blocks everything, so it comes last and rarely.
import { connectPacket, refusal, subscribePacket, subscribeRefusal } from "../mqtt/connect.cold";
import { ANSWERING, CONNECTED, CRITICAL, LOOKING_UP, OPENING, PINGING, publish, QOS1, READY, RETAIN, WAITING, type Session } from "../mqtt/session";
import { sessionEnter, sessionFail, sessionLate, sessionResume } from "../mqtt/session-life.cold";
import { AFTER_CONNECT_MS, ALL } from "./command-state";
import { settingsOf } from "./settings.cold";
import { LEFT, REFRESH_MS, type MqttTask } from "./mqtt-state";
import { INFO, WARN, writeLog } from "./log";
import { connectFault, tlsFiles } from "./mqtt-tls.cold";
import { rareAgain } from "./mqtt-topics-parts";

/** Wait for a name or an echo; an echo older than this is no proof; a connect that took longer doubles the back-off; ms. */
const LOOK_UP_MS = 10000, FRESH_MS = 3000, BLOCKED_MS = 500, BLOCKED_MOST_MS = 600000;
/** After a connection, alarms and what a GX shows have this long to be out before the registers begin, ms. */
const REGISTERS_MS = 3000;
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

function open(mqtt: MqttTask): void {
  const session = mqtt.session, network = mqtt.app.network, began = mqtt.app.natives.now(); // what came before it in this step does not count
  sessionEnter(session, OPENING, began);
  try {
    session.socket = session.tls ? network.connectTls(session.ip, session.port, mqtt.opened, tlsFiles(mqtt.app))
      : network.connect(session.ip, session.port, mqtt.opened);
    noteBlock(session, mqtt.app.natives.now() - began);
  } catch (error) {
    const end = mqtt.app.natives.now(), why = connectFault(error, session.tls, session.host + ":" + session.port);
    noteBlock(session, end - began);
    sessionFail(session, why[0], why[1], end);
  }
}

/** Once a connection: who listens learns that we are there, then everything again. */
function publishAll(mqtt: MqttTask, now: number): void {
  mqtt.app.commands.pending = ALL;
  mqtt.app.commands.at = now + AFTER_CONNECT_MS;
  mqtt.due.low.fill(Infinity);
  mqtt.due.row = 0;
  mqtt.due.passAt = now + REGISTERS_MS - mqtt.due.shortest;
  mqtt.limitsSeen = -1;
  mqtt.heartbeatAt = mqtt.stateAt = mqtt.limitsAt = -REFRESH_MS;
  mqtt.online = -1;
  mqtt.limitsSum = NaN;
  mqtt.discovery.at = 0;
  rareAgain(mqtt);
}

/** Subscriptions are there, or refused, which is told and no reason to go. */
function subscribed(mqtt: MqttTask, now: number): void {
  const session = mqtt.session, why = subscribeRefusal(session);
  if (why[0]) session.errors++;
  session.errorCode = why[0]; // those of the connection before were kept until now
  session.errorMessage = why[1];
  sessionEnter(session, CONNECTED, now);
  session.backOff = session.backOffFirst;
  session.waitingSince = session.heardAt = session.lookAt = now;
  mqtt.errorsSaid = session.errors;
  writeLog(mqtt.app, INFO, "mqtt: connected to " + session.host + ":" + session.port);
  publish(session, "status", '{"online":true}', QOS1 | RETAIN | CRITICAL, now);
  publishAll(mqtt, now);
}

/** The broker's answer to CONNECT or SUBSCRIBE, or what it does wrong. */
function answered(mqtt: MqttTask, code: number, now: number): void {
  const session = mqtt.session;
  if (code === 256) {
    subscribed(mqtt, now);
  } else if (code === 0 || code === 257) {
    sessionResume(session, code === 257 && !mqtt.cleanSession, now);
    if (session.socket) session.socket.write(subscribePacket(session, session.commandQos));
  } else {
    const why = code === -2 ? ["Failed", "the broker sent something that is not MQTT"]
      : code === -4 ? ["ConnTimeout", "the broker does not read"] : refusal(code);
    sessionFail(session, why[0], why[1], now);
  }
}

/** The socket is open: say who we are. */
export function introduce(mqtt: MqttTask): void {
  const session = mqtt.session, now = mqtt.app.natives.now(), login = settingsOf(mqtt.app, "mqtt");
  if (!session.socket) return;
  session.sentAt = now;
  session.keepAlive = (login["keepalive_seconds"] as number) * 1000;
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
    if (session.errors !== mqtt.errorsSaid) {
      mqtt.errorsSaid = session.errors;
      writeLog(mqtt.app, WARN, "mqtt: " + session.errorCode + ", " + session.errorMessage);
    }
    if (now >= session.retryAt && mqtt.app.network.address()) lookUp(mqtt, now);
  } else if (session.state === READY) {
    if (age > FRESH_MS) echo(mqtt, now);
    else if (sinceGrid < AFTER_GRID_MS || sinceGrid > NO_GRID_MS) open(mqtt);
  } else if (session.state === LOOKING_UP && age > LOOK_UP_MS) {
    if (session.ip) echo(mqtt, now);
    else sessionFail(session, "DnsFailed", "no answer for " + session.host, now);
  } else if (session.state === PINGING && age > LOOK_UP_MS) {
    sessionFail(session, "ConnTimeout", "no echo from " + session.ip, now);
  } else if (session.state >= OPENING && age > mqtt.timeout) {
    sessionLate(session, now);
  }
}

/** The connection was closed by the other side: with encryption and before any answer that is a handshake that failed. */
function brokerLeft(mqtt: MqttTask): void {
  const session = mqtt.session, now = mqtt.app.natives.now(), early = session.state === ANSWERING || session.state === OPENING;
  if (early && session.tls) sessionFail(session, "TlsFailed", "the broker refused to encrypt, or closed before it answered CONNECT", now);
  else sessionFail(session, "ConnRefused", early ? "the connection was closed before an answer to CONNECT" : "the connection was closed", now);
}

/** What a socket tells: LEFT, or a result of reading what the broker sent. */
export function brokerSaid(mqtt: MqttTask, code: number): void {
  if (code === LEFT) brokerLeft(mqtt);
  else answered(mqtt, code, mqtt.app.natives.now());
}
