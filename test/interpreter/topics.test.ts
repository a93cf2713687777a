// The rare topics in a real Espruino for Linux: each is seen once, the texts are what node says of them, and memory
// stays where it was.
import assert from "node:assert/strict";
import { buildImage } from "../../tools/build/image";
import { gxAlarms, ioPoints, onceTopics, stateTopics } from "../../firmware/tables/topics";
import { gxRows, manifestPages } from "../../tools/bake/topics";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { sleep, until } from "../../tools/rig/wait";

/** JsVars that the image may take at its peak, after a collection. */
const MOST_VARIABLES = 3900;
/** The device believes that so few are free. */
const FEW = 500;
/** RTC_CNTL_RESET_STATE and its cause 8: the watchdog of timer group 1. */
const RESET_STATE = 0x3ff48034,
  WATCHDOG = 8;

/** Before the image: a start that nobody wanted, and little memory. Without the prelude there are no registers. */
const WORSE = `if(global.ESP32){poke32(${RESET_STATE},${WATCHDOG});(function(memory){
process.memory=function(){var found=memory();found.usage=found.total-${FEW};return found;};})(process.memory);}`;

describe("rare topics in an Espruino for Linux", () => {
  let image = "",
    system: System;

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    image = (await buildImage({ board: "host" })).code;
  });
  afterEach(async () => {
    await system?.stop();
  });

  const payload = (suffix: string): string | undefined =>
    system.broker!.messages.findLast(({ topic }) => ("/" + topic).endsWith("/" + suffix))?.payload;

  /** JsVars in use at the quietest of some looks: a message or a reply that is under way takes some. */
  async function atRest(): Promise<number> {
    const looks: number[] = [];
    while (looks.length < 6) {
      looks.push((await system.memory()).steady);
      await sleep(250);
    }
    return Math.min(...looks);
  }

  it("publishes each of them once, as JSON, and takes back its memory", async () => {
    system = await startSystem({ image, settings: { mqtt: { victron: true, battery_json: "gx/battery", io: true } } });
    const wanted = [...stateTopics, ...onceTopics].map(({ suffix }) => suffix);
    wanted.push(
      "rt/alarms/m",
      ...gxRows.map(({ path }) => "rt/gx" + path),
      ...gxAlarms.map(({ path }) => "rt/gx" + path),
      ...ioPoints.map(([point]) => "rt/io/" + point),
    );
    wanted.push(
      ...manifestPages().map((_, page) => "manifest/page" + page),
      "cfg/registers/slot0",
      "cfg/registers/slot5",
      "gx/battery",
    );
    wanted.push("battery/512/Dc/0/Voltage", "battery/512/Connected", "battery/512/Voltages/Cell16");
    const missing = (): string[] => wanted.filter((suffix) => payload(suffix) === undefined);
    await until("every topic", 60000, () => missing().length === 0).catch(() => assert.deepEqual(missing(), []));
    for (const suffix of wanted)
      assert.doesNotThrow(
        () => {
          JSON.parse(payload(suffix)!);
        },
        `${suffix} ${payload(suffix)}`,
      );
    manifestPages().forEach((page, i) => assert.equal(payload("manifest/page" + i), page));
    const told = (suffix: string): Record<string, unknown> => JSON.parse(payload(suffix)!) as Record<string, unknown>,
      member = (suffix: string, name: string): Record<string, unknown> => told(suffix)[name] as Record<string, unknown>;
    assert.match(told("system/config").mac as string, /^([0-9A-F]{2}:){5}[0-9A-F]{2}$/);
    assert.equal(told("system/config").boot, 1);
    assert.deepEqual(member("sensors/config", "state_of_charge"), { interval: 1, model: "tinybms" });
    assert.deepEqual(member("sensors/config/cells", "cell_16_voltage"), { interval: 2, model: "tinybms" });
    assert.equal(member("sensors/status", "battery_pack_voltage").status, "ok");
    assert.match(told("rt/reg/manufacturer").text as string, /^\w+/);
    assert.deepEqual(
      [told("rt/gx/History/OverHeatAlarms").address, told("rt/gx/History/FullCharges").address],
      [109, 112],
    );
    const { state, pending_config, error_count } = member("rt/runtime/state", "mqtt");
    assert.deepEqual(
      [state, pending_config, error_count, told("rt/runtime/state").mqtt_error],
      ["connected", false, 0, 0],
    );
    const level = (path: string): unknown => (JSON.parse(payload("rt/gx/Alarms/" + path)!) as { value: unknown }).value;
    assert.deepEqual([level("InternalFailure"), level("BmsCable"), level("LowSoc"), level("LowBattery")], [0, 0, 0, 0]);
    assert.deepEqual(
      ["input/charge_inhibit", "output/charge_allowed"].map((point) => {
        const { id, name, available, value } = JSON.parse(payload("rt/io/" + point)!) as Record<string, unknown>;
        return [id, name, available, value];
      }),
      [
        ["charge_inhibit", "charge inhibit", true, false],
        ["charge_allowed", "charge allowed", true, true],
      ],
    );
    const tree = JSON.parse(payload("gx/battery")!) as Record<string, Record<string, number>>;
    assert.ok(Math.abs(tree.Dc!.Voltage! - 53) < 3 && tree.Voltages!.Cell16! > 3);
    const before = await atRest();
    await sleep(20000);
    const after = await atRest();
    assert.ok(after <= before + 25, `${before} JsVars, then ${after}`);
    assert.deepEqual(system.errors(), []);
  });

  it("changes the mirror and discovery with the connection in use, and its topics are as settings want them", async () => {
    system = await startSystem({
      image,
      settings: { mqtt: { root_topic: "Plant One//My.Batt_/", sensorMinPublishMs: 500 }, retain: { text: true } },
    });
    const said = (topic: string): string[] =>
      system.broker!.messages.filter((one) => one.topic === topic).map((one) => one.payload);
    const put = async (patch: object, query = ""): Promise<{ changed: string[] }> => {
      const token = /setup token: (\S+)/.exec(system.console.lines.join("\n"))![1]!;
      const { status, text } = await system.http("/api/config" + query, {
        method: "PUT",
        headers: { "X-Setup-Token": token },
        body: JSON.stringify(patch),
      });
      assert.equal(status, 200, text);
      return JSON.parse(text) as { changed: string[] };
    };
    const state = (): Record<string, number> => JSON.parse(payload("rt/state") ?? "{}") as Record<string, number>;
    await until(
      "registers",
      60000,
      () => said("plant_one/my_batt/system_status").length > 0 && state().est > 0 && state().ttg >= 0,
    );
    const base = system.broker!.messages.find(({ topic }) => topic.endsWith("/status"))!.topic.slice(0, -7);
    const keepalive = "R/tb" + base.slice(-6).toLowerCase() + "/keepalive";
    const mirror = keepalive.replace("R/", "N/").replace("keepalive", "battery/512/");
    const shown = JSON.parse((await system.http("/api/config")).text) as object;
    assert.deepEqual((await put(shown)).changed, [], "what is shown and sent back");
    assert.deepEqual(
      (await put({ mqtt: { username: "me", password: "it is", retain_by_default: true } }, "?dry=1")).changed,
      ["mqtt.user", "mqtt.pass", "retain.telemetry"],
    );
    await system.broker!.publish(base + "/cmd", '{"cmd":"bms.write","args":{},"id":"seven"}');
    await until("a refusal", 20000, () => said(base + "/ack").length > 0);
    const { id, err } = JSON.parse(said(base + "/ack")[0]!) as { id: string; err: Record<string, string> };
    assert.deepEqual([id, err.code, err.reason], ["seven", "InterlockBlocked", "needs mqtt.commands all"]);
    await put({ mqtt: { sensorMinPublishMs: 0 } });
    await sleep(2000);
    const samples = said("plant_one/my_batt/battery_pack_voltage").length;
    await sleep(5000);
    assert.ok(said("plant_one/my_batt/battery_pack_voltage").length - samples >= 8, "each sample");
    await put({ mqtt: { sensorMinPublishMs: 1000, victron: true }, ha: { enabled: true, prefix: "home" } });
    await until(
      "the mirror and discovery",
      90000,
      () =>
        said(mirror + "Voltages/Cell16").length > 0 &&
        system.broker!.messages.some(({ topic }) => topic.endsWith("_bms/config")),
    );
    const discovered = (): string[] =>
        system
          .broker!.messages.filter(({ topic, payload }) => topic.endsWith("_gateway/config") && payload)
          .map(({ payload }) => (JSON.parse(payload) as { dev: { cu: string } }).dev.cu),
      firstTime = discovered().length;
    await put({ http: { port: 8099 } });
    await system.broker!.publish("homeassistant/status", "online");
    await until("discovery after the birth", 60000, () => discovered().length > firstTime);
    assert.equal(new URL(discovered().at(-1)!).port, String(system.httpPort), "the port that is served");
    const count = said(mirror + "InstalledCapacity").length;
    await system.broker!.publish(keepalive, "");
    await until("its keepalive is heard", 20000, () => said(mirror + "InstalledCapacity").length > count);
    await put({ mqtt: { victron: false } });
    await until("it is gone", 20000, () => said(mirror + "Connected").at(-1) === '{"value":0}');
    const { mqtt } = JSON.parse((await system.http("/api/status")).text) as { mqtt: Record<string, unknown> };
    assert.deepEqual(
      [said(base + "/status").length, mqtt.last_error_code, mqtt.root_topic],
      [1, "", "plant_one/my_batt/"],
    );
    // switched off nothing of it is left, on again all of it comes back
    const timers = async (): Promise<number> => {
      const from = system.console.lines.length;
      system.tell('print("timers: "+Object.keys(global["\\xff"].timers).length)');
      const told = (): string | undefined =>
        system.console.lines.slice(from).find((line) => line.startsWith("timers: "));
      await until("the timers", 20000, told);
      return +told()!.slice(8);
    };
    const before = await timers();
    assert.ok(before >= 2, `${before} timers`);
    await put({ mqtt: { enabled: false } });
    await until("it is off", 20000, () => said(base + "/status").at(-1) === '{"online":false}');
    await sleep(3000);
    const told = system.broker!.messages.length;
    await sleep(3000);
    assert.deepEqual([await timers(), system.broker!.messages.length], [before, told]);
    await put({ mqtt: { enabled: true } });
    await until("it is on", 30000, () => said(base + "/status").at(-1) === '{"online":true}');
    assert.deepEqual(system.errors(), []);
  });

  it("has room for the largest of them; tells that a watchdog restarted it, and that memory is short", async () => {
    system = await startSystem({ image, room: MOST_VARIABLES, files: { ".boot1": WORSE } });
    await until("the last of the manifest", 60000, () => payload(`manifest/page${manifestPages().length - 1}`));
    await until("sensors", 60000, () => payload("sensors/status"));
    const severity = (id: number): unknown => JSON.parse(payload(`rt/alarms/id${id}`) || "{}").s as unknown;
    await until("both are told", 30000, () => severity(50) === 1 && severity(52) === 1);
    assert.deepEqual(system.errors(), []);
    assert.deepEqual(
      (await system.errorFlags()).filter((flag) => flag.startsWith("MEMORY")),
      [],
    );
  });
});
