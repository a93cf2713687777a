// `npm run watch` and `npm run manifest`: what they print, for people and machines, and one line of reason when
// something is wrong.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { stripVTControlCharacters } from "node:util";
import { startBroker, type Broker } from "../../tools/host/broker";
import { brokerOptions } from "../../tools/mqtt/connect";
import { differences, manifestRows } from "../../tools/mqtt/manifest";
import { ageText, jsonOf, placeOf, shown, take, type Devices } from "../../tools/mqtt/messages";
import { tableLines } from "../../tools/mqtt/table";

interface Run {
  out: string;
  error: string;
  status: number | null;
}

/** Runs a tool; `until` text in its output it is asked to end. */
function run(
  tool: "watch" | "manifest",
  words: string[],
  environment: Record<string, string> = {},
  until?: RegExp,
): Promise<Run> {
  const child = spawn(process.execPath, ["--import", "tsx", `tools/mqtt/${tool}.ts`, ...words], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "",
    error = "";
  child.stdout.on("data", (data) => {
    out += data;
    if (until?.test(out)) child.kill("SIGINT");
  });
  child.stderr.on("data", (data) => {
    error += data;
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ out, error, status })));
}

const STATE = '{"soc":62,"v":52.63,"t1":null,"st":"idle","seq":7}',
  VOLTAGE = '{"address":36,"unit":"V","value":52.6,"quality":"ok"}';

describe("what a broker sends, kept", () => {
  const devices: Devices = new Map(),
    at = 1000;
  const heard = (topic: string, payload: string, retain = false): boolean =>
    take(devices, "tinybms", { topic, payload, qos: 0, retain, at });
  beforeEach(() => devices.clear());

  it("by device and suffix, an empty retained message takes its topic away", () => {
    assert.deepEqual(placeOf("tinybms/A/rt/reg/x", "tinybms"), { device: "A", suffix: "rt/reg/x" });
    assert.deepEqual(
      [placeOf("other/A/x", "tinybms"), placeOf("tinybms/A", "tinybms"), placeOf("tinybms//x", "tinybms")],
      [null, null, null],
    );
    heard("tinybms/A/status", '{"online":true}', true);
    heard("tinybms/A/status", '{"online":false}');
    heard("tinybms/B/rt/state", STATE);
    assert.equal(heard("elsewhere/A/x", "1"), false);
    assert.deepEqual(jsonOf(devices, 1500), {
      A: { status: { payload: { online: false }, qos: 0, retained: true, age_ms: 500, count: 2 } },
      B: { "rt/state": { payload: JSON.parse(STATE), qos: 0, retained: false, age_ms: 500, count: 1 } },
    });
    heard("tinybms/A/status", "", true);
    assert.equal(devices.get("A")!.size, 0);
  });

  it("shows each kind of payload in a line", () => {
    assert.equal(shown(VOLTAGE), "52.6 V");
    assert.equal(shown('{"value":147,"text":"discharging","unit":""}'), "147 (discharging)");
    assert.equal(shown('{"value":null,"unit":"V","quality":"stale"}'), "-- V stale");
    assert.equal(shown(STATE), "soc 62  v 52.63  t1 --  st idle  seq 7");
    assert.deepEqual([shown("online"), shown("true"), shown("[1,2]")], ["online", "true", "[1,2]"]);
    assert.deepEqual([400, 9000, 45000, 600000, 9e6].map(ageText), ["0.4 s", "9.0 s", "45 s", "10 min", "3 h"]);
  });

  it("fits a terminal", () => {
    for (let i = 0; i < 40; i++) heard(`tinybms/A/rt/reg/value_${i}`, VOLTAGE);
    heard("tinybms/A/rt/state", STATE.repeat(9));
    for (const width of [80, 120, 200])
      for (const line of tableLines(devices, 2000, width))
        assert.ok(stripVTControlCharacters(line).length <= width, line);
    const cut = tableLines(devices, 2000, 100, 20);
    assert.equal(cut.length, 20);
    assert.match(cut[19], /… \d+ more lines/);
    const rows = tableLines(devices, 2000, 100).filter((line) => line.includes("rt/"));
    assert.match(rows[0], /rt\/state/);
  });
});

