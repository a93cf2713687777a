// The second of charge control: every other half second, also when one of them came late.
import assert from "node:assert/strict";
import { alarmsOf } from "../../firmware/battery/alarms.cold";
import { NORMAL, snapshotOf } from "../../firmware/battery/snapshot";
import { superviseTask } from "../../firmware/care/supervise";
import { ratesOf } from "../../firmware/care/ten-seconds.cold";
import type { Needs } from "../../firmware/care/needs";
import { limitsOf } from "../../firmware/charge/limits";

const HALF_MS = 500;

/** Times at which limits were made, with steps that begin `late(i)` ms behind their half second. */
function secondsWith(late: (step: number) => number): number[] {
  const limits = limitsOf(),
    snapshot = Object.assign(snapshotOf(), { phase: NORMAL }),
    made: number[] = [];
  const needs = {
    snapshot,
    limits,
    alarms: alarmsOf(),
    energy: {},
    rates: { ...ratesOf(), doneAt: 1e9, sayAt: 1e9 },
    can: { gxAt: 0, nextAt: 0, waiting: new Uint8Array(32), task: {} },
    canPort: { ackAt: 1e9, busOff: 0 },
    mqtt: { rare: { due: new Float64Array(8) } },
    scheduler: { change: () => undefined },
  } as unknown as Needs;
  const task = superviseTask({ needs, ran: () => false, feed: () => undefined });
  limits.at = 0;
  for (let i = 1; i <= 20; i++) {
    const before = limits.at;
    const now = i * HALF_MS + late(i);
    snapshot.fastAt = snapshot.cellsAt = snapshot.settingsAt = now;
    (task.step as (state: unknown, now: number) => number)(task.state, now);
    if (limits.at !== before) made.push(limits.at);
  }
  return made;
}

describe("the second of charge control", () => {
  it("comes each second", () => {
    assert.deepEqual(
      secondsWith(() => 0),
      Array.from({ length: 10 }, (_, i) => (i + 1) * 2 * HALF_MS),
    );
  });

  it("is not put off by half a second because the one before came some ms late", () => {
    const made = secondsWith((step) => (step % 4 === 0 ? 40 : 0)),
      apart = made.slice(1).map((at, i) => at - made[i]!);
    assert.ok(Math.max(...apart) <= 2 * HALF_MS + 40, apart.join(" "));
    assert.equal(made.length, 10);
  });
});
