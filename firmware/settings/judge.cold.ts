// What a change of the settings would do to CAN and to the limits, before it is kept. Grave is what silences CAN or
// makes a current 0. The settings are put in place, looked at, and taken back within one step; nothing is sent
// meanwhile.

import type { Needs } from "./needs";
import { floored } from "../battery/names.cold";
import * as slot from "../battery/registers.baked";
import { seriesCells } from "../battery/registers.baked";
import { SETTINGS } from "../bms/places";
import { decodeSettings } from "../bms/settings.baked.cold";
import * as memory from "../charge/memory";
import { brokenRules, prepare, takeSettings } from "../charge/prepare.cold";
import * as setting from "../charge/settings";
import { stopped } from "../charge/settings";
import { readModule } from "../config/document.cold";
import { newestSlot } from "../config/slots.cold";
import { LEAST_GX_LOSS_S } from "../victron/task";

export interface Verdict {
  /** The setting that the first grave reason is about. */
  where: string;
  grave: string[];
  told: string[];
}

/** What settings lead to: rules that do not hold (bits), largest currents now (A), voltages of the pack (mV). */
interface Outcome {
  isValid: boolean;
  broken: number;
  currents: number[];
  bulk: number;
  float: number;
}

const SILENT_CAN = 3;
const WAYS = ["charge", "discharge"];

/**
 * What the limits can be at most with these settings in the state that the charge is in. `isKnown`: the TinyBMS's
 * settings are.
 */
function outcomeOf(needs: Needs, document: string, isKnown: boolean): Outcome {
  const limits = needs.limits,
    set = limits.settings,
    state = limits.state[memory.state];
  takeSettings(
    limits,
    readModule(document, needs.presets, "battery"),
    readModule(document, needs.presets, "can/limits"),
  );
  if (isKnown) prepare(limits, needs.snapshot);
  const currents = [0, 1].map(function (way) {
    let most = isKnown ? set[setting.most + way] : set[setting.cclMax + way];
    if (isKnown && !way && set[setting.cap] < most) most = set[setting.cap];
    if (isKnown && !way && state === memory.HOLD) most = Math.min(most, set[setting.holdA]);
    if (isKnown && way && state === memory.SUSTAIN) most = Math.min(most, set[setting.susDcl]);
    return set[setting.inhibit] & (way ? 4 : 1) ? 0 : most;
  });
  return {
    isValid: isKnown ? limits.valid : set[setting.vBulk] > 0,
    broken: isKnown ? set[setting.brokenRules] : 0,
    currents: currents,
    bulk: isKnown ? set[setting.bulk] : NaN,
    float: isKnown ? set[setting.float] : NaN,
  };
}

/** The outcomes of a new document and of the one in force, which is in place again afterwards. */
function outcomes(needs: Needs, document: string, isKnown: boolean): Outcome[] {
  const saved = new Float64Array(needs.limits.state),
    old = newestSlot(needs.store, needs.natives.crc32).document;
  const both = [outcomeOf(needs, document, isKnown), outcomeOf(needs, old, isKnown)];
  needs.limits.state.set(saved);
  return both;
}

/** Rules that hold now and would not then; those that silence CAN are grave, or told where it is silent already. */
function judgeRules(after: Outcome, before: Outcome, verdict: Verdict): void {
  for (const row of brokenRules(after.broken & (after.isValid ? ~before.broken : 0xffff))) {
    const isSilent = row["severity"] === SILENT_CAN;
    if (isSilent && before.isValid) verdict.grave.push(`rule ${row["code"]} (${row["rule"]}): ${row["effect"]} on CAN`);
    else verdict.told.push(`rule ${row["code"]} (${row["rule"]}): ${row["effect"]}${isSilent ? " on CAN" : ""}`);
  }
  if (!after.isValid && !after.broken && before.isValid) verdict.grave.push("no chemistry: nothing is sent on CAN");
}

