// The host's one clock. Everything that the device can see of time comes from here, so that a rig can run it faster.
import type { Clock } from "../simulator/clock";

/** A clock in ms whose thread can be stopped. */
export interface HostClock extends Clock {
  /** How many of its milliseconds pass in a real one. */
  scale: number;
  /** Run at this very time, after all that waits for it already; the function that is returned takes it back. */
  soon(run: () => void): () => void;
  /** Stop the whole thread for `ms` of this clock's time, as a blocking native call does on the chip. */
  block(ms: number): void;
  /** The thread has worked for `ms` of this clock's time: what falls due meanwhile is late. */
  spend(ms: number): void;
}

/** A patient clock is looked at this often, and counts at most so much between two looks; both in real ms. */
const LOOK_MS = 1,
  LONGEST_STEP_MS = 3;

/** Real time, ms; `add` counts a stop of the thread. */
interface RealTime {
  now(): number;
  add(ms: number): void;
}

let wakeTime: RealTime | undefined;

/** Real time less what passes while other programs have the processor. */
function countWakeTime(): RealTime {
  let seen = performance.now(),
    passed = 0;
  const now = (): number => {
    const at = performance.now();
    passed += Math.min(at - seen, LONGEST_STEP_MS);
    seen = at;
    return passed;
  };
  setInterval(now, LOOK_MS).unref();
  return {
    now,
    add: (ms) => {
      seen = performance.now();
      passed += ms;
    },
  };
}

/** A function that lets `step` be called once, real ms from now; asked again it takes the earlier call back. */
function alarmOf(step: () => void): (wait_ms: number) => void {
  let timer: NodeJS.Timeout | undefined, immediate: NodeJS.Immediate | undefined;
  return (wait_ms) => {
    clearTimeout(timer);
    clearImmediate(immediate);
    if (wait_ms < 1) immediate = setImmediate(step);
    else if (wait_ms < Infinity) timer = setTimeout(step, wait_ms);
  };
}

/**
 * A virtual clock that real time pulls along. What is due happens in the order of its time, and the clock says that
 * time while it happens, however late node is: pieces on a wire keep their spacing on a busy machine.
 */
function pacedClock(real: RealTime, scale: number): HostClock {
  const virtual = virtualClock(),
    startedAt = real.now(),
    cell = new Int32Array(new SharedArrayBuffer(4));
  const target = (): number => (real.now() - startedAt) * scale;
  let isRunning = false,
    armedFor = Infinity;
  const step = (): void => {
    armedFor = Infinity;
    isRunning = true;
    try {
      virtual.run(target() - virtual.now());
    } finally {
      isRunning = false;
      arm();
    }
  };
  const alarm = alarmOf(step);
  const arm = (): void => {
    const due = virtual.dueAt();
    if (isRunning || due === armedFor) return;
    armedFor = due;
    alarm((due - target()) / scale);
  };
  const now = (): number => {
    if (!isRunning) virtual.moveTo(Math.min(target(), virtual.dueAt()));
    return virtual.now();
  };
  const schedule = (delay_ms: number, run: () => void): (() => void) => {
    now();
    const cancel = virtual.schedule(delay_ms, run);
    arm();
    return cancel;
  };
  return {
    scale,
    now,
    schedule,
    soon: (run) => schedule(0, run),
    spend: virtual.spend,
    block: (ms) => {
      Atomics.wait(cell, 0, 0, ms / scale);
      real.add(ms / scale);
      virtual.spend(ms);
    },
  };
}

/** A clock that begins at 0 and goes with real time. */
export function hostClock(): HostClock {
  return pacedClock({ now: () => performance.now(), add: () => undefined }, 1);
}

/**
 * A clock that begins at 0, runs `scale` times as fast as real time, and stands still while the process does: on a busy
 * machine it is slow, but what it calls is not late. Sockets stay real: a scale shortens the waits of the device, not
 * the network's.
 */
export function patientClock(scale = 1): HostClock {
  return pacedClock((wakeTime ??= countWakeTime()), scale);
}

/** What comes so much late is not made up for, ms. */
const MADE_UP_MS = 1000;

/**
 * Does `run` each `period_ms`, until the function that is returned is called. What comes late does not put off what
 * follows it.
 */
export function repeat(clock: Clock, period_ms: number, run: () => void): () => void {
  let due = clock.now() + period_ms,
    cancel = clock.schedule(period_ms, again);
  function again(): void {
    const now = clock.now();
    due = now - due > MADE_UP_MS ? now + period_ms : due + period_ms;
    cancel = clock.schedule(Math.max(due - now, 0), again);
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
    const cancel = start(() => {
      cancels.delete(cancel);
      run();
    });
    cancels.add(cancel);
    return () => {
      cancels.delete(cancel);
      cancel();
    };
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

/**
 * A clock that stands still until it is told to run: then what is due happens in the order of its time, as fast as it
 * can.
 */
export interface VirtualClock extends HostClock {
  /** Let `ms` pass. */
  run(ms: number): void;
  /** When the next call is due; Infinity: none is. */
  dueAt(): number;
  /** Let time pass up to `at`, before which nothing may be due. */
  moveTo(at: number): void;
}

interface Planned {
  at: number;
  order: number;
  run: (() => void) | null;
}

const isBefore = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Put into a binary heap whose least is the first. */
function push(heap: Planned[], item: Planned): void {
  let at = heap.push(item) - 1;
  for (let up = (at - 1) >> 1; at > 0 && isBefore(item, heap[up]); at = up, up = (at - 1) >> 1) heap[at] = heap[up];
  heap[at] = item;
}

function takeFirst(heap: Planned[]): Planned {
  const first = heap[0],
    last = heap.pop() as Planned,
    size = heap.length;
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
 * A clock for days in seconds: nothing real is waited for, and with the same inputs the same happens. `block` makes
 * what falls due meanwhile late, as a thread that stands still does. Nothing that runs may wait for node's own timers
 * or sockets.
 */
export function virtualClock(): VirtualClock {
  const heap: Planned[] = [];
  let now = 0,
    order = 0;
  const schedule = (delay_ms: number, run: () => void): (() => void) => {
    const planned: Planned = { at: now + Math.max(0, delay_ms), order: order++, run };
    push(heap, planned);
    return () => {
      planned.run = null;
    };
  };
  const spend = (ms: number): void => {
    now += ms;
  };
  return {
    scale: 1,
    now: () => now,
    schedule,
    soon: (run) => schedule(0, run),
    block: spend,
    spend,
    dueAt: () => {
      while (heap.length > 0 && heap[0].run === null) takeFirst(heap);
      return heap.length > 0 ? heap[0].at : Infinity;
    },
    moveTo: (at) => {
      now = Math.max(now, at);
    },
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
