// The routes that are read: each is whole JSON, and says what the device knows.
import assert from "node:assert/strict";
import parsePrometheus from "parse-prometheus-text-format";
import { settings } from "../../tools/bake/settings";
import { routes } from "../../firmware/tables/routes";
import { decodeFrame } from "../../tools/can/decode";
import { readSettings } from "../../tools/host/settings";
import { memoryStore } from "../../tools/host/storage";
import { logEvent, publishLog } from "../../tools/simulator/events";
import { imageText, type Status } from "./rig";
import { startVirtual, type VirtualOptions, type VirtualRig } from "./virtual";

type Json = Record<string, unknown>;

interface Answer {
  status: number;
  type: string;
  body: string;
}

/** What an exchange brought. */
function answerOf({ text }: { text: string }): Answer {
  const end = text.indexOf("\r\n\r\n");
  return {
    status: +text.split(" ")[1]!,
    type: /\r\nContent-Type: ([^\r]*)/.exec(text)![1]!,
    body: Buffer.from(text.slice(end + 4), "latin1").toString(),
  };
}

/** Let the rest of an answer come, a piece a turn of its own. */
function finish(rig: VirtualRig, asked: { isOver: boolean }): void {
  for (let i = 0; i < 20 && !asked.isOver; i++) rig.clock.run(500);
}

/** What comes of a request without a token. */
function strange(rig: VirtualRig, line: string): number {
  const asked = rig.connect(line + " HTTP/1.1\r\nHost: a\r\n\r\n");
  rig.clock.run(2000);
  return answerOf(asked).status;
}

function get(rig: VirtualRig, path: string): Answer {
  const asked = rig.get(path);
  rig.clock.run(3000);
  finish(rig, asked);
  return answerOf(asked);
}

/** The answer to GET, which must be JSON. */
function read<T = Json>(rig: VirtualRig, path: string): T {
  const { status, type, body } = get(rig, path);
  assert.deepEqual([status, type], [200, "application/json"], `${path}: ${body}`);
  return JSON.parse(body) as T;
}

/** The password of the devices here that have one. */
const PASS = "hidden-http";

/** A line of the head of who may: the set-up token, as long as the device shows one, or the password. */
function loginLine(rig: VirtualRig): string {
  const token = /setup token: (\S+)/.exec(rig.console.join("\n"))?.[1];
  return token ? `X-Setup-Token: ${token}` : `Authorization: Basic ${Buffer.from("admin:" + PASS).toString("base64")}`;
}

/** A request of who may. */
function request(rig: VirtualRig, method: string, path: string, body?: object): { text: string; isOver: boolean } {
  const text = body ? JSON.stringify(body) : "",
    bytes = Buffer.from(text).toString("latin1");
  return rig.connect(
    `${method} ${path} HTTP/1.1\r\nHost: x\r\n${loginLine(rig)}\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes}`,
  );
}

/** No route that is read holds one of these. */
function keepsSecrets(rig: VirtualRig, secrets: string[]): void {
  for (const { route } of routes)
    if (route.startsWith("GET ")) {
      const { status, body } = get(rig, route.slice(4));
      assert.equal(status, 200, route);
      for (const secret of secrets) assert.ok(!body.includes(secret), `${route} ${secret}`);
    }
}

/** What comes of it. */
function change(
  rig: VirtualRig,
  method: string,
  path: string,
  body?: object,
): { status: number; body: Json & { err?: unknown } } {
  const asked = request(rig, method, path, body);
  for (let i = 0; i < 200 && !asked.text.includes("\r\n\r\n"); i++) rig.clock.run(500);
  rig.clock.run(500);
  finish(rig, asked);
  assert.ok(asked.text, `no answer to ${path}: ${rig.console.slice(-3).join(" | ")}`);
  const { status, body: text } = answerOf(asked);
  return { status, body: JSON.parse(text) as Json };
}

interface Cells {
  cells_mv: (number | null)[];
  balancing: number[] | null;
  min_mv: number | null;
  lowest_cell: number | null;
  highest_cell: number | null;
  age_ms: number | null;
  phase: string;
}
interface BmsEvents {
  lifetime_s: number | null;
  total: number;
  active: { id: number; name: string; severity: string }[];
  alarms: { id: number }[];
  events: { n: number; id: number; name: string; severity: string; at_s: number; is_history: boolean }[];
}

