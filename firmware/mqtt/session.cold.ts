// The rare moments of a session: it fails, ends, begins, is kept alive (MQTT 3.1.1, chapters 3 and 4).

import {
  AGAIN,
  ANSWERING,
  CONNECTED,
  DROPPED,
  LAST_ID,
  LOOKING_UP,
  MOST_INBOX,
  MOST_PAYLOAD,
  MOST_TOPIC,
  MOST_UNFINISHED,
  MOST_WAITING,
  OFF,
  OVERSIZE,
  RX_DROPPED,
  STALE,
  SUBSCRIBE_ID,
  SUBSCRIBING,
  type Session,
  TOO_LARGE,
  WAITING,
} from "./session";

/** 3.12 and 3.14. */
const PINGREQ = "\xc0\x00",
  DISCONNECT = "\xe0\x00";
/**
 * A socket whose output does not shrink for this long is dead, and a broker that leaves a message unanswered; longest
 * time between looks; ms.
 */
const STALLED_MS = 20000,
  UNANSWERED_MS = 60000,
  LOOK_MS = 5000,
  LOOK_SOON_MS = 1000;
/** Messages that a broker kept for us come within this after CONNACK, ms. */
const STALE_MS = 2000;

/** Close the socket without a word. What waits in it would keep a dead one open for ever. */
function sessionDrop(session: Session): void {
  const socket = session.socket;
  session.socket = session.free = null;
  session.rx = session.owed = "";
  session.pingAt = session.waitingSince = session.skip = session.stream = session.oldest = 0;
  if (socket) {
    if (session.state !== OFF) socket.dSnd = "";
    socket.end();
  }
}

function enter(session: Session, state: number, now: number): void {
  session.state = state;
  session.since = now;
}

function fail(session: Session, code: string, message: string, now: number): void {
  if (session.state === OFF) return;
  session.errors++;
  session.errorCode = code;
  session.errorMessage = message;
  sessionDrop(session);
  session.retryAt = now + session.backOff * (0.85 + 0.3 * Math.random());
  // after connects that blocked it is above the setting already, and stays there
  if (session.backOff < session.backOffMost) session.backOff = Math.min(session.backOff * 2, session.backOffMost);
  enter(session, WAITING, now);
}

/** The connection is gone or a try failed: wait, longer each time, with 15 % of jitter. */
export function sessionFail(session: Session, code: string, message: string, now: number): void {
  fail(session, code, message, now);
}

/** End on purpose and forget everything. The broker forgets the will (3.14), so who ends says before that we go. */
export function sessionEnd(session: Session): void {
  const socket = session.socket;
  if (session.state === CONNECTED && socket && !session.stream) socket.write(DISCONNECT);
  session.state = OFF;
  sessionDrop(session);
  session.counts[DROPPED] += session.outbox.length;
  session.outbox = [];
  session.inFlight = [];
  session.inbox = [];
  session.received = [];
}

/**
 * Welcomed by the broker: what it does not remember (`present` false) is forgotten here too, the rest is sent again.
 */
export function sessionResume(session: Session, present: boolean, now: number): void {
  if (!present) {
    session.received = [];
    session.inFlight = session.inFlight.filter(function (message) {
      return (message.flags & 6) > 0;
    });
  }
  for (const message of session.inFlight) message.flags |= AGAIN;
  session.granted = "";
  session.staleUntil = present ? now + STALE_MS : 0;
  enter(session, SUBSCRIBING, now);
}

/**
 * Keep-alive (3.1.2.10) and the three signs of a dead link: no answer to a ping or to a message, output that does not
 * leave.
 */
