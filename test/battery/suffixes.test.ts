// The topic suffixes below rt/reg are what users' dashboards name: a change is a decision, not an accident.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ROW_WIDTH, ROWS } from "../../firmware/publish/rows.baked";
import { registerMessage, registerText } from "../../firmware/publish/messages";
import { hasNames, messageTail } from "../../firmware/publish/messages.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { publishedRows, suffixOf } from "../../tools/bake/names";
import { bakeText } from "../../tools/bake/text";

const cells = Array.from({ length: 16 }, (_, i) => `cell_${String(i + 1).padStart(2, "0")}_voltage`);
const frozen = [
  "battery_pack_voltage",
  "battery_pack_current",
  "min_cell_voltage",
  "max_cell_voltage",
  "external_temperature_1",
  "external_temperature_2",
  "distance_left",
  "state_of_health",
  "state_of_charge",
  "internal_temp",
  "system_status",
  "balancing_decision",
  "balancing_active",
  "pack_power",
  "cell_spread",
  "battery_temperature",
  "min_temperature",
  "max_temperature",
  ...cells,
  "fully_charged_voltage",
  "fully_discharged_voltage",
  "early_balancing_threshold",
  "battery_capacity",
  "series_cells",
  "over_voltage_cutoff",
  "under_voltage_cutoff",
  "discharge_over_current_cutoff",
  "charge_over_current_cutoff",
  "over_heat_cutoff",
  "low_temp_charger_cutoff",
  "charge_restart_level",
  "option_flags",
  "operation_mode",
  "hardware_version",
  "charge_voltage_limit",
  "charge_current_limit",
  "discharge_current_limit",
  "discharge_voltage_limit",
  "internal_failure",
  "charged_energy",
  "discharged_energy",
];

describe("rt/reg", () => {
  it("has these suffixes", () => assert.deepEqual(publishedRows.map(suffixOf), frozen));

  it("each message carries its suffix, and JSON with null for what is unknown", () => {
    setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"));
    for (let row = 0; row < ROWS; row++) {
      const text = registerText(row),
        tab = text.indexOf("\t"),
        suffix = text.slice(0, tab);
      const payload = registerMessage(
        row,
        text.slice(tab + 1),
        NaN,
        [null, null, null],
        messageTail(0, 5.4, 0, { date: "", dayAt: -1 }),
      );
      const message = JSON.parse(payload) as Record<string, unknown>;
      assert.deepEqual(
        [suffix, message["key"], message["value"], message["timestamp_ms"], message["quality"]],
        [frozen[row], frozen[row], null, 5, "stale"],
      );
    }
  });

  it("knows which rows have names", () => {
    setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"));
    for (let row = 0; row < ROWS; row++)
      assert.equal(hasNames(frozen[row]), registerText(row).split("\t").length > 2, frozen[row]);
  });

  it("a negative value stands beside its word, which has no sign", () => {
    setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"));
    const row = frozen.indexOf("internal_temp"),
      text = registerText(row),
      words = new Uint16Array(20).fill(65476);
    const message = JSON.parse(
      registerMessage(row, text.slice(text.indexOf("\t") + 1), -6, [words], ',"quality":"'),
    ) as Record<string, unknown>;
    assert.deepEqual([message["value"], message["raw"]], [-6, 65476]);
  });

  it("the image's text is the baked table", () => {
    assert.equal(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"), bakeText());
    assert.equal(ROW_WIDTH * ROWS, bakeText().indexOf("info "));
  });
});
