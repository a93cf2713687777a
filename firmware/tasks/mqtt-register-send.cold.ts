// Register messages as settings may want them: below a topic of their own, with the texts of the manifest (requirements C1, C9), those that
// carry text with a retain flag of their own (S0-34).
import { textSlice } from "../kernel/text";
import { publish, publishTo } from "../mqtt/session";
import { hasNames } from "../mqtt/text-rows.cold";
import { PAGES_AT, PAGES_END, TEXT } from "../mqtt/topics.baked";
import type { MqttTask } from "./mqtt-state";

/** Label and comment of a register, from its item in the manifest. */
function textsOf(suffix: string): string {
  const text = textSlice(PAGES_AT, PAGES_END), at = text.indexOf('{"t":"rt/reg/' + suffix + '"');
  const item = JSON.parse(text.substring(at, text.indexOf("}", at) + 1)) as Record<string, string>, comment = item["c"];
  return `,"label":${JSON.stringify(item["l"])}` + (comment ? `,"comment":${JSON.stringify(comment)}` : "");
}

/** Publish the message of a register; promises as `publish`. One with names has the flags of text, whatever `flags` are. */
export function sendRegister(mqtt: MqttTask, suffix: string, message: string, flags: number, now: number): boolean {
  const style = mqtt.style, own = hasNames(suffix) ? mqtt.rare.flags[TEXT] : flags;
  const text = style && style.verbose ? message.substr(0, message.length - 1) + textsOf(suffix) + "}" : message;
  if (style && style.root) return publishTo(mqtt.session, style.root + suffix, text, own, now);
  return publish(mqtt.session, "rt/reg/" + suffix, text, own, now);
}
