// Messages that are made when something changes: limits with their reason, names in the compact state, a register with
// names.

import { PHASES_AT, REASONS_AT, STATUSES_AT } from "../battery/names.baked";
import { nameIn, shown } from "../battery/names.cold";
import * as slot from "../battery/registers.baked";
import { ESTIMATED_TIME_LEFT_WORD, STATUS_CHARGING } from "../battery/words.baked";
import { BOOT, LOST, SILENT, type Snapshot } from "../battery/snapshot";
import type { Limits } from "../charge/limits";
import { rulesText, whyNow, whyText } from "../charge/why.cold";
import { textSlice } from "../kernel/text";
import { DAY_S } from "../kernel/time";
import { dayOf } from "../kernel/time.cold";
import { publishTo } from "../mqtt/outbox.cold";
import { publish } from "../mqtt/publish";
import { CRITICAL, MOST_IN_FLIGHT, QOS1, RETAIN } from "../mqtt/session";
import { wallSeconds } from "../time/clock.cold";
import { GX_GONE_MS } from "../victron/task";
import type { Day } from "./messages";
import { type MqttTask, REFRESH_MS } from "./state";
import { FAMILY_ALARMS, FAMILY_GX, FAMILY_STATES, PAGES_AT, PAGES_END, TEXT } from "./topics.baked";

/**
 * Names of status, reason of the limits and phase; then the energy in the battery (Wh) and the time that the TinyBMS
 * gives it (s), which are looked at each ten seconds. `words` are registers 32 to 55, which are read as often; all bits
 * set mean unknown.
 */
export function stateNames(s: Snapshot, limits: Limits, words: Uint16Array | null | undefined): string[] {
  const v = s.values,
    energy = ((v[slot.batteryCapacity] * v[slot.stateOfCharge]) / 100) * v[slot.packVoltage];
  const left =
    words && energy === energy ? words[ESTIMATED_TIME_LEFT_WORD] + words[ESTIMATED_TIME_LEFT_WORD + 1] * 65536 : NaN;
  return [
    nameIn(STATUSES_AT, v[slot.onlineStatus] - STATUS_CHARGING),
    nameIn(REASONS_AT, limits.reason),
    nameIn(PHASES_AT, s.phase),
    `,"est":${energy.toFixed(0)},"ttg":${left < 4294967295 ? left : null}`,
  ];
}

/** rt/limits: what CAN says in 0x351, and why; `time` as timeMember gives it. */
export function limitsMessage(s: Snapshot, limits: Limits, now: number, time: string): string {
  const v = s.values,
    cvl = shown(v[slot.chargeVoltageLimit], 1),
    ccl = shown(v[slot.chargeCurrentLimit], 1),
    dcl = shown(v[slot.dischargeCurrentLimit], 1);
  const reason = nameIn(REASONS_AT, limits.reason),
    phase = nameIn(PHASES_AT, s.phase);
  return (
    `{"cvl":${cvl},"ccl":${ccl},"dcl":${dcl},"charge_allowed":${ccl !== null && ccl > 0}` +
    `,"discharge_allowed":${dcl !== null && dcl > 0}` +
    `,"reason":"${reason}","phase":"${phase}","seq":${s.seq},"timestamp_ms":${Math.round(now)}${time}` +
    `,${whyText(limits)},"broken_rules":${rulesText(whyNow(limits).broken, true, false)}}`
  );
}

/**
 * The member `time` (ISO 8601, UTC) of a message; "" while the time of day is not known. `epoch` is that of boot (s
 * since 1970, 0 unknown).
 */
export function timeMember(epoch: number, now: number, day: Day): string {
  const s = Math.floor(epoch * 1000 + now) / 1000 - day.dayAt;
  if (!epoch || !(s >= 0 && s < DAY_S)) return "";
  const hour = ("" + ((100 + s / 3600) | 0)).substr(1),
    minute = ("" + ((100 + ((s / 60) % 60)) | 0)).substr(1);
  return `,"time":"${day.date}T${hour}:${minute}:${(100 + (s % 60)).toFixed(3).substr(1)}Z"`;
}

/** What all register messages of one moment end with; `epoch` and `day` as timeMember takes them. */
export function messageTail(seq: number, now: number, epoch: number, day: Day): string {
  return `,"timestamp_ms":${Math.round(now)}${timeMember(epoch, now, day)},"seq":${seq},"quality":"`;
}

/**
 * A register with names, or one that is unknown. (The interpreter's indexOf also finds the begin of a text at the end:
 * so there is one more.)
 */
export function rareMessage(members: string, known: string, raw: string, tail: string): string {
  const parts = members.split("\t"),
    names = (parts[1] || "") + ";",
    at = names.indexOf("," + raw + ":") + 1;
  const name = at ? `,"text":"${names.substring(names.indexOf(":", at) + 1, names.indexOf(",", at))}"` : "";
  return known ? `{${parts[0]}${known}${name}${tail}ok"}` : `{${parts[0]},"value":null${tail}stale"}`;
}

// Which of the rows with slots have names for their values, so that their messages carry text (setting retain.text).

/** Whether the message of a register with a slot carries text. */
export function hasNames(suffix: string): boolean {
  return suffix === "system_status" || suffix === "operation_mode";
}

// Publishes the limits when they change and each ten seconds, and whether the battery is there.

