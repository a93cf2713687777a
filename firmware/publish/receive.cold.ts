// One received message a step, handed to whom it is for; null in the place of a payload that the client could not take.
import { STALE, TOO_LARGE } from "../mqtt/session";
import { otherSaid } from "./connect.cold";
import type { MqttTask } from "./state";

/** Take the oldest message out of the inbox; `session.stale` tells whether the broker had kept it. */
export function takeMessage(mqtt: MqttTask, now: number): void {
  const session = mqtt.session,
    message = session.inbox.shift();
  if (!message) return;
  const topic = message.topic,
    flags = message.flags;
  session.stale = (flags & STALE) > 0;
  if (topic !== "cmd" && topic !== "cfg/set") otherSaid(mqtt, topic, message.payload, now);
  else mqtt.needs.commands.take(topic, flags & TOO_LARGE ? null : message.payload, (flags >> 1) & 3, (flags & 1) === 1);
}
