// Real brokers: answers that come late, sharing that is proved first, brokers that speak only MQTT 3.1.1.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { startBroker } from "../../tools/host/broker";
import { startDemo } from "../../tools/recorder/demo";
import type { Message } from "../../tools/recorder/effects";
import { openPostgres } from "../../tools/recorder/postgres";
import { openSide } from "../../tools/recorder/side";
import { Subscriber } from "../../tools/recorder/subscriber";
import { until, TEST_MS } from "../../tools/rig/wait";
import { findPostgres, NO_POSTGRES, startPostgres } from "../../tools/rig/postgres";
import {
  difference,
  findMosquitto,
  findRabbit,
  isReady,
  killLeftovers,
  NO_MOSQUITTO,
  NO_RABBIT,
  PATIENCE,
  settled,
  startKnownDevices,
  startMosquitto,
  startRabbit,
  startRecorderProcess,
  type BrokerRig,
} from "../../tools/rig/recorder";

interface Heard {
  subscriber: Subscriber;
  messages: Message[];
  acks: (() => void)[];
  changes: boolean[];
}

function subscribe(
  port: number,
  id: string,
  more: { group?: string; isAcking?: boolean; reconnectMs?: number } = {},
): Heard {
  const heard: Heard = { subscriber: null as never, messages: [], acks: [], changes: [] };
  heard.subscriber = new Subscriber({
    reach: { host: "127.0.0.1", port, protocol: "mqtt" },
    id,
    prefix: "tinybms",
    filter: "tinybms/#",
    group: more.group,
    reconnectMs: more.reconnectMs,
    now: Date.now,
    warn: () => undefined,
    changed: (isUp) => heard.changes.push(isUp),
    received: (message, isHeld, ack) => {
      if (message.topic.endsWith("/test")) return ack(); // what recorders say to each other
      heard.messages.push(message);
      if (more.isAcking) ack();
      else if (isHeld) heard.acks.push(ack);
    },
  });
  heard.subscriber.start();
  return heard;
}

const isUp = (heard: Heard): Promise<boolean> => until("subscribed", PATIENCE, () => heard.subscriber.isUp);
const texts = ({ messages }: Heard): string[] => messages.map(({ payload }) => payload.toString());

/** Two with one id, until one of them says why it ends. */
async function fight(port: number): Promise<void> {
  const two = [1, 2].map(() => subscribe(port, "same", { reconnectMs: 500 })),
    faults: string[] = [];
  for (const { subscriber } of two) subscriber.failed.catch((error: Error) => faults.push(error.message));
  await until("one of them ends", 2 * PATIENCE, () => faults.length > 0);
  assert.match(faults[0], /another recorder uses the id same.*--name/);
  await Promise.all(two.map(({ subscriber }) => subscriber.stop()));
}

async function publish(port: number, count: number, from = 0): Promise<void> {
  const client = await connectAsync({ host: "127.0.0.1", port, protocolVersion: 4 });
  await Promise.all(
    [...Array(count).keys()].map((i) => client.publishAsync("tinybms/one/rt/reg/x", String(from + i), { qos: 1 })),
  );
  await client.endAsync();
}