/** The round of the GX topics begins anew: its values are old. */
function forgetRound(rare: MqttTask["rare"]): void {
  rare.round = null;
  rare.place[FAMILY_GX] = 0;
}

/** Phase, permissions, status, alarms or the GX changed: the topics that say it do not wait for their period. */
function lookAround(mqtt: MqttTask, ccl: number, dcl: number, now: number): void {
  const rare = mqtt.rare,
    key =
      mqtt.snapshot.phase * 8 +
      (ccl > 0 ? 4 : 0) +
      (dcl > 0 ? 2 : 0) +
      (now - mqtt.can.gxAt > GX_GONE_MS ? 1 : 0) +
      (mqtt.snapshot.values[slot.onlineStatus] || 0) * 64 +
      mqtt.needs.alarms.changes * 65536;
  if (key === rare.key) return;
  const moved = (key ^ rare.key) & 1,
    values = moved && rare.due[FAMILY_GX] > 0 ? 1 : 0; // after a connection the values stay before the states
  rare.due.fill(0, FAMILY_ALARMS, FAMILY_STATES + 1);
  forgetRound(rare);
  if (moved) {
    // the GX came or went: a round of the states begins anew, with all of them, and before the values
    rare.odd = false;
    rare.place[FAMILY_STATES] = 0;
    rare.due[FAMILY_GX] = values;
  }
  rare.key = key;
  mqtt.rareAt = 0;
}

/** Whether the battery is there, and the limits, when one of them changed or was not sent for a while. */
export function publishLimits(mqtt: MqttTask, now: number): number {
  const v = mqtt.snapshot.values,
    phase = mqtt.snapshot.phase,
    online = phase === BOOT || phase >= LOST ? 0 : 1,
    session = mqtt.session;
  const cvl = v[slot.chargeVoltageLimit] || 0,
    ccl = v[slot.chargeCurrentLimit] || 0,
    dcl = v[slot.dischargeCurrentLimit] || 0;
  const sum = phase * 1e9 + cvl * 1e6 + ccl * 1e3 + dcl; // changes when one of them does
  let sent = 0;
  mqtt.limitsSeen = mqtt.limits.at;
  lookAround(mqtt, ccl, dcl, now);
  if (online !== mqtt.online && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/bms", online ? "online" : "offline", QOS1 | RETAIN | CRITICAL, now)) mqtt.online = online;
    sent++;
  }
  if (sum !== mqtt.limitsSum && mqtt.rare.round) forgetRound(mqtt.rare); // it may hold a limit that is higher
  if ((sum !== mqtt.limitsSum || now - mqtt.limitsAt >= REFRESH_MS) && session.inFlight.length < MOST_IN_FLIGHT) {
    const message =
      phase === SILENT && mqtt.limitsFlags & RETAIN
        ? "" // an old limit must not stay retained
        : limitsMessage(mqtt.snapshot, mqtt.limits, now, timeMember(mqtt.needs.clock.epoch, now, mqtt.rare));
    if (publish(session, "rt/limits", message, mqtt.limitsFlags, now)) {
      mqtt.limitsSum = sum;
      mqtt.limitsAt = now;
    }
    sent++;
  }
  if (online !== mqtt.online || sum !== mqtt.limitsSum) mqtt.limitsSeen = -1; // there was no room
  return sent;
}

// Register messages as settings may want them: below a topic of their own, with the texts of the manifest, those
// that carry text with a retain flag of their own.

/** Label and comment of a register, from its item in the manifest. */
function textsOf(suffix: string): string {
  const text = textSlice(PAGES_AT, PAGES_END),
    at = text.indexOf('{"t":"rt/reg/' + suffix + '"');
  if (at < 0) return ""; // of no register
  const item = JSON.parse(text.substring(at, text.indexOf("}", at) + 1)) as Record<string, string>,
    comment = item["c"];
  return `,"label":${JSON.stringify(item["l"])}` + (comment ? `,"comment":${JSON.stringify(comment)}` : "");
}

/**
 * Publish the message of a register; promises as `publish`. One with names has the flags of text, whatever `flags` are.
 */
export function sendRegister(mqtt: MqttTask, suffix: string, message: string, flags: number, now: number): boolean {
  const style = mqtt.style,
    own = hasNames(suffix) ? mqtt.rare.flags[TEXT] : flags;
  const text = style && style.verbose ? message.substr(0, message.length - 1) + textsOf(suffix) + "}" : message;
  if (style && style.root) return publishTo(mqtt.session, style.root + suffix, text, own, now);
  return publish(mqtt.session, "rt/reg/" + suffix, text, own, now);
}

// The day that ISO times of messages begin with.

/** The time of day became known, or it is midnight. */
export function newDay(mqtt: MqttTask): void {
  const wall = wallSeconds(mqtt.needs),
    rare = mqtt.rare;
  rare.date = dayOf(wall);
  rare.dayAt = Math.floor(wall / DAY_S) * DAY_S;
}

// Publishing of the rare topics: QoS, retain and rank by class.

/** Publish with the flags of a class; false when there is no room now. */
export function send(mqtt: MqttTask, suffix: string, payload: string, kind: number, now: number): boolean {
  return publish(mqtt.session, suffix, payload, mqtt.rare.flags[kind], now);
}
