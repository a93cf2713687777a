// The topics beside registers, state and limits: each family has a rare part of its own. The one that has been due longest goes first, until
// its round is out: after a connection, when all are due, alarms, then values of the GX, states, what is sent once, the rest.
import type { App } from "./app";
import { publishAlarms, publishGx, publishMirror, publishOnce, publishSlow, publishStates } from "./mqtt-topics-families";

/** At most four messages of one family, which keeps its place while it has more; sets when to be called again. */
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
  const next = family === 0 ? publishAlarms(app, now) : family === 1 ? publishGx(app, now) : family === 2 ? publishStates(app, now)
    : family === 3 ? publishOnce(app, now) : family === 4 ? publishSlow(app, now) : publishMirror(app, now);
  if (next > now) due[family] = next;
}
