// The oracle over 100,000 s of random faults, another story each time (ORACLE_SEED says which). `npm run soak`.
import assert from "node:assert/strict";
import { play, shrink, textOf } from "../oracle/oracle";
import { KINDS, type Focus } from "../oracle/story";
import { breakableImage } from "../fixtures/image";

const SECONDS = Number(process.env.ORACLE_TOTAL ?? 100000),
  /** Of one story, so that there are many. */
  STORY_S = Number(process.env.ORACLE_SECONDS ?? 2500);
const SEED = Number(process.env.ORACLE_SEED ?? Date.now() % 1000000),
  /** Plays that look for the few episodes of a failure. */
  TRIES = Number(process.env.ORACLE_TRIES ?? 30);

describe("soak: the oracle", () => {
  it(`${SECONDS} s from ORACLE_SEED=${SEED}`, async () => {
    const image = await breakableImage(),
      focuses = Object.keys(KINDS) as Focus[],
      failed: string[] = [];
    for (let i = 0; i * STORY_S < SECONDS; i++) {
      const options = { image, seed: SEED + i, seconds: STORY_S, focus: focuses[(SEED + i) % focuses.length] };
      const played = play(options);
      console.log(
        `    ${options.seed} ${options.focus}: ${played.limits + played.alarms} frames, ${played.wrong.length} wrong`,
      );
      if (played.wrong.length === 0) continue;
      const { keep, first } = shrink(options, played, TRIES);
      failed.push(
        `ORACLE_SEED=${options.seed} ORACLE_SECONDS=${STORY_S} ORACLE_FOCUS=${options.focus} ORACLE_KEEP=${keep.join(",")}: ${textOf(first)}`,
      );
      console.log(`      ${failed.at(-1)}`);
    }
    assert.deepEqual(failed, []);
  });
});
