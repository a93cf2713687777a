// An exception in a step.
import type { Scheduler, Task } from "./tasks";

/** Counted and told; the task goes on. */
export function stepFailed(scheduler: Scheduler, task: Task, error: unknown): void {
  task.faults++;
  scheduler.failed(task, error);
}
