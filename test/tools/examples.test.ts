// The examples for Node-RED, Mosquitto and Home Assistant do what they say, against the running gateway.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { entities } from "../../tools/bake/entities";
import { boot, closeHosts, imageText, running, untilStatus } from "../system/rig";

const read = (name: string): string => readFileSync(new URL(`../../tools/examples/${name}`, import.meta.url), "utf8");

interface Node {
  id: string;
  type: string;
  z?: string;
  wires?: string[][];
  broker?: string;
  func?: string;
  topic?: string;
  datatype?: string;
  rules?: { to: string }[];
}

/** Whether an MQTT filter takes a topic (4.7). */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split("/"),
    wanted = filter.split("/");
  return (
    wanted.every((level, i) => level === "#" || (i < levels.length && (level === "+" || level === levels[i]))) &&
    (wanted.at(-1) === "#" || wanted.length === levels.length)
  );
}

describe("the Node-RED flow", () => {
  const flow = JSON.parse(read("node-red-energy-cost.json")) as Node[],
    of = (type: string): Node => flow.find((node) => node.type === type)!;
  type Message = { topic: string; payload: unknown; tariff?: unknown };
  const cost = new Function("msg", of("function").func!) as (msg: Message) => Message | null;
  const tariff = JSON.parse(of("change").rules![0].to) as { price: number; currency: string };

  it("has its function's body in a file of its own, and only nodes that it has", () => {
    assert.equal(of("function").func, read("energy-cost.js"));
    const ids = flow.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { z, type, broker, wires = [] } of flow)
      for (const id of [z, type === "mqtt-broker" ? undefined : broker, ...wires.flat()])
        assert.ok(id === undefined || ids.includes(id), id);
    const inputs = flow.filter(({ type }) => type === "mqtt in");
    assert.deepEqual(
      inputs.map(({ datatype }) => datatype),
      ["json"],
    );
  });

  it("takes the energies of every device, and nothing else", () => {
    const { topic: filter = "" } = of("mqtt in");
    for (const period of ["daily", "yesterday", "monthly"])
      assert.ok(matches(filter, `tinybms/ESP32-A1B2C3/rt/energy/discharge/${period}`));
    for (const topic of ["tinybms/ESP32-A1B2C3/rt/state", "tinybms/x/rt/energy", "other/x/rt/energy/charge/daily"])
      assert.equal(matches(filter, topic), false, topic);
  });

  it("makes a cost of energy and tariff", () => {
    const topic = "tinybms/ESP32-A1B2C3/rt/energy/charge/daily";
    assert.deepEqual(cost({ topic, payload: { value: 3.21, unit: "kWh", date: "2026-02-03" }, tariff }), {
      topic: "energy-cost/ESP32-A1B2C3/charge/daily",
      payload: { device: "ESP32-A1B2C3", value: 0.8, unit: "EUR", kwh: 3.21, price: 0.25, date: "2026-02-03" },
    });
    const monthly = cost({
      topic: "tinybms/B/rt/energy/discharge/monthly",
      payload: { value: 88.4, unit: "kWh", month: "2026-02" },
      tariff: { price: 0.1234, currency: "CHF" },
    });
    assert.deepEqual(monthly!.payload, {
      device: "B",
      value: 10.91,
      unit: "CHF",
      kwh: 88.4,
      price: 0.1234,
      month: "2026-02",
    });
    assert.equal((cost({ topic, payload: { value: 0, unit: "kWh" }, tariff })!.payload as { value: number }).value, 0);
  });

  it("makes nothing of what is no energy or has no price", () => {
    const topic = "tinybms/A/rt/energy/charge/daily",
      good = { value: 1, unit: "kWh" };
    const none: Message[] = [
      { topic, payload: { value: null, unit: "kWh" }, tariff },
      { topic, payload: { value: 1, unit: "Wh" }, tariff },
      { topic, payload: "x", tariff },
      { topic, payload: null, tariff },
      { topic, payload: good },
      { topic, payload: good, tariff: { price: "0.25" } },
      { topic: "tinybms/A/rt/state", payload: good, tariff },
    ];
    for (const msg of none) assert.equal(cost(msg), null, JSON.stringify(msg));
  });
});

