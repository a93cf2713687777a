// Home Assistant's discovery as a broker gets it: retained, whole, again after a connection, emptied when it is
// switched off; what its templates name is in the messages that the device sends.
import assert from "node:assert/strict";
import type { Message } from "../../tools/host/broker";
import type { Host, HostOptions } from "../../tools/host/run";
import { lintDiscovery, membersOfTemplate } from "../fixtures/home-assistant";
import { boot, closeHosts, imageText, LIMITS, running, sent, status, untilStatus } from "./rig";

type Component = Record<string, unknown>;
interface Device {
  dev: { ids: string[] };
  stat_t: string;
  cmps: Record<string, Component>;
}

const PREFIX = "homeassistant",
  ID = "tinybms_a1b2c3",
  BMS = `${PREFIX}/device/${ID}_bms/config`,
  GATEWAY = `${PREFIX}/device/${ID}_gateway/config`;

const told = (host: Host, topic: string): Message[] =>
  host.broker!.messages.filter((message) => message.topic === topic);
const parsed = (message: Message | undefined): Device => JSON.parse(message?.payload ?? "null") as Device;

async function discovered(options: HostOptions = {}): Promise<Host> {
  const host = await boot({ settings: { ha: { enabled: true } }, ...options });
  await running(host);
  await host.until("discovery", () => host.broker!.retained.has(BMS) && host.broker!.retained.has(GATEWAY), 60000);
  return host;
}

async function put(host: Host, patch: object): Promise<void> {
  const answer = await host.request("/api/config", {
    method: "PUT",
    headers: { "X-Setup-Token": host.token() },
    body: JSON.stringify(patch),
  });
  assert.equal(answer.status, 200, await answer.text());
}

