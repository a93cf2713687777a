// Time of day and offline replay in an Espruino for Linux: every cold part runs there, a jump of the clock disturbs
// nothing.
import assert from "node:assert/strict";
import { sleep, until } from "../../tools/rig/wait";
import { timeBench } from "./bench";

const T = 1800000000;

describe("time and replay in an Espruino for Linux", function () {
  const bench = timeBench(T),
    { start, server, status, untilStatus, synced, errors } = bench;
  const limits = (from = 0): number[] =>
    bench
      .system()
      .frames(0x351)
      .slice(from)
      .map(({ at }) => at);
  /** Once more now: a change of the setting asks. */
  async function resync(hours: number): Promise<void> {
    const { console, http } = bench.system(),
      token = /setup token: (\S+)/.exec(console.lines.join("\n"))![1]!;
    await http("/api/config", {
      method: "PUT",
      headers: { "X-Setup-Token": token },
      body: JSON.stringify({ time: { sync_hours: hours } }),
    });
  }

  it("learns the time, stands jumps both ways, and keeps its frames and ages", async () => {
    await start();
    await synced(1);
    await until("frames", 20000, () => limits().length > 2);
    let count = 1;
    for (const jump of [3600, 0, 20 * 31557600, 0]) {
      const { uptime_ms: uptime } = await status(),
        asked = bench.system().clock.now(),
        from = limits().length;
      server().now = () => T + jump;
      await resync(count + 6);
      await synced(++count);
      const seen = limits().length;
      await until("frames after it", 20000, () => limits().length >= seen + 4);
      const after = await status(),
        passed = bench.system().clock.now() - asked,
        frames = limits(from),
        gaps = frames.slice(1).map((at, i) => at - frames[i]!);
      assert.ok(
        Math.max(...gaps) < 1500 && frames.length <= (passed / 1000) * 1.5 + 2,
        `${jump}: ${frames.length} frames in ${passed} ms, ${gaps}`,
      );
      assert.ok(
        Math.abs(after.uptime_ms - uptime - passed) < 2000,
        `${jump}: ${after.uptime_ms - uptime} ms in ${passed}`,
      );
      assert.equal(after.live_data.phase, "normal");
      assert.ok(Math.abs(Date.parse(after.time!) / 1000 - T - jump) < 60, after.time!);
    }
    assert.deepEqual(errors(), []);
  });

  it("goes on without an answer, and takes no time from noise", async () => {
    server().manner = "noise";
    await start();
    const { time } = await untilStatus("a failure", 40000, ({ clock }) => clock.failures > 0);
    assert.equal(time, null);
    await until("frames", 20000, () => limits().length > 2);
    assert.deepEqual(errors(), []);
  });

  it("keeps what the broker misses and tells it when the broker is back", async () => {
    const { broker } = await start({
      scenario: "discharge",
      settings: {
        mqtt: { reconnect_interval_ms: 500, reconnect_max_ms: 2000 },
        time: { server: `127.0.0.1:${server().port}`, zone: "<-10>10<-09>,M3.2.0,M11.1.0" },
      },
    });
    await untilStatus("connected", 30000, ({ mqtt }) => mqtt.connected);
    const energy = await until("energy of the day", 60000, () =>
      broker!.messages.find(({ topic }) => topic.endsWith("/rt/energy/discharge/daily")),
    );
    assert.match(energy.payload, /"date":"2027-01-14","quality":"estimated","device_id":"ESP32-A1B2C3"/);
    await synced(1);
    await sleep(3000);
    const state = broker!.messages.findLast(({ topic }) => topic.endsWith("/rt/state"))!.payload;
    assert.match(state, /"time":"2027-01-15T08:\d\d:\d\d\.\d{3}Z"/);
    await broker!.stop();
    await untilStatus("a record", 60000, ({ replay }) => replay.pending > 0);
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
    assert.deepEqual(errors(), []);
  });
});
