// A change of the settings is applied whole or refused with the field and the reason.
import assert from "node:assert/strict";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { type Document, readModule, rowsText } from "../../firmware/config/document.cold";
import { type Field, fields } from "../../firmware/tables/fields";
import { modules, PIECE_ROWS, pieces } from "../../firmware/config/fields.baked";
import { cellVoltages } from "../../firmware/config/presets.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { mergeDocument } from "../fixtures/merge";

const stored = '{"wifi":{"ssid":"home","pass":"secret word"},"mqtt":{"host":"broker","port":1884}}';
const merge = (
  patch: unknown,
  remote: "h" | "a" = "h",
  document = stored,
  presets = "{}",
): ReturnType<typeof mergeDocument> => mergeDocument(document, presets, patch as Document, remote);

/** A module as a member of an object, in pieces of `count` settings. */
function moduleText(document: string, presets: string, module: string, count = 4): string {
  let text = `"${module}":`;
  for (let from = 0; from >= 0; ) {
    const rows = rowsText(document, presets, module, from, count);
    text += rows.text;
    from = rows.next;
  }
  return text;
}

/** A value of the field's type that it must refuse, by what is wrong with it. */
function wrongValues(field: Field): [unknown, RegExp][] {
  const wrong: [unknown, RegExp][] = [
    [field.type === "bool" ? 1 : true, /must be a (boolean|number|string)/],
    [[], /must be a/],
  ];
  if (field.type === "int") wrong.push([(field.min ?? 0) + 0.5, /whole number/]);
  if (field.type === "int" || field.type === "number") wrong.push(["1", /must be a number/]);
  if (field.oneOf) wrong.push([field.type === "string" ? "no such value" : 7, /must be one of/]);
  else if (field.type === "string") wrong.push(["x".repeat((field.max ?? 0) + 1), /must be at most \d+ bytes/]);
  else if (field.max !== undefined)
    wrong.push([field.max + 1, /must be at most/], [(field.min ?? 0) - 1, /must be at least/]);
  return wrong;
}

