// What the image makes of brokers that refuse, are silent, send garbage, encrypt or do not: the code and the words in
// /api/status.
import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { Aedes } from "aedes";
import mqttPacket from "mqtt-packet";
import type { Host, HostOptions } from "../../tools/host/run";
import { makeCertificate } from "../../tools/rig/certificate";
import { boot, closeHosts, dropHandshakeLines, imageText, running, status, untilStatus, type Status } from "./rig";

type Packet = mqttPacket.Packet & { messageId?: number };
type Answers = Partial<Record<string, (packet: Packet, wire: net.Socket) => void>>;

const undo: (() => unknown)[] = [];

async function listen(
  server: net.Server,
  accept: (wire: net.Socket) => void,
  event: "connection" | "secureConnection",
): Promise<number> {
  const wires = new Set<net.Socket>();
  server.on("connection", (wire: net.Socket) => {
    wires.add(wire);
    wire.on("error", () => undefined);
  });
  server.on("tlsClientError", () => undefined);
  server.on(event, accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(
    () =>
      new Promise((resolve) => {
        wires.forEach((wire) => wire.destroy());
        server.close(resolve);
      }),
  );
  return (server.address() as net.AddressInfo).port;
}

/** A broker that answers as a script says; to what the script does not name, as a broker should. */
function scripted(answers: Answers): Promise<number> {
  const say = (wire: net.Socket, packet: object): void =>
    void wire.write(mqttPacket.generate(packet as mqttPacket.Packet));
  const usual: Answers = {
    connect: (_packet, wire) => say(wire, { cmd: "connack", returnCode: 0, sessionPresent: false }),
    subscribe: ({ messageId }, wire) => say(wire, { cmd: "suback", messageId, granted: [0, 1] }),
    publish: (packet, wire) => {
      if ("qos" in packet && packet.qos) say(wire, { cmd: "puback", messageId: packet.messageId });
    },
    pingreq: (_packet, wire) => say(wire, { cmd: "pingresp" }),
  };
  return listen(
    net.createServer(),
    (wire) => {
      const parser = mqttPacket.parser({ protocolVersion: 4 });
      parser.on("packet", (packet: Packet) => (answers[packet.cmd] ?? usual[packet.cmd])?.(packet, wire));
      wire.on("data", (bytes) => parser.parse(bytes));
    },
    "connection",
  );
}

const on = (port: number, isTls = false): HostOptions => ({
  mqtt: { host: "127.0.0.1", port, user: "", pass: "", isTls },
});

async function bootOn(port: number, isTls = false, settings = {}): Promise<Host> {
  const host = await boot({ ...on(port, isTls), settings: { mqtt: settings } });
  await running(host);
  return host;
}

const failed = (host: Host): Promise<Status> =>
  untilStatus(host, "an error", ({ mqtt }) => mqtt.last_error_code !== "", 30000);
const connected = (host: Host): Promise<Status> =>
  untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true, 30000);
const connack = (code: number): Answers => ({
  connect: (_packet, wire) => {
    wire.write(Buffer.from([0x20, 2, 0, code]));
  },
});
const raw =
  (...bytes: number[]) =>
  (_packet: Packet, wire: net.Socket): void => {
    wire.write(Buffer.from(bytes));
  };

