// The recorder as others see it: REST, live, tokens, pushes to devices, the seed's clients. With PGlite and a broker
// inside.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { pino } from "pino";
import { io, type Socket } from "socket.io-client";
import { startBroker, type Broker } from "../../tools/host/broker";
import { startDemo, type Demo } from "../../tools/recorder/demo";
import type { MqttMessage } from "../../tools/recorder/live";
import { startRecorder, type Recorder } from "../../tools/recorder/recorder";
import { moduleOf } from "../../tools/recorder/topics";
import { optionsOf } from "../../tools/recorder/options";
import { until, TEST_MS } from "../../tools/rig/wait";

const PATIENCE = 60_000,
  WRITE = "write-token",
  READ = "read-token";

/** What comes back is looked into freely: a wrong shape fails the test. */
type Body = ReturnType<typeof JSON.parse>;

interface Answer {
  status: number;
  body: Body;
  headers: Headers;
}

let broker: Broker, recorder: Recorder, client: MqttClient, demo: Demo, data: string;
const sockets: Socket[] = [];

async function ask(
  path: string,
  { token = WRITE, post, headers = {} }: { token?: string; post?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const answer = await fetch(recorder.url + path, {
    method: post === undefined ? "GET" : "POST",
    body: post === undefined ? undefined : JSON.stringify(post),
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(post === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
  });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : { text }, headers: answer.headers };
}

const say = (topic: string, payload: unknown, retain = false): Promise<unknown> =>
  client.publishAsync(topic, typeof payload === "string" ? payload : JSON.stringify(payload), { qos: 1, retain });

async function socket(query: Record<string, string> = {}, token = READ): Promise<Socket> {
  const own = io(recorder.url, { query, auth: { token }, transports: ["websocket"], reconnection: false });
  sockets.push(own);
  await new Promise<void>((resolve, reject) => own.once("connect", () => resolve()).once("connect_error", reject));
  return own;
}

describe("recorder: as others see it", function () {
  this.timeout(TEST_MS);
  before(async () => {
    broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now });
    data = mkdtempSync(join(tmpdir(), "recorder-server-"));
    const given = {
      http: 0,
      address: "127.0.0.1",
      topics: "seed" as const,
      store: "values" as const,
      keepRaw: 90,
      spoolMax: 1,
      engine: "plain" as const,
      demoDays: 0,
      origin: [],
      log: "error",
      data,
    };
    const options = optionsOf(given, { RECORDER_TOKEN: WRITE, RECORDER_READ_TOKEN: READ });
    const reach = { host: "127.0.0.1", port: broker.listening.port, protocol: "mqtt" as const };
    recorder = await startRecorder(options, reach, pino({ level: "silent" }), "0.0.0");
    await until("ready", PATIENCE, () => recorder.store.isUp && recorder.subscriber.isUp);
    client = await connectAsync({ ...reach, protocolVersion: 4 });
    demo = await startDemo(
      { reach, prefix: "tinybms", devices: 3, seed: 2, qos: 1, days: 0, now: () => Date.now() - 7_200_000 },
      false,
    );
    await demo.run(120, Date.now() - 3_600_000);
    await until("rows", PATIENCE, () => recorder.store.waiting === 0 && recorder.store.counts.stored > 100);
  });
  after(async () => {
    sockets.forEach((one) => one.disconnect());
    await Promise.all([demo?.close(), client?.endAsync(true)]);
    await recorder?.close();
    await broker?.close();
    rmSync(data, { recursive: true, force: true });
  });

  it("devices, newest values, history, events, boots, export", async () => {
    const {
      body: { devices },
    } = await ask("/api/devices");
    assert.deepEqual(
      (devices as { id: string; online: boolean }[]).map(({ id, online }) => [id, online]),
      [
        ["DEMO-0001", true],
        ["DEMO-0002", true],
        ["DEMO-0003", true],
      ],
    );
    const soc = await until("the newest charge", PATIENCE, async () => {
      const { latest } = (await ask("/api/devices/DEMO-0001/latest")).body;
      return (latest as { sensor: string; unit: string; value: number }[]).find(
        ({ sensor }) => sensor === "state_of_charge",
      );
    });
    assert.ok(soc.unit === "%" && soc.value > 0);
    const from = Date.now() - 3_700_000,
      {
        body: { series },
      } = await ask(`/api/devices/DEMO-0001/history?sensor=pack_power,state_of_charge&from=${from}&points=800`);
    assert.deepEqual(
      series.map(({ source, t }: { source: string; t: number[] }) => [source, t.length]),
      [
        ["raw", 120],
        ["raw", 24],
      ],
    );
    const {
      body: {
        series: [stepped],
      },
    } = await ask(`/api/devices/DEMO-0001/history?sensor=pack_power&from=${from}&points=10`);
    assert.ok(
      stepped.step > 0 && stepped.n.reduce((sum: number, n: number) => sum + n, 0) === 120,
      JSON.stringify(stepped),
    );
    assert.equal((await ask("/api/devices/DEMO-0001/boots")).body.boots.length, 1);
    assert.ok((await ask("/api/devices/DEMO-0001/events?kind=limits")).body.events.length >= 1);
    const csv = (await ask(`/api/export.csv?device=DEMO-0001&sensor=pack_power&from=${from}`)).body.text as string;
    assert.equal(csv.trim().split("\r\n").length, 121);
    assert.match(csv, /^time,device,sensor,value,unit\r\n\d{4}-.*,DEMO-0001,pack_power,-?\d+,W\r\n/);
    assert.equal((await ask("/api/devices/DEMO-0001/config")).body.modules.length, 4);
  });

  it("an error names field and reason, in the device's shape", async () => {
    assert.deepEqual((await ask("/api/devices/nobody")).body, {
      ok: false,
      err: { code: "UnknownDevice", where: "nobody", reason: "has never told anything", retryable: false },
    });
    assert.equal((await ask("/api/devices/DEMO-0001/history?sensor=pack_power&from=soon")).body.err.where, "from");
    assert.equal((await ask("/api/devices/a%20b/latest")).status, 400);
    assert.equal((await ask("/nothing")).status, 404);
    assert.equal(
      (await ask("/api/devices/DEMO-0001/config", { post: { patch: { mqtt: { sensorMinPublishMs: -1 } } } })).body.err
        .where,
      "mqtt.sensorMinPublishMs",
    );
  });

  it("the OpenAPI names every route", async () => {
    const { paths } = (await ask("/openapi.json")).body;
    for (const path of [
      "/api/devices",
      "/api/devices/{device}/history",
      "/api/devices/{device}/config",
      "/devices/{device}/config",
      "/api/fleet/config",
      "/api/alarms",
      "/api/export.csv",
      "/health/ready",
      "/metrics",
    ])
      assert.ok(paths[path], path);
  });

  it("tokens: none, wrong, read, write; a login and its cookie; a foreign page", async () => {
    const status = async (path: string, more: Parameters<typeof ask>[1]): Promise<number> =>
        (await ask(path, more)).status,
      patch = { patch: { log: { level: "warn" } } };
    assert.deepEqual(
      [
        await status("/api/devices", { token: "" }),
        await status("/api/devices", { token: "x" }),
        await status("/api/devices", { token: READ }),
      ],
      [401, 401, 200],
    );
    assert.deepEqual(
      [
        await status("/api/devices/DEMO-0001/config", { token: READ, post: patch }),
        await status("/health/live", { token: "" }),
        await status("/metrics", { token: "" }),
      ],
      [403, 200, 401],
    );
    const login = await ask("/api/login", { token: "", post: { token: WRITE } }),
      cookie = login.headers.get("set-cookie")!;
    assert.match(cookie, /HttpOnly.*SameSite=Strict/i);
    const own = { token: "", headers: { cookie: cookie.split(";")[0] } };
    assert.equal(await status("/api/devices", own), 200);
    assert.equal(
      await status("/api/devices", { token: "", headers: { ...own.headers, origin: "http://evil.example" } }),
      401,
    );
    assert.equal(
      await status("/api/login", { token: "", post: { token: WRITE }, headers: { origin: "http://evil.example" } }),
      403,
    );
    const tries = [];
    for (let i = 0; i < 6; i++) tries.push(await status("/api/login", { token: "", post: { token: "guess" } }));
    assert.equal(tries.at(-1), 429);
    await assert.rejects(socket({}, "guess"), /unauthorized/);
  });

  it("the page is one file with a strict policy, and small", async () => {
    const { body, headers } = await ask("/");
    assert.match(headers.get("content-security-policy")!, /default-src 'none'; script-src 'sha256-/);
    assert.match(body.text, /<div id="app">/);
    assert.doesNotMatch(body.text, /(src|href)="(https?:)?\/\//);
  });

  it("a client of the seed works as it is: mqtt-message, by module", async () => {
    const own = await socket(),
      heard: MqttMessage[] = [];
    own.on("mqtt-message", (message: MqttMessage) => heard.push(message));
    await say("greenhouse/co2", { value: "450", time: new Date().toISOString() });
    await say("greenhouse/temperature/dht22", "21,5");
    await say("greenhouse/system", { rssi: -60, memory: { heapFreeKb: 100 } });
    await until(
      "three messages",
      PATIENCE,
      () => heard.filter(({ topic }) => moduleOf(topic) === "greenhouse").length === 3,
    );
    assert.deepEqual(
      heard.slice(0, 2).map(({ topic, value, metadata }) => [topic, value, metadata.device, metadata.sensor]),
      [
        ["greenhouse/co2", 450, "greenhouse", "co2"],
        ["greenhouse/temperature/dht22", 21.5, "greenhouse", "temperature/dht22"],
      ],
    );
    await until("rows", PATIENCE, async () => (await ask("/api/devices/greenhouse/latest")).body.latest?.length >= 2);
    assert.equal((await ask("/api/devices/greenhouse")).body.system.rssi, -60);
  });

  it("a viewer of one device hears that one; the list tells what changed once a second", async () => {
    const own = await socket({ watch: "none" }),
      heard: string[] = [],
      fleet: { id: string }[][] = [];
    own.on("mqtt-message", ({ metadata }: MqttMessage) => heard.push(metadata.device));
    own.on("fleet", (changes: { id: string }[]) => fleet.push(changes));
    own.emit("watch", ["DEMO-0002"]);
    own.emit("fleet", true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await demo.run(2, Date.now() - 1_800_000);
    await until("changes", PATIENCE, () => fleet.length > 0);
    assert.ok(heard.length > 5);
    assert.deepEqual([...new Set(heard)], ["DEMO-0002"]);
    assert.equal(fleet.flat().length >= 3, true);
  });

  it("an alarm is raised, seen by somebody, and over", async () => {
    const raised = {
      id: 60,
      code: "BmsOffline",
      a: 1,
      k: 0,
      c: 1,
      s: 2,
      v: null,
      lc: 5000,
      time: new Date(Date.now() - 60_000).toISOString(),
    };
    await say("tinybms/DEMO-0003/rt/alarms/id60", raised, true);
    const alarms = async (): Promise<Record<string, string | null>[]> =>
      (await ask("/api/alarms?device=DEMO-0003")).body.alarms;
    await until("raised", PATIENCE, async () =>
      (await alarms()).some(({ code, clearedAt }) => code === "BmsOffline" && clearedAt === null),
    );
    assert.equal((await ask("/api/devices/DEMO-0003/alarms/60/acknowledge", { post: { by: "me" } })).status, 200);
    assert.equal((await ask("/api/devices/DEMO-0003/alarms/60/acknowledge", { post: {} })).status, 404);
    await say("tinybms/DEMO-0003/rt/alarms/id60", { ...raised, a: 0, time: new Date().toISOString() });
    await until("over", PATIENCE, async () =>
      (await alarms()).some(
        ({ code, clearedAt, ackedBy }) => code === "BmsOffline" && clearedAt !== null && ackedBy === "me",
      ),
    );
  });

  it("settings: push, version, undo; a device that is away; many devices", async () => {
    const pushed = await ask("/api/devices/DEMO-0001/config", {
      post: { patch: { mqtt: { sensorMinPublishMs: 2000 } } },
    });
    assert.deepEqual([pushed.status, pushed.body.changed], [200, ["mqtt.sensorMinPublishMs"]]);
    const versions = async (): Promise<
      { version: number; document: { sensorMinPublishMs: number }; push: string | null }[]
    > => (await ask("/api/devices/DEMO-0001/config/versions?module=mqtt")).body.versions;
    await until("a version", PATIENCE, async () => (await versions()).length === 2);
    const [now, first] = await versions();
    assert.deepEqual(
      [now.document.sensorMinPublishMs, now.push, first.document.sensorMinPublishMs],
      [2000, pushed.body.id, 1000],
    );
    assert.equal((await ask("/api/devices/DEMO-0001/config/undo", { post: { version: first.version } })).status, 200);
    await until("back", PATIENCE, async () => (await versions())[0].document.sensorMinPublishMs === 1000);
    assert.deepEqual(
      (await ask("/devices/DEMO-0001/config", { post: { log: { level: "info" } } })).body.changed,
      ["log.level"],
      "the body as the device takes it",
    );
    await say("tinybms/away/status", { online: false }, true);
    await until("known", PATIENCE, async () => (await ask("/api/devices/away")).body.device?.online === false);
    assert.equal((await ask("/api/devices/away/config", { post: { patch: { log: { level: "warn" } } } })).status, 409);
    assert.equal(
      (await ask("/api/devices/away/config", { post: { patch: { log: { level: "warn" } }, wait: "online" } })).status,
      202,
    );
    const roll = (
      await ask("/api/fleet/config", { post: { devices: demo.devices, patch: { log: { level: "error" } } } })
    ).body.id as string;
    const done = await until("rolled out", PATIENCE, async () => {
      const { body } = await ask(`/api/fleet/config/${roll}`);
      return body.isDone ? body : null;
    });
    assert.deepEqual(
      done.results.map(({ state }: { state: string }) => state),
      ["done", "done", "done"],
    );
  });

  it("commands: those on the list", async () => {
    assert.deepEqual((await ask("/api/devices/DEMO-0001/commands", { post: { cmd: "system.ping" } })).body.reply, {
      pong: true,
    });
    const refused: [string, unknown, string, string][] = [
      ["system.factory_reset", undefined, "UnknownCommand", "system.factory_reset"],
      ["bms.read", { count: 1 }, "MissingValue", "bms.read.address"],
      ["bms.read", { address: 600 }, "OutOfRange", "bms.read.address"],
      ["bms.read", { address: 1, dry: true }, "UnknownKey", "bms.read.dry"],
    ];
    for (const [cmd, args, code, where] of refused) {
      const { status, body } = await ask("/api/devices/DEMO-0001/commands", { post: { cmd, args } });
      assert.deepEqual([status, body.err.code, body.err.where], [400, code, where]);
    }
  });

  it("dead letters of one device", async () => {
    await say("tinybms/DEMO-0002/nonsense", "x");
    await say("DEMO-0003/nonsense/", "x");
    const topics = async (query: string): Promise<string[]> =>
      (await ask("/api/dead-letters" + query)).body.letters.map(({ topic }: { topic: string }) => topic);
    await until(
      "both",
      PATIENCE,
      async () => (await topics("")).filter((topic) => /nonsense/.test(topic)).length === 2,
    );
    assert.deepEqual(await topics("?device=DEMO-0002"), ["tinybms/DEMO-0002/nonsense"]);
    assert.deepEqual(await topics("?device=DEMO-0003"), ["DEMO-0003/nonsense/"]);
    assert.deepEqual(await topics("?device=DEMO-0001"), []);
  });

  it("a dead letter is seen, and tried again", async () => {
    await say("tinybms/DEMO-0001/rt/replay", {
      samples: [{ timestamp_ms: 1000, boot: 99, s: "state_of_charge", v: 50 }],
    });
    const letters = async (): Promise<{ hash: string; reason: string }[]> =>
      (await ask("/api/dead-letters")).body.letters;
    const letter = await until("the letter", PATIENCE, async () =>
      (await letters()).find(({ reason }) => reason === "NoClock"),
    );
    assert.equal((await ask(`/api/dead-letters/${letter.hash}/retry`, { post: {} })).body.reason, "NoClock");
    await say("tinybms/DEMO-0001/system/config", { uptimeStart: Date.now() / 1000 - 1e5, boot: 99 });
    await until("known", PATIENCE, async () =>
      (await ask("/api/devices/DEMO-0001/boots")).body.boots.some(({ boot }: { boot: number }) => boot === 99),
    );
    const again = await ask(`/api/dead-letters/${letter.hash}/retry`, { post: {} });
    if (again.status !== 404) assert.equal(again.body.reason, "kept"); // 404: the recorder itself, each minute
    assert.equal(
      (await letters()).some(({ hash }) => hash === letter.hash),
      false,
    );
  });

  it("figures and health", async () => {
    assert.deepEqual((await ask("/health/ready")).body, { ok: true, database: true, broker: true, spool: "ok" });
    const { text } = (await ask("/metrics")).body;
    for (const name of [
      "received_total",
      "stored_total",
      "acked_total",
      "spooled_total",
      "dead_total",
      "lag_seconds",
      "flush_seconds",
      "database_up",
    ])
      assert.match(text, new RegExp(`^recorder_${name} \\d`, "m"));
  });
});
