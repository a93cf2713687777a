// The test of the connection, as a command and over HTTP: each way to fail is told apart, and nothing is left behind.
import assert from "node:assert/strict";
import net from "node:net";
import tls from "node:tls";
import { Aedes } from "aedes";
import { testConnect, testHeard, testPublish } from "../../firmware/command/test.cold";
import type { Host } from "../../tools/host/run";
import { readSettings } from "../../tools/host/settings";
import { makeCertificate } from "../../tools/rig/certificate";
import { closeHosts, dropHandshakeLines, LIMITS, sent, status } from "../system/rig";
import { ack, commander, heard, type Json } from "./rig";
import { commandsImage } from "./image";

const SECRET = "hidden-mqtt";

async function post(host: Host, body: unknown, token = host.token()): Promise<{ status: number; answer: Json }> {
  const answer = await host.request("/api/mqtt/test", {
    method: "POST",
    headers: { "X-Setup-Token": token },
    body: body === undefined ? "" : JSON.stringify(body),
  });
  return { status: answer.status, answer: (await answer.json()) as Json };
}

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as net.AddressInfo).port;
}

describe("test of the MQTT connection", () => {
  before(commandsImage);
  afterEach(closeHosts);

  it("has packets without will and without retain", () => {
    assert.equal(
      Buffer.from(testConnect("a", "", "", 30), "latin1").toString("hex"),
      "100d00044d51545404020" + "01e000161",
    );
    assert.equal(
      Buffer.from(testConnect("a", "u", "p", 300), "latin1").toString("hex"),
      "101300044d51545404c2012c000161000175000170",
    );
    assert.equal(Buffer.from(testPublish("t", "{}"), "latin1").toString("hex"), "3207000174" + "0001" + "7b7d");
    assert.equal(
      Buffer.from(testConnect("i".repeat(200), "", "", 30), "latin1")
        .subarray(0, 3)
        .toString("hex"),
      "10d401",
    );
    assert.deepEqual(
      ["", "\x20", "\x20\x02\x00", "\x20\x02\x00\x05", "HTTP", "\x20\x01", "\x20\x03", "\x20\x03\x00\x84"].map((rx) =>
        testHeard(rx, false),
      ),
      [-1, -1, -1, 5, -2, -2, -1, 512 + 0x84],
    );
    assert.deepEqual(
      ["\x40\x02\x00\x01", "\x20\x02\x00\x00"].map((rx) => testHeard(rx, true)),
      [256, -2],
    );
  });

  it("goes all the way, by a client of its own, and retains nothing", async () => {
    const host = await commander();
    await host.until(
      "the settings",
      () => heard(host, "cfg/time").length > 0 && heard(host, "cfg/registers/slot5").length > 0,
      20000,
    );
    const foreign = (): string[] =>
      [...host.broker!.retained.keys()].filter(
        (topic) => !/\/(status|cfg|rt|manifest|[a-z]+\/config)(\/|$)/.test(topic),
      );
    const { mqtt } = await status(host);
    const clients = new Set<string>(),
      watch = setInterval(() => host.broker!.clients().forEach((id) => clients.add(id)), 1);
    const { status: code, answer } = await post(host, undefined);
    assert.deepEqual(
      [code, answer.ok, answer.stage, typeof answer.ms, Object.keys(answer)],
      [200, true, "puback", "number", ["ok", "stage", "ms"]],
    );
    const reply = await ack(host, "mqtt.test");
    clearInterval(watch);
    assert.deepEqual([reply.ok, (reply.reply as Json).stage], [true, "puback"], JSON.stringify(reply));
    assert.ok(clients.has("ESP32-A1B2C3-test"));
    assert.deepEqual(
      heard(host, "test").map(({ qos, retain }) => [qos, retain]),
      [
        [1, false],
        [1, false],
      ],
    );
    assert.deepEqual(foreign(), []);
    const after = (await status(host)).mqtt;
    assert.deepEqual(
      [after.connected, after.error_count],
      [true, mqtt.error_count],
      "the connection in use is not touched",
    );
  });

  it("tells a bad name, no echo, refusal, bad credentials, silence and another protocol apart", async () => {
    const host = await commander({ settings: { mqtt: { user: "bms", pass: SECRET } } }),
      wires = new Set<net.Socket>();
    const keep = (wire: net.Socket): void => {
      wires.add(wire);
      wire.on("error", () => undefined);
    };
    const mute = net.createServer(keep),
      web = net.createServer((wire) => {
        keep(wire);
        wire.write("HTTP/1.1 400 Bad\r\n\r\n");
      });
    const closing = net.createServer((wire) => {
      keep(wire);
      wire.once("data", () => wire.end());
    });
    const denying = net.createServer((wire) => {
      keep(wire);
      wire.once("data", () => wire.end(Buffer.from([0x20, 2, 0, 5])));
    });
    const from = host.clock.now(),
      before = readSettings(host.store);
    try {
      const ports = await Promise.all([mute, web, closing, denying].map(listening));
      const nobody = net.createServer(),
        free = await listening(nobody);
      await new Promise((resolve) => nobody.close(resolve));
      const cases: [string, Json, string, string, string, boolean][] = [
        ["silence", { port: ports[0] }, "connack", "ConnTimeout", "mqtt.port", true],
        ["another protocol", { port: ports[1] }, "connack", "Failed", "mqtt.port", false],
        ["a broker that closes", { port: ports[2] }, "connack", "ConnRefused", "mqtt.port", true],
        ["not authorised", { port: ports[3] }, "connack", "NotAuthorized", "mqtt.user", false],
        ["nobody there", { port: free }, "tcp", "ConnRefused", "mqtt.port", true],
        ["no host", { host: "" }, "dns", "DnsFailed", "mqtt.host", true],
      ];
      for (const [name, patch, stage, code, where, retryable] of cases) {
        const { answer } = await post(host, patch),
          err = answer.err as Json;
        assert.deepEqual(
          [answer.ok, answer.stage, err.code, err.where, err.retryable],
          [false, stage, code, where, retryable],
          `${name}: ${JSON.stringify(answer)}`,
        );
        assert.ok(!JSON.stringify(answer).includes(SECRET));
      }
      host.network.dns = "fails";
      assert.equal(
        ((await post(host, { host: "localhost" })).answer.err as Json).code,
        "DnsFailed",
        "an address is asked of nobody",
      );
      host.network.dns = "answers";
      host.network.ping = "silent";
      const silent = await ack(host, "mqtt.test", {}, 30000);
      assert.deepEqual([(silent.err as Json).code, (silent.err as Json).where], ["ConnTimeout", "mqtt.host"]);
      host.network.ping = "answers";
      host.broker!.credentials = { user: "bms", pass: "another" };
      assert.equal(((await post(host, { pass: "***" })).answer.err as Json).code, "BadCredentials");
      host.broker!.credentials = { user: "bms", pass: SECRET };
      assert.equal((await post(host, { pass: "***" })).answer.ok, true);
      assert.deepEqual(readSettings(host.store), before);
      assert.ok(sent(host, from, LIMITS).length >= ((host.clock.now() - from) / 1000) * 0.9 - 2);
    } finally {
      wires.forEach((wire) => wire.destroy());
      for (const server of [mute, web, closing, denying]) await new Promise((resolve) => server.close(resolve));
    }
  });

  it("encrypts when mqtt.use_tls says so, and tells a broker that does not, bad files and too little heap apart", async function () {
    const certificate = makeCertificate(),
      wires = new Set<net.Socket>();
    if (!certificate) return this.skip();
    const broker = await Aedes.createBroker(),
      topics: [string, boolean][] = [];
    let plain = "";
    broker.on("publish", ({ topic, retain }) => topics.push([topic, retain]));
    const keep = (wire: net.Socket): void => {
      wires.add(wire);
      wire.on("error", () => undefined);
    };
    const secure = tls.createServer({ ...certificate }, (wire) => {
      keep(wire);
      void broker.handle(wire as never);
    });
    const called: string[] = [];
    const particular = tls.createServer({
      ...certificate,
      SNICallback: (name, done) => {
        called.push(name);
        done(new Error("nobody of that name"));
      },
    });
    const modern = tls.createServer({ ...certificate, minVersion: "TLSv1.3" });
    for (const server of [particular, modern]) server.on("tlsClientError", () => undefined).on("connection", keep);
    const open = net.createServer((wire) => {
      keep(wire);
      wire.on("data", (bytes) => {
        plain += bytes.toString("latin1");
        wire.end();
      });
    });
    try {
      const host = await commander({ settings: { mqtt: { user: "bms", pass: SECRET } } }),
        ports = await Promise.all([secure, open, particular, modern].map(listening));
      const attempt = async (port: number): Promise<Json> =>
        (await post(host, { host: "127.0.0.1", port, use_tls: true })).answer;
      const fault = async (port: number): Promise<unknown[]> => {
        const { err } = await attempt(port),
          { code, where, retryable } = err as Json;
        return [code, where, retryable];
      };
      const good = await attempt(ports[0]);
      assert.deepEqual([good.ok, good.stage], [true, "puback"], JSON.stringify(good));
      assert.deepEqual(
        topics.filter(([topic]) => !topic.startsWith("$SYS")),
        [[`${host.topic}/test`, false]],
      );
      assert.deepEqual(await fault(ports[1]), ["TlsFailed", "mqtt.use_tls", false]);
      for (const port of ports.slice(2)) {
        const { err } = await attempt(port);
        assert.deepEqual([(err as Json).code, /TLS 1\.2.+SNI/.test(String((err as Json).reason))], ["TlsFailed", true]);
      }
      assert.deepEqual(called, ["mbed TLS Server 1"]);
      assert.ok(plain !== "" && !plain.includes("MQTT"), "CONNECT went out in the clear");
      host.store.files.set("tls.key", "k".repeat(200));
      assert.deepEqual(await fault(ports[0]), ["TlsFailed", "mqtt.use_tls", false]);
      (host.device().global.ESP32 as { getState: () => Json }).getState = () => ({ freeHeap: 30000 });
      assert.deepEqual(await fault(ports[0]), ["TlsUnavailable", "mqtt.use_tls", false]);
      assert.equal((await status(host)).mqtt.connected, true);
      await dropHandshakeLines(host);
    } finally {
      wires.forEach((wire) => wire.destroy());
      for (const server of [secure, open, particular, modern]) await new Promise((resolve) => server.close(resolve));
      broker.close();
    }
  });

  it("is asked for with the token, with right settings, one at a time, by POST", async () => {
    const host = await commander();
    assert.equal((await post(host, undefined, "00000000")).status, 401);
    const wrong = await post(host, { port: 70000 });
    assert.deepEqual(
      [wrong.status, (wrong.answer.err as Json).code, (wrong.answer.err as Json).where],
      [400, "OutOfRange", "mqtt.port"],
    );
    assert.equal((await host.request("/api/mqtt/test")).status, 405);
    const [one, two] = await Promise.all([post(host, undefined), post(host, undefined)]);
    assert.deepEqual([one.status, two.status].sort(), [200, 409]);
    const { code, retryable } = [one, two].find(({ status: is }) => is === 409)!.answer.err as Json;
    assert.deepEqual([code, retryable], ["Busy", true]);
    assert.equal((await post(host, undefined)).status, 200);
  });
});

