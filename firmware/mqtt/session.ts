// The MQTT session: one connection, its state, what is in flight, and every counter of it. It decides; the task acts.
// MQTT 3.1.1 (OASIS), QoS 0 and 1 sent, nothing subscribed yet.
import type { Socket } from "../kernel/ports";
import { publishPacket } from "./packet";

/** States in the order in which a connection passes them. */
export const OFF = 0, WAITING = 1, LOOKING_UP = 2, PINGING = 3, READY = 4, OPENING = 5, ANSWERING = 6, CONNECTED = 7;
/** Bytes that may wait in the socket before publications are put off, and messages of QoS 1 in flight. */
const MOST_WAITING = 2048;
export const MOST_IN_FLIGHT = 4;
/** An unanswered QoS 1 message is sent again only on a new connection (4.4). */
export interface InFlight { id: number; topic: string; payload: string; flags: number }

export interface Session {
  state: number;
  /** Settings: broker (cached address), times in ms, `<base>/<device>/`. */
  host: string; port: number; keepAlive: number; ping: boolean; base: string;
  ip: string;
  socket: Socket | null;
  rx: string;
  nextId: number;
  inFlight: InFlight[];
  /** When the state began, when something was last sent, when the last unanswered ping went out (0: none), since when output waits. */
  since: number; sentAt: number; pingAt: number; waitingSince: number;
  /** Back-off: first, largest and present wait, when the next try is due. */
  backOffFirst: number; backOffMost: number; backOff: number; retryAt: number;
  /** Messages handed to the socket, refused for want of room, errors of the connection, longest time that connecting blocked. */
  published: number; failed: number; errors: number; blockedMost: number;
  lastPublish: number;
  errorCode: string; errorMessage: string;
}

export function sessionOf(): Session {
  return { state: OFF, host: "", port: 1883, keepAlive: 30000, ping: true, base: "", ip: "", socket: null, rx: "", nextId: 1, inFlight: [],
    since: 0, sentAt: 0, pingAt: 0, waitingSince: 0, backOffFirst: 5000, backOffMost: 60000, backOff: 5000, retryAt: 0,
    published: 0, failed: 0, errors: 0, blockedMost: 0, lastPublish: 0, errorCode: "", errorMessage: "" };
}

/** Publish below the base topic; false, and counted, when there is no connection or no room. Flags: QoS x 2, retain 1. */
export function publish(session: Session, suffix: string, payload: string, flags: number, now: number): boolean {
  const socket = session.socket;
  let id = 0;
  if (session.state !== CONNECTED || !socket || socket.dSnd && socket.dSnd.length > MOST_WAITING
    || flags & 6 && session.inFlight.length >= MOST_IN_FLIGHT) {
    session.failed++;
    return false;
  }
  if (flags & 6) {
    id = session.nextId;
    session.nextId = id < 65535 ? id + 1 : 1;
    session.inFlight.push({ id: id, topic: session.base + suffix, payload: payload, flags: flags });
  }
  socket.write(publishPacket(session.base + suffix, payload, flags, id));
  session.sentAt = now;
  session.lastPublish = now;
  session.published++;
  return true;
}
