// The rare moments of a session: it fails, ends, is kept alive, gets an answer, sends again (MQTT 3.1.1, chapters 3 and 4).
import { DISCONNECT, PINGREQ, publishPacket } from "./packet";
import { CONNECTED, OFF, WAITING, type Session } from "./session";

/** A socket whose output does not shrink for this long is dead; an answer to a ping takes at most this, ms. */
const STALLED_MS = 20000;

/** Close the socket without a word. */
function enter(session: Session, state: number, now: number): void {
  session.state = state;
  session.since = now;
}

function sessionDrop(session: Session): void {
  const socket = session.socket;
  session.socket = null;
  session.rx = "";
  session.pingAt = session.waitingSince = 0;
  if (socket) socket.end();
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

function acknowledge(session: Session, id: number): void {
  session.inFlight = session.inFlight.filter(function (message) { return message.id !== id; });
}

/** The connection is gone or a try failed: wait, longer each time, with 15 % of jitter. */
export function sessionFail(session: Session, code: string, message: string, now: number): void {
  fail(session, code, message, now);
}

/** End on purpose: the broker forgets the will (3.14). */
export function sessionEnd(session: Session): void {
  if (session.state === CONNECTED && session.socket) session.socket.write(DISCONNECT);
  sessionDrop(session);
  session.state = OFF;
}

/** Send again what the last connection left unanswered, as duplicates (4.4). */
export function resend(session: Session): void {
  for (const message of session.inFlight) {
    if (session.socket) session.socket.write(publishPacket(message.topic, message.payload, message.flags | 8, message.id));
  }
}

/** Keep-alive (3.1.2.10) and the two signs of a dead link: no answer to a ping, output that does not leave. */
export function keepAlive(session: Session, now: number): void {
  const socket = session.socket;
  if (!socket) return;
  if (!socket.dSnd) session.waitingSince = now;
  if (session.pingAt && now - session.pingAt > session.keepAlive / 2) {
    fail(session, "ConnTimeout", "no answer to a ping", now);
  } else if (now - session.waitingSince > STALLED_MS) {
    fail(session, "ConnTimeout", "output is stuck", now);
  } else if (!session.pingAt && now - session.sentAt > session.keepAlive / 2) {
    socket.write(PINGREQ);
    session.sentAt = session.pingAt = now;
  }
}

/** Received bytes. The return code of a CONNACK, -1 otherwise; -2 when the stream is no MQTT of ours. */
export function sessionFeed(session: Session, bytes: string): number {
  const rx = session.rx + bytes;
  let at = 0, size, type, answer = -1;
  while (rx.length >= at + 2) {
    type = rx.charCodeAt(at) >> 4;
    size = rx.charCodeAt(at + 1);
    if (size > 127 || type < 2 || type > 13) return -2;
    if (rx.length < at + 2 + size) break;
    if (type === 2) {
      answer = rx.charCodeAt(at + 3);
      session.present = (rx.charCodeAt(at + 2) & 1) > 0;
    } else if (type === 4) acknowledge(session, rx.charCodeAt(at + 2) << 8 | rx.charCodeAt(at + 3));
    else if (type === 13) session.pingAt = 0;
    at += 2 + size;
  }
  session.rx = rx.substr(at);
  return answer;
}

/** Go to a state. */
export function sessionEnter(session: Session, state: number, now: number): void {
  enter(session, state, now);
}
