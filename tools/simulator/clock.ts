// Time as an argument: what the line and the simulator need of it, for real here, faked in the tests.

import { performance } from "node:perf_hooks";

/** A clock in milliseconds, and a way to be called later; `schedule` returns a function that cancels the call. */
export interface Clock {
  now(): number;
  schedule(delay_ms: number, run: () => void): () => void;
}

/** Timers of node are a millisecond or more late; waits shorter than this are finished by asking the clock. */
export const PRECISE_MS = 20;
const TIMER_SLACK_MS = 2;

/**
 * Calls `run`, never at once, when `delay_ms` of `now` have passed: a clock that stood still meanwhile is asked again.
 * `isPrecise`: within a fraction of a millisecond, else a millisecond or two late. Returns the function that cancels
 * it.
 */
export function callAfter(now: () => number, delay_ms: number, run: () => void, isPrecise: boolean): () => void {
  const due_ms = now() + delay_ms;
  let timer: NodeJS.Timeout | undefined, immediate: NodeJS.Immediate | undefined;
  function wait(rest_ms: number): void {
    const wait_ms = isPrecise ? rest_ms - TIMER_SLACK_MS : rest_ms;
    if (isPrecise && wait_ms < 1) immediate = setImmediate(look);
    else timer = setTimeout(look, wait_ms);
  }
  function look(): void {
    const rest_ms = due_ms - now();
    if (rest_ms <= 0 || (!isPrecise && rest_ms < 1)) run();
    else wait(rest_ms);
  }
  wait(delay_ms);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/**
 * The real clock. Waits below 20 ms end within a fraction of a millisecond, so that a paced line keeps its byte times.
 */
export const realClock: Clock = {
  now: () => performance.now(),
  schedule: (delay_ms, run) => callAfter(() => performance.now(), delay_ms, run, delay_ms < PRECISE_MS),
};
