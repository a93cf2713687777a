// Commands through a real broker, as a person or Home Assistant sends them: subscribed, answered, and the broker's
// retained ones ignored.
import assert from "node:assert/strict";
import { connectAsync, type MqttClient } from "mqtt";
import type { Host } from "../../tools/host/run";
import { boot, closeHosts, imageText, running, untilStatus } from "./rig";

type Json = Record<string, unknown>;

describe("system: commands", () => {
  let host: Host, client: MqttClient;
  const heard: { suffix: string; payload: string }[] = [];
  before(imageText);
  afterEach(async () => {
    await client?.endAsync(true);
    await closeHosts();
  });

  async function start(settings: Record<string, Json> = {}): Promise<void> {
    heard.length = 0;
    host = await boot({ settings });
    client = await connectAsync({ host: "127.0.0.1", port: host.broker!.listening.port, clientId: "person" });
    client.on("message", (topic, payload) =>
      heard.push({ suffix: topic.slice(host.topic.length + 1), payload: payload.toString() }),
    );
    await client.subscribeAsync(`${host.topic}/#`, { qos: 1 });
    await running(host);
    await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true && mqtt.subscribed === true, 15000);
  }
  const texts = (suffix: string): string[] =>
    heard.filter((message) => message.suffix === suffix).map(({ payload }) => payload);

  async function ask(suffix: string, answer: string, payload: string, qos: 0 | 1 | 2 = 0): Promise<string> {
    const before = texts(answer).length;
    await client.publishAsync(`${host.topic}/${suffix}`, payload, { qos });
    await host.until(`an answer to ${payload}`, () => texts(answer).length > before, 20000);
    return texts(answer).at(-1)!;
  }

  it("are answered at each QoS, once", async () => {
    await start();
    for (const qos of [0, 1, 2] as const) {
      assert.equal(
        await ask("cmd", "ack", `{"cmd":"system.ping","args":{},"id":"${qos}"}`, qos),
        `{"ok":true,"cmd":"system.ping","id":"${qos}","reply":{"pong":true}}`,
      );
    }
    assert.equal(
      await ask("cfg/set", "cfg/ack", '{"mqtt":{"sensorMinPublishMs":500}}', 1),
      '{"ok":true,"where":"cfg/set","changed":["mqtt.sensorMinPublishMs"]}',
    );
    await host.until(
      "cfg/mqtt",
      () => texts("cfg/mqtt").some((text) => (JSON.parse(text) as Json).sensorMinPublishMs === 500),
      10000,
    );
    await host.wait(2000);
    assert.deepEqual([texts("ack").length, texts("cfg/ack").length], [3, 1]);
  });

  it("that the broker retained are ignored", async () => {
    await start();
    await client.publishAsync(`${host.topic}/cmd`, '{"cmd":"system.ping","id":"old"}', { qos: 1, retain: true });
    await host.until("the live copy", () => texts("ack").length === 1, 10000);
    await host.broker!.stop();
    await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 5000);
    await host.broker!.start();
    await untilStatus(host, "back", ({ mqtt }) => mqtt.connected === true, 60000);
    await host.wait(4000);
    assert.equal(host.broker!.messages.filter(({ topic }) => topic === `${host.topic}/ack`).length, 1);
  });

  it("refuse what is not JSON, too long, or not allowed", async () => {
    await start();
    for (const [payload, code] of [
      ["{", "BadCmdJson"],
      ['{"cmd":"nothing"}', "UnknownCmd"],
      ['{"cmd":"system.reboot","args":{"confirm":true}}', "InterlockBlocked"],
    ] as const) {
      assert.equal(((JSON.parse(await ask("cmd", "ack", payload)) as Json).err as Json).code, code);
    }
  });

  it("test the connection and read the TinyBMS", async () => {
    await start();
    assert.equal(((JSON.parse(await ask("cmd", "ack", '{"cmd":"mqtt.test"}')) as Json).reply as Json).stage, "puback");
    assert.deepEqual(
      (
        (JSON.parse(await ask("cmd", "ack", '{"cmd":"bms.read","args":{"address":300,"count":2}}')) as Json)
          .reply as Json
      ).words,
      [3550, 2900],
    );
  });
});