export function keepAlive(session: Session, now: number): void {
  const socket = session.socket,
    sent = Math.max(session.sentAt, session.lastPublish),
    half = session.keepAlive / 2;
  const oldest = session.inFlight.length ? session.inFlight[0].id : 0,
    quiet = now - Math.min(sent, session.heardAt);
  if (!socket) return;
  if (oldest !== session.oldest) {
    session.oldest = oldest;
    session.oldestAt = now;
  }
  if (!socket.dSnd) session.waitingSince = now;
  if (session.pingAt && now - session.pingAt > half) {
    fail(session, "ConnTimeout", "no answer to a ping", now);
  } else if (now - session.waitingSince > STALLED_MS || (session.stream && now - sent > STALLED_MS)) {
    fail(session, "ConnTimeout", "output is stuck", now);
  } else if (oldest && now - session.oldestAt > UNANSWERED_MS) {
    fail(session, "ConnTimeout", "no answer to a message", now);
  } else if (!session.pingAt && quiet > half && !session.stream) {
    socket.write(PINGREQ);
    session.sentAt = session.pingAt = now;
  }
  session.lookAt = now + (session.pingAt || socket.dSnd ? LOOK_SOON_MS : Math.min(half / 4, LOOK_MS));
}

/** What the broker did wrong, by a negative result of `sessionFeed`: error code and text. */
export function brokerFault(result: number): string[] {
  const names = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"];
  if (result === -2) return ["Failed", "the broker sent something that is not MQTT"];
  if (result === -4) return ["ConnTimeout", "the broker does not read"];
  return [
    "Failed",
    "the broker answered a message with " +
      names[(-result & 15) - 4] +
      " where " +
      names[(-result >> 4) - 4] +
      " is due",
  ];
}

/** Go to a state. */
export function sessionEnter(session: Session, state: number, now: number): void {
  enter(session, state, now);
}

/** What a broker did not answer, for a connection that took too long. */
export function sessionLate(session: Session, now: number): void {
  const what =
    session.state === SUBSCRIBING
      ? "no answer to SUBSCRIBE"
      : session.state === ANSWERING
        ? "no answer to CONNECT"
        : "no connection";
  fail(session, "ConnTimeout", what, now);
}

// What happens once a connection: CONNECT and SUBSCRIBE, and what the broker's answers mean (MQTT 3.1.1, 3.1, 3.2, 3.8,
// 3.9).

export interface ConnectOptions {
  clientId: string;
  user: string;
  pass: string;
  keepAlive: number;
  cleanSession: boolean;
  /** Last will: topic and payload, QoS 1, retained. */
  willTopic: string;
  willPayload: string;
}

function field(text: string): string {
  return String.fromCharCode(text.length >> 8, text.length & 255) + text;
}

function framed(first: string, body: string): string {
  return (
    first +
    (body.length < 128
      ? String.fromCharCode(body.length)
      : String.fromCharCode((body.length & 127) | 128, body.length >> 7)) +
    body
  );
}

/** CONNECT with a will; user and password only when given. All texts are UTF-8 bytes. */
export function connectPacket(options: ConnectOptions): string {
  const user = options.user !== "",
    pass = user && options.pass !== "";
  const flags = 0x2c | (options.cleanSession ? 2 : 0) | (user ? 0x80 : 0) | (pass ? 0x40 : 0);
  return framed(
    "\x10",
    "\x00\x04MQTT\x04" +
      String.fromCharCode(flags, options.keepAlive >> 8, options.keepAlive & 255) +
      field(options.clientId) +
      field(options.willTopic) +
      field(options.willPayload) +
      (user ? field(options.user) : "") +
      (pass ? field(options.pass) : ""),
  );
}

/** Topics that are subscribed, in the order of SUBACK's return codes. */
function topicsOf(session: Session): string[] {
  const topics = [session.base + "cmd", session.base + "cfg/set"];
  return session.others ? topics.concat(session.others.split("\n")) : topics;
}

/** SUBSCRIBE to the commands, to settings at QoS 1, and to the other topics at QoS 0. */
export function subscribePacket(session: Session, commandQos: number): string {
  const body = topicsOf(session).map(function (topic, i) {
    return field(topic) + String.fromCharCode(i === 0 ? commandQos : i === 1 ? 1 : 0);
  });
  return framed("\x82", String.fromCharCode(SUBSCRIBE_ID >> 8, SUBSCRIBE_ID & 255) + body.join(""));
}

/** A CONNACK longer than ours is one of MQTT 5; its reason code is added to this. */
const MQTT_5 = 512;