describe("npm run watch, npm run manifest", () => {
  let broker: Broker,
    url = "";
  before(async () => {
    broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now });
    url = `mqtt://127.0.0.1:${broker.listening.port}`;
    await broker.publish("tinybms/A/status", '{"online":true}', { qos: 1, retain: true });
    await broker.publish("tinybms/B/rt/bms", "online", { qos: 1, retain: true });
  });
  after(() => broker.close());
  afterEach(() => {
    broker.credentials = null;
  });

  it("--once prints a table, and what was sent meanwhile", async () => {
    const sender = setInterval(() => void broker.publish("tinybms/A/rt/state", STATE), 100);
    const { out, error, status } = await run("watch", ["--once", "--seconds", "1", "--broker", url]);
    clearInterval(sender);
    assert.equal(status, 0, error);
    assert.match(out, /A {2}2 topics/);
    assert.match(out, /status +│ online true +│.*│ yes/);
    assert.match(out, /rt\/state +│ soc 62/);
    assert.match(out, /B {2}1 topics/);
  });

  it("--once --json prints one object, of one device with the environment's broker", async () => {
    const { out, status } = await run("watch", ["--once", "--json", "--seconds", "0.5", "--device", "B"], {
      MQTT_BROKER: url,
    });
    const {
      broker: name,
      prefix,
      devices,
    } = JSON.parse(out) as {
      broker: string;
      prefix: string;
      devices: Record<string, Record<string, { payload: unknown; retained: boolean; qos: number }>>;
    };
    assert.deepEqual([status, name, prefix, Object.keys(devices)], [0, url, "tinybms", ["B"]]);
    assert.deepEqual(
      [devices.B["rt/bms"].payload, devices.B["rt/bms"].retained, devices.B["rt/bms"].qos],
      ["online", true, 1],
    );
  });

  it("in a pipe prints a line a message until it is asked to end", async () => {
    const sender = setInterval(() => void broker.publish("tinybms/A/rt/reg/x", VOLTAGE), 100);
    const { out, status } = await run("watch", ["--broker", url, "--json", "--filter", "rt/reg"], {}, /rt\/reg\/x/);
    const plain = await run("watch", ["--broker", url, "--device", "A"], {}, /rt\/reg\/x/);
    clearInterval(sender);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      [status, lines[0].topic, lines[0].device, lines[0].suffix, lines[0].payload],
      [0, "tinybms/A/rt/reg/x", "A", "rt/reg/x", JSON.parse(VOLTAGE)],
    );
    assert.ok(lines.every(({ suffix }) => (suffix as string).startsWith("rt/reg")));
    assert.match(plain.out, /^\d\d:\d\d:\d\d\.\d{3} tinybms\/A\/status \{"online":true\}$/m);
  });

  it("says in one line what is wrong", async () => {
    const closed = net.createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as net.AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const cases: [string[], Record<string, string>, RegExp][] = [
      [
        ["--once"],
        { MQTT_BROKER: `mqtt://user:secret@127.0.0.1:${port}` },
        /^watch: cannot connect to mqtt:\/\/user@127\.0\.0\.1:\d+: nobody listens there\n$/,
      ],
      [
        ["--once", "--seconds", "0.3", "--broker", url, "--prefix", "none"],
        {},
        /^watch: .*neither holds nor sends anything below none\/\+\/ within 0\.3 s\n$/,
      ],
      [["--once"], { MQTT_BROKER: "http://x" }, /^watch: environment variable MQTT_BROKER must begin with mqtt/],
      [
        ["--once", "--ca", "no-such.pem"],
        { MQTT_BROKER: "mqtts://127.0.0.1:1" },
        /^watch: cannot read the CA certificate: there is no no-such\.pem\n$/,
      ],
      [["--once"], { MQTT_CLIENT_CERT: "x.pem" }, /^watch: a client certificate needs its key/],
      [["--device", "a/b"], {}, /--device.*letters, digits/],
    ];
    for (const [words, environment, reason] of cases) {
      const { error, status } = await run("watch", words, environment);
      assert.match(error, reason);
      assert.equal(status, 1, words.join(" "));
    }
    broker.credentials = { user: "bms", pass: "right" };
    const refused = await run("watch", ["--once", "--broker", url.replace("//", "//bms:wrong@")]);
    assert.match(refused.error, /bad user name or password|not authorised/);
    const { status } = await run("watch", [
      "--once",
      "--seconds",
      "0.3",
      "--broker",
      url.replace("//", "//bms:right@"),
    ]);
    assert.equal(status, 0);
  });

  it("uses the CA and the client certificate of the environment", async function () {
    const folder = mkdtempSync(join(tmpdir(), "watch-tls-")),
      path = (name: string): string => join(folder, name);
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      path("key.pem"),
      "-out",
      path("cert.pem"),
    ]);
    if (made.status !== 0) {
      console.log("    openssl is not installed: TLS is not tried");
      return this.skip();
    }
    const files = { cert: readFileSync(path("cert.pem")), key: readFileSync(path("key.pem")) };
    const server = tls.createServer(
      { ...files, ca: files.cert, requestCert: true, rejectUnauthorized: true },
      (wire) => {
        const inner = net.connect(broker.listening.port, "127.0.0.1");
        wire.pipe(inner).pipe(wire);
        wire.on("error", () => inner.destroy());
        inner.on("error", () => wire.destroy());
      },
    );
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const environment = { MQTT_BROKER: `mqtts://127.0.0.1:${(server.address() as net.AddressInfo).port}` },
        words = ["--once", "--seconds", "0.5"];
      const own = {
        MQTT_CA_CERT: path("cert.pem"),
        MQTT_CLIENT_CERT: path("cert.pem"),
        MQTT_CLIENT_KEY: path("key.pem"),
      };
      const good = await run("watch", words, { ...environment, ...own });
      assert.deepEqual([good.status, good.error], [0, ""]);
      assert.equal((await run("watch", words, environment)).status, 1, "a broker that nobody vouches for");
      assert.equal(
        (await run("watch", words, { ...environment, MQTT_CA_CERT: own.MQTT_CA_CERT })).status,
        1,
        "no client certificate",
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  });

  it("options win over the environment", () => {
    const { broker: found, prefix } = brokerOptions(
      { prefix: "boat" },
      { MQTT_BROKER: "mqtt://h:9", MQTT_TOPIC_PREFIX: "van" },
    );
    assert.deepEqual([found.host, found.port, prefix], ["h", 9, "boat"]);
    assert.deepEqual(
      [brokerOptions({}, {}).broker.port, brokerOptions({}, { MQTT_TOPIC_PREFIX: "/van//x/" }).prefix],
      [1883, "van/x"],
    );
  });

  it("manifest prints the table, for people and machines, with whole topics of a device", async () => {
    const { out } = await run("manifest", []),
      json = await run("manifest", ["--json", "--device", "ESP32-A1B2C3", "--prefix", "boat"]);
    assert.match(out, /rt\/reg\/battery_pack_voltage +│ 36\.\.37 +│ V +│ \/Dc\/0\/Voltage +│ 259/);
    const rows = JSON.parse(json.out) as { topic: string; address: number | null }[];
    assert.deepEqual(
      [rows.length, rows[0].topic, rows[0].address],
      [manifestRows().length, "boat/ESP32-A1B2C3/rt/reg/battery_pack_voltage", 36],
    );
  });

  it("manifest --check compares with what a device publishes", async () => {
    const none = await run("manifest", ["--check", "--seconds", "0.3", "--broker", url]);
    assert.deepEqual([none.status, none.error], [1, "manifest: the broker holds no manifest below tinybms/+/\n"]);
    const items = manifestRows().map(({ topic: t, address, label: l, unit: u, dbus_path: path, modbus }) => ({
      t,
      ...(address === null ? {} : { a: address }),
      l,
      u,
      ...(path === null ? {} : { p: path, m: modbus }),
    }));
    assert.deepEqual(differences(items), []);
    const publish = async (list: object[]): Promise<void> => {
      await broker.publish("tinybms/A/manifest/page0", JSON.stringify({ page: 0, items: list.slice(0, 20) }), {
        retain: true,
      });
      await broker.publish("tinybms/A/manifest/page1", JSON.stringify({ page: 1, items: list.slice(20) }), {
        retain: true,
      });
    };
    await publish(items);
    const same = await run("manifest", ["--check", "--seconds", "0.5", "--broker", url]);
    assert.deepEqual([same.status, same.out], [0, `A: ${items.length} topics, 0 differences\n`]);
    await publish(items.slice(1).map((item) => (item.t === "rt/reg/state_of_charge" ? { ...item, a: 45 } : item)));
    const other = await run("manifest", ["--check", "--json", "--seconds", "0.5", "--broker", url]);
    assert.equal(other.status, 1);
    const [{ differences: wrong }] = JSON.parse(other.out) as { differences: string[] }[];
    assert.deepEqual(wrong, [
      "rt/reg/battery_pack_voltage is not in the device's manifest",
      "rt/reg/state_of_charge: register 45, the table says 46",
    ]);
  });
});
