// Natives of the interpreter behind one object, and the clock. Nothing else reads the time.
import type { Natives } from "../kernel/ports";

const start = getTime();

/** Milliseconds since boot. */
export function now(): number {
  return (getTime() - start) * 1000;
}

export const natives: Natives = {
  now: now,
  toArrayBuffer: E.toArrayBuffer,
  toUint8Array: E.toUint8Array,
  crc32: E.CRC32,
  memory: process.memory, // collects what is unreachable first, so the figure is what is really in use
  print: print,
};
