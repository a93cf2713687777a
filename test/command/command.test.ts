// Commands and settings over MQTT: each answer as firmware/settings/README.md has it, each error, who may, and nothing
// half done.
import assert from "node:assert/strict";
import fc from "fast-check";
import { fields } from "../../firmware/tables/fields";
import type { Host } from "../../tools/host/run";
import { readSettings } from "../../tools/host/settings";
import { startTimeServer } from "../../tools/host/time-server";
import { closeHosts, untilStatus } from "../system/rig";
import { ack, command, commander, heard, say, set, type Json } from "./rig";
import { commandsImage } from "./image";

const SECRETS = ["hidden-wifi", "hidden-mqtt", "hidden-http"];
const settings = { wifi: { pass: SECRETS[0] }, mqtt: { user: "bms", pass: SECRETS[1] }, http: { pass: SECRETS[2] } };

/** Nothing that was published holds a secret. */
function keepsSecrets(host: Host): void {
  for (const { topic, payload } of host.broker!.messages)
    for (const secret of SECRETS) assert.ok(!payload.includes(secret), `${topic} ${payload}`);
}

describe("commands over MQTT", () => {
  before(commandsImage);
  afterEach(closeHosts);

  // Message, then the answer as text.
  const answers: [string, string, string][] = [
    [
      "a ping",
      '{"cmd":"system.ping","args":{},"id":"7"}',
      '{"ok":true,"cmd":"system.ping","id":"7","reply":{"pong":true}}',
    ],
    ["no id and no arguments", '{"cmd":"system.ping"}', '{"ok":true,"cmd":"system.ping","reply":{"pong":true}}'],
    [
      "a number as id",
      '{"cmd":"system.ping","id":-3}',
      '{"ok":true,"cmd":"system.ping","id":-3,"reply":{"pong":true}}',
    ],
    [
      "UTF-8 in the id",
      '{"cmd":"system.ping","id":"b\\u00fc \\"x\\""}',
      '{"ok":true,"cmd":"system.ping","id":"bü \\"x\\"","reply":{"pong":true}}',
    ],
    [
      "a write by default",
      '{"cmd":"bms.write","args":{"address":300,"value":3600,"confirm":true}}',
      '{"ok":false,"cmd":"bms.write","err":{"code":"InterlockBlocked","where":"bms.write","retryable":false,"reason":"needs mqtt.commands all"}}',
    ],
    ["everything again", '{"cmd":"publish.all"}', '{"ok":true,"cmd":"publish.all","reply":{}}'],
    [
      "a level",
      '{"cmd":"log.level","args":{"level":"info"}}',
      '{"ok":true,"cmd":"log.level","reply":{"level":"info"}}',
    ],
    [
      "an override",
      '{"cmd":"can.limits.override","args":{"ccl":40,"dcl":50.5,"ttl_s":3600}}',
      '{"ok":true,"cmd":"can.limits.override","reply":{"ccl":40,"dcl":50.5,"ttl_s":3600}}',
    ],
    [
      "alarms that are not there",
      '{"cmd":"alarms.ack_all"}',
      '{"ok":true,"cmd":"alarms.ack_all","reply":{"acked":[]}}',
    ],
  ];
  const errors: [string, string, string][] = [
    ["{", "BadCmdJson", "cmd"],
    ["", "BadCmdJson", "cmd"],
    ["[1]", "BadCmdJson", "cmd"],
    ['{"cmd":"system.ping"}x', "BadCmdJson", "cmd"],
    ['{"cmd":"can.limits.override","args":{"ccl":50,"ttl_s":60,"ccl":5}}', "BadCmdJson", "cmd"],
    ['{"cmd":"system.ping","cmd":"system.reboot"}', "BadCmdJson", "cmd"],
    ['{"cmd":"system.ping","args":{},"\\u0061rgs":{}}', "BadCmdJson", "cmd"],
    ['{"cmd":"system.ping","dry":true}', "UnknownKey", "dry"],
    ["{}", "MissingCmd", "cmd"],
    ['{"cmd":""}', "MissingCmd", "cmd"],
    ['{"args":{}}', "MissingCmd", "cmd"],
    ['{"cmd":5}', "BadCmdJson", "cmd"],
    ['{"cmd":null}', "BadCmdJson", "cmd"],
    ['{"cmd":"nothing"}', "UnknownCmd", "nothing"],
    ['{"cmd":"constructor"}', "UnknownCmd", "constructor"],
    ['{"cmd":"toString"}', "UnknownCmd", "toString"],
    ['{"cmd":"__proto__"}', "UnknownCmd", "__proto__"],
    ['{"cmd":"SYSTEM.PING"}', "UnknownCmd", "SYSTEM.PING"],
    ['{"cmd":"time.scheduler.info"}', "UnknownCmd", "time.scheduler.info"],
    ['{"cmd":"system.ping","args":5}', "BadCmdJson", "args"],
    ['{"cmd":"system.ping","args":null}', "BadCmdJson", "args"],
    ['{"cmd":"system.ping","args":[]}', "BadCmdJson", "args"],
    ['{"cmd":"system.ping","id":{}}', "BadCmdJson", "id"],
    ['{"cmd":"system.ping","id":1.5}', "BadCmdJson", "id"],
    [`{"cmd":"system.ping","id":"${"i".repeat(65)}"}`, "BadCmdJson", "id"],
    [`{"cmd":"system.ping","id":"${"i".repeat(1000)}"}`, "ArgsTooLarge", "cmd"],
    ['{"cmd":"system.ping","args":{"x":1}}', "UnknownKey", "system.ping.x"],
    ['{"cmd":"alarms.ack"}', "MissingArgs", "alarms.ack"],
    ['{"cmd":"alarms.ack","args":{"id":0}}', "OutOfRange", "alarms.ack.id"],
    ['{"cmd":"alarms.ack","args":{"id":30}}', "OutOfRange", "alarms.ack.id"],
    ['{"cmd":"alarms.ack","args":{"id":"30"}}', "OutOfRange", "alarms.ack.id"],
    ['{"cmd":"log.level"}', "MissingArgs", "log.level"],
    ['{"cmd":"log.level","args":{"level":"loud"}}', "OutOfRange", "log.level.level"],
    ['{"cmd":"log.level","args":{"level":1}}', "CfgApplyFailed", "log.level.level"],
    ['{"cmd":"can.limits.override"}', "MissingArgs", "can.limits.override"],
    ['{"cmd":"can.limits.override","args":{"ccl":5}}', "MissingValue", "can.limits.override.ttl_s"],
    ['{"cmd":"can.limits.override","args":{"ttl_s":5}}', "MissingValue", "can.limits.override.ccl"],
    ['{"cmd":"can.limits.override","args":{"ccl":5,"ttl_s":3601}}', "OutOfRange", "can.limits.override.ttl_s"],
    ['{"cmd":"can.limits.override","args":{"ccl":5,"ttl_s":0}}', "OutOfRange", "can.limits.override.ttl_s"],
    ['{"cmd":"can.limits.override","args":{"ccl":-1,"ttl_s":5}}', "OutOfRange", "can.limits.override.ccl"],
    ['{"cmd":"can.limits.override","args":{"dcl":"5","ttl_s":5}}', "OutOfRange", "can.limits.override.dcl"],
    ['{"cmd":"can.limits.override","args":{"dcl":null,"ttl_s":5}}', "OutOfRange", "can.limits.override.dcl"],
    ['{"cmd":"can.limits.override","args":{"ccl":5,"ttl_s":5,"cvl":50}}', "UnknownKey", "can.limits.override.cvl"],
    ['{"cmd":"bms.read"}', "MissingArgs", "bms.read"],
    ['{"cmd":"bms.read","args":{"count":1}}', "MissingValue", "bms.read.address"],
    ['{"cmd":"bms.read","args":{"address":600}}', "OutOfRange", "bms.read.address"],
    ['{"cmd":"bms.read","args":{"address":-1}}', "OutOfRange", "bms.read.address"],
    ['{"cmd":"bms.read","args":{"address":0.5}}', "OutOfRange", "bms.read.address"],
    ['{"cmd":"bms.read","args":{"address":0,"count":30}}', "OutOfRange", "bms.read.count"],
    ['{"cmd":"bms.read","args":{"address":0,"count":0}}', "OutOfRange", "bms.read.count"],
    ['{"cmd":"bms.events","args":{"count":50}}', "OutOfRange", "bms.events.count"],
    ['{"cmd":"system.reboot","args":{"confirm":true}}', "InterlockBlocked", "system.reboot"],
    ['{"cmd":"system.factory_reset","args":{"confirm":true}}', "InterlockBlocked", "system.factory_reset"],
  ];
  const reasons: [string, string][] = [
    ['{"cmd":"bms.read","args":{"address":0,"count":30}}', "must be a whole number from 1 to 29"],
    ['{"cmd":"can.limits.override","args":{"ccl":5,"ttl_s":3601}}', "must be 1 to 3600"],
    ['{"cmd":"can.limits.override","args":{"ccl":-1,"ttl_s":5}}', "must be 0 to 750"],
    ['{"cmd":"bms.read","args":{"adress":0}}', "it takes address count"],
    ['{"cmd":"bms.read"}', "it takes address count"],
    ['{"cmd":"system.ping","args":{"x":1}}', "it takes nothing"],
    ['{"cmd":"system.ping","dry":true}', "a message has cmd, args and id"],
    ['{"cmd":"a, b"}', "is no command"],
    ['{"cmd":"log.level","args":{"level":"loud"}}', "must be one of error,warn,info,debug"],
  ];
  it("answers each command and each error", async () => {
    const host = await commander({ settings });
    for (const [name, message, wanted] of answers) assert.equal(await command(host, message), wanted, name);
    for (const [message, code, where] of errors) {
      const answer = JSON.parse(await command(host, message)) as Json;
      const { reason, ...err } = answer.err as Json;
      assert.deepEqual([answer.ok, err], [false, { code, where, retryable: false }], message);
      assert.ok(typeof reason === "string" && reason.length > 6, `${message}: ${reason}`);
      if (message.includes('"ccl":50')) assert.equal(reason, "has the name ccl twice");
    }
    assert.deepEqual(JSON.parse(await command(host, '{"cmd":"nothing","id":"9"}')), {
      ok: false,
      cmd: "nothing",
      id: "9",
      err: { code: "UnknownCmd", where: "nothing", retryable: false, reason: "is no command" },
    });
    for (const [message, wanted] of reasons)
      assert.equal(((JSON.parse(await command(host, message)) as Json).err as Json).reason, wanted, message);
    assert.equal(
      heard(host, "ack").every(({ retain }) => !retain),
      true,
    );
    keepsSecrets(host);
  });

  it("takes no `dry` that is neither true nor false: it would write for real", async () => {
    const host = await commander({ settings: { mqtt: { commands: "all" }, bms: { allow_write: true } } });
    for (const dry of ["true", 1, null]) {
      const { ok, err } = await ack(host, "bms.write", { address: 300, value: 3600, confirm: true, dry });
      assert.deepEqual([ok, (err as Json).code, (err as Json).where], [false, "OutOfRange", "bms.write.dry"]);
    }
  });

  it("an override answers with what is in force", async () => {
    const host = await commander();
    const { reply } = await ack(host, "can.limits.override", { ccl: 20.5, ttl_s: 600 });
    assert.deepEqual(reply, { ccl: 20.5, ttl_s: 600 });
    await untilStatus(host, "the narrowed limit", ({ limits }) => limits.ccl === 20.5, 5000);
  });

  it("ignores what the broker had retained, and other topics", async () => {
    const host = await commander();
    say(host, "cmd", { cmd: "system.ping" }, 1, true);
    say(host, "cfg/set", { log: { level: "debug" } }, 1, true);
    say(host, "cmd/x", { cmd: "system.ping" });
    await ack(host, "system.ping");
    await host.wait(2000);
    assert.deepEqual(
      [heard(host, "ack").length, heard(host, "cfg/ack").length, readSettings(host.store).log],
      [1, 0, undefined],
    );
  });

  it("answers at the QoS of the settings", async () => {
    const host = await commander();
    await command(host, { cmd: "system.ping" });
    await set(host, { mqtt: { ackQos: 0 } });
    await command(host, { cmd: "system.ping" });
    await command(host, { cmd: "system.ping" }, 20000, 1);
    assert.deepEqual(
      heard(host, "ack").map(({ qos }) => qos),
      [1, 0, 1],
    );
    assert.equal(heard(host, "cfg/ack")[0].qos, 1);
  });

  it("lets who may do what the settings say", async () => {
    const all: [string, Json][] = [
      ["system.ping", {}],
      ["alarms.list", {}],
      ["alarms.ack_all", {}],
      ["publish.all", {}],
      ["bms.events", {}],
      ["bms.read", { address: 36, count: 2 }],
      ["log.level", { level: "warn" }],
      ["can.limits.override", { ccl: 100, ttl_s: 1 }],
      ["mqtt.test", {}],
      ["bms.write", { address: 319, value: 60, confirm: true }],
      ["time.resync", {}],
      ["system.reboot", {}],
      ["system.reboot", { confirm: 1 }],
    ];
    const needsAll = "needs mqtt.commands all";
    const blocked = (where: string, reason: string): Json => ({
      code: "InterlockBlocked",
      where,
      retryable: false,
      reason,
    });
    const disabled = (where: string): Json => ({
      code: "Disabled",
      where,
      retryable: false,
      reason: "mqtt.commands is off",
    });
    for (const mode of ["off", "safe", "all"]) {
      for (const allowed of [false, true]) {
        const host = await commander({ settings: { mqtt: { commands: mode }, bms: { allow_write: allowed } } });
        for (const [cmd, args] of all) {
          const answer = await ack(host, cmd, args),
            about = `${mode} ${allowed} ${cmd} ${JSON.stringify(answer)}`;
          if (mode === "off") assert.deepEqual(answer.err, disabled(cmd), about);
          else if (cmd === "system.reboot")
            assert.deepEqual(
              answer.err,
              mode === "safe" ? blocked(cmd, needsAll) : blocked(cmd + ".confirm", "must be true"),
              about,
            );
          else if (cmd === "time.resync" && mode === "safe")
            assert.deepEqual(answer.err, blocked(cmd, needsAll), about);
          else if (cmd === "bms.write" && !(mode === "all" && allowed))
            assert.deepEqual(answer.err, blocked(cmd, mode === "all" ? "needs bms.allow_write" : needsAll), about);
          else assert.equal(answer.ok, true, about);
        }
        const wanted =
          mode === "off"
            ? { ok: false, err: disabled("cfg/set") }
            : { ok: true, where: "cfg/set", changed: ["ha.enabled"] };
        assert.deepEqual(JSON.parse(await set(host, { ha: { enabled: true } })), wanted);
        await host.stop();
      }
    }
  });

  it("asks the time server again at once", async () => {
    const server = await startTimeServer(() => 1800000000);
    try {
      const host = await commander({
        settings: { mqtt: { commands: "all" }, time: { server: `127.0.0.1:${server.port}` } },
      });
      server.clock = host.clock;
      await untilStatus(host, "time", ({ clock }) => clock.syncs === 1, 30000);
      assert.deepEqual(await ack(host, "time.resync"), { ok: true, cmd: "time.resync", reply: {} });
      await untilStatus(host, "the time again", ({ clock }) => clock.syncs === 2, 5000);
    } finally {
      await server.close();
    }
  });

  it("narrows the limits for a while", async () => {
    const host = await commander({ settings: { "can/limits": { cclMax: 50, dclMax: 60 } } });
    await untilStatus(host, "the settings count", ({ limits }) => limits.ccl === 50 && limits.dcl === 60, 10000);
    await ack(host, "can.limits.override", { ccl: 20, dcl: 700, ttl_s: 5 });
    const narrow = await untilStatus(host, "narrower", ({ limits }) => limits.ccl === 20, 3000);
    assert.deepEqual([narrow.limits.dcl, narrow.limits.reason], [60, "external"]);
    await host.wait(3000);
    await untilStatus(host, "the end", ({ limits }) => (limits.ccl ?? 0) > 20 && limits.reason === "recovering", 60000);
  });

  it("tells what is active, and remembers what was seen", async () => {
    const host = await commander();
    host.simulator.faults.set("silence");
    await untilStatus(host, "degraded", ({ alarms }) => alarms.some(({ id }) => id === 41), 10000);
    const mine = [41, 60]; // beside those that follow, as "BMS internal" does
    const list = async (): Promise<Json[]> =>
      ((await ack(host, "alarms.list")).reply as { alarms: Json[] }).alarms.filter(({ id }) =>
        mine.includes(id as number),
      );
    assert.deepEqual(
      (await list()).map(({ id, k }) => [id, k]),
      [[41, 0]],
    );
    assert.deepEqual((await ack(host, "alarms.ack", { id: 41 })).reply, { id: 41 });
    assert.deepEqual(
      (await list()).map(({ id, k }) => [id, k]),
      [[41, 1]],
    );
    await untilStatus(host, "lost", ({ alarms }) => alarms.some(({ id }) => id === 60), 20000);
    assert.deepEqual(
      (await list()).map(({ id, k }) => [id, k]),
      [
        [41, 1],
        [60, 0],
      ],
    );
    const { acked } = (await ack(host, "alarms.ack_all")).reply as { acked: number[] };
    assert.deepEqual(
      acked.filter((id) => mine.includes(id)),
      mine,
    );
    host.simulator.faults.clear();
    await untilStatus(host, "normal", ({ alarms }) => !alarms.some(({ id }) => mine.includes(id)), 15000);
    assert.deepEqual(await list(), []);
    host.simulator.faults.set("silence");
    await untilStatus(host, "degraded", ({ alarms }) => alarms.some(({ id }) => id === 41), 10000);
    assert.deepEqual(
      (await list()).map(({ id, k }) => [id, k]),
      [[41, 0]],
      "a new one was not seen",
    );
  });

  it("restarts, and forgets all when asked", async () => {
    const host = await commander({ settings: { mqtt: { commands: "all" }, "can/limits": { cclMax: 33 } } });
    const uptime = async (): Promise<number> =>
      (await untilStatus(host, "any", () => true, 1000).catch(() => ({ uptime_ms: 1e9 }))).uptime_ms;
    const before = await uptime();
    assert.deepEqual((await ack(host, "system.reboot", { confirm: true })).reply, { restart_ms: 1500 });
    await host.until(
      "good-bye",
      () => host.broker!.retained.get(`${host.topic}/status`)?.payload === '{"online":false}',
      10000,
    );
    await host.until(
      "hello",
      () => host.broker!.retained.get(`${host.topic}/status`)?.payload === '{"online":true}',
      30000,
    );
    assert.ok((await uptime()) < before + 30000);
    assert.equal(readSettings(host.store)["can/limits"].cclMax, 33);
    assert.equal((await ack(host, "system.factory_reset", { confirm: true })).ok, true);
    assert.deepEqual([readSettings(host.store), host.store.files.has("login")], [{}, false]);
    await host.until(
      "a fresh start",
      () => host.console.filter(({ line }) => line.startsWith("login: ")).length === 3,
      30000,
    );
  });
});

