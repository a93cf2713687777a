// Everything that runs, in one object: what the rare parts (configuration, HTTP answers) reach for.
import type { Alarms } from "../battery/alarm-state";
import type { Energy } from "../battery/energy";
import type { Limits } from "../battery/limits";
import type { Snapshot } from "../battery/snapshot";
import type { Server } from "../http/server";
import type { CanPort, Natives, NetworkPort, StorePort } from "../kernel/ports";
import type { Scheduler } from "../kernel/tasks";
import type { CanTask } from "./can";
import type { Clock } from "./clock";
import type { Commands } from "./command-state";
import type { MqttTask } from "./mqtt-state";
import type { Replay } from "./replay-state";
import type { UartTask } from "./uart";

export interface App {
  natives: Natives; store: StorePort; network: NetworkPort; canPort: CanPort;
  /** JSON of the board's own settings. */
  presets: string;
  scheduler: Scheduler;
  snapshot: Snapshot; limits: Limits; alarms: Alarms; energy: Energy;
  uart: UartTask; can: CanTask; mqtt: MqttTask; server: Server; commands: Commands;
  /** Counters a minute ago, what they say of errors (bits of `Alarms.device`), when, and when the rare work was done (ms). */
  rates: { at: number; doneAt: number; bits: number; ok: number; crc: number; tx: number; errors: number;
    /** Bus-offs when somebody last acknowledged; whether it was told that the cells are at the other end. */
    busOff: number; moved: boolean };
  /** Name of this device, and the token that allows changes by HTTP. */
  device: string; token: string;
  /** Wi-Fi: joined, and when to try again (ms, 0: not used). */
  wifi: Wifi;
  /** The time of day, how the machine is told it, and what is kept while the broker is away. */
  clock: Clock; setClock(seconds: number, scheduler: { start: number }): void; replay: Replay;
  /** Restart the device at once. */
  restart(): void;
}

/** `join` asks for the network once more and returns at once. */
export interface Wifi { up: boolean; retryAt: number; wait: number; join(): void }
