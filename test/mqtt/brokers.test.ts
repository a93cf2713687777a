// The session against real brokers, aedes and mosquitto: each QoS both ways, refusals, sessions that are kept, cuts, a
// frozen broker.
import assert from "node:assert/strict";
import type { MqttClient } from "mqtt";
import { connectAsync } from "mqtt";
import { CONNECTED, CRITICAL, QOS1, QOS2, RETAIN, WAITING } from "../../firmware/mqtt/session";
import { publish } from "../../firmware/mqtt/publish";
import { startBroker } from "../../tools/host/broker";
import { findMosquitto, startMosquitto, type Mosquitto, type MosquittoOptions } from "../../tools/rig/mosquitto";
import { sleep, until } from "../../tools/rig/wait";
import { linkTo, type Link, type LinkOptions } from "./link";

const bytes = (text: string): string => Buffer.from(text).toString("latin1");
const undo: (() => unknown)[] = [];
const CUTS = Number(process.env["CUTS"] ?? 20);

interface Heard {
  topic: string;
  payload: string;
  qos: number;
  retain: boolean;
}

function link(options: LinkOptions): Link {
  const made = linkTo(options);
  undo.push(made.close);
  return made;
}

async function listener(client: MqttClient): Promise<Heard[]> {
  const heard: Heard[] = [];
  client.on("message", (topic, payload, { qos, retain }) => {
    heard.push({ topic: topic.replace("tinybms/link/", ""), payload: String(payload), qos, retain });
  });
  await client.subscribeAsync("tinybms/#", { qos: 2 });
  return heard;
}

/** A broker to be used: its port and a client. */
interface Used {
  port: number;
  client: MqttClient;
}

const brokers: Record<string, () => Promise<Used>> = {
  aedes: async () => {
    const broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now });
    const client = await connectAsync({ host: "127.0.0.1", port: broker.listening.port, reconnectPeriod: 0 });
    undo.push(
      () => broker.close(),
      () => client.endAsync(true),
    );
    return { port: broker.listening.port, client };
  },
  mosquitto: async () => {
    const broker = await mosquitto();
    return { port: broker.port, client: await broker.client() };
  },
};

async function mosquitto(options?: MosquittoOptions): Promise<Mosquitto> {
  const broker = (await startMosquitto(options))!;
  undo.push(broker.close);
  return broker;
}

/** `total` messages of one QoS while the connection is cut again and again at random moments. */
async function throughCuts(made: Link, total: number, flags: number): Promise<void> {
  let next = 0,
    cuts = 0;
  const timer = setInterval(() => {
    if (next < total && publish(made.session, "ack", `${next}`, flags, Date.now())) next++;
  }, 1);
  undo.push(() => clearInterval(timer));
  for (; cuts < CUTS; cuts++) {
    await sleep(Math.random() * 15);
    made.cut();
    await made.open();
  }
  await connectedUntil(
    made,
    `all ${total} answered`,
    () => next === total && made.session.outbox.length + made.session.inFlight.length === 0,
  );
  clearInterval(timer);
}

/** Connect again after each loss until `isDone`; fails with what the session says when that does not come. */
async function connectedUntil(made: Link, what: string, isDone: () => boolean): Promise<void> {
  const { session } = made;
  try {
    await until(what, 120_000, async () => {
      if (session.state !== CONNECTED) await made.open();
      return isDone();
    });
  } catch (error) {
    const { outbox, inFlight, received, state, errors, errorMessage } = session;
    const told = { state, errors, errorMessage, outbox, inFlight, received, heard: made.received.length };
    throw new Error(`${(error as Error).message}: ${JSON.stringify(told)}`);
  }
}

