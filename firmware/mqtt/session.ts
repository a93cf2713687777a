// What an MQTT session is: its states, the bounds of everything it keeps, and every counter of it.
import type { Socket } from "../kernel/ports";

/** States in the order in which a connection passes them. */
export const OFF = 0,
  WAITING = 1,
  LOOKING_UP = 2,
  PINGING = 3,
  READY = 4,
  OPENING = 5,
  ANSWERING = 6,
  SUBSCRIBING = 7,
  CONNECTED = 8;

/** Flags of a publication: QoS x 2, retain and DUP as they stand in the packet (3.3.1). */
export const RETAIN = 1,
  QOS1 = 2,
  QOS2 = 4,
  DUP = 8;
/**
 * Flags of a publication that stay here: they stand where the first byte of a PUBLISH has ones anyway. CRITICAL is sent
 * before all others and never makes room for them. TELEMETRY makes room for all others. Both, and what is retained, are
 * replaced by a newer message of the same topic while they wait. What has neither is queued in its order if it has a
 * QoS, else refused.
 */
export const CRITICAL = 16,
  TELEMETRY = 32;
/** Packet id of SUBSCRIBE, and the largest of a publication. */
export const SUBSCRIBE_ID = 65535,
  LAST_ID = 65534;
/** In flight, to be sent again on this connection. */
export const AGAIN = 64;

/** Bytes that may wait in the socket before publications are put off, and messages of QoS 1 and 2 in flight. */
export const MOST_WAITING = 2048,
  MOST_IN_FLIGHT = 4;
/** Messages that wait for room, their bytes, and how many of them may be telemetry. */
export const MOST_QUEUED = 8,
  MOST_QUEUED_BYTES = 2048,
  MOST_TELEMETRY = 4;
/** Received messages that wait for the task; received and unfinished ones of QoS 2. */
export const MOST_INBOX = 8,
  MOST_UNFINISHED = 32;
/** Longest payload and topic that are taken. */
export const MOST_PAYLOAD = 1024,
  MOST_TOPIC = 128;

/** A message on its way out. In flight, flags without a QoS mean that only its PUBREL is unanswered (4.3.3). */
export interface Outgoing {
  id: number;
  topic: string;
  payload: string;
  flags: number;
}

/** A received message; the topic is without the base. Flags: QoS x 2, retain, and these two. */
export interface Incoming {
  topic: string;
  payload: string;
  flags: number;
}
/**
 * The payload was longer than MOST_PAYLOAD and is not here; the broker had kept the message for longer than this
 * connection.
 */
export const TOO_LARGE = 16,
  STALE = 32;

/**
 * Places in `counts`: messages that had to wait, that left from there, were displaced, replaced; received ones without
 * a place, too large, not JSON of an object; commands and settings that were allowed and failed.
 */
export const ENQUEUED = 0,
  DRAINED = 1,
  DROPPED = 2,
  COALESCED = 3,
  RX_DROPPED = 4,
  OVERSIZE = 5,
  PARSE_FAILED = 6,
  HANDLER_FAILED = 7;

/** What is used for each message comes first: the interpreter finds a member by going through those before it. */
export interface Session {
  /**
   * The socket while publications may go straight to it: connected, nothing waits before them. Else null, and
   * `publishTo` decides.
   */
  free: Socket | null;
  /** `<base>/<device>/` */
  base: string;
  /** When the last message was handed to the socket, and how many were. */
  lastPublish: number;
  published: number;
  /**
   * Oldest first. An id comes back after 65,534 others, and the link is given up long before that when one stays
   * unanswered.
   */
  inFlight: Outgoing[];
  nextId: number;
  state: number;
  socket: Socket | null;
  /**
   * When the link is looked at next, when something was last heard, when the last unanswered ping went out (0: none),
   * since when output waits.
   */
  lookAt: number;
  heardAt: number;
  pingAt: number;
  waitingSince: number;
  /**
   * When a ping or a piece of a long message was last sent; the oldest message in flight, and when it was first seen to
   * be that.
   */
  sentAt: number;
  oldest: number;
  oldestAt: number;
  outbox: Outgoing[];
  inbox: Incoming[];
  /** Packet ids of QoS 2 that the broker has not released yet. */
  received: number[];
  counts: Uint32Array;
  /** Received bytes of an unfinished packet, and bytes to ignore of one that is too large. */
  rx: string;
  skip: number;
  /** Bytes still missing of a message that is sent in pieces, and answers that wait for its end. */
  stream: number;
  owed: string;
  /** Settings: broker (cached address), encryption, times in ms. */
  host: string;
  port: number;
  tls: boolean;
  keepAlive: number;
  ping: boolean;
  ip: string;
  /**
   * QoS of the subscription to `cmd`, and what else is subscribed, a topic a line: Home Assistant's birth, the mirror's
   * keepalive.
   */
  commandQos: number;
  others: string;
  /** Return codes of SUBACK, one character each ("": none yet). */
  granted: string;
  /**
   * Until then received messages may be ones that the broker kept; whether the message that the task has in hand is one
   * of those.
   */
  staleUntil: number;
  stale: boolean;
  /** When the state began. */
  since: number;
  /** Back-off: first, largest and present wait, when the next try is due. */
  backOffFirst: number;
  backOffMost: number;
  backOff: number;
  retryAt: number;
  /** Messages refused for want of room, errors of the connection, longest time that connecting blocked. */
  failed: number;
  errors: number;
  blockedMost: number;
  errorCode: string;
  errorMessage: string;
}

/** A session that is off. Packet ids begin anywhere, because a broker may remember those of the last boot. */
export function sessionOf(): Session {
  return {
    free: null,
    base: "",
    lastPublish: 0,
    published: 0,
    inFlight: [],
    nextId: 1 + Math.floor(Math.random() * LAST_ID),
    state: OFF,
    socket: null,
    lookAt: 0,
    heardAt: 0,
    pingAt: 0,
    waitingSince: 0,
    sentAt: 0,
    oldest: 0,
    oldestAt: 0,
    outbox: [],
    inbox: [],
    received: [],
    counts: new Uint32Array(8),
    rx: "",
    skip: 0,
    stream: 0,
    owed: "",
    host: "",
    port: 1883,
    tls: false,
    keepAlive: 30000,
    ping: true,
    ip: "",
    commandQos: 0,
    others: "",
    granted: "",
    staleUntil: 0,
    stale: false,
    since: 0,
    backOffFirst: 5000,
    backOffMost: 60000,
    backOff: 5000,
    retryAt: 0,
    failed: 0,
    errors: 0,
    blockedMost: 0,
    errorCode: "",
    errorMessage: "",
  };
}
