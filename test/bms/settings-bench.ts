// A unit for tests of the settings conversation: registers and rules of the simulated one, without line and time.
import assert from "node:assert/strict";
import { createRequestStream, takeRequests } from "../../tools/simulator/codec";
import { createFaults, spoiledAnswer } from "../../tools/simulator/faults";
import { seededRandom } from "../../tools/simulator/random";
import { initialSettings, settingBound, writeSettings } from "../../tools/simulator/settings";
import type { Write } from "../../tools/simulator/words";
import { fakeClock, rawUnit } from "../simulator/bench";

/**
 * A unit with the rules of the simulated one, that remembers each accepted write command; and what `lose` says is not
 * answered.
 */
export function bench() {
  const clock = fakeClock(),
    faults = createFaults(clock, seededRandom(1)),
    raw = rawUnit(),
    written: Write[][] = [];
  initialSettings(raw.words, 16);
  const unit = {
    ...raw,
    bound: (kind: "min" | "max" | "default", address: number) => settingBound(raw.words, kind, address),
    write(writes: Write[]) {
      const done = writeSettings(raw.words, writes);
      if (done) written.push(writes);
      return done;
    },
  };
  return {
    unit,
    words: raw.words,
    faults,
    written,
    lose: (_step: number, _at: number): boolean => false,
    refuse: (_writes: Write[]): boolean => false,
  };
}
export type Bench = ReturnType<typeof bench>;

/** What the unit answers to a request, byte strings. */
export function reply(b: Bench, request: string): string {
  const heard = takeRequests(createRequestStream(), Buffer.from(request, "latin1"));
  assert.equal(heard.length, 1, "each request is one right frame");
  const unit = { ...b.unit, write: (writes: Write[]) => !b.refuse(writes) && b.unit.write(writes) };
  const spoiled = spoiledAnswer(unit, heard[0], b.faults, seededRandom(1));
  return spoiled ? Buffer.from(spoiled.bytes).toString("latin1") : "";
}
