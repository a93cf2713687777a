// The built image in a real Espruino for Linux, booted from flash, with everything that runs on the chip running: UART
// to the simulator, CAN registers modelled, MQTT, HTTP. What node hides shows here: memory above all. Failures around
// it: behaviour.test.ts.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { interpreterBench } from "./bench";

/** JsVars: in steady state, and with an HTTP client, with drivers, frames, alarms and charge control complete. */
const STEADY = 3200,
  PEAK = 3900;
/** JsVars of the lines that the log keeps, 1,000 characters: it may grow to that. */
const LOG = 84;
const FRAMES = [0x351, 0x355, 0x356, 0x35a, 0x372, 0x373, 0x374, 0x378, 0x35e, 0x35f, 0x380, 0x382];
const TOPICS = ["status", "status/connected", "rt/bms", "rt/state", "rt/limits", "rt/reg/battery_pack_voltage"];

describe("the image in an Espruino for Linux", function () {
  const bench = interpreterBench(),
    { start, status, untilStatus, errors } = bench;
  const untilPhase = (phase: string, limit_ms: number) =>
    untilStatus(phase, limit_ms, ({ live_data }) => live_data.phase === phase);

  it("sends frames and topics, answers HTTP, keeps within its memory, prints no error", async () => {
    const system = await start({ scenario: "charge" });
    await until("all frames", 40000, () => FRAMES.every((id) => system.frames(id).length > 0));
    const topics = (): Set<string> =>
      new Set(system.broker!.messages.map(({ topic }) => topic.split("/").slice(2).join("/")));
    await until("all topics", 40000, () => TOPICS.every((topic) => topics().has(topic)));
    await sleep(2000);
    assert.deepEqual(
      system.frames().filter(({ id }) => id === 0x305 || id === 0x307),
      [],
    );
    const { steady, prelude } = await system.memory(true);
    assert.ok(steady <= STEADY, `${steady} JsVars steady`);
    const { live_data: live, memory } = await status();
    assert.equal(live.phase, "normal");
    assert.ok(Math.abs(live.voltage - 55) < 3, `${live.voltage} V`);
    assert.ok(memory.used - prelude <= PEAK, `${memory.used} JsVars while answering, ${prelude} of them the rig's`);
    assert.deepEqual(errors(), []);
  });

  it("reads no wrong value out of noise, and goes on", async () => {
    const system = await start({ scenario: "idle" });
    await untilPhase("normal", 40000);
    const quiet = (await status()).live_data as unknown as Record<string, number>;
    const assertRight = async (): Promise<void> => {
      // at rest a value of some seconds ago is still right
      const live = (await status()).live_data as unknown as Record<string, number | null>;
      for (const [name, room] of [
        ["voltage", 0.3],
        ["current", 1],
        ["soc_percent", 1],
        ["temperature", 1],
        ["max_cell_mv", 10],
        ["min_cell_mv", 10],
      ] as const) {
        if (live[name] !== null) assert.ok(Math.abs(live[name] - quiet[name]) <= room, `${name} ${live[name]}`);
      }
    };
    const flood = async (): Promise<number> => {
      // JsVars afterwards
      system.simulator.faults.set("flood", { for_ms: 8000 });
      while (system.simulator.faults.active().includes("flood")) {
        await assertRight();
        await sleep(400);
      }
      const { uart } = await status();
      await untilStatus(
        "polls",
        30000,
        ({ uart: { seq }, live_data: { phase } }) => phase === "normal" && seq >= uart.seq + 8,
      );
      await assertRight();
      return (await system.memory()).steady;
    };
    const first = await flood(),
      second = await flood(); // what is used for the first time stays
    assert.ok(second <= first + 25 + LOG, `${first} JsVars after noise, ${second} after more of it`);
    assert.deepEqual(errors(), []);
  });
});
