// A change of the settings that would silence CAN or end a current is refused until it is confirmed, in every phase;
// the judgement itself changes nothing.
import assert from "node:assert/strict";
import fc from "fast-check";
import { limitsStep } from "../../firmware/charge/control";
import * as setting from "../../firmware/charge/settings";
import { takeSettings } from "../../firmware/charge/prepare.cold";
import { BOOT, DEGRADED, LOST, NORMAL, SILENT } from "../../firmware/battery/snapshot";
import { readModule } from "../../firmware/config/document.cold";
import { fields } from "../../firmware/tables/fields";
import { setImageText } from "../../firmware/kernel/text.cold";
import type { Put } from "../../firmware/settings/change";
import { bakeText } from "../../tools/bake/text";
import { bench, type Bench, putAll } from "./bench";

const PHASES: Record<string, number> = { boot: BOOT, normal: NORMAL, degraded: DEGRADED, lost: LOST, silent: SILENT };

const put = (one: Bench, patch: Record<string, unknown>, dry = false, confirmed = false): Put =>
  putAll(one, JSON.stringify(patch), dry, confirmed);

/** Everything that a judgement could spoil. */
const state = ({ app: { limits, snapshot } }: Bench): unknown => [
  [...limits.settings],
  [...limits.state],
  [...limits.history],
  [...snapshot.values],
  limits.valid,
  limits.cells,
  limits.reason,
  limits.at,
  limits.doneAt,
];

