// The settings of the TinyBMS: an implausible reply changes nothing; of a changed one only what narrows counts, until
// it came twice.
import assert from "node:assert/strict";
import fc from "fast-check";
import { SLOTS } from "../../firmware/battery/registers.baked";
import { registers } from "../../firmware/tables/registers";
import { snapshotOf } from "../../firmware/battery/snapshot";
import { SETTINGS } from "../../firmware/bms/places";
import { acceptSettings } from "../../firmware/bms/settings.cold";
import { keptSettings, slotOf } from "../../tools/bake/names";
import { settingsWords } from "../fixtures/battery";
import { uartRig } from "./uart-rig";

const AT = 300,
  WORDS = 44;
const valueOf = (values: Float64Array, key: string): number => values[slotOf(key)];

describe("settings that are read", () => {
  it("every one that is kept says which direction narrows", () => {
    for (const row of registers)
      assert.equal(row.narrows !== undefined, row.poll === "settings" && row.keep === true, row.key);
  });

  for (const row of keptSettings) {
    const { key, at = 0, sane, per = 1, narrows, type } = row;
    const signed = (value: number): number => (type === "i16" ? value & 0xffff : value);
    if (sane)
      it(`${key}: ${sane.join(" to ")} ${row.unit} and nothing beyond, which changes nothing at all`, () => {
        for (const isOnce of [false, true])
          for (const [value, isRight] of [
            [sane[0], true],
            [sane[1], true],
            [sane[0] - 1 / per, false],
            [sane[1] + 1 / per, false],
          ] as const) {
            const snapshot = snapshotOf(),
              raw = signed(Math.round(value * per));
            acceptSettings(snapshot, settingsWords(), 1);
            const before = snapshot.values.slice();
            assert.equal(acceptSettings(snapshot, settingsWords({ [at]: raw }), 2, isOnce), isRight, String(value));
            if (!isRight) assert.deepEqual([snapshot.values, snapshot.settingsAt, snapshot.dropped], [before, 1, 1]);
          }
      });

    it(`${key}: read once, ${narrows === "none" ? "no change counts" : `it counts when it goes ${narrows}`}`, () => {
      for (const by of key === "series_cells" ? [-1] : [-1, 1]) {
        const snapshot = snapshotOf(),
          words = settingsWords();
        acceptSettings(snapshot, words, 1);
        const before = valueOf(snapshot.values, key);
        words[at - AT] = key === "operation_mode" ? 1 : words[at - AT] + by;
        const isNarrower = key === "operation_mode" || (by < 0 ? narrows === "down" : narrows === "up");
        acceptSettings(snapshot, words, 2, true);
        assert.equal(valueOf(snapshot.values, key) !== before, isNarrower && narrows !== "none");
        assert.equal(snapshot.settingsAt, 1, "as old as it was");
        acceptSettings(snapshot, words, 3);
        assert.notEqual(valueOf(snapshot.values, key), before);
        assert.equal(snapshot.settingsAt, 3);
      }
    });
  }

  it("any words, once or twice: all or nothing, and once never loosens", () => {
    const word = fc.oneof(fc.nat(0xffff), fc.nat(100), fc.integer({ min: 2500, max: 4500 }));
    fc.assert(
      fc.property(
        fc.array(word, { minLength: WORDS, maxLength: WORDS }),
        fc.array(fc.nat(43)),
        fc.boolean(),
        (any, keep, isOnce) => {
          const snapshot = snapshotOf(),
            right = settingsWords(),
            words = Uint16Array.from(any);
          for (const at of keep) words[at] = right[at];
          acceptSettings(snapshot, right, 1);
          const before = snapshot.values.slice(),
            taken = acceptSettings(snapshot, words, 2, isOnce);
          if (!taken) assert.deepEqual(snapshot.values, before);
          for (const { key, narrows } of keptSettings) {
            const now = valueOf(snapshot.values, key),
              was = valueOf(before, key);
            if (isOnce) assert.ok(narrows === "down" ? now <= was : narrows === "up" ? now >= was : now === was, key);
          }
          assert.equal(snapshot.values.length, SLOTS);
        },
      ),
    );
  });

  it("the number of cells of the configuration stands for a unit that does not say it", () => {
    const snapshot = snapshotOf();
    snapshot.expectedCells = 15;
    assert.ok(acceptSettings(snapshot, settingsWords({ 307: 0 }), 1));
    assert.equal(snapshot.cells, 15);
  });
});

describe("settings that change", () => {
  it("count at the second equal reply, at once when they narrow; a wrong one in between starts anew", () => {
    const rig = uartRig(),
      { snapshot } = rig,
      { words } = rig.simulator.battery,
      plan = rig.uart.poller.plan;
    const seen: number[] = [];
    let given: number[] = [];
    rig.onAsk = (request) => {
      if (!request.startsWith("\xaa\x03\x01\x2c")) return;
      seen.push(valueOf(snapshot.values, "fully_charged_voltage"));
      words[AT] = given.length ? given.splice(0, 1)[0] : words[AT];
    };
    /**
     * Let the next rounds of the settings read these values of register 300, then the last one again; what counted
     * after each.
     */
    const rounds = (...values: number[]): number[] => {
      const from = seen.length;
      given = values.slice();
      while (seen.length <= from + values.length) {
        plan[SETTINGS].due = Math.min(plan[SETTINGS].due, rig.clock.now());
        rig.uart.poller.slowAt = 0;
        rig.run(100);
      }
      return seen.slice(from + 1, from + values.length + 1);
    };
    assert.deepEqual(rounds(3550, 3550), [NaN, 3550], "from the start on");
    assert.deepEqual(rounds(3700, 3550, 3550), [3550, 3550, 3550]);
    assert.deepEqual(rounds(3700, 3690, 3700, 3700), [3550, 3550, 3550, 3700]);
    assert.deepEqual(rounds(3500, 3700, 3700), [3500, 3500, 3700]);
    assert.deepEqual(rounds(3500, 3520, 3500), [3500, 3500, 3500]);
    assert.deepEqual(rounds(3400, 0, 3400), [3400, 3400, 3400], "a dropped one is no reply");
    assert.deepEqual(rounds(3550, 3550), [3400, 3550]);
  });

  it("are read again at once, and each minute when nothing changes", () => {
    const rig = uartRig(),
      first = "\xaa\x03\x01\x2c",
      count = (): number => rig.asked.filter(({ request }) => request.startsWith(first)).length;
    rig.run(10000);
    assert.equal(count(), 2, "twice at the start");
    rig.run(60000);
    assert.equal(count(), 3);
    rig.simulator.battery.words[318] = 160;
    rig.run(62000);
    assert.equal(count(), 5);
    assert.equal(valueOf(rig.snapshot.values, "charge_over_current_cutoff"), 160);
  });
});
