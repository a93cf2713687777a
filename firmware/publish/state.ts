// What the MQTT task keeps between its steps.

import type { Needs } from "./needs";
import type { Snapshot } from "../battery/snapshot";
import type { Limits } from "../charge/limits";
import type { Samples } from "../kernel/samples";
import type { Task } from "../kernel/tasks";
import type { Session } from "../mqtt/session";
import type { CanTask } from "../victron/task";
import type { Due } from "./due";
import type { Totals } from "./energy.cold";
import type { Day } from "./messages";

/** The broker closed the socket: said in the place of a code of its. */
export const LEFT = -5;

/** An echo that is older than this is no proof of a network, ms. */
export const FRESH_MS = 3000;
/** After a periodic 0x351 a connect, which may block everything, may begin for this long, ms. */
export const AFTER_GRID_MS = 220;
/** Without a CAN frame for this long any moment is good, ms. */
export const NO_GRID_MS = 1500;

/** Limits and state are sent again after this long, ms. */
export const REFRESH_MS = 10000;
/** What is rare waits until no more messages than these wait for their answer: both take memory. */
export const FEW_IN_FLIGHT = 2;

/** Places in what `stateNames` gives: name of the status. */
export const NAME_STATUS = 0;
/** Name of the reason of the limits. */
export const NAME_REASON = 1;
/** Name of the phase. */
export const NAME_PHASE = 2;
/** JSON members: energy in the battery, and the time that it lasts. */
export const MEMBERS_ENERGY = 3;

/** Places in a message that is ready: suffix of the topic. */
export const SUFFIX = 0;
/** Payload. */
export const PAYLOAD = 1;
/** Class of a GX topic, a digit. */
export const CLASS = 2;

/** Places in what `groupMessage` gives: where to go on in the table, -1 at its end. */
export const GROUP_NEXT = 0;
/** Suffix below rt/reg. */
export const GROUP_SUFFIX = 1;
/** Payload. */
export const GROUP_PAYLOAD = 2;
/** Whether it carries text. */
export const GROUP_IS_TEXT = 3;

/** Places in what `connectFault` gives: code of the error. */
export const FAULT_CODE = 0;
/** Text of the error. */
export const FAULT_TEXT = 1;

/**
 * An alarm that was published: number, severity then (-1: to be sent again), acknowledged by a person, when it came
 * (ms).
 */
export interface AlarmShown {
  id: number;
  level: number;
  acked: number;
  at: number;
}

/** What has changed when a round began: `count` rows and their values, and what closes their messages. */
export interface Round {
  count: number;
  rows: Uint8Array;
  values: Float32Array;
  tail: string;
}

/** What is known of the rare topics (topics.cold.ts and its neighbours). */
export interface Rare extends Day {
  /** When each family of topics is due (ms); places are FAMILY_... of topics.baked.ts, the most urgent first. */
  due: Float64Array;
  /** Where the round of each family stands. */
  place: Uint8Array;
  /** Flags of PUBLISH by class (tables/topics.ts). */
  flags: Uint8Array;
  /** What the GX topics said last: values in their last decimal, then levels of alarms; Infinity: nothing yet. */
  gx: Float32Array;
  /** What rt/io said last: 1, 0, NaN for unknown, Infinity: nothing yet; null while it is off. */
  io: Float32Array | null;
  /** The round of the GX topics that is under way. */
  round: Round | null;
  /** Alarms that are out, whether the summary is not, whether it was of a battery that is known, and
   * how many numbers a former life of the device may have left retained. */
  alarms: AlarmShown[];
  summary: boolean;
  known: boolean;
  leftovers: number;
  /** What the alarms of the GX topics were made of when all of them were out. */
  levels: string;
  /** What else must be said at once: phase, permissions, GX, status. */
  key: number;
  /** The round of periodic topics is a short one; number of runtime messages, messages published then. */
  odd: boolean;
  count: number;
  published: number;
  /** Words of the slow groups that were published last, place in the table of the one under way; the address then. */
  groups: (Uint16Array | null)[];
  from: number;
  ip: string;
  /** Day and month totals, null until the first day is known. */
  totals: Totals | null;
  /** The mirror for a GX, null while it is off. */
  mirror: Mirror | null;
}

