// What must not stay behind at the broker is cleared (decisions 22, 34): at QoS 0, all at once and past the outbox, because nobody
// waits for an answer any more.
import { modules } from "../config/fields.baked";
import { textSlice } from "../kernel/text";
import { registerText } from "../mqtt/messages";
import { ROWS } from "../mqtt/rows.baked";
import { publishPacket } from "../mqtt/packet.cold";
import { CONNECTED, RETAIN, type Session } from "../mqtt/session";
import { isText, type GroupLine } from "../mqtt/topics-groups.cold";
import { hasNames } from "../mqtt/text-rows.cold";
import { gxAlarm } from "../mqtt/topics-gx.cold";
import * as topics from "../mqtt/topics.baked";
import type { MqttTask } from "./mqtt-state";

function emptyAt(session: Session, topic: string): void {
  if (session.socket) session.socket.write(publishPacket(topic, "", RETAIN, 0));
}

function empty(session: Session, suffix: string): void {
  emptyAt(session, session.base + suffix);
}

/** Clear register topics: those of values, or those with a text. */
function clearRegisters(mqtt: MqttTask, texts: boolean): void {
  const root = mqtt.style && mqtt.style.root || mqtt.session.base + "rt/reg/", text = textSlice(topics.GROUPS_AT, topics.GROUPS_END);
  for (let i = 0; i < ROWS; i++) {
    const suffix = registerText(i).split("\t")[0];
    if (hasNames(suffix) === texts) emptyAt(mqtt.session, root + suffix);
  }
  for (let from = 0, end = text.indexOf("\n"); end >= 0; from = end + 1, end = text.indexOf("\n", from)) {
    const line = JSON.parse(text.substring(from, end)) as GroupLine;
    if (isText(line) === texts) emptyAt(mqtt.session, root + line["t"]);
  }
}

/** Clear the topics of the classes in `kinds` (bits). */
function clearKinds(mqtt: MqttTask, kinds: number): void {
  const session = mqtt.session;
  let i = 0;
  function clear(suffix: string): void { empty(session, suffix); }
  for (; i < topics.STATES + topics.ONCE; i++) {
    const line = textSlice(topics.TOPICS_AT + i * topics.TOPICS_WIDTH, topics.TOPICS_AT + i * topics.TOPICS_WIDTH + topics.TOPICS_WIDTH).trim();
    if (kinds >> +line[0] & 1) clear(line.substr(1));
  }
  for (i = 0; i < topics.GX_ROWS; i++) {
    const parts = textSlice(topics.GX_AT + i * topics.GX_WIDTH, topics.GX_AT + i * topics.GX_WIDTH + topics.GX_WIDTH).split("\t");
    if (kinds >> +parts[1] & 1) clear("rt/gx/" + parts[0]);
  }
  if (kinds >> topics.LIMITS & 1) clear("rt/limits");
  if (kinds >> topics.ALARMS & 1) {
    clear("rt/alarms/m");
    for (const alarm of mqtt.rare.alarms) clear("rt/alarms/id" + alarm.id);
    for (i = 0; i < topics.GX_ALARM_ROWS; i++) clear("rt/gx/" + gxAlarm(i)[0]);
  }
  if (kinds >> topics.CONFIG & 1) {
    for (const module of modules.split(" ")) clear("cfg/" + module);
    for (i = 0; i < topics.PAGES; i++) clear("manifest/page" + i);
    clear("cfg/registers");
    for (i = 0; i < topics.SLOTS_OF_SETTINGS; i++) clear("cfg/registers/slot" + i);
  }
  if (kinds >> topics.TOTALS & 1) {
    for (const side of ["charge/", "discharge/"]) for (const period of ["daily", "yesterday", "monthly"]) clear("rt/energy/" + side + period);
  }
  if (kinds >> topics.TELEMETRY & 1) clearRegisters(mqtt, false);
  if (kinds >> topics.TEXT & 1) clearRegisters(mqtt, true);
}

/**
 * Clears the classes that `flags` do not retain any more; registers when they `move` to other topics; when the connection `ends` on
 * purpose also the limits, and the mirror says that it is gone; with `all` (the base topic goes away) everything that is retained.
 */
export function clearRetained(mqtt: MqttTask, flags: ArrayLike<number>, all: boolean, move: boolean, ends: boolean): void {
  const rare = mqtt.rare, session: Session = mqtt.session;
  let kinds = 0, kind = 0;
  if (session.state !== CONNECTED || session.stream) return; // nothing may stand between the pieces of a message
  for (const old of rare.flags) {
    const goes = all || ends && kind === topics.LIMITS || move && (kind === topics.TELEMETRY || kind === topics.TEXT);
    if (old & RETAIN && (goes || !(flags[kind] & RETAIN))) kinds |= 1 << kind;
    kind++;
  }
  clearKinds(mqtt, kinds);
  if (all) empty(session, "rt/bms");
  if (ends && rare.mirror && rare.mirror.base && session.socket) {
    session.socket.write(publishPacket(rare.mirror.base + "Connected", '{"value":0}', 0, 0));
  }
}
