// The way to a connection, one state a step: wait, resolve the name, see an echo, connect right after a periodic 0x351,
// say who we are, take the broker's answer. `connect` of the interpreter blocks everything, so it comes last and
// rarely.

import { caOf } from "../config/slots.cold";
import type { Natives, StorePort } from "../kernel/ports";
import { hurryTask } from "../kernel/tasks";
import { AFTER_CONNECT_MS, ALL } from "./needs";
import { settingsOf } from "../config/settings.cold";
import { INFO, WARN } from "../log/log";
import { writeLog } from "../log/log.cold";
import { publish } from "../mqtt/publish";
import {
  ANSWERING,
  CONNECTED,
  CRITICAL,
  LOOKING_UP,
  OPENING,
  PINGING,
  QOS1,
  READY,
  RETAIN,
  type Session,
  WAITING,
} from "../mqtt/session";
import {
  brokerFault,
  connectPacket,
  refusal,
  sessionEnter,
  sessionFail,
  sessionLate,
  sessionResume,
  subscribePacket,
  subscribeRefusal,
} from "../mqtt/session.cold";
import { homeAssistantSaid } from "./discovery.cold";
import { rareAgain } from "./again.cold";
import { AFTER_GRID_MS, FAULT_CODE, FAULT_TEXT, FRESH_MS, LEFT, NO_GRID_MS, type MqttTask, REFRESH_MS } from "./state";
import { FAMILY_MIRROR } from "./topics.baked";

/** Without a network for this long, that is told, ms. */
const NETWORK_MS = 30000;
/** Longest wait for a name or an echo, ms. */
const LOOK_UP_MS = 10000;
/** A connect that blocked for longer doubles the back-off, ms. */
const BLOCKED_MS = 500;
/** The longest back-off of such connects, ms. */
const BLOCKED_MOST_MS = 600000;
/**
 * Each echo request takes C heap for good (boards/README.md). With less than these bytes left there is this long from
 * one attempt to the next, ms: a broker that is away for days must not use up what Wi-Fi needs.
 */
const SHORT_HEAP = 20000,
  SHORT_PAUSE_MS = 600000,
  LAST_HEAP = 15000,
  LAST_PAUSE_MS = 3600000;
/** After a connection, alarms and what a GX shows have this long to be out before the registers begin, ms. */
const REGISTERS_MS = 3000;

function lookUp(mqtt: MqttTask, now: number): void {
  const session = mqtt.session;
  sessionEnter(session, LOOKING_UP, now);
  mqtt.needs.network.lookUp(session.host, function (ip) {
    if (session.state !== LOOKING_UP) return;
    if (ip) session.ip = ip;
    if (session.ip) echo(mqtt, mqtt.needs.natives.now());
    else sessionFail(session, "DnsFailed", "no address for " + session.host, mqtt.needs.natives.now());
  });
}

function echo(mqtt: MqttTask, now: number): void {
  const session = mqtt.session;
  if (!session.ping) {
    sessionEnter(session, READY, now);
    return;
  }
  sessionEnter(session, PINGING, now);
  mqtt.needs.network.ping(session.ip, function (alive) {
    if (!alive || session.state !== PINGING) return;
    sessionEnter(session, READY, mqtt.needs.natives.now());
    hurryTask(mqtt.needs.scheduler, mqtt.task, 0);
  });
}

/** Note how long connecting blocked; long ones are tried ever more rarely. */
function noteBlock(session: Session, took: number): void {
  if (took > session.blockedMost) session.blockedMost = took;
  if (took > BLOCKED_MS) session.backOff = Math.min((session.backOff || BLOCKED_MS) * 2, BLOCKED_MOST_MS);
}

function open(mqtt: MqttTask): void {
  const session = mqtt.session,
    network = mqtt.needs.network,
    began = mqtt.needs.natives.now(); // what came before it in this step does not count
  sessionEnter(session, OPENING, began);
  try {
    session.socket = session.tls
      ? network.connectTls(session.ip, session.port, mqtt.opened, tlsFiles(mqtt.needs.store, mqtt.needs.natives.crc32))
      : network.connect(session.ip, session.port, mqtt.opened);
    noteBlock(session, mqtt.needs.natives.now() - began);
  } catch (error) {
    const end = mqtt.needs.natives.now(),
      why = connectFault(error, session.tls, session.host + ":" + session.port);
    noteBlock(session, end - began);
    sessionFail(session, why[FAULT_CODE], why[FAULT_TEXT], end);
  }
}

/** Once a connection: who listens learns that we are there, then everything again. */
function publishAll(mqtt: MqttTask, now: number): void {
  mqtt.needs.commands.pending = ALL;
  mqtt.needs.commands.at = now + AFTER_CONNECT_MS;
  mqtt.due.low.fill(Infinity);
  mqtt.due.row = 0;
  mqtt.due.passAt = now + REGISTERS_MS - mqtt.due.shortest;
  mqtt.due.liveAt.fill(mqtt.due.passAt);
  mqtt.limitsSeen = -1;
  mqtt.heartbeatAt = mqtt.stateAt = mqtt.limitsAt = -REFRESH_MS;
  mqtt.online = -1;
  mqtt.limitsSum = NaN;
  mqtt.discovery.at = 0;
  // who listens from now on is told of a TinyBMS that is missing
  mqtt.needs.rates.sayAt = Math.min(mqtt.needs.rates.sayAt, now);
  rareAgain(mqtt);
}

