// Random stories of the line, the cells, settings, events and restarts, judged by an oracle that was written from
// README.md alone. ORACLE_SEED, ORACLE_SECONDS, ORACLE_FOCUS choose others; a
// story that fails is printed with the few episodes that are needed for it (ORACLE_KEEP).
import assert from "node:assert/strict";
import { breakableImage } from "../fixtures/image";
import { ALARMS, LIMITS } from "../system/rig";
import type { OwnFrame } from "../system/virtual";
import { play, shrink, textOf, type Play, type Wrong } from "./oracle";
import { KINDS, type Focus } from "./story";

const { ORACLE_SEED, ORACLE_SECONDS, ORACLE_FOCUS, ORACLE_KEEP } = process.env;
const SEED = Number(ORACLE_SEED ?? 4),
  SECONDS = Number(ORACLE_SECONDS ?? 700);
const FOCUSES = (Object.keys(KINDS) as Focus[]).filter((focus) => !ORACLE_FOCUS || focus === ORACLE_FOCUS);

function told(options: Play, first: Wrong, keep: number[]): string {
  const { seed, seconds, focus } = options;
  return `ORACLE_SEED=${seed} ORACLE_SECONDS=${seconds} ORACLE_FOCUS=${focus} ORACLE_KEEP=${keep.join(",")}\n      ${textOf(first)}`;
}

describe("oracle: limits and alarms by the spec alone", function () {
  let image = "";
  before(async () => {
    image = await breakableImage();
  });

  for (const focus of FOCUSES) {
    it(`${SECONDS} s of ${focus} (ORACLE_SEED=${SEED})`, () => {
      const keep = ORACLE_KEEP?.split(",").map(Number),
        options: Play = { image, seed: SEED, seconds: SECONDS, focus, keep };
      const played = play(options);
      if (played.wrong.length > 0) {
        const { keep: fewest, first } = shrink(options, played);
        const episodes = played.story.filter(({ index }) => fewest.includes(index));
        assert.fail(
          `${told(options, first, fewest)}\n${episodes.map(({ at_s, for_s, name }) => `      ${at_s} s for ${for_s} s: ${name}`).join("\n")}` +
            `\n      of ${played.wrong.length}: ${played.wrong.map(({ at_s, what }) => `${at_s.toFixed(1)} s ${what}`).join("; ")}`,
        );
      }
      assert.ok(
        played.limits > SECONDS / 2 && played.alarms > SECONDS / 2,
        `${played.limits} and ${played.alarms} frames`,
      );
      assert.deepEqual(
        played.console.filter((text) => /^(task |fault: |Uncaught)/.test(text) && !text.includes("broken")),
        [],
      );
    });
  }

  // Stories in which an earlier oracle was wrong, from a second on, some with these episodes alone.
  const once: Record<string, { seed: number; focus: Focus; from?: number; seconds: number; keep?: number[] }> = {
    "a wait went on while the settings did not fit": { seed: 200, focus: "settings", seconds: 320 },
    "a cell is at a bound of an alarm to the last bit": {
      ...{ seed: 302, focus: "settings", from: 1800, seconds: 90, keep: [25] },
    },
    "a block held a voltage between two tenths, and the frame was that of a loss": {
      ...{ seed: 208, focus: "restarts", from: 1340, seconds: 120, keep: [6, 45, 8, 47] },
    },
    "little current ended absorption after 300 s, 60 s of it among them": {
      ...{ seed: 312, focus: "line", seconds: 390, keep: [0, 2] },
    },
    "waits began anew when a loss ended, and not when it was over for sure": {
      ...{ seed: 307, focus: "cells", from: 250, seconds: 120, keep: [9, 11] },
    },
    "a block of cells that came before its pack voltage was dropped": {
      ...{ seed: 500015, focus: "all", seconds: 112, keep: [0, 1, 2, 4, 6, 3] },
    },
    "a cell is at the bound that ends a hold to the last bit": {
      ...{ seed: 500041, focus: "cells", from: 340, seconds: 570, keep: [8, 17] },
    },
    "a fault came and went while the alarms' step failed": {
      ...{ seed: 419800, focus: "restarts", from: 680, seconds: 60, keep: [13] },
    },
  };
  for (const [name, story] of Object.entries(once))
    it(`finds nothing where ${name}`, () => {
      assert.deepEqual(play({ image, ...story }).wrong.map(textOf), []);
    });

  /** A frame that differs by `change` in `byte`. */
  const altered = (frame: OwnFrame, byte: number, change: number): OwnFrame => {
    const data = [...frame.data];
    data[byte] = (data[byte] + change) & 0xff;
    return { ...frame, data };
  };
  const lies: Record<
    string,
    { seconds: number; says: RegExp; tamper(frame: OwnFrame, at_s: number): OwnFrame | null }
  > = {
    "a charge current 0.1 A above its limit": {
      seconds: 40,
      says: /CCL too high/,
      tamper: (frame, at_s) => (frame.id === LIMITS && at_s > 20 ? altered(frame, 2, 1) : frame),
    },
    "a discharge current 0.2 A below what it was": {
      seconds: 40,
      says: /DCL too low/,
      tamper: (frame, at_s) => (frame.id === LIMITS && at_s > 20 ? altered(frame, 4, -2) : frame),
    },
    "a charge voltage 0.1 V above": {
      seconds: 40,
      says: /CVL too high/,
      tamper: (frame, at_s) => (frame.id === LIMITS && at_s > 20 ? altered(frame, 0, 1) : frame),
    },
    "an alarm": {
      seconds: 40,
      says: /alarm high voltage active/,
      tamper: (frame, at_s) => (frame.id === ALARMS && at_s > 20 ? altered(frame, 0, -4) : frame),
    },
    "a warning": {
      seconds: 40,
      says: /warning cell imbalance active/,
      tamper: (frame, at_s) => (frame.id === ALARMS && at_s > 20 ? altered(frame, 7, -1) : frame),
    },
    "two seconds without limits": {
      seconds: 40,
      says: /no 0x351/,
      tamper: (frame, at_s) => (frame.id === LIMITS && at_s > 20 && at_s < 22.5 ? null : frame),
    },
    "no alarms": { seconds: 40, says: /no 0x35A/, tamper: (frame) => (frame.id === ALARMS ? null : frame) },
  };
  for (const [name, { seconds, says, tamper }] of Object.entries(lies)) {
    it(`sees ${name}`, () => {
      const options = { image, seed: 1, seconds, focus: "all" as Focus, keep: [], most: 1 };
      assert.deepEqual(play(options).wrong, []);
      const { wrong } = play({ ...options, tamper: (frame) => tamper(frame, frame.at / 1000) });
      assert.match(wrong.map(textOf).join("\n"), says);
    });
  }
});
