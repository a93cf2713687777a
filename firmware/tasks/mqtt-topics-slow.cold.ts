// What changes slowly: registers of the groups without slots, energy of the day and the month.
import { totalMessage, totalsOn, type Totals } from "../mqtt/energy-totals.cold";
import { messageTail } from "../mqtt/messages-rare.cold";
import { groupMessage } from "../mqtt/topics-groups.cold";
import * as topics from "../mqtt/topics.baked";
import type { App } from "./app";
import { wallSeconds } from "./clock.cold";
import { send } from "./mqtt-send.cold";
import { sendRegister } from "./mqtt-topics-parts";

/** Period, ms; a change of energy that is said, kWh; file of the counters when the day began. */
const ROUND_MS = 30000, STEP_KWH = 0.01, TOTALS_FILE = "energy.day", DAY_S = 86400;
/** Most messages of a step. */
const MOST = 4;

/** Registers of groups that were read anew; how many messages are left, -1 when there is more to do. */
function publishGroups(app: App, left: number, now: number): number {
  const mqtt = app.mqtt, rare = mqtt.rare, tail = messageTail(mqtt.snapshot, now, app.clock.epoch, rare);
  let group = 3;
  for (const start of (topics.GROUP_STARTS as string).split(" ")) {
    const words = mqtt.raw[group] || null, place = start.split(":");
    while (words && words !== rare.groups[group]) {
      const message = groupMessage(words, +place[0], +place[1], rare.from, tail);
      if (message[0] < 0) {
        rare.groups[group] = words;
        rare.from = 0;
      } else if (left-- <= 0 || !sendRegister(mqtt, message[1], message[2], rare.flags[message[3] ? topics.TEXT : topics.TELEMETRY], now)) {
        return -1;
      } else {
        rare.from = message[0];
      }
    }
    group++;
  }
  return left;
}

/** rt/energy/*: while the time of day is known, when a total has changed. False when there is more to do. */
function publishEnergy(app: App, left: number, now: number): boolean {
  const v = app.snapshot.values, rare = app.mqtt.rare, wall = wallSeconds(app), day = Math.floor(wall / DAY_S);
  const energy = topics.CHARGED < 0 ? [NaN, NaN] : [v[topics.CHARGED], v[topics.DISCHARGED]], known = energy[0] === energy[0];
  if (!wall) return true;
  if (!rare.totals && known) rare.totals = JSON.parse(app.store.read(TOTALS_FILE) || "null") as Totals | null;
  const totals = totalsOn(rare.totals, day, energy), said = known ? Math.round((energy[0] + energy[1]) / STEP_KWH) : day;
  if (totals !== rare.totals && known) app.store.write(TOTALS_FILE, JSON.stringify(totals));
  rare.totals = totals;
  for (; totals["said"] !== said && rare.place[4] < 6; rare.place[4]++) {
    const message = totalMessage(totals, energy, rare.place[4]);
    if (left-- <= 0 || !send(app.mqtt, message[0], message[1], topics.TOTALS, now)) return false;
  }
  rare.place[4] = 0;
  totals["said"] = said;
  return true;
}

/** Messages of what has changed; when to go on (ms). */
export function publishSlow(app: App, now: number): number {
  const left = publishGroups(app, MOST, now);
  if (left < 0) return now;
  return publishEnergy(app, left, now) ? now + ROUND_MS : now;
}
