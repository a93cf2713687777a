// Cooperative tasks: one native interval each, priority by courtesy. A task that is late first lets every more urgent
// task run that is overdue. The interpreter makes up for missed intervals in a burst; those calls find nothing due.
import { stepFailed } from "./task-failed.cold";

/**
 * A start this late (ms) lets others go first; this late is counted; timers may fire this early; the calls of a burst
 * come within this.
 */
const COURTESY = 10,
  LATE = 50,
  EARLY = 4,
  BURST = 10;

/** What is used at each step comes first: the interpreter finds a member by going through those before it. */
export interface Task {
  /** Time of the next step, and milliseconds between steps. */
  due: number;
  period: number;
  /**
   * What the task works on, and its work: one bounded piece; the delay until the next step in ms, 0 for the usual
   * period.
   */
  state: unknown;
  step: Step;
  /** The longest step in ms, how often it started late, how often it threw. */
  longest: number;
  late: number;
  faults: number;
  timer: number;
  name: string;
}

/** A function and the state it takes instead of a closure: a closure costs the memory of its scope. */
export type Step = (state: never, now: number) => number;

export interface Scheduler {
  /**
   * The clock itself (s, a native of the interpreter: a function around it costs three times as much), and what it said
   * at boot.
   */
  clock(): number;
  start: number;
  /** Most urgent first. */
  tasks: Task[];
  /** A native interval; what stands behind the period is given to the callback. */
  every(callback: (scheduler: Scheduler, task: Task) => void, period: number, scheduler: Scheduler, task: Task): number;
  change(timer: number, period: number): void;
  /** Told of an exception in a step; the task goes on. */
  failed(task: Task, error: unknown): void;
}

/** One step, and the accounts of it. */
export function stepTask(scheduler: Scheduler, task: Task, now: number): void {
  let delay = 0;
  try {
    delay = task.step(task.state as never, now);
  } catch (error) {
    stepFailed(scheduler, task, error);
  }
  const end = (scheduler.clock() - scheduler.start) * 1000;
  if (end - now > task.longest) task.longest = end - now;
  if (delay && delay !== task.period) {
    task.period = delay;
    scheduler.change(task.timer, delay);
  }
  task.due += task.period; // a changed interval counts from its old time too, when it is changed in its own callback
  if (task.due < end) task.due = end + BURST;
}

/**
 * Run `task` if it is due. Timers fire in the order of their time, so nothing more urgent waits before a task that is
 * in time; before one that is late, whatever is more urgent and due too goes first.
 */
export function runTask(scheduler: Scheduler, task: Task): void {
  const now = (scheduler.clock() - scheduler.start) * 1000,
    late = now - task.due;
  if (late < COURTESY) {
    if (late > -EARLY) stepTask(scheduler, task, now);
    return;
  }
  for (const other of scheduler.tasks) {
    const then = (scheduler.clock() - scheduler.start) * 1000;
    if (then - other.due > LATE) other.late++;
    if (then + EARLY > other.due) stepTask(scheduler, other, then);
    if (other === task) break;
  }
}

/** Something came up for a task that waits: its next step is within `soon` ms. */
export function hurryTask(scheduler: Scheduler, task: Task, soon: number): void {
  const due = (scheduler.clock() - scheduler.start) * 1000 + soon;
  if (task.due <= due) return;
  task.due = due;
  task.period = soon;
  scheduler.change(task.timer, soon);
}
