// The host's one clock. Everything that the device can see of time comes from here, so that a rig can run it faster.
import type { Clock } from "../simulator/clock";

/** A clock in ms whose thread can be stopped. */
export interface HostClock extends Clock {
  /** How many of its milliseconds pass in a real one. */
  scale: number;
  /** Stop the whole thread for `ms` of this clock's time, as a blocking native call does on the chip. */
  block(ms: number): void;
}

/**
 * A clock that begins at 0 and runs `scale` times as fast as real time. Sockets stay real: a scale shortens the waits of the
 * device, not the network's.
 */
export function hostClock(scale = 1): HostClock {
  const startedAt = performance.now();
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return {
    scale,
    now: () => (performance.now() - startedAt) * scale,
    schedule: (delay_ms, run) => {
      const timer = setTimeout(run, delay_ms / scale);
      return () => clearTimeout(timer);
    },
    block: (ms) => { Atomics.wait(cell, 0, 0, ms / scale); },
  };
}

/** Calls `run` each `period_ms` of a clock's time until the returned function is called; missed calls are not made up for. */
export function repeat(clock: Clock, period_ms: number, run: () => void): () => void {
  let cancel = clock.schedule(period_ms, again);
  function again(): void {
    cancel = clock.schedule(period_ms, again);
    run();
  }
  return () => cancel();
}

/** `clock` with an end: after `dispose` nothing that was scheduled through it runs any more. */
export function disposableClock(clock: HostClock): HostClock & { dispose(): void } {
  const cancels = new Set<() => void>();
  let isDisposed = false;
  return {
    ...clock,
    schedule: (delay_ms, run) => {
      if (isDisposed) return () => undefined;
      const cancel = clock.schedule(delay_ms, () => { cancels.delete(cancel); run(); });
      cancels.add(cancel);
      return () => { cancels.delete(cancel); cancel(); };
    },
    dispose: () => {
      isDisposed = true;
      cancels.forEach((cancel) => cancel());
      cancels.clear();
    },
  };
}
