// Natives of the interpreter behind one object, and the clock. Nothing else reads the time.
import type { Natives } from "../kernel/ports";
import { machineFacts } from "./facts.cold";

/** The clock, s: a name of the image is found sooner than one of the interpreter. And what it said at boot. */
export const clock = getTime, startedAt = getTime();

/** Milliseconds since boot. */
export function now(): number {
  return (clock() - startedAt) * 1000;
}

export const natives: Natives = {
  now: now,
  toArrayBuffer: E.toArrayBuffer,
  toUint8Array: E.toUint8Array,
  crc32: E.CRC32,
  memory: process.memory, // collects what is unreachable first, so the figure is what is really in use
  machine: machineFacts,
  print: print,
};
