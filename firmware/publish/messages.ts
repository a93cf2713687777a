// The messages of the second: compact state, limits, and one register with all that is known of it. Rows come from the
// baked columns, their constant parts from the image's text. Unknown is null, never 0.
import * as slot from "../battery/registers.baked";
import { NORMAL, type Snapshot } from "../battery/snapshot";
import { textSlice } from "../kernel/text";
import { rareMessage } from "./messages.cold";
import { MEMBERS_ENERGY, NAME_PHASE, NAME_REASON, NAME_STATUS } from "./state";
import { forms, ROW_WIDTH } from "./rows.baked";

/** rt/state: all live values in one message; `names` are those of `stateNames`, `time` as timeMember gives it. */
export function stateMessage(s: Snapshot, names: string[], time: string): string {
  const v = s.values,
    current = v[slot.packCurrent];
  return (
    `{"soc":${v[slot.stateOfCharge].toFixed(1)},"v":${v[slot.packVoltage].toFixed(2)}` +
    `,"i":${current.toFixed(2)},"p":${v[slot.packPower].toFixed(0)}` +
    `,"cmin":${v[slot.minCellVoltage]},"cmax":${v[slot.maxCellVoltage]},"cd":${v[slot.cellSpread]}` +
    `,"t1":${v[slot.externalTemp1]},"t2":${v[slot.externalTemp2]}` +
    `,"st":"${names[NAME_STATUS]}","ein":${v[slot.chargedEnergy].toFixed(2)}` +
    `,"eout":${v[slot.dischargedEnergy].toFixed(2)}${names[MEMBERS_ENERGY]}` +
    `,"cvl":${v[slot.chargeVoltageLimit].toFixed(1)},"ccl":${v[slot.chargeCurrentLimit].toFixed(1)}` +
    `,"dcl":${v[slot.dischargeCurrentLimit].toFixed(1)},"lim":"${names[NAME_REASON]}"` +
    `,"prob":${s.phase === NORMAL && !(v[slot.internalFailure] > 0) ? 0 : 1},"chg":${current > 0 ? 1 : current * 0}` +
    `,"bal":${v[slot.balancingActive] > 0 ? 1 : v[slot.balancingActive]},"ph":"${names[NAME_PHASE]}","seq":${s.seq}${time}}`
  ).replaceAll("NaN", "null");
}

/** A day of the calendar: its text, and when it began (s since 1970; -1: none is known). */
export interface Day {
  date: string;
  dayAt: number;
}

/**
 * Suffix of a register topic, a tab, the members of its message that never change; of a row with names a tab and these.
 */
export function registerText(row: number): string {
  return textSlice(row * ROW_WIDTH, row * ROW_WIDTH + ROW_WIDTH).trim();
}

/**
 * rt/reg/<suffix>: what `registerText` says behind its tab, and the value; `groups` are the raw words of the poll
 * groups as they came last.
 */
export function registerMessage(
  row: number,
  members: string,
  value: number,
  groups: (Uint16Array | null)[],
  tail: string,
): string {
  const form = forms[row],
    kind = form & 12,
    words = groups[form >> 10],
    at = (form >> 4) & 63;
  if (value !== value) return rareMessage(members, "", "", tail);
  if (!words) return `{${members},"value":${value.toFixed(form & 3)}${tail}ok"}`;
  const word = words[at];
  if (kind < 8) return `{${members},"value":${value.toFixed(form & 3)},"raw":${word}${tail}ok"}`;
  if (kind === 12) return rareMessage(members, `,"value":${value},"raw":${word}`, "" + word, tail);
  return (
    `{${members},"value":${value.toFixed(form & 3)},"raw":${word + words[at + 1] * 65536}` +
    `,"words":[${word},${words[at + 1]}]${tail}ok"}`
  );
}
