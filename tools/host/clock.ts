// The host's one clock. Everything that the device can see of time comes from here, so that a rig can run it faster.
import { callAfter, type Clock, PRECISE_MS } from "../simulator/clock";

/** A clock in ms whose thread can be stopped. */
export interface HostClock extends Clock {
  /** How many of its milliseconds pass in a real one. */
  scale: number;
  /** Run at this very time, after all that waits for it already; the function that is returned takes it back. */
  soon(run: () => void): () => void;
  /** Stop the whole thread for `ms` of this clock's time, as a blocking native call does on the chip. */
  block(ms: number): void;
}

/** A patient clock is looked at this often, and counts at most so much between two looks; both in real ms. */
const LOOK_MS = 1, LONGEST_STEP_MS = 3;

/** Real time, ms, less what passes while other programs have the processor; `add` counts a stop of the thread. */
interface WakeTime { now(): number; add(ms: number): void }

let wakeTime: WakeTime | undefined;

function countWakeTime(): WakeTime {
  let seen = performance.now(), passed = 0;
  const now = (): number => {
    const at = performance.now();
    passed += Math.min(at - seen, LONGEST_STEP_MS);
    seen = at;
    return passed;
  };
  setInterval(now, LOOK_MS).unref();
  return { now, add: (ms) => { seen = performance.now(); passed += ms; } };
}

function clockOver({ now, add }: WakeTime, scale: number, precise_ms: number): HostClock {
  const startedAt = now(), cell = new Int32Array(new SharedArrayBuffer(4));
  return {
    scale,
    now: () => (now() - startedAt) * scale,
    schedule: (delay_ms, run) => callAfter(now, delay_ms / scale, run, delay_ms < precise_ms),
    block: (ms) => {
      Atomics.wait(cell, 0, 0, ms / scale);
      add(ms / scale);
    },
    soon: (run) => {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    },
  };
}

/** A clock that begins at 0 and goes with real time. */
export function hostClock(): HostClock {
  return clockOver({ now: () => performance.now(), add: () => undefined }, 1, 0);
}

/**
 * A clock that begins at 0, runs `scale` times as fast as real time, and stands still while the process does: on a busy machine it is
 * slow, but what it calls is not late. Waits below 20 ms of it end within a fraction of a real millisecond. Sockets stay real: a scale
 * shortens the waits of the device, not the network's.
 */
export function patientClock(scale = 1): HostClock {
  return clockOver(wakeTime ??= countWakeTime(), scale, PRECISE_MS);
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
  const kept = (start: (run: () => void) => () => void, run: () => void): (() => void) => {
    if (isDisposed) return () => undefined;
    const cancel = start(() => { cancels.delete(cancel); run(); });
    cancels.add(cancel);
    return () => { cancels.delete(cancel); cancel(); };
  };
  return {
    ...clock,
    schedule: (delay_ms, run) => kept((again) => clock.schedule(delay_ms, again), run),
    soon: (run) => kept(clock.soon, run),
    dispose: () => {
      isDisposed = true;
      cancels.forEach((cancel) => cancel());
      cancels.clear();
    },
  };
}

/** A clock that stands still until it is told to run: then what is due happens in the order of its time, as fast as it can. */
export interface VirtualClock extends HostClock {
  /** Let `ms` pass. */
  run(ms: number): void;
}

interface Planned { at: number; order: number; run: (() => void) | null }

const isBefore = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Put into a binary heap whose least is the first. */
function push(heap: Planned[], item: Planned): void {
  let at = heap.push(item) - 1;
  for (let up = (at - 1) >> 1; at > 0 && isBefore(item, heap[up]); at = up, up = (at - 1) >> 1) heap[at] = heap[up];
  heap[at] = item;
}

function takeFirst(heap: Planned[]): Planned {
  const first = heap[0], last = heap.pop() as Planned, size = heap.length;
  if (size === 0) return first;
  let at = 0;
  for (let down = 1; down < size; down = 2 * at + 1) {
    if (down + 1 < size && isBefore(heap[down + 1], heap[down])) down++;
    if (!isBefore(heap[down], last)) break;
    heap[at] = heap[down];
    at = down;
  }
  heap[at] = last;
  return first;
}

/**
 * A clock for days in seconds: nothing real is waited for, and with the same inputs the same happens. `block` makes what falls due
 * meanwhile late, as a thread that stands still does. Nothing that runs may wait for node's own timers or sockets.
 */
export function virtualClock(): VirtualClock {
  const heap: Planned[] = [];
  let now = 0, order = 0;
  const schedule = (delay_ms: number, run: () => void): (() => void) => {
    const planned: Planned = { at: now + Math.max(0, delay_ms), order: order++, run };
    push(heap, planned);
    return () => { planned.run = null; };
  };
  return {
    scale: 1, now: () => now, schedule, soon: (run) => schedule(0, run), block: (ms) => { now += ms; },
    run: (ms) => {
      const end = now + ms;
      while (heap.length > 0 && heap[0].at <= end) {
        const { at, run } = takeFirst(heap);
        if (at > now) now = at;
        run?.();
      }
      now = Math.max(now, end);
    },
  };
}
