// The rare topics at boot, and for a new connection: every one once more.
import { CLASSES, GX_ALARM_ROWS, GX_ROWS } from "../mqtt/topics.baked";
import { FAMILIES, type MqttTask, type Rare } from "./mqtt-state";

/** Nothing was published. */
export function rareOf(): Rare {
  return { due: new Float64Array(FAMILIES), place: new Uint8Array(FAMILIES), flags: new Uint8Array(CLASSES),
    gx: new Float32Array(GX_ROWS + GX_ALARM_ROWS), alarms: [], summary: true, leftovers: 1, levels: "", key: -1, odd: false, count: 0, published: 0,
    groups: [], from: 0, ip: "", totals: null, mirror: null, date: "", dayAt: -1 };
}

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
  for (const alarm of rare.alarms) alarm.level = -1;
  if (rare.totals) rare.totals["said"] = -1;
  if (mirror) mirror.place = mirror.allAt = mirror.jsonAt = 0;
  mqtt.rareAt = 0;
}
