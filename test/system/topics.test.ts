// The whole topic tree as a subscriber sees it: which topics, with which QoS and retain, in which order, and what is
// cleared.
import assert from "node:assert/strict";
import { gxAlarms, gxTopics } from "../../firmware/tables/topics";
import { plugGx } from "../../tools/can/gx";
import type { Message } from "../../tools/host/broker";
import type { Host, HostOptions } from "../../tools/host/run";
import {
  boot,
  closeHosts,
  imageText,
  hex,
  LIMITS,
  MAKER,
  MEASURED,
  CHARGE,
  CELLS,
  running,
  sent,
  status,
  untilStatus,
} from "./rig";

type Json = Record<string, unknown>;

const GX_TOPICS = gxTopics.length + gxAlarms.length;

/**
 * The tree of firmware/publish/README.md, by hand: suffix, QoS, retain, members of the payload in their
 * order.
 */
const TREE: [string, number, boolean, string[]?][] = [
  ["status", 1, true, ["online"]],
  ["status/connected", 0, false],
  ["rt/bms", 1, true],
  ["rt/state", 0, false],
  ["rt/cells", 0, false, ["c", "bal", "seq"]],
  ["rt/stat", 0, false, ["temp_int", "soh", "cycles", "charges", "ov_cnt", "uv_cnt", "oc_cnt", "ot_cnt"]],
  [
    "rt/diag",
    0,
    false,
    ["bms", "gx", "rssi", "uptime", "free_mem", "uart_err", "poll_ms", "data_age", "can_err", "ip"],
  ],
  [
    "rt/limits",
    1,
    false,
    [
      "cvl",
      "ccl",
      "dcl",
      "charge_allowed",
      "discharge_allowed",
      "reason",
      "phase",
      "seq",
      "timestamp_ms",
      "state",
      ...["cvl", "ccl", "dcl"].flatMap((limit) => ["reason", "code", "target"].map((member) => `${limit}_${member}`)),
      "broken_rules",
    ],
  ],
  ["rt/alarms/m", 1, true, ["a", "h", "u", "level", "message", "ts"]],
  [
    "rt/runtime/state",
    0,
    false,
    [
      "v",
      "ts",
      "n",
      "seq",
      "routes_total",
      "routes_pub",
      "routes_skip_nc",
      "routes_skip_m",
      "build_errors",
      "publish_errors",
      "mqtt_error",
      "mqtt",
      "uart",
      "can",
      "samples",
    ],
  ],
  ["rt/network/state", 0, false, ["ready", "ip", "rssi", "mqtt", "keepalive_ok", "ts"]],
  ["rt/system/state", 0, false, ["upt_ms", "upt_s", "heap", "jsvars", "loop", "mqtt_rx", "ts"]],
  ["system", 0, false, ["rssi", "memory"]],
  ["system/config", 1, true, ["ip", "mac", "uptimeStart", "boot", "flash", "memory"]],
  ["hardware/config", 1, true, ["chip"]],
  ["sensors/status", 0, false],
  ["sensors/config", 1, true],
  ["sensors/config/cells", 1, true],
  ["rt/reg/manufacturer", 0, false, ["key", "text", "timestamp_ms", "seq", "quality"]],
  ["manifest", 1, true, ["mode", "pages", "fw", "count"]],
  ["manifest/page0", 1, true, ["page", "items"]],
  ["cfg/registers", 1, true, ["mode", "slots"]],
  ["cfg/registers/slot0", 1, true, ["slot", "regs"]],
  ["cfg/registers/slot5", 1, true, ["slot", "regs"]],
  ["rt/reg/battery_pack_voltage", 0, false],
  ["rt/reg/system_status", 0, false],
  ["rt/gx/Dc/Battery/Voltage", 0, false, ["value", "unit", "gx_raw", "modbus", "service", "timestamp_ms", "seq"]],
  ["rt/gx/Dc/Battery/Current", 0, false],
  ["rt/gx/Dc/Battery/Power", 0, false],
  ["rt/gx/Dc/Battery/Soc", 0, false],
  ["rt/gx/Dc/Battery/State", 0, false, ["value", "text", "modbus", "timestamp_ms", "seq"]],
  ["rt/gx/Dc/0/Voltage", 0, false],
  ["rt/gx/Soc", 0, false],
  [
    "rt/gx/Info/MaxChargeVoltage",
    1,
    false,
    ["value", "unit", "gx_raw", "modbus", "service", "phase", "timestamp_ms", "seq"],
  ],
  ["rt/gx/Info/MaxChargeCurrent", 1, false],
  ["rt/gx/Info/MaxDischargeCurrent", 1, false],
  ["rt/gx/Info/BatteryLowVoltage", 1, false],
  ["rt/gx/Alarms/HighTemperature", 1, true, ["value", "modbus", "timestamp_ms"]],
  ["rt/gx/Alarms/InternalFailure", 1, true],
  ["rt/gx/Alarms/LowBattery", 1, true, ["value", "alias_of", "timestamp_ms"]],
  ["rt/gx/History/ChargeCycles", 0, false],
  ["rt/gx/History/FullCharges", 0, false, ["value", "address", "timestamp_ms", "seq"]],
];

