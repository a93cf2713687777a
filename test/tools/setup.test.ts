// npm run setup: what is asked, what is refused before anything is sent, and what a device has in the end; over its
// console (a model of it) and over HTTP (the image in node).
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import decodeQR from "qr/decode.js";
import encodeQR from "qr";
import { newestSlot } from "../../firmware/config/slots.cold";
import { crc32 } from "../../tools/host/crc32";
import { startHost } from "../../tools/host/run";
import { settingsFiles } from "../../tools/rig/flash";
import type { Gateway } from "../../tools/setup/device";
import { openHttpGateway } from "../../tools/setup/http";
import { labelText } from "../../tools/setup/label";
import { fromBytes, planOf } from "../../tools/setup/plan";
import { type Asker, askSettings, questions } from "../../tools/setup/questions";
import { setUp } from "../../tools/setup/run";
import { networkFault, serialGateway } from "../../tools/setup/serial";
import { type FakeFaults, fakeDevice } from "../build/flash-device";
import { builtImage } from "../fixtures/image";

/** A person who answers by the first words of a question, Enter to all others; what was refused is kept. */
function person(answers: Record<string, string | boolean | (string | boolean)[]>): Asker & { refused: string[] } {
  const refused: string[] = [];
  const next = (words: string): string | boolean | undefined => {
    const key = Object.keys(answers).find((begin) => words.startsWith(begin)),
      answer = key === undefined ? undefined : answers[key];
    return Array.isArray(answer) ? answer.shift() : answer;
  };
  const text = (words: string, preset: string, refuse: (answer: string) => string): Promise<string> => {
    for (;;) {
      const answer = String(next(words) ?? preset),
        reason = refuse(answer);
      if (!reason) return Promise.resolve(answer);
      refused.push(reason);
    }
  };
  return {
    refused,
    text,
    secret: (words, refuse) => text(words, "", refuse),
    choose: (words, _, preset) => Promise.resolve(String(next(words) ?? preset)),
    yes: (words, preset) => Promise.resolve((next(words) as boolean | undefined) ?? preset),
  };
}

const HOME = {
  "Wi-Fi": "Haus Müller",
  "its password": "zwölf Äpfel",
  "chemistry": "lfp",
  "largest charge": "100",
  "largest discharge": "120,5",
  "MQTT": "mqtt://me:p%40ss@192.168.1.10",
};
const STARTED = {
  prints:
    "tinybms-gateway 0.1.0 ESP32-A1B2C3 on esp32-devkit\r\nsetup token: 4b\r\nlogin: admin, password: 7qk2-x0fd-9wnt",
  ip: "192.168.1.23",
  station: "connected",
};
const PATIENCE = { boot_ms: 50, network_ms: 50, refused_ms: 5, look_ms: 2 };
const serial = (faults: FakeFaults): { gateway: Gateway; device: ReturnType<typeof fakeDevice> } => {
  const device = fakeDevice(faults);
  return { device, gateway: serialGateway(device.port, PATIENCE) };
};
const documentOf = ({ file }: { file(name: string): string | undefined }): unknown => {
  const store = { read: file, write: () => false, erase: () => undefined };
  return JSON.parse(fromBytes(newestSlot(store, (text) => crc32(Buffer.from(text, "latin1"))).document));
};

