// What the broker sends, taken apart (MQTT 3.1.1, chapters 2 to 4): bounded, whatever comes. Nothing here throws.
import { ANSWERING, CONNECTED, MOST_INBOX, MOST_PAYLOAD, MOST_TOPIC, MOST_UNFINISHED, OVERSIZE, RX_DROPPED, STALE, SUBSCRIBE_ID, SUBSCRIBING,
  TOO_LARGE, type Session } from "./session";

/** Results beside the return code of a CONNACK: nothing to tell, no MQTT of ours, the broker does not read, SUBACK came. */
const NOTHING = -1, BROKEN = -2, DEAF = -4, GRANTED = 256, PRESENT = 257;
/** Bytes of answers that may wait in the socket, on top of publications; the largest packet that is kept whole; what may wait for the inbox. */
const MOST_OWED = 4096, MOST_PACKET = MOST_PAYLOAD + MOST_TOPIC + 4, MOST_BACKLOG = 2048;

function two(text: string, at: number): number {
  return text.charCodeAt(at) << 8 | text.charCodeAt(at + 1);
}

/** Answer with a packet of two bytes; behind a message that is being sent in pieces. False: the broker does not read. */
function reply(session: Session, head: string, id: number): boolean {
  const packet = head + "\x02" + String.fromCharCode(id >> 8, id & 255), socket = session.socket;
  if (!socket || (socket.dSnd || "").length + session.owed.length > MOST_OWED) return false;
  if (session.stream) session.owed += packet;
  else socket.write(packet);
  return true;
}

/** PUBACK (4), PUBREC (5), PUBCOMP (7) of a message in flight. */
function acknowledged(session: Session, type: number, id: number): number {
  const at = session.inFlight.findIndex(function (one) { return one.id === id; }), message = session.inFlight[at];
  const wanted = !message ? 0 : message.flags & 2 ? 4 : message.flags & 4 ? 5 : 7;
  if (message && type === wanted && type !== 5) session.inFlight.splice(at, 1);
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
  const isOurs = topic === "cmd" || topic === "cfg/set", stale = isOurs && now < session.staleUntil ? STALE : 0;
  if (!isOurs && session.others.split("\n").indexOf(name) < 0) return;
  if (session.inbox.length >= MOST_INBOX) session.counts[RX_DROPPED]++;
  else session.inbox.push({ topic: isOurs ? topic : name, payload: payload, flags: flags | stale });
}

/** PUBLISH: `head` is its beginning with topic and packet id, `size` what it should be long. */
function published(session: Session, flags: number, head: string, size: number, now: number): number {
  const length = two(head, 0), qos = flags >> 1 & 3, id = qos ? two(head, 2 + length) : 0, start = length + (qos ? 4 : 2);
  const tooLarge = size - start > MOST_PAYLOAD, payload = tooLarge ? "" : head.substr(start);
  const known = qos === 2 && session.received.indexOf(id) >= 0;
  if (qos === 3 || length === 0 || start > size || qos && id === 0) return BROKEN;
  if (qos === 2 && !known && session.received.push(id) > MOST_UNFINISHED) return BROKEN;
  if (tooLarge && !known) session.counts[OVERSIZE]++;
  if (!known) deliver(session, head.substr(2, length), payload, flags & 7 | (tooLarge ? TOO_LARGE : 0), now);
  if (qos === 0) return NOTHING;
  return reply(session, qos === 1 ? "\x40" : "\x50", id) ? NOTHING : DEAF;
}

/** One whole packet, or of a PUBLISH that is too large the beginning. */
function take(session: Session, first: number, body: string, size: number, now: number): number {
  const type = first >> 4, flags = first & 15, id = two(body, 0), state = session.state;
  if (type === 2) {
    if (flags || size !== 2 || state !== ANSWERING || body.charCodeAt(0) > 1) return BROKEN;
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
  if (state === CONNECTED && id === SUBSCRIBE_ID && (type === 9 && size > 2 || type === 11 && size === 2)) { // of a change of settings
    if (body.indexOf("\x80") < 2) return NOTHING;
    session.errors++;
    session.errorCode = "NotAuthorized";
    session.errorMessage = "broker refuses a subscription";
    return NOTHING;
  }
  if (type < 4 || type > 7 || size !== 2) return BROKEN;
  if (type !== 6) return acknowledged(session, type, id);
  session.received = session.received.filter(function (other) { return other !== id; });
  return reply(session, "\x70", id) ? NOTHING : DEAF;
}

/**
 * Received bytes. What is whole is taken: messages go to the inbox, answers to the socket; while the inbox is full, up to 2 kB wait
 * for the next call, and what is more is answered, counted and lost. The result is -1, or something to
 * act upon before the next call, which takes the rest: the return code of a CONNACK (257: welcome, and the broker has kept the
 * session), 256 for a SUBACK (its codes are in `granted`), -2 when the stream is no MQTT of ours, -4 when the broker does not read.
 */
export function sessionFeed(session: Session, bytes: string, now: number): number {
  const rx = session.rx + bytes;
  let at = Math.min(session.skip, rx.length), result = NOTHING, size = 0, head = 1, digit = 128, need = 0;
  session.skip -= at;
  while (result === NOTHING && rx.length >= at + 2) {
    size = 0;
    head = 1;
    digit = 128;
    while (digit > 127 && head < 5 && at + head < rx.length) {
      digit = rx.charCodeAt(at + head);
      size += (digit & 127) << 7 * (head - 1);
      head++;
    }
    if (digit > 127 && head < 5) break;
    need = size;
    if (size > MOST_PACKET && rx.length >= at + head + 2) need = two(rx, at + head) + 4;
    const first = rx.charCodeAt(at), isForeign = session.state === ANSWERING && first !== 0x20;
    if (digit > 127 || isForeign || size > MOST_PACKET && (first >> 4 !== 3 || need > MOST_TOPIC + 4)) result = BROKEN;
    else if (rx.length < at + head + need || first >> 4 === 3 && session.inbox.length >= MOST_INBOX && rx.length - at <= MOST_BACKLOG) break;
    else result = take(session, first, rx.substr(at + head, need), size, now);
    at += head + size;
    if (result === BROKEN) at = rx.length;
  }
  session.skip += Math.max(at - rx.length, 0);
  session.rx = rx.substr(at);
  return result;
}
