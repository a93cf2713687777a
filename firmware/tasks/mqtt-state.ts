// What the MQTT task keeps between its steps.
import type { Limits } from "../battery/limits";
import type { Snapshot } from "../battery/snapshot";
import type { Samples } from "../kernel/samples";
import type { Task } from "../kernel/tasks";
import type { Discovery } from "../mqtt/discovery";
import type { Due } from "../mqtt/due";
import type { Totals } from "../mqtt/energy-totals.cold";
import type { Day } from "../mqtt/messages";
import type { Session } from "../mqtt/session";
import type { App } from "./app";
import type { CanTask } from "./can";

/** The broker closed the socket: said in the place of a code of its. */
export const LEFT = -5;

/** Limits and state are sent again after this long, ms. */
export const REFRESH_MS = 10000;
/** What is rare waits until no more messages than these wait for their answer: both take memory. */
export const FEW_IN_FLIGHT = 2;

/** Families of rare topics: alarms, GX, periodic, those of a connection, slow, mirror. */
export const FAMILIES = 6;

/** An alarm that was published: number, severity then (-1: to be sent again), acknowledged by a person, when it came (ms). */
export interface AlarmShown { id: number; level: number; acked: number; at: number }

/** What is known of the rare topics (tasks/mqtt-topics*.ts). */
export interface Rare extends Day {
  /** When each family of topics is due (ms), the most urgent first, and where its round stands. */
  due: Float64Array; place: Uint8Array;
  /** Flags of PUBLISH by class (mqtt/topics.ts). */
  flags: Uint8Array;
  /** What the GX topics said last: values in their last decimal, then levels of alarms; Infinity: nothing yet. */
  gx: Float32Array;
  /** Alarms that are out, whether the summary is not, and how many numbers a former life of the device may have left retained. */
  alarms: AlarmShown[]; summary: boolean; leftovers: number;
  /** What the alarms of the GX topics were made of when all of them were out. */
  levels: string;
  /** What else must be said at once: phase, permissions, GX, status. */
  key: number;
  /** The round of periodic topics is a short one; number of runtime messages, messages published then. */
  odd: boolean; count: number; published: number;
  /** Words of the slow groups that were published last, place in the table of the one under way; the address then. */
  groups: (Uint16Array | null)[]; from: number; ip: string;
  /** Day and month totals, null until the first day is known. */
  totals: Totals | null;
  /** The mirror for a GX, null while it is off. */
  mirror: Mirror | null;
}

/** Settings mqtt.root_topic (with a slash behind it, "" for the usual topics) and mqtt.verbose. */
export interface RegisterStyle { root: string; verbose: boolean }

/** Base of the mirror's topics ("" off), what they said last, place in a round, when all are sent again (ms); topic of the JSON ("" off),
 *  when it is due. */
export interface Mirror { base: string; sent: Float32Array; place: number; allAt: number; json: string; jsonAt: number }

export interface MqttTask {
  session: Session; snapshot: Snapshot; limits: Limits; samples: Samples; due: Due; can: CanTask; app: App;
  /** Raw words of the groups as they came last: the newest sample, the cells, the settings. */
  raw: (Uint16Array | null)[];
  /** Settings: on or off, shortest period of telemetry, heartbeat, flags of register messages and of limits. */
  enabled: boolean; shortest: number; heartbeat: number; registerFlags: number; limitsFlags: number;
  /** How register messages go out, null: as usual, all with the same flags. */
  style: RegisterStyle | null;
  /** For CONNECT: time-out, client id, clean session; user and password are read from the settings of the app when they are needed. */
  timeout: number; clientId: string; cleanSession: boolean;
  /** The socket is open: resident, because the socket keeps it. */
  opened(): void;
  /** Bytes of the broker; "" to look again at what waits. */
  heard(bytes: string): void;
  /** When the last heartbeat, state and limits went out, the limits then, and whether the battery was there. */
  heartbeatAt: number; stateAt: number; limitsAt: number; limitsSum: number; online: number;
  /** Errors of the session that were put into the log. */
  errorsSaid: number;
  /** A sample came since the last state message; time of the limits and the phase that were looked at last. */
  fresh: boolean; limitsSeen: number; phaseSeen: number;
  /** When the next rare topic is due (ms). */
  rareAt: number; rare: Rare;
  /** Names of the compact state, and what they are for. */
  names: string[]; namesSum: number;
  /** What Home Assistant is told. */
  discovery: Discovery;
  task: Task;
}