describe("the other Node-RED flows", () => {
  const bodies: [flow: string, functions: [name: string, file: string][]][] = [
    ["node-red-live.json", [["values", "live-values.js"]]],
    [
      "node-red-influxdb.json",
      [
        ["point", "influx-point.js"],
        ["cost by colour", "tariff-cost.js"],
      ],
    ],
  ];
  for (const [name, functions] of bodies)
    it(`${name}: bodies of functions in files of their own, and only nodes that it has`, () => {
      const flow = JSON.parse(read(name)) as (Node & { name?: string })[],
        ids = flow.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (const { z, wires = [] } of flow)
        for (const id of [z, ...wires.flat()]) assert.ok(id === undefined || ids.includes(id), id);
      assert.deepEqual(
        flow.filter(({ type }) => type === "function").map(({ name: own, func }) => [own, func]),
        functions.map(([own, file]) => [own, read(file)]),
      );
    });

  type Sent = { measurement?: string; topic?: string; payload: unknown } | null;
  const context = (): { get(key: string): unknown; set(key: string, value: unknown): void } => {
    const kept = new Map<string, unknown>();
    return { get: (key) => kept.get(key), set: (key, value) => void kept.set(key, value) };
  };
  const run = (file: string, msg: unknown, flow = context()): unknown =>
    (new Function("msg", "flow", read(file)) as (msg: unknown, flow: unknown) => unknown)(msg, flow);

  it("live values: numbers, nothing for what is unknown, words for both", () => {
    const topic = "tinybms/A/rt/state",
      payload = {
        soc: 62,
        v: 52.63,
        i: -18.8,
        p: null,
        st: "discharging",
        cvl: 55.2,
        ccl: 135,
        dcl: null,
        lim: "user",
        ph: "normal",
      };
    assert.deepEqual(run("live-values.js", { topic, payload }), [
      { topic: "A", payload: 62 },
      { topic: "A", payload: 52.63 },
      null,
      { topic: "A", payload: "A: discharging, 52.63 V, -18.8 A (normal)" },
      { topic: "A", payload: "CVL 55.2 V, CCL 135 A, DCL unknown: user" },
    ]);
    assert.equal(run("live-values.js", { topic: "tinybms/A/rt/cells", payload }), null);
    assert.equal(run("live-values.js", { topic, payload: "x" }), null);
  });

  it("points: with the time of the message where it has one, none of what is unknown", () => {
    const topic = "tinybms/A/rt/reg/state_of_charge",
      tags = { device: "A", sensor: "state_of_charge" };
    const point = (payload: unknown): Sent => run("influx-point.js", { topic, payload }) as Sent;
    assert.deepEqual(point({ value: 62.1, quality: "ok" }), {
      measurement: "battery",
      payload: [{ value: 62.1 }, tags],
    });
    assert.deepEqual(point({ value: 1, quality: "ok", time: "2026-02-03T10:11:12.345Z" })!.payload, [
      { value: 1, time: Date.UTC(2026, 1, 3, 10, 11, 12, 345) },
      tags,
    ]);
    for (const none of [
      { value: null, quality: "stale" },
      { value: 1, quality: "stale" },
      { text: "x", quality: "ok" },
      null,
    ])
      assert.equal(point(none), null);
  });

  it("tariff: cost by the colour of the day, whichever of energy and colour comes first; none of another day", () => {
    const prices = { blue: 0.16, red: 0.7 },
      topic = "tinybms/A/rt/energy/discharge/daily",
      energy = { topic, payload: { value: 3.21, unit: "kWh", date: "2026-02-03" }, prices },
      color = (name: string, date = "2026-02-03") => ({
        topic: "tariff/today",
        payload: { color: name, date },
        prices,
      });
    const told = (...messages: unknown[]): unknown => {
      const flow = context();
      return messages.map((msg) => run("tariff-cost.js", msg, flow)).at(-1);
    };
    const cost = (name: string, price: number, value: number): unknown => [
      [
        {
          measurement: "energy_cost",
          payload: [
            { kwh: 3.21, price, cost: value },
            { device: "A", direction: "discharge", color: name },
          ],
        },
      ],
    ];
    assert.deepEqual(told(energy, color("red")), cost("red", 0.7, 2.25));
    assert.deepEqual(told(color("blue"), energy), cost("blue", 0.16, 0.51));
    assert.deepEqual(told(color("blue"), color("red"), energy), cost("red", 0.7, 2.25));
    for (const none of [[energy], [energy, color("green")], [energy, color("red", "2026-02-04")]])
      assert.ok(!(told(...none) as Sent[][])[0].length, JSON.stringify(none));
    assert.equal(told({ ...energy, payload: { value: 1, unit: "Wh" } }), null);
    assert.equal(told({ ...energy, topic: "tinybms/A/rt/state" }), null);
  });
});