/**
 * What a CONNACK other than welcome means (table 3.1): error code, text, and the setting that is to blame. Some brokers
 * put the reason codes of MQTT 5 (3.2.2.2 there) into an answer of MQTT 3.1.1: 0x84 to 0x88 say what 1 to 5 say.
 */
export function refusal(result: number, broker: string): string[] {
  const reason = result & 255,
    code = reason >= 0x84 && reason <= 0x88 ? "\x01\x02\x04\x05\x03".charCodeAt(reason - 0x84) : reason,
    by = "broker " + broker;
  if (result >= MQTT_5) {
    const said = "0x" + (256 + reason).toString(16).substr(1);
    return ["Failed", by + " answered CONNECT in MQTT 5, with " + said + ": MQTT 3.1.1 is spoken here", "mqtt.port"];
  }
  if (code === 1) return ["Failed", by + ": protocol version refused, it does not speak MQTT 3.1.1", "mqtt.port"];
  if (code === 2) return ["Failed", by + " refuses the client id", "mqtt.client_id"];
  if (code === 3) return ["ConnRefused", by + " is unavailable", "mqtt.host"];
  if (code === 4) return ["BadCredentials", by + ": bad user name or password", "mqtt.pass"];
  if (code === 5) return ["NotAuthorized", by + ": not authorised", "mqtt.user"];
  return ["Failed", by + " answered CONNECT with " + code, "mqtt.host"];
}

/** Error code and text of SUBACK's return codes (3.9.3); no code when each topic was granted, at whatever QoS. */
export function subscribeRefusal(session: Session): string[] {
  const topics = topicsOf(session),
    granted = session.granted;
  if (granted.length !== topics.length) {
    return ["Failed", "broker answered SUBSCRIBE with " + granted.length + " codes for " + topics.length + " topics"];
  }
  for (let i = 0; i < topics.length; i++) {
    const code = granted.charCodeAt(i);
    if (code === 0x80) return ["NotAuthorized", "broker refuses the subscription to " + topics[i]];
    if (code > 2) return ["Failed", "broker answered the subscription to " + topics[i] + " with " + code];
  }
  return ["", ""];
}

// What the broker sends, taken apart (MQTT 3.1.1, chapters 2 to 4): bounded, whatever comes. Nothing here throws.

/**
 * Results beside the return code of a CONNACK: nothing to tell, no MQTT of ours, the broker does not read, SUBACK came.
 */
const NOTHING = -1,
  BROKEN = -2,
  DEAF = -4,
  GRANTED = 256,
  PRESENT = 257;
/** Told once a connection. */
const LOWER = "the broker answers QoS 2 with PUBACK, which counts as QoS 1";
/**
 * Bytes of answers that may wait in the socket, on top of publications; the largest packet that is kept whole; what may
 * wait for the inbox.
 */
const MOST_OWED = 4096,
  MOST_PACKET = MOST_PAYLOAD + MOST_TOPIC + 4,
  MOST_BACKLOG = 2048;

function two(text: string, at: number): number {
  return (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);
}

/**
 * Answer with a packet of two bytes; behind a message that is being sent in pieces. False: the broker does not read.
 */
function reply(session: Session, head: string, id: number): boolean {
  const packet = head + "\x02" + String.fromCharCode(id >> 8, id & 255),
    socket = session.socket;
  if (!socket || (socket.dSnd || "").length + session.owed.length > MOST_OWED) return false;
  if (session.stream) session.owed += packet;
  else socket.write(packet);
  return true;
}

/**
 * PUBACK (4), PUBREC (5), PUBCOMP (7) of a message in flight. Some brokers answer QoS 2 with PUBACK: they have the
 * message, once, so it counts as done at QoS 1. Any other wrong type leaves open who has what, and ends the connection.
 */
function acknowledged(session: Session, type: number, id: number): number {
  const at = session.inFlight.findIndex(function (one) {
      return one.id === id;
    }),
    message = session.inFlight[at];
  const wanted = !message ? 0 : message.flags & 2 ? 4 : message.flags & 4 ? 5 : 7;
  const lower = type === 4 && wanted === 5;
  if (message && type !== wanted && !lower && !(type === 5 && wanted === 7)) return -16 * wanted - type;
  if (message && type !== 5) session.inFlight.splice(at, 1);
  if (lower && session.errorMessage !== LOWER) {
    session.errors++;
    session.errorCode = "Failed";
    session.errorMessage = LOWER;
  }
  if (type !== 5) return NOTHING;
  if (type === wanted) {
    message.flags = 0; // from now on its PUBREL is what may have to be sent again
    message.topic = message.payload = "";
  }
  return reply(session, "\x62", id) ? NOTHING : DEAF;
}

