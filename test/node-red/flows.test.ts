// The example flows in a real Node-RED, fed by a running gateway: what the dashboard shows, what InfluxDB gets, what
// the energy costs. `npm run test:node-red` installs Node-RED beside the project's packages; without it this says so.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io, type Socket } from "socket.io-client";
import { root } from "../../tools/build/board";
import type { Host } from "../../tools/host/run";
import { freePort, until } from "../../tools/rig/wait";
import { boot, closeHosts, imageText, running } from "../system/rig";

const INSTALLED = join(root, "node_modules/.node-red/node_modules"),
  PATIENCE_MS = 120_000;

type Node = Record<string, unknown> & { id: string; type: string; name?: string };
type Json = Record<string, unknown>;

const flowOf = (name: string): Node[] => JSON.parse(readFileSync(join(root, "tools/examples", name), "utf8")) as Node[];

/** A Node-RED that runs one flow, and where it serves. */
interface NodeRed {
  url: string;
  log(): string;
  stop(): Promise<void>;
}

async function startNodeRed(flow: Node[]): Promise<NodeRed> {
  const folder = mkdtempSync(join(tmpdir(), "tinybms-node-red-")),
    port = await freePort();
  symlinkSync(INSTALLED, join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "flows.json"), JSON.stringify(flow));
  writeFileSync(
    join(folder, "settings.js"),
    `module.exports={flowFile:"flows.json",uiHost:"127.0.0.1",uiPort:${port},telemetry:{enabled:false,updateNotification:false}}`,
  );
  const child: ChildProcess = spawn(process.execPath, [join(INSTALLED, "node-red/red.js"), "--userDir", folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await until("Node-RED", PATIENCE_MS, () => text.includes("Started flows") || child.exitCode !== null);
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => text,
    stop: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** An InfluxDB as far as `influxdb out` needs it: what was written, a line a point. */
async function startInflux(): Promise<{ server: Server; port: number; lines: string[] }> {
  const lines: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => (body += bytes.toString()));
    request.on("end", () => {
      if (request.url!.startsWith("/write?")) lines.push(...body.split("\n").filter(Boolean));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return { server, port: (server.address() as AddressInfo).port, lines };
}

type Pairs = Record<string, string>;

/** A line of InfluxDB's protocol without its time: measurement,tags fields. The order of the tags means nothing. */
function pointOf(line: string): { tags: Pairs; fields: Pairs } {
  const [head, fields] = line.split(" "),
    pairs = (text: string): Pairs => Object.fromEntries(text.split(",").map((pair) => pair.split("=")));
  return { tags: pairs(head.slice(head.indexOf(",") + 1)), fields: pairs(fields) };
}
const isDischarge = ({ tags }: { tags: Pairs }): boolean => tags.direction === "discharge";

describe("the flows in Node-RED", () => {
  let red: NodeRed | null = null,
    host: Host;

  before(async function () {
    if (!existsSync(INSTALLED)) {
      console.log("    skipped: no Node-RED; `npm run test:node-red` installs it");
      this.skip();
    }
    await imageText();
  });
  afterEach(async () => {
    await red?.stop();
    red = null;
    await closeHosts();
  });

  /** The gateway runs and knows the time; the flow, with its broker. */
  async function start(name: string, patch: (node: Node) => void = () => undefined): Promise<Node[]> {
    host = await boot({ ownTime: true });
    await running(host);
    const flow = flowOf(name);
    for (const node of flow) {
      if (node.type === "mqtt-broker")
        Object.assign(node, { broker: "127.0.0.1", port: String(host.broker!.listening.port) });
      patch(node);
    }
    red = await startNodeRed(flow);
    assert.doesNotMatch(red.log(), /missing|unknown|\[error\]/i, red.log());
    return flow;
  }
  const device = (): string => host.topic.split("/")[1];

  it("energy-cost: what the day's energy costs goes out by MQTT", async () => {
    await start("node-red-energy-cost.json");
    const topic = `energy-cost/${device()}/discharge/daily`,
      cost = await until("the cost", PATIENCE_MS, () => host.broker!.retained.get(topic));
    const { unit, price, kwh, value } = JSON.parse(cost.payload) as Record<string, number | string>;
    assert.deepEqual([unit, price], ["EUR", 0.25]);
    assert.equal(value, Math.round((kwh as number) * 25) / 100);
  });

  it("live: the dashboard shows what the device says", async () => {
    const flow = await start("node-red-live.json");
    const page = await fetch(red!.url + "/dashboard/battery");
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<html/i);
    const shown = new Map<string, Json>(),
      socket: Socket = io(red!.url, { path: "/dashboard/socket.io" });
    socket.onAny((event: string, message: Json) => {
      const widget = flow.find(({ id }) => event === `msg-input:${id}`);
      if (widget) shown.set(widget.name!, message);
    });
    try {
      const names = ["SoC", "voltage", "power", "battery", "limits"];
      await until("all widgets", PATIENCE_MS, () => names.every((name) => shown.has(name)));
      const values = names.map((name) => JSON.stringify(shown.get(name)));
      const state = JSON.parse(
        host.broker!.messages.findLast(({ topic }) => topic === `${host.topic}/rt/state`)!.payload,
      ) as Record<string, number>;
      assert.ok(Math.abs((shown.get("SoC")!.payload as number) - state.soc) < 1, values[0]);
      assert.match(
        values[3],
        new RegExp(`${device()}: (discharging|charging|idle), 5\\d\\.\\d+ V, -?\\d+(\\.\\d+)? A`),
      );
      assert.match(values[4], /CVL 5\d\.\d V, CCL \d+ A, DCL \d+ A: /);
    } finally {
      socket.close();
    }
  });

  it("influxdb: every value is a point, and the energy of the day costs by the colour of the tariff", async () => {
    const influx = await startInflux();
    try {
      await start("node-red-influxdb.json", (node) => {
        if (node.type === "influxdb") Object.assign(node, { hostname: "127.0.0.1", port: String(influx.port) });
      });
      const of = (start: string): string[] => influx.lines.filter((line) => line.startsWith(start));
      const point = `battery,device=${device()},sensor=battery_pack_voltage value=`;
      const voltage = (await until("a voltage", PATIENCE_MS, () => of(point)[0]))!;
      assert.match(voltage.slice(point.length), /^5\d(\.\d+)? \d{13}$/);
      const energy = await until("energy", PATIENCE_MS, () =>
        host.broker!.retained.get(`${host.topic}/rt/energy/discharge/daily`),
      );
      const { date } = JSON.parse(energy.payload) as { date: string };
      assert.deepEqual(of("energy_cost"), [], "no colour is known yet");
      await host.broker!.publish("tariff/today", JSON.stringify({ color: "red", date }), { qos: 1, retain: true });
      const told = (await until("a cost", PATIENCE_MS, () => of("energy_cost").map(pointOf).find(isDischarge)))!;
      assert.deepEqual(told.tags, { color: "red", device: device(), direction: "discharge" });
      assert.equal(Number(told.fields.price), 0.7);
      assert.equal(Number(told.fields.cost), Math.round(Number(told.fields.kwh) * 70) / 100);
    } finally {
      influx.server.close();
    }
  });
});
