// A bus that goes and comes back, 126 times, while the limits fall and rise: no frame that waited says an old limit.
import assert from "node:assert/strict";
import type { Partner } from "../../tools/can/wire";
import { startVirtual, valuesOf } from "../../tools/host/virtual";
import type { Trouble } from "../../tools/simulator/trouble";
import { randomInteger, seededRandom } from "../../tools/simulator/random";
import { watchAges } from "./ages";
import { imageText, LIMITS } from "./rig";

const OUTAGES = 126,
  SECOND_MS = 1000,
  SETTLED_MS = 30_000;
const PARTNERS: Partner[] = ["none", "noEcho", "stuckDominant"];
/** Charging is blocked in the cold: CCL falls to 0 while nobody hears it. Each lasts for some outages. */
const COLD: Trouble = { pack_C: -5 },
  WARM: Trouble = { pack_C: 20 },
  TURNS = 6;

describe("system: outages of the bus", () => {
  it(`${OUTAGES} of them, and no old limit is sent late`, async () => {
    const rig = startVirtual({ image: await imageText(), seed: 126, scenario: "charge" }),
      random = seededRandom(126),
      ages = watchAges(rig);
    let frames = 0,
      blocked = 0,
      isGood = true;
    rig.frames.push((frame) => {
      if (frame.id !== LIMITS) return;
      frames++;
      if (valuesOf(frame).charge_current_limit === 0) blocked++;
    });
    const seconds = (count: number): void => {
      for (; count > 0; count--) {
        rig.clock.run(SECOND_MS);
        ages.look(isGood);
      }
    };
    rig.clock.run(SETTLED_MS);
    for (let outage = 0; outage < OUTAGES; outage++) {
      rig.can.bus.partner = PARTNERS[randomInteger(random, 0, PARTNERS.length - 1)]!;
      isGood = false;
      seconds(randomInteger(random, 0, 9));
      rig.simulator.battery.trouble = outage % (2 * TURNS) < TURNS ? COLD : WARM;
      seconds(randomInteger(random, 1, 9));
      rig.can.bus.partner = "ack";
      isGood = true;
      const before = frames;
      seconds(randomInteger(random, 14, 25));
      assert.ok(frames > before, `outage ${outage}: limits come back`);
    }
    assert.ok(blocked > frames / 5 && blocked < (4 * frames) / 5, `${blocked} of ${frames} frames allow no charging`);
    assert.deepEqual([ages.wrong, rig.can.violations, rig.deaths], [[], [], []]);
  });
});
