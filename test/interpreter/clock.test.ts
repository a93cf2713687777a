// Time of day and offline replay in an Espruino for Linux: every cold part runs there, a jump of the clock disturbs nothing.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { startTimeServer, type TimeServer } from "../../tools/host/time-server";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System, type SystemOptions } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";

const T = 1800000000;
const refused = /^ERROR: Connect failed/;

describe("time and replay in an Espruino for Linux", function () {
  this.timeout(300000);
  this.retries(2); // Espruino for Linux loses characters of its serial ports now and then, and a loaded machine is late
  let image = "", system: System, server: TimeServer;

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    image = (await buildImage({ board: "host" })).code;
  });
  beforeEach(async () => { server = await startTimeServer(() => T); });
  afterEach(async () => {
    await system?.stop();
    await server.close();
  });

  const errors = (): string[] => system.errors().filter((line) => !refused.test(line));
  const status = async () => JSON.parse((await system.http("/api/status")).text) as
    { time: string | null; uptime_ms: number; clock: { syncs: number; failures: number }; replay: { pending: number }; mqtt: { connected: boolean };
      live_data: { phase: string; age_ms: number } };
  const start = (options: Partial<SystemOptions>): Promise<System> => startSystem({ image, clock: true, ...options });
  const synced = (count: number): Promise<boolean> => until(`time ${count}`, 40000, async () => (await status().catch(() => null))?.clock.syncs === count);
  /** Once more now: a change of the setting asks. */
  async function resync(hours: number): Promise<void> {
    const token = /setup token: (\S+)/.exec(system.console.lines.join("\n"))![1]!;
    await system.http("/api/config", { method: "PUT", headers: { "X-Setup-Token": token }, body: JSON.stringify({ time: { sync_hours: hours } }) });
  }

  it("learns the time, stands jumps both ways, and keeps its frames and ages", async () => {
    system = await start({ settings: { time: { server: `127.0.0.1:${server.port}` } } });
    await synced(1);
    await until("frames", 20000, () => system.frames(0x351).length > 2);
    let count = 1;
    for (const jump of [3600, 0, 20 * 31557600, 0]) {
      const { uptime_ms: uptime } = await status(), asked = Date.now(), from = system.frames(0x351).length;
      server.now = () => T + jump;
      await resync(count + 6);
      await synced(++count);
      await sleep(4000);
      const after = await status(), passed = Date.now() - asked, frames = system.frames(0x351).slice(from).map(({ at }) => at);
      const gaps = frames.slice(1).map((at, i) => at - frames[i]!);
      assert.ok(Math.max(...gaps) < 1500 && frames.length <= passed / 1000 * 1.5 + 2, `${jump}: ${frames.length} frames in ${passed} ms, ${gaps}`);
      assert.ok(Math.abs(after.uptime_ms - uptime - passed) < 2000, `${jump}: ${after.uptime_ms - uptime} ms in ${passed}`);
      assert.equal(after.live_data.phase, "normal");
      assert.ok(Math.abs(Date.parse(after.time!) / 1000 - T - jump) < 60, after.time!);
    }
    assert.deepEqual(errors(), []);
  });

  it("goes on without an answer, and takes no time from noise", async () => {
    server.manner = "noise";
    system = await start({ settings: { time: { server: `127.0.0.1:${server.port}` } } });
    await until("a failure", 40000, async () => ((await status().catch(() => null))?.clock.failures ?? 0) > 0);
    assert.equal((await status()).time, null);
    await until("frames", 20000, () => system.frames(0x351).length > 2);
    assert.deepEqual(errors(), []);
  });

  it("keeps what the broker misses and tells it when the broker is back", async () => {
    system = await start({ scenario: "discharge", settings: { mqtt: { reconnect_interval_ms: 500, reconnect_max_ms: 2000 }, time: { server: `127.0.0.1:${server.port}` } } });
    await until("connected", 30000, async () => (await status().catch(() => null))?.mqtt.connected === true);
    await synced(1);
    await sleep(3000);
    await system.broker!.stop();
    await until("a record", 60000, async () => (await status()).replay.pending > 0);
    await system.broker!.start();
    const said = await until("a replay", 40000, () => system.broker!.messages.find(({ topic }) => topic.endsWith("/rt/replay")));
    const { samples } = JSON.parse(said.payload) as { samples: { time: string; s: string; v: number }[] };
    assert.deepEqual(samples.slice(0, 4).map(({ s }) => s), ["state_of_charge", "cvl", "ccl", "dcl"]);
    assert.ok(samples.every(({ time, v }) => time.startsWith("2027-01-15T08:") && typeof v === "number"), said.payload);
    assert.deepEqual([said.qos, said.retain], [1, false]);
    assert.deepEqual(errors(), []);
  });
});
