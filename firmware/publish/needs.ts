// What publishing needs beside what MqttTask holds: who else has something to tell, and who takes what is received.
import type { Alarms } from "../battery/alarms";
import type { UartTask } from "../bms/task";
import type { CanPort } from "../kernel/ports";
import type { Memory } from "../kernel/memory";
import type { Needs as LogNeeds } from "../log/needs";
import type { Needs as TimeNeeds } from "../time/needs";
import type { Replay } from "./replay";

export interface Needs extends TimeNeeds, LogNeeds {
  /** Name of this device. */
  device: string;
  alarms: Alarms;
  uart: UartTask;
  canPort: CanPort;
  memory: Memory;
  replay: Replay;
  /** The HTTP server: its port, for the link to it. */
  server: { port: number };
  commands: Listener;
  /** When a missing TinyBMS is spoken of next (ms): whoever listens from now on is told. */
  rates: { sayAt: number };
}

/** Commands and settings, as far as publishing knows them. */
export interface Listener {
  /** When they have something to do (ms). */
  at: number;
  /**
   * What of the settings waits to be published, a bit each module in the table's order; their flags (QoS x 2, retain
   * 1).
   */
  pending: number;
  configFlags: number;
  /** A change of the settings is on its way. */
  change?: object | null;
  /** Do what is due. */
  step(now: number): void;
  /** A message for `cmd` or `cfg/set` came: null for a payload that was too long to be kept. */
  take(suffix: string, payload: string | null, qos: number, isRetained: boolean): void;
}

/** All modules of the settings, a bit each. */
export const ALL = 0x7fffffff;
/** Settings are published from this long after a connection on, ms. */
export const AFTER_CONNECT_MS = 1500;
