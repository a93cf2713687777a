// The second of charge control: every other half second, also when one of them came late.
import assert from "node:assert/strict";
import { alarmsOf } from "../../firmware/battery/alarms.cold";
import { ALARM } from "../../firmware/battery/alarms";
import { stateOfCharge } from "../../firmware/battery/registers.baked";
import { NORMAL, snapshotOf } from "../../firmware/battery/snapshot";
import { superviseTask } from "../../firmware/care/supervise";
import { ratesOf } from "../../firmware/care/ten-seconds.cold";
import type { Needs } from "../../firmware/care/needs";
import { limitsOf } from "../../firmware/charge/limits";

const HALF_MS = 500,
  NEXT_TURN_MS = 1;

/** Seconds for which the battery must be well until its low SoC is no alarm any more (tables/alarms.ts). */
const CLEARED_S = 60,
  LOW_SOC = 4;

/** `then` is told of each second: limits were made; steps begin `late(i)` ms behind their half second. */
function run(steps: number, late: (step: number) => number, then: (rig: Needs) => void): void {
  const limits = limitsOf(),
    snapshot = Object.assign(snapshotOf(), { phase: NORMAL }),
    alarms = Object.assign(alarmsOf(), { socAlarm: 10, socWarning: 15 });
  const needs = {
    snapshot,
    limits,
    alarms,
    energy: {},
    rates: { ...ratesOf(), doneAt: 1e9, sayAt: 1e9 },
    can: { gxAt: 0, nextAt: 0, waiting: new Uint8Array(32), task: {} },
    canPort: { ackAt: 1e9, busOff: 0 },
    mqtt: { rare: { due: new Float64Array(8) } },
    scheduler: { change: () => undefined },
    natives: { now: () => 0 },
    store: { read: () => undefined },
    presets: "{}",
    session: { state: 0 },
    lines: { text: "" },
  } as unknown as Needs;
  const task = superviseTask({
    needs,
    isSecond: false,
    nextAt: 0,
    isMade: false,
    ran: () => false,
    feed: () => undefined,
  });
  limits.at = 0;
  for (let i = 1; i <= steps; i++) {
    const before = limits.at;
    const now = i * HALF_MS + late(i);
    snapshot.fastAt = snapshot.cellsAt = snapshot.settingsAt = now;
    const step = (): number => (task.step as (state: unknown, now: number) => number)(task.state, now);
    if (step() <= NEXT_TURN_MS) step();
    if (limits.at !== before) then(needs);
  }
}

/** Times at which limits were made. */
function secondsWith(late: (step: number) => number): number[] {
  const made: number[] = [];
  run(20, late, ({ limits }) => made.push(limits.at));
  return made;
}

/** How long the SoC is well until the alarm is gone, s. */
function clearedAfter(late: (step: number) => number): number {
  let wellAt = NaN,
    goneAt = NaN;
  run(300, late, ({ alarms, snapshot, limits }) => {
    const isOn = (alarms.on[LOW_SOC] & ALARM) > 0;
    if (isOn && limits.at > 40000 && isNaN(wellAt)) wellAt = limits.at;
    if (wellAt && !isOn && isNaN(goneAt)) goneAt = limits.at;
    snapshot.values[stateOfCharge] = wellAt ? 50 : 5;
  });
  return (goneAt - wellAt) / 1000;
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

  it("is every other half second, though one in between comes late again and again", () => {
    const late = (step: number): number => (step % 2 ? 300 : 0);
    assert.deepEqual(
      secondsWith(late),
      Array.from({ length: 10 }, (_, i) => (i + 1) * 2 * HALF_MS),
    );
  });

  const LATE: [string, (step: number) => number][] = [
    ["in time", () => 0],
    ["300 ms late before each", (step) => (step % 2 ? 300 : 0)],
    ["300 ms late at every third", (step) => (step % 6 ? 0 : 300)],
    ["late by less and less", (step) => (step % 2 ? 0 : [200, 100, 0][(step / 2) % 3]!)],
  ];
  for (const [name, late] of LATE)
    it(`alarms last as long as they should: ${name}`, () => {
      const s = clearedAfter(late);
      assert.ok(s >= CLEARED_S - 0.5 && s <= CLEARED_S + 1.5, `${s} s`);
    });
});
