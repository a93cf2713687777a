// The built image in a real Espruino for Linux, booted from flash, with everything that runs on the chip running: UART to the
// simulator, CAN registers modelled, MQTT, HTTP. What node hides shows here.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { interpreterBench } from "./bench";

/** JsVars: in steady state, and with an HTTP client, with drivers, frames, alarms and charge control complete. */
const STEADY = 2200, PEAK = 2800;
const FRAMES = [0x351, 0x355, 0x356, 0x35a, 0x372, 0x373, 0x374, 0x378, 0x35e, 0x35f, 0x380, 0x382];
const TOPICS = ["status", "status/connected", "rt/bms", "rt/state", "rt/limits", "rt/reg/battery_pack_voltage"];

describe("the image in an Espruino for Linux", function () {
  const bench = interpreterBench(this), { start, status, untilStatus, errors } = bench;
  const untilPhase = (phase: string, limit_ms: number) => untilStatus(phase, limit_ms, ({ live_data }) => live_data.phase === phase);
  const limitsSent = (): number => bench.system().frames(0x351).length;

  it("sends frames and topics, answers HTTP, keeps within its memory, prints no error", async () => {
    const system = await start({ scenario: "charge" });
    await until("all frames", 40000, () => FRAMES.every((id) => system.frames(id).length > 0));
    const topics = (): Set<string> => new Set(system.broker!.messages.map(({ topic }) => topic.split("/").slice(2).join("/")));
    await until("all topics", 40000, () => TOPICS.every((topic) => topics().has(topic)));
    await sleep(2000);
    assert.deepEqual(system.frames().filter(({ id }) => id === 0x305 || id === 0x307), []);
    const { steady, prelude } = await system.memory(true);
    assert.ok(steady <= STEADY, `${steady} JsVars steady`);
    const { live_data: live, memory } = await status();
    assert.equal(live.phase, "normal");
    assert.ok(Math.abs(live.voltage - 55) < 3, `${live.voltage} V`);
    assert.ok(memory.used - prelude <= PEAK, `${memory.used} JsVars while answering, ${prelude} of them the rig's`);
    assert.deepEqual(errors(), []);
  });

  it("falls silent by the age of the data, and recovers without a restart", async () => {
    const system = await start();
    await untilPhase("normal", 40000);
    system.simulator.faults.set("silence");
    await untilPhase("degraded", 20000);
    await untilPhase("lost", 30000);
    await until("52.8 V, 0 A, 0 A", 10000, () => Buffer.from(system.frames(0x351).at(-1)!.data).toString("hex") === "100200000000d001");
    system.simulator.faults.clear();
    await untilPhase("normal", 30000);
    assert.deepEqual(errors(), []);
  });

  it("reads no wrong value out of noise, and goes on", async () => {
    const system = await start();
    await untilPhase("normal", 40000);
    const flood = async (): Promise<number> => { // JsVars afterwards
      system.simulator.faults.set("flood", { for_ms: 4000 });
      await until("the end of the noise", 20000, () => !system.simulator.faults.active().includes("flood"));
      const { uart } = await status();
      await untilStatus("polls", 30000, ({ uart: { seq }, live_data: { phase } }) => phase === "normal" && seq >= uart.seq + 8);
      return (await system.memory()).steady;
    };
    const first = await flood(), second = await flood(); // what is used for the first time stays
    assert.ok(second <= first + 25, `${first} JsVars after noise, ${second} after more of it`);
    const { live_data: live } = await status();
    assert.ok(Math.abs(live.voltage - 53) < 4, `${live.voltage} V`);
    assert.deepEqual(errors(), []);
  });

  it("connects again when the broker comes back, while CAN goes on", async () => {
    const system = await start({ settings: { mqtt: { reconnect_interval_ms: 500 } } });
    await untilStatus("connected", 40000, ({ mqtt }) => mqtt.connected);
    await system.broker!.stop();
    await untilStatus("the loss is seen", 10000, ({ mqtt }) => !mqtt.connected);
    const frames = limitsSent();
    await until("limits on CAN while the broker is away", 10000, () => limitsSent() >= frames + 4);
    await system.broker!.start();
    await untilStatus("connected again", 40000, ({ mqtt }) => mqtt.connected);
    assert.deepEqual(errors(), []);
  });
});
