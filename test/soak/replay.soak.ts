// A broker away for minutes, on the interpreter: what it missed is kept in flash and told, nothing stays in memory. `npm run soak`; a short form
// runs with the interpreter tests.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { timeBench } from "../interpreter/bench";

describe("replay through flash in an Espruino for Linux", function () {
  const { start, status, untilStatus, synced, errors } = timeBench(this, 1800000000);

  it("keeps what the broker misses, on flash too, tells it when the broker is back, and holds no memory afterwards", async () => {
    const { broker, memory } = await start({ scenario: "discharge", settings: { mqtt: { reconnect_interval_ms: 500, reconnect_max_ms: 2000 } } });
    await untilStatus("connected", 30000, ({ mqtt }) => mqtt.connected);
    await synced(1);
    await sleep(3000);
    const before = await memory(true);
    await broker!.stop();
    await untilStatus("a record", 60000, ({ replay }) => replay.pending > 0);
    await sleep(70000);
    assert.ok((await status()).replay.pending > 0);
    await broker!.start();
    const said = await until("a replay", 40000, () => broker!.messages.find(({ topic }) => topic.endsWith("/rt/replay")));
    const { samples } = JSON.parse(said.payload) as { samples: { time: string; s: string; v: number }[] };
    assert.deepEqual(samples.slice(0, 4).map(({ s }) => s), ["state_of_charge", "cvl", "ccl", "dcl"]);
    assert.ok(samples.every(({ time, v }) => time.startsWith("2027-01-15T08:") && typeof v === "number"), said.payload);
    assert.deepEqual([said.qos, said.retain], [1, false]);
    await untilStatus("all told", 90000, ({ replay }) => replay.pending === 0);
    await sleep(62000);
    const after = await memory();
    assert.ok(after.steady <= before.steady + 25, `${before.steady} JsVars, afterwards ${after.steady}`);
    assert.deepEqual(errors(), []);
  });
});
