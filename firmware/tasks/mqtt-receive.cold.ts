// One received message a step: refused when the client could not take all of it, else handed to the commands.
import { publish, QOS1, STALE, TOO_LARGE } from "../mqtt/session";
import { mqttReceived } from "./mqtt-commands.cold";
import type { MqttTask } from "./mqtt-state";
import { otherSaid } from "./mqtt-topics-parts";

/** Take the oldest message out of the inbox; `session.stale` tells whether the broker had kept it. */
export function takeMessage(mqtt: MqttTask, now: number): void {
  const session = mqtt.session, message = session.inbox.shift();
  if (!message) return;
  const topic = message.topic, isCommand = topic === "cmd";
  session.stale = (message.flags & STALE) > 0;
  if (!isCommand && topic !== "cfg/set") {
    otherSaid(mqtt, topic, message.payload, now);
  } else if (!(message.flags & TOO_LARGE)) {
    mqttReceived(mqtt.app, topic, message.payload, message.flags >> 1 & 3, (message.flags & 1) === 1);
  } else {
    const error = isCommand ? '"ArgsTooLarge","where":"cmd"' : '"PayloadTooLarge","where":"cfg/set"';
    publish(session, isCommand ? "ack" : "cfg/ack", '{"ok":false,"err":{"code":' + error + ',"retryable":false}}', QOS1, now);
  }
}
