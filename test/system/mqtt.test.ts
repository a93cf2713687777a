// What a subscriber sees: who is there, the shape of each message, what is retained, and what a broker's troubles do.
import assert from "node:assert/strict";
import net from "node:net";
import { switchBrokerHost } from "../../tools/host/faults";
import type { Host, HostOptions } from "../../tools/host/run";
import { boot, closeHosts, imageText, LIMITS, running, sent, status, untilStatus } from "./rig";
import type { Message } from "../../tools/host/broker";

const LONGEST_GAP_MS = 1500;

async function connected(options: HostOptions = {}): Promise<Host> {
  const host = await boot(options);
  await running(host);
  await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true, 15000);
  return host;
}

function messages(host: Host, suffix: string): Message[] {
  return host.broker!.messages.filter(({ topic }) => topic === `${host.topic}/${suffix}`);
}

function json(message: Message | undefined): Record<string, unknown> {
  assert.ok(message);
  return JSON.parse(message.payload) as Record<string, unknown>;
}

/** Longest time without 0x351 since `from`, up to now, ms. */
function longestGap(host: Host, from: number): number {
  const times = [from, ...sent(host, from, LIMITS).map(({ at }) => at), host.clock.now()];
  return Math.max(...times.slice(1).map((at, i) => at - times[i]));
}

