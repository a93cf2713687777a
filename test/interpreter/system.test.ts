// The built image in a real Espruino for Linux, booted from flash, with everything that runs on the chip running: UART to the
// simulator, CAN registers modelled, MQTT, HTTP. What node hides shows here: memory above all. Failures around it: behaviour.test.ts.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";

/** JsVars: in steady state, and with an HTTP client, with drivers, frames, alarms and charge control complete. */
const STEADY = 2200, PEAK = 2800;
/** A refused connection prints this line by itself (decisions 46). */
const refused = /^ERROR: Connect failed/;

describe("the image in an Espruino for Linux", function () {
  this.timeout(90000);
  this.retries(2); // Espruino for Linux loses characters of its serial ports now and then, and a loaded machine is late
  let image = "", system: System;

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    image = (await buildImage({ board: "host" })).code;
  });
  afterEach(async () => { await system?.stop(); });

  const errors = (): string[] => system.errors().filter((line) => !refused.test(line));
  const status = async (): Promise<Record<string, Record<string, unknown>>> => JSON.parse((await system.http("/api/status")).text);
  /** Of the data; while the image boots there is nobody to ask. */
  const phase = async (): Promise<unknown> => (await status().catch(() => null))?.live_data.phase;

  it("sends frames and topics, answers HTTP, keeps within its memory, prints no error", async () => {
    system = await startSystem({ image, scenario: "charge" });
    await until("all frames", 20000, () => [0x351, 0x355, 0x356, 0x35a, 0x372, 0x373, 0x374, 0x378, 0x35e, 0x35f, 0x380, 0x382].every((id) => system.frames(id).length > 0));
    await until("state on MQTT", 20000, () => system.broker!.messages.some(({ topic }) => topic.endsWith("/rt/state")));
    await sleep(4000);
    const ids = new Set(system.frames().map(({ id }) => id));
    assert.deepEqual([...ids].filter((id) => id === 0x305 || id === 0x307), []);
    const topics = new Set(system.broker!.messages.map(({ topic }) => topic.split("/").slice(2).join("/")));
    for (const topic of ["status", "status/connected", "rt/bms", "rt/state", "rt/limits", "rt/reg/battery_pack_voltage"]) assert.ok(topics.has(topic), topic);
    assert.ok((await system.memory(true)).steady <= STEADY, `${(await system.memory()).steady} JsVars steady`);
    const { live_data: live, memory } = await status();
    assert.equal(live.phase, "normal");
    assert.ok(Math.abs((live.voltage as number) - 55) < 3, `${live.voltage} V`);
    const { prelude } = await system.memory();
    assert.ok((memory.used as number) - prelude <= PEAK, `${memory.used} JsVars while answering, ${prelude} of them the rig's`);
    assert.deepEqual(errors(), []);
  });

  it("does not grow over 500 polls", async function () {
    this.timeout(240000); // Linux hands over serial bytes slowly: some eight polls a second
    system = await startSystem({ image, settings: { uart: { poll_ms: 20 } } });
    const polls = async (): Promise<number> => (await status()).uart.seq as number;
    await until("normal", 20000, async () => (await phase()) === "normal");
    await sleep(2000);
    const before = await system.memory(true), from = await polls();
    while (await polls() < from + 500) await sleep(1000);
    const after = await system.memory();
    assert.ok(after.steady <= before.steady + 25, `${before.steady} JsVars, after 500 polls ${after.steady}`);
    assert.deepEqual(errors(), []);
  });

  it("reads no wrong value out of noise, and goes on", async () => {
    system = await startSystem({ image, scenario: "idle" });
    await until("normal", 20000, async () => (await phase()) === "normal");
    const { live_data: quiet } = await status();
    const assertRight = async (): Promise<void> => { // at rest a value of some seconds ago is still right
      const { live_data: live } = await status();
      for (const [name, room] of [["voltage", 0.3], ["current", 1], ["soc_percent", 1], ["temperature", 1], ["max_cell_mv", 10], ["min_cell_mv", 10]] as const) {
        if (live[name] !== null) assert.ok(Math.abs((live[name] as number) - (quiet[name] as number)) <= room, `${name} ${live[name]}`);
      }
    };
    const flood = async (): Promise<number> => { // JsVars afterwards
      system.simulator.faults.set("flood", { for_ms: 8000 });
      for (let looks = 0; looks < 20; looks++, await sleep(400)) await assertRight();
      await until("normal", 10000, async () => (await phase()) === "normal");
      await assertRight();
      await sleep(2000);
      return (await system.memory()).steady;
    };
    const first = await flood(), second = await flood(); // what is used for the first time stays
    assert.ok(second <= first + 25, `${first} JsVars after noise, ${second} after more of it`);
    assert.deepEqual(errors(), []);
  });
});
