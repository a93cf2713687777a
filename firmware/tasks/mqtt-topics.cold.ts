// The topics beside registers, state and limits: each family has a rare part of its own, the one that has been due longest goes first.
import type { App } from "./app";
import { publishAlarms, publishGx, publishMirror, publishOnce, publishSlow, publishStates } from "./mqtt-topics-families";

/** At most four messages of one family; sets when to be called again. */
export function publishRare(app: App, now: number): void {
  const mqtt = app.mqtt, due = mqtt.rare.due;
  let family = 0, place = 0, first = Infinity;
  for (const at of due) {
    if (at < first) {
      first = at;
      family = place;
    }
    place++;
  }
  mqtt.rareAt = first;
  if (first > now) return;
  due[family] = family === 0 ? publishAlarms(app, now) : family === 1 ? publishGx(app, now) : family === 2 ? publishStates(app, now)
    : family === 3 ? publishOnce(app, now) : family === 4 ? publishSlow(app, now) : publishMirror(app, now);
}
