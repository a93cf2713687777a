// The command line of `npm start`: options, environment, busy ports, the live line, and its end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../tools/build/board";
import { laidOut, liveParts, oneLine, screenOn, type Status } from "../../tools/host/live";
import { readEnvironment } from "../../tools/host/options";
import { provisionTls } from "../../tools/host/settings";
import { memoryStore } from "../../tools/host/storage";
import { makeCertificate } from "../../tools/rig/certificate";
import { smallImage } from "./image";

interface Run {
  child: ChildProcess;
  text(): string;
  status: Promise<number | null>;
  shows(wanted: RegExp): Promise<RegExpExecArray>;
}

const folder = mkdtempSync(join(tmpdir(), "host-main-")),
  image = join(folder, "image.js");
const running: ChildProcess[] = [];

function runMain(options: string[], environment: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, ["--import", "tsx", "tools/host/main.ts", ...options], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(child);
  let text = "";
  child.stdout?.on("data", (data) => {
    text += data;
  });
  child.stderr?.on("data", (data) => {
    text += data;
  });
  const status = new Promise<number | null>((resolve) => child.on("close", resolve));
  const shows = async (wanted: RegExp): Promise<RegExpExecArray> => {
    const limit = performance.now() + 60000;
    for (;;) {
      const found = wanted.exec(text);
      if (found) return found;
      if (performance.now() > limit || child.exitCode !== null) throw new Error(`${wanted} wanted, there is:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { child, text: () => text, status, shows };
}

async function refused(options: string[], environment: Record<string, string>, reason: RegExp): Promise<void> {
  const run = runMain(["--image", image, ...options], environment);
  assert.equal(await run.status, 1, run.text());
  assert.match(run.text(), reason);
}

describe("npm start", () => {
  before(() => writeFileSync(image, smallImage));
  afterEach(() => {
    running.splice(0).forEach((child) => child.kill("SIGKILL"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("shows where everything is and lives on a pipe, past busy ports; SIGINT leaves nothing behind", async () => {
    const busy = net.createServer();
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as net.AddressInfo,
      log = join(folder, "candump.log");
    const run = runMain([
      "--image",
      image,
      "--http",
      String(port),
      "--mqtt",
      String(port),
      "--candump",
      log,
      "--scenario",
      "charge",
    ]);
    const [, http] = await run.shows(/HTTP {6}http:\/\/127\.0\.0\.1:(\d+)\/api\/status/);
    const [, mqtt] = await run.shows(/MQTT {6}mqtt:\/\/127\.0\.0\.1:(\d+)/);
    await run.shows(/Token {5}1234ABCD/);
    assert.equal(run.text().split("1234ABCD").length, 2, "once");
    await run.shows(/52\.50 V -- A -- W {2}SoC -- %.* normal {2}MQTT up {2}CAN 0\/s {2}cells .*\n/);
    assert.match(run.text(), new RegExp(`Port ${port} is busy: HTTP is on port ${http}`));
    assert.match(run.text(), new RegExp(`Port ${port} is busy: the embedded broker is on port ${mqtt}`));
    assert.match(run.text(), /Battery {3}charge: /);
    assert.match(run.text(), /\bOptions go behind two dashes: npm start -- --help\n/);
    assert.ok(existsSync(log));
    run.child.kill("SIGINT");
    assert.equal(await run.status, 0, run.text());
    busy.close();
    for (const freed of [http, mqtt]) {
      const server = net.createServer();
      await new Promise<void>((resolve, reject) =>
        server.on("error", reject).listen(Number(freed), "127.0.0.1", resolve),
      );
      server.close();
    }
  });

  it("names the option that makes no sense, and what there is", async () => {
    await Promise.all([
      refused(["--scenario", "none"], {}, /--scenario.*no scenario is called "none"[^]*cold-morning/),
      refused(["--devices", "0"], {}, /--devices.*must be 1 to 50/),
      refused(["--fault", "noise=2"], {}, /--fault.*probability must be a number, 0 to 1/),
      refused(["--speed", "0"], {}, /--speed.*must be above 0/),
      refused(["--http", "70000"], {}, /--http.*must be a port/),
      refused(["--mqtt", "localhost:1883"], {}, /--mqtt.*must begin with mqtt/),
      refused(["--fault", "fire"], {}, /--fault[^]*silence/),
      refused(["20"], { npm_config_speed: "true" }, /put -- before ours: npm start -- --speed/),
      refused(["now"], {}, /do not know what to do with: now|too many arguments/),
      refused([], { MQTT_QOS: "3" }, /environment variable MQTT_QOS must be 0, 1 or 2/),
    ]);
  });

  it("refuses an option that npm kept for itself, for want of the two dashes", async () => {
    for (const said of [["--speed", "20"], ["--recorder"]]) {
      const npm = spawn("npm", ["start", ...said], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
      running.push(npm);
      let text = "";
      npm.stderr.on("data", (data) => (text += data));
      npm.stdout.on("data", (data) => (text += data));
      assert.notEqual(await new Promise((resolve) => npm.on("close", resolve)), 0);
      assert.match(text, new RegExp(`put -- before ours: npm start -- ${said[0]} `), text);
    }
  });

  it("starts several gateways, each with its id, battery, flash and HTTP, on one broker", async () => {
    const storage = join(folder, "flash");
    const run = runMain([
      ...["--image", image, "--http", "0", "--mqtt", "0", "--control", "0", "--devices", "2"],
      ...["--storage", storage, "--fault", "silence=0.5@3+10"],
    ]);
    await run.shows(/Device {4}tinybms\/ESP32-A1B2C3 {3}http:.*\nDevice {4}tinybms\/ESP32-A1B2C4 {3}http:.*\n/);
    await run.shows(/faults silence=0\.5 from 3 s for 10 s/);
    await run.shows(/ESP32-A1B2C3 {2}52\.50 V.*\nESP32-A1B2C4 {2}52\.50 V/);
    const [, control] = await run.shows(/Control {3}(http:\S+)/);
    assert.deepEqual(Object.keys((await (await fetch(control!)).json()) as object), ["scenario", "speed", "faults"]);
    assert.ok(existsSync(storage) && existsSync(`${storage}.ESP32-A1B2C4`));
    run.child.kill("SIGINT");
    assert.equal(await run.status, 0, run.text());
  });

  it("says when a file is no image, and what it did", async () => {
    const broken = join(folder, "broken.js"),
      silent = join(folder, "silent.js");
    writeFileSync(broken, "this is no image\n");
    writeFileSync(silent, "1;\n");
    const runs = [broken, silent].map((file) => runMain(["--image", file, "--http", "0", "--mqtt", "0"]));
    assert.deepEqual(await Promise.all(runs.map(({ status }) => status)), [1, 1]);
    assert.match(runs[0].text(), /broken\.js: is no image of the gateway: SyntaxError/);
    assert.match(runs[1].text(), /silent\.js: is no image of the gateway: no login in 10 s/);
  });

  it("explains itself", async () => {
    const run = runMain(["--help"]);
    assert.equal(await run.status, 0);
    for (const wanted of ["--candump", "cold-morning", "bad-crc", "MQTT_TOPIC_PREFIX"])
      assert.ok(run.text().includes(wanted), wanted);
  });
});

describe("environment of the host", () => {
  it("is read into settings", () => {
    const { settings, isEnabled, broker } = readEnvironment({
      MQTT_BROKER: "mqtt://bms:p%40ss@broker.example:1884",
      MQTT_TOPIC_PREFIX: "/home/battery/",
      MQTT_QOS: "1",
      MQTT_RETAIN: "Yes",
      MQTT_ENABLED: "",
    });
    assert.deepEqual(settings, {
      mqtt: { baseTopic: "home/battery", default_qos: 1 },
      retain: { telemetry: true, text: true },
    });
    assert.equal(isEnabled, true);
    assert.deepEqual(broker(), { host: "broker.example", port: 1884, user: "bms", pass: "p@ss", isTls: false });
  });

  it("has Home Assistant's discovery, and a login where the URL has none", () => {
    const { settings, broker } = readEnvironment({
      MQTT_BROKER: "mqtt://broker.example",
      MQTT_USERNAME: "bms",
      MQTT_PASSWORD: "p@ss",
      MQTT_HA_DISCOVERY: "true",
      MQTT_HA_DISCOVERY_PREFIX: "/hass/",
    });
    assert.deepEqual(settings, { ha: { enabled: true, prefix: "hass" } });
    assert.deepEqual(broker(), { host: "broker.example", port: 1883, user: "bms", pass: "p@ss", isTls: false });
    const own = { MQTT_BROKER: "mqtt://me:mine@b", MQTT_USERNAME: "bms", MQTT_PASSWORD: "p@ss" };
    assert.deepEqual(readEnvironment(own).broker(), { host: "b", port: 1883, user: "me", pass: "mine", isTls: false });
  });

  it("names files with certificates and key, which get into the flash", () => {
    const certificate = makeCertificate(),
      write = (name: string, text: string): string => {
        writeFileSync(join(folder, name), text);
        return join(folder, name);
      };
    if (!certificate) return;
    mkdirSync(folder, { recursive: true });
    const files = {
      MQTT_CA_CERT: write("ca.pem", certificate.cert),
      MQTT_CLIENT_KEY: write("key.pem", certificate.key),
    };
    const { tls } = readEnvironment(files),
      store = memoryStore();
    provisionTls(store, tls);
    assert.deepEqual([...store.files.keys()], ["tls.ca", "tls.key"]);
    assert.equal(store.files.get("tls.ca"), new X509Certificate(certificate.cert).raw.toString("latin1"));
    for (const [name, path, reason] of [
      ["MQTT_CA_CERT", join(folder, "none.pem"), /MQTT_CA_CERT names a file that cannot be read: ENOENT/],
      ["MQTT_CLIENT_KEY", files.MQTT_CA_CERT, /MQTT_CLIENT_KEY must name a PEM file with one block PRIVATE KEY/],
      ["MQTT_CLIENT_CERT", files.MQTT_CLIENT_KEY, /MQTT_CLIENT_CERT must name a PEM file with one block CERTIFICATE/],
    ] as [string, string, RegExp][])
      assert.throws(() => readEnvironment({ [name]: path }), reason);
  });

  it("changes nothing when it is not set", () => {
    const { settings, isEnabled, broker } = readEnvironment({});
    assert.deepEqual([settings, isEnabled, broker()], [{}, true, undefined]);
    assert.deepEqual(Object.values(readEnvironment({}).tls).filter(Boolean), []);
    assert.equal(readEnvironment({ MQTT_ENABLED: "off" }).isEnabled, false);
  });

  const bad: [name: string, value: string, reason: RegExp][] = [
    ["MQTT_BROKER", "broker", /is not a URL/],
    ["MQTT_BROKER", `mqtt://${"x".repeat(64)}`, /host that must be a host name/],
    ["MQTT_BROKER", `mqtt://${"x.".repeat(127)}`, /host that must be at most 253 bytes/],
    ["MQTT_QOS", "3", /0, 1 or 2/],
    ["MQTT_QOS", "one", /0, 1 or 2/],
    ["MQTT_RETAIN", "maybe", /true or false/],
    ["MQTT_HA_DISCOVERY", "maybe", /true or false/],
    ["MQTT_HA_DISCOVERY_PREFIX", "a/+", /\+ or #/],
    ["MQTT_ENABLED", "2", /true or false/],
    ["MQTT_TOPIC_PREFIX", "a/#", /\+ or #/],
    ["MQTT_TOPIC_PREFIX", "/", /at least 1/],
    ["MQTT_TOPIC_PREFIX", "x".repeat(33), /at most 32 bytes/],
  ];
  for (const [name, value, reason] of bad) {
    it(`refuses ${name}=${value.slice(0, 20)} by name`, () => {
      const isGood = ({ message }: Error): boolean => message.includes(name) && reason.test(message);
      assert.throws(() => readEnvironment({ [name]: value }).broker(), isGood);
    });
  }
});

describe("live line", () => {
  const escapes = new RegExp(String.fromCharCode(27) + "\\[[0-9;]*m", "g"),
    plain = (line: string): string => line.replace(escapes, ""),
    line = (status: Status | null, frames: number): string => plain(oneLine(liveParts(status, frames)));
  const status: Status = {
    live_data: {
      voltage: 52.75,
      current: -12.5,
      pack_power_w: -659,
      soc_percent: 61.99,
      min_cell_mv: 3286,
      max_cell_mv: 3290,
      temperature: null,
      phase: "normal",
    },
    limits: { cvl: 55.2, ccl: 140, dcl: null },
    mqtt: { enabled: true, connected: false },
  };

  it("says what the device says, and -- for what it does not know", () => {
    assert.equal(
      line(status, 6.2),
      "52.75 V -12.5 A -659 W  SoC 62.0 %  CVL 55.2 V CCL 140.0 A DCL -- A  normal  MQTT down  CAN 6/s  " +
        "cells 3.286..3.290 V  -- degC",
    );
  });

  it("fits 80 columns in two lines, the most important first, a trouble before all", () => {
    const shown = (of: Status, width: number): string[] => laidOut(liveParts(of, 6.2), width, 3).map(plain);
    assert.deepEqual(shown(status, 79), [
      "52.75 V -12.5 A -659 W  SoC 62.0 %  CVL 55.2 V CCL 140.0 A DCL -- A  normal",
      "MQTT down  CAN 6/s  cells 3.286..3.290 V  -- degC",
    ]);
    assert.equal(shown(status, 200).length, 1);
    assert.equal(shown(status, 20).length, 3, "what finds no room is left out");
    const silent = "rule Chemistry (v_bulk + 0.1 V within 0.15 V of register 300), which no limit can mend";
    for (const width of [79, 60, 120])
      assert.ok(
        shown({ ...status, can: { silent } }, width).every((one) => one.length <= width),
        `${width}`,
      );
    assert.deepEqual(shown({ ...status, can: { silent } }, 79), [
      "CAN is silent: rule Chemistry (v_bulk + 0.1 V within 0.15 V of register 300),",
      "which no limit can mend  52.75 V -12.5 A -659 W  SoC 62.0 %",
      "CVL 55.2 V CCL 140.0 A DCL -- A  normal  MQTT down  CAN 6/s",
    ]);
    assert.deepEqual(
      laidOut([{ text: "x".repeat(25), color: (text) => `<${text}>` }], 10, 9),
      ["xxxxxxxxxx", "xxxxxxxxxx", "xxxxx"].map((text) => `<${text}>`),
    );
  });

  it("tells of a device that does not answer, and of MQTT switched off", () => {
    assert.match(line(null, 0), /no answer from the device's HTTP server/);
    assert.match(line({ mqtt: { enabled: false } }, 0), /MQTT off/);
    assert.match(line({ uart: { warning: "no answer" }, can: { silent: null } }, 9), /^no answer {2}.*CAN 9\/s/);
  });

  it("replaces its lines on a terminal, below lines that stay, and gives the cursor back", () => {
    let text = "";
    const terminal = {
      isTTY: true,
      columns: 20,
      write: (part: string) => {
        text += part;
        return true;
      },
    };
    const screen = screenOn(terminal as unknown as NodeJS.WriteStream);
    screen.live([{ text: "first" }]);
    screen.say(["stays"]);
    screen.live([{ text: "a line that is longer" }, { text: "than the terminal" }]);
    screen.live([{ text: "last" }]);
    screen.close();
    const clear = "\r\x1b[J",
      two = "a line that is\nlonger";
    assert.equal(
      text,
      `\x1b[?25l${clear}first${clear}stays\nfirst${clear}${two}\nthan the terminal\x1b[2A${clear}last\n\x1b[?25h`,
    );
  });
});
