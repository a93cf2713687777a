// What the simulator tests share: a fake clock, raw registers as a unit, hex, and a gateway that collects what it
// hears.

import type { Unit } from "../../tools/simulator/codec";
import { crc16, frameOf } from "../../tools/simulator/codec";
import { createSimulator } from "../../tools/simulator/simulator";
import type { Simulator, SimulatorOptions } from "../../tools/simulator/simulator";
import type { Write } from "../../tools/simulator/words";

/** Bytes as upper-case hex with blanks. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ");
}

/** Hex with blanks as bytes. */
export function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.split(" ").filter(Boolean), (pair) => parseInt(pair, 16));
}

/** A request: the bytes after 0xAA; start and CRC are added. */
export const request = (...body: number[]): Uint8Array => frameOf(body);

/** True for one whole frame with a right CRC. */
export function isGood(frame: Uint8Array): boolean {
  const end = frame.length - 2;
  return frame[0] === 0xaa && end >= 2 && crc16(frame, 0, end) === (frame[end] | (frame[end + 1] << 8));
}

/** Time that only `advance` moves; timers run in order, at their exact time. */
export function fakeClock() {
  let time = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => time,
    schedule(delay_ms: number, run: () => void) {
      const timer = { at: time + delay_ms, run };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
    pending: () => timers.length,
    advance(duration_ms: number) {
      const end = time + duration_ms;
      for (;;) {
        const next = timers.reduce((first, timer) => (timer.at < first.at ? timer : first), timers[0]);
        if (!next || next.at > end) break;
        timers = timers.filter((timer) => timer !== next);
        time = Math.max(time, next.at);
        next.run();
      }
      time = end;
    },
  };
}

/** A unit that is only registers: takes every write to 300..399, has no log. */
export function rawUnit(registers: Record<string, number> = {}): Unit & { written: Write[] } {
  const words = new Uint16Array(600);
  for (const [address, raw] of Object.entries(registers)) words[Number(address)] = raw;
  const written: Write[] = [];
  return {
    words,
    written,
    write(writes) {
      const allowed = writes.every(([address]) => address >= 300 && address <= 399);
      if (allowed) written.push(...writes);
      return allowed;
    },
    bound: (_, address) => words[address],
    perform: (option) => [1, 2, 5].includes(option),
    log: () => [],
  };
}

/** A simulator on a fake clock, and a gateway that asks it and hears with times. */
export function rig(options: SimulatorOptions = {}) {
  const clock = fakeClock();
  const simulator: Simulator = createSimulator({ scenario: "idle", ...clock, ...options });
  const heard: { at: number; bytes: Uint8Array }[] = [];
  simulator.onSend((bytes) => heard.push({ at: clock.now(), bytes }));
  const take = (): Uint8Array => Uint8Array.from(heard.splice(0).flatMap(({ bytes }) => Array.from(bytes)));
  return {
    clock,
    simulator,
    heard,
    take,
    /** Sends a request, waits, and returns all bytes that came. */
    ask(bytes: Uint8Array, wait_ms = 150): Uint8Array {
      take();
      simulator.receive(bytes);
      clock.advance(wait_ms);
      return take();
    },
  };
}
