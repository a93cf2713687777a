// Time as an argument: what the line and the simulator need of it, for real here, faked in the tests.

import { performance } from "node:perf_hooks";

/** A clock in milliseconds, and a way to be called later; `schedule` returns a function that cancels the call. */
export interface Clock {
  now(): number;
  schedule(delay_ms: number, run: () => void): () => void;
}

/** Timers of node are a millisecond or more late; shorter waits than this are finished by asking the clock. */
const PRECISE_MS = 20;
const TIMER_SLACK_MS = 2;

function waitPrecisely(until_ms: number, run: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const poll = (): void => {
    if (performance.now() >= until_ms) run();
    else immediate = setImmediate(poll);
  };
  const wait_ms = until_ms - performance.now() - TIMER_SLACK_MS;
  const timer = wait_ms >= 1 ? setTimeout(poll, wait_ms) : undefined;
  if (!timer) immediate = setImmediate(poll);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** The real clock. Waits below 20 ms end within a fraction of a millisecond, so that a paced line keeps its byte times. */
export const realClock: Clock = {
  now: () => performance.now(),
  schedule: (delay_ms, run) => {
    if (delay_ms < PRECISE_MS) return waitPrecisely(performance.now() + delay_ms, run);
    const timer = setTimeout(run, delay_ms);
    return () => clearTimeout(timer);
  },
};
