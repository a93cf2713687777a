// The recorder and a device's own image: its messages become rows, a change of its settings goes there and back.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { optionsOf } from "../../tools/recorder/options";
import { startRecorder, type Recorder } from "../../tools/recorder/recorder";
import { until, TEST_MS } from "../../tools/rig/wait";
import { boot, closeHosts, imageText, running, untilStatus } from "../system/rig";

const PATIENCE = 120_000;

describe("recorder: a device's own image", function () {
  this.timeout(TEST_MS);
  const data = mkdtempSync(join(tmpdir(), "recorder-device-"));
  let recorder: Recorder;
  before(imageText);
  after(async () => {
    await recorder?.close();
    await closeHosts();
    rmSync(data, { recursive: true, force: true });
  });

  it("everything that it publishes is known; rows come; settings are pushed and shown", async () => {
    const host = await boot({ timeScale: 1 }),
      device = host.topic.split("/")[1];
    const given = {
      http: 0,
      address: "127.0.0.1",
      topics: "tinybms" as const,
      store: "values" as const,
      keepRaw: 90,
      spoolMax: 1,
      engine: "plain" as const,
      demoDays: 0,
      origin: [],
      log: "error",
      data,
    };
    const reach = { host: "127.0.0.1", port: host.broker!.listening.port, protocol: "mqtt" as const };
    recorder = await startRecorder(
      optionsOf(given, { RECORDER_TOKEN: "t" }),
      reach,
      pino({ level: "silent" }),
      "0.0.0",
    );
    const ask = async (path: string, post?: unknown): Promise<ReturnType<typeof JSON.parse>> => {
      const headers = { "authorization": "Bearer t", "content-type": "application/json" };
      return (
        await fetch(recorder.url + path, {
          method: post ? "POST" : "GET",
          headers,
          body: post ? JSON.stringify(post) : undefined,
        })
      ).json();
    };
    await running(host);
    await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true && mqtt.subscribed === true, PATIENCE);
    await until("values", PATIENCE, async () =>
      ((await ask(`/api/devices/${device}/latest`)).latest ?? []).some(
        ({ sensor, value }: { sensor: string; value: number }) => sensor === "battery_pack_voltage" && value > 40,
      ),
    );
    await until("its settings", PATIENCE, async () =>
      ((await ask(`/api/devices/${device}/config`)).modules ?? []).some(
        ({ module }: { module: string }) => module === "mqtt",
      ),
    );
    const pushed = await ask(`/api/devices/${device}/config`, { patch: { mqtt: { sensorMinPublishMs: 1500 } } });
    assert.deepEqual([pushed.ok, pushed.changed], [true, ["mqtt.sensorMinPublishMs"]], JSON.stringify(pushed));
    console.log(`      the push took ${pushed.ms} ms there and back`);
    await until(
      "shown",
      PATIENCE,
      async () =>
        (await ask(`/api/devices/${device}/config/versions?module=mqtt`)).versions[0].document.sensorMinPublishMs ===
        1500,
    );
    const refused = await ask(`/api/devices/${device}/config`, { patch: { mqtt: { reconnect_max_ms: 1000 } } });
    assert.equal(refused.ok, false, "the device's own rule: not below reconnect_interval_ms");
    const grave = { patch: { battery: { inhibit_charge: true } } },
      blocked = await ask(`/api/devices/${device}/config`, grave);
    assert.deepEqual([blocked.ok, blocked.err?.code], [false, "InterlockBlocked"], JSON.stringify(blocked));
    const confirmed = await ask(`/api/devices/${device}/config`, { ...grave, confirm: true });
    assert.deepEqual([confirmed.ok, confirmed.changed], [true, ["battery.inhibit_charge"]], JSON.stringify(confirmed));
    const { letters } = await ask("/api/dead-letters");
    assert.deepEqual(
      letters.map(({ topic, reason }: { topic: string; reason: string }) => [topic, reason]),
      [],
    );
    const own = (await ask(`/api/devices/${device}`)).device;
    assert.deepEqual([own.online, own.bmsOnline], [true, true]);
  });
});