describe("system: what a broker answers", () => {
  before(imageText);
  afterEach(async () => {
    await closeHosts();
    for (const step of undo.splice(0).reverse()) await step();
  });

  const endings: [name: string, answers: Answers, code: string, words: RegExp][] = [
    ["CONNACK 1", connack(1), "Failed", /3\.1\.1/],
    ["CONNACK 2", connack(2), "Failed", /client id/],
    ["CONNACK 3", connack(3), "ConnRefused", /broker 127\.0\.0\.1:\d+ is unavailable/],
    ["CONNACK 4", connack(4), "BadCredentials", /user name or password/],
    ["CONNACK 5", connack(5), "NotAuthorized", /authorised/],
    ["CONNACK 77", connack(77), "Failed", /77/],
    ["CONNACK 132", connack(0x84), "Failed", /protocol version refused/],
    ["CONNACK of MQTT 5", { connect: raw(0x20, 3, 0, 0x84, 0) }, "Failed", /MQTT 5, with 0x84/],
    ["garbage for CONNACK", { connect: raw(0x48, 0x54, 0x54, 0x50) }, "Failed", /not MQTT/],
    [
      "a close for CONNACK",
      { connect: (_packet, wire) => wire.end() },
      "ConnRefused",
      /^127\.0\.0\.1:\d+ closed the connection before an answer to CONNECT/,
    ],
    ["nothing for CONNECT", { connect: () => undefined }, "ConnTimeout", /no answer to CONNECT/],
    ["nothing for SUBSCRIBE", { subscribe: () => undefined }, "ConnTimeout", /no answer to SUBSCRIBE/],
    [
      "PUBREC for QoS 1",
      {
        publish: (packet, wire) => {
          if ("qos" in packet && packet.qos)
            raw(0x50, 2, packet.messageId! >> 8, packet.messageId! & 255)(packet, wire);
        },
      },
      "Failed",
      /PUBREC where PUBACK is due/,
    ],
    ["garbage for PUBACK", { publish: raw(0xf0, 0xff, 0xff, 0xff, 0x7f) }, "Failed", /not MQTT/],
  ];
  for (const [name, answers, code, words] of endings) {
    it(`${name}: ${code}`, async () => {
      const { mqtt } = await failed(await bootOn(await scripted(answers)));
      assert.deepEqual([mqtt.last_error_code, mqtt.connected], [code, false]);
      assert.match(String(mqtt.last_error_message), words);
    });
  }

  it("a subscription that is refused, or granted lower, is told, and telemetry goes on", async () => {
    const host = await bootOn(
      await scripted({
        subscribe: ({ messageId }, wire) =>
          raw(0x90, 4, messageId! >> 8, messageId! & 255, 0, 0x80)({} as Packet, wire),
      }),
      false,
      { cmd_qos: 2 },
    );
    const { mqtt } = await connected(host);
    assert.deepEqual(
      [mqtt.subscribed, mqtt.subscriptions, mqtt.last_error_code],
      [false, { "cmd": 0, "cfg/set": "refused" }, "NotAuthorized"],
    );
    assert.match(String(mqtt.last_error_message), /cfg\/set/);
    await untilStatus(host, "messages", ({ mqtt: now }) => (now.publish_count as number) > 20, 10000);
  });

  it("QoS 2 answered with PUBACK: messages go on for minutes, told once", async () => {
    const host = await bootOn(await scripted({}), false, { default_qos: 2, sensorMinPublishMs: 1000 });
    await connected(host);
    const first = (await status(host)).mqtt.publish_count as number;
    await untilStatus(host, "two minutes", ({ uptime_ms: up }) => (up as number) > 120000, 140000);
    const { mqtt } = await status(host);
    assert.deepEqual([mqtt.connected, mqtt.error_count, mqtt.last_error_code], [true, 1, "Failed"]);
    assert.match(String(mqtt.last_error_message), /QoS 2 with PUBACK/);
    assert.ok((mqtt.publish_count as number) > first + 200, "messages left");
  });

  it("late answers find their message; none to a message ends the connection after a minute", async () => {
    const later: (() => void)[] = [];
    let answers: "late" | "at once" | "never" = "late";
    const host = await bootOn(
      await scripted({
        publish: (packet, wire) => {
          const say = (): void => {
            wire.write(mqttPacket.generate({ cmd: "puback", messageId: packet.messageId! }));
          };
          if (!("qos" in packet) || !packet.qos || answers === "never") return;
          if (answers === "late") later.push(say);
          else say();
        },
      }),
    );
    await connected(host);
    await untilStatus(host, "some in flight", ({ mqtt }) => (mqtt.in_flight as number) >= 2, 10000);
    answers = "at once";
    later.splice(0).forEach((say) => say());
    await untilStatus(host, "none in flight", ({ mqtt }) => mqtt.in_flight === 0, 10000);
    answers = "never";
    const { mqtt } = await untilStatus(host, "the end", (now) => now.mqtt.last_error_code === "ConnTimeout", 110000);
    assert.match(String(mqtt.last_error_message), /no answer to a message/);
  });

  it("of a flood of commands it takes a few, counts the others and stays connected", async () => {
    const host = await bootOn(
      await scripted({
        subscribe: ({ messageId }, wire) => {
          wire.write(mqttPacket.generate({ cmd: "suback", messageId: messageId!, granted: [0, 1] }));
          const topic = "tinybms/ESP32-A1B2C3/cmd",
            flood = mqttPacket.generate({
              cmd: "publish",
              topic,
              payload: "x",
              qos: 1,
              messageId: 7,
              dup: false,
              retain: false,
            });
          const timer = setInterval(() => wire.write(Buffer.concat(Array(20).fill(flood) as Buffer[])), 5);
          wire.on("close", () => clearInterval(timer));
          undo.push(() => clearInterval(timer));
        },
      }),
    );
    await connected(host);
    const { mqtt } = await untilStatus(host, "dropped ones", (now) => (now.mqtt.rx_drop as number) > 100, 20000);
    assert.deepEqual([mqtt.connected, mqtt.error_count], [true, 0]);
  });

  describe("with TLS", () => {
    const certificate = makeCertificate(),
      other = makeCertificate("ec");
    before(function () {
      if (certificate && other) return;
      console.log("    skipped: no openssl found");
      this.skip();
    });
    const put = async (
      host: Host,
      name: string,
      body: string,
      token = host.token(),
    ): Promise<Record<string, unknown> & { status: number }> => {
      const answer = await host.request(`/api/tls/${name}`, {
        method: "PUT",
        body,
        headers: { "X-Setup-Token": token },
      });
      return { status: answer.status, ...((await answer.json()) as object) };
    };

    it("connects, and says that the server is not verified", async () => {
      const aedes = await Aedes.createBroker();
      undo.push(
        () =>
          new Promise<void>((resolve) => {
            aedes.close(() => resolve());
          }),
      );
      const port = await listen(
        tls.createServer({ ...certificate! }),
        (wire) => void aedes.handle(wire as never),
        "secureConnection",
      );
      const topics: string[] = [];
      aedes.on("publish", ({ topic }) => topics.push(topic));
      const { mqtt } = await connected(await bootOn(port, true));
      assert.deepEqual([mqtt.use_tls, mqtt.tls, mqtt.subscribed], [true, "encrypted, server not verified", true]);
      assert.ok(topics.includes("tinybms/ESP32-A1B2C3/status"));
    });

    it("never falls back to plain: a broker that does not encrypt is an error", async () => {
      let plain = "";
      const port = await listen(
        net.createServer(),
        (wire) =>
          wire.on("data", (bytes) => {
            plain += bytes.toString("latin1");
            wire.end();
          }),
        "connection",
      );
      const host = await bootOn(port, true),
        { mqtt } = await failed(host);
      assert.deepEqual([mqtt.last_error_code, mqtt.connected], ["TlsFailed", false]);
      assert.ok(!plain.includes("MQTT"), "CONNECT went out in the clear");
      await dropHandshakeLines(host);
    });

    it("of a broker that is away it says so, by host and port", async () => {
      const server = net.createServer(),
        port = await listen(server, () => undefined, "connection");
      await new Promise<void>((resolve) => server.close(() => resolve()));
      const host = await bootOn(port, true),
        { mqtt } = await failed(host);
      assert.equal(mqtt.last_error_code, "TlsFailed");
      assert.match(
        mqtt.last_error_message as string,
        new RegExp(`^127\\.0\\.0\\.1:${port} is away, refused to encrypt`),
      );
      await dropHandshakeLines(host);
    });

    it("shows a client certificate that came as PEM over HTTP; without it the handshake fails", async () => {
      const aedes = await Aedes.createBroker(),
        seen: string[] = [];
      undo.push(
        () =>
          new Promise<void>((resolve) => {
            aedes.close(() => resolve());
          }),
      );
      const server = tls.createServer({
        ...certificate!,
        ca: [other!.cert],
        requestCert: true,
        rejectUnauthorized: true,
        maxVersion: "TLSv1.2",
      });
      const port = await listen(
        server,
        (wire) => {
          seen.push(String((wire as tls.TLSSocket).getPeerCertificate().subject.CN));
          aedes.handle(wire as never);
        },
        "secureConnection",
      );
      const host = await bootOn(port, true);
      assert.equal((await failed(host)).mqtt.last_error_code, "TlsFailed");
      for (const [name, text] of [
        ["ca", certificate!.cert],
        ["cert", other!.cert],
        ["key", other!.key],
      ]) {
        const { status, ok, bytes, warning } = await put(host, name, text);
        assert.deepEqual([status, ok, (bytes as number) > 100], [200, true, true], name);
        assert.equal(/nobody is verified/.test(String(warning)), name === "ca", name);
      }
      await connected(host);
      assert.deepEqual(seen.slice(0, 1), ["localhost"]);
      host.reboot();
      await connected(host);
      assert.equal((await put(host, "cert", "")).bytes, 0, "an empty body takes it away");
      assert.equal(host.store.files.has("tls.cert"), false);
      await dropHandshakeLines(host);
    });

    it("refuses what is no such file, by name and reason, and without the token", async () => {
      const host = await bootOn(1),
        { cert, key } = certificate!;
      const bad: [name: string, body: string, status: number, reason: RegExp][] = [
        ["ca", "hello", 400, /PEM/],
        ["ca", key, 400, /certificate/],
        ["key", cert, 400, /private key/],
        ["ca", cert + cert, 400, /one block/],
        ["cert", cert.slice(0, -100) + "-----END CERTIFICATE-----\n", 400, /damaged/],
        ["key", key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"), 400, /encrypted/],
        ["ca", "-----BEGIN CERTIFICATE-----\n", 400, /PEM/],
        ["dh", cert, 404, /ca, cert and key/],
      ];
      for (const [name, body, wanted, reason] of bad) {
        const { status, err } = (await put(host, name, body)) as unknown as { status: number; err: { reason: string } };
        assert.equal(status, wanted, name);
        assert.match(err.reason, reason);
      }
      assert.equal((await put(host, "ca", cert, "wrong")).status, 401);
      assert.equal((await host.request("/api/tls/ca")).status, 405);
      assert.ok(![...host.store.files.keys()].some((file) => file.startsWith("tls.")));
    });
  });
});
