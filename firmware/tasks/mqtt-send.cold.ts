// Publishing of the rare topics: QoS, retain and rank by class.
import { publish } from "../mqtt/session";
import type { MqttTask } from "./mqtt-state";

/** Publish with the flags of a class; false when there is no room now. */
export function send(mqtt: MqttTask, suffix: string, payload: string, kind: number, now: number): boolean {
  return publish(mqtt.session, suffix, payload, mqtt.rare.flags[kind], now);
}
