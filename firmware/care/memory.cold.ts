// A look at the memory, once a minute: a collection takes up to 15 ms on a chip, so nobody else asks for one.
import type { Needs } from "./needs";
import { logFault, writeLog } from "../log/log.cold";
import { WARN } from "../log/log";

const PERIOD_MS = 60000;
/** Variables that the largest pieces of work take on top of the steady ones. */
const ENOUGH = 700;

/** Note what is in use after a collection, and that the pool was full; tell once when too little is left. */
export function lookAtMemory(needs: Needs, now: number, wasFull: boolean): void {
  const m = needs.memory,
    found = needs.natives.memory(),
    facts = needs.natives.machine(),
    free = found.total - found.usage,
    isLow = free < ENOUGH;
  m.at = now + PERIOD_MS;
  if (wasFull) m.fills++;
  m.usage = found.usage;
  m.total = found.total;
  m.blocksize = found.blocksize;
  m.heap = facts.heap;
  m.heapMin = facts.heapMin;
  if (isLow && !m.isLow)
    writeLog(needs, WARN, "memory: " + free + " of " + found.total + " variables are free after a collection");
  m.isLow = isLow;
}

/**
 * Flags of the interpreter. LOW_MEMORY says that the pool was full, of garbage mostly: it is told only when little is
 * free after a collection.
 */
export function takeFlags(needs: Needs, flags: string[]): void {
  const others = flags.filter(function (flag) {
    return flag !== "LOW_MEMORY";
  });
  if (others.length < flags.length) {
    needs.natives.wasFull(); // it counts once
    lookAtMemory(needs, needs.natives.now(), true);
  }
  if (others.length) logFault(needs, others.join());
}
