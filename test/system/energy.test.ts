// Energy that was told never steps back, wherever the power was cut: CAN, rt/state, rt/energy, rt/gx, and what flash
// has of it.
import assert from "node:assert/strict";
import { memoryStore, type Store } from "../../tools/host/storage";
import { seededRandom } from "../../tools/simulator/random";
import { countersTold, ENERGY } from "../fixtures/energy";
import { imageText } from "./rig";
import { startUnit, type Unit } from "./unit";

const HOUR_S = 3600,
  /** Power of the load and of the charger in turns, each for so long: 100 A at 53.6 V. */
  TURN_S = 150,
  AMPERES = 100,
  KW = 5.36;
/** What flash may take an hour: 16 bytes each 0.05 kWh, at most each minute, and one more a start. */
const MOST_RECORDS_AN_HOUR = 60;
/** What a power cut may take: 0.05 kWh, a minute, and the ten seconds until somebody looks, at this power. */
const LOST_S = 71 + 34;

const told = (unit: Unit): Record<string, number> =>
  countersTold(
    Array.from(unit.rig.broker.newest, ([topic, { payload }]) => [topic, payload]),
    unit.frames.findLast(({ id }) => id === ENERGY)?.data,
  );

describe("system: energy", function () {
  this.timeout(600000);

  it("never steps back over power cuts at any moment, and goes on counting", async () => {
    const image = await imageText(),
      random = seededRandom(7),
      store: Store = memoryStore();
    let before: Record<string, number> = {},
      seconds = 0,
      starts = 0;
    while (seconds < HOUR_S) {
      const unit = startUnit({ image, store, seed: ++starts, settings: { mqtt: { enabled: true } } });
      const life = 60 + Math.floor(random() * 700);
      for (let second = 0; second < life; second++, seconds++) {
        if (second % TURN_S === 0) unit.read({ current_A: (second / TURN_S) % 2 ? AMPERES : -AMPERES });
        unit.pass(1);
        const now = told(unit);
        for (const [name, value] of Object.entries(now))
          assert.ok(!(value < before[name]), `start ${starts}, ${second} s: ${name} from ${before[name]} to ${value}`);
        before = { ...before, ...now };
      }
      assert.deepEqual(unit.rig.deaths, []);
      unit.rig.device.dispose();
    }
    const names = Object.keys(before);
    for (const name of ["rt/state ein", "rt/state eout", "rt/energy/charge/daily", "rt/energy/discharge/monthly"])
      assert.ok(names.includes(name), names.join(" "));
    assert.ok(
      names.filter((name) => name.startsWith("0x378")).length === 2 && names.some((name) => name.includes("gx")),
    );
    const all = before["rt/state ein"] + before["rt/state eout"],
      real = (KW * seconds) / HOUR_S,
      lost = (KW * LOST_S * starts) / HOUR_S;
    assert.ok(all <= real + 0.01 && all >= real - lost, `${all} kWh told of ${real}`);
    const records = Math.round((store.used - 4000) / 16);
    assert.ok(records < 2 * 256 + MOST_RECORDS_AN_HOUR + starts, `${store.used} bytes of flash`);
    console.log(`    ${starts} starts in ${seconds} s: ${all.toFixed(2)} kWh told of ${real.toFixed(2)}`);
  });
});
