// The outbox: what cannot go at once, bounded, in three ranks. admitted = published + dropped + coalesced + queued,
// where admitted is what `publish` said yes to: published - DRAINED + ENQUEUED.

import {
  AGAIN,
  COALESCED,
  CONNECTED,
  CRITICAL,
  DRAINED,
  DROPPED,
  DUP,
  ENQUEUED,
  LAST_ID,
  MOST_IN_FLIGHT,
  MOST_QUEUED,
  MOST_QUEUED_BYTES,
  MOST_TELEMETRY,
  MOST_WAITING,
  OFF,
  type Outgoing,
  QOS1,
  RETAIN,
  type Session,
  TELEMETRY,
} from "./session";

/** Publications of a step; length of PUBREL, the first byte of which is 0x62 (3.6). */
const MESSAGES = 8,
  PUBREL = "\x62\x02";

/** 2 critical, 1 the others, 0 telemetry. */
function rankOf(flags: number): number {
  return flags & CRITICAL ? 2 : flags & TELEMETRY ? 0 : 1;
}

/** Whether the socket takes more, and nobody is in the middle of a message. */
function hasRoom(session: Session): boolean {
  const socket = session.socket;
  return !!socket && session.state === CONNECTED && !session.stream && (socket.dSnd || "").length <= MOST_WAITING;
}

/** Hand a message to the socket; with a QoS it is in flight from then on. */
function transmit(session: Session, message: Outgoing, now: number): void {
  if (message.flags & 6) {
    message.id = session.nextId;
    session.nextId = message.id < LAST_ID ? message.id + 1 : 1;
    session.inFlight.push(message);
  }
  session.socket!.write(publishPacket(message.topic, message.payload, message.flags, message.id));
  session.lastPublish = now;
  session.published++;
}

function sendAgain(session: Session, message: Outgoing): void {
  message.flags &= ~AGAIN;
  if (message.flags & 6)
    session.socket!.write(publishPacket(message.topic, message.payload, (message.flags |= DUP), message.id));
  else session.socket!.write(PUBREL + String.fromCharCode(message.id >> 8, message.id & 255));
}

/** The first waiting message of the lowest rank, if that is below `rank`; else -1. */
function displaceable(outbox: Outgoing[], rank: number): number {
  let found = -1,
    lowest = rank;
  outbox.forEach(function (waiting, i) {
    if (rankOf(waiting.flags) < lowest) {
      lowest = rankOf(waiting.flags);
      found = i;
    }
  });
  return found;
}

function bytesOf(outbox: Outgoing[]): number {
  let bytes = 0;
  for (const waiting of outbox) bytes += waiting.payload.length;
  return bytes;
}

/** Keep a message until there is room: instead of an older one of its topic, at the cost of those of a lower rank. */
function enqueue(session: Session, message: Outgoing): boolean {
  const rank = rankOf(message.flags),
    isState = (message.flags & (CRITICAL | TELEMETRY | RETAIN)) > 0;
  const kept = session.outbox.filter(function (waiting) {
    return !isState || waiting.topic !== message.topic;
  });
  const replaced = session.outbox.length - kept.length,
    places = rank ? MOST_QUEUED : MOST_TELEMETRY;
  let victim = 0,
    dropped = 0;
  while (kept.length >= places || bytesOf(kept) + message.payload.length > MOST_QUEUED_BYTES) {
    victim = displaceable(kept, rank);
    if (victim < 0) return false;
    kept.splice(victim, 1);
    dropped++;
  }
  kept.push(message);
  session.outbox = kept;
  session.counts[COALESCED] += replaced;
  session.counts[DROPPED] += dropped;
  session.counts[ENQUEUED]++;
  return true;
}

/**
 * Publish to any topic; promises and flags as `publish`. A message of QoS 0 is never sent before a waiting one of its
 * topic; one with a QoS waits behind all that wait.
 */
export function publishTo(session: Session, topic: string, payload: string, flags: number, now: number): boolean {
  const message = { id: 0, topic: topic, payload: payload, flags: flags },
    outbox = session.outbox,
    room = hasRoom(session);
  const again = session.inFlight.some(function (one) {
    return (one.flags & AGAIN) > 0;
  });
  const blocked =
    flags & 6
      ? again || outbox.length > 0 || session.inFlight.length >= MOST_IN_FLIGHT
      : outbox.some(function (waiting) {
          return waiting.topic === topic;
        });
  if (room && !blocked) {
    if (!again && !outbox.length) session.free = session.socket;
    transmit(session, message, now);
    return true;
  }
  const waits = flags & CRITICAL || (flags & TELEMETRY ? session.state === CONNECTED : flags >= QOS1);
  if (session.state !== OFF && waits && enqueue(session, message)) {
    session.free = null;
    return true;
  }
  session.failed++;
  return false;
}

/**
 * Send what waits, at most 8 messages: first what the last connection left unanswered, in its order (4.4, 4.6), then by
 * rank. True when telemetry should wait for the next step.
 */
export function outboxDrain(session: Session, now: number): boolean {
  const outbox = session.outbox;
  let left = MESSAGES;
  if (session.stream) return true;
  for (const message of session.inFlight) {
    if (!(message.flags & AGAIN)) continue;
    if (!left || !hasRoom(session)) return true;
    sendAgain(session, message);
    left--;
  }
  while (left && outbox.length && hasRoom(session)) {
    const full = session.inFlight.length >= MOST_IN_FLIGHT;
    let next = -1;
    outbox.forEach(function (waiting, i) {
      if (!(full && waiting.flags & 6) && (next < 0 || rankOf(waiting.flags) > rankOf(outbox[next].flags))) next = i;
    });
    if (next < 0) break;
    transmit(session, outbox.splice(next, 1)[0], now);
    session.counts[DRAINED]++;
    left--;
  }
  if (!outbox.length && session.state === CONNECTED) session.free = session.socket;
  return left < MESSAGES;
}

/**
 * The connection ends on purpose behind this: what waits leaves now, however much is in flight, so that the answer to
 * the very change that ends it arrives. Telemetry may stay behind.
 */
export function outboxFlush(session: Session, now: number): void {
  if (!hasRoom(session)) return;
  session.outbox = session.outbox.filter(function (waiting) {
    if (waiting.flags & TELEMETRY) return true;
    transmit(session, waiting, now);
    session.counts[DRAINED]++;
    return false;
  });
}

// MQTT 3.1.1 packets as byte strings (OASIS standard, chapters 2 and 3). Lengths are bytes; a string of the interpreter
// is one.

/**
 * PUBLISH (3.3) of up to 16,383 bytes: flags are QoS x 2, retain 1, DUP 8; the packet id is sent for QoS 1 and 2 only.
 */
export function publishPacket(topic: string, payload: string, flags: number, id: number): string {
  const chars = String.fromCharCode,
    length = topic.length,
    body = flags & 6 ? chars(id >> 8, id & 255) + payload : payload;
  const size = 2 + length + body.length,
    first = 0x30 | flags;
  return (
    (size < 128 ? chars(first, size) : chars(first, (size & 127) | 128, size >> 7)) +
    chars(length >> 8, length & 255) +
    topic +
    body
  );
}
