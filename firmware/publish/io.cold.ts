// rt/io: what goes in and out of this device, as an option: permissions, inhibits, balancing.

import * as slot from "../battery/registers.baked";
import { BLOCK_CHARGE, BLOCK_DISCHARGE } from "../charge/memory";
import { inhibit } from "../charge/settings";
import { NEVER } from "../kernel/time";
import { publish } from "../mqtt/publish";
import { CONNECTED, RETAIN } from "../mqtt/session";
import { send } from "./messages.cold";
import type { MqttTask } from "./state";
import { FAMILY_IO, IO, IO_POINTS, PERIODIC } from "./topics.baked";

/** Period of a look, ms: what is allowed is looked at when it changes (publish/messages.cold.ts). */
const ROUND_MS = 5000;

/** Whether `value` is above 0, as 1 or 0; NaN while it is unknown. */
function flag(value: number): number {
  return value > 0 ? 1 : value * 0;
}

/** The points in their order: 1, 0, NaN for unknown. */
function pointsNow(mqtt: MqttTask): number[] {
  const v = mqtt.snapshot.values,
    stopped = mqtt.limits.settings[inhibit];
  return [
    flag(stopped & BLOCK_CHARGE),
    flag(stopped & BLOCK_DISCHARGE),
    flag(v[slot.chargeCurrentLimit]),
    flag(v[slot.dischargeCurrentLimit]),
    flag(v[slot.balancingActive]),
  ];
}

/** The next message of what has changed; when to go on (ms). */
export function publishIo(mqtt: MqttTask, now: number): number {
  const last = mqtt.rare.io;
  if (!last) return NEVER;
  const points = (IO_POINTS as string).split(" ");
  let place = 0;
  for (const value of pointsNow(mqtt)) {
    const was = last[place],
      point = points[place],
      id = point.substr(point.indexOf("/") + 1);
    if (value !== was && (value === value || was === was)) {
      const payload = JSON.stringify({
        "id": id,
        "name": id.split("_").join(" "),
        "available": value === value,
        "value": value === value ? value > 0 : null,
        "ts": Math.round(now),
      });
      if (send(mqtt, "rt/io/" + point, payload, PERIODIC, now)) last[place] = value;
      return now;
    }
    place++;
  }
  return now + ROUND_MS;
}

/** The setting mqtt.io: on, all are told anew; off, what is retained is taken back. */
export function setIo(mqtt: MqttTask, isOn: boolean, now: number): void {
  const rare = mqtt.rare;
  if (isOn === (rare.io !== null)) return;
  rare.io = isOn ? new Float32Array(IO).fill(Infinity) : null;
  rare.due[FAMILY_IO] = mqtt.rareAt = 0;
  if (isOn || mqtt.session.state !== CONNECTED || !(rare.flags[PERIODIC] & RETAIN)) return;
  for (const point of (IO_POINTS as string).split(" ")) publish(mqtt.session, "rt/io/" + point, "", RETAIN, now);
}