/** Put a message where the task finds it. What nobody asked for is ignored. */
function deliver(session: Session, name: string, payload: string, flags: number, now: number): void {
  const topic = name.substr(0, session.base.length) === session.base ? name.substr(session.base.length) : "";
  const isOurs = topic === "cmd" || topic === "cfg/set",
    stale = isOurs && now < session.staleUntil ? STALE : 0;
  if (!isOurs && session.others.split("\n").indexOf(name) < 0) return;
  if (session.inbox.length >= MOST_INBOX) session.counts[RX_DROPPED]++;
  else session.inbox.push({ topic: isOurs ? topic : name, payload: payload, flags: flags | stale });
}

/** PUBLISH: `head` is its beginning with topic and packet id, `size` what it should be long. */
function published(session: Session, flags: number, head: string, size: number, now: number): number {
  const length = two(head, 0),
    qos = (flags >> 1) & 3,
    id = qos ? two(head, 2 + length) : 0,
    start = length + (qos ? 4 : 2);
  const tooLarge = size - start > MOST_PAYLOAD,
    payload = tooLarge ? "" : head.substr(start);
  const known = qos === 2 && session.received.indexOf(id) >= 0;
  if (qos === 3 || length === 0 || start > size || (qos && id === 0)) return BROKEN;
  if (qos === 2 && !known && session.received.push(id) > MOST_UNFINISHED) return BROKEN;
  if (tooLarge && !known) session.counts[OVERSIZE]++;
  if (!known) deliver(session, head.substr(2, length), payload, (flags & 7) | (tooLarge ? TOO_LARGE : 0), now);
  if (qos === 0) return NOTHING;
  return reply(session, qos === 1 ? "\x40" : "\x50", id) ? NOTHING : DEAF;
}

/** One whole packet, or of a PUBLISH that is too large the beginning. */
function take(session: Session, first: number, body: string, size: number, now: number): number {
  const type = first >> 4,
    flags = first & 15,
    id = two(body, 0),
    state = session.state;
  if (type === 2) {
    if (flags || size < 2 || state !== ANSWERING || body.charCodeAt(0) > 1) return BROKEN;
    if (size > 2) return MQTT_5 + (id & 255);
    return id === 256 ? PRESENT : id & 255;
  }
  if (state !== SUBSCRIBING && state !== CONNECTED) return BROKEN;
  if (type === 3) return published(session, flags, body, size, now);
  if (flags !== (type === 6 ? 2 : 0)) return BROKEN;
  if (type === 13 && size === 0) {
    session.pingAt = 0;
    return NOTHING;
  }
  if (type === 9 && size > 2 && state === SUBSCRIBING && id === SUBSCRIBE_ID) {
    session.granted = body.substr(2);
    return GRANTED;
  }
  if (state === CONNECTED && id === SUBSCRIBE_ID && ((type === 9 && size > 2) || (type === 11 && size === 2))) {
    // of a change of settings
    if (body.indexOf("\x80") < 2) return NOTHING;
    session.errors++;
    session.errorCode = "NotAuthorized";
    session.errorMessage = "broker refuses a subscription";
    return NOTHING;
  }
  if (type < 4 || type > 7 || size !== 2) return BROKEN;
  if (type !== 6) return acknowledged(session, type, id);
  session.received = session.received.filter(function (other) {
    return other !== id;
  });
  return reply(session, "\x70", id) ? NOTHING : DEAF;
}

/**
 * Received bytes. What is whole is taken: messages go to the inbox, answers to the socket; while the inbox is full, up
 * to 2 kB wait for the next call, and what is more is answered, counted and lost. The result is -1, or something to act
 * upon before the next call, which takes the rest: the return code of a CONNACK (257: welcome, and the broker has kept
 * the session; from 512 on: of MQTT 5), 256 for a SUBACK (its codes are in `granted`), -2 when the stream is no MQTT of
 * ours, -4 when the broker does not read, -16 x due - came (packet types) when a message was answered with the wrong
 * one.
 */
