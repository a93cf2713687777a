// What the time of day needs: its settings, what is kept of it, the network, and the machine's own clock.
import type { Needs as SettingsNeeds } from "../config/needs";
import type { NetworkPort } from "../kernel/ports";
import type { Scheduler } from "../kernel/tasks";
import type { Clock } from "./clock";

export interface Needs extends SettingsNeeds {
  clock: Clock;
  network: NetworkPort;
  scheduler: Scheduler;
  /** Tell the machine the time (s since 1970); the start of the scheduler moves with it. */
  setClock(seconds: number): void;
}