/** Subscriptions are there, or refused, which is told and no reason to go. */
function subscribed(mqtt: MqttTask, now: number): void {
  const session = mqtt.session,
    why = subscribeRefusal(session);
  if (why[FAULT_CODE]) session.errors++;
  session.errorCode = why[FAULT_CODE]; // those of the connection before were kept until now
  session.errorMessage = why[FAULT_TEXT];
  sessionEnter(session, CONNECTED, now);
  session.backOff = session.backOffFirst;
  session.waitingSince = session.heardAt = session.lookAt = now;
  mqtt.errorsSaid = session.errors;
  writeLog(mqtt.needs, INFO, "mqtt: connected to " + session.host + ":" + session.port);
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
    const why = code < 0 ? brokerFault(code) : refusal(code, session.host + ":" + session.port);
    sessionFail(session, why[FAULT_CODE], why[FAULT_TEXT], now);
  }
}

/** The socket is open: say who we are. */
export function introduce(mqtt: MqttTask): void {
  const session = mqtt.session,
    now = mqtt.needs.natives.now(),
    login = settingsOf(mqtt.needs, "mqtt");
  if (!session.socket) return;
  session.sentAt = now;
  session.keepAlive = (login["keepalive_seconds"] as number) * 1000;
  sessionEnter(session, ANSWERING, now);
  session.socket.write(
    connectPacket({
      clientId: mqtt.clientId,
      user: login["user"] as string,
      pass: login["pass"] as string,
      keepAlive: session.keepAlive / 1000,
      cleanSession: mqtt.cleanSession,
      willTopic: session.base + "status",
      willPayload: '{"online":false}',
    }),
  );
}

/** Least time from the end of one attempt to the next, ms; a heap that is not known does not count. */
function pauseFor(heap: number): number {
  return heap < LAST_HEAP ? LAST_PAUSE_MS : heap < SHORT_HEAP ? SHORT_PAUSE_MS : 0;
}

/** One step of a session that is not connected. */
export function advance(mqtt: MqttTask, now: number): void {
  const session = mqtt.session,
    age = now - session.since,
    sinceGrid = now - mqtt.can.gridAt;
  if (session.state === WAITING) {
    if (session.errors !== mqtt.errorsSaid) {
      mqtt.errorsSaid = session.errors;
      writeLog(mqtt.needs, WARN, "mqtt: " + session.errorCode + ", " + session.errorMessage);
    }
    const isAgain = session.ping && session.backOff > session.backOffFirst,
      isDue = now >= session.retryAt && (!isAgain || age >= pauseFor(mqtt.needs.memory.heap));
    if (isDue && mqtt.needs.network.address()) lookUp(mqtt, now);
    else if (age > NETWORK_MS && session.errorCode !== "NotReady" && !mqtt.needs.network.address()) {
      session.errors++;
      session.errorCode = "NotReady";
      session.errorMessage = "no network: Wi-Fi is not joined";
    }
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

/**
 * The connection was closed by the other side: with encryption and before any answer that is a handshake that failed.
 */
function brokerLeft(mqtt: MqttTask): void {
  const session = mqtt.session,
    now = mqtt.needs.natives.now(),
    broker = session.host + ":" + session.port,
    early = session.state === ANSWERING || session.state === OPENING;
  if (early && session.tls) sessionFail(session, "TlsFailed", tlsClosed(broker), now);
  else
    sessionFail(
      session,
      "ConnRefused",
      broker + " closed the connection" + (early ? " before an answer to CONNECT" : ""),
      now,
    );
}

/** What a socket tells: LEFT, or a result of reading what the broker sent. There is something to do then. */
export function brokerSaid(mqtt: MqttTask, code: number): void {
  hurryTask(mqtt.needs.scheduler, mqtt.task, 0);
  if (code === LEFT) brokerLeft(mqtt);
  else answered(mqtt, code, mqtt.needs.natives.now());
}

// What an encrypted connection needs, and what a connection that throws means: for the connection in use and for its
// test.

/** CA, certificate and key as the flash has them. */
export function tlsFiles(store: StorePort, crc32: Natives["crc32"]): string[] {
  return [caOf(store, crc32), store.read("tls.cert") || "", store.read("tls.key") || ""];
}

/** What a broker that closed an encrypted connection before it answered CONNECT may have meant. */
export function tlsClosed(broker: string): string {
  return broker + " is away, refused to encrypt, or closed before CONNACK: TLS 1.2 and any server name (SNI) must do";
}

/** Code and text of what `connect` or `connectTls` threw. */
export function connectFault(error: unknown, isTls: boolean, broker: string): string[] {
  const why = error + ".", // the interpreter also finds the begin of a word at the end of a text
    missing = why.indexOf("TLS needs");
  if (missing >= 0) return ["TlsUnavailable", why.slice(missing, -1)];
  // what mbed TLS asked for meanwhile, by Espruino's words (jswrap_crypto_error_to_str, ssl_newSocketData)
  if (isTls && why.indexOf("Not enough memory") >= 0) return ["TlsUnavailable", "TLS needs more memory: " + error];
  if (isTls && why.indexOf("create socket") < 0) return ["TlsFailed", "certificate or key: " + error];
  return ["ConnRefused", "cannot connect to " + broker];
}

// Messages on the topics that are subscribed beside commands and settings.

/** Who reads the mirror for a GX says so, as at a GX, and gets all of it again, unless he only wants to be seen. */
function keepMirror(mqtt: MqttTask, payload: string): void {
  const rare = mqtt.rare;
  if (!rare.mirror || payload.indexOf("suppress-republish") >= 0) return;
  rare.mirror.allAt = rare.due[FAMILY_MIRROR] = mqtt.rareAt = 0;
}

/** R/<id>/keepalive, else Home Assistant's birth. */
export function otherSaid(mqtt: MqttTask, topic: string, payload: string, now: number): void {
  if (topic.startsWith("R/")) keepMirror(mqtt, payload);
  else if (payload) homeAssistantSaid(mqtt, payload, now);
}
