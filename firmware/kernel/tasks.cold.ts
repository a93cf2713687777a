// The begin of tasks and of what runs them, and its second begin.
import { runNext, type Scheduler, setTimer, type Step, type Task } from "./tasks";
import { NEVER } from "./time";

/** Places for tasks; the timer is looked after this often; it may fire so much early (ms). */
const MOST_TASKS = 6,
  REVIVE_MS = 5000,
  ROUNDED_MS = 0.01;

/** A task; who is its own state gives null, and puts itself there when it is whole. */
export function taskOf<State>(
  name: string,
  period: number,
  state: State | null,
  step: (state: State, now: number) => number,
): Task {
  return {
    place: 0,
    at: 0,
    state: state,
    step: step as Step,
    period: period,
    longest: 0,
    late: 0,
    faults: 0,
    name: name,
  };
}

/** Nothing runs yet. */
export function schedulerOf(given: Pick<Scheduler, "clock" | "start" | "change" | "every" | "failed">): Scheduler {
  return {
    dues: new Float64Array(MOST_TASKS).fill(NEVER),
    at: 0,
    first: 0,
    isTaken: false,
    tasks: [],
    clock: given.clock,
    start: given.start,
    name: "",
    change: given.change,
    timer: 0,
    guard: 0,
    every: given.every,
    failed: given.failed,
  };
}

/** A task takes its place behind those that are there; its first step is due one period from now. */
export function startTask(scheduler: Scheduler, task: Task): void {
  const now = (scheduler.clock() - scheduler.start) * 1000,
    place = scheduler.tasks.push(task) - 1;
  task.place = place;
  scheduler.dues[place] = now + task.period;
  if (!place) {
    scheduler.timer = scheduler.every(runNext, task.period, scheduler);
    scheduler.guard = scheduler.every(reviveTimer, REVIVE_MS, scheduler);
  }
  setTimer(scheduler, now);
}

/**
 * The timer as it should be, whatever has become of it. The interpreter removes one whose callback it broke off (no
 * memory, too many nested calls): then there is another one. A step that was broken off left its task due: it is due
 * after a period, so that others come before it.
 */
export function reviveTimer(scheduler: Scheduler): void {
  const now = (scheduler.clock() - scheduler.start) * 1000,
    dues = scheduler.dues;
  scheduler.name = "timer";
  for (const task of scheduler.tasks)
    if (dues[task.place] <= task.at + ROUNDED_MS) dues[task.place] = now + task.period;
  try {
    setTimer(scheduler, now);
  } catch (error) {
    scheduler.timer = scheduler.every(runNext, scheduler.at - now, scheduler);
  }
}
