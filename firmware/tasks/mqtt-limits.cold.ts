// Publishes the limits when they change and each ten seconds, and whether the battery is there.
import { floored } from "../battery/names.cold";
import * as r from "../battery/registers.baked";
import { BOOT, LOST } from "../battery/snapshot";
import { limitsMessage } from "../mqtt/messages-rare.cold";
import { CRITICAL, MOST_IN_FLIGHT, publish, QOS1, RETAIN } from "../mqtt/session";
import { REFRESH_MS, type MqttTask } from "./mqtt-state";

/** Whether the battery is there, and the limits, when one of them changed or was not sent for a while. */
export function publishLimits(mqtt: MqttTask, now: number): number {
  const v = mqtt.snapshot.values, phase = mqtt.snapshot.phase, online = phase === BOOT || phase >= LOST ? 0 : 1, session = mqtt.session;
  const cvl = floored(v[r.chargeVoltageLimit]) || 0, ccl = floored(v[r.chargeCurrentLimit]) || 0, dcl = floored(v[r.dischargeCurrentLimit]) || 0;
  const sum = phase * 1e9 + cvl * 1e6 + ccl * 1e3 + dcl; // changes when one of them does
  let sent = 0;
  mqtt.limitsSeen = mqtt.limits.at;
  if (online !== mqtt.online && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/bms", online ? "online" : "offline", QOS1 | RETAIN | CRITICAL, now)) mqtt.online = online;
    sent++;
  }
  if ((sum !== mqtt.limitsSum || now - mqtt.limitsAt >= REFRESH_MS) && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/limits", limitsMessage(mqtt.snapshot, mqtt.limits, now), mqtt.limitsFlags, now)) {
      mqtt.limitsSum = sum;
      mqtt.limitsAt = now;
    }
    sent++;
  }
  if (online !== mqtt.online || sum !== mqtt.limitsSum) mqtt.limitsSeen = -1; // there was no room
  return sent;
}
