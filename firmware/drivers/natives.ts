// Natives of the interpreter behind one object, and the clock. Nothing else reads the time.
import type { Natives } from "../kernel/ports";
import { chipFacts, derived, machineFacts, poolWasFull, randomWord } from "./machine.cold";

/** The clock, s: a name of the image is found sooner than one of the interpreter. */
export const clock = getTime;
/** What the clock says now of the moment of boot. */
export let startedAt = getTime();

/** Milliseconds since boot. */
export function now(): number {
  return (clock() - startedAt) * 1000;
}

/**
 * Set the clock (s since 1970). It jumps, the time since boot goes on: its begin jumps too, here and in the scheduler.
 */
export function setClock(seconds: number, scheduler: { start: number }): void {
  const before = clock();
  setTime(seconds);
  startedAt += clock() - before;
  scheduler.start = startedAt;
}

export const natives: Natives = {
  now: now,
  toArrayBuffer: E.toArrayBuffer,
  toUint8Array: E.toUint8Array,
  crc32: E.CRC32,
  random: randomWord,
  derive: derived,
  memory: process.memory, // collects what is unreachable first, so the figure is what is really in use
  wasFull: poolWasFull,
  machine: machineFacts,
  chip: chipFacts,
  print: print,
};