interface Can {
  state: string;
  silent: string | null;
  frames: {
    id: string;
    name: string;
    period_ms: number;
    age_ms: number;
    data: string;
    fields: { label: string; value: number | string | null; unit?: string }[];
  }[];
}
interface Line {
  level: string;
  msg: string;
  at_ms: number;
}

describe("system: what the API tells", () => {
  before(imageText);

  async function start(settings: VirtualOptions["settings"] = {}, fault = "", store = memoryStore()) {
    const rig = startVirtual({ image: await imageText(), seed: 7, settings, store });
    if (fault) rig.simulator.faults.set(fault);
    rig.clock.run(20000);
    return rig;
  }

  it("cells: all of them, the lowest and the highest with their numbers", async () => {
    const cells = read<Cells>(await start(), "/api/cells"),
      list = cells.cells_mv as number[];
    assert.equal(list.length, 16);
    assert.ok(
      list.every((mv) => mv > 2500 && mv < 3700),
      list.join(),
    );
    assert.ok(Math.abs(list[cells.lowest_cell! - 1]! - Math.min(...list)) <= 3);
    assert.ok(Math.abs(list[cells.highest_cell! - 1]! - Math.max(...list)) <= 3);
    assert.ok(Array.isArray(cells.balancing) && cells.age_ms! >= 0 && cells.age_ms! < 3000);
    assert.equal(cells.phase, "normal");
  });

  it("cells of a TinyBMS that never answered are unknown, not 0", async () => {
    const cells = read<Cells>(await start({}, "silence"), "/api/cells");
    assert.deepEqual([cells.min_mv, cells.age_ms, cells.balancing, cells.phase], [null, null, null, "boot"]);
  });

  it("limits: those of the status, with what narrows from outside", async () => {
    const rig = await start(),
      limits = read(rig, "/api/limits"),
      { limits: shown } = read<Status>(rig, "/api/status");
    for (const name of ["reason", "state", "cvl_reason", "ccl_reason", "dcl_reason", "cells", "broken_rules", "notes"])
      assert.deepEqual(limits[name], shown[name as keyof typeof shown], name);
    assert.deepEqual([limits["charge_allowed"], limits["discharge_allowed"], limits["external"]], [true, true, []]);
    assert.ok((limits["dvl"] as number) > 40 && (limits["history"] as unknown[]).length > 0);
  });

  it("events: what the log of the TinyBMS has, the newest first, with names", async () => {
    const rig = await start(),
      { battery } = rig.simulator,
      before = read<BmsEvents>(rig, "/api/events");
    for (let i = 0; i < 9; i++) logEvent(battery.events, 0x31 + (i & 1), battery.lifetime_s - 9 + i);
    publishLog(battery.events, battery.words);
    rig.clock.run(15000);
    const { events, total, active, alarms, lifetime_s } = read<BmsEvents>(rig, "/api/events");
    assert.equal(total, before.total + 9);
    assert.equal(events.length, total);
    events.forEach(({ n, name, severity, at_s }, i) => {
      assert.equal(n, events[0]!.n - i);
      assert.match(name, /^[a-z_0-9]+$/);
      assert.ok(["fault", "warning", "info"].includes(severity) && at_s <= lifetime_s!);
    });
    assert.deepEqual(
      [0, 1, 9].map((i) => [events[i]!.id, events[i]!.is_history]),
      [
        [0x31, false],
        [0x32, false],
        [before.events[0]!.id, true],
      ],
    );
    assert.deepEqual(
      active.map(({ id }) => id),
      [0x31, 0x32],
    );
    assert.ok(Array.isArray(alarms));
  });

  it("what was sent on CAN last, in words", async () => {
    const rig = await start(),
      sent = new Map<number, number[]>();
    rig.frames.push(({ id, data }) => sent.set(id, data));
    rig.clock.run(11000);
    const asked = rig.get("/api/can");
    rig.clock.run(200);
    const last = new Map(sent);
    rig.clock.run(2000);
    const can = JSON.parse(answerOf(asked).body) as Can,
      byId = new Map(can.frames.map((frame) => [Number(frame.id), frame]));
    assert.deepEqual([...byId.keys()].sort(), [...last.keys()].sort(), "each frame that ever left");
    for (const [id, data] of last) {
      const frame = byId.get(id)!,
        decoded = decodeFrame(id, data)!;
      assert.ok(frame.age_ms >= 0 && frame.age_ms < frame.period_ms + 1200, `${frame.id}: ${frame.age_ms} ms`);
      if (frame.period_ms === 1000) continue; // it may have left again while the answer was made
      assert.equal(frame.data, Buffer.from(data).toString("hex").toUpperCase(), frame.id);
      assert.equal(frame.name, decoded.name);
    }
    const words = (id: number): Record<string, unknown> =>
      Object.fromEntries(byId.get(id)!.fields.map(({ label, value, unit }) => [label, unit ? [value, unit] : value]));
    for (const [id, { data }] of byId)
      for (const { label, value, unit, raw } of decodeFrame(id, Buffer.from(data, "hex"))!.fields) {
        const want =
          value === "unsupported" ? undefined : unit === "K" ? [raw - 273, "degC"] : unit ? [value, unit] : value;
        assert.deepEqual(words(id)[label] ?? undefined, want, `${id.toString(16)} ${label}`);
      }
    assert.deepEqual([can.state, can.silent], ["active", null]);
  });

  it("the log, the newest line first, with what the console is not told", async () => {
    const rig = await start(),
      { lines } = read<{ lines: Line[] }>(rig, "/api/log");
    for (const said of ["bms normal", "mqtt: connected to broker:1883"])
      assert.ok(
        lines.some(({ msg }) => msg === said),
        said,
      );
    lines.forEach(({ level, at_ms }, i) => {
      assert.ok(["error", "warn", "info", "debug"].includes(level));
      assert.ok(at_ms <= (lines[i - 1]?.at_ms ?? Infinity));
    });
    assert.ok(!rig.console.some((line) => line.includes("bms normal")), "the level is warn");
    rig.simulator.faults.set("silence");
    rig.clock.run(30000);
    const { own } = read<{ own: Line[] }>(rig, "/api/events");
    const said = own.map(({ msg }) => msg);
    for (const line of [/^bms degraded$/, /^alarm 41 UartTimeout: (warning|alarm)$/, /^bms lost$/])
      assert.ok(
        said.some((one) => line.test(one)),
        `${String(line)}: ${said.join(" | ")}`,
      );
    assert.ok(said.join("\n").length <= 1000);
  });

  it("metrics that a parser of Prometheus's text format reads, of what is known alone", async () => {
    const rig = await start(),
      { live_data: live, limits } = read<Status>(rig, "/api/status"),
      { status, type, body } = get(rig, "/metrics");
    assert.deepEqual([status, type], [200, "text/plain; version=0.0.4"]);
    const metrics = new Map(parsePrometheus(body).map((metric) => [metric.name, metric])),
      value = (name: string, labels: Record<string, string> = {}): number =>
        Number(
          metrics
            .get("tinybms_" + name)
            ?.metrics.find((one) => Object.entries(labels).every(([key, text]) => one.labels?.[key] === text))?.value,
        );
    for (const { name, help, type: kind, metrics: samples } of metrics.values()) {
      assert.match(name, /^tinybms_[a-z][a-z0-9_]*$/);
      assert.ok(help && samples.length, name);
      assert.equal(kind, name.endsWith("_total") ? "COUNTER" : "GAUGE", name);
      assert.doesNotMatch(name, /milli|_mv$|_kwh$|percent|hours/, "base units");
    }
    assert.equal(body.match(/^# TYPE /gm)!.length, metrics.size, "each metric once");
    const near = (got: number, want: unknown, room: number): void =>
      assert.ok(Math.abs(got - (want as number)) <= room, `${got}, not ${String(want)}`);
    near(value("pack_voltage_volts"), live.voltage, 0.2);
    near(value("state_of_charge_ratio"), (live.soc_percent as number) / 100, 0.001);
    near(value("cell_voltage_volts", { cell: "16" }), (live.min_cell_mv as number) / 1000, 0.1);
    near(value("charge_current_limit_amperes"), limits.ccl, 0.2);
    assert.equal(value("up"), 1);
    assert.equal(value("limit_reason", { limit: "ccl", reason: limits.ccl_reason }), 1);
    assert.equal(value("alarm", { id: "60" }), 0);
    assert.ok(value("uart_replies_total") > 50 && value("can_frames_sent_total") > 50 && value("uptime_seconds") > 20);
    rig.simulator.faults.set("silence");
    rig.clock.run(30000);
    const lost = get(rig, "/metrics").body;
    assert.match(lost, /^tinybms_up 0$/m);
    assert.match(lost, /^tinybms_alarm\{id="60",code="BmsOffline"\} 2$/m);
    assert.doesNotMatch(lost, /tinybms_pack_voltage_volts/, "unknown: no sample");
    assert.ok(parsePrometheus(lost).length > 20);
  });

  it("commands of MQTT, answered as there; one at a time", async () => {
    const rig = await start();
    assert.deepEqual(change(rig, "POST", "/api/command", { cmd: "system.ping", id: 7 }), {
      status: 200,
      body: { ok: true, cmd: "system.ping", id: 7, reply: { pong: true } },
    });
    const asked = request(rig, "POST", "/api/command", { cmd: "bms.read", args: { address: 300, count: 2 } });
    rig.clock.run(40);
    const second = change(rig, "POST", "/api/command", { cmd: "system.ping" });
    assert.deepEqual([second.status, (second.body.err as Json)["code"]], [409, "Busy"]);
    rig.clock.run(5000);
    const { status, body } = answerOf(asked);
    assert.equal(status, 200);
    const { words } = (JSON.parse(body) as { reply: { words: number[] } }).reply;
    assert.deepEqual(words, Array.from(rig.simulator.battery.words.slice(300, 302)));
    assert.equal(change(rig, "POST", "/api/command", { cmd: "system.ping" }).status, 200, "free again");
    const { status: refused } = change(rig, "POST", "/api/command", { cmd: "system.factory_reset" });
    assert.equal(refused, 409, "needs confirm");
    assert.equal(strange(rig, "POST /api/command"), 401);
  });

  it("settings of the TinyBMS: read, changed with undo, kept as a file and put back", async () => {
    const rig = await start({ bms: { allow_write: true } }),
      word = (register: number): number => rig.simulator.battery.words[register]!,
      { settings: rows } = read<{ settings: { key: string; value: unknown; register: number }[] }>(
        rig,
        "/api/registers",
      ),
      before = Object.fromEntries(rows.map(({ key, value }) => [key, value])),
      backup = read(rig, "/api/backup"),
      LEVEL = rows.find(({ key }) => key === "charge_restart_level")!.register;
    assert.equal(rows.length, settings.length);
    assert.deepEqual([before["over_voltage_cutoff"], before["charge_restart_level"]], [word(315), word(LEVEL)]);
    assert.deepEqual(backup["settings"], before);
    const level = before["charge_restart_level"] as number,
      wanted = level === 80 ? 81 : 80;
    for (const query of ["", "?dry=1"]) {
      change(rig, "PUT", "/api/registers" + query, { charge_restart_level: wanted });
      assert.equal(word(LEVEL), level, "nothing without confirm");
    }
    assert.deepEqual(change(rig, "PUT", "/api/registers?confirm=1", { charge_restart_level: wanted }), {
      status: 200,
      body: { ok: true, done: { charge_restart_level: wanted }, undo: { charge_restart_level: level }, written: true },
    });
    assert.equal(word(LEVEL), wanted);
    rig.clock.run(5000);
    const compared = change(rig, "PUT", "/api/backup?dry=1", backup);
    assert.deepEqual(
      [compared.status, compared.body["done"], compared.body["written"]],
      [200, { charge_restart_level: level }, false],
    );
    assert.equal(change(rig, "PUT", "/api/backup?confirm=1", backup).body["written"], true);
    assert.equal(word(LEVEL), level);
    rig.clock.run(5000);
    assert.deepEqual(change(rig, "PUT", "/api/backup?confirm=1", backup).body, {
      ok: true,
      done: {},
      undo: {},
      written: false,
    });
    for (const [bad, where] of [
      [{ ...backup, format: "other" }, "format"],
      [{ ...backup, version: 2 }, "version"],
      [{ format: backup["format"], version: 1 }, "settings"],
      [{ ...backup, settings: { none: 1 } }, "bms.write.none"],
      [{ ...backup, dry: true }, "dry"],
      [{ ...backup, confirm: true }, "confirm"],
    ] as const)
      assert.equal((change(rig, "PUT", "/api/backup?confirm=1", bad).body.err as Json)["where"], where);
    assert.equal(change(rig, "PUT", "/api/registers?confirm=1", { over_voltage_cutoff: 1 }).status, 400, "its range");
  });

  it("a change of the TinyBMS that is long is not given up on its way back", async function () {
    const rig = await start({ bms: { allow_write: true }, uart: { poll_ms: 1000 } }),
      { settings: rows } = read<{
        settings: { key: string; value: number | string; values?: string[]; register: number }[];
      }>(rig, "/api/registers"),
      before = Array.from(rig.simulator.battery.words.slice(300, 344)),
      wanted: Record<string, number | string> = {};
    for (const { key, value, values, register } of rows) {
      if (register === 340) continue; // the unit restarts by it
      const others = values ? values.filter((name) => name !== value) : [1, -1, 10, -10].map((step) => +value + step),
        good = others.find((other) => change(rig, "PUT", "/api/registers?dry=1", { [key]: other }).status === 200);
      // what is sent without being asked for may come between any bytes, and a release loses some of them
      if (good !== undefined && key !== "set_state_of_health" && !key.startsWith("broadcast")) wanted[key] = good;
    }
    assert.ok(Object.keys(wanted).length > 30, Object.keys(wanted).join());
    rig.simulator.faults.set("altered-write", { times: 1 });
    const from = rig.clock.now(),
      { status, body } = change(rig, "PUT", "/api/registers?confirm=1", wanted);
    assert.match(String((body.err as Json)["reason"]), /all settings are as before/);
    assert.equal(status, 500);
    assert.ok(rig.clock.now() - from > 40000, `${rig.clock.now() - from} ms`);
    assert.deepEqual(Array.from(rig.simulator.battery.words.slice(300, 344)), before);
  });

  it("what a dry run would do to the TinyBMS is told though bms.allow_write is false", async () => {
    const rig = await start(),
      level = rig.simulator.battery.words[328],
      backup = read(rig, "/api/backup") as Json & { settings: Json };
    for (const [path, body] of [
      ["/api/registers?dry=1", { charge_restart_level: 81 }],
      ["/api/backup?dry=1", { ...backup, settings: { ...backup.settings, charge_restart_level: 81 } }],
    ] as const) {
      const told = change(rig, "PUT", path, body);
      assert.deepEqual([told.status, told.body["done"]], [200, { charge_restart_level: 81 }], JSON.stringify(told));
    }
    assert.equal(rig.simulator.battery.words[328], level);
  });

  it("is UTF-8 in every answer, wherever a text was cut and whatever was sent", async () => {
    const bytes = (text: string): string => Buffer.from(text).toString("latin1"),
      name = bytes("B\u00fcro-\u20ac"),
      rig = await start({ mqtt: { client_id: "B\u00fcro", root_topic: "b\u00fcro/keller" }, http: { user: "\u00fc" } }),
      token = /setup token: (\S+)/.exec(rig.console.join("\n"))![1]!;
    const say = (line: string, body = "", more = ""): string => {
      const asked = rig.connect(
        `${line} HTTP/1.1\r\nHost: x\r\nX-Setup-Token: ${token}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      for (let i = 0; i < 20 && !asked.text.includes("\r\n\r\n"); i++) rig.clock.run(500);
      rig.clock.run(2000);
      finish(rig, asked);
      const text = new TextDecoder("utf-8", { fatal: true }).decode(
        Buffer.from(asked.text.slice(asked.text.indexOf("\r\n\r\n") + 4), "latin1"),
      );
      assert.ok(typeof JSON.parse(text) === "object", text);
      return text;
    };
    assert.match(say(`GET /${name}`), /"where":"\/B\u00fcro-\u20ac"/);
    say("GET /\xff\xc3");
    assert.match(say(`PUT /api/config?${"\u00fc".repeat(40)}=1`.replace(/\u00fc/g, "\xc3\xbc")), /"where":"\u00fc/);
    for (const text of [
      "\xff",
      '{"a":\xc3',
      `{"log":{"level":"\xff"}}`,
      `{"mqtt":{"${name.slice(0, -1)}":1}}`,
      '{"\xfe":{}}',
    ])
      say("PUT /api/config", text);
    for (let cut = 60; cut < 66; cut++) say("POST /api/command", `{"cmd":"${"x".repeat(cut)}${name}"}`);
    say("POST /api/command", '{"cmd":"system.ping","id":"\xfc"}');
    say("PUT /api/registers?confirm=1", '{"\xfc":1}');
    const { mqtt } = JSON.parse(say("GET /api/status")) as Status;
    assert.equal(mqtt["client_id"], "B\u00fcro");
    for (const path of ["config", "log", "report", "can", "config/export"]) say("GET /api/" + path);
  });

  it("nothing of the TinyBMS is written while bms.allow_write is false", async () => {
    const rig = await start();
    const { status, body } = change(rig, "PUT", "/api/registers?confirm=1", { charge_restart_level: 81 });
    assert.deepEqual([status, (body.err as Json)["code"]], [409, "InterlockBlocked"]);
    assert.match(String((body.err as Json)["reason"]), /allow_write/);
  });

  it("settings as a file, without secrets, and put back on another device", async () => {
    const secrets = ["hidden-mqtt", "hidden-wifi", PASS],
      store = memoryStore(),
      told = {
        mqtt: { pass: secrets[0], baseTopic: "house" },
        wifi: { pass: secrets[1], ssid: "net" },
        http: { pass: secrets[2] },
        can: { name: "Caf\u00e9" },
      },
      rig = await start(told, "", store),
      { body } = get(rig, "/api/config/export"),
      file = JSON.parse(body) as Json & { settings: Record<string, Json> };
    keepsSecrets(rig, [...secrets, readSettings(store)["http"]!["pass"] as string]);
    assert.equal(file.settings["mqtt"]!["baseTopic"], "house");
    assert.ok(Buffer.byteLength(body) <= 4096, `${Buffer.byteLength(body)} bytes: it could not come back`);
    assert.deepEqual(change(rig, "PUT", "/api/config/import?confirm=1", file).body["changed"], [], "as it is");
    const shown = await start(),
      [, token, own] = /setup token: (\S+)\nlogin: admin, password: (\S+)/.exec(shown.console.join("\n"))!;
    keepsSecrets(shown, [token!, own!]);
    const other = await start({ mqtt: { pass: "other-pass" }, log: { level: "debug" } }),
      put = change(other, "PUT", "/api/config/import?confirm=1", { ...file, settings: { ...file.settings, mqtt: {} } });
    assert.equal(put.status, 200, JSON.stringify(put.body));
    assert.ok((put.body["changed"] as string[]).includes("log.level"));
    for (const [bad, where] of [
      [{ ...file, format: "other" }, "format"],
      [{ ...file, version: 7 }, "version"],
      [{ ...file, settings: null }, "settings"],
      [{ ...file, dry: true }, "dry"],
      [{ ...file, confirm: true }, "confirm"],
      [{ ...file, settings: { ...file.settings, confirm: true } }, "confirm"],
    ] as const)
      assert.equal((change(other, "PUT", "/api/config/import", bad).body.err as Json)["where"], where);
  });

  it("a report: all of it in one file", async () => {
    const rig = await start(),
      report = read<Record<string, Json>>(rig, "/api/report");
    assert.deepEqual(Object.keys(report), ["status", "limits", "cells", "events", "can", "config", "raw"]);
    assert.equal((report["status"] as unknown as Status).live_data.phase, "normal");
    const { uart } = report["raw"] as { uart: { request: string; words: string | null }[] };
    assert.match(uart[0]!.request, /^AA07/);
    assert.match(uart[0]!.words!, /^([0-9A-F]{4})+$/);
  });

  it("restarts when asked by who may", async () => {
    const rig = await start();
    assert.equal(strange(rig, "POST /api/restart"), 401);
    const asked = request(rig, "POST", "/api/restart");
    rig.clock.run(10000);
    assert.equal(answerOf(asked).body, '{"ok":true,"restart_ms":1500}\r\n');
    assert.deepEqual(rig.deaths, ["reboot"]);
  });
});
