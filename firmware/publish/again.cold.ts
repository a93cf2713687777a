// The rare topics at boot, and for a new connection: every one once more.

import { modules } from "../config/fields.baked";
import { textSlice } from "../kernel/text";
import { publishPacket } from "../mqtt/outbox.cold";
import { CONNECTED, RETAIN, type Session } from "../mqtt/session";
import { registerText } from "./messages";
import { hasNames } from "./messages.cold";
import { ROWS } from "./rows.baked";
import type { MqttTask, Rare } from "./state";
import { type GroupLine, isText } from "./groups.cold";
import { gxAlarm } from "./gx.cold";
import * as topics from "./topics.baked";
import { CLASSES, FAMILIES, GX_ALARM_ROWS, GX_ROWS } from "./topics.baked";

/** Nothing was published. */
export function rareOf(): Rare {
  return {
    due: new Float64Array(FAMILIES),
    place: new Uint8Array(FAMILIES),
    flags: new Uint8Array(CLASSES),
    gx: new Float32Array(GX_ROWS + GX_ALARM_ROWS),
    io: null,
    round: null,
    alarms: [],
    summary: true,
    known: false,
    leftovers: 1,
    levels: "",
    key: -1,
    odd: false,
    count: 0,
    published: 0,
    groups: [],
    from: 0,
    ip: "",
    totals: null,
    mirror: null,
    date: "",
    dayAt: -1,
  };
}

/** Forget what was sent. */
export function rareAgain(mqtt: MqttTask): void {
  const rare = mqtt.rare,
    mirror = rare.mirror;
  rare.due.fill(0);
  rare.place.fill(0);
  rare.gx.fill(Infinity);
  if (rare.io) rare.io.fill(Infinity);
  rare.round = null;
  rare.groups = [];
  rare.from = 0;
  rare.summary = true;
  rare.odd = false;
  for (const alarm of rare.alarms) alarm.level = -1;
  if (rare.totals) rare.totals["said"] = -1;
  if (mirror) mirror.place = mirror.allAt = mirror.jsonAt = 0;
  mqtt.rareAt = 0;
}

// What must not stay behind at the broker is cleared: at QoS 0, a piece at a time and past the outbox,
// because nobody waits for an answer any more.

function emptyAt(session: Session, topic: string): void {
  if (session.socket) session.socket.write(publishPacket(topic, "", RETAIN, 0));
}

function empty(session: Session, suffix: string): void {
  emptyAt(session, session.base + suffix);
}

/** Rows of registers in a piece. */
const ROWS_A_PIECE = 20;
/** Pieces before those of registers: topics of the table, those of a GX, the rest. */
const GX_PIECE = 1,
  REGISTERS_PIECE = 3;

/** Register topics, a piece of the rows, then of groups; whether more follow. `kinds`: values, texts or both. */
function clearRegisters(mqtt: MqttTask, kinds: number, from: number): boolean {
  const root = (mqtt.style && mqtt.style.root) || mqtt.session.base + "rt/reg/";
  function clear(suffix: string, asText: boolean): void {
    if ((kinds >> (asText ? topics.TEXT : topics.TELEMETRY)) & 1) emptyAt(mqtt.session, root + suffix);
  }
  for (let i = from; i < ROWS && i < from + ROWS_A_PIECE; i++) {
    const suffix = registerText(i).split("\t")[0];
    clear(suffix, hasNames(suffix));
  }
  if (from < ROWS) return true;
  const text = textSlice(topics.GROUPS_AT, topics.GROUPS_END);
  for (let at = 0, end = text.indexOf("\n"); end >= 0; at = end + 1, end = text.indexOf("\n", at)) {
    const line = JSON.parse(text.substring(at, end)) as GroupLine;
    clear(line["t"], isText(line));
  }
  clear("manufacturer", true);
  return false;
}