describe("a change that silences CAN or ends a current", () => {
  before(() => setImageText(bakeText()));

  /** The patch, the setting that is named, what the reason says; `always`: without the settings of the TinyBMS too. */
  const grave: [patch: Record<string, Record<string, unknown>>, where: string, reason: RegExp, always?: true][] = [
    [
      { battery: { chemistry: "nmc" } },
      "battery.chemistry",
      /rule Chemistry \(.+register 300\): nothing is sent on CAN/,
    ],
    [{ battery: { v_bulk: 3.2, v_float: 3.1, v_rebulk: 3 } }, "battery.v_bulk", /rule Chemistry/],
    [{ battery: { v_rebulk: 2.89 } }, "battery.v_rebulk", /rule Rebulk/],
    [{ "can/limits": { cclMax: 0 } }, "can/limits.cclMax", /charge limit falls from \d+ to 0 A/, true],
    [{ "can/limits": { cclMax: 0.09 } }, "can/limits.cclMax", /charge limit falls/, true],
    [{ "can/limits": { dclMax: 0 } }, "can/limits.dclMax", /discharge limit falls from 180 to 0 A/, true],
    [{ battery: { inhibit_charge: true } }, "battery.inhibit_charge", /charge limit falls/, true],
    [{ battery: { inhibit_discharge: true } }, "battery.inhibit_discharge", /discharge limit falls/, true],
    [{ can: { listen_only: true } }, "can.listen_only", /nothing is sent on CAN/, true],
  ];
  for (const [name, phase] of Object.entries(PHASES))
    it(`is refused in ${name} with the rule and what it would do, and done when it is confirmed`, () => {
      for (const [patch, where, reason, always] of grave) {
        const about = JSON.stringify(patch);
        if (phase === BOOT && !always) continue;
        const one = bench(phase),
          before = state(one);
        for (const dry of [true, false]) {
          const refused = put(one, patch, dry);
          assert.deepEqual([refused.code, refused.where, refused.document], ["InterlockBlocked", where, ""], about);
          assert.match(refused.reason, reason, about);
          assert.match(refused.reason, /confirm: true/, about);
        }
        assert.deepEqual(one.stored(), {}, about);
        if (phase !== SILENT) assert.deepEqual(state(one), before, "nothing moved");
        assert.equal(one.said.length, 1, "one line in the log");
        assert.match(one.said[0], /^warn: settings refused: /);
        assert.equal(put(one, { ...patch, confirm: false }).code, "InterlockBlocked");
        const dry = put(one, patch, true, true);
        assert.deepEqual([dry.code, one.stored()], ["", {}]);
        assert.match(dry.warnings[0], reason, about);
        const done = put(one, { ...patch, confirm: true });
        assert.deepEqual([done.code, Object.keys(one.stored())], ["", Object.keys(patch)], about);
        assert.match(done.warnings[0], reason, about);
        assert.match(one.said.at(-1)!, /^warn: settings: /);
      }
    });

  it("whatever it judges, it leaves everything as it was", () => {
    const numbers = fields.filter(
      ({ module, type }) => ["battery", "can/limits"].includes(module) && type !== "string",
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...numbers),
        fc.constantFrom(NORMAL, DEGRADED, LOST),
        fc.constantFrom("min", "max"),
        ({ module, key, type, ...field }, phase, bound) => {
          const one = bench(phase),
            before = state(one),
            value = type === "bool" ? bound === "max" : field[bound as "min" | "max"];
          put(one, { [module]: { [key]: value } }, true);
          assert.deepEqual(state(one), before, `${module}.${key} ${value}`);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("while it is silent already, or before the TinyBMS has told its settings, is told and not refused", () => {
    const fresh = put(bench(NORMAL, true, false), { battery: { chemistry: "nmc" } });
    assert.deepEqual([fresh.code, fresh.warnings.some((text) => /rule Chemistry/.test(text))], ["", true]);
    const early = put(bench(BOOT), { battery: { chemistry: "nmc" } });
    assert.equal(early.code, "");
    assert.match(early.warnings.join(), /settings of the TinyBMS are not known/);
  });

  it("a first chemistry that fits needs no confirmation, and taking it away does", () => {
    assert.equal(put(bench(NORMAL, true, false), { battery: { chemistry: "lfp" } }).code, "");
    const one = bench(NORMAL, true, false);
    put(one, { battery: { chemistry: "lfp" } });
    takeSettings(
      one.app.limits,
      readModule('{"battery":{"chemistry":"lfp"}}', "{}", "battery"),
      readModule("{}", "{}", "can/limits"),
    );
    limitsStep(one.app.limits, one.app.snapshot, 92000, 1);
    assert.equal(put(one, { battery: { chemistry: null } }).code, "InterlockBlocked");
  });

  it("what only changes is a warning: currents, voltages, rules that cost current", () => {
    const told = (patch: Record<string, unknown>): string[] => {
      const done = put(bench(NORMAL), patch, true);
      assert.equal(done.code, "", JSON.stringify(patch));
      return done.warnings;
    };
    assert.deepEqual(told({ "can/limits": { cclMax: 50 } }), ["largest charge current: 135 to 50 A"]);
    assert.deepEqual(told({ "can/limits": { cclMax: 0.1 } }), ["largest charge current: 135 to 0.1 A"]);
    assert.deepEqual(told({ "can/limits": { cclMax: 750 } }), [], "the TinyBMS allows no more");
    assert.deepEqual(told({ battery: { v_bulk: 3.44, v_offset: 0 } }), ["charge voltage: 55.2 to 55 V"]);
    assert.match(told({ battery: { rebulk_soc: 80 } }).join(), /rule Restart \(.+\): charge current at most 20 %/);
    assert.deepEqual(told({ mqtt: { heartbeat_ms: 2000 } }), []);
    assert.match(told({ can: { rate: 250 } }).join(), /250 kbit\/s/);
  });

  it("a number of cells that are not there, and a GX that is missed for long, end the currents", () => {
    const cells = put(bench(NORMAL), { bms: { expected_cells: 8 } });
    assert.deepEqual([cells.code, cells.where], ["InterlockBlocked", "bms.expected_cells"]);
    assert.match(cells.reason, /16 cells are there and not 8/);
    assert.equal(put(bench(NORMAL), { bms: { expected_cells: 16 } }).code, "");
    const away = bench(NORMAL);
    away.app.can.gxAt = 92000 - 700000;
    away.app.natives.now = () => 800000;
    assert.equal(put(away, { can: { gx_loss_s: 600 } }).where, "can.gx_loss_s");
    assert.equal(put(away, { can: { gx_loss_s: 3600 } }).code, "");
    assert.equal(put(bench(NORMAL), { can: { gx_loss_s: 600 } }).code, "");
  });

  it("`confirm` is true or false", () => {
    for (const confirm of ["true", 1, null, {}]) {
      const { code, where } = put(bench(NORMAL), { battery: { chemistry: "nmc" }, confirm });
      assert.deepEqual([code, where], ["CfgApplyFailed", "confirm"]);
    }
    assert.equal(bench(NORMAL).app.limits.settings[setting.severity], 0, "the bench breaks no rule");
  });
});
