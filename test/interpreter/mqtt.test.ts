// The client in a real Espruino for Linux against mosquitto: QoS 2, a kept session, a restart and a freeze of the
// broker, TLS with a client certificate, and commands of every QoS. What node hides shows here.
import assert from "node:assert/strict";
import net, { type AddressInfo } from "node:net";
import { buildImage } from "../../tools/build/image";
import { makeCertificate } from "../../tools/rig/certificate";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { findMosquitto, startMosquitto, type Mosquitto, type MosquittoOptions } from "../../tools/rig/mosquitto";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";

type Mqtt = Record<string, unknown>;

describe("the MQTT client in an Espruino for Linux", () => {
  let image = "",
    system: System,
    broker: Mosquitto;

  before(async function () {
    if (!findInterpreter() || !findMosquitto()) {
      console.log(`    ${findInterpreter() ? "skipped: no mosquitto found" : NO_INTERPRETER}`);
      this.skip();
    }
    image = (await buildImage({ board: "host" })).code;
  });
  afterEach(async () => {
    await system?.stop();
    await broker?.close();
  });

  const mqtt = async (): Promise<Mqtt> => JSON.parse((await system.http("/api/status")).text).mqtt as Mqtt;
  const isConnected = async (): Promise<boolean> => (await mqtt().catch(() => null))?.["connected"] === true;
  const bytes = (text: string): string => Buffer.from(text).toString("latin1");

  async function start(
    settings: object,
    options: MosquittoOptions = {},
    files: Record<string, string> = {},
  ): Promise<void> {
    broker = (await startMosquitto(options))!;
    const point = { host: "127.0.0.1", port: broker.port, reconnect_interval_ms: 500 };
    system = await startSystem({ image, broker: "none", settings: { mqtt: { ...point, ...settings } }, files });
  }

  it("publishes at QoS 2 and takes commands of each QoS once, over a restart and a freeze, without growing", async () => {
    await start({ default_qos: 2, cmd_qos: 2, clean_session: false, keepalive_seconds: 5 });
    const client = await broker.client(),
      topics: string[] = [];
    client.on("message", (topic, _payload, { qos }) => topics.push(`${topic.split("/").slice(2).join("/")} ${qos}`));
    await client.subscribeAsync("tinybms/#", { qos: 2 });
    await until("connected", 30000, isConnected);
    await until("QoS 2", 20000, () => topics.includes("rt/reg/battery_pack_voltage 2"));
    for (const qos of [0, 1, 2] as const) await client.publishAsync("tinybms/ESP32-A1B2C3/cmd", "{}", { qos });
    await client.publishAsync("tinybms/ESP32-A1B2C3/cfg/set", "x".repeat(5000), { qos: 1 });
    await until("a large one is refused", 10000, () => topics.includes("cfg/ack 1"));
    const { oversize_drop: oversize, subscriptions, error_count: errors } = await mqtt();
    assert.deepEqual([oversize, subscriptions, errors], [1, { "cmd": 2, "cfg/set": 1 }, 0]);
    const before = await system.memory(true);
    await broker.stop();
    await sleep(1500);
    await broker.start();
    await until("connected again", 40000, isConnected);
    broker.freeze(true);
    await until("the freeze is seen", 40000, async () => !(await isConnected()));
    assert.match(String((await mqtt())["last_error_message"]), /no answer to a ping|output is stuck/);
    broker.freeze(false);
    await until("connected once more", 60000, isConnected);
    // what is said anew after a connection waits in memory for its acknowledgements, for some seconds
    await until(
      `${before.steady} JsVars as before`,
      30000,
      async () => (await system.memory()).steady <= before.steady + 60,
    );
    assert.deepEqual(
      system.errors().filter((line) => !/^ERROR: Connect failed/.test(line)),
      [],
    );
  });

  it("a login in UTF-8, given as a URL over HTTP; a wrong one is told", async () => {
    const user = "bätterie 電池",
      pass = "pä:ss@wörd 🔑";
    await start(
      { user: "nobody", pass: "x" },
      { users: { [user]: pass }, lines: ["allow_anonymous false", "password_file @passwords"] },
    );
    await until(
      "a refusal",
      30000,
      async () => (await mqtt().catch(() => null))?.["last_error_code"] === "NotAuthorized",
    );
    const token = /setup token: (\S+)/.exec(system.console.lines.join("\n"))![1];
    const uri = `mqtt://${encodeURIComponent(user)}:${encodeURIComponent(pass)}@127.0.0.1:${broker.port}`;
    const answer = await system.http("/api/config", {
      method: "PUT",
      headers: { "X-Setup-Token": token },
      body: JSON.stringify({ mqtt: { uri } }),
    });
    assert.equal(answer.status, 200, answer.text);
    await until("connected", 30000, isConnected);
    const shown = JSON.parse((await system.http("/api/config")).text).mqtt as Mqtt;
    assert.deepEqual([shown["user"], shown["pass"], shown["uri"], shown["port"]], [user, "***", "", broker.port]);
  });

  it("the same by settings in the flash, byte for byte", async () => {
    const user = "é€𝄞",
      pass = "ÿ".repeat(20);
    await start(
      { user, pass },
      { users: { [user]: pass }, lines: ["allow_anonymous false", "password_file @passwords"] },
    );
    await until("connected", 30000, isConnected);
    assert.equal(bytes(user).length, 9);
  });

  it("TLS with a client certificate; without it, and on a broker that does not encrypt, an error and nothing in the clear", async function () {
    const server = makeCertificate(),
      own = makeCertificate();
    if (!server || !own) {
      console.log("    skipped: no openssl found");
      this.skip();
      return;
    }
    const files = { cert: server.cert, key: server.key, trusted: own.cert };
    await start(
      { use_tls: true },
      {
        files,
        lines: [
          "allow_anonymous true",
          "certfile @cert",
          "keyfile @key",
          "cafile @trusted",
          "require_certificate true",
        ],
      },
    );
    // No request until then: answers to many of them cut up the variables that this interpreter gives to mbed TLS
    await until("a refusal", 30000, () => system.console.lines.some((line) => line.includes("TlsFailed")));
    const token = /setup token: (\S+)/.exec(system.console.lines.join("\n"))![1],
      headers = { "X-Setup-Token": token };
    for (const [name, body] of [
      ["ca", server.cert],
      ["cert", own.cert],
      ["key", own.key],
    ]) {
      const answer = await system.http(`/api/tls/${name}`, { method: "PUT", headers, body });
      assert.equal(answer.status, 200, answer.text);
    }
    await until("connected", 60000, () => sleep(500).then(isConnected));
    const { tls, subscribed } = await mqtt();
    assert.deepEqual([tls, subscribed], ["encrypted, server not verified", true]);
    const plain = (await startMosquitto())!;
    try {
      const answer = await system.http("/api/config", {
        method: "PUT",
        headers,
        body: JSON.stringify({ mqtt: { port: plain.port } }),
      });
      assert.equal(answer.status, 200, answer.text);
      await until("an error", 30000, () =>
        sleep(500).then(async () => (await mqtt())["last_error_code"] === "TlsFailed" && !(await isConnected())),
      );
      await sleep(2000);
      assert.equal(await isConnected(), false);
    } finally {
      await plain.close();
    }
  });

  it("TLS never says the name of the broker: one that must hear it cannot be used, which is told", async () => {
    let hello = "";
    const particular = net.createServer((wire) => {
      wire.on("error", () => undefined);
      wire.once("data", (data) => {
        hello = data.toString("latin1");
        wire.destroy();
      });
    });
    await new Promise<void>((resolve) => particular.listen(0, "127.0.0.1", resolve));
    try {
      await start({ use_tls: true, port: (particular.address() as AddressInfo).port, host: "localhost" });
      const message = async (): Promise<string> => String((await mqtt().catch(() => null))?.["last_error_message"]);
      await until("an error", 60000, async () => /SNI/.test(await message()));
      assert.equal(hello.slice(0, 3), "\x16\x03\x01", "a ClientHello"); // RFC 5246, 7.4.1.2
      assert.ok(!hello.includes("localhost"), "its server name, if any, is another one");
    } finally {
      particular.close();
    }
  });
});
