// Home Assistant's discovery: each message counted and sent alike, valid JSON that Home Assistant takes whole, the
// entities that the examples have, and commands that the gateway takes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { setImageText } from "../../firmware/kernel/text.cold";
import { BATTERY, DONE, GATEWAY, HEAD, type Discovery } from "../../firmware/publish/state";
import { discoveryOf, discoveryPart } from "../../firmware/publish/discovery.cold";
import { fields } from "../../firmware/tables/fields";
import { entities, entityText } from "../../tools/bake/entities";
import { bakeText } from "../../tools/bake/text";
import { lintDiscovery } from "../fixtures/home-assistant";

type Component = Record<string, unknown>;
interface Message {
  dev: Record<string, unknown>;
  o: Record<string, unknown>;
  avty: Record<string, string>[];
  avty_mode: string;
  stat_t: string;
  cmps: Record<string, Component>;
}

const BASE = "tinybms/ESP32-A1B2C3/",
  ID = "tinybms_a1b2c3";

/** The pieces of a message. */
function pieces(work: number, made: Partial<Discovery> = {}, base = BASE): string[] {
  const d = {
    ...discoveryOf(),
    gone: 0,
    cells: 16,
    level: 2,
    cclMax: 140,
    dclMax: 180,
    url: "http://192.0.2.20",
    ...made,
    work,
    line: HEAD,
  };
  const list: string[] = [];
  while (d.line !== DONE) list.push(discoveryPart(d, ID, base, "1.2.3"));
  assert.equal(discoveryPart(d, ID, base, "1.2.3"), "", "nothing behind the end");
  return list;
}

function message(work: number, made: Partial<Discovery> = {}, base = BASE): Message {
  return JSON.parse(Buffer.from(pieces(work, made, base).join(""), "latin1").toString("utf8")) as Message;
}

const example = (name: string): Message =>
  JSON.parse(readFileSync(new URL(`../vectors/ha-device-${name}.json`, import.meta.url), "utf8")) as Message;
const lint = (work: number, made: Message): string[] =>
  lintDiscovery(`device/${ID}_${work === GATEWAY ? "gateway" : "bms"}/config`, made as unknown as Component);