describe("system: Home Assistant", () => {
  before(imageText);
  afterEach(closeHosts);

  it("is off until it is asked for", async () => {
    const host = await boot();
    await running(host);
    await host.wait(15000);
    assert.deepEqual(
      host.broker!.messages.filter(({ topic }) => topic.startsWith(PREFIX)),
      [],
    );
  });

  it("gets two payloads that it takes whole, and values for each entity", async () => {
    const host = await discovered(),
      base = host.topic + "/";
    for (const topic of [BMS, GATEWAY]) {
      const message = host.broker!.retained.get(topic)!;
      assert.deepEqual(
        [message.qos, lintDiscovery(topic.slice(PREFIX.length + 1), parsed(message) as unknown as Component)],
        [1, []],
      );
    }
    const battery = parsed(host.broker!.retained.get(BMS)),
      gateway = parsed(host.broker!.retained.get(GATEWAY));
    assert.equal(Object.keys(battery.cmps).filter((key) => key.startsWith("cell_") && /\d/.test(key)).length, 16);
    assert.equal(battery.dev.ids[0], ID);
    assert.ok(
      Object.values(gateway.cmps).some(({ p }) => p === "number"),
      "mqtt.commands is safe",
    );
    for (const device of [battery, gateway]) {
      for (const [key, { stat_t: topic = device.stat_t, val_tpl: template = "" }] of Object.entries(device.cmps) as [
        string,
        Record<string, string>,
      ][]) {
        if (template === "") continue;
        const told = (): Message | undefined => host.broker!.messages.findLast((one) => one.topic === topic);
        await host.until(
          `${topic.slice(base.length)}, which is said once a minute at least`,
          () => told() !== undefined,
          70000,
        );
        const message = told()!;
        const values = JSON.parse(message.payload) as Record<string, unknown>;
        for (const member of membersOfTemplate(template))
          assert.ok(member in values, `${key}: ${topic} has no ${member}`);
      }
    }
  });

  it("goes out without leaving 0x351 or the rest waiting, and nothing stands in the middle of it", async () => {
    const host = await discovered({ settings: { ha: { enabled: true }, mqtt: { default_qos: 1, heartbeat_ms: 300 } } }),
      from = host.clock.now();
    await host.broker!.stop();
    await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 5000);
    host.broker!.messages.splice(0);
    await host.broker!.start();
    await host.until("discovery again", () => told(host, BMS).length > 0 && told(host, GATEWAY).length > 0, 90000);
    const times = [from, ...sent(host, from, LIMITS).map(({ at }) => at), host.clock.now()];
    assert.ok(Math.max(...times.slice(1).map((at, i) => at - times[i])) < 1500);
    await host.wait(3000);
    assert.deepEqual([(await status(host)).mqtt.connected, told(host, BMS).length], [true, 1]);
    const beats = host.broker!.messages.filter(
      ({ topic, at }) => topic.endsWith("status/connected") && at > told(host, BMS).at(-1)!.at,
    );
    assert.ok(beats.length > 3, "telemetry goes on");
  });

  it("begins anew when the connection ends in the middle of a message", async () => {
    const host = await boot({ settings: { ha: { enabled: true }, mqtt: { reconnect_interval_ms: 500 } } });
    await running(host);
    for (let cut = 0; cut < 3; cut++) {
      await untilStatus(host, "connected", ({ mqtt }) => mqtt.connected === true, 60000);
      await host.wait(5200 + cut * 900); // in the count, in the gateway's, in the battery's
      await host.broker!.stop();
      await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 5000);
      await host.broker!.start();
    }
    await host.until("discovery", () => host.broker!.retained.has(BMS) && host.broker!.retained.has(GATEWAY), 90000);
    for (const topic of [BMS, GATEWAY])
      assert.deepEqual(
        lintDiscovery(topic.slice(PREFIX.length + 1), parsed(told(host, topic).at(-1)) as unknown as Component),
        [],
      );
  });

  it("resends discovery and then each message that entities read when Home Assistant is born, also below a new prefix", async () => {
    const host = await discovered({ settings: { ha: { enabled: true }, retain: { config: false } } }),
      said = (suffix: string): number => told(host, `${host.topic}/${suffix}`).length;
    const connections = said("status");
    await put(host, { ha: { prefix: "ha" } });
    await host.until(
      "the move",
      () => host.broker!.retained.has(BMS.replace(PREFIX, "ha")) && said("rt/diag") > 1,
      60000,
    );
    await host.wait(12000); // a long round is over
    host.broker!.messages.splice(0);
    await host.broker!.publish("homeassistant/status", "online");
    const moved = BMS.replace(PREFIX, "ha");
    await host.until("discovery, because that topic is not the prefix's", () => told(host, moved).length > 0, 25000);
    await host.wait(12000);
    host.broker!.messages.splice(0);
    await host.broker!.publish("ha/status", "online");
    await host.until("discovery", () => told(host, BMS.replace(PREFIX, "ha")).length > 0, 25000);
    const topics = ["rt/state", "rt/stat", "rt/diag", "rt/cells", "rt/limits", "cfg/battery"],
      from = told(host, BMS.replace(PREFIX, "ha"))[0].at;
    const missing = (): string[] =>
      topics.filter((suffix) => !told(host, `${host.topic}/${suffix}`).some(({ at }) => at >= from));
    await host.until("all values", () => missing().length === 0, 11000).catch(() => assert.deepEqual(missing(), []));
    assert.deepEqual([connections, said("status")], [1, 0], "on one connection");
  });

  it("hears of a birth on the topic that is set, and on no other", async () => {
    const host = await discovered({ settings: { ha: { enabled: true, birth_topic: "/home/born" } } });
    await host.wait(12000);
    host.broker!.messages.splice(0);
    await host.broker!.publish("homeassistant/status", "online");
    await host.wait(11000);
    assert.equal(told(host, BMS).length, 0);
    await host.broker!.publish("/home/born", "online");
    await host.until("discovery", () => told(host, BMS).length > 0, 25000);
  });

  it("links to the port that is served, not to the one that counts from the next start", async () => {
    const host = await discovered(),
      link = (): string | undefined => (parsed(told(host, GATEWAY).at(-1)).dev as { cu?: string }).cu;
    const before = link();
    assert.match(before!, /^http:\/\/[\d.]+$/, "port 80");
    await put(host, { http: { port: 8099 } });
    await host.wait(12000);
    host.broker!.messages.splice(0);
    await host.broker!.publish("homeassistant/status", "online");
    await host.until("discovery", () => told(host, GATEWAY).length > 0, 25000);
    assert.equal(link(), before);
  });

  it("links to the port that the host was told", async () => {
    const host = await discovered({ http: 28471 });
    assert.equal(
      new URL((parsed(host.broker!.retained.get(GATEWAY)).dev as { cu?: string }).cu!).port,
      new URL(host.httpUrl).port,
    );
    assert.notEqual(new URL(host.httpUrl).port, "");
  });

  it("is emptied when it is switched off, and moves with its prefix", async () => {
    const host = await discovered();
    await put(host, { ha: { prefix: "ha" } });
    await host.until(
      "the old topics are empty",
      () => !host.broker!.retained.has(BMS) && !host.broker!.retained.has(GATEWAY),
      15000,
    );
    const moved = BMS.replace(PREFIX, "ha");
    await host.until("the new ones are there", () => host.broker!.retained.has(moved), 60000);
    await put(host, { ha: { enabled: false } });
    await host.until(
      "all are empty",
      () => ![...host.broker!.retained.keys()].some((topic) => topic.startsWith("ha/")),
      15000,
    );
    await host.wait(20000);
    assert.equal(told(host, moved).at(-1)!.payload, "");
  });

  it("tells which commands are gone when they are forbidden", async () => {
    const host = await discovered();
    host.broker!.messages.splice(0);
    await put(host, { mqtt: { commands: "off" } });
    await host.until("told twice", () => told(host, GATEWAY).length >= 2, 90000);
    const [gone, clean] = told(host, GATEWAY).map(parsed);
    assert.deepEqual([gone.cmps.set_ccl, gone.cmps.allow_chg], [{ p: "number" }, { p: "switch" }]);
    assert.deepEqual([clean.cmps.set_ccl, clean.cmps.allow_chg], [undefined, undefined]);
    assert.deepEqual(lintDiscovery(GATEWAY.slice(PREFIX.length + 1), clean as unknown as Component), []);
  });

  it("waits for the cells of a battery that is not there yet", async () => {
    const host = await boot({ settings: { ha: { enabled: true } } });
    host.simulator.faults.set("silence");
    await host.until("the gateway", () => host.broker!.retained.has(GATEWAY), 60000);
    await host.wait(10000);
    assert.equal(host.broker!.retained.has(BMS), false);
    host.simulator.faults.clear();
    await host.until("the battery", () => host.broker!.retained.has(BMS), 60000);
  });
});
