// Names of the source documents in settings that come in.
import assert from "node:assert/strict";
import { NORMAL } from "../../firmware/battery/snapshot";
import { setImageText } from "../../firmware/kernel/text.cold";
import { takeNames } from "../../firmware/config/names.cold";
import { makeCertificate } from "../../tools/rig/certificate";
import { bakeText } from "../../tools/bake/text";
import { bench, putAll } from "./bench";

describe("names of the source documents", () => {
  before(() => setImageText(bakeText()));

  it("count as the settings that they mean", () => {
    for (const [given, wanted] of [
      [{ mqtt: { username: "me", password: "it is", port: 1 } }, { mqtt: { port: 1, user: "me", pass: "it is" } }],
      [{ mqtt: { retain_by_default: true } }, { mqtt: {}, retain: { telemetry: true, text: true } }],
      [
        { mqtt: { retain_by_default: false }, retain: { alarms: false } },
        { mqtt: {}, retain: { alarms: false, telemetry: false, text: false } },
      ],
      [{ mqtt: { username: null } }, { mqtt: { user: null } }],
    ] as Record<string, unknown>[][]) {
      assert.equal(takeNames(given!), "");
      assert.deepEqual(given, wanted);
    }
    for (const odd of [{}, { mqtt: null }, { mqtt: "x" }, { mqtt: 5 }, { log: {} }]) {
      const before = structuredClone(odd);
      assert.equal(takeNames(odd), "");
      assert.deepEqual(odd, before);
    }
  });

  const refused: [string, object, string, RegExp][] = [
    ["user and username", { mqtt: { user: "a", username: "a" } }, "mqtt.username", /stands beside user/],
    ["pass and password", { mqtt: { pass: "***", password: "a" } }, "mqtt.password", /stands beside pass/],
    [
      "retain_by_default and one of its settings",
      { mqtt: { retain_by_default: true }, retain: { text: true } },
      "mqtt.retain_by_default",
      /stands beside retain.text/,
    ],
    ["no boolean", { mqtt: { retain_by_default: 1 } }, "retain.telemetry", /boolean/],
    ["a certificate that is none", { mqtt: { server_certificate: "hello" } }, "mqtt.server_certificate", /PEM/],
    ["a certificate that is no text", { mqtt: { server_certificate: 5 } }, "mqtt.server_certificate", /string/],
    ["a module that is none", { mqtt: { retain_by_default: true }, retain: 5 }, "retain", /object/],
  ];
  for (const [name, patch, where, reason] of refused)
    it(`refuses ${name}`, () => {
      const put = putAll(bench(NORMAL), JSON.stringify(patch));
      assert.deepEqual([put.code, put.where], ["CfgApplyFailed", where]);
      assert.match(put.reason, reason);
    });

  it("the change names the settings by their names here", () => {
    const patch = { mqtt: { username: "me", password: "it is", retain_by_default: true } };
    assert.deepEqual(putAll(bench(NORMAL), JSON.stringify(patch), true).changed, [
      "mqtt.user",
      "mqtt.pass",
      "retain.telemetry",
      "retain.text",
    ]);
  });

  it("a certificate is a change once", function () {
    const certificate = makeCertificate();
    if (!certificate) return this.skip();
    const one = bench(NORMAL),
      text = JSON.stringify({ mqtt: { server_certificate: certificate.cert } });
    assert.deepEqual(putAll(one, text, true).changed, ["mqtt.server_certificate"]);
    assert.equal(one.app.store.read("tls.ca"), undefined, "only looked at");
    one.app.store.write("tls.ca", Buffer.from(certificate.cert.replace(/-.*-/g, ""), "base64").toString("latin1"));
    assert.deepEqual(putAll(one, text, true).changed, []);
  });
});
