// The rare moments of a session: it fails, ends, begins, is kept alive (MQTT 3.1.1, chapters 3 and 4).
import { AGAIN, ANSWERING, CONNECTED, DROPPED, OFF, SUBSCRIBING, WAITING, type Session } from "./session";

/** 3.12 and 3.14. */
const PINGREQ = "\xc0\x00", DISCONNECT = "\xe0\x00";
/** A socket whose output does not shrink for this long is dead, and a broker that leaves a message unanswered; longest time between looks; ms. */
const STALLED_MS = 20000, UNANSWERED_MS = 60000, LOOK_MS = 5000, LOOK_SOON_MS = 1000;
/** Messages that a broker kept for us come within this after CONNACK (decisions.md 21), ms. */
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

/** Welcomed by the broker: what it does not remember (`present` false) is forgotten here too, the rest is sent again. */
export function sessionResume(session: Session, present: boolean, now: number): void {
  if (!present) {
    session.received = [];
    session.inFlight = session.inFlight.filter(function (message) { return (message.flags & 6) > 0; });
  }
  for (const message of session.inFlight) message.flags |= AGAIN;
  session.granted = "";
  session.staleUntil = present ? now + STALE_MS : 0;
  enter(session, SUBSCRIBING, now);
}

/** Keep-alive (3.1.2.10) and the three signs of a dead link: no answer to a ping or to a message, output that does not leave. */
export function keepAlive(session: Session, now: number): void {
  const socket = session.socket, sent = Math.max(session.sentAt, session.lastPublish), half = session.keepAlive / 2;
  const oldest = session.inFlight.length ? session.inFlight[0].id : 0, quiet = now - Math.min(sent, session.heardAt);
  if (!socket) return;
  if (oldest !== session.oldest) {
    session.oldest = oldest;
    session.oldestAt = now;
  }
  if (!socket.dSnd) session.waitingSince = now;
  if (session.pingAt && now - session.pingAt > half) {
    fail(session, "ConnTimeout", "no answer to a ping", now);
  } else if (now - session.waitingSince > STALLED_MS || session.stream && now - sent > STALLED_MS) {
    fail(session, "ConnTimeout", "output is stuck", now);
  } else if (oldest && now - session.oldestAt > UNANSWERED_MS) {
    fail(session, "ConnTimeout", "no answer to a message", now);
  } else if (!session.pingAt && quiet > half && !session.stream) {
    socket.write(PINGREQ);
    session.sentAt = session.pingAt = now;
  }
  session.lookAt = now + (session.pingAt || socket.dSnd ? LOOK_SOON_MS : Math.min(half / 4, LOOK_MS));
}

/** Go to a state. */
export function sessionEnter(session: Session, state: number, now: number): void {
  enter(session, state, now);
}

/** What a broker did not answer, for a connection that took too long. */
export function sessionLate(session: Session, now: number): void {
  const what = session.state === SUBSCRIBING ? "no answer to SUBSCRIBE" : session.state === ANSWERING ? "no answer to CONNECT" : "no connection";
  fail(session, "ConnTimeout", what, now);
}
