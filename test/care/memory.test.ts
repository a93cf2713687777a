// The look at the memory: what is told of a pool that was full, and what is true after a collection.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setImageText } from "../../firmware/kernel/text.cold";
import type { App } from "../../firmware/app";
import { lookAtMemory, takeFlags } from "../../firmware/care/memory.cold";
import { OFF } from "../../firmware/mqtt/session";

const TOTAL = 5885;

/** An app whose memory is what `used` says; what it prints. */
function bench(): { app: App; lines: string[]; use(used: number): void; looks(): number } {
  const lines: string[] = [];
  let usage = 2200,
    looks = 0;
  const natives = {
    now: () => 1000,
    print: (line: string) => lines.push(line),
    crc32: () => 0,
    memory: () => {
      looks++;
      return { usage, total: TOTAL, blocksize: 14 };
    },
    wasFull: () => false,
    machine: () => ({ heap: 31876, heapMin: 29012 }),
  };
  const memory = { at: 0, usage: NaN, total: NaN, blocksize: NaN, heap: NaN, heapMin: NaN, fills: 0, isLow: false };
  const app = {
    natives,
    memory,
    presets: "{}",
    store: { read: () => undefined },
    session: { state: OFF },
    lines: { text: "" },
  } as unknown as App;
  return { app, lines, use: (used) => void (usage = used), looks: () => looks };
}

describe("the look at the memory", () => {
  before(() => setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")));

  it("notes variables and heap, and is due again in a minute", () => {
    const { app, lines } = bench();
    lookAtMemory(app, 5000, false);
    const { at, usage, total, heap, heapMin, isLow } = app.memory;
    assert.deepEqual([at, usage, total, heap, heapMin, isLow], [65000, 2200, TOTAL, 31876, 29012, false]);
    assert.deepEqual(lines, []);
  });

  it("counts a pool that was full of garbage, and says nothing", () => {
    const { app, lines, looks } = bench();
    lookAtMemory(app, 5000, true);
    takeFlags(app, ["LOW_MEMORY"]);
    assert.deepEqual([app.memory.fills, looks(), lines], [2, 2, []]);
  });

  it("says once that little is free after a collection, and again when it was better meanwhile", () => {
    const { app, lines, use } = bench();
    const said = "warn: memory: 500 of 5885 variables are free after a collection";
    use(TOTAL - 500);
    takeFlags(app, ["LOW_MEMORY"]);
    lookAtMemory(app, 2000, false);
    assert.deepEqual([app.memory.isLow, lines], [true, [said]]);
    use(2200);
    lookAtMemory(app, 3000, false);
    use(TOTAL - 500);
    lookAtMemory(app, 4000, false);
    assert.deepEqual(lines, [said, said]);
  });

  it("tells every other flag as a fault", () => {
    const { app, lines, looks } = bench();
    takeFlags(app, ["FIFO_FULL", "MEMORY"]);
    assert.deepEqual([lines, looks()], [["error: FIFO_FULL,MEMORY"], 0]);
  });
});
