// The rig's one clock: node and the interpreter go through the same time step by step, so that nothing is late on
// either side because the machine does other work. Real time only says how fast: no faster than it, times a scale, and
// slower when one of the two needs longer.
import { type HostClock, virtualClock } from "../host/clock";
import type { Control } from "./control";

/** The longest and the shortest step, and how long, of real time, the interpreter may take before it is asked again. */
const STEP_MS = 20,
  SHORTEST_STEP_MS = 4,
  PATIENCE_MS = 10_000;

export interface Lockstep extends HostClock {
  /** Let time go, from 0. */
  start(): void;
  stop(): void;
}

interface State {
  control: Control;
  virtual: ReturnType<typeof virtualClock>;
  /** What the image wrote to its UART in the step under way. */
  written: Uint8Array[];
  /** Ends the step under way. */
  reached: (at: number) => void;
  isStopped: boolean;
}

/**
 * Let the interpreter go on until `at`; resolves with the time that it reached: earlier when it wrote something, later
 * when it was busy.
 */
async function letRun(s: State, at: number): Promise<number> {
  const ask = (): void => s.control.send(`t${at}`);
  const again = setInterval(ask, PATIENCE_MS).unref();
  const reached = new Promise<number>((resolve) => (s.reached = resolve));
  ask();
  try {
    return await reached;
  } finally {
    clearInterval(again);
  }
}

function heard(s: State, line: string): void {
  if (line[0] === "t") s.reached(Number(line.slice(1)));
  if (line[0] === "w") s.written.push(Buffer.from(line.slice(line.indexOf(" ") + 1), "base64"));
}

async function go(s: State, scale: number, written: (bytes: Uint8Array) => void): Promise<void> {
  const { virtual } = s,
    real = performance;
  for (let last = real.now(); !s.isStopped; ) {
    const at = virtual.now(),
      passed = Math.min(real.now() - last, STEP_MS / scale),
      due = Math.max(virtual.dueAt(), at),
      until = Math.ceil(Math.min(at + passed * scale, due) * 1000) / 1000; // as the interpreter prints it
    if (passed * scale < SHORTEST_STEP_MS && due > until) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    last = Math.max(last + (until - at) / scale, real.now() - STEP_MS / scale);
    virtual.run((until > at ? await letRun(s, until) : at) - at);
    for (const bytes of s.written.splice(0)) written(bytes);
  }
}

/**
 * A clock over the prelude's commands (tools/rig/prelude.js). `written` is told what the image writes to its UART, at
 * the time when it does. What is scheduled may send commands: the interpreter gets them before its time goes on.
 */
export function lockstep(control: Control, scale: number, written: (bytes: Uint8Array) => void): Lockstep {
  const s: State = { control, virtual: virtualClock(), written: [], reached: () => undefined, isStopped: false };
  control.onLine((line) => heard(s, line));
  return {
    ...s.virtual,
    scale,
    start: () => void go(s, scale, written),
    stop: () => {
      s.isStopped = true;
      s.reached(s.virtual.now());
    },
  };
}
