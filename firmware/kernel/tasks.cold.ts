// The begin of a task.
import { runTask, type Scheduler, type Step, type Task } from "./tasks";

/** A task; who is its own state gives null, and puts itself there when it is whole. */
export function taskOf<State>(
  name: string,
  period: number,
  state: State | null,
  step: (state: State, now: number) => number,
): Task {
  return {
    due: 0,
    period: period,
    state: state,
    step: step as Step,
    longest: 0,
    late: 0,
    faults: 0,
    timer: 0,
    name: name,
  };
}

/** Start the native interval of a task; its first step is due one period from now. */
export function startTask(scheduler: Scheduler, task: Task): void {
  task.due = (scheduler.clock() - scheduler.start) * 1000 + task.period;
  task.timer = scheduler.every(runTask, task.period, scheduler, task);
  scheduler.tasks.push(task);
}
