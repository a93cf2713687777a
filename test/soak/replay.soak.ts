// A broker away for minutes, on the interpreter: what it missed is kept in flash and told, nothing stays in memory. `npm run soak`; AWAY_S in
// the environment makes it longer. A short form runs with the interpreter tests.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { startTimeServer, type TimeServer } from "../../tools/host/time-server";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System, type SystemOptions } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";
import { leastMemory } from "./memory";

const T = 1800000000;
/** How long the broker is away after the first record: a minute at least, so that flash has it. */
const AWAY_MS = Number(process.env.AWAY_S ?? 70) * 1000;
const refused = /^ERROR: Connect failed/;

describe("replay through flash in an Espruino for Linux", function () {
  this.timeout(300000 + AWAY_MS);
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

  it("keeps what the broker misses, on flash too, tells it when the broker is back, and holds no memory afterwards", async () => {
    system = await start({ scenario: "discharge", settings: { mqtt: { reconnect_interval_ms: 500, reconnect_max_ms: 2000 }, time: { server: `127.0.0.1:${server.port}` } } });
    await until("connected", 30000, async () => (await status().catch(() => null))?.mqtt.connected === true);
    await synced(1);
    await sleep(5000);
    const before = await leastMemory(system);
    await system.broker!.stop();
    await until("a record", 60000, async () => (await status()).replay.pending > 0);
    await sleep(AWAY_MS);
    assert.ok((await status()).replay.pending > 0);
    await system.broker!.start();
    const said = await until("a replay", 40000, () => system.broker!.messages.find(({ topic }) => topic.endsWith("/rt/replay")));
    const { samples } = JSON.parse(said.payload) as { samples: { time: string; s: string; v: number }[] };
    assert.deepEqual(samples.slice(0, 4).map(({ s }) => s), ["state_of_charge", "cvl", "ccl", "dcl"]);
    assert.ok(samples.every(({ time, v }) => time.startsWith("2027-01-15T08:") && typeof v === "number"), said.payload);
    assert.deepEqual([said.qos, said.retain], [1, false]);
    await until("all told", 90000, async () => (await status()).replay.pending === 0);
    await sleep(62000);
    const after = await leastMemory(system);
    console.log(`    ${before} JsVars before, ${after} afterwards`);
    assert.ok(after <= before + 25, `${before} JsVars, afterwards ${after}`);
    assert.deepEqual(errors(), []);
  });
});
