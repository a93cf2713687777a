// What the MQTT task keeps between its steps.
import type { Limits } from "../battery/limits";
import type { Snapshot } from "../battery/snapshot";
import type { Samples } from "../kernel/samples";
import type { Task } from "../kernel/tasks";
import type { Discovery } from "../mqtt/discovery";
import type { Due } from "../mqtt/due";
import type { Session } from "../mqtt/session";
import type { App } from "./app";
import type { CanTask } from "./can";

/** The broker closed the socket: said in the place of a code of its. */
export const LEFT = -5;

/** Flags of PUBLISH; limits and state are sent again after this long, ms. */
export const QOS1 = 2, RETAIN = 1, REFRESH_MS = 10000;

export interface MqttTask {
  session: Session; snapshot: Snapshot; limits: Limits; samples: Samples; due: Due; can: CanTask; app: App;
  /** Raw words of the groups as they came last: the newest sample, the cells, the settings. */
  raw: (Uint16Array | null)[];
  /** Settings: on or off, shortest period of telemetry, heartbeat, flags of register messages and of limits. */
  enabled: boolean; shortest: number; heartbeat: number; registerFlags: number; limitsFlags: number;
  /** For CONNECT: time-out, client id, clean session; user and password are read from the settings of the app when they are needed. */
  timeout: number; clientId: string; cleanSession: boolean;
  /** The socket is open: resident, because the socket keeps it. */
  opened(): void;
  /** Bytes of the broker; "" to look again at what waits. */
  heard(bytes: string): void;
  /** When the last heartbeat, state and limits went out, the limits then, and whether the battery was there. */
  heartbeatAt: number; stateAt: number; limitsAt: number; limitsSum: number; online: number;
  /** A sample came since the last state message; time of the limits and the phase that were looked at last. */
  fresh: boolean; limitsSeen: number; phaseSeen: number;
  /** Names of the compact state, and what they are for. */
  names: string[]; namesSum: number;
  /** What Home Assistant is told. */
  discovery: Discovery;
  task: Task;
}