describe("discovery", () => {
  before(() => setImageText(bakeText()));

  it("is what Home Assistant takes, at 1, 4, 8 and 16 cells and each permission", () => {
    for (const cells of [1, 4, 8, 16]) assert.deepEqual(lint(BATTERY, message(BATTERY, { cells })), []);
    for (const level of [0, 1, 2]) assert.deepEqual(lint(GATEWAY, message(GATEWAY, { level })), []);
  });

  it("the lint finds what Home Assistant refuses", () => {
    const spoilt = (change: (made: Message) => unknown): string => {
      const made = message(BATTERY);
      change(made);
      return lint(BATTERY, made).join();
    };
    assert.match(
      spoilt((made) => Object.assign(made, { "~": "x" })),
      /root: unknown key ~/,
    );
    assert.match(
      spoilt((made) => Object.assign(made, { avty_t: "x" })),
      /avty and avty_t/,
    );
    assert.match(
      spoilt((made) => Object.assign(made.dev, { model: "x" })),
      /dev: unknown key model/,
    );
    assert.match(
      spoilt((made) => {
        made.cmps.energy_in.stat_cla = "measurement";
      }),
      /energy as measurement/,
    );
    assert.match(
      spoilt((made) => {
        made.cmps.voltage.unit_of_meas = "A";
      }),
      /voltage in A/,
    );
    assert.match(
      spoilt((made) => {
        made.cmps.soc.uniq_id = made.cmps.voltage.uniq_id;
      }),
      /twice/,
    );
    assert.match(
      spoilt((made) => {
        delete made.cmps.state.ops;
      }),
      /an enum has options/,
    );
    assert.deepEqual(lintDiscovery("device/x_bms/config", example("a") as unknown as Component), []);
  });

  it("has pieces that the device can hold, and the text's lines fit where they are read", () => {
    const longest = Math.max(...[...pieces(BATTERY), ...pieces(GATEWAY)].map(({ length }) => length));
    assert.ok(longest <= 512, `${longest} bytes in one piece`);
    assert.ok(Math.max(...entities.map((entity) => entityText(entity).length)) < 512);
    assert.ok(pieces(BATTERY).join("").length < 14000);
  });

  it("carries any base topic and prefix of a user", () => {
    const level = fc.string({ unit: fc.constantFrom(...'aZ09_-$&"\\~@{}%éü '), minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(level, fc.constantFrom(GATEWAY, BATTERY), (name, work) => {
        const base = Buffer.from(`${name}/ESP32-A1B2C3/`, "utf8").toString("latin1"),
          made = message(work, {}, base);
        assert.equal(made.avty[0].t, `${name}/ESP32-A1B2C3/status`);
        for (const { stat_t: topic } of Object.values(made.cmps))
          assert.ok(topic === undefined || (topic as string).startsWith(`${name}/ESP32-A1B2C3/`));
      }),
    );
  });

  it("says when values are of no use: the battery's by will and by age, the gateway's by will", () => {
    const battery = message(BATTERY),
      gateway = message(GATEWAY);
    assert.deepEqual(
      battery.avty.map(({ t }) => t),
      [`${BASE}status`, `${BASE}rt/bms`],
    );
    assert.deepEqual(
      gateway.avty.map(({ t }) => t),
      [`${BASE}status`],
    );
    assert.equal(battery.avty_mode, "all");
    assert.match(battery.avty[0].val_tpl, /'online' if value_json.online else 'offline'/);
    const expires = Object.values(battery.cmps).map(
      ({ exp_aft: seconds, stat_t: topic = `${BASE}rt/state` }) => `${(topic as string).slice(BASE.length)} ${seconds}`,
    );
    assert.deepEqual([...new Set(expires)].sort(), ["rt/cells 90", "rt/stat undefined", "rt/state 30"]);
  });

  it("is one device, by the MAC in lower case", () => {
    const both = [message(BATTERY), message(GATEWAY)];
    for (const { dev, cmps } of both) {
      assert.deepEqual(dev.ids, [ID]);
      assert.equal(dev.cu, "http://192.0.2.20");
      for (const [key, { uniq_id: id, p, def_ent_id: wished }] of Object.entries(cmps))
        assert.deepEqual([id, wished], [`${ID}_${key}`, `${p}.${ID}_${key}`]);
    }
    const keys = both.flatMap(({ cmps }) => Object.keys(cmps));
    assert.equal(new Set(keys).size, keys.length, "a unique id in both payloads");
    assert.equal(message(BATTERY, { url: "" }).dev.cu, undefined);
  });

  it("has the entities of the examples, of their kind", () => {
    // What the examples have and nothing here stands behind: no such command, no such message.
    const missing = ["reset", "last_event", "mode", "identify", "update", "bms_event"];
    const ours = { ...message(BATTERY).cmps, ...message(GATEWAY).cmps },
      theirs = { ...example("a").cmps, ...example("b").cmps };
    assert.deepEqual(
      Object.keys(theirs).filter((key) => !(key in ours)),
      missing,
    );
    assert.deepEqual(
      Object.keys(ours).filter((key) => !(key in theirs)),
      [],
    );
    for (const key of Object.keys(ours)) {
      for (const member of [
        "p",
        "name",
        "dev_cla",
        "unit_of_meas",
        "stat_cla",
        "ops",
        "ent_cat",
        "exp_aft",
        "pl_on",
        "pl_off",
      ]) {
        if (ours[key].p === "switch" && member.startsWith("pl_")) continue; // ours set a setting
        assert.deepEqual(ours[key][member], theirs[key][member], `${key} ${member}`);
      }
    }
  });

  it("offers commands only as far as they are allowed", () => {
    const commands = (level: number): string[] =>
      Object.entries(message(GATEWAY, { level }).cmps)
        .filter(([, { cmd_t: topic }]) => topic)
        .map(([key]) => key)
        .sort();
    assert.deepEqual(commands(0), []);
    assert.deepEqual(commands(1), ["allow_chg", "allow_dis", "set_ccl", "set_dcl"]);
    assert.deepEqual(commands(2), ["allow_chg", "allow_dis", "restart", "set_ccl", "set_dcl"]);
    const { cmps } = message(GATEWAY);
    assert.deepEqual([cmps.set_ccl.max, cmps.set_dcl.max], [140, 180]);
    const sent = (cmps.set_ccl.cmd_tpl as string).replace("{{value}}", "50");
    assert.deepEqual(JSON.parse(sent), { cmd: "can.limits.override", args: { ccl: 50, ttl_s: 3600 } });
    for (const [key, setting] of [
      ["allow_chg", "inhibit_charge"],
      ["allow_dis", "inhibit_discharge"],
    ]) {
      assert.ok(
        fields.some(({ module, key: name, remote }) => module === "battery" && name === setting && remote === "all"),
        setting,
      );
      assert.deepEqual(JSON.parse(cmps[key].pl_on as string), { battery: { [setting]: false } });
      assert.deepEqual(JSON.parse(cmps[key].pl_off as string), { battery: { [setting]: true }, confirm: true });
      assert.deepEqual(
        [cmps[key].stat_t, cmps[key].val_tpl, cmps[key].stat_on],
        [`${BASE}cfg/battery`, `{{value_json.${setting}}}`, "False"],
      );
    }
  });

  it("tells cells and commands that are gone as gone, and nothing else of them", () => {
    const battery = message(BATTERY, { cells: 14, gone: BATTERY }),
      gateway = message(GATEWAY, { level: 0, gone: GATEWAY });
    assert.deepEqual([battery.cmps.cell_14.p, battery.cmps.cell_14.name], ["sensor", "Cell 14 voltage"]);
    assert.deepEqual([battery.cmps.cell_15, battery.cmps.cell_16], [{ p: "sensor" }, { p: "sensor" }]);
    assert.deepEqual(
      [gateway.cmps.restart, gateway.cmps.set_ccl, gateway.cmps.allow_chg],
      [{ p: "button" }, { p: "number" }, { p: "switch" }],
    );
    assert.equal(Object.keys(message(BATTERY, { cells: 14, gone: GATEWAY }).cmps).includes("cell_15"), false);
  });

  it("keeps its keys: a change leaves ghosts in Home Assistant", () => {
    assert.deepEqual(entities.map(({ key }) => key).sort(), [
      "allow_chg",
      "allow_dis",
      "balancing",
      "bms_link",
      "can_err",
      "ccl",
      "cell_#",
      "cell_delta",
      "cell_max",
      "cell_min",
      "charges",
      "charging",
      "current",
      "cvl",
      "cycles",
      "data_age",
      "dcl",
      "energy_in",
      "energy_out",
      "free_mem",
      "gx_link",
      "ip",
      "limit_reason",
      "oc_cnt",
      "ot_cnt",
      "ov_cnt",
      "poll_ms",
      "power",
      "problem",
      "restart",
      "rssi",
      "set_ccl",
      "set_dcl",
      "soc",
      "soh",
      "state",
      "stored",
      "temp1",
      "temp2",
      "temp_int",
      "time_left",
      "uart_err",
      "uptime",
      "uv_cnt",
      "voltage",
    ]);
  });
});
