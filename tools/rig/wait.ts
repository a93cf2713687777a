// Waiting for something to become true, with a limit; and a free TCP port. Limits are not of wall time: while a rig
// runs they are of its clock, else of the time that this process has had. A machine that does other work makes nobody
// impatient.
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { patientClock } from "../host/clock";
import type { Clock } from "../simulator/clock";

const POLL_MS = 10,
  /**
   * Where no rig runs, waits end so much later at the latest, real ms, however little time this process gets: the suite
   * may fail, not hang.
   */
  MOST_EXTRA_MS = 600_000,
  /** A clock that has not moved for so long, real ms, never will. */
  DEAD_MS = 300_000;

/** No test among real parts (databases, brokers, browsers) takes longer, real ms: it fails, and the suite goes on. */
export const TEST_MS = 900_000;

const clocks: Clock[] = [];
let ownTime: Clock | undefined;

/** The clock that waits go by now. */
const clockNow = (): Clock => clocks.at(-1) ?? (ownTime ??= patientClock());

/** From now on waits go by this clock, until the function that is returned is called. */
export function waitBy(clock: Clock): () => void {
  clocks.push(clock);
  return () => void clocks.splice(clocks.indexOf(clock), 1);
}

export function sleep(ms: number): Promise<void> {
  const clock = clockNow();
  return new Promise((resolve) => void clock.schedule(ms, () => resolve()));
}

/**
 * Resolves with the first value of `probe` that is neither null, undefined nor false; rejects with `what` after
 * `timeoutMs`.
 */
export async function until<T>(what: string, timeoutMs: number, probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  const clock = clockNow(),
    end = clock.now() + timeoutMs,
    realEnd = clock === ownTime ? performance.now() + timeoutMs + MOST_EXTRA_MS : Infinity;
  for (let moved = performance.now(), last = -1; ; ) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value as NonNullable<T>;
    const now = clock.now();
    if (now > end || performance.now() > realEnd) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    if (now !== last) moved = performance.now();
    if (performance.now() - moved > DEAD_MS) throw new Error(`the rig stands still: ${what}`);
    last = now;
    await pause(POLL_MS);
  }
}

/** A TCP port of this machine that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