/** Currents that become 0 are grave; others, and voltages, are told. */
function judgeLimits(after: Outcome, before: Outcome, verdict: Verdict): void {
  WAYS.forEach(function (name, way) {
    const now = floored(before.currents[way]),
      then = floored(after.currents[way]);
    if (now === then) return;
    if (then === 0) verdict.grave.push(`the ${name} limit falls from ${now} to 0 A`);
    else verdict.told.push(`largest ${name} current: ${now} to ${then} A`);
  });
  if (floored(before.bulk / 1000) !== floored(after.bulk / 1000))
    verdict.told.push(`charge voltage: ${floored(before.bulk / 1000)} to ${floored(after.bulk / 1000)} V`);
  if (floored(before.float / 1000) !== floored(after.float / 1000))
    verdict.told.push(`float voltage: ${floored(before.float / 1000)} to ${floored(after.float / 1000)} V`);
}

function touches(changed: string[], module: string): string[] {
  return changed.filter(function (name) {
    return name.startsWith(module);
  });
}

/** Judge the change that leads to `document`, the settings `changed`, in any phase. */
export function judgeChange(needs: Needs, document: string, changed: string[]): Verdict {
  const verdict: Verdict = { where: "", grave: [], told: [] },
    battery = touches(changed, "battery.").concat(touches(changed, "can/limits.")),
    lines = touches(changed, "can.").concat(touches(changed, "bms."));
  if (lines.length) judgeLines(needs, document, lines, verdict);
  if (!battery.length) return verdict;
  const v = needs.snapshot.values,
    words = needs.uart.raw[SETTINGS],
    isForgotten = isNaN(v[slot.fullyChargedVoltage]),
    low = v[slot.dischargeVoltageLimit];
  if (isForgotten && words) decodeSettings(words, v, false); // of the last reply
  const isKnown = !isNaN(v[slot.fullyChargedVoltage]),
    both = outcomes(needs, document, isKnown);
  if (isForgotten) {
    v.fill(NaN, slot.MEASURED_SLOTS, slot.MEASURED_SLOTS + slot.SETTINGS_SLOTS);
    needs.limits.state[memory.preparedAt] = needs.limits.state[memory.preparedSum] = NaN;
  }
  v[slot.dischargeVoltageLimit] = low;
  judgeRules(both[0], both[1], verdict);
  judgeLimits(both[0], both[1], verdict);
  if (!isKnown)
    verdict.told.push("the settings of the TinyBMS are not known: no rule that compares with them was looked at");
  if (verdict.grave.length && !verdict.where) verdict.where = battery[0];
  return verdict;
}

// What a change of the modules can and bms would do (the other modules: `judgeChange`).

/** Judge the settings `changed` of these modules, with their new values in `document`. */
export function judgeLines(needs: Needs, document: string, changed: string[], verdict: Verdict): void {
  const can = readModule(document, needs.presets, "can"),
    bms = readModule(document, needs.presets, "bms"),
    s = needs.snapshot,
    now = needs.natives.now();
  function grave(where: string, text: string): void {
    if (changed.indexOf(where) < 0) return;
    verdict.grave.push(text);
    verdict.where = verdict.where || where;
  }
  if (can["listen_only"]) grave("can.listen_only", "nothing is sent on CAN from the next start on");
  if (changed.indexOf("can.rate") >= 0)
    verdict.told.push("from the next start on CAN has " + can["rate"] + " kbit/s: the GX must have the same");
  const wait_s = can["gx_loss_s"] ? Math.max(can["gx_loss_s"] as number, LEAST_GX_LOSS_S) : 0,
    away_s = Math.floor((now - Math.max(needs.can.gxAt, 0)) / 1000);
  if (wait_s && away_s > wait_s && !needs.limits.settings[stopped])
    grave("can.gx_loss_s", "both limits fall to 0 A: no GX was seen for " + away_s + " s");
  const cells = (bms["expected_cells"] as number) || s.values[seriesCells];
  if (s.cellsAt >= 0 && cells > 0 && cells !== s.cells)
    grave(
      "bms.expected_cells",
      s.cells +
        " cells are there and not " +
        cells +
        ": the battery is lost, both limits fall to 0 A, then CAN is silent",
    );
}
