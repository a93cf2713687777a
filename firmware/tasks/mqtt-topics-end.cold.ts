// Before a connection is given up on purpose: what must not stay behind is cleared (decisions 22, 34). The messages go out at
// QoS 0, all at once, because nobody waits for an answer any more.
import { textSlice } from "../kernel/text";
import { registerText } from "../mqtt/messages";
import { ROWS } from "../mqtt/rows.baked";
import { CONNECTED, publish, type Session } from "../mqtt/session";
import { gxAlarm } from "../mqtt/topics-gx.cold";
import { ALARMS, CONFIG, GX_ALARM_ROWS, GX_AT, GX_ROWS, GX_WIDTH, LIMITS, ONCE, PAGES, SLOTS_OF_SETTINGS, STATES, TELEMETRY, TOPICS_AT, TOPICS_WIDTH,
  TOTALS } from "../mqtt/topics.baked";
import { sendAt } from "./mqtt-send-at.cold";
import { RETAIN, type MqttTask } from "./mqtt-state";

/** Clear the topics of the classes in `kinds` (bits). */
function clearKinds(mqtt: MqttTask, kinds: number, now: number): void {
  const session = mqtt.session;
  let i = 0;
  function clear(suffix: string): void { publish(session, suffix, "", RETAIN, now); }
  for (; i < STATES + ONCE; i++) {
    const line = textSlice(TOPICS_AT + i * TOPICS_WIDTH, TOPICS_AT + i * TOPICS_WIDTH + TOPICS_WIDTH).trim();
    if (kinds >> +line[0] & 1) clear(line.substr(1));
  }
  for (i = 0; i < GX_ROWS; i++) {
    const parts = textSlice(GX_AT + i * GX_WIDTH, GX_AT + i * GX_WIDTH + GX_WIDTH).split("\t");
    if (kinds >> +parts[1] & 1) clear("rt/gx/" + parts[0]);
  }
  if (kinds >> LIMITS & 1) clear("rt/limits");
  if (kinds >> ALARMS & 1) {
    clear("rt/alarms/m");
    for (const alarm of mqtt.rare.alarms) clear("rt/alarms/id" + alarm.id);
    for (i = 0; i < GX_ALARM_ROWS; i++) clear("rt/gx/" + gxAlarm(i)[0]);
  }
  if (kinds >> CONFIG & 1) {
    for (i = 0; i < PAGES; i++) clear("manifest/page" + i);
    for (i = 0; i < SLOTS_OF_SETTINGS; i++) clear("cfg/registers/slot" + i);
  }
  if (kinds >> TOTALS & 1) {
    for (const side of ["charge/", "discharge/"]) for (const period of ["daily", "yesterday", "monthly"]) clear("rt/energy/" + side + period);
  }
  if (kinds >> TELEMETRY & 1) for (i = 0; i < ROWS; i++) clear("rt/reg/" + registerText(i).split("\t")[0]);
}

/**
 * The end of a connection on purpose, or a change of what is retained: limits are cleared; with `all` (the base topic goes away)
 * everything that is retained, else also the classes that `flags` do not retain any more. The mirror says that it is gone.
 */
export function clearRetained(mqtt: MqttTask, flags: ArrayLike<number>, all: boolean, now: number): void {
  const rare = mqtt.rare, session: Session = mqtt.session;
  let kinds = 0, kind = 0;
  if (session.state !== CONNECTED) return;
  for (const old of rare.flags) {
    if (old & RETAIN && (all || kind === LIMITS || !(flags[kind] & RETAIN))) kinds |= 1 << kind;
    kind++;
  }
  clearKinds(mqtt, kinds, now);
  if (all) {
    publish(session, "rt/bms", "", RETAIN, now);
    publish(session, "status", "", RETAIN, now);
  }
  if (rare.mirror && rare.mirror.base) sendAt(session, rare.mirror.base + "Connected", '{"value":0}', now);
}