before(() => setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1")));

describe("settings table", () => {
  it("is frozen: names, types, defaults, ranges, who may change them", () => {
    const frozen: unknown = JSON.parse(readFileSync(new URL("fields.frozen.json", import.meta.url), "utf8"));
    const now = fields.map(({ doc: _, ...field }) => field);
    assert.deepEqual(JSON.parse(JSON.stringify(now)), frozen);
  });

  it("holds its own defaults, and the modules in its order", () => {
    assert.equal(modules, [...new Set(fields.map((field) => field.module))].join(" "));
    const defaults: Record<string, Record<string, unknown>> = {};
    for (const field of fields)
      if (field.default !== undefined) (defaults[field.module] ??= {})[field.key] = field.default;
    assert.deepEqual(merge(defaults, "h", "{}"), { reason: "", document: "{}", changed: [] });
    for (const field of fields)
      assert.deepEqual(readModule("{}", "{}", field.module)[field.key], field.default, field.key);
  });
});

describe("a refusal", () => {
  it("names each field with its reason, and applies nothing", () => {
    for (const field of fields) {
      for (const [value, reason] of wrongValues(field)) {
        const merged = merge({ log: { level: "info" }, [field.module]: { [field.key]: value } });
        assert.ok(merged.reason.startsWith(`${field.module}.${field.key}: `), `${field.key}: ${merged.reason}`);
        assert.match(merged.reason, reason);
        assert.equal(merged.document, "");
      }
    }
  });

  const refused: [string, unknown, RegExp][] = [
    ["an unknown key", { mqtt: { hots: "x" } }, /^mqtt\.hots: is no setting$/],
    ["an unknown module", { nothing: { x: 1 } }, /^nothing: is no module of the settings$/],
    ["a module that is no object", { mqtt: 5 }, /^mqtt: must be an object$/],
    ["a module that is null", { mqtt: null }, /^mqtt: must be an object$/],
    ["a short Wi-Fi password", { wifi: { pass: "short" } }, /^wifi\.pass: /],
    ["a prefix of slashes", { ha: { prefix: "/ /" } }, /^ha\.prefix: must hold more/],
    ["a base topic of blanks", { mqtt: { baseTopic: "  " } }, /^mqtt\.baseTopic: must be at least 1 bytes/],
    ...[...'/ .#+$"\\\u00e4:', "\u0000"].map((odd): [string, unknown, RegExp] => [
      `${JSON.stringify(odd)} in the device id`,
      { mqtt: { deviceId: `a${odd}b` } },
      /^mqtt\.deviceId: must hold letters/,
    ]),
    ["three cells", { bms: { expected_cells: 3 } }, /^bms\.expected_cells: /],
    ["a custom chemistry without voltages", { battery: { chemistry: "custom" } }, /^battery\.chemistry: /],
    ["float above bulk", { battery: { v_bulk: 3.4, v_float: 3.45 } }, /^battery\.v_bulk: /],
    ["re-bulk above float", { battery: { v_float: 3.3, v_rebulk: 3.35 } }, /^battery\.v_rebulk: /],
    ["a wildcard in the topic", { mqtt: { baseTopic: "a/#" } }, /^mqtt\.baseTopic: must not hold # or \+$/],
    [
      "a wildcard in the root of register topics",
      { mqtt: { root_topic: "a/+" } },
      /^mqtt\.root_topic: must not hold # or \+$/,
    ],
    ["a blank in the host", { mqtt: { host: "my broker" } }, /^mqtt\.host: must be a host name/],
    ["a port in the host", { mqtt: { host: "broker:1883" } }, /^mqtt\.host: must be without a port$/],
    ["a URL in the host", { mqtt: { host: "mqtt://broker" } }, /^mqtt\.host: must be a name or an address alone/],
    ["an IPv6 address", { mqtt: { host: "::1" } }, /^mqtt\.host: .*IPv6/],
    ["a broker's own topics", { mqtt: { baseTopic: "$SYS" } }, /^mqtt\.baseTopic: must not begin with \$/],
    ["a byte 0 in the user", { mqtt: { user: "a\0" } }, /^mqtt\.user: must not hold control/],
    ["a client id that is no UTF-8", { mqtt: { client_id: "\xff" } }, /^mqtt\.client_id: must be UTF-8/],
    ["half a surrogate", { mqtt: { battery_json: "a/\xed\xa0\x80" } }, /^mqtt\.battery_json: must be UTF-8/],
    ["a key of WPA that has no hexadecimal digits", { wifi: { pass: "g".repeat(64) } }, /^wifi\.pass: .* hexadecimal/],
    ["a time server of two ports", { time: { server: "a:1:2" } }, /^time\.server: /],
    [
      "a wildcard in the topic for drivers on a GX",
      { mqtt: { battery_json: "#" } },
      /^mqtt\.battery_json: must not hold # or \+$/,
    ],
    ["a wildcard in the prefix of discovery", { ha: { prefix: "home+" } }, /^ha\.prefix: must not hold # or \+$/],
    ["back-off the wrong way round", { mqtt: { reconnect_interval_ms: 70000 } }, /^mqtt\.reconnect_max_ms: /],
  ];
  for (const [name, patch, reason] of refused) it(name, () => assert.match(merge(patch).reason, reason));

  it("MQTT may change less than HTTP", () => {
    for (const field of fields.filter((field) => field.remote === "http")) {
      assert.equal(
        merge({ [field.module]: { [field.key]: null } }, "a").reason,
        `${field.module}.${field.key}: cannot be changed over MQTT`,
      );
    }
    assert.equal(merge({ uart: { poll_ms: 100 } }, "a").reason, "");
  });
});

describe("an accepted change", () => {
  it("two waits before connecting again may be the same: then it is a fixed one", () =>
    assert.equal(merge({ mqtt: { reconnect_max_ms: 5000, reconnect_interval_ms: 5000 } }).reason, ""));

  it("blanks around hosts and topics are cut off, everything else is taken as it is", () => {
    const { reason, document } = merge(
      {
        wifi: { ssid: " a\xff ", pass: " 8 bytes\0" },
        mqtt: { host: " broker.example\r\n", baseTopic: "\ttemp\xc3\xa0 ", user: " me ", pass: "\0\xff " },
        time: { server: " 192.0.2.1:1123 " },
      },
      "h",
      "{}",
    );
    assert.equal(reason, "");
    assert.deepEqual(JSON.parse(document), {
      wifi: { ssid: " a\xff ", pass: " 8 bytes\0" },
      mqtt: { host: "broker.example", baseTopic: "temp\xc3\xa0", user: " me ", pass: "\0\xff " },
      time: { server: "192.0.2.1:1123" },
    });
    assert.deepEqual(merge({ mqtt: { host: " broker " } }).changed, []);
  });

  it("bounds are those of the standards", () => {
    const label = "a".repeat(63),
      patch = {
        wifi: { pass: "0123456789abcdefABCDEF".padEnd(64, "0") },
        mqtt: { host: [label, label, label, "b".repeat(61)].join("."), user: "t".repeat(256), pass: "p".repeat(256) },
      };
    assert.deepEqual([patch.mqtt.host.length, merge(patch).reason], [253, ""]);
  });

  it("keeps the rest, and names what changed", () => {
    const merged = merge({ mqtt: { port: 1885 }, uart: { poll_ms: 100 } });
    assert.deepEqual(JSON.parse(merged.document), {
      wifi: { ssid: "home", pass: "secret word" },
      uart: { poll_ms: 100 },
      mqtt: { host: "broker", port: 1885 },
    });
    assert.deepEqual(merged.changed, ["uart.poll_ms", "mqtt.port"]);
    assert.deepEqual(merge({ mqtt: { port: 1884 } }).changed, []);
  });

  it("*** keeps a secret; null and the default take a value back", () => {
    assert.equal(
      (JSON.parse(merge({ wifi: { pass: "***", ssid: "other" } }).document) as Document)["wifi"]["pass"],
      "secret word",
    );
    assert.equal(
      (JSON.parse(merge({ wifi: { ssid: "***" } }).document) as Document)["wifi"]["ssid"],
      "***",
      "only secrets have a mask",
    );
    assert.deepEqual(JSON.parse(merge({ wifi: { pass: null }, mqtt: { port: null, host: null } }).document), {
      wifi: { ssid: "home" },
    });
    assert.deepEqual(JSON.parse(merge({ mqtt: { port: 1883 } }).document), {
      wifi: { ssid: "home", pass: "secret word" },
      mqtt: { host: "broker" },
    });
  });

  it("a secret that is sent counts as changed, right or wrong; what is shown of one does not", () => {
    for (const pass of ["secret word", "another word"])
      assert.deepEqual(merge({ wifi: { pass } }).changed, ["wifi.pass"], pass);
    assert.equal(merge({ wifi: { pass: "secret word" } }).document, stored);
    assert.deepEqual(merge({ wifi: { pass: "***" }, mqtt: { pass: "***", user: "" } }).changed, []);
    assert.deepEqual(merge({ mqtt: { pass: "" } }).changed, [], "that there is none is shown");
    assert.deepEqual(merge({ mqtt: { pass: null } }).changed, []);
    assert.deepEqual(merge({ wifi: { pass: "" } }).changed, ["wifi.pass"]);
  });

  it("shown text masks each secret and quotes what strings hold", () => {
    const tricky = 'a"b\\c\nd',
      shown = moduleText(JSON.stringify({ wifi: { ssid: tricky, pass: "secret word" } }), "{}", "wifi");
    const wifi = (JSON.parse(`{${shown}}`) as Document)["wifi"];
    assert.deepEqual(wifi, { ssid: tricky, pass: "***", host: "" });
    for (const field of fields.filter((field) => field.secret)) {
      assert.ok(
        !moduleText(JSON.stringify({ [field.module]: { [field.key]: "hidden thing" } }), "{}", field.module).includes(
          "hidden",
        ),
      );
    }
  });

  it("shown text is the same in pieces of any size, and the baked ones are all of it", () => {
    for (const document of ["{}", '{"battery":{"chemistry":"lfp"},"mqtt":{"host":"h"}}'])
      for (const module of modules.split(" ")) {
        const whole = moduleText(document, "{}", module, 99);
        for (const count of [2, PIECE_ROWS]) assert.equal(moduleText(document, "{}", module, count), whole, module);
        const baked = pieces
          .split(" ")
          .map((place) => place.split(":"))
          .filter(([name]) => name === module);
        assert.equal(
          `"${module}":` + baked.map(([, from]) => rowsText(document, "{}", module, +from!, PIECE_ROWS).text).join(""),
          whole,
        );
        assert.doesNotThrow(() => JSON.parse(`{${whole}}`) as unknown, whole);
      }
  });

  it("what is shown and sent back changes nothing, whatever is stored and whatever the board presets", () => {
    const presets =
      '{"battery":{"chemistry":"lfp"},"mqtt":{"host":"192.0.2.1","port":1999},"wifi":{"pass":"preset one"}}';
    const valueOf = (field: Field): fc.Arbitrary<unknown> => {
      if (field.oneOf) return fc.constantFrom(...field.oneOf);
      if (field.type === "bool") return fc.boolean();
      if (field.type === "int") return fc.integer({ min: field.min, max: field.max });
      if (field.type === "number")
        return fc.constantFrom(field.min, field.max, ((field.min ?? 0) + (field.max ?? 0)) / 2);
      return fc.string({ minLength: field.min ?? 0, maxLength: Math.min(field.max ?? 0, 20) });
    };
    const patches = fc.array(
      fc.constantFrom(...fields).chain((field) => valueOf(field).map((value) => ({ field, value }))),
      { maxLength: 12 },
    );
    const shown = (document: string): Document =>
      JSON.parse(
        `{${modules
          .split(" ")
          .map((module) => moduleText(document, presets, module))
          .join(",")}}`,
      ) as Document;
    fc.assert(
      fc.property(patches, (list) => {
        let document = "{}";
        for (const { field, value } of list) {
          const merged = merge({ [field.module]: { [field.key]: value } }, "h", document, presets);
          if (!merged.reason) document = merged.document;
        }
        for (const one of [
          shown(document),
          ...Object.entries(shown(document)).map(([module, values]) => ({ [module]: values })),
        ])
          assert.deepEqual(merge(one, "h", document, presets), { reason: "", document, changed: [] });
      }),
      { numRuns: 60 },
    );
  });

  it("a default that the board presets otherwise is kept; null goes back to the preset", () => {
    const presets = '{"mqtt":{"port":1999}}',
      { document, changed } = merge({ mqtt: { port: 1883 } }, "h", "{}", presets);
    assert.deepEqual([document, changed], ['{"mqtt":{"port":1883}}', ["mqtt.port"]]);
    assert.equal(readModule(document, presets, "mqtt")["port"], 1883);
    assert.deepEqual(merge({ mqtt: { port: null } }, "h", document, presets), {
      reason: "",
      document: "{}",
      changed: ["mqtt.port"],
    });
  });

  it("a board's preset stands before the default, a stored value before both", () => {
    const presets = '{"battery":{"chemistry":"lfp"}}';
    assert.equal(readModule("{}", presets, "battery")["chemistry"], "lfp");
    assert.equal(readModule('{"battery":{"chemistry":"nmc"}}', presets, "battery")["chemistry"], "nmc");
    assert.deepEqual(
      [cellVoltages({}), cellVoltages({ chemistry: "lfp" }), cellVoltages({ chemistry: "nmc", v_bulk: 4.05 })],
      [
        [0, 0, 0, 0, 0],
        [3450, 3375, 3300, 3370, 280],
        [4050, 4000, 3850, 3900, 300],
      ],
    );
    const own = { chemistry: "custom", v_bulk: 3.5, v_float: 3.4, v_rebulk: 3.35 };
    assert.deepEqual(
      [cellVoltages(own), cellVoltages({ ...own, tail_v: 3.45 })],
      [
        [3500, 3400, 3350, 3420, 280],
        [3500, 3400, 3350, 3450, 280],
      ],
      "without a resting voltage absorption would end at any current",
    );
  });
});