async function connected(options: HostOptions = {}): Promise<Host> {
  const host = await boot(options);
  await running(host);
  await untilStatus(
    host,
    "a battery and MQTT",
    ({ live_data, mqtt }) => live_data.phase === "normal" && mqtt.connected === true,
    15000,
  );
  return host;
}

const under = (host: Host, suffix: string, from = 0): Message[] =>
  host.broker!.messages.filter(({ topic, at }) => topic === `${host.topic}/${suffix}` && at >= from);
const newest = (host: Host, suffix: string): Json =>
  JSON.parse(under(host, suffix).findLast(({ payload }) => payload !== "")!.payload) as Json;
const suffixes = (host: Host, from = 0): Set<string> =>
  new Set(host.broker!.messages.filter(({ at }) => at >= from).map(({ topic }) => topic.slice(host.topic.length + 1)));

async function whole(host: Host, from = 0): Promise<void> {
  const missing = (): string[] => TREE.map(([suffix]) => suffix).filter((suffix) => !suffixes(host, from).has(suffix));
  await host.until("the whole tree", () => missing().length === 0, 40000).catch(() => assert.deepEqual(missing(), []));
  await host.until(
    "the last page",
    () => suffixes(host, from).has(`manifest/page${(newest(host, "manifest").pages as number) - 1}`),
    20000,
  );
}

async function put(host: Host, patch: unknown, query = ""): Promise<void> {
  const answer = await host.request("/api/config" + query, {
    method: "PUT",
    headers: { "X-Setup-Token": host.token() },
    body: JSON.stringify(patch),
  });
  assert.equal(answer.status, 200, await answer.text());
}

