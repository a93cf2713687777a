// A new connection: every rare topic once more.
import type { MqttTask } from "./mqtt-state";

/** Forget what was sent. */
export function rareAgain(mqtt: MqttTask): void {
  const rare = mqtt.rare, mirror = rare.mirror;
  rare.due.fill(0);
  rare.place.fill(0);
  rare.gx.fill(Infinity);
  rare.groups = [];
  rare.from = 0;
  rare.summary = true;
  rare.odd = false;
  rare.settings = -1;
  for (const alarm of rare.alarms) alarm.level = -1;
  if (rare.totals) rare.totals["said"] = -1;
  if (mirror) mirror.place = mirror.allAt = mirror.jsonAt = 0;
  mqtt.rareAt = 0;
}
