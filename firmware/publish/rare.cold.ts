// The topics beside registers, state and limits: each family has a rare part of its own. The one that has been due
// longest goes first, until its round is out: after a connection, when all are due, alarms, then values of the GX,
// states, what is sent once, the rest.
import { publishAlarms } from "./alarms.cold";
import { publishGx, publishMirror } from "./gx.cold";
import { publishIo } from "./io.cold";
import { publishOnce, publishSlow } from "./topics.cold";
import { publishStates } from "./states.cold";
import type { MqttTask } from "./state";

/** A row: the next messages of a family, few at a time because each costs much; when to go on (ms). */
type Family = (mqtt: MqttTask, now: number) => number;

/** The table, in the order of `Rare.due`. A handler calls, so that only the one that runs is made from flash. */
function families(): Family[] {
  return [
    (mqtt, now) => publishAlarms(mqtt, now),
    (mqtt, now) => publishGx(mqtt, now),
    (mqtt, now) => publishIo(mqtt, now),
    (mqtt, now) => publishStates(mqtt, now),
    (mqtt, now) => publishOnce(mqtt, now),
    (mqtt, now) => publishSlow(mqtt, now),
    (mqtt, now) => publishMirror(mqtt, now),
  ];
}

/** The next messages of one family, which keeps its place while it has more; sets when to be called again. */
export function publishRare(mqtt: MqttTask, now: number): void {
  const due = mqtt.rare.due;
  let family = 0,
    place = 0,
    first = Infinity;
  for (const at of due) {
    if (at < first) {
      first = at;
      family = place;
    }
    place++;
  }
  mqtt.rareAt = first;
  if (first > now) return;
  const next = families()[family](mqtt, now);
  if (next > now) due[family] = next;
}
