// Cooperative tasks on one native timer: a turn of the interpreter's main loop runs at most one step, that of the most
// urgent task that is due, so that the UART is looked at between any two of them.
import { stepFailed } from "./task-failed.cold";

/**
 * A start this late (ms) lets more urgent tasks go first; this late is counted, and no longer put off by bytes; this
 * late no other goes first any more; a task that is due again before its step has ended waits so long for the others;
 * a timer that is due sooner than this after its callback began fires in the same turn.
 */
const COURTESY = 10,
  LATE = 50,
  STARVED = 1000,
  BREATH = 10;
const NEXT_TURN = 1;

/** What is used at each step comes first: the interpreter finds a member by going through those before it. */
export interface Task {
  /** Which of the tasks it is, the most urgent first, and when its last step began (ms). */
  place: number;
  at: number;
  /**
   * What the task works on, and its work: one bounded piece; the delay until the next step in ms, 0 for the usual
   * period.
   */
  state: unknown;
  step: Step;
  period: number;
  /** The longest step in ms, how often it started late, how often it threw. */
  longest: number;
  late: number;
  faults: number;
  name: string;
}

/** A function and the state it takes instead of a closure: a closure costs the memory of its scope. */
export type Step = (state: never, now: number) => number;

export interface Scheduler {
  /** When each task is due (ms), at its place: natives look for the first. */
  dues: Float64Array;
  /** When the timer fires (ms), and for which task. */
  at: number;
  first: number;
  /** Bytes were taken in this turn, so that no step begins in it unless one is late. */
  isTaken: boolean;
  tasks: Task[];
  /**
   * The clock itself (s, a native of the interpreter: a function around it costs three times as much), and what it said
   * at boot.
   */
  clock(): number;
  start: number;
  /** What ran last, for who measures. */
  name: string;
  change(timer: number, period: number): void;
  timer: number;
  /** What looks after the timer, an interval too. */
  guard: number;
  /** A native interval; what stands behind the period is given to the callback. */
  every(callback: (scheduler: Scheduler) => void, period: number, scheduler: Scheduler): number;
  /** Told of an exception in a step; the task goes on. */
  failed(task: Task, error: unknown): void;
}

/** One step, and the accounts of it. */
export function stepTask(scheduler: Scheduler, task: Task, now: number): void {
  let delay = 0;
  task.at = now;
  try {
    delay = task.step(task.state as never, now);
  } catch (error) {
    stepFailed(scheduler, task, error);
  }
  const end = (scheduler.clock() - scheduler.start) * 1000,
    next = delay ? now + delay : scheduler.dues[task.place] + task.period;
  if (end - now > task.longest) task.longest = end - now;
  scheduler.name = task.name; // not before: a step may contain one of another task
  scheduler.dues[task.place] = next < end ? end + BREATH : next;
}

/** Place of the most urgent task that is due. */
function mostUrgent(dues: Float64Array, now: number): number {
  let place = 0;
  while (dues[place] > now) place++;
  return place;
}

/**
 * What the timer does. The interpreter goes through its timers again when one was changed: only one that is due in the
 * future waits for the next turn. In its own callback a changed interval counts from its old time.
 */
export function runNext(scheduler: Scheduler): void {
  const now = (scheduler.clock() - scheduler.start) * 1000,
    dues = scheduler.dues,
    late = now - dues[scheduler.first],
    waits = scheduler.isTaken && late < LATE;
  let fired = scheduler.at,
    next = now;
  if (fired > now) fired = now; // the interpreter rounds times down
  scheduler.isTaken = false;
  if (!waits) {
    const task = scheduler.tasks[late > COURTESY && late < STARVED ? mostUrgent(dues, now) : scheduler.first];
    if (late > LATE && now - dues[task.place] > LATE) task.late++;
    stepTask(scheduler, task, now);
    next = Math.min.apply(null, dues as never);
    scheduler.first = dues.indexOf(next);
  }
  if (next < now + NEXT_TURN) next = now + NEXT_TURN;
  scheduler.change(scheduler.timer, next - fired);
  scheduler.at = next;
}

/** The timer fires when the first task is due: something else than a step has changed when that is. */
export function setTimer(scheduler: Scheduler, now: number): void {
  const next = Math.min.apply(null, scheduler.dues as never);
  scheduler.first = scheduler.dues.indexOf(next);
  scheduler.at = next < now + NEXT_TURN ? now + NEXT_TURN : next;
  scheduler.change(scheduler.timer, scheduler.at - now);
}

/** Something came up for a task that waits: its next step is within `soon` ms. */
export function hurryTask(scheduler: Scheduler, task: Task, soon: number): void {
  const now = (scheduler.clock() - scheduler.start) * 1000;
  if (scheduler.dues[task.place] <= now + soon) return;
  scheduler.dues[task.place] = now + soon;
  setTimer(scheduler, now);
}
