// Victron by MQTT, as options: the mirror N/<id>/battery/<instance>/..., and one JSON message for a driver on the GX.
import { BOOT, SILENT } from "../battery/snapshot";
import { batteryJson, mirrorLeaf, mirrorNumbers } from "../mqtt/mirror.cold";
import type { App } from "./app";
import { publishTo, TELEMETRY } from "../mqtt/session";

/** Period of a look at the values, of the JSON (a driver gives the battery up 60 s after the last), of all values once more, wait for
 *  rt/gx, ms. */
const ROUND_MS = 2000, JSON_MS = 5000, ALL_MS = 60000, WAIT_MS = 400;
/** A time that never comes by itself, and most messages of a step. */
const NEVER = 1e15, MOST = 4;

/** Messages of what has changed; when to go on (ms). A battery that is not known any more is not in the JSON topic. */
export function publishMirror(app: App, now: number): number {
  const mqtt = app.mqtt, mirror = mqtt.rare.mirror, s = mqtt.snapshot;
  let place = 0, left = MOST;
  if (!mirror) return NEVER;
  if (now >= mirror.allAt) {
    mirror.sent.fill(Infinity);
    mirror.allAt = now + ALL_MS;
  }
  if (mqtt.rare.gx.indexOf(Infinity) >= 0) return now + WAIT_MS; // rt/gx is under way
  const numbers = mirrorNumbers(s, mqtt.rare.gx, mqtt.limits.reason);
  if (mirror.json && now >= mirror.jsonAt && s.phase !== BOOT && s.phase !== SILENT && app.limits.valid) {
    if (!publishTo(mqtt.session, mirror.json, batteryJson(s, numbers), TELEMETRY, now)) return now;
    mirror.jsonAt = now + JSON_MS;
    left--;
  }
  for (const value of mirror.base ? numbers : []) {
    const last = mirror.sent[place];
    if (place >= mirror.place && value !== last && (value === value || last === last)) {
      const leaf = mirrorLeaf(place, value);
      mirror.place = place; // a round that is broken off goes on here
      if (leaf[0] && (left-- <= 0 || !publishTo(mqtt.session, mirror.base + leaf[0], leaf[1], TELEMETRY, now))) return now;
      mirror.sent[place] = value;
    }
    place++;
  }
  mirror.place = 0;
  return now + ROUND_MS;
}
