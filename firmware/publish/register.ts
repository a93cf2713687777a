// Sends the message of a register row as the settings want it.
import { publish } from "../mqtt/publish";
import { registerMessage, registerText } from "./messages";
import { sendRegister } from "./messages.cold";
import type { MqttTask } from "./state";

/** Publish `value` of a row; `tail` as messageTail gives it. False when there is no room now. */
export function sendRow(mqtt: MqttTask, row: number, value: number, tail: string, now: number): boolean {
  const text = registerText(row),
    tab = text.indexOf("\t"),
    message = registerMessage(row, text.substr(tab + 1), value, mqtt.raw, tail),
    suffix = text.substr(0, tab),
    flags = mqtt.registerFlags;
  return mqtt.style
    ? sendRegister(mqtt, suffix, message, flags, now)
    : publish(mqtt.session, "rt/reg/" + suffix, message, flags, now);
}
