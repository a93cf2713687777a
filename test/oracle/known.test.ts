// What the oracle takes for known, from replies that are written down.
import assert from "node:assert/strict";
import { follow, type Known } from "./known";
import type { Line } from "./line";

const FIRST = 300,
  WORDS = 44,
  /** Words of the first of two replies. */
  PART = 29;
/** Registers 300 to 343 of a battery that is well. */
const words = Array.from({ length: WORDS }, () => 0);
for (const [register, word] of [
  [300, 3550],
  [301, 2900],
  [303, 3350],
  [306, 28000],
  [307, 16],
  [315, 3650],
  [316, 2800],
  [317, 200],
  [318, 150],
  [319, 60],
  [321, 85],
  [329, 4],
])
  words[register - FIRST] = word;

interface Bench {
  known: Known;
  /** A clean reply with the first or the second part of the settings. */
  reply(at: number, part: 0 | 1): void;
  /** Something on the line fails, as a late reply does. */
  spoil(at: number): void;
}

function bench(): Bench {
  const line: Line = {
      ...{ onReply: [], cleanSince: 0, askedAt: 0, damagedAt: -Infinity, asked: {} },
      forget: () => undefined,
    },
    known = follow(line);
  return {
    known,
    reply(at, part) {
      const told = part ? words.slice(PART) : words.slice(0, PART);
      for (const tell of line.onReply)
        tell({ at, command: 0x07, first: FIRST + part * PART, words: told, bytes: [], isSure: true });
    },
    spoil: (at) => (line.cleanSince = at),
  };
}

describe("oracle: what is known of the settings", () => {
  /** Read twice, as a device that starts does. */
  function started(): Bench {
    const own = bench();
    for (const [at, part] of [
      [1000, 0],
      [1100, 1],
      [1200, 0],
      [1300, 1],
    ] as const)
      own.reply(at, part);
    assert.equal(own.known.settingsSureAt, 1300);
    return own;
  }

  it("a reading is as old as its last reply", () => {
    const own = started();
    own.spoil(60000);
    own.reply(61000, 0);
    assert.equal(own.known.settingsAt, 1300, "half of it is none");
    own.reply(61100, 1);
    assert.deepEqual([own.known.settingsAt, own.known.settingsSureAt], [61100, 61100]);
  });

  it("one between whose replies the line failed may count, but not for sure: the device may have begun it anew", () => {
    const own = started();
    own.reply(61000, 0);
    own.spoil(61400);
    own.reply(61900, 1);
    assert.deepEqual([own.known.settingsAt, own.known.settingsSureAt], [61900, 1300]);
    own.reply(62000, 0);
    own.reply(62100, 1);
    assert.equal(own.known.settingsSureAt, 62100);
  });
});
