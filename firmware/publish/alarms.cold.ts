// The active alarms, and who has seen them: one list for MQTT and commands.

import { BMS_LATE, BMS_NEVER } from "../battery/alarms";
import { alarmsText } from "../battery/alarms.cold";
import { shown } from "../battery/names.cold";
import { BOOT, LOST } from "../battery/snapshot";
import { textSlice } from "../kernel/text";
import { isoTime } from "../kernel/time.cold";
import { MOST_IN_FLIGHT, RETAIN } from "../mqtt/session";
import { wallSeconds } from "../time/clock.cold";
import { send } from "./messages.cold";
import type { AlarmShown, Rare } from "./state";
import { gxAlarm, gxLevel } from "./gx.cold";
import * as topics from "./topics.baked";
import type { MqttTask } from "./state";

/** An alarm as `alarmsText` tells it; `k` 1: somebody has seen it. */
export interface Alarm {
  "id": number;
  "code": string;
  "severity": number;
  "since_ms": number;
  "k": number;
}

/** The active alarms. What is over is forgotten by those who have seen it. */
export function alarmsNow(mqtt: MqttTask): Alarm[] {
  const acked = mqtt.needs.alarms.acked,
    alarms = JSON.parse(alarmsText(mqtt.needs.alarms)) as Alarm[],
    kept: number[] = [];
  for (const alarm of alarms) {
    const at = acked.indexOf(alarm["id"]),
      since = alarm["since_ms"];
    alarm["k"] = at >= 0 && acked[at + 1] === since ? 1 : 0;
    if (alarm["k"]) kept.push(alarm["id"], since);
  }
  mqtt.needs.alarms.acked = kept;
  return alarms;
}

/**
 * Numbers of the alarms whose source is evaluated, each between commas; "" all. Without data only those say something
 * that are about the device and its links, of which those of the TinyBMS count as soon as it is late.
 */
export function alarmsKnown(phase: number, device: number): string {
  const links = ",42,43,44,45,50,52,";
  if (phase >= LOST) return links + "60,";
  return phase > BOOT ? "" : links + (device & BMS_LATE ? "41," : "") + (device & BMS_NEVER ? "60," : "");
}

// Alarms: rt/alarms/m, rt/alarms/id<N>, rt/gx/Alarms/*. What has changed goes out. The first
// time after a start, topics that an earlier life left behind are cleared as well.

/** Alarms are looked at this often, ms; the grave ones at once (publish/task.ts). */
const ROUND_MS = 10000;
/** Most messages of a step; one that is over takes two. */
const MOST = 2;
/** Alarms of a GX that are looked at in a step. */
const LOOKS = 6;
/** From some topics that an earlier life left behind to the next: others are more urgent, ms. */
const LEFT_MS = 400;

/** "CellImbalance" to "cell imbalance". */
function words(code: string): string {
  let out = "";
  for (let i = 0; i < code.length; i++) out += (i && code[i] < "a" ? " " : "") + code[i].toLowerCase();
  return out;
}

/** rt/alarms/m: a active, h highest severity, u not acknowledged. "ok" only of a battery that is known (`isKnown`). */
function summaryText(active: Alarm[], out: AlarmShown[], isKnown: boolean, now: number): string {
  let level = 0,
    message = isKnown ? "ok" : "unknown",
    acked = 0;
  for (const alarm of active) {
    if (alarm["severity"] > level) {
      level = alarm["severity"];
      message = words(alarm["code"]);
    }
  }
  for (const one of out) acked += one.acked;
  const highest = level || isKnown ? level : null,
    counts = `{"a":${active.length},"h":${level},"u":${active.length - acked}`;
  return `${counts},"level":${highest},"message":"${message}","ts":${Math.round(now)}}`;
}

function outOf(rare: Rare, id: number): AlarmShown | undefined {
  return rare.alarms.find(function (one) {
    return one.id === id;
  });
}

/** Clear the topics that an earlier life of the device may have left; false when there is more to do. */
function clearLeftovers(mqtt: MqttTask, left: number, now: number): boolean {
  const rare = mqtt.rare,
    ids = textSlice(topics.ALARM_VALUES_AT, topics.ALARM_VALUES_END).split(",");
  while (rare.leftovers < ids.length) {
    const id = parseInt(ids[rare.leftovers]);
    if (
      id &&
      rare.flags[topics.ALARMS] & RETAIN &&
      !outOf(rare, id) &&
      (left-- <= 0 || !send(mqtt, "rt/alarms/id" + id, "", topics.ALARMS, now))
    )
      return false;
    rare.leftovers++;
  }
  return true;
}

