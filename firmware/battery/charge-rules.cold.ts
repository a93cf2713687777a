// What the settings of user and battery must fulfil, one row a rule: code, severity, rule, effect (charge-control.md 2,
// decisions.md 6 and 7). The bit of a rule is its row.
import * as k from "./charge-settings";
import * as r from "./registers.baked";

interface Rule {
  code: string; severity: number; rule: string; effect: string;
  holds(v: Float64Array, set: Float64Array, cells: number): boolean;
}

/** Severity: 0 only told, 1 warning, 2 alarm, 3 alarm and CAN stays silent. */
const TOLD = 0, WARNING = 1, ALARM = 2, INVALID = 3;
const SILENT_CAN = "nothing is sent", LESS = "charge current at most 20 %", LESS_VOLTAGE = LESS + ", v_bulk at most register 300 - 0.075 V";

/** Distances in mV, of the MPPTs' headroom included. */
const rules: Rule[] = [
  { code: "Chemistry", severity: INVALID, rule: "v_bulk + 0.1 V within 0.15 V of register 300", effect: SILENT_CAN,
    holds: function (v, set) { return set[k.vBulk] > 0 && Math.abs(v[r.fullyChargedVoltage] - set[k.vBulk] - 100) <= 150; } },
  { code: "Rebulk", severity: INVALID, rule: "v_rebulk from register 301 to below v_bulk, register 300 - 0.075 V and the ceiling", effect: SILENT_CAN,
    holds: function (v, set) {
      const ceiling = v[r.overVoltageCutoff] - set[k.guard] - set[k.mppt];
      return set[k.vRebulk] >= v[r.fullyDischargedVoltage] && set[k.vRebulk] < Math.min(set[k.vBulk], v[r.fullyChargedVoltage] - 75, ceiling);
    } },
  { code: "BulkVoltage", severity: ALARM, rule: "v_bulk + 0.075 V <= register 300", effect: LESS_VOLTAGE,
    holds: function (v, set) { return set[k.vBulk] + set[k.mppt] + 50 <= v[r.fullyChargedVoltage]; } },
  { code: "FullVoltage", severity: ALARM, rule: "register 300 + 0.05 V <= register 315", effect: LESS_VOLTAGE,
    holds: function (v) { return v[r.fullyChargedVoltage] + 50 <= v[r.overVoltageCutoff]; } },
  { code: "EmptyVoltage", severity: ALARM, rule: "register 301 >= register 316 + 0.05 V", effect: LESS_VOLTAGE,
    holds: function (v) { return v[r.fullyDischargedVoltage] >= v[r.underVoltageCutoff] + 50; } },
  { code: "ColdCutoff", severity: WARNING, rule: "register 320 <= 10 degC", effect: LESS,
    holds: function (v) { return v[r.lowTempChargerCutoff] <= 10; } },
  { code: "ColdShift", severity: TOLD, rule: "register 320 <= zero of the cold table", effect: "the cold table begins at register 320",
    holds: function (_v, set) { return set[k.shift] <= 0; } },
  { code: "HeatCutoff", severity: WARNING, rule: "zero of the heat table <= register 319 - 2 degC", effect: LESS,
    holds: function (v, set) { return !(set[k.heatZero] > v[r.overHeatCutoff] - 2); } },
  { code: "Restart", severity: WARNING, rule: "register 329 bit 2 set and register 321 <= rebulk_soc", effect: LESS,
    holds: function (v, set) { return (v[r.optionFlags] & 4) > 0 && v[r.chargeRestartLevel] <= set[k.rebulkSoc]; } },
  { code: "Balancing", severity: WARNING, rule: "register 303 <= v_float", effect: LESS,
    holds: function (v, set) { return v[r.earlyBalancingThreshold] <= set[k.vFloat]; } },
  { code: "Cells", severity: WARNING, rule: "cells in use = register 307 = register 53", effect: LESS,
    holds: function (v, set, cells) { return v[r.seriesCells] === cells && (!set[k.detected] || set[k.detected] === cells); } },
];

/** Broken rules as bits, and the worst severity of them in the bits from 16 on. */
export function checkRules(v: Float64Array, set: Float64Array, cells: number): number {
  let broken = 0, worst = 0, bit = 1;
  for (const row of rules) {
    if (!row.holds(v, set, cells)) {
      broken |= bit;
      if (row.severity > worst) worst = row.severity;
    }
    bit += bit;
  }
  return worst << 16 | broken;
}

/** The rows of broken rules, as they stand on HTTP and MQTT. */
export function brokenRules(broken: number): Record<string, unknown>[] {
  return rules.filter(function (_row, i) { return broken & 1 << i; })
    .map(function (row) { return { "code": row.code, "severity": row.severity, "rule": row.rule, "effect": row.effect }; });
}