export function sessionFeed(session: Session, bytes: string, now: number): number {
  const rx = session.rx + bytes;
  let at = Math.min(session.skip, rx.length),
    result = NOTHING,
    size = 0,
    head = 1,
    digit = 128,
    need = 0;
  session.skip -= at;
  while (result === NOTHING && rx.length >= at + 2) {
    size = 0;
    head = 1;
    digit = 128;
    while (digit > 127 && head < 5 && at + head < rx.length) {
      digit = rx.charCodeAt(at + head);
      size += (digit & 127) << (7 * (head - 1));
      head++;
    }
    if (digit > 127 && head < 5) break;
    need = size;
    if (size > MOST_PACKET && rx.length >= at + head + 2) need = two(rx, at + head) + 4;
    const first = rx.charCodeAt(at),
      isForeign = session.state === ANSWERING && first !== 0x20;
    if (digit > 127 || isForeign || (size > MOST_PACKET && (first >> 4 !== 3 || need > MOST_TOPIC + 4)))
      result = BROKEN;
    else if (
      rx.length < at + head + need ||
      (first >> 4 === 3 && session.inbox.length >= MOST_INBOX && rx.length - at <= MOST_BACKLOG)
    )
      break;
    else result = take(session, first, rx.substr(at + head, need), size, now);
    at += head + size;
    if (result < NOTHING) at = rx.length;
  }
  session.skip += Math.max(at - rx.length, 0);
  session.rx = rx.substr(at);
  return result;
}

// A message longer than memory: its length is announced first, then it goes out in pieces over many steps. Until the
// last piece nothing else may stand between them, so publications wait and answers are kept back. A connection that
// ends meanwhile takes the message with it; who streams begins anew.

function varint(size: number): string {
  return size < 128 ? String.fromCharCode(size) : String.fromCharCode((size & 127) | 128) + varint2(size >> 7);
}

function varint2(size: number): string {
  return size < 128 ? String.fromCharCode(size) : String.fromCharCode((size & 127) | 128, size >> 7);
}

/** Begin a message of `size` bytes (up to 2 MB) to any topic; flags: QoS 0 or 1, retain. False: not now. */
export function streamBegin(session: Session, topic: string, size: number, flags: number, now: number): boolean {
  const socket = session.free,
    id = session.nextId;
  if (!socket || session.state !== CONNECTED || (socket.dSnd || "").length > MOST_WAITING) return false;
  const head = field(topic) + (flags & 2 ? String.fromCharCode(id >> 8, id & 255) : "");
  if (flags & 2) session.nextId = id < LAST_ID ? id + 1 : 1;
  socket.write(String.fromCharCode(0x30 | (flags & 3)) + varint(head.length + size) + head);
  session.stream = size;
  session.free = size ? null : socket;
  session.lastPublish = now;
  session.published++;
  return true;
}

/** The next piece. False: no room yet, or no message under way (`session.stream` is then 0: begin anew). */
export function streamPiece(session: Session, piece: string, now: number): boolean {
  const socket = session.socket;
  if (!socket || !session.stream || piece.length > session.stream || (socket.dSnd || "").length > MOST_WAITING)
    return false;
  session.stream -= piece.length;
  socket.write(session.stream ? piece : piece + session.owed);
  if (!session.stream) session.owed = "";
  session.sentAt = now;
  return true;
}

// How a session stands, for people.

/** The state in a word. */
export function stateWord(session: Session): string {
  const state = session.state;
  if (state === OFF) return "off";
  if (state === WAITING) return "waiting";
  if (state === LOOKING_UP) return "resolving";
  return state === CONNECTED ? "connected" : "connecting";
}

/** How long it is until the next try, ms; null when none is waited for. */
export function untilNextTry(session: Session, now: number): number | null {
  return session.state === WAITING ? Math.max(Math.round(session.retryAt - now), 0) : null;
}