describe("settings of MQTT over HTTP", () => {
  before(commandsImage);
  afterEach(closeHosts);

  it("are shown masked, checked without being kept, and kept", async () => {
    const host = await commander({ settings: { mqtt: { user: "bms", pass: SECRET } } }),
      headers = { "X-Setup-Token": host.token() };
    const put = async (query: string, body: unknown): Promise<Json> =>
      (await (
        await host.request(`/api/mqtt${query}`, { method: "PUT", headers, body: JSON.stringify(body) })
      ).json()) as Json;
    const shown = (await (await host.request("/api/mqtt")).json()) as Json,
      before = readSettings(host.store);
    assert.deepEqual([shown.user, shown.pass, shown.enabled], ["bms", "***", true]);
    assert.deepEqual(await put("?dry=1", { heartbeat_ms: 2000, pass: "***" }), {
      ok: true,
      changed: ["mqtt.heartbeat_ms"],
      restart: false,
      warnings: [],
      dry: true,
    });
    assert.equal(((await put("?dry=1", { port: 0 })).err as Json).where, "mqtt.port");
    assert.equal(((await put("?dry=1", { nothing: 0 })).err as Json).code, "UnknownKey");
    assert.deepEqual(readSettings(host.store), before);
    assert.deepEqual(await put("", { heartbeat_ms: 2000 }), {
      ok: true,
      changed: ["mqtt.heartbeat_ms"],
      restart: false,
      warnings: [],
    });
    assert.deepEqual([readSettings(host.store).mqtt.heartbeat_ms, readSettings(host.store).mqtt.pass], [2000, SECRET]);
    assert.equal((await host.request("/api/mqtt", { method: "PUT", body: "{}" })).status, 401);
  });
});
