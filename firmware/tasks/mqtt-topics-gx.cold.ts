// rt/gx/*: a round through the values that a GX shows.
import { nameIn } from "../battery/names.cold";
import { PHASES_AT } from "../battery/names.baked";
import { SILENT } from "../battery/snapshot";
import { gxValues } from "../mqtt/gx.baked.cold";
import { timeMember } from "../mqtt/messages-rare.cold";
import { RETAIN } from "../mqtt/session";
import { gxMessage, whole } from "../mqtt/topics-gx.cold";
import * as topics from "../mqtt/topics.baked";
import type { App } from "./app";
import { newDay } from "./mqtt-topics-parts";
import { send } from "./mqtt-send.cold";
import { statisticOf } from "./statistic.cold";

/** Period of a round, and of one that feeds the mirror too, ms; most messages of a step. */
const ROUND_MS = 10000, MIRRORED_MS = 2000, MOST = 4;

/** Messages of what a GX shows, as far as it has changed. Retained limits are cleared while the device is silent. When to go on (ms). */
export function publishGx(app: App, now: number): number {
  const mqtt = app.mqtt, rare = mqtt.rare, s = mqtt.snapshot, last = rare.gx, phase = nameIn(PHASES_AT, s.phase);
  if (app.clock.epoch && !timeMember(app.clock.epoch, now, rare)) newDay(app);
  const tail = `,"timestamp_ms":${Math.round(now)}${timeMember(app.clock.epoch, now, rare)},"seq":${s.seq}`;
  let row = 0, left = MOST, message: string[];
  for (let value of gxValues(s.values, s.phase, function (address) { return statisticOf(mqtt, address); })) {
    value = whole(value);
    if (row >= rare.place[1] && value !== last[row] && (value === value || last[row] === last[row])) {
      rare.place[1] = row; // a round that is broken off goes on here: rows that change all the time must not hold up the others
      if (left-- <= 0) return now;
      message = gxMessage(row, value, phase, tail);
      if (s.phase === SILENT && +message[2] === topics.LIMITS && rare.flags[topics.LIMITS] & RETAIN) message[1] = "";
      if (!send(mqtt, message[0], message[1], +message[2], now)) return now;
      last[row] = value;
    }
    row++;
  }
  rare.place[1] = 0;
  mqtt.namesSum = -1; // energy and time left in rt/state are looked at as often
  return now + (rare.mirror ? MIRRORED_MS : ROUND_MS);
}
