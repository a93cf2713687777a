// A broker away for minutes, on the interpreter: what it missed is kept in flash and told, nothing stays in memory.
// `npm run soak`; AWAY_S in the environment makes it longer. A short form runs with the interpreter tests.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { timeBench } from "../interpreter/bench";
import { leastMemory } from "./memory";

/** How long the broker is away after the first record: a minute at least, so that flash has it. */
const AWAY_MS = Number(process.env.AWAY_S ?? 70) * 1000;

describe("replay through flash in an Espruino for Linux", function () {
  const { start, status, untilStatus, synced, errors } = timeBench(1800000000);
  this.timeout(300000 + AWAY_MS);

  it("keeps what the broker misses, on flash too, tells it when the broker is back, and holds no memory afterwards", async () => {
    const system = await start({
        scenario: "discharge",
        settings: { mqtt: { reconnect_interval_ms: 500, reconnect_max_ms: 2000 } },
      }),
      { broker } = system;
    await untilStatus("connected", 30000, ({ mqtt }) => mqtt.connected);
    await synced(1);
    // with the time come totals of the day and the month, which stay
    await until("totals", 60000, () => broker!.messages.some(({ topic }) => topic.includes("/rt/energy/")));
    await sleep(5000);
    const before = await leastMemory(system);
    await broker!.stop();
    await untilStatus("a record", 60000, ({ replay }) => replay.pending > 0);
    await sleep(AWAY_MS);
    assert.ok((await status()).replay.pending > 0);
    await broker!.start();
    const said = await until("a replay", 40000, () =>
      broker!.messages.find(({ topic }) => topic.endsWith("/rt/replay")),
    );
    const { samples } = JSON.parse(said.payload) as { samples: { time: string; s: string; v: number }[] };
    assert.deepEqual(
      samples.slice(0, 4).map(({ s }) => s),
      ["state_of_charge", "cvl", "ccl", "dcl"],
    );
    assert.ok(
      samples.every(({ time, v }) => time.startsWith("2027-01-15T08:") && typeof v === "number"),
      said.payload,
    );
    assert.deepEqual([said.qos, said.retain], [1, false]);
    await untilStatus("all told", 90000, ({ replay }) => replay.pending === 0);
    await sleep(62000);
    const after = await leastMemory(system);
    console.log(`    ${before} JsVars before, ${after} afterwards`);
    assert.ok(after <= before + 25, `${before} JsVars, afterwards ${after}`);
    assert.deepEqual(errors(), []);
  });
});
