// Cooperative tasks: one native interval each, priority by courtesy. A task whose turn has come first lets every more
// urgent task run that is overdue. The interpreter makes up for missed intervals in a burst; those calls find nothing due.

/** A start this late (ms) is counted; timers may fire this early; after a long block the calls of a burst come within this time. */
const LATE = 50, EARLY = 3, BURST = 10;

export interface Task {
  name: string;
  /** Milliseconds between steps, and the time of the next one. */
  period: number;
  due: number;
  /** How often it started late, the longest step in ms, how often it threw. */
  late: number;
  longest: number;
  faults: number;
  timer: number;
  /** What the task works on, and its work: one bounded piece; the delay until the next step in ms, 0 for the usual period. */
  state: unknown;
  step: Step;
}

/** A function and the state it takes instead of a closure: a closure costs the memory of its scope. */
export type Step = (state: never, now: number) => number;

export interface Scheduler {
  /** Most urgent first. */
  tasks: Task[];
  now(): number;
  /** A native interval; what stands behind the period is given to the callback. */
  every(callback: (scheduler: Scheduler, task: Task) => void, period: number, scheduler: Scheduler, task: Task): number;
  change(timer: number, period: number): void;
  /** Told of an exception in a step; the task goes on. */
  failed(task: Task, error: unknown): void;
}

export function taskOf<State>(name: string, period: number, state: State, step: (state: State, now: number) => number): Task {
  return { name: name, period: period, due: 0, late: 0, longest: 0, faults: 0, timer: 0, state: state, step: step as Step };
}

function stepTask(scheduler: Scheduler, task: Task, now: number): number {
  let delay = 0;
  if (now - task.due > LATE) task.late++;
  try {
    delay = task.step(task.state as never, now);
  } catch (error) {
    task.faults++;
    scheduler.failed(task, error);
  }
  const end = scheduler.now();
  if (end - now > task.longest) task.longest = end - now;
  if (delay && delay !== task.period) {
    task.period = delay;
    scheduler.change(task.timer, delay);
  }
  task.due += task.period; // a changed interval counts from its old time too, when it is changed in its own callback
  if (task.due < end) task.due = end + BURST;
  return end;
}

/** Run `task` if it is due, and before it whatever is more urgent and due. */
export function runTask(scheduler: Scheduler, task: Task): void {
  let now = scheduler.now();
  for (const other of scheduler.tasks) {
    if (now + EARLY >= other.due) now = stepTask(scheduler, other, now);
    if (other === task) return;
  }
}

/** Start the native interval of a task; its first step is due one period from now. */
export function startTask(scheduler: Scheduler, task: Task): void {
  task.due = scheduler.now() + task.period;
  task.timer = scheduler.every(runTask, task.period, scheduler, task);
  scheduler.tasks.push(task);
}
