// Messages on the topics that are subscribed beside commands and settings.
import { homeAssistantSaid } from "./mqtt-discovery.cold";
import { FAMILIES, type MqttTask } from "./mqtt-state";

/** Who reads the mirror for a GX says so, as at a GX, and gets all of it again, unless he only wants to be seen. */
function keepMirror(mqtt: MqttTask, payload: string): void {
  const rare = mqtt.rare;
  if (!rare.mirror || payload.indexOf("suppress-republish") >= 0) return;
  rare.mirror.allAt = rare.due[FAMILIES - 1] = mqtt.rareAt = 0;
}

/** R/<id>/keepalive, else Home Assistant's birth. */
export function otherSaid(mqtt: MqttTask, topic: string, payload: string, now: number): void {
  if (topic.startsWith("R/")) keepMirror(mqtt, payload);
  else if (payload) homeAssistantSaid(mqtt.app, payload, now);
}
