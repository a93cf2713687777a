// What the recorder's room gives away: Grafana's board asks what the database can answer, Telegraf's input names what
// devices send.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogSensors } from "../../tools/recorder/catalog";
import { fits } from "../../tools/recorder/side";
import { startDemo } from "../../tools/recorder/demo";
import { startBroker } from "../../tools/host/broker";
import { TEST_MS } from "../../tools/rig/wait";
import { migrate } from "../../tools/recorder/migrate";
import { openPglite } from "../../tools/recorder/pglite";
import type { Sql } from "../../tools/recorder/sql";

const folder = join(import.meta.dirname, "../../tools/recorder/examples");
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

/** One input of the file: its topic, the members it takes, and those that may be absent. */
interface Input {
  topic: string;
  tags: string;
  paths: { path: string; optional: boolean; type: string }[];
}

function inputsOf(text: string): Input[] {
  return text
    .split(/^\[\[inputs\.mqtt_consumer\]\]$/m)
    .slice(1)
    .map((part) => ({
      topic: /topics = \["([^"]+)"\]/.exec(part)![1],
      tags: /tags = "([^"]+)"/.exec(part)![1],
      paths: [...part.matchAll(/^\s*path = "(\w+)"(?:\s+type = "(\w+)")?(?:\s+(optional) = true)?/gm)].map(
        ([, path, type = "", optional]) => ({ path, type, optional: optional !== undefined }),
      ),
    }));
}

describe("recorder: examples", function () {
  this.timeout(TEST_MS);
  it("Telegraf's inputs take the messages of a device", async () => {
    const inputs = inputsOf(read("telegraf.conf")),
      broker = await startBroker({ port: 0, address: "127.0.0.1", now: Date.now }),
      told: [string, string][] = [];
    const reach = { host: "127.0.0.1", port: broker.listening.port, protocol: "mqtt" as const };
    const demo = await startDemo(
      {
        reach,
        prefix: "tinybms",
        devices: 1,
        seed: 1,
        qos: 0,
        days: 0,
        now: Date.now,
        tell: (topic, payload) => told.push([topic, payload]),
      },
      false,
    );
    await demo.run(70, Date.now());
    await demo.close();
    await broker.close();
    told.push(["tinybms/x/rt/replay", '{"samples":[{"time":"2026-02-03T09:59:00Z","s":"state_of_charge","v":78.1}]}']);
    for (const { topic, tags, paths } of inputs) {
      const own = told.filter(([one]) => fits(topic, one));
      assert.ok(own.length > 0, topic);
      assert.equal(tags.split("/").length, topic.split("/").length, "as many levels");
      for (const [, payload] of own) {
        const json = JSON.parse(payload) as Record<string, unknown>;
        for (const { path, type, optional } of paths) {
          assert.ok(optional || path in json, `${topic} ${path}`);
          if (type === "float" && typeof json[path] !== "undefined" && json[path] !== null)
            assert.equal(typeof json[path], "number");
        }
      }
    }
  });

  it("every question of Grafana's board has an answer, about sensors that there are", async () => {
    const data = mkdtempSync(join(tmpdir(), "recorder-grafana-")),
      sql: Sql = await openPglite(join(data, "db"));
    await migrate(sql, "plain");
    const board = JSON.parse(read("grafana.json")) as { panels: { title: string; targets: { rawSql: string }[] }[] },
      known = new Set(catalogSensors().map(({ sensorType }) => sensorType));
    const filled = (text: string): string =>
      text
        .replace(/\$__timeGroupAlias\((\S+), \$__interval\)/, "date_bin('1 minute', $1, timestamptz 'epoch') AS time")
        .replace(/\$__timeFilter\((\S+)\)/, "$1 > now() - interval '1 day'")
        .replace("$device", "'one'");
    for (const { title, targets } of board.panels) {
      for (const { rawSql } of targets) {
        await assert.doesNotReject(sql.query(filled(rawSql)), title);
        for (const [, names] of rawSql.matchAll(/sensor_type IN \(([^)]*)\)/g))
          for (const name of names.split(",")) assert.ok(known.has(name.slice(1, -1)), name);
      }
    }
    await sql.close();
    rmSync(data, { recursive: true, force: true });
  });
});