/** Messages of what has changed; when to go on (ms). */
export function publishAlarms(mqtt: MqttTask, now: number): number {
  const rare = mqtt.rare,
    active = alarmsNow(mqtt),
    known = alarmsKnown(mqtt.snapshot.phase, mqtt.needs.alarms.device);
  const levels: { [id: string]: number } = {};
  let row = 0,
    looks = LOOKS,
    left = Math.min(MOST, MOST_IN_FLIGHT - mqtt.session.inFlight.length),
    key = known;
  for (const alarm of active) {
    levels[alarm["id"]] = alarm["severity"];
    key += alarm["id"] + ":" + alarm["severity"] + ",";
  }
  const isKnown = mqtt.snapshot.phase !== BOOT;
  if (isKnown !== rare.known) rare.summary = true;
  left = publishEachAlarm(mqtt, active, left, now);
  if (left < 0) return now;
  if (rare.summary) {
    if (left-- <= 0 || !send(mqtt, "rt/alarms/m", summaryText(active, rare.alarms, isKnown, now), topics.ALARMS, now))
      return now;
    rare.summary = false;
    rare.known = isKnown;
  }
  row = rare.place[topics.FAMILY_ALARMS] - 1; // 0 is the place of no round
  if (row < 0) {
    // all of them are out, or a round begins
    row = key === rare.levels && rare.gx.indexOf(Infinity, topics.GX_ROWS) < 0 ? topics.GX_ALARM_ROWS : 0;
    rare.levels = key;
  }
  for (; row < topics.GX_ALARM_ROWS; row++) {
    rare.place[topics.FAMILY_ALARMS] = row + 1;
    if (looks-- <= 0) return now;
    const parts = gxAlarm(row),
      level = gxLevel(parts[topics.GX_ALARM_IDS], known, levels),
      last = rare.gx[topics.GX_ROWS + row];
    if (level === last || (level !== level && last !== last)) continue;
    const payload =
      `{"value":${level === level ? level : null}${parts[topics.GX_ALARM_BEHIND]}` +
      `,"timestamp_ms":${Math.round(now)}}`;
    if (left-- <= 0 || !send(mqtt, "rt/gx/" + parts[topics.GX_ALARM_PATH], payload, topics.ALARMS, now)) return now;
    rare.gx[topics.GX_ROWS + row] = level;
  }
  rare.place[topics.FAMILY_ALARMS] = 0;
  if (key !== rare.levels) return now; // it has changed on the way
  return mqtt.snapshot.phase === BOOT || clearLeftovers(mqtt, left, now) ? now + ROUND_MS : now + LEFT_MS;
}

// rt/alarms/id<N>: an alarm comes, changes, is over. One that is over is said to be, then its retained topic is
// cleared.

/** The value that belongs to an alarm, null when it has none. */
function valueOf(values: Float64Array, id: number): number | null {
  const text = textSlice(topics.ALARM_VALUES_AT, topics.ALARM_VALUES_END),
    at = text.indexOf("," + id + ":");
  const slot = parseInt(text.substr(text.indexOf(":", at) + 1));
  return slot < 0 ? null : shown(values[slot], 3);
}

/**
 * rt/alarms/id<N>: a active, k acknowledged, c its condition holds, s severity, v value, lc last change (ms), since
 * when.
 */
function alarmText(mqtt: MqttTask, alarm: Alarm, out: AlarmShown, active: number, now: number): string {
  const wall = wallSeconds(mqtt.needs),
    since = wall ? `,"since":"${isoTime(wall - (now - out.at) / 1000)}"` : "";
  return (
    `{"id":${out.id},"code":"${alarm["code"]}","a":${active},"k":${out.acked}` +
    `,"c":${active},"s":${active ? out.level : 0}` +
    `,"v":${valueOf(mqtt.snapshot.values, out.id)},"lc":${Math.round(active ? out.at : now)}${since}}`
  );
}

function isActive(active: Alarm[], id: number): boolean {
  return active.some(function (one) {
    return one["id"] === id;
  });
}

/**
 * Say that an alarm is over, not retained, then clear what is: not while that waits, because the newer would take its
 * place.
 */
function endAlarm(mqtt: MqttTask, out: AlarmShown, now: number): boolean {
  const flags = mqtt.rare.flags,
    topic = "rt/alarms/id" + out.id,
    kept = flags[topics.ALARMS];
  flags[topics.ALARMS] = kept & ~RETAIN;
  const said =
    out.level < 0 ||
    send(
      mqtt,
      topic,
      `{"id":${out.id},"a":0,"k":${out.acked},"c":0,"s":0,"lc":${Math.round(now)}}`,
      topics.ALARMS,
      now,
    );
  flags[topics.ALARMS] = kept;
  if (said) out.level = -1;
  return said && (!(kept & RETAIN) || (!mqtt.session.outbox.length && send(mqtt, topic, "", topics.ALARMS, now)));
}

/** The alarms themselves; how many messages are left, -1 when there was no room. */
export function publishEachAlarm(mqtt: MqttTask, active: Alarm[], left: number, now: number): number {
  const rare = mqtt.rare;
  for (const alarm of active) {
    let out = outOf(rare, alarm["id"]);
    if (!out) {
      out = { id: alarm["id"], level: -1, acked: 0, at: alarm["since_ms"] };
      rare.alarms.push(out);
    }
    if (out.level === alarm["severity"] && out.acked === alarm["k"]) continue;
    const before = out.level;
    out.level = alarm["severity"];
    out.acked = alarm["k"];
    rare.summary = true;
    if (left-- <= 0 || !send(mqtt, "rt/alarms/id" + out.id, alarmText(mqtt, alarm, out, 1, now), topics.ALARMS, now)) {
      out.level = before;
      return -1;
    }
  }
  for (const out of rare.alarms.slice()) {
    if (isActive(active, out.id)) continue;
    left -= 2;
    if (left < 0 || !endAlarm(mqtt, out, now)) return -1;
    rare.alarms.splice(rare.alarms.indexOf(out), 1);
    rare.summary = true;
  }
  return left;
}
