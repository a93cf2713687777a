// Offline replay in the built image: the broker away for minutes, a restart meanwhile, and what rt/replay says
// afterwards.
import assert from "node:assert/strict";
import { startTimeServer } from "../../tools/host/time-server";
import type { Host } from "../../tools/host/run";
import type { Message } from "../../tools/host/broker";
import { boot, closeHosts, imageText, untilStatus } from "./rig";

interface Sample {
  time?: string;
  timestamp_ms?: number;
  boot?: number;
  s: string;
  v: number;
}

const replayed = (host: Host): Message[] =>
  host.broker!.messages.filter(({ topic }) => topic === `${host.topic}/rt/replay`);
const samplesOf = (messages: Message[]): Sample[] =>
  messages.flatMap(({ payload }) => (JSON.parse(payload) as { samples: Sample[] }).samples);
const mqtt = { reconnect_interval_ms: 1000, reconnect_max_ms: 5000 };

/** Wait until nothing waits any more, on the device and at the broker. */
async function settled(host: Host): Promise<void> {
  await host.until("a replay", () => replayed(host).length > 0, 200000);
  await untilStatus(host, "all told", ({ replay }) => replay.pending === 0, 120000);
}

describe("offline replay, the whole system", () => {
  before(imageText);
  afterEach(closeHosts);

  it("tells minutes without the broker on rt/replay alone, in order, with their time, QoS 1, not retained, and once", async () => {
    const server = await startTimeServer(() => 1800000000);
    try {
      const host = await boot({
        timeScale: 20,
        speed: 20,
        settings: { mqtt, time: { server: `127.0.0.1:${server.port}` } },
      });
      await untilStatus(host, "time and broker", (s) => s.time !== null && s.mqtt.connected === true, 30000);
      await host.wait(40000);
      assert.equal(replayed(host).length, 0);
      await host.broker!.stop();
      await host.wait(240000);
      await host.broker!.start();
      await settled(host);
      await host.wait(30000);
      const samples = samplesOf(replayed(host)),
        times = samples.map(({ time }) => Date.parse(time!));
      assert.ok(new Set(times).size >= 4, `${new Set(times).size} moments`);
      assert.ok(
        times.every((time, i) => i === 0 || time >= times[i - 1]!),
        `${samples.map(({ time }) => time)}`,
      );
      assert.ok(times[0]! >= 1800000000000 && times.at(-1)! - times[0]! > 120000);
      assert.equal(new Set(samples.map(({ time, s }) => `${time} ${s}`)).size, samples.length, "once");
      assert.deepEqual([...new Set(samples.map(({ s }) => s))].sort(), ["ccl", "cvl", "dcl", "state_of_charge"]);
      for (const { qos, retain, payload } of replayed(host))
        assert.deepEqual([qos, retain, payload.length <= 1024], [1, false, true]);
    } finally {
      await server.close();
    }
  });

  it("tells what it kept before a restart, numbered by start while the time is unknown", async () => {
    const host = await boot({ timeScale: 20, speed: 20, settings: { mqtt } });
    await untilStatus(host, "broker", (s) => s.mqtt.connected === true, 30000);
    await host.broker!.stop();
    await host.wait(200000);
    host.reboot();
    await host.wait(140000);
    assert.ok(host.store.files.get("replay.a")!.length === 8192);
    await host.broker!.start();
    await settled(host);
    const samples = samplesOf(replayed(host)),
      boots = samples.map(({ boot: start }) => start!);
    assert.deepEqual([...new Set(boots)], [1, 2]);
    const config = host.broker!.retained.get(`${host.topic}/system/config`)!.payload;
    assert.equal((JSON.parse(config) as { boot: number }).boot, 2, "the start that talks now");
    for (const start of [1, 2]) {
      const ups = samples.filter((sample) => sample.boot === start).map(({ timestamp_ms: up }) => up!);
      assert.ok(ups.length >= 8 && ups.every((up, i) => i === 0 || up >= ups[i - 1]!), `${start}: ${ups}`);
    }
    await host.wait(70000); // flash learns of it a minute after its last write
    host.reboot();
    const before = replayed(host).length;
    await untilStatus(host, "broker again", (s) => s.mqtt.connected === true, 30000);
    await host.wait(60000);
    const again = samplesOf(replayed(host).slice(before)).filter(({ boot: start }) => start! < 3);
    assert.deepEqual(again, [], "told once");
  });
});
