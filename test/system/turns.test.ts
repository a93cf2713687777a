// Turns of the interpreter's main loop in the built image, with its work as on a chip, cold functions counted: from
// begin to end of a turn nobody looks at the UART.
import assert from "node:assert/strict";
import { longestTurns } from "../../tools/bench/turns";
import { repeat } from "../../tools/host/clock";
import { turnWeights } from "../../tools/host/costs";
import { startVirtual } from "../../tools/host/virtual";
import { jsonOf } from "../../tools/host/virtual-network";
import { faultyImage } from "../fixtures/image";
import { imageText, LIMITS, type Status } from "./rig";

/** No turn may take longer, none of supervise, M instructions, once everything has been published once. */
const MOST = 20,
  MOST_SUPERVISE = 9;
const SETTLED_MS = 90_000,
  WATCHED_MS = 60_000;

/** No turn may take longer while something goes on, M instructions. To be reached: 8. */
const MOST_BY_KIND: Record<string, number> = {
  "nothing asked": 18,
  "GET /api/status": 33,
  "GET /api/config": 23,
  "PUT /api/config: log": 31,
  "PUT /api/config: battery": 31,
  "PUT /api/config: mqtt": 31,
  "PUT /api/config: retain": 31,
  "PUT /api/config: base topic": 31,
  "cfg/set": 24,
  "publish.all": 29,
  "a new connection": 22,
};

describe("system: turns of the main loop", () => {
  it("run one step of a task at most, and none is long", async () => {
    const rig = startVirtual({ image: await imageText(), seed: 1, scenario: "charge", weights: turnWeights() });
    let turns = 0,
      most = 0,
      supervise = 0;
    rig.clock.run(SETTLED_MS);
    rig.turned.push((instructions, whats) => {
      const steps = whats.filter((what) => what !== "string" && what !== "timer");
      assert.ok(steps.length <= 1, whats.join(" "));
      most = Math.max(most, instructions / 1e6);
      // bytes that came in the same turn are no work of the step: they count above
      if (whats.join() === "supervise") supervise = Math.max(supervise, instructions / 1e6);
      turns++;
    });
    rig.clock.run(WATCHED_MS);
    assert.ok(turns > (20 * WATCHED_MS) / 1000, `${turns} turns`);
    assert.ok(most <= MOST, `${most.toFixed(1)} M`);
    assert.ok(supervise > 1 && supervise <= MOST_SUPERVISE, `supervise: ${supervise.toFixed(1)} M`);
  });

  it("are as long as their kind may have, whatever goes on", async () => {
    const turns = longestTurns(await imageText(), "newest");
    assert.deepEqual(turns.map(({ kind }) => kind).sort(), Object.keys(MOST_BY_KIND).sort());
    assert.deepEqual(
      turns
        .filter(({ kind, most }) => !(most > 1 && most <= MOST_BY_KIND[kind]!))
        .map(({ kind, most, whats }) => `${kind}: ${most.toFixed(1)} M, ${whats.join(" ")}`),
      [],
    );
  });

  /** How often the task `uart` began late in 100 s, while the clock is set each 5 s or never. */
  async function lateWhile(isSet: boolean): Promise<number> {
    const image = await faultyImage({ file: "time/clock.cold.ts", from: "* 3600000", to: "* 5000" }),
      rig = startVirtual({ image, seed: 1, settings: { time: { server: isSet ? "clock" : "", sync_hours: 1 } } });
    const [before, after] = [30_000, 100_000].map((wait_ms) => {
      rig.clock.run(wait_ms);
      const answer = rig.get("/api/status");
      rig.clock.run(5000);
      const { tasks, clock } = jsonOf<Status & { clock: { syncs: number } }>(answer)!;
      assert.ok(isSet ? clock.syncs > 3 : clock.syncs === 0, `${clock.syncs} times`);
      return tasks.find(({ name }) => name === "uart")!.late;
    });
    return after! - before!;
  }

  it("do not come later with each time that the clock is set", async () => {
    const [set, alone] = [await lateWhile(true), await lateWhile(false)];
    assert.ok(set <= alone + 5, `${set} times late, ${alone} when it is not set`);
  });

  it("come though bytes never end, and the battery is heard again afterwards", async () => {
    const rig = startVirtual({ image: await imageText(), seed: 1 });
    let limits = 0;
    rig.clock.run(30_000);
    rig.frames.push(({ id }) => (limits += id === LIMITS ? 1 : 0));
    // as fast as 115200 baud gives them
    const cancel = repeat(rig.clock, 5, () => rig.device.receive(new Uint8Array(58).fill(0x55)));
    rig.clock.run(10_000);
    assert.ok(limits >= 8, `${limits} times 0x351`);
    cancel();
    rig.clock.run(60_000);
    const answer = rig.get("/api/status");
    rig.clock.run(5000);
    assert.equal(jsonOf<Status>(answer)!.live_data.phase, "normal");
  });

  it("are not all for messages that come without end: telemetry goes on", async () => {
    const rig = startVirtual({ image: await imageText(), seed: 1 });
    rig.clock.run(60_000);
    const topic = [...rig.broker.newest.keys()].find((key) => key.endsWith("/rt/state"))!,
      from = rig.broker.messages;
    let states = 0;
    rig.broker.listeners.push((name) => (states += name === topic ? 1 : 0));
    const cancel = repeat(rig.clock, 20, () => rig.broker.send(topic.replace("rt/state", "cmd"), '{"cmd":"ping"}'));
    rig.clock.run(20_000);
    cancel();
    assert.ok(rig.broker.messages > from + 100, "messages are taken");
    assert.ok(states >= 10, `${states} times rt/state`);
  });

  it("go on when the interpreter has removed the timer whose callback it broke off", async () => {
    const rig = startVirtual({ image: await imageText(), seed: 1 });
    let frames = 0;
    rig.clock.run(10_000);
    rig.frames.push(() => frames++);
    (rig.device.global.clearInterval as () => void)();
    rig.clock.run(2_000);
    assert.equal(frames, 0, "nothing runs without it");
    rig.device.raiseFlags(["CALLBACK", "MEMORY"]);
    rig.clock.run(5_000);
    assert.ok(frames > 30, `${frames} frames`);
    assert.ok(
      rig.console.some((line) => line.includes("MEMORY")),
      "and it is told",
    );
  });
});