/** Settings mqtt.root_topic (with a slash behind it, "" for the usual topics) and mqtt.verbose. */
export interface RegisterStyle {
  root: string;
  verbose: boolean;
}

/**
 * Base of the mirror's topics ("" off), what they said last, place in a round, when all are sent again (ms); topic of
 * the JSON ("" off), when it is due, phase that it told last; voltage, power and SoC as they were known last.
 */
export interface Mirror {
  base: string;
  sent: Float32Array;
  place: number;
  allAt: number;
  json: string;
  jsonAt: number;
  jsonPhase: number;
  last: Float64Array;
}

export interface MqttTask {
  session: Session;
  snapshot: Snapshot;
  limits: Limits;
  samples: Samples;
  due: Due;
  can: CanTask;
  needs: Needs;
  /** Raw words of the poll groups as they came last; places are those of bms/places.ts. */
  raw: (Uint16Array | null)[];
  /** Settings: on or off, shortest period of telemetry, heartbeat, flags of register messages and of limits. */
  enabled: boolean;
  shortest: number;
  heartbeat: number;
  registerFlags: number;
  limitsFlags: number;
  /** How register messages go out, null: as usual, all with the same flags. */
  style: RegisterStyle | null;
  /**
   * For CONNECT: time-out, client id, clean session; user and password are read from the settings when they are needed.
   */
  timeout: number;
  clientId: string;
  cleanSession: boolean;
  /** The socket is open: resident, because the socket keeps it. */
  opened(): void;
  /** Bytes of the broker; "" to look again at what waits. */
  heard(bytes: string): void;
  /** When the last heartbeat, state and limits went out, the limits then, and whether the battery was there. */
  heartbeatAt: number;
  stateAt: number;
  limitsAt: number;
  limitsSum: number;
  online: number;
  /** Errors of the session that were put into the log. */
  errorsSaid: number;
  /** A sample came since the last state message; time of the limits and the phase that were looked at last. */
  fresh: boolean;
  /** The newest sample has not been told yet by what follows the poll. */
  isNew: boolean;
  /** The last step was a message of the inbox. */
  hasTaken: boolean;
  limitsSeen: number;
  phaseSeen: number;
  /** When the next rare topic is due (ms). */
  rareAt: number;
  /** When registers are looked at next (ms). */
  registersAt: number;
  rare: Rare;
  /** Names of the compact state, and what they are for. */
  names: string[];
  namesSum: number;
  /** What Home Assistant is told. */
  discovery: Discovery;
  task: Task;
}

// What Home Assistant's discovery keeps between its steps: what is to be sent, and how far the message that is counted
// or sent just now has come. What the message is made of stays as it was when counting began, or its length would be
// wrong.

/** Bit of the payload that tells of the gateway. */
export const GATEWAY = 1;
/** Bit of the payload that tells of the battery. */
export const BATTERY = 2;
/** In place of a line of the image's text: before the head of the message. */
export const HEAD = -1;
/** In place of a line: behind the end of the message. */
export const DONE = -2;

export interface Discovery {
  /** When something is due (ms): the task looks at this alone. */
  at: number;
  /** The settings are to be read anew; first levels of the topics ("" when off), and those that are to be emptied. */
  reread: boolean;
  prefix: string;
  clear: string;
  /** The connection on which it was begun (its time). */
  since: number;
  /** Payloads to send, not before (ms), and those of them that first tell which components are gone. */
  todo: number;
  todoAt: number;
  gone: number;
  /** The payload that is counted or sent, 0 for none; its bytes; whether it is being sent. */
  work: number;
  bytes: number;
  sending: boolean;
  /** The next line of the text (or HEAD, DONE), the last cell that was told, and whether a component stands before. */
  line: number;
  cell: number;
  comma: boolean;
  /** Made of: cells, level of the commands (0 none, 1 safe, 2 all), largest currents, address of the device's page. */
  cells: number;
  level: number;
  cclMax: number;
  dclMax: number;
  url: string;
  /** Cells and level that Home Assistant was told last. */
  toldCells: number;
  toldLevel: number;
}
