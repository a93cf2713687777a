// The oracle sees faults that are put into the firmware, each in the story of test/oracle/seeded-faults.ts, in which it
// finds nothing wrong without them. `npm run soak`.
import assert from "node:assert/strict";
import { breakableImage, faultyImage } from "../fixtures/image";
import { play, textOf, type Play } from "../oracle/oracle";
import { seenFaults } from "../oracle/seeded-faults";

describe("soak: the oracle sees seeded faults", () => {
  const clean = new Map<string, string>();
  let image = "";
  before(async () => {
    image = await breakableImage();
  });

  for (const { name, seed, focus, seconds, ...fault } of seenFaults)
    it(`${name} (${focus}, seed ${seed}, ${seconds} s)`, async () => {
      const story: Omit<Play, "image"> = { seed, seconds, focus, most: 1 },
        key = JSON.stringify(story);
      if (!clean.has(key))
        clean.set(
          key,
          play({ ...story, image })
            .wrong.map(textOf)
            .join("\n"),
        );
      assert.equal(clean.get(key), "", "without the fault");
      const { wrong } = play({ ...story, image: await faultyImage(fault) });
      assert.notDeepEqual(wrong, []);
      console.log(`      ${textOf(wrong[0]).split("\n")[0]}`);
    });
});
