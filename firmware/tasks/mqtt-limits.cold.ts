// Publishes the limits when they change and each ten seconds, and whether the battery is there.
import { floored } from "../battery/names.cold";
import * as r from "../battery/registers.baked";
import { BOOT, LOST, SILENT } from "../battery/snapshot";
import { limitsMessage, timeMember } from "../mqtt/messages-rare.cold";
import { CRITICAL, MOST_IN_FLIGHT, publish, QOS1, RETAIN } from "../mqtt/session";
import { GX_GONE_MS } from "./can";
import { REFRESH_MS, type MqttTask } from "./mqtt-state";

/** Families of rare topics that are looked at at once when something grave changes (`Rare.key`): alarms, GX, states. */
const AT_ONCE = 3;

/** Phase, permissions, status, alarms or the GX changed: the topics that say it do not wait for their period. */
function lookAround(mqtt: MqttTask, ccl: number, dcl: number, now: number): void {
  const rare = mqtt.rare, key = mqtt.snapshot.phase * 8 + (ccl > 0 ? 4 : 0) + (dcl > 0 ? 2 : 0) + (now - mqtt.can.gxAt > GX_GONE_MS ? 1 : 0)
    + (mqtt.snapshot.values[r.onlineStatus] || 0) * 64 + mqtt.app.alarms.changes * 65536;
  if (key === rare.key) return;
  const moved = (key ^ rare.key) & 1, values = moved && rare.due[1] > 0 ? 1 : 0; // after a connection the values stay before the states
  rare.due.fill(0, 0, AT_ONCE);
  if (moved) { // the GX came or went: a round of the states begins anew, with all of them, and before the values
    rare.odd = false;
    rare.place[2] = 0;
    rare.due[1] = values;
  }
  rare.key = key;
  mqtt.rareAt = 0;
}

/** Whether the battery is there, and the limits, when one of them changed or was not sent for a while. */
export function publishLimits(mqtt: MqttTask, now: number): number {
  const v = mqtt.snapshot.values, phase = mqtt.snapshot.phase, online = phase === BOOT || phase >= LOST ? 0 : 1, session = mqtt.session;
  const cvl = floored(v[r.chargeVoltageLimit]) || 0, ccl = floored(v[r.chargeCurrentLimit]) || 0, dcl = floored(v[r.dischargeCurrentLimit]) || 0;
  const sum = phase * 1e9 + cvl * 1e6 + ccl * 1e3 + dcl; // changes when one of them does
  let sent = 0;
  mqtt.limitsSeen = mqtt.limits.at;
  lookAround(mqtt, ccl, dcl, now);
  if (online !== mqtt.online && session.inFlight.length < MOST_IN_FLIGHT) {
    if (publish(session, "rt/bms", online ? "online" : "offline", QOS1 | RETAIN | CRITICAL, now)) mqtt.online = online;
    sent++;
  }
  if ((sum !== mqtt.limitsSum || now - mqtt.limitsAt >= REFRESH_MS) && session.inFlight.length < MOST_IN_FLIGHT) {
    const message = phase === SILENT && mqtt.limitsFlags & RETAIN ? "" // an old limit must not stay retained
      : limitsMessage(mqtt.snapshot, mqtt.limits, now, timeMember(mqtt.app.clock.epoch, now, mqtt.rare));
    if (publish(session, "rt/limits", message, mqtt.limitsFlags, now)) {
      mqtt.limitsSum = sum;
      mqtt.limitsAt = now;
    }
    sent++;
  }
  if (online !== mqtt.online || sum !== mqtt.limitsSum) mqtt.limitsSeen = -1; // there was no room
  return sent;
}
