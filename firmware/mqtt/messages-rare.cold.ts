// Messages that are made when something changes: limits with their reason, names in the compact state, a register with names.
import type { Limits } from "../battery/limits";
import { whyText } from "../battery/limits-texts";
import { rulesText } from "../battery/rules-text.cold";
import { floored, nameIn } from "../battery/names.cold";
import { PHASES_AT, REASONS_AT, STATUSES_AT } from "../battery/names.baked";
import * as r from "../battery/registers.baked";
import type { Snapshot } from "../battery/snapshot";
import type { Day } from "./messages";

/** Register 50 of the first status that has a name. */
const FIRST_STATUS = 0x91;

/**
 * Names of status, reason of the limits and phase; then the energy in the battery (Wh) and the time that the TinyBMS gives it (s), which
 * are looked at each ten seconds. `words` are registers 32 to 55, which are read as often; all bits set mean unknown.
 */
export function stateNames(s: Snapshot, limits: Limits, words: Uint16Array | null | undefined): string[] {
  const v = s.values, energy = v[r.batteryCapacity] * v[r.stateOfCharge] / 100 * v[r.packVoltage];
  const left = words && energy === energy ? words[2] + words[3] * 65536 : NaN;
  return [nameIn(STATUSES_AT, v[r.onlineStatus] - FIRST_STATUS), nameIn(REASONS_AT, limits.reason), nameIn(PHASES_AT, s.phase),
    `,"est":${energy.toFixed(0)},"ttg":${left < 4294967295 ? left : null}`];
}

/** rt/limits: what CAN says in 0x351, and why; `time` as timeMember gives it. */
export function limitsMessage(s: Snapshot, limits: Limits, now: number, time: string): string {
  const v = s.values, cvl = floored(v[r.chargeVoltageLimit]), ccl = floored(v[r.chargeCurrentLimit]), dcl = floored(v[r.dischargeCurrentLimit]);
  const reason = nameIn(REASONS_AT, limits.reason), phase = nameIn(PHASES_AT, s.phase);
  return `{"cvl":${cvl},"ccl":${ccl},"dcl":${dcl},"charge_allowed":${ccl !== null && ccl > 0},"discharge_allowed":${dcl !== null && dcl > 0}`
    + `,"reason":"${reason}","phase":"${phase}","seq":${s.seq},"timestamp_ms":${Math.round(now)}${time}`
    + `,${whyText(limits)},"broken_rules":${rulesText(limits, true)}}`;
}

/** The member `time` (ISO 8601, UTC) of a message; "" while the time of day is not known. `epoch` is that of boot (s since 1970, 0 unknown). */
export function timeMember(epoch: number, now: number, day: Day): string {
  const s = Math.floor(epoch * 1000 + now) / 1000 - day.dayAt;
  if (!epoch || !(s >= 0 && s < 86400)) return "";
  const hour = ("" + (100 + s / 3600 | 0)).substr(1), minute = ("" + (100 + s / 60 % 60 | 0)).substr(1);
  return `,"time":"${day.date}T${hour}:${minute}:${(100 + s % 60).toFixed(3).substr(1)}Z"`;
}

/** What all register messages of one moment end with; `epoch` and `day` as timeMember takes them. */
export function messageTail(s: Snapshot, now: number, epoch: number, day: Day): string {
  return `,"timestamp_ms":${Math.round(now)}${timeMember(epoch, now, day)},"seq":${s.seq},"quality":"`;
}

/** A register with names, or one that is unknown. (The interpreter's indexOf also finds the begin of a text at the end: so there is one more.) */
export function rareMessage(members: string, known: string, raw: string, tail: string): string {
  const parts = members.split("\t"), names = (parts[1] || "") + ";", at = names.indexOf("," + raw + ":") + 1;
  const name = at ? `,"text":"${names.substring(names.indexOf(":", at) + 1, names.indexOf(",", at))}"` : "";
  return known ? `{${parts[0]}${known}${name}${tail}ok"}` : `{${parts[0]},"value":null${tail}stale"}`;
}
