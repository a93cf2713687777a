// Publishing of the rare topics: QoS and retain by class.
import { MOST_IN_FLIGHT, publish } from "../mqtt/session";
import type { MqttTask } from "./mqtt-state";

/** Publish with the flags of a class; false when there is no room now. */
export function send(mqtt: MqttTask, suffix: string, payload: string, kind: number, now: number): boolean {
  const flags = mqtt.rare.flags[kind];
  return !(flags & 6 && mqtt.session.inFlight.length >= MOST_IN_FLIGHT) && publish(mqtt.session, suffix, payload, flags, now);
}
