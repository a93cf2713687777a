// What a limit that falls at once needs: who makes it, and who sends it.
import type { Snapshot } from "../battery/snapshot";
import type { Limits } from "../charge/limits";
import type { Natives } from "../kernel/ports";
import type { Scheduler } from "../kernel/tasks";
import type { CanTask } from "./task";

export interface Needs {
  natives: Natives;
  scheduler: Scheduler;
  snapshot: Snapshot;
  limits: Limits;
  can: CanTask;
}