describe("mqtt on real brokers", () => {
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  for (const name of ["aedes", "mosquitto"]) {
    describe(name, () => {
      before(function () {
        if (name !== "mosquitto" || findMosquitto()) return;
        console.log("    skipped: no mosquitto found");
        this.skip();
      });

      it("publishes at QoS 0, 1 and 2, retained or not", async () => {
        const { port, client } = await brokers[name](),
          heard = await listener(client),
          made = link({ port });
        await made.open();
        for (const qos of [0, 1, 2]) assert.ok(publish(made.session, `q${qos}`, "x".repeat(200), qos * 2, Date.now()));
        assert.ok(publish(made.session, "kept", "1", QOS2 | RETAIN | CRITICAL, Date.now()));
        await until("all four", 5000, () => heard.length === 4 && made.session.inFlight.length === 0);
        assert.deepEqual(heard.map(({ topic, qos }) => `${topic} ${qos}`).sort(), ["kept 2", "q0 0", "q1 1", "q2 2"]);
        const late = await listener(
          await connectAsync({ host: "127.0.0.1", port, reconnectPeriod: 0 }).then((one) => {
            undo.push(() => one.endAsync(true));
            return one;
          }),
        );
        await until("the retained one", 5000, () => late.length > 0);
        assert.deepEqual(late, [{ topic: "kept", payload: "1", qos: 2, retain: true }]);
      });

      it("receives at QoS 0, 1 and 2, and skips what is too large", async () => {
        for (const commandQos of [0, 1, 2]) {
          const { port, client } = await brokers[name](),
            made = link({ port, commandQos });
          await made.open();
          assert.equal(made.session.granted, String.fromCharCode(commandQos, 1));
          for (const payload of ["first", "y".repeat(50000), "last"])
            await client.publishAsync("tinybms/link/cmd", payload, { qos: 2 });
          await client.publishAsync("tinybms/link/cfg/set", "set", { qos: 2 });
          await client.publishAsync("tinybms/link/test", "not for us", { qos: 2 });
          await until("four", 5000, () => made.received.length === 4);
          assert.deepEqual(
            made.received.map(({ topic, payload, flags }) => [topic, payload, (flags >> 1) & 3]),
            [
              ["cmd", "first", commandQos],
              ["cmd", "", commandQos],
              ["cmd", "last", commandQos],
              ["cfg/set", "set", 1],
            ],
          );
          await until("nothing unfinished", 5000, () => made.session.received.length === 0);
        }
      });

      it("loses nothing of QoS 1 in cuts, whatever session it asks for", async () => {
        for (const cleanSession of [true, false]) {
          const { port, client } = await brokers[name](),
            heard = await listener(client),
            made = link({ port, cleanSession });
          await made.open();
          await throughCuts(made, 200, QOS1);
          const acks = (): number[] => heard.filter(({ topic }) => topic === "ack").map(({ payload }) => +payload);
          await until("the last", 5000, () => acks().includes(199));
          assert.deepEqual(
            [...new Set(acks())].sort((a, b) => a - b),
            Array.from({ length: 200 }, (_, i) => i),
          );
          assert.equal(made.session.errorCode, "Failed", "only our own cuts");
        }
      });
    });
  }

  describe("mosquitto alone", () => {
    before(function () {
      if (!findMosquitto()) this.skip();
    });

    it("sends QoS 2 once and receives it once, in cuts, with a kept session", async () => {
      const broker = await mosquitto(),
        client = await broker.client(),
        heard = await listener(client);
      const made = link({ port: broker.port, cleanSession: false, commandQos: 2, loss: 0.05 });
      await made.open();
      const sent = (async () => {
        for (let i = 0; i < 100; i++) {
          await client.publishAsync("tinybms/link/cmd", `${i}`, { qos: 2 });
          await sleep(3);
        }
      })();
      await throughCuts(made, 200, QOS2);
      await sent;
      const acks = (): number[] => heard.filter(({ topic }) => topic === "ack").map(({ payload }) => +payload);
      await connectedUntil(
        made,
        "100 commands and 200 answers",
        () => made.received.length >= 100 && acks().length >= 200 && made.session.received.length === 0,
      );
      await sleep(200);
      assert.deepEqual(
        acks().sort((a, b) => a - b),
        Array.from({ length: 200 }, (_, i) => i),
      );
      assert.deepEqual(
        made.received.map(({ payload }) => +payload).sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, i) => i),
      );
    });

    it("goes on over a restart of a broker that persists: what was in flight arrives once, what it kept comes as stale", async () => {
      const broker = await mosquitto({
        lines: ["allow_anonymous true", "persistence true", "persistence_location @/"],
        files: {},
      });
      const made = link({ port: broker.port, cleanSession: false, commandQos: 2 });
      await made.open();
      made.cut();
      const sender = await broker.client();
      await sender.publishAsync("tinybms/link/cmd", "while away", { qos: 2 });
      await broker.stop();
      publish(made.session, "ack", "while it is off", QOS2, Date.now());
      await broker.start();
      const heard = await listener(await broker.client());
      await made.open();
      await until("both", 5000, () => made.received.length > 0 && heard.some(({ topic }) => topic === "ack"));
      await sleep(300);
      assert.deepEqual(
        made.received.map(({ payload, flags }) => [payload, flags]),
        [["while away", 4 | 32]],
      );
      assert.deepEqual(
        heard.filter(({ topic }) => topic === "ack").map(({ payload }) => payload),
        ["while it is off"],
      );
    });

    it("user and password in any UTF-8; a wrong one is told; an access list takes what it takes", async () => {
      const user = "bätterie 電池 🔋",
        pass = "pässwörd 🔑:@%";
      const acl = `user ${user}\ntopic read tinybms/link/cmd\ntopic write tinybms/link/rt/#\nuser watcher\ntopic readwrite #\n`;
      const broker = await mosquitto({
        users: { [user]: pass, watcher: "w" },
        files: { acl },
        lines: ["allow_anonymous false", "password_file @passwords", "acl_file @acl"],
      });
      const wrong = link({ port: broker.port, user: bytes(user), pass: "wrong" });
      await wrong.open();
      assert.deepEqual(
        [wrong.session.state, wrong.session.errorCode],
        [WAITING, "NotAuthorized"],
        "mosquitto answers 5 to both",
      );
      const nobody = link({ port: broker.port });
      await nobody.open();
      assert.equal(nobody.session.errorCode, "NotAuthorized");
      const made = link({ port: broker.port, user: bytes(user), pass: bytes(pass) });
      await made.open();
      const client = await broker.client({ username: "watcher", password: "w" }),
        heard = await listener(client);
      for (const suffix of ["denied", "rt/x"]) publish(made.session, suffix, "", QOS1, Date.now());
      for (const suffix of ["cfg/set", "cmd"]) await client.publishAsync(`tinybms/link/${suffix}`, "x", { qos: 1 });
      await until("both ways", 5000, () => made.received.length > 0 && heard.some(({ topic }) => topic === "rt/x"));
      await sleep(100);
      assert.deepEqual(
        [made.received.map(({ topic }) => topic), heard.some(({ topic }) => topic === "denied")],
        [["cmd"], false],
      );
      assert.deepEqual(
        [made.session.state, made.session.inFlight.length],
        [CONNECTED, 0],
        "a denied message is answered all the same",
      );
    });

    it("notices a frozen broker by its silence, although messages leave, and comes back", async () => {
      const broker = await mosquitto(),
        made = link({ port: broker.port, keepAlive: 1000 });
      await made.open();
      const chatter = setInterval(() => publish(made.session, "x", "x", 0, Date.now()), 20);
      undo.push(() => clearInterval(chatter));
      await sleep(2500);
      assert.equal(made.session.state, CONNECTED, "pings are answered");
      broker.freeze(true);
      await until("the end", 5000, () => made.session.state === WAITING);
      assert.equal(made.session.errorMessage, "no answer to a ping");
      broker.freeze(false);
      await made.open();
      assert.equal(made.session.state, CONNECTED);
    });
  });
});