/** Clear a piece of the topics of the classes in `kinds` (bits), beginning with 0; whether more follow. */
export function clearPiece(mqtt: MqttTask, kinds: number, piece: number): boolean {
  let i = 0;
  function clear(suffix: string): void {
    empty(mqtt.session, suffix);
  }
  if (!kinds) return false;
  if (piece >= REGISTERS_PIECE) return clearRegisters(mqtt, kinds, (piece - REGISTERS_PIECE) * ROWS_A_PIECE);
  for (; piece === 0 && i < topics.STATES + topics.ONCE; i++) {
    const line = textSlice(
      topics.TOPICS_AT + i * topics.TOPICS_WIDTH,
      topics.TOPICS_AT + i * topics.TOPICS_WIDTH + topics.TOPICS_WIDTH,
    ).trim();
    if ((kinds >> +line[0]) & 1) clear(line.substr(1));
  }
  for (; piece === GX_PIECE && i < topics.GX_ROWS; i++) {
    const parts = textSlice(
      topics.GX_AT + i * topics.GX_WIDTH,
      topics.GX_AT + i * topics.GX_WIDTH + topics.GX_WIDTH,
    ).split("\t");
    if ((kinds >> +parts[topics.GX_CLASS]) & 1) clear("rt/gx/" + parts[topics.GX_PATH]);
  }
  if (piece <= GX_PIECE) return true;
  if ((kinds >> topics.PERIODIC) & 1)
    for (const point of (topics.IO_POINTS as string).split(" ")) clear("rt/io/" + point);
  if ((kinds >> topics.LIMITS) & 1) clear("rt/limits");
  if ((kinds >> topics.ALARMS) & 1) {
    clear("rt/alarms/m");
    for (const alarm of mqtt.rare.alarms) clear("rt/alarms/id" + alarm.id);
    for (i = 0; i < topics.GX_ALARM_ROWS; i++) clear("rt/gx/" + gxAlarm(i)[topics.GX_ALARM_PATH]);
  }
  if ((kinds >> topics.CONFIG) & 1) {
    for (const module of modules.split(" ")) clear("cfg/" + module);
    for (i = 0; i < topics.PAGES; i++) clear("manifest/page" + i);
    clear("cfg/registers");
    for (i = 0; i < topics.SLOTS_OF_SETTINGS; i++) clear("cfg/registers/slot" + i);
  }
  if ((kinds >> topics.TOTALS) & 1) {
    for (const side of (topics.ENERGY_SIDES as string).split(" "))
      for (const period of (topics.ENERGY_PERIODS as string).split(" ")) clear("rt/energy/" + side + "/" + period);
  }
  return (kinds & ((1 << topics.TELEMETRY) | (1 << topics.TEXT))) > 0;
}

/**
 * The classes that have to be cleared (bits): those that `flags` do not retain any more; registers when they `move` to
 * other topics; the limits when the connection `ends` on purpose; with `all` (the base topic goes away) everything that
 * is retained.
 */
export function kindsToClear(
  mqtt: MqttTask,
  flags: ArrayLike<number>,
  all: boolean,
  move: boolean,
  ends: boolean,
): number {
  let kinds = 0,
    kind = 0;
  // nothing may stand between the pieces of a message
  if (mqtt.session.state !== CONNECTED || mqtt.session.stream) return 0;
  for (const old of mqtt.rare.flags) {
    const goes =
      all || (ends && kind === topics.LIMITS) || (move && (kind === topics.TELEMETRY || kind === topics.TEXT));
    if (old & RETAIN && (goes || !(flags[kind] & RETAIN))) kinds |= 1 << kind;
    kind++;
  }
  return kinds;
}

/** What goes last: the state of the battery with the base topic (`all`); the mirror when the connection `ends`. */
export function clearLast(mqtt: MqttTask, all: boolean, ends: boolean): void {
  const session = mqtt.session,
    mirror = mqtt.rare.mirror;
  if (session.state !== CONNECTED || session.stream) return;
  if (all) empty(session, "rt/bms");
  if (ends && mirror && mirror.base && session.socket) {
    session.socket.write(publishPacket(mirror.base + "Connected", '{"value":0}', 0, 0));
  }
}
