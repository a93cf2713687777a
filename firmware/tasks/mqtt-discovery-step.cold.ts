// What is due of Home Assistant's discovery: chooses the cold part that does it.
import { discoveryPlan, discoveryWork, sessionFail } from "./mqtt-discovery-parts";
import type { MqttTask } from "./mqtt-state";

/** One bounded piece. Called in a step of a connected session when `discovery.at` has come, which is each step while there is work. */
export function publishDiscovery(mqtt: MqttTask, now: number): void {
  const d = mqtt.discovery;
  if (!d.work || d.since !== mqtt.session.since) discoveryPlan(mqtt.app, now);
  else if (!discoveryWork(mqtt.app, now)) sessionFail(mqtt.session, "Failed", "discovery has another length than announced", now);
}