describe("recorder: mosquitto", function () {
  this.timeout(TEST_MS);
  let broker: BrokerRig | null = null;
  before(async function () {
    if (!findMosquitto()) {
      console.log(`    ${NO_MOSQUITTO}`);
      return this.skip();
    }
    broker = await startMosquitto();
  });
  after(async () => {
    await broker?.close();
    killLeftovers();
  });

  it("what was not answered comes again, what was does not; reading goes on meanwhile", async () => {
    const { port } = broker!,
      first = subscribe(port, "late");
    await isUp(first);
    assert.equal(first.subscriber.version, 5);
    await publish(port, 300);
    await until("300 messages without an answer", PATIENCE, () => first.messages.length === 300);
    first.acks.slice(0, 100).forEach((ack) => ack());
    await new Promise((resolve) => setTimeout(resolve, 300));
    await first.subscriber.stop();
    const second = subscribe(port, "late", { isAcking: true });
    await until("the others", PATIENCE, () => second.messages.length === 200);
    assert.deepEqual(
      texts(second),
      [...Array(200).keys()].map((i) => String(i + 100)),
    );
    assert.ok(second.messages.every(({ dup }) => dup));
    first.acks.forEach((ack) => ack());
    await second.subscriber.stop();
  });

  it("a pause keeps the session: nothing of QoS 1 is lost", async () => {
    const { port } = broker!,
      heard = subscribe(port, "pausing", { isAcking: true });
    await isUp(heard);
    heard.subscriber.pause();
    await until("paused", PATIENCE, () => !heard.subscriber.isUp);
    await publish(port, 50);
    heard.subscriber.resume();
    await until("all", PATIENCE, () => heard.messages.length === 50);
    await heard.subscriber.stop();
  });

  it("two with one id end, and say how to go on", async () => {
    const { port } = broker!;
    await fight(port);
  });

  it("what is retained is swept once by the side connection", async () => {
    const { port } = broker!,
      client = await connectAsync({ host: "127.0.0.1", port, protocolVersion: 4 }),
      heard: string[] = [];
    await client.publishAsync("sweep/one/status", '{"online":true}', { qos: 1, retain: true });
    const side = openSide({ host: "127.0.0.1", port, protocol: "mqtt" }, "sweeper", Date.now);
    await side.sweep("sweep/#", ({ topic }) => heard.push(topic));
    assert.deepEqual(heard, ["sweep/one/status"]);
    await Promise.all([client.endAsync(), side.close()]);
  });

  it("two recorders share; one dies and comes back: every row once", async function () {
    if (!findPostgres()) {
      console.log(`      ${NO_POSTGRES}`);
      return this.skip();
    }
    const postgres = await startPostgres(),
      data = ["a", "b"].map((name) => mkdtempSync(join(tmpdir(), `recorder-share-${name}-`)));
    const options = (name: string): string[] => [
      "--broker",
      `mqtt://127.0.0.1:${broker!.port}`,
      "--database",
      postgres.url,
      "--group",
      "rec",
      "--name",
      name,
      "--log",
      "warn",
    ];
    const recorders = await Promise.all(data.map((folder, i) => startRecorderProcess(folder, options(`member-${i}`))));
    for (const { url } of recorders) await until("ready", PATIENCE, () => isReady(url));
    const { demo, told } = await startKnownDevices(broker!.port, 20, 5),
      base = Date.now() - 3_600_000,
      sql = openPostgres(postgres.url);
    // Both know when the devices booted before these tell anything else.
    await until("boots", PATIENCE, async () => (await sql.query("SELECT 1 FROM device_boots")).length === 20);
    for (let second = 0; second < 30; second++) await demo.run(1, base + second * 1000);
    await recorders[0].kill();
    for (let second = 30; second < 60; second++) await demo.run(1, base + second * 1000);
    recorders[0] = await startRecorderProcess(data[0], options("member-0"));
    const { missing, extra, other } = difference(told, await settled(sql, told));
    assert.deepEqual(
      [missing.length, extra.length, other.length],
      [0, 0, 0],
      recorders.map((one) => one.log()).join("\n"),
    );
    await demo.close();
    for (const recorder of recorders) assert.equal(await recorder.stop(), 0);
    await sql.close();
    await postgres.close();
    for (const folder of data) rmSync(folder, { recursive: true, force: true });
  });
});

describe("recorder: brokers that speak 3.1.1 only", function () {
  this.timeout(TEST_MS);
  it("aedes: the older version is spoken; sharing is refused, because it would deliver nothing", async () => {
    const broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now }),
      { port } = broker.listening;
    const plain = subscribe(port, "plain", { isAcking: true }),
      shared = subscribe(port, "shared", { group: "rec" });
    await isUp(plain);
    assert.equal(plain.subscriber.version, 4);
    await publish(port, 5);
    await until("messages", PATIENCE, () => plain.messages.length >= 5);
    assert.match(
      await shared.subscriber.failed.catch((error: Error) => error.message),
      /--group cannot be used with this broker; use --shard/,
    );
    await Promise.all([plain.subscriber.stop(), shared.subscriber.stop()]);
    await broker.close();
  });

  it("aedes: two with one id end as well", async () => {
    const broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now });
    await fight(broker.listening.port);
    await broker.close();
  });

  it("RabbitMQ 3.10: a window of 10 unanswered messages; sharing is refused", async function () {
    if (!findRabbit()) {
      console.log(`      ${NO_RABBIT}`);
      return this.skip();
    }
    const broker = await startRabbit();
    try {
      const heard = subscribe(broker.port, "window"),
        shared = subscribe(broker.port, "shared", { group: "rec" });
      await isUp(heard);
      assert.equal(heard.subscriber.version, 4);
      await publish(broker.port, 60);
      await until("a full window", PATIENCE, () => heard.messages.length >= 10);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(heard.messages.length, 10, "it waits for an answer");
      for (let done = 0; done < 60; ) {
        await until("the next", PATIENCE, () => heard.acks.length > done);
        heard.acks.slice(done, (done = heard.acks.length)).forEach((ack) => ack());
      }
      assert.deepEqual(new Set(texts(heard)).size, 60);
      assert.match(await shared.subscriber.failed.catch((error: Error) => error.message), /--shard/);
      await Promise.all([heard.subscriber.stop(), shared.subscriber.stop()]);
    } finally {
      await broker.close();
    }
  });
});

describe("recorder: the demo", function () {
  this.timeout(TEST_MS);
  it("of many devices at once fills the wire without a listener for each message", async () => {
    const broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now }),
      reach = { host: "127.0.0.1", port: broker.listening.port, protocol: "mqtt" as const },
      warnings: string[] = [],
      note = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", note);
    const demo = await startDemo(
      { reach, prefix: "tinybms", devices: 300, seed: 1, qos: 0, days: 0, now: Date.now },
      false,
    );
    await demo.run(1, Date.now());
    process.off("warning", note);
    await demo.close();
    await broker.close();
    assert.deepEqual(warnings, []);
  });
});
