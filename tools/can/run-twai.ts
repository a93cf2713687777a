// Runs the model on a real clock: virtual time follows `now`, so a host's globals can be the model's peek32 and poke32.
import { Twai } from "./twai-model";

export interface RunTwaiOptions {
  model: Twai;
  /** The caller's clock, ms; it may run faster than the real one. */
  now: () => number;
  /** Calls `callback` each `period` ms of real time until the function that it returns is called. */
  schedule: (callback: () => void, period: number) => () => void;
  /** Real time between two steps without any access, ms. */
  periodMs?: number;
}

/** The device's globals over the model, each brought up to date first. `stop` ends the timer. */
export interface RunningTwai extends Pick<Twai, "peek32" | "poke32" | "pinMode" | "digitalWrite"> {
  catchUp(): void;
  stop(): void;
}

/** Longest time that one step makes up for, ms: a computer that slept does not replay its night on the bus. */
const CATCH_UP_MAX_MS = 10000;

/** Keep `model`'s time at `now()` from here on: before every access, and by a timer so that the bus lives between them. */
export function runTwai({ model, now, schedule, periodMs = 5 }: RunTwaiOptions): RunningTwai {
  let last = now();
  function catchUp(): void {
    const at = now();
    const passed = Math.min(Math.max(0, at - last), CATCH_UP_MAX_MS);
    last = at;
    model.advance(passed * 1000);
  }
  const stop = schedule(catchUp, periodMs);
  return {
    peek32: (addr: number, count?: number) => { catchUp(); return model.peek32(addr, count as number) as number; },
    poke32: (addr, value) => { catchUp(); model.poke32(addr, value); },
    pinMode: (pin, mode) => { catchUp(); model.pinMode(pin, mode); },
    digitalWrite: (pin, value) => { catchUp(); model.digitalWrite(pin, value); },
    catchUp, stop,
  };
}