describe("the Home Assistant card", () => {
  const text = read("home-assistant-card.yaml"),
    named = [...text.matchAll(/(\w+)\.tinybms_a1b2c3_(\w+)/g)].map(([, platform, key]) => `${platform}.${key}`);

  it("names entities that discovery has", () => {
    const known = entities.map(({ platform, key }) => `${platform}.${key}`);
    assert.ok(named.length > 15);
    assert.deepEqual(
      named.filter((name) => !known.includes(name)),
      [],
    );
  });

  it("is indented with pairs of blanks", () => {
    for (const line of text.split("\n")) assert.match(line, /^(  )*([^ \t].*)?$/);
  });
});

describe("the mosquitto commands", () => {
  const lines = [...read("mosquitto.md").matchAll(/```sh\n([^`]*)```/g)]
    .flatMap(([, block]) => block.trim().split("\n"))
    .filter((line) => line.startsWith("mosquitto_"));
  before(async function () {
    if (spawnSync("mosquitto_sub", ["--help"]).error) {
      console.log("    mosquitto-clients is not installed: the commands are not run");
      this.skip();
    }
    await imageText();
  });
  afterEach(closeHosts);

  /** What a line that reads prints. */
  const READ = /true|online|\{/;

  /**
   * Runs one line to its end, at most 70 s long (a value that does not move comes each minute); one that has no end
   * until it has printed what it is for. What it printed, and its exit status (null: it was ended, 27: the limit). A
   * busy machine needs longer to subscribe than a person.
   */
  function run(line: string, environment: Record<string, string>): Promise<{ text: string; status: number | null }> {
    const isEndless = line.startsWith("mosquitto_sub") && !/ -C \d/.test(line),
      patient = line.replace(/^(mosquitto_sub) /, "$1 -W 70 ").replace("sleep 1", "sleep 5");
    const child = spawn("bash", ["-c", isEndless ? `exec ${patient}` : patient], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      if (isEndless && READ.test(text)) child.kill("SIGKILL");
    });
    child.stderr.on("data", (data) => {
      text += data;
    });
    return new Promise((resolve) => child.on("close", (code) => resolve({ text, status: code })));
  }

  it("each prints what it is for", async () => {
    const host = await boot({ settings: { ha: { enabled: true } } });
    await running(host);
    await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.connected === true, 15000);
    await host.until(
      "discovery",
      () => [...host.broker!.retained.keys()].filter((topic) => topic.startsWith("homeassistant/")).length === 2,
      60000,
    );
    await host.broker!.publish("tinybms/ESP32-OLD001/status", "x", { retain: true });
    const environment = {
      HOST: "127.0.0.1",
      PORT: String(host.broker!.listening.port),
      DEVICE: host.topic.split("/")[1],
    };
    assert.ok(lines.length >= 11, `${lines.length} commands`);
    const runs = await Promise.all(
      lines.map(async (line) => {
        // --retained-only ends at the first live message, which the embedded broker may send before the retained ones
        let told = await run(line, environment);
        for (let again = 0; again < 20 && line.includes("--retained-only") && told.text === ""; again++)
          told = await run(line, environment);
        return { line, ...told };
      }),
    );
    for (const { line, text, status: code } of runs) {
      assert.ok(code === 0 || code === null, `${line}\n${text}`);
      if (!line.startsWith("mosquitto_pub")) assert.match(text, READ, `${line}\n${text}, status ${code}`);
      if (line.includes('ack" -C')) assert.match(text, /"ok":true/, line);
    }
    assert.equal(host.broker!.retained.has("tinybms/ESP32-OLD001/status"), false);
    for (const line of lines.filter((one) => one.includes('ack" -C'))) JSON.parse(/-m '(.*)'/.exec(line)![1]);
  });
});
