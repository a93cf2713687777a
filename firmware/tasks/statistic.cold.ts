// Single registers of the groups that have no slots in the snapshot.
import { GROUP_STARTS } from "../mqtt/topics.baked";
import type { MqttTask } from "./mqtt-state";

/** A register of the groups behind the settings as it was read last; NaN before. */
export function statisticOf(mqtt: MqttTask, address: number): number {
  let group = 3;
  for (const start of (GROUP_STARTS as string).split(" ")) {
    const words = mqtt.raw[group++], at = address - +start.split(":")[0];
    if (words && start && at >= 0 && at < +start.split(":")[1]) return words[at];
  }
  return NaN;
}
