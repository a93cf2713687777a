// What a change of the settings would do to CAN and to the limits, before it is kept. Grave is what silences CAN or
// makes a current 0. The settings are tried beside the limits in force, which nobody touches.

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
import type { Values } from "../config/settings.cold";
import { WARN } from "../log/log";
import { writeLog } from "../log/log.cold";
import type { Change, Outcome, Trial } from "./change";
import { LEAST_GX_LOSS_S } from "../victron/task";

interface Verdict {
  /** The setting that the first grave reason is about. */
  where: string;
  grave: string[];
  told: string[];
}

const SILENT_CAN = 3;
const WAYS = ["charge", "discharge"];

/** What the limits can be at most with the settings that are being tried, in the state that the charge is in. */
function outcomeOf(trial: Trial, cells: number): Outcome {
  const limits = trial.limits,
    set = limits.settings,
    isKnown = trial.isKnown,
    state = limits.state[memory.state];
  if (isKnown) prepare(limits, { values: trial.values, cells: cells });
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

/** Begin a trial beside the limits in force, and what those lead to. */
export function tryOld(needs: Needs, own: Change): void {
  const limits = needs.limits,
    s = needs.snapshot,
    words = needs.uart.raw[SETTINGS],
    values = new Float64Array(s.values),
    trial: Trial = {
      limits: Object.assign(Object.assign({}, limits), {
        settings: new Float64Array(limits.settings),
        state: new Float64Array(limits.state),
      }),
      values: values,
      isKnown: false,
      before: null,
      after: null,
    };
  if (isNaN(values[slot.fullyChargedVoltage]) && words) decodeSettings(words, values, false); // of the last reply
  trial.isKnown = !isNaN(values[slot.fullyChargedVoltage]);
  trial.before = outcomeOf(trial, s.cells);
  own.trial = trial;
}

/** What the new settings lead to. */
export function tryNew(needs: Needs, own: Change): void {
  const trial = own.trial,
    most = own.values["can/limits"];
  if (!trial) return;
  takeSettings(trial.limits, own.values["battery"], most);
  trial.after = outcomeOf(trial, needs.snapshot.cells);
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

/** The verdict on what was tried, and on settings of the lines. */
function verdictOf(needs: Needs, own: Change): Verdict {
  const verdict: Verdict = { where: "", grave: [], told: [] },
    trial = own.trial,
    changed = own.put.changed,
    battery = touches(changed, "battery.").concat(touches(changed, "can/limits.")),
    lines = touches(changed, "can.").concat(touches(changed, "bms."));
  if (lines.length) judgeLines(needs, own.values["can"], own.values["bms"], lines, verdict);
  if (!battery.length || !trial || !trial.before || !trial.after) return verdict;
  judgeRules(trial.after, trial.before, verdict);
  judgeLimits(trial.after, trial.before, verdict);
  if (!trial.isKnown)
    verdict.told.push("the settings of the TinyBMS are not known: no rule that compares with them was looked at");
  if (verdict.grave.length && !verdict.where) verdict.where = battery[0];
  return verdict;
}

/**
 * Judge a change that is right by itself; it is refused when it is grave and nobody confirmed it. One line in the log,
 * but when it is only checked.
 */
export function weigh(needs: Needs, own: Change): void {
  const verdict = verdictOf(needs, own),
    put = own.put,
    confirmed = own.asked.confirmed,
    grave = verdict.grave.join("; ");
  own.trial = null;
  put.warnings = verdict.grave.concat(verdict.told);
  if (!grave) return;
  if (!own.asked.dry)
    writeLog(needs, WARN, "settings" + (confirmed ? ": " : " refused: ") + put.changed.join(" ") + ": " + grave);
  if (confirmed) return;
  put.code = "InterlockBlocked";
  put.where = verdict.where;
  put.reason = grave + "; say confirm: true to do it all the same";
  put.warnings = verdict.told;
}

// What a change of the modules can and bms would do (the other modules: `verdictOf`).

/** Judge the settings `changed` of these modules, whose new values are `can` and `bms`. */
export function judgeLines(needs: Needs, can: Values, bms: Values, changed: string[], verdict: Verdict): void {
  const s = needs.snapshot,
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