describe("system: MQTT", () => {
  before(imageText);
  afterEach(closeHosts);

  it("says that it is there, and the broker says when it is not", async () => {
    const host = await connected(),
      broker = host.broker!,
      topic = `${host.topic}/status`;
    await host.until("status", () => broker.retained.get(topic)?.payload === '{"online":true}', 5000);
    assert.deepEqual(broker.clients(), [host.topic.split("/")[1]]);
    await broker.stop();
    await host.until("the will", () => broker.retained.get(topic)?.payload === '{"online":false}', 5000);
    assert.equal(messages(host, "status").at(-1)!.qos, 1);
    await broker.start();
    await host.until("status again", () => broker.retained.get(topic)?.payload === '{"online":true}', 30000);
    await host.wait(5000);
    const beats = messages(host, "status/connected").filter(({ at }) => at > host.clock.now() - 4000);
    assert.ok(beats.length >= 3 && beats.length <= 5, `${beats.length} heartbeats in 4 s`);
    assert.deepEqual([...new Set(beats.map(({ payload, retain }) => `${payload} ${retain}`))], ["true false"]);
  });

  it("keeps what a late subscriber needs and nothing that could grow old", async () => {
    const host = await connected();
    await host.wait(5000);
    const retained = [...host.broker!.retained.keys()].map((topic) => topic.slice(host.topic.length + 1)).sort();
    assert.deepEqual(
      retained.filter(
        (suffix) => !/^(cfg|manifest|(system|hardware|sensors)\/config|rt\/alarms|rt\/gx\/Alarms)\b/.test(suffix),
      ),
      ["rt/bms", "status"],
    );
    const limits = json(messages(host, "rt/limits").at(-1));
    assert.deepEqual(Object.keys(limits), [
      "cvl",
      "ccl",
      "dcl",
      "charge_allowed",
      "discharge_allowed",
      "reason",
      "phase",
      "seq",
      "timestamp_ms",
      "state",
      "cvl_reason",
      "cvl_code",
      "cvl_target",
      "ccl_reason",
      "ccl_code",
      "ccl_target",
      "dcl_reason",
      "dcl_code",
      "dcl_target",
      "broken_rules",
    ]);
    assert.deepEqual(Object.keys(json(messages(host, "rt/state").at(-1))), [
      "soc",
      "v",
      "i",
      "p",
      "cmin",
      "cmax",
      "cd",
      "t1",
      "t2",
      "st",
      "ein",
      "eout",
      "est",
      "ttg",
      "cvl",
      "ccl",
      "dcl",
      "lim",
      "prob",
      "chg",
      "bal",
      "ph",
      "seq",
    ]);
    const newest = (): Record<string, number> => json(messages(host, "rt/state").at(-1)) as Record<string, number>;
    await host.until("energy and time left", () => newest().est !== null && newest().ttg !== null, 30000);
    await host.until("the capacity", () => messages(host, "rt/reg/battery_capacity").length > 0, 5000);
    const { soc, v, est, ttg } = newest(),
      capacity = json(messages(host, "rt/reg/battery_capacity").at(-1)).value as number;
    assert.ok(Math.abs(est - (capacity * soc * v) / 100) < 0.02 * est && ttg > 0, JSON.stringify(newest()));
    const early = messages(host, "rt/state").at(0)!.at,
      states = messages(host, "rt/state").filter(({ at }) => at > early + 1000);
    assert.ok(states.length >= 2 && states.length <= 6, "rt/state at most each second");
  });

  it("tells all that is known of a register, and null when nothing is", async () => {
    const host = await connected();
    await host.until(
      "voltages",
      () => ["min_cell_voltage", "battery_pack_voltage"].every((key) => messages(host, "rt/reg/" + key).length > 0),
      5000,
    );
    const voltage = json(messages(host, "rt/reg/battery_pack_voltage").at(-1));
    const cell = json(messages(host, "rt/reg/min_cell_voltage").at(-1));
    assert.deepEqual(Object.keys(voltage).sort(), [
      "address",
      "dbus_path",
      "key",
      "modbus",
      "quality",
      "raw",
      "seq",
      "timestamp_ms",
      "unit",
      "value",
      "words",
    ]);
    const { address, key, unit, dbus_path: path, modbus, quality } = voltage;
    const { value, raw, words } = voltage as { value: number; raw: number; words: number[] };
    assert.deepEqual(
      [address, key, unit, path, modbus, quality],
      [36, "battery_pack_voltage", "V", "/Dc/0/Voltage", 259, "ok"],
    );
    assert.equal(words[0] + words[1] * 65536, raw);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(raw);
    assert.ok(Math.abs(bytes.readFloatLE() - value) < 0.001, "the words are the value");
    assert.deepEqual([cell.raw, cell.unit, "words" in cell], [cell.value, "mV", false]);
    host.simulator.faults.set("silence");
    await host.until(
      "rt/bms offline",
      () => host.broker!.retained.get(`${host.topic}/rt/bms`)?.payload === "offline",
      25000,
    );
    await host.until("unknown", () => json(messages(host, "rt/reg/battery_pack_voltage").at(-1)).value === null, 5000);
    const unknown = json(messages(host, "rt/reg/battery_pack_voltage").at(-1));
    assert.deepEqual([unknown.value, unknown.quality, "raw" in unknown], [null, "stale", false]);
    await host.until("a state of nothing", () => json(messages(host, "rt/state").at(-1)).v === null, 12000);
  });

  it("keeps the limits on CAN while the broker stops and starts, and connects again by itself", async () => {
    const host = await connected(),
      broker = host.broker!,
      from = host.clock.now();
    for (let cuts = 0; cuts < 3; cuts++) {
      await broker.stop();
      const lost = await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 5000);
      assert.equal(lost.mqtt.last_error_code, "ConnRefused");
      await host.wait(3000);
      await broker.start();
      await untilStatus(host, "back", ({ mqtt }) => mqtt.connected === true, 40000);
    }
    assert.ok(longestGap(host, from) < LONGEST_GAP_MS, `${longestGap(host, from)} ms without 0x351`);
    const { mqtt } = await untilStatus(
      host,
      "nothing left unanswered",
      ({ mqtt: { queue_len: waiting } }) => waiting === 0,
      10000,
    );
    assert.ok((mqtt.error_count as number) >= 3);
    assert.deepEqual([mqtt.last_error_code, mqtt.last_error_message], ["", ""], "kept until the next connection");
  });

  it("does not connect to a broker whose host is off", async () => {
    const host = await connected();
    switchBrokerHost(host.network, false);
    const from = host.clock.now();
    await host.broker!.stop();
    await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 60000);
    await host.wait(40000);
    assert.ok(longestGap(host, from) < LONGEST_GAP_MS, `${longestGap(host, from)} ms without 0x351`);
    const { mqtt } = await status(host);
    assert.ok((mqtt.blocked_ms_max as number) < 500, `nothing blocked, ${mqtt.blocked_ms_max} ms`);
    assert.equal(mqtt.last_error_code, "ConnTimeout");
    const waits = await untilStatus(host, "waiting", ({ mqtt: { state } }) => state === "waiting", 60000),
      next = waits.mqtt.next_attempt_ms as number;
    assert.ok(next > 0 && next <= 69000, `the next attempt in ${next} ms`); // reconnect_max_ms and its jitter
    const tries = await untilStatus(host, "a try", ({ mqtt: { state } }) => state === "connecting", 80000);
    assert.equal(tries.mqtt.next_attempt_ms, null);
    await host.broker!.start();
    switchBrokerHost(host.network, true);
    await untilStatus(host, "back", ({ mqtt: { connected: is } }) => is === true, 90000);
  });

  it("sends limits again after a host that answered an echo blocked the connect for 30 s", async () => {
    const host = await connected();
    await host.broker!.stop();
    Object.assign(host.network, { connect: "blocks", blockMs: 30000 });
    const blocked = await untilStatus(
      host,
      "a blocked connect",
      ({ mqtt }) => (mqtt.blocked_ms_max as number) > 25000,
      90000,
    );
    assert.equal(blocked.mqtt.connected, false);
    Object.assign(host.network, { connect: "normal" }); // the next attempt, which may be near, is refused at once
    const from = host.clock.now();
    await host.until("limits after it", () => sent(host, from, LIMITS).length >= 2, 5000);
    await host.broker!.start();
  });

  it("writes a log: on the console and on its topic, as much as the settings want, without secrets", async () => {
    const host = await connected({ settings: { log: { level: "info" } } });
    const said = (): string[] =>
      messages(host, "log").map((message) => {
        const { level, msg } = json(message);
        return `${level as string}: ${msg as string}`;
      });
    const put = async (patch: unknown): Promise<void> => {
      await host.request("/api/config", {
        method: "PUT",
        headers: { "X-Setup-Token": host.token() },
        body: JSON.stringify(patch),
      });
    };
    await put({ uart: { poll_ms: 300 }, wifi: { pass: "hidden-word" } });
    host.simulator.faults.set("silence");
    await host.until("lost", () => said().includes("warn: bms lost"), 30000);
    assert.deepEqual(
      said().filter((line) => /degraded|settings/.test(line)),
      ["info: settings: wifi.pass uart.poll_ms", "warn: bms degraded"],
    );
    const printed = (): string[] => host.console.map(({ line }) => line);
    assert.ok(
      said().every((line) => printed().includes(line)),
      printed().join("\n"),
    );
    assert.deepEqual([messages(host, "log")[0].qos, messages(host, "log")[0].retain], [0, false]);
    await put({ log: { level: "error" } });
    const count = said().length;
    host.simulator.faults.clear();
    await untilStatus(host, "back", ({ live_data: live }) => live.phase === "normal", 30000);
    assert.deepEqual(said().slice(count), []);
    assert.doesNotMatch(printed().join("\n"), /hidden-word/);
  });

  it("tells why a broker refuses it", async () => {
    const host = await connected();
    host.broker!.credentials = { user: "bms", pass: "right" };
    await host.broker!.stop();
    await host.broker!.start();
    const isRefusal = (code: unknown): boolean => code === "BadCredentials" || code === "NotAuthorized";
    const refused = await untilStatus(host, "a refusal", ({ mqtt }) => isRefusal(mqtt.last_error_code), 60000);
    assert.equal(refused.mqtt.connected, false);
    assert.notEqual(refused.mqtt.last_error_message, "");
  });

  it("gives up on a server that accepts and never answers", async () => {
    const wires = new Set<net.Socket>(),
      server = net.createServer((wire) => {
        wires.add(wire);
        wire.on("error", () => undefined);
      });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as net.AddressInfo;
      const host = await boot({ mqtt: { host: "127.0.0.1", port, user: "", pass: "", isTls: false } });
      await running(host);
      const from = host.clock.now();
      await untilStatus(host, "a time-out", ({ mqtt }) => mqtt.last_error_code === "ConnTimeout", 20000);
      assert.ok(longestGap(host, from) < LONGEST_GAP_MS);
    } finally {
      wires.forEach((wire) => wire.destroy());
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