describe("the questions of npm run setup", () => {
  it("name settings, and no network, password or broker is asked for in vain", async () => {
    for (const { name } of questions) assert.ok(name.includes("."), name);
    assert.deepEqual(await askSettings(person({}), "{}"), { battery: { chemistry: "lfp" } });
  });

  it("take what a person says: a decimal comma, a URL of a broker, umlauts", async () => {
    assert.deepEqual(await askSettings(person(HOME), "{}"), {
      wifi: { ssid: "Haus Müller", pass: "zwölf Äpfel" },
      battery: { chemistry: "lfp" },
      "can/limits": { cclMax: 100, dclMax: 120.5 },
      mqtt: { uri: "mqtt://me:p%40ss@192.168.1.10" },
    });
  });

  it("are asked again with the reason where the firmware's rules refuse", async () => {
    const careless = person({
      "Wi-Fi": "home",
      "its password": ["short", "long enough"],
      "largest charge": ["a lot", "2000", "100"],
      "MQTT": ["broker:1883", "mqtt://[::1]", "broker.lan"],
    });
    await askSettings(careless, "{}");
    assert.deepEqual(careless.refused, [
      "must be empty or at least 8 bytes",
      "must be a number",
      "must be at most 750",
      "must be without a port",
      "must name an IPv4 address: the interpreter knows no IPv6",
    ]);
  });

  it("leave a password as it is on Enter, but not that of another network", async () => {
    const stored = '{"wifi":{"ssid":"home","pass":"secret word"},"battery":{"chemistry":"nmc"}}';
    assert.deepEqual(await askSettings(person({}), stored), {});
    assert.deepEqual(await askSettings(person({ "Wi-Fi": "open" }), stored), { wifi: { ssid: "open", pass: "" } });
  });

  it("a chemistry of one's own has its voltages asked for, and they must fit together", async () => {
    const said: string[] = [],
      { gateway } = serial({ start: STARTED });
    const own = person({ chemistry: "custom", "charge voltage": "3.5", "float": ["3.6", "3.4"], "highest": "3.3" });
    await setUp(gateway, {}, own, (line) => said.push(line));
    assert.ok(said.includes("that does not fit: battery.v_bulk: must be above v_float and v_rebulk"), said.join("\n"));
    assert.ok(said.includes("  battery.v_float: 0 V -> 3.4 V"), said.join("\n"));
  });
});

describe("npm run setup over the console", () => {
  it("writes what was answered, byte for byte as the firmware would, and prints the label", async () => {
    const said: string[] = [],
      { gateway, device } = serial({ start: STARTED });
    await setUp(gateway, {}, person(HOME), (line) => said.push(line));
    assert.deepEqual(documentOf(device), {
      wifi: { ssid: "Haus Müller", pass: "zwölf Äpfel" },
      battery: { chemistry: "lfp" },
      "can/limits": { cclMax: 100, dclMax: 120.5 },
      mqtt: { host: "192.168.1.10", user: "me", pass: "p@ss" },
    });
    assert.deepEqual(device.calls, ["poke 3ff4804c 54424d53", "reboot"]);
    const all = said.join("\n");
    assert.match(all, /not yet configured/);
    assert.match(all, /wifi\.pass: - -> \*\*\*/);
    assert.doesNotMatch(all, /Äpfel|p@ss/, "no secret is shown");
    assert.match(all, /http:\/\/192\.168\.1\.23\/\n.*ESP32-A1B2C3\.local/);
    assert.match(all, /admin, password: 7qk2-x0fd-9wnt/);
  });

  it("keeps what is there and was not asked for, and writes the older of the two files", async () => {
    const written = settingsFiles({ wifi: { ssid: "old" }, uart: { poll_ms: 500 } }) as Record<string, string>,
      before: Record<string, string> = { ...written, ".bootcde": "old" },
      { gateway, device } = serial({ files: before, start: STARTED });
    await setUp(gateway, {}, person({ "Wi-Fi": "new" }), () => undefined);
    assert.deepEqual(documentOf(device), {
      wifi: { ssid: "new" },
      battery: { chemistry: "lfp" },
      uart: { poll_ms: 500 },
    });
    assert.equal(device.file("cfg.a"), before["cfg.a"], "the newest stays until the other is whole");
  });

  it("sends nothing when nothing changes, when the answer is no, and when nobody can say yes", async () => {
    const files = {
        ...(settingsFiles({ battery: { chemistry: "lfp" } }) as Record<string, string>),
        ".bootcde": "old",
      },
      said: string[] = [];
    const same = serial({ files });
    await setUp(same.gateway, {}, person({}), (line) => said.push(line));
    assert.match(said.join("\n"), /no setting changes/);
    const refused = serial({ files });
    await assert.rejects(
      setUp(refused.gateway, {}, person({ "Wi-Fi": "x", write: false }), () => undefined),
      /nothing was/,
    );
    const alone = serial({ files });
    await assert.rejects(
      setUp(alone.gateway, {}, null, () => undefined),
      /give --config/,
    );
    for (const { device } of [same, refused, alone]) {
      assert.deepEqual(device.calls, []);
      assert.equal(device.file("cfg.b"), undefined);
    }
  });

  it("says how to go on: no gateway there, no start, a wrong password, no such network", async () => {
    const bare = serial({ files: {} }).gateway;
    await assert.rejects(
      setUp(bare, {}, person({}), () => undefined),
      /no gateway is on it: npm run flash/,
    );
    const dead = serial({ start: { ...STARTED, prints: "" } }).gateway;
    await assert.rejects(
      setUp(dead, {}, person({}), () => undefined),
      /written, but the gateway does not start/,
    );
    const wrong = serial({ start: { ...STARTED, ip: "0.0.0.0", station: "4WAY_HANDSHAKE_TIMEOUT" } }).gateway;
    await assert.rejects(
      setUp(wrong, {}, person(HOME), () => undefined),
      /written, but Haus Müller refuses the password: give the right one \(4WAY_HANDSHAKE_TIMEOUT\); then: npm run setup/,
    );
    assert.match(networkFault("NO_AP_FOUND", "home"), /there is no network home here/);
    assert.equal(networkFault("Unknown reason", "home"), "", "before the first attempt");
  });
});