describe("system: the topic tree", () => {
  before(imageText);
  afterEach(closeHosts);

  it("has each topic with its QoS, its retain flag and its members; nothing else below the base", async () => {
    const host = await connected();
    await whole(host);
    for (const [suffix, qos, retain, members] of TREE) {
      const message = under(host, suffix).at(-1)!;
      assert.deepEqual([message.qos, message.retain], [qos, retain], suffix);
      if (suffix !== "rt/bms")
        assert.doesNotThrow(() => {
          JSON.parse(message.payload);
        }, suffix);
      if (members) assert.deepEqual(Object.keys(JSON.parse(message.payload) as Json), members, suffix);
      assert.ok(message.payload.length <= 1024, `${suffix}: ${message.payload.length} bytes`);
    }
    const known =
      /^(status|log|status\/connected|system|system\/config|hardware\/config|sensors\/(status|config(\/cells)?)|manifest(\/page\d+)?|cfg\/[a-z/]+(slot\d)?|rt\/(bms|state|cells|stat|diag|limits)|rt\/(runtime|network|system)\/state|rt\/alarms\/(m|id\d+)|rt\/(reg|gx)\/.+)$/;
    assert.deepEqual(
      [...suffixes(host)].filter((suffix) => !known.test(suffix)),
      [],
    );
    assert.equal(suffixes(host).has("rt/runtime/mux"), false);
    assert.match(newest(host, "system/config").mac as string, /^([0-9A-F]{2}:){5}[0-9A-F]{2}$/);
    const pages = newest(host, "manifest").pages as number,
      listed = Array.from({ length: pages }, (_, i) => newest(host, `manifest/page${i}`).items as { t: string }[]);
    assert.equal(listed.flat().length, newest(host, "manifest").count);
    assert.deepEqual(
      [...suffixes(host)].filter(
        (suffix) => !/^manifest\/page/.test(suffix) && !listed.flat().some(({ t }) => t === suffix),
      ),
      [],
    );
  });

  it("says live data first, and everything again after each connection", async () => {
    const host = await connected(),
      order = [...suffixes(host)].filter((suffix) => !suffix.startsWith("status"));
    await whole(host);
    assert.ok(
      ["rt/bms", "rt/limits", "rt/state"].every((suffix) => order.indexOf(suffix) < 3),
      order.slice(0, 5).join(" "),
    );
    assert.equal(under(host, "status")[0].payload, '{"online":true}');
    await host.broker!.stop();
    await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 5000);
    await host.broker!.start();
    const from = host.clock.now();
    await untilStatus(host, "back", ({ mqtt }) => mqtt.connected === true, 40000);
    await whole(host, from);
  });

  it("has alarms and what a GX shows out 3 s after a connection, then states, settings behind them", async () => {
    const host = await connected({ timeScale: 2 });
    await whole(host);
    await host.broker!.stop();
    await untilStatus(host, "the loss is seen", ({ mqtt }) => mqtt.connected === false, 5000);
    const from = host.clock.now();
    await host.broker!.start();
    await whole(host, from);
    const start = under(host, "status", from)[0].at,
      first = new Map<string, number>();
    for (const { topic, at } of host.broker!.messages)
      if (at >= start && !first.has(topic)) first.set(topic, at - start);
    const times = (is: RegExp): number[] =>
      [...first].filter(([topic]) => is.test(topic.slice(host.topic.length + 1))).map(([, at]) => at);
    const urgent = Math.max(...times(/^rt\/(alarms\/m|gx\/.*)$/)),
      states = times(/^rt\/(cells|stat|diag|(runtime|network|system)\/state)$/);
    assert.equal(times(/^rt\/gx\//).length, GX_TOPICS);
    assert.ok(urgent <= 3000, `the last after ${urgent} ms`);
    assert.ok(urgent <= Math.min(...states, ...times(/^(manifest|rt\/energy)/)), `${urgent} ${states.join(" ")}`);
    assert.ok(
      Math.max(...states) < Math.min(...times(/^(cfg|manifest)/)),
      `${states.join(" ")}, ${times(/^(cfg|manifest)/).join(" ")}`,
    );
  });

  it("says at once in both topics when the GX comes or goes", async () => {
    const host = await connected(),
      topics = ["rt/runtime/state", "rt/network/state"];
    const present = (text: string): unknown => {
      const { can, keepalive_ok: own } = JSON.parse(text) as Json;
      return own ?? (can as Json).keepalive_ok;
    };
    await whole(host);
    for (const isPlugged of [false, true]) {
      plugGx(host.gx(), isPlugged);
      const is = ({ can }: { can: { keepalive_ok: boolean } }): boolean => can.keepalive_ok === isPlugged;
      await untilStatus(host, `the GX ${isPlugged ? "is back" : "is gone"}`, is, 20000);
      const from = host.clock.now();
      await host.until(
        "both topics",
        () => topics.every((topic) => present(under(host, topic).at(-1)!.payload) === isPlugged),
        4000,
      );
      assert.ok(host.clock.now() - from < 4000);
    }
  });

  it("ignores commands and settings that the broker has retained, also those that are too long", async () => {
    const host = await boot(),
      ping = '{"cmd":"system.ping"}';
    await host.broker!.publish(`${host.topic}/cmd`, "y".repeat(1100), { retain: true });
    await host.broker!.publish(`${host.topic}/cfg/set`, "y".repeat(1100), { retain: true });
    await untilStatus(host, "MQTT", ({ mqtt }) => mqtt.oversize_drop === 2, 20000);
    await host.wait(3000);
    assert.deepEqual([under(host, "ack"), under(host, "cfg/ack")], [[], []]);
    await host.broker!.publish(`${host.topic}/cmd`, "y".repeat(1100));
    await host.broker!.publish(`${host.topic}/cmd`, ping);
    await host.until("answers", () => under(host, "ack").length === 2, 5000);
    assert.deepEqual(
      under(host, "ack").map(({ payload, qos }) => [payload.slice(0, 42), qos]),
      [
        ['{"ok":false,"err":{"code":"ArgsTooLarge","', 1],
        ['{"ok":true,"cmd":"system.ping","reply":{"p', 1],
      ],
    );
  });

  it("counts the messages of MQTT as /api/status does, and received ones that were of no use", async () => {
    const host = await connected(),
      send = (suffix: string, payload: string): void => {
        host.broker!.publish(`${host.topic}/${suffix}`, payload);
      };
    await whole(host);
    for (const payload of ["{", "[1]", `{"cmd":"${"x".repeat(1100)}"}`, '{"cmd":"alarms.ack","args":{"id":30}}'])
      send("cmd", payload);
    send("cfg/set", "x");
    send("cfg/set", '{"mqtt":{"port":0}}');
    await host.until("answers", () => under(host, "ack").length >= 4 && under(host, "cfg/ack").length >= 2, 10000);
    const from = host.clock.now();
    await host.until("the counters", () => under(host, "rt/system/state", from).length > 0, 90000);
    assert.deepEqual(newest(host, "rt/system/state").mqtt_rx, {
      rx_drop: 0,
      oversize_drop: 1,
      parse_fail: 3,
      handler_fail: 2,
    });
    const told = newest(host, "rt/runtime/state").mqtt as Json,
      { mqtt } = await status(host);
    assert.deepEqual(
      [told.failed_count, told.dropped_count, told.last_error_code],
      [mqtt.failed_count, mqtt.dropped_count, mqtt.last_error_code],
    );
    assert.equal(told.last_error_code, "");
    assert.deepEqual([told.state, told.next_attempt_ms, told.pending_config], ["connected", null, false]);
    assert.deepEqual([told.error_count, mqtt.error_count], [0, 0]);
    assert.equal(newest(host, "rt/runtime/state").mqtt_error, told.failed_count);
  });

  it("counts routes that add up", async () => {
    const host = await connected();
    await host.until("two of them", () => under(host, "rt/runtime/state").length > 1, 60000);
    const {
      routes_total: total,
      routes_pub: sentRoutes,
      routes_skip_nc: same,
      routes_skip_m: waiting,
      n,
      can,
    } = newest(host, "rt/runtime/state");
    assert.equal(total, (sentRoutes as number) + (same as number) + (waiting as number));
    assert.ok((n as number) >= 2 && (can as Json).keepalive_ok === true);
  });

  it("says of one sample what CAN says", async () => {
    const host = await connected({ timeScale: 4 });
    await host.wait(6000);
    host.simulator.faults.set("silence");
    // all is looked at again then, the sample is the last
    await untilStatus(host, "degraded", ({ live_data: live }) => live.phase === "degraded", 9000);
    const from = host.clock.now(),
      { seq } = (await status(host)).live_data;
    await host.until(
      "a cycle of CAN",
      () => [LIMITS, CHARGE, MEASURED, CELLS].every((id) => sent(host, from, id).length > 0),
      2500,
    );
    const can = Object.assign(
      {},
      ...[LIMITS, CHARGE, MEASURED, CELLS].map((id) => sent(host, from, id)[0].values),
    ) as Json;
    const raw: [string, string, number][] = [
      ["Dc/0/Voltage", "pack_voltage", 100],
      ["Dc/0/Current", "pack_current", 10],
      ["Dc/Battery/Current", "pack_current", 10],
      ["Dc/0/Temperature", "battery_temperature", 10],
      ["Info/MaxChargeVoltage", "charge_voltage_limit", 10],
    ];
    await host.until("rt/gx of that sample", () => newest(host, "rt/gx/Dc/0/Current").seq === seq, 6000);
    let compared = 0;
    for (const [path, key, scale] of raw) {
      const message = under(host, "rt/gx/" + path)
        .map(({ payload }) => JSON.parse(payload) as Json)
        .findLast((one) => one.seq === seq);
      if (!message) continue;
      assert.equal(message.gx_raw, Math.round((can[key] as number) * scale), path);
      compared++;
    }
    const cells = under(host, "rt/cells").map(({ payload }) => JSON.parse(payload) as Json);
    const counts = cells.map((one) => (one.c as unknown[]).length);
    assert.equal(counts.at(-1), 16);
    assert.ok(
      counts.every((count, i) => count === 16 || (count === 0 && counts[i - 1] !== 16)),
      `${counts}`,
    );
    assert.ok(compared >= 2, `${compared} compared`);
  });

  it("tells an alarm, keeps it retained while it lasts, clears it when it is over", async () => {
    const host = await connected(),
      retained = host.broker!.retained,
      topic = (id: number): string => `${host.topic}/rt/alarms/id${id}`;
    await whole(host);
    assert.deepEqual([newest(host, "rt/alarms/m").a, newest(host, "rt/alarms/m").message], [0, "ok"]);
    host.simulator.faults.set("silence");
    await host.until("the alarm", () => retained.has(topic(60)), 30000);
    const alarm = JSON.parse(retained.get(topic(60))!.payload) as Json;
    assert.deepEqual(
      [alarm.id, alarm.code, alarm.a, alarm.k, alarm.c, alarm.s, "lc" in alarm],
      [60, "BmsOffline", 1, 0, 1, 2, true],
    );
    await host.until("the summary", () => newest(host, "rt/alarms/m").h === 2, 5000);
    const summary = newest(host, "rt/alarms/m");
    assert.deepEqual([summary.a, summary.h, summary.u, summary.level, summary.message], [3, 2, 3, 2, "bms internal"]);
    await host.until(
      "the GX's alarms",
      () =>
        newest(host, "rt/gx/Alarms/InternalFailure").value === 2 && newest(host, "rt/gx/Alarms/BmsCable").value === 2,
      5000,
    );
    await host.until(
      "nulls",
      () =>
        newest(host, "rt/gx/Dc/0/Voltage").value === null && newest(host, "rt/gx/Info/MaxChargeCurrent").value === 0,
      15000,
    );
    host.simulator.faults.clear();
    await host.until("it is over", () => [41, 60, 63].every((id) => !retained.has(topic(id))), 120000);
    const [over, cleared] = under(host, "rt/alarms/id60").slice(-2);
    assert.deepEqual(
      [(JSON.parse(over.payload) as Json).a, over.retain, cleared.payload, cleared.retain],
      [0, false, "", true],
    );
    await host.until("the summary again", () => newest(host, "rt/alarms/m").a === 0, 5000);
  });

  it("clears what an earlier life left behind", async () => {
    const host = await boot();
    await host.broker!.publish(`${host.topic}/rt/alarms/id30`, '{"id":30,"a":1}', { retain: true });
    await running(host);
    await host.until("it is gone", () => !host.broker!.retained.has(`${host.topic}/rt/alarms/id30`), 40000);
  });

  it("lets no old limit stay: retained ones are cleared when it falls silent", async () => {
    const host = await connected({ settings: { retain: { limits: true } } }),
      retained = host.broker!.retained;
    const topics = ["rt/limits", "rt/gx/Info/MaxChargeVoltage", "rt/gx/Io/AllowToCharge"].map(
      (suffix) => `${host.topic}/${suffix}`,
    );
    await host.until("retained", () => topics.every((topic) => retained.has(topic)), 30000);
    host.simulator.faults.set("silence");
    await host.until("silent", () => topics.every((topic) => !retained.has(topic)), 110000);
    host.simulator.faults.clear();
    await host.until("back", () => topics.every((topic) => retained.has(topic)), 40000);
  });

  it("leaves nothing retained below a base topic that it gives up", async () => {
    const host = await connected(),
      below = (base: string): string[] =>
        [...host.broker!.retained.keys()].filter((topic) => topic.startsWith(base + "/"));
    await whole(host);
    assert.ok(below(host.topic).length > 30);
    await put(host, { mqtt: { baseTopic: "other" } });
    await host
      .until("cleared", () => below(host.topic).length === 0, 10000)
      .catch(() => assert.deepEqual(below(host.topic), []));
    await host.until("the new tree", () => below("other").length > 30, 40000);
  });

  it("clears the classes that are not retained any more", async () => {
    const host = await connected(),
      has = (suffix: string): boolean => host.broker!.retained.has(`${host.topic}/${suffix}`);
    await whole(host);
    const gone = ["manifest", "manifest/page3", "cfg/registers/slot2", "cfg/wifi", "cfg/can/limits", "cfg/time"];
    await host.until("there", () => gone.every(has), 20000);
    await put(host, { retain: { config: false } });
    await host.until("cleared", () => !gone.some(has), 10000);
    await host.wait(20000);
    assert.ok(!gone.some(has) && !has("system/config") && has("rt/alarms/m") && has("status"));
  });

  it("puts registers below a topic of their own when asked, with label and comment, and takes retained ones back", async () => {
    const settings = {
      mqtt: { root_topic: " plant / battery/", verbose: true },
      retain: { telemetry: true, text: true },
    };
    const host = await connected({ settings }),
      kept = host.broker!.retained,
      below = (base: string): number => [...kept.keys()].filter((topic) => topic.startsWith(base)).length;
    const said = (suffix: string): Json => JSON.parse(kept.get("plant/battery/" + suffix)?.payload ?? "{}") as Json;
    await host.until(
      "registers",
      () => ["serial_number", "operation_mode", "min_cell_voltage"].every((suffix) => said(suffix).label),
      50000,
    );
    assert.deepEqual(
      [
        said("min_cell_voltage").label,
        said("min_cell_voltage").comment,
        said("operation_mode").comment,
        said("serial_number").label,
      ],
      [
        "Lowest cell voltage",
        undefined,
        "BMS restarts itself when this changes",
        "Product serial number (96 bit, binary)",
      ],
    );
    assert.equal(below(`${host.topic}/rt/reg/`), 0);
    await put(host, { mqtt: { root_topic: "", verbose: false } });
    await host.until("taken back", () => below("plant/") === 0 && below(`${host.topic}/rt/reg/`) > 0, 10000);
    await host.until("plain again", () => kept.has(`${host.topic}/rt/reg/min_cell_voltage`), 60000);
    const plain = JSON.parse(kept.get(`${host.topic}/rt/reg/min_cell_voltage`)!.payload) as Json;
    assert.deepEqual([plain.label, plain.key], [undefined, "min_cell_voltage"]);
    await put(host, { retain: { telemetry: false, text: false } });
    await host
      .until("nothing kept", () => below(`${host.topic}/rt/reg/`) === 0, 10000)
      .catch(() =>
        assert.deepEqual(
          [...kept.keys()].filter((topic) => topic.includes("rt/reg")),
          [],
        ),
      );
  });

  it("begins and ends the mirror with the connection in use", async () => {
    const host = await connected(),
      heard = (topic: string): Message[] => host.broker!.messages.filter((one) => one.topic === topic);
    const connections = async (): Promise<number> => heard(`${host.topic}/status`).length,
      first = await connections();
    const value = (base: string, path: string): unknown =>
      JSON.parse(heard(base + path).at(-1)?.payload ?? "{}").value as unknown;
    await put(host, { mqtt: { victron: true, victron_instance: 3, battery_json: "gx/battery" } });
    await host.until(
      "the mirror",
      () => value("N/tba1b2c3/battery/3/", "Connected") === 1 && heard("gx/battery").length > 1,
      20000,
    );
    await host.until("all of it", () => value("N/tba1b2c3/battery/3/", "Voltages/Cell16") !== undefined, 20000);
    const times = heard("N/tba1b2c3/battery/3/InstalledCapacity").length;
    host.broker!.publish("R/tba1b2c3/keepalive", "");
    await host.until(
      "its keepalive is subscribed",
      () => heard("N/tba1b2c3/battery/3/InstalledCapacity").length > times,
      10000,
    );
    await put(host, { mqtt: { victron_instance: 4 } });
    await host.until(
      "it moved",
      () => value("N/tba1b2c3/battery/3/", "Connected") === 0 && value("N/tba1b2c3/battery/4/", "Connected") === 1,
      20000,
    );
    await put(host, { mqtt: { victron: false, battery_json: "" } });
    await host.until("it is gone", () => value("N/tba1b2c3/battery/4/", "Connected") === 0, 10000);
    const count = heard("gx/battery").length;
    await host.wait(11000);
    assert.deepEqual(
      [heard("gx/battery").length, await connections(), (await status(host)).mqtt.last_error_code],
      [count, first, ""],
    );
  });

  it("retains the registers that carry text, and no others, when asked", async () => {
    const host = await connected({ settings: { retain: { text: true } } }),
      kept = host.broker!.retained;
    const registers = (): string[] =>
      [...kept.keys()]
        .filter((topic) => topic.startsWith(`${host.topic}/rt/reg/`))
        .map((topic) => topic.split("/").at(-1)!);
    await host.until(
      "registers",
      () => under(host, "rt/reg/operation_mode").length > 0 && under(host, "rt/reg/serial_number").length > 0,
      50000,
    );
    await whole(host);
    assert.ok(
      ["system_status", "operation_mode", "serial_number"].every((suffix) => registers().includes(suffix)),
      registers().join(" "),
    );
    for (const suffix of registers()) assert.equal(typeof newest(host, "rt/reg/" + suffix).text, "string", suffix);
    await put(host, { retain: { text: false } });
    await host.until("cleared", () => registers().length === 0, 10000);
  });

  it("sanitises the root of register topics level by level", async () => {
    const host = await connected({ settings: { mqtt: { root_topic: "/Plant One//My.Batt_-/ %% /" } } });
    await host.until(
      "a register",
      () => host.broker!.messages.some(({ topic }) => topic === "plant_one/my_batt/battery_pack_voltage"),
      20000,
    );
    assert.equal((await status(host)).mqtt.root_topic, "plant_one/my_batt/");
  });

  it("says how often measurements come, those that follow the poll and the others, and anew when that changes", async () => {
    const host = await connected(),
      interval = (suffix: string, key: string): unknown => (newest(host, suffix)[key] as Json).interval,
      told = (): unknown[] => [
        interval("sensors/config", "state_of_charge"),
        interval("sensors/config", "min_cell_voltage"),
        interval("sensors/config/cells", "cell_16_voltage"),
      ];
    await whole(host);
    assert.deepEqual(told(), [1, 2, 2]);
    assert.equal(Object.keys(newest(host, "sensors/config/cells")).length, 16);
    for (const [shortest, intervals] of [
      [2500, [2.5, 2.5, 2.5]],
      [0, [0.25, 2, 2]],
    ] as const) {
      await put(host, { mqtt: { sensorMinPublishMs: shortest } });
      await host.until("sensors/config", () => String(told()) === String(intervals), 15000);
    }
  });

  it("says of a measurement that it is ok, that there is none although the TinyBMS answers, or that it is stale", async () => {
    const host = await connected({ scenario: "sensor-missing" }),
      of = (key: string): unknown => newest(host, "sensors/status")[key];
    await host.until("sensors/status", () => under(host, "sensors/status").length > 0, 60000);
    assert.equal((of("external_temperature_1") as Json).status, "ok");
    assert.deepEqual(of("external_temperature_2"), { status: "error", value: null });
    host.simulator.faults.set("silence");
    const from = host.clock.now() + 20000;
    await host.until("another", () => under(host, "sensors/status", from).length > 0, 100000);
    for (const key of ["external_temperature_1", "external_temperature_2", "battery_pack_voltage"])
      assert.deepEqual(of(key), { status: "stale", value: null }, key);
  });

  it("names the manufacturer that CAN names, with the registers that carry text", async () => {
    const host = await connected({
      settings: { can: { manufacturer: 'Ele"c 1' }, mqtt: { root_topic: "plant" }, retain: { text: true } },
    });
    const heard = (): Message | undefined => host.broker!.messages.find(({ topic }) => topic === "plant/manufacturer");
    await host.until("the manufacturer", () => heard() !== undefined, 60000);
    const { text, quality, value } = JSON.parse(heard()!.payload) as Json;
    assert.deepEqual([text, quality, value, heard()!.retain], ['Ele"c 1', "ok", undefined, true]);
    const frame = sent(host, 0, MAKER).at(-1)!;
    assert.ok(
      hex(frame).startsWith(
        Buffer.from(text as string)
          .toString("hex")
          .toUpperCase(),
      ),
      hex(frame),
    );
  });

  it("tells inputs and outputs when asked, at once what is allowed, and takes them back", async () => {
    const host = await connected({ settings: { mqtt: { io: true }, retain: { state: true } } }),
      retained = (): string[] =>
        [...host.broker!.retained.keys()].filter((topic) => topic.startsWith(`${host.topic}/rt/io/`)),
      value = (point: string): unknown => {
        const { id, name, available, value: told, ts } = newest(host, `rt/io/${point}`);
        assert.deepEqual([id, name, typeof ts], [point.split("/")[1], point.split("/")[1].replace("_", " "), "number"]);
        return available ? told : "unavailable";
      };
    await host.until("all of them", () => retained().length === 5, 30000);
    await host.until("the battery", () => value("output/charge_allowed") !== "unavailable", 10000);
    assert.deepEqual(["input/charge_inhibit", "output/charge_allowed", "output/balancing"].map(value), [
      false,
      true,
      false,
    ]);
    await put(host, { battery: { inhibit_charge: true } }, "?confirm=1");
    await host.until("not allowed", () => value("output/charge_allowed") === false, 10000);
    const limited = under(host, "rt/limits").find(({ payload }) => (JSON.parse(payload) as Json).ccl === 0)!,
      told = under(host, "rt/io/output/charge_allowed").find(({ payload }) => payload.includes('"value":false'))!;
    assert.ok(told.at - limited.at < 2500, `${told.at - limited.at} ms, where the others take up to 5 s`);
    await host.until("by hand", () => value("input/charge_inhibit") === true, 6000);
    assert.deepEqual([value("output/discharge_allowed"), value("input/discharge_inhibit")], [true, false]);
    host.simulator.faults.set("silence");
    await host.until("unknown", () => value("output/balancing") === "unavailable", 60000);
    await put(host, { mqtt: { io: false } });
    await host.until("taken back", () => retained().length === 0, 10000);
  });

  it("takes limits back and leaves the mirror before it restarts on a command", async () => {
    const host = await connected({
        settings: { retain: { limits: true }, mqtt: { victron: true, victron_instance: 0, commands: "all" } },
      }),
      retained = host.broker!.retained;
    const topics = ["rt/limits", "rt/gx/Info/MaxChargeVoltage", "rt/gx/Io/AllowToCharge"].map(
      (suffix) => `${host.topic}/${suffix}`,
    );
    await host.until("retained", () => topics.every((topic) => retained.has(topic)), 30000);
    await whole(host);
    const from = host.clock.now(),
      last = (topic: string): string | undefined =>
        host.broker!.messages.find(
          (one) => one.topic === topic && one.at >= from && (one.payload === "" || one.payload === '{"value":0}'),
        )?.payload;
    await host.broker!.publish(`${host.topic}/cmd`, '{"cmd":"system.reboot","args":{"confirm":true}}');
    await host
      .until(
        "cleared",
        () => topics.every((topic) => last(topic) === "") && last("N/tba1b2c3/battery/0/Connected") === '{"value":0}',
        10000,
      )
      .catch(() =>
        assert.deepEqual([topics.map(last), last("N/tba1b2c3/battery/0/Connected")], [["", "", ""], '{"value":0}']),
      );
  });

  it("mirrors the battery for a GX when asked, and says when it is lost and gone", async () => {
    const host = await connected({
      settings: { mqtt: { victron: true, victron_instance: 7, battery_json: "/gx/battery/" } },
    });
    const base = "N/tba1b2c3/battery/7/",
      at = (topic: string): Message[] => host.broker!.messages.filter((one) => one.topic === topic);
    const value = (path: string): unknown => {
      const found = at(base + path).at(-1);
      return found && (JSON.parse(found.payload) as Json).value;
    };
    await host.until(
      "the last leaf",
      () => value("Voltages/Cell16") !== undefined && at("gx/battery").length > 2,
      40000,
    );
    assert.deepEqual(
      [value("Connected"), value("Info/MaxChargeVoltage"), at(base + "Soc")[0].retain, at(base + "Soc")[0].qos],
      [1, 55.2, false, 0],
    );
    const tree = JSON.parse(at("gx/battery").at(-1)!.payload) as Record<string, Json>;
    assert.deepEqual([typeof tree.Dc.Voltage, typeof tree.Soc, tree.Info.MaxChargeVoltage], ["number", "number", 55.2]);
    const volts = at(base + "InstalledCapacity").length;
    await host.wait(10000);
    assert.equal(at(base + "InstalledCapacity").length, volts, "nothing new, nothing said");
    host.broker!.publish("R/tba1b2c3/keepalive", '{"keepalive-options":["suppress-republish"]}');
    await host.wait(3000);
    assert.equal(at(base + "InstalledCapacity").length, volts, "only seen");
    host.broker!.publish("R/tba1b2c3/keepalive", "");
    // 100 leaves, behind a round of the others
    await host.until("all again", () => at(base + "InstalledCapacity").length > volts, 20000);
    host.simulator.faults.set("silence");
    await host.until(
      "lost",
      () => value("Dc/0/Voltage") === null && value("Alarms/BmsCable") === 2 && value("Info/MaxChargeCurrent") === 0,
      40000,
    );
    await host.until("no cells", () => value("Voltages/Cell3") === null && value("Voltages/Cell16") === null, 10000);
    assert.equal(value("Connected"), 1);
    await untilStatus(host, "silent", ({ live_data: live }) => live.phase === "silent", 90000);
    await host.wait(2000);
    const count = at("gx/battery").length;
    await host.wait(15000);
    assert.equal(at("gx/battery").length, count, "a battery that is not known is not told");
    host.simulator.faults.clear();
    await put(host, { mqtt: { enabled: false } });
    await host.until("gone", () => value("Connected") === 0, 10000);
  });
});
