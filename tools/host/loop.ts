// Espruino's main loop: one turn looks at the events of the UART, then at all timers that are due. Its order is the
// chip's, also after a callback that took long. Source: src/jsinteractive.c of Espruino 2v29, jsiIdle (behaviour only).
import type { HostClock } from "./clock";

/** One thing that the loop looks at in each turn. */
export interface Part {
  /** ms of the clock; in the past: now; Infinity: never. */
  dueAt(): number;
  /** Run what is due. */
  turn(): void;
}

export interface Loop {
  /** A part's time has changed. */
  arm(): void;
  dispose(): void;
}

/** A loop over parts, in their order. Nothing runs inside `arm`. */
export function createLoop(clock: HostClock, parts: Part[]): Loop {
  let cancel = (): void => undefined,
    isRunning = false,
    isDisposed = false;
  const turn = (): void => {
    isRunning = true;
    for (const part of parts) part.turn();
    isRunning = false;
    loop.arm();
  };
  const loop: Loop = {
    arm: () => {
      if (isRunning || isDisposed) return;
      cancel();
      let dueAt = Infinity;
      for (const part of parts) dueAt = Math.min(dueAt, part.dueAt());
      if (dueAt === Infinity) return;
      const wait = dueAt - clock.now();
      cancel = wait > 0 ? clock.schedule(wait, turn) : clock.soon(turn);
    },
    dispose: () => {
      isDisposed = true;
      cancel();
    },
  };
  return loop;
}
