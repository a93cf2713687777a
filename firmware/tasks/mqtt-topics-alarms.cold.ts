// Alarms: rt/alarms/m, rt/alarms/id<N>, rt/gx/Alarms/*. What has changed goes out; an alarm that is over is said to be, then its
// retained topic is cleared. The first time after a start, topics that an earlier life left behind are cleared as well.
import { shown } from "../battery/names.cold";
import { BOOT } from "../battery/snapshot";
import { isoTime } from "../kernel/time.cold";
import { textSlice } from "../kernel/text";
import { gxAlarm, gxLevel } from "../mqtt/topics-gx.cold";
import { MOST_IN_FLIGHT, RETAIN } from "../mqtt/session";
import * as topics from "../mqtt/topics.baked";
import { alarmsKnown, alarmsNow, type Alarm } from "./active-alarms.cold";
import type { App } from "./app";
import { wallSeconds } from "./clock.cold";
import { send } from "./mqtt-send.cold";
import type { AlarmShown, Rare } from "./mqtt-state";

/** Alarms are looked at this often, ms; the grave ones at once (tasks/mqtt.ts). */
const ROUND_MS = 10000;
/** From some topics that an earlier life left behind to the next: others are more urgent, ms. */
const LEFT_MS = 400;

/** "CellImbalance" to "cell imbalance". */
function words(code: string): string {
  let out = "";
  for (let i = 0; i < code.length; i++) out += (i && code[i] < "a" ? " " : "") + code[i].toLowerCase();
  return out;
}

/** The value that belongs to an alarm, null when it has none. */
function valueOf(values: Float64Array, id: number): number | null {
  const text = textSlice(topics.ALARM_VALUES_AT, topics.ALARM_VALUES_END), at = text.indexOf("," + id + ":");
  const slot = parseInt(text.substr(text.indexOf(":", at) + 1));
  return slot < 0 ? null : shown(values[slot], 3);
}

/** rt/alarms/id<N>: a active, k acknowledged, c its condition holds, s severity, v value, lc last change (ms), since when. */
function alarmText(app: App, alarm: Alarm, out: AlarmShown, active: number, now: number): string {
  const wall = wallSeconds(app), since = wall ? `,"since":"${isoTime(wall - (now - out.at) / 1000)}"` : "";
  return `{"id":${out.id},"code":"${alarm["code"]}","a":${active},"k":${out.acked},"c":${active},"s":${active ? out.level : 0}`
    + `,"v":${valueOf(app.snapshot.values, out.id)},"lc":${Math.round(active ? out.at : now)}${since}}`;
}

/** rt/alarms/m: a active, h highest severity, u not acknowledged. */
function summaryText(active: Alarm[], out: AlarmShown[], now: number): string {
  let level = 0, message = "ok", acked = 0;
  for (const alarm of active) {
    if (alarm["severity"] > level) {
      level = alarm["severity"];
      message = words(alarm["code"]);
    }
  }
  for (const one of out) acked += one.acked;
  return `{"a":${active.length},"h":${level},"u":${active.length - acked},"level":${level},"message":"${message}","ts":${Math.round(now)}}`;
}

function outOf(rare: Rare, id: number): AlarmShown | undefined {
  return rare.alarms.find(function (one) { return one.id === id; });
}

function isActive(active: Alarm[], id: number): boolean {
  return active.some(function (one) { return one["id"] === id; });
}

/** The alarms themselves; how many messages are left, -1 when there was no room. */
function publishEach(app: App, active: Alarm[], left: number, now: number): number {
  const mqtt = app.mqtt, rare = mqtt.rare;
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
    if (left-- <= 0 || !send(mqtt, "rt/alarms/id" + out.id, alarmText(app, alarm, out, 1, now), topics.ALARMS, now)) {
      out.level = before;
      return -1;
    }
  }
  for (const out of rare.alarms.slice()) {
    if (isActive(active, out.id)) continue;
    left -= 2;
    if (left < 0 || !endAlarm(app, out, now)) return -1;
    rare.alarms.splice(rare.alarms.indexOf(out), 1);
    rare.summary = true;
  }
  return left;
}

/** Say that an alarm is over, not retained, then clear what is: not while that waits, because the newer would take its place. */
function endAlarm(app: App, out: AlarmShown, now: number): boolean {
  const mqtt = app.mqtt, flags = mqtt.rare.flags, topic = "rt/alarms/id" + out.id, kept = flags[topics.ALARMS];
  flags[topics.ALARMS] = kept & ~RETAIN;
  const said = out.level < 0 || send(mqtt, topic, `{"id":${out.id},"a":0,"k":${out.acked},"c":0,"s":0,"lc":${Math.round(now)}}`, topics.ALARMS, now);
  flags[topics.ALARMS] = kept;
  if (said) out.level = -1;
  return said && (!(kept & RETAIN) || !mqtt.session.outbox.length && send(mqtt, topic, "", topics.ALARMS, now));
}

/** Clear the topics that an earlier life of the device may have left; false when there is more to do. */
function clearLeftovers(app: App, left: number, now: number): boolean {
  const mqtt = app.mqtt, rare = mqtt.rare, ids = textSlice(topics.ALARM_VALUES_AT, topics.ALARM_VALUES_END).split(",");
  while (rare.leftovers < ids.length) {
    const id = parseInt(ids[rare.leftovers]);
    if (id && rare.flags[topics.ALARMS] & RETAIN && !outOf(rare, id)
      && (left-- <= 0 || !send(mqtt, "rt/alarms/id" + id, "", topics.ALARMS, now))) return false;
    rare.leftovers++;
  }
  return true;
}

/** Messages of what has changed; when to go on (ms). */
export function publishAlarms(app: App, now: number): number {
  const mqtt = app.mqtt, rare = mqtt.rare, active = alarmsNow(app), known = alarmsKnown(mqtt.snapshot.phase);
  const levels: { [id: string]: number } = {};
  let row = 0, left = MOST_IN_FLIGHT - mqtt.session.inFlight.length, key = known;
  for (const alarm of active) {
    levels[alarm["id"]] = alarm["severity"];
    key += alarm["id"] + ":" + alarm["severity"] + ",";
  }
  left = publishEach(app, active, left, now);
  if (left < 0) return now;
  if (rare.summary) {
    if (left-- <= 0 || !send(mqtt, "rt/alarms/m", summaryText(active, rare.alarms, now), topics.ALARMS, now)) return now;
    rare.summary = false;
  }
  if (key === rare.levels && rare.gx.indexOf(Infinity, topics.GX_ROWS) < 0) row = topics.GX_ALARM_ROWS; // all of them are out
  for (; row < topics.GX_ALARM_ROWS; row++) {
    const parts = gxAlarm(row), level = gxLevel(parts[1], known, levels), last = rare.gx[topics.GX_ROWS + row];
    if (level === last || level !== level && last !== last) continue;
    const payload = `{"value":${level === level ? level : null}${parts[2]},"timestamp_ms":${Math.round(now)}}`;
    if (left-- <= 0 || !send(mqtt, "rt/gx/" + parts[0], payload, topics.ALARMS, now)) return now;
    rare.gx[topics.GX_ROWS + row] = level;
  }
  rare.levels = key;
  return mqtt.snapshot.phase === BOOT || clearLeftovers(app, left, now) ? now + ROUND_MS : now + LEFT_MS;
}