describe("npm run setup with a file", () => {
  let folder: string, file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tinybms-setup-"));
    file = join(folder, "settings.json");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("asks nothing, takes an exported file too, and refuses before anything is sent", async () => {
    for (const content of [{ can: { rate: 250 } }, { format: "x", settings: { can: { rate: 250 } } }]) {
      writeFileSync(file, JSON.stringify(content));
      const { gateway, device } = serial({ start: STARTED });
      await setUp(gateway, { config: file, yes: true }, null, () => undefined);
      assert.deepEqual(documentOf(device), { can: { rate: 250 } });
    }
    for (const [content, reason] of [
      ['{"can":{"rate":300}}', /can\.rate: must be one of 125,250,500,1000; nothing was sent/],
      ['{"cam":{}}', /cam: is no module/],
      ["[]", /must be an object of modules/],
      ["{", /settings\.json: /],
    ] as const) {
      writeFileSync(file, content);
      const { gateway, device } = serial({});
      await assert.rejects(
        setUp(gateway, { config: file, yes: true }, null, () => undefined),
        reason,
      );
      assert.deepEqual(device.calls, []);
    }
  });
});

describe("the label", () => {
  it("has a QR code that opens the address", () => {
    const url = "http://192.168.1.23/",
      text = labelText({
        device: "ESP32-A1B2C3",
        network: "home",
        address: "192.168.1.23",
        user: "admin",
        password: "x",
      });
    assert.ok(text.includes(encodeQR(url, "ascii").trimEnd()));
    const raw = encodeQR(url, "raw", { border: 4, scale: 4 }),
      data = raw.flat().flatMap((dark) => (dark ? [0, 0, 0] : [255, 255, 255]));
    assert.equal(decodeQR({ width: raw.length, height: raw.length, data: Uint8Array.from(data) }), url);
  });

  it("says what is missing", () => {
    const none = { device: "ESP32-A1B2C3", network: "", address: "", user: "admin", password: "" };
    assert.match(labelText(none), /network +none: CAN works without/);
    assert.match(labelText({ ...none, network: "home" }), /address +none yet/);
  });
});

describe("a plan", () => {
  it("shows what changes with its unit, and no secret", () => {
    const { differences } = planOf('{"uart":{"poll_ms":500}}', {
      uart: { poll_ms: null as never },
      mqtt: { pass: "a" },
    });
    assert.deepEqual(differences, [
      { name: "uart.poll_ms", before: "500 ms", after: "250 ms" },
      { name: "mqtt.pass", before: "-", after: "***" },
    ]);
  });
});

describe("npm run setup over HTTP", () => {
  let code: string;
  before(async function () {
    this.timeout(600_000);
    code = (await builtImage("host")).code;
  });

  it("logs in, changes, asks before what would end a current, and waits for the restart", async () => {
    const host = await startHost({ imageText: code, mqtt: "none" });
    try {
      const [, user, pass] = /login: (\S+), password: (\S+)/.exec(host.console.map(({ line }) => line).join("\n"))!,
        url = host.httpUrl;
      const said: string[] = [];
      const gateway = openHttpGateway(url, { user, password: () => Promise.resolve(pass) });
      const stop = person({ "largest charge": "0", "http": "" });
      await assert.rejects(
        setUp(gateway, {}, stop, (line) => said.push(line)),
        /nothing was changed/,
      );
      await setUp(gateway, {}, person({ "Wi-Fi": "cabin", "largest charge": "90" }), (line) => said.push(line));
      const all = said.join("\n");
      assert.match(all, /can\/limits\.cclMax: 140 A -> 90 A/);
      assert.match(all, /note: largest charge current/);
      assert.match(all, /network +cabin/);
    } finally {
      await host.stop();
    }
  }).timeout(60000);
});
