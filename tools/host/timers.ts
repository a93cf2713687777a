// Espruino's timers on a host clock: drift-free intervals that catch up in bursts after a block.
// Source: src/jsinteractive.c of Espruino 2v29 (behaviour only).
import type { HostClock } from "./clock";
import type { Part } from "./loop";

const SHORTEST_MS = 0.1;

type Callback = (...values: unknown[]) => void;
interface Timer {
  callback: Callback;
  values: unknown[];
  due: number;
  period: number | undefined;
}

/** What the timers need of the device. */
export interface TimerHooks {
  clock: HostClock;
  /** Run a callback of the image; it catches and reports what the callback throws. */
  run(callback: Callback, values: unknown[]): void;
  /** Throw an error of the image's own realm. */
  fail(message: string): never;
  /** The next due time may be another one now. */
  changed(): void;
}

export interface Timers extends Part {
  setTimeout(callback: unknown, delay: unknown, ...values: unknown[]): number;
  setInterval(callback: unknown, period: unknown, ...values: unknown[]): number;
  clearTimeout(...id: unknown[]): void;
  clearInterval(...id: unknown[]): void;
  changeInterval(id: unknown, period: unknown): void;
  /** The loop looks at the time, as it does at timers: a callback outside of them begins. */
  look(): void;
  /**
   * The clock of the image was set. Timers hold the time from the last look on, and the new time counts as the look
   * (jswrap_interactive_setTime): what has passed since the last one makes all of them later.
   */
  clockWasSet(): void;
  /** Forget all timers and never run again. */
  dispose(): void;
}

interface TimersState {
  hooks: TimerHooks;
  /** In the order in which they were made: the order in which they run. */
  timers: Map<number, Timer>;
  lastId: number;
  /** When the loop has looked at the time last. */
  lookedAt: number;
  /** A timer was made, changed or cleared: a turn looks at all of them again. */
  isChanged: boolean;
}

/** Not a number counts as the shortest time, as in Espruino. */
function atLeastShortest(ms: unknown): number {
  const given = Number(ms);
  return given >= SHORTEST_MS ? given : SHORTEST_MS;
}

/**
 * One pass over the timers that were due at the look, oldest first; false when a callback touched timers: then begins
 * another one.
 */
function pass(s: TimersState): boolean {
  s.isChanged = false;
  for (const [id, timer] of s.timers) {
    if (timer.due > s.lookedAt) continue;
    const wait = timer.due - s.lookedAt;
    s.hooks.run(timer.callback, timer.values);
    if (timer.period === undefined) s.timers.delete(id);
    else timer.due = s.lookedAt + wait + timer.period; // the callback may have changed the period, the due time counts
    if (s.isChanged) return false;
  }
  return true;
}

/**
 * Every timer that is due runs, by age. What falls due meanwhile waits for the next turn; one that is periods behind
 * catches up.
 */
function turn(s: TimersState): void {
  s.lookedAt = s.hooks.clock.now();
  while (!pass(s));
}

function clockWasSet(s: TimersState): void {
  const now = s.hooks.clock.now(),
    passed = now - s.lookedAt;
  s.timers.forEach((timer) => (timer.due += passed));
  s.lookedAt = now;
  s.hooks.changed();
}

/** Timers have changed. */
function touch(s: TimersState): void {
  s.isChanged = true;
  s.hooks.changed();
}

function add(s: TimersState, callback: unknown, ms: unknown, isRepeating: boolean, values: unknown[]): number {
  if (typeof callback !== "function") return s.hooks.fail("Function or String not supplied!");
  const wait = atLeastShortest(ms);
  s.timers.set(++s.lastId, {
    callback: callback as Callback,
    values,
    due: s.hooks.clock.now() + wait,
    period: isRepeating ? wait : undefined,
  });
  touch(s);
  return s.lastId;
}

function clear(s: TimersState, name: string, id: unknown[]): void {
  if (id.length === 0) s.timers.clear();
  else if (id[0] === undefined) s.hooks.fail(`${name}(undefined) not allowed. Use ${name}() instead`);
  else s.timers.delete(Number(id[0]));
  touch(s);
}

function change(s: TimersState, id: unknown, period: unknown): void {
  const timer = s.timers.get(Number(id));
  if (timer === undefined) return s.hooks.fail("Unknown Interval");
  timer.period = atLeastShortest(period);
  timer.due = s.hooks.clock.now() + timer.period;
  touch(s);
}

/**
 * Timers with Espruino's semantics: the loop runs those that are due, oldest first; an interval keeps its grid whatever
 * its callback takes, catches up after a block, and survives an exception. A cleared id must be given: without argument
 * every timer is cleared.
 */
export function createTimers(hooks: TimerHooks): Timers {
  const s: TimersState = { hooks, timers: new Map(), lastId: 0, lookedAt: hooks.clock.now(), isChanged: false };
  return {
    dueAt: () => {
      let due = Infinity;
      for (const timer of s.timers.values()) due = Math.min(due, timer.due);
      return due;
    },
    turn: () => turn(s),
    setTimeout: (callback, delay, ...values) => add(s, callback, delay, false, values),
    setInterval: (callback, period, ...values) => add(s, callback, period, true, values),
    clearTimeout: (...id) => clear(s, "clearTimeout", id),
    clearInterval: (...id) => clear(s, "clearInterval", id),
    changeInterval: (id, period) => change(s, id, period),
    look: () => {
      s.lookedAt = hooks.clock.now();
    },
    clockWasSet: () => clockWasSet(s),
    dispose: () => s.timers.clear(),
  };
}
