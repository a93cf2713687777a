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

/** What is used for each message comes first: the interpreter finds a member by going through those before it. */
export interface Session {
  state: number;
  socket: Socket | null;
  /** `<base>/<device>/` */
  base: string;
  /** When something was last sent, the messages handed to the socket, and when the last of them was. */
  sentAt: number; published: number; lastPublish: number;
  inFlight: InFlight[];
  nextId: number;
  /** When the last unanswered ping went out (0: none), since when output waits. */
  pingAt: number; waitingSince: number;
  /** Settings: broker (cached address), times in ms. */
  host: string; port: number; keepAlive: number; ping: boolean;
  ip: string;
  rx: string;
  /** The broker had kept a session (3.2.2.2). */
  present: boolean;
  /** When the state began. */
  since: number;
  /** Back-off: first, largest and present wait, when the next try is due. */
  backOffFirst: number; backOffMost: number; backOff: number; retryAt: number;
  /** Messages refused for want of room, errors of the connection, longest time that connecting blocked. */
  failed: number; errors: number; blockedMost: number;
  errorCode: string; errorMessage: string;
}

export function sessionOf(): Session {
  return { state: OFF, socket: null, base: "", sentAt: 0, published: 0, lastPublish: 0, inFlight: [], nextId: 1, pingAt: 0, waitingSince: 0,
    host: "", port: 1883, keepAlive: 30000, ping: true, ip: "", rx: "", present: false, since: 0, backOffFirst: 5000, backOffMost: 60000,
    backOff: 5000, retryAt: 0, failed: 0, errors: 0, blockedMost: 0, errorCode: "", errorMessage: "" };
}

/** Publish below the base topic; false, and counted, when there is no connection or no room. Flags: QoS x 2, retain 1. */
export function publish(session: Session, suffix: string, payload: string, flags: number, now: number): boolean {
  const socket = session.socket, topic = session.base + suffix;
  let id = 0;
  if (!socket || session.state !== CONNECTED || (socket.dSnd || "").length > MOST_WAITING
    || flags & 6 && session.inFlight.length >= MOST_IN_FLIGHT) {
    session.failed++;
    return false;
  }
  if (flags & 6) {
    id = session.nextId;
    session.nextId = id < 65535 ? id + 1 : 1;
    session.inFlight.push({ id: id, topic: topic, payload: payload, flags: flags });
  }
  socket.write(publishPacket(topic, payload, flags, id));
  session.sentAt = session.lastPublish = now;
  session.published++;
  return true;
}
