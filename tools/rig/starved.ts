// How long a process waited for a processor: what a machine that does other work takes from it, and no image can help.
import { readFileSync } from "node:fs";

const SAMPLE_MS = 50;

/** Watches a process until it ends. Gives the longest wait, ms, within any `window_ms` so far; 0 where nobody counts. */
export function watchStarvation(pid: number, window_ms: number): () => number {
  const waits: { at: number; waited_ms: number }[] = [];
  let longest = 0;
  const sample = (): void => {
    const at = Date.now(), waited_ms = Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;
    waits.push({ at, waited_ms });
    while (waits[0]!.at < at - window_ms) waits.shift();
    longest = Math.max(longest, waited_ms - waits[0]!.waited_ms);
  };
  const timer = setInterval(() => {
    try {
      sample();
    } catch {
      clearInterval(timer); // the process has ended, or nobody counts
    }
  }, SAMPLE_MS);
  timer.unref();
  return () => longest;
}
