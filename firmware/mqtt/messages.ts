// The messages of the second: compact state, limits, and one register with all that is known of it. Rows come from the
// baked columns, their constant parts from the image's text. Unknown is null, never 0.
import type { Limits } from "../battery/limits";
import { floored, nameIn, shown } from "../battery/names";
import { PHASES_AT, REASONS_AT, STATUSES_AT } from "../battery/names.baked";
import * as r from "../battery/registers.baked";
import { NORMAL, type Snapshot } from "../battery/snapshot";
import { textSlice } from "../kernel/text";
import { ROW_WIDTH } from "./rows.baked";

/** Register 50 of the first status that has a name. */
const FIRST_STATUS = 0x91;

/** rt/state: all live values in one message. */
export function stateMessage(s: Snapshot, limits: Limits): string {
  const v = s.values;
  return JSON.stringify({
    "soc": shown(v[r.stateOfCharge], 1), "v": shown(v[r.packVoltage], 2), "i": shown(v[r.packCurrent], 2), "p": shown(v[r.packPower], 0),
    "cmin": shown(v[r.minCellVoltage], 0), "cmax": shown(v[r.maxCellVoltage], 0), "cd": shown(v[r.cellSpread], 0),
    "t1": shown(v[r.externalTemp1], 1), "t2": shown(v[r.externalTemp2], 1), "st": nameIn(STATUSES_AT, v[r.onlineStatus] - FIRST_STATUS),
    "ein": shown(v[r.chargedEnergy], 2), "eout": shown(v[r.dischargedEnergy], 2), "est": null, "ttg": null,
    "cvl": floored(v[r.chargeVoltageLimit]), "ccl": floored(v[r.chargeCurrentLimit]), "dcl": floored(v[r.dischargeCurrentLimit]),
    "lim": nameIn(REASONS_AT, limits.reason), "prob": s.phase === NORMAL && !(v[r.internalFailure] > 0) ? 0 : 1,
    "chg": v[r.packCurrent] > 0 ? 1 : 0, "bal": v[r.balancingActive] > 0 ? 1 : 0, "ph": nameIn(PHASES_AT, s.phase), "seq": s.seq,
  });
}

/** rt/limits: what CAN says in 0x351, and why. */
export function limitsMessage(s: Snapshot, limits: Limits, now: number): string {
  const v = s.values, cvl = floored(v[r.chargeVoltageLimit]), ccl = floored(v[r.chargeCurrentLimit]), dcl = floored(v[r.dischargeCurrentLimit]);
  const reason = nameIn(REASONS_AT, limits.reason), phase = nameIn(PHASES_AT, s.phase);
  return `{"cvl":${cvl},"ccl":${ccl},"dcl":${dcl},"charge_allowed":${ccl !== null && ccl > 0},"discharge_allowed":${dcl !== null && dcl > 0}`
    + `,"reason":"${reason}","phase":"${phase}","seq":${s.seq},"timestamp_ms":${Math.round(now)}}`;
}

/**
 * rt/reg/<suffix> of a row: suffix, tab, payload. Each row of the text says in five digits how it is read: group of
 * raw words (9: derived), place in the group (two digits), kind (0 unsigned, 1 signed, 2 two words), decimals.
 */
export function registerMessage(row: number, s: Snapshot, groups: (Uint16Array | null)[], now: number): string {
  const text = textSlice(row * ROW_WIDTH, row * ROW_WIDTH + ROW_WIDTH).split("\t"), form = text[2], kind = form[3], names = text[3];
  const value = shown(s.values[row], form.charCodeAt(4) - 48), words = groups[form.charCodeAt(0) - 48];
  const at = form.charCodeAt(1) * 10 + form.charCodeAt(2) - 528, name = names.indexOf("," + value + ":") + 1; // 0: no name
  let raw = "";
  if (words && value !== null) {
    const word = words[at], next = words[at + 1];
    raw = kind === "2" ? `,"raw":${word + next * 65536},"words":[${word},${next}]` : `,"raw":${kind === "1" ? word << 16 >> 16 : word}`;
  }
  if (name) raw += `,"text":"${names.substring(names.indexOf(":", name) + 1, names.indexOf(",", name))}"`;
  const quality = value === null ? "stale" : "ok";
  return `${text[0]}\t{${text[1]},"value":${value}${raw},"timestamp_ms":${Math.round(now)},"seq":${s.seq},"quality":"${quality}"}`;
}
