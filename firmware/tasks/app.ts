// Everything that runs, in one object: what the rare parts (configuration, HTTP answers) reach for.
import type { Limits } from "../battery/limits";
import type { Snapshot } from "../battery/snapshot";
import type { Server } from "../http/server";
import type { CanPort, Natives, NetworkPort, StorePort } from "../kernel/ports";
import type { Scheduler } from "../kernel/tasks";
import type { CanTask } from "./can";
import type { MqttTask } from "./mqtt-state";
import type { UartTask } from "./uart";

export interface App {
  natives: Natives; store: StorePort; network: NetworkPort; canPort: CanPort;
  /** JSON of the board's own settings. */
  presets: string;
  scheduler: Scheduler;
  snapshot: Snapshot; limits: Limits;
  uart: UartTask; can: CanTask; mqtt: MqttTask; server: Server;
  /** Name of this device, and the token that allows changes by HTTP. */
  device: string; token: string;
  /** Seconds since 1970 at boot, 0 while unknown. */
  clock: { epoch: number };
  /** Wi-Fi: joined, and when to try again (ms, 0: not used). */
  wifi: Wifi;
}

/** `join` asks for the network once more and returns at once. */
export interface Wifi { up: boolean; retryAt: number; wait: number; join(): void }