describe("settings over MQTT", () => {
  before(commandsImage);
  afterEach(closeHosts);

  it("publishes each module once a connection, retained, and again when it changes", async () => {
    const host = await commander({ settings }),
      modules = [...new Set(fields.map(({ module }) => module))];
    const last = (suffix: string): Json => heard(host, suffix).at(-1)!.json;
    await host.until("the registers", () => heard(host, "cfg/registers/slot5").length > 0, 20000);
    for (const module of modules)
      assert.deepEqual(
        heard(host, `cfg/${module}`).map(({ qos, retain }) => [qos, retain]),
        [[1, true]],
        module,
      );
    const own = fields.filter(({ module }) => module === "mqtt").map(({ key }) => key);
    assert.deepEqual(Object.keys(last("cfg/mqtt")), own);
    assert.deepEqual(
      [last("cfg/mqtt").pass, last("cfg/mqtt").user, last("cfg/wifi").pass, last("cfg/http").pass],
      ["***", "bms", "***", "***"],
    );
    assert.deepEqual(last("cfg/registers"), { mode: "per_slot", slots: 6 });
    assert.deepEqual(
      [
        last("cfg/registers/slot0").slot,
        (last("cfg/registers/slot0").regs as Json)["300"],
        Object.keys(last("cfg/registers/slot0").regs as Json),
      ],
      [0, 3550, ["300", "301", "303", "304", "305", "306", "307"]],
    );
    assert.deepEqual(Object.keys(last("cfg/registers/slot5").regs as Json), ["340", "341", "342", "343"]);
    assert.equal(
      await set(host, '{"mqtt":{"sensorMinPublishMs":500},"uart":{"retries":2}}'),
      '{"ok":true,"where":"cfg/set","changed":["uart.retries","mqtt.sensorMinPublishMs"]}',
    );
    await host.until(
      "the change",
      () => heard(host, "cfg/mqtt").length > 1 && heard(host, "cfg/uart").length > 1,
      5000,
    );
    await host.wait(2000);
    assert.deepEqual(
      [last("cfg/mqtt").sensorMinPublishMs, last("cfg/uart").retries, heard(host, "cfg/wifi").length],
      [500, 2, 1],
    );
    assert.equal(readSettings(host.store).mqtt.pass, SECRETS[1]);
    keepsSecrets(host);
    for (const { payload } of host.broker!.messages) assert.ok(payload.length <= 1024);
  });

  const refused: [string, string, string][] = [
    ["{", "BadCfgJson", "cfg/set"],
    ["[]", "BadCfgJson", "cfg/set"],
    ["5", "BadCfgJson", "cfg/set"],
    [`{"x":"${"x".repeat(1100)}"}`, "PayloadTooLarge", "cfg/set"],
    ['{"nothing":{}}', "UnknownModule", "nothing"],
    ['{"nothing":{"x":1}}', "UnknownModule", "nothing"],
    ['{"mqtt":{"hots":"x"}}', "UnknownKey", "mqtt.hots"],
    ['{"mqtt":{"sensorMinPublishMs":500,"keepalive_seconds":4}}', "OutOfRange", "mqtt.keepalive_seconds"],
    ['{"log":{"level":"loud"}}', "OutOfRange", "log.level"],
    ['{"uart":{"poll_ms":"fast"}}', "CfgApplyFailed", "uart.poll_ms"],
    ['{"uart":{"poll_ms":50.5}}', "CfgApplyFailed", "uart.poll_ms"],
    ['{"mqtt":{"sensorMinPublishMs":500,"sensorMinPublishMs":600}}', "BadCfgJson", "cfg/set"],
    ['{"log":{"level":"info"},"log":{"level":"warn"}}', "BadCfgJson", "cfg/set"],
    ['{"mqtt":5}', "CfgApplyFailed", "mqtt"],
    ['{"mqtt":null}', "CfgApplyFailed", "mqtt"],
    ['{"mqtt":{"sensorMinPublishMs":500},"can/limits":{"cclMax":80}}', "CfgApplyFailed", "can/limits.cclMax"],
    ['{"bms":{"allow_write":true}}', "CfgApplyFailed", "bms.allow_write"],
    ['{"battery":{"chemistry":"nmc"}}', "CfgApplyFailed", "battery.chemistry"],
    ['{"wifi":{"pass":"12345678"}}', "CfgApplyFailed", "wifi.pass"],
    ['{"mqtt":{"pass":"x"}}', "CfgApplyFailed", "mqtt.pass"],
    ['{"mqtt":{"commands":"all"}}', "CfgApplyFailed", "mqtt.commands"],
    ['{"http":{"port":81}}', "CfgApplyFailed", "http.port"],
    ['{"mqtt":{"reconnect_interval_ms":70000}}', "CfgApplyFailed", "mqtt.reconnect_max_ms"],
  ];
  it("refuses whole and names the key", async () => {
    const host = await commander({ settings }),
      before = readSettings(host.store),
      writes = host.store.operations;
    for (const [patch, code, where] of refused) {
      const { ok, err } = JSON.parse(await set(host, patch)) as Json,
        { reason, ...rest } = err as Json;
      assert.deepEqual([ok, rest], [false, { code, where, retryable: false }], patch);
      assert.ok(String(reason).length > 3, `${patch}: ${reason}`);
    }
    assert.deepEqual([readSettings(host.store), host.store.operations], [before, writes]);
    assert.equal(
      await set(host, { mqtt: { pass: "***", heartbeat_ms: 2000 } }),
      '{"ok":true,"where":"cfg/set","changed":["mqtt.heartbeat_ms"]}',
    );
    assert.equal(readSettings(host.store).mqtt.pass, SECRETS[1]);
    assert.equal(await set(host, {}), '{"ok":true,"where":"cfg/set","changed":[]}');
    keepsSecrets(host);
  });

  it("repeats the id of a message, whatever comes of it", async () => {
    const host = await commander(),
      answer = async (patch: string): Promise<Json> => JSON.parse(await set(host, patch)) as Json;
    assert.deepEqual(await answer('{"id":7,"log":{"level":"info"}}'), {
      ok: true,
      id: 7,
      where: "cfg/set",
      changed: ["log.level"],
    });
    assert.deepEqual((await answer('{"id":"b\u00fc","log":{"level":"loud"}}')).id, "bü");
    const remote = await answer('{"mqtt":{"commands":"all"},"id":"x"}');
    assert.deepEqual(remote, {
      ok: false,
      id: "x",
      err: { code: "CfgApplyFailed", where: "mqtt.commands", retryable: false, reason: "cannot be changed over MQTT" },
    });
    const { id, err } = await answer('{"id":[1],"log":{"level":"info"}}');
    assert.deepEqual([id, (err as Json).code, (err as Json).where], [undefined, "BadCfgJson", "id"]);
    assert.deepEqual(await answer('{"id":8,"mqtt":{"commands":"off"}}').then((one) => one.id), 8);
    await host.stop();
    const off = await commander({ settings: { mqtt: { commands: "off" } } });
    assert.equal((JSON.parse(await set(off, '{"id":9}')) as Json).id, 9);
  });

  it("applies all of a document or nothing of it", async () => {
    const host = await commander();
    const value = fc.oneof(
      fc.integer({ min: -10, max: 700000 }),
      fc.double({ noNaN: true, min: -5, max: 100 }),
      fc.boolean(),
      fc.string({ maxLength: 12 }),
      fc.constantFrom("info", "safe", null),
    );
    const key = fc.constantFrom(
      ...fields
        .filter(({ remote, key }) => remote === "all" && key !== "enabled")
        .map(({ module, key }) => [module, key]),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 5 }), async (changes) => {
        const patch: Record<string, Json> = {},
          before = readSettings(host.store);
        for (const [[module, name], given] of changes) (patch[module] ??= {})[name] = given;
        const answer = JSON.parse(await set(host, patch)) as { ok: boolean; changed: string[] },
          after = readSettings(host.store);
        if (!answer.ok) return assert.deepEqual(after, before);
        for (const [module, values] of Object.entries(patch)) {
          for (const [name, given] of Object.entries(values)) {
            const preset = fields.find((field) => field.module === module && field.key === name)!.default;
            assert.deepEqual(after[module]?.[name] ?? preset, given ?? preset);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("keeps the connection unless a key of the connection changed", async () => {
    const host = await commander();
    const errors = async (): Promise<unknown> => (await untilStatus(host, "any", () => true, 1000)).mqtt.error_count;
    const connects = (): number => heard(host, "status").filter(({ text }) => text === '{"online":true}').length;
    await host.until("the settings", () => heard(host, "cfg/time").length > 0, 20000);
    const before = connects();
    await set(host, { mqtt: { heartbeat_ms: 500, keepalive_seconds: 60 }, retain: { telemetry: true } });
    await host.wait(4000);
    assert.deepEqual([connects(), await errors()], [before, 0]);
    assert.ok(heard(host, "status/connected").length > 8);
    const headers = { "X-Setup-Token": host.token() },
      topic = host.topic;
    assert.equal(
      (await host.request("/api/mqtt", { method: "PUT", headers, body: '{"baseTopic":"boat"}' })).status,
      200,
    );
    await host.until(
      "the new place",
      () => host.broker!.messages.some((message) => message.topic === "boat/ESP32-A1B2C3/status"),
      20000,
    );
    await host.wait(1000);
    const left = [...host.broker!.retained.keys()].filter(
      (name) => (name.startsWith(topic + "/cfg/") && !name.includes("registers")) || name === topic + "/status",
    );
    assert.deepEqual(left, [], "nothing stays behind");
  });

  it("leaves when it is switched off", async () => {
    const host = await commander();
    assert.equal(
      await set(host, { mqtt: { enabled: false } }),
      '{"ok":true,"where":"cfg/set","changed":["mqtt.enabled"]}',
    );
    await host.until(
      "good-bye",
      () => host.broker!.retained.get(`${host.topic}/status`)?.payload === '{"online":false}',
      5000,
    );
    await host.until("gone", () => host.broker!.clients().length === 0, 5000);
  });
});
