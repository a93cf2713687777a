// Every command once in an Espruino for Linux: the same answers as in node, no error line, and the memory comes back.
import assert from "node:assert/strict";
import { findInterpreter, NO_INTERPRETER } from "../../tools/rig/interpreter";
import { startSystem, type System } from "../../tools/rig/system";
import { until } from "../../tools/rig/wait";
import { commandsImage } from "./image";

type Json = Record<string, unknown>;

/** JsVars that all of it may leave behind: what is used for the first time stays (89 seen). */
const LEFT = 120;

describe("commands in an Espruino for Linux", () => {
  let image = "",
    system: System;

  before(async function () {
    if (!findInterpreter()) {
      console.log(`    ${NO_INTERPRETER}`);
      this.skip();
    }
    image = (await commandsImage()).code;
  });
  afterEach(async () => {
    await system?.stop();
  });

  const heard = (suffix: string): string[] =>
    system
      .broker!.messages.filter(({ topic }) => topic.endsWith(`/ESP32-A1B2C3/${suffix}`))
      .map(({ payload }) => payload);

  async function ask(suffix: string, answer: string, payload: string): Promise<Json> {
    const before = heard(answer).length;
    system.tell(`received(${JSON.stringify(suffix)},${JSON.stringify(payload)},0,false)`);
    await until(`an answer to ${payload}`, 30000, () => heard(answer).length > before);
    return JSON.parse(heard(answer).at(-1)!) as Json;
  }
  const ack = (cmd: string, args: Json = {}): Promise<Json> =>
    ask("cmd", "ack", JSON.stringify({ cmd, args, id: "é".length }));

  it("answers all of them", async () => {
    system = await startSystem({
      image,
      settings: { mqtt: { commands: "all", pass: "hidden-mqtt" }, bms: { allow_write: true } },
    });
    await until("the settings", 60000, () => heard("cfg/time").length > 0 && heard("cfg/registers/slot5").length > 0);
    const before = await system.memory(true),
      reply = async (cmd: string, args?: Json): Promise<Json> => {
        const answer = await ack(cmd, args);
        assert.deepEqual([answer.ok, answer.cmd, answer.id], [true, cmd, 1], JSON.stringify(answer));
        return answer.reply as Json;
      };
    assert.equal((JSON.parse(heard("cfg/mqtt").at(-1)!) as Json).pass, "***");
    assert.deepEqual(await reply("system.ping"), { pong: true });
    assert.deepEqual((await reply("bms.read", { address: 300, count: 3 })).words, [3550, 2900, 0]);
    assert.equal(((await reply("bms.events", { count: 1 })).events as Json[]).length, 1);
    assert.deepEqual(
      await reply("bms.write", { settings: { over_heat_cutoff: 55, over_voltage_cutoff: 3700 }, confirm: true }),
      {
        done: { over_heat_cutoff: 55, over_voltage_cutoff: 3700 },
        undo: { over_heat_cutoff: 60, over_voltage_cutoff: 3650 },
        written: true,
      },
    );
    assert.deepEqual((await reply("bms.write", { address: 319, value: 60, confirm: true })).done, {
      over_heat_cutoff: 60,
    });
    assert.deepEqual(await reply("can.limits.override", { ccl: 20, ttl_s: 2 }), { ccl: 20, ttl_s: 2 });
    assert.ok(Array.isArray((await reply("alarms.list")).alarms));
    await reply("alarms.ack_all");
    assert.deepEqual((await ack("alarms.ack", { id: 255 })).err, {
      code: "OutOfRange",
      where: "alarms.ack.id",
      retryable: false,
      reason: "must be the number of an alarm that is raised",
    });
    assert.deepEqual(await reply("log.level", { level: "info" }), { level: "info" });
    assert.deepEqual(await reply("publish.all"), {});
    assert.equal((await reply("mqtt.test")).stage, "puback");
    const test = await system.http("/api/mqtt/test", {
      method: "POST",
      headers: { "X-Setup-Token": system.console.lines.join("\n").match(/setup token: (\S+)/)![1] },
    });
    assert.equal((JSON.parse(test.text) as Json).stage, "puback");
    assert.deepEqual(
      await ask("cfg/set", "cfg/ack", '{"id":"7","mqtt":{"sensorMinPublishMs":2000},"uart":{"retries":2}}'),
      { ok: true, id: "7", where: "cfg/set", changed: ["uart.retries", "mqtt.sensorMinPublishMs"] },
    );
    const refused: [string, string, string][] = [
      ['{"nothing":{}}', "UnknownModule", "nothing"],
      ['{"mqtt":{"hots":1}}', "UnknownKey", "mqtt.hots"],
      ["{", "BadCfgJson", "cfg/set"],
      ['{"can/limits":{"cclMax":10},"can/limits":{"dclMax":20}}', "BadCfgJson", "cfg/set"],
      ['{"can/limits":{"cclMax":10,"\\u0063clMax":20}}', "BadCfgJson", "cfg/set"],
      ['{"mqtt":{"pass":"x"}}', "CfgApplyFailed", "mqtt.pass"],
      ['{"uart":{"retries":99}}', "OutOfRange", "uart.retries"],
    ];
    for (const [patch, code, where] of refused) {
      const { ok, err } = await ask("cfg/set", "cfg/ack", patch),
        { reason, ...rest } = err as Json;
      assert.deepEqual([ok, rest], [false, { code, where, retryable: false }]);
      assert.ok(String(reason).length > 3, patch);
    }
    for (const message of [
      '{"cmd":"constructor"}',
      '{"cmd":"toString"}',
      '{"cmd":5}',
      "{",
      '{"cmd":"system.ping","args":[]}',
      '{"cmd":"system.ping","args":{"a":1,"a":2}}',
      '{"cmd":"can.limits.override","args":{"ccl":50,"ttl_s":60,"ccl":5}}',
    ]) {
      const { ok, err } = await ask("cmd", "ack", message);
      assert.equal(ok, false, message);
      assert.ok(String((err as Json).reason).length > 6, message);
    }
    await until(
      "the settings again",
      30000,
      () => heard("cfg/time").length > 1 && heard("cfg/registers/slot5").length > 1,
    );
    const after = await system.memory();
    console.log(`    steady ${before.steady}, afterwards ${after.steady}, most ${after.most}`);
    assert.ok(after.steady <= before.steady + LEFT, `${before.steady} JsVars, afterwards ${after.steady}`);
    assert.equal((await ack("system.reboot", { confirm: true })).ok, true);
    await until("good-bye", 10000, () => heard("status").at(-1) === '{"online":false}');
    await until("the restart", 10000, () => system.console.lines.some((line) => line.includes("rebooting")));
    assert.deepEqual(system.errors(), []);
    for (const { payload } of system.broker!.messages) assert.ok(!payload.includes("hidden"), payload);
  });
});
