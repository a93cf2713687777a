// Topics that stand in tables: rt/gx/*, a round through the values that a GX shows; and those of a connection (onceTopics of
// mqtt/topics.ts): what the device is, the manifest. One part of the image, because a function costs.
import { nameIn } from "../battery/names.cold";
import { PHASES_AT } from "../battery/names.baked";
import * as r from "../battery/registers.baked";
import { SILENT } from "../battery/snapshot";
import { dayOf } from "../kernel/time.cold";
import { textSlice } from "../kernel/text";
import { gxValues } from "../mqtt/gx.baked.cold";
import { registerText } from "../mqtt/messages";
import { timeMember } from "../mqtt/messages-rare.cold";
import { gxMessage, whole } from "../mqtt/topics-gx.cold";
import { RETAIN } from "../mqtt/session";
import * as topics from "../mqtt/topics.baked";
import { VERSION } from "../version";
import type { App } from "./app";
import { wallSeconds } from "./clock.cold";
import { send } from "./mqtt-send.cold";
import { statisticOf } from "./statistic.cold";

/** Period of a round of rt/gx, of one that feeds the mirror too, and a time that never comes by itself, ms. */
const ROUND_MS = 10000, MIRRORED_MS = 2000, NEVER = 1e15;
/** Most messages of a step; of large ones one. */
const MOST = 4;

/** The time of day became known, or it is midnight. */
function newDay(app: App): void {
  const wall = wallSeconds(app), rare = app.mqtt.rare;
  rare.date = dayOf(wall);
  rare.dayAt = Math.floor(wall / 86400) * 86400;
}

/** Messages of what a GX shows, as far as it has changed. Retained limits are cleared while the device is silent. */
function publishGx(app: App, now: number): number {
  const mqtt = app.mqtt, rare = mqtt.rare, s = mqtt.snapshot, last = rare.gx, phase = nameIn(PHASES_AT, s.phase);
  if (app.clock.epoch && !timeMember(app.clock.epoch, now, rare)) newDay(app);
  const tail = `,"timestamp_ms":${Math.round(now)}${timeMember(app.clock.epoch, now, rare)},"seq":${s.seq}`;
  let row = 0, left = MOST, message: string[];
  for (let value of gxValues(s.values, s.phase, function (address) { return statisticOf(mqtt, address); })) {
    value = whole(value);
    if (row >= rare.place[1] && value !== last[row] && (value === value || last[row] === last[row])) {
      rare.place[1] = row; // a round that is broken off goes on here: rows that change all the time must not hold up the others
      if (left-- <= 0) return now;
      message = gxMessage(row, value, phase, tail);
      if (s.phase === SILENT && +message[2] === topics.LIMITS && rare.flags[topics.LIMITS] & RETAIN) message[1] = "";
      if (!send(mqtt, message[0], message[1], +message[2], now)) return now;
      last[row] = value;
    }
    row++;
  }
  rare.place[1] = 0;
  return now + (rare.mirror ? MIRRORED_MS : ROUND_MS);
}

/** Only what is known. */
function known(values: Record<string, number>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const key of Object.keys(values)) if (values[key] === values[key]) out[key] = Math.round(values[key]);
  return out;
}

function systemConfig(app: App): string {
  const facts = app.natives.machine(), free = facts.storageFree / 1024, memory = app.natives.memory();
  return JSON.stringify({
    "ip": facts.ip, "mac": facts.mac, "uptimeStart": Math.floor(app.clock.epoch),
    "flash": known({ "usedKb": facts.storage / 1024 - free, "freeKb": free, "systemKb": (facts.flash - facts.storage) / 1024 }),
    "memory": known({ "heapTotalKb": memory.total * memory.blocksize / 1024 }),
  });
}

function hardwareConfig(app: App): string {
  const facts = app.natives.machine(), chip: Record<string, unknown> = known({ "flashKb": facts.flash / 1024 });
  return JSON.stringify({ "chip": Object.assign({ "model": facts.board }, chip) });
}

function sensorsConfig(app: App): string {
  let text = "", row = 0;
  for (; row < r.cell01Voltage; row++) text += `,"${registerText(row).split("\t")[0]}":{"interval":${app.mqtt.shortest / 1000},"model":"tinybms"}`;
  return "{" + text.substr(1) + "}";
}

/** A page of the manifest as it stands in the image's text. */
function page(number: number): string {
  const text = textSlice(topics.PAGES_AT, topics.PAGES_END);
  let at = 0;
  while (number-- > 0) at = text.indexOf("\n", at) + 1;
  return text.substring(at, text.indexOf("\n", at));
}

function onceText(app: App, place: number): string {
  if (place === 0) return systemConfig(app);
  if (place === 1) return hardwareConfig(app);
  if (place === 2) return sensorsConfig(app);
  return `{"mode":"per_page","pages":${topics.PAGES},"fw":"${VERSION}","count":${topics.MANIFEST_ITEMS}}`;
}

/** One message: topics of the table, then pages. */
function publishPlace(app: App, place: number, now: number): boolean {
  const at = topics.TOPICS_AT + (topics.STATES + place) * topics.TOPICS_WIDTH;
  if (place < topics.ONCE) return send(app.mqtt, textSlice(at + 1, at + topics.TOPICS_WIDTH).trim(), onceText(app, place), topics.CONFIG, now);
  return send(app.mqtt, "manifest/page" + (place - topics.ONCE), page(place - topics.ONCE), topics.CONFIG, now);
}

function publishOnce(app: App, now: number): number {
  const rare = app.mqtt.rare;
  if (!publishPlace(app, rare.place[3], now) || ++rare.place[3] < topics.ONCE + topics.PAGES) return now;
  rare.place[3] = 0;
  return NEVER;
}

/** Messages of rt/gx, else those of a connection; when to go on (ms). */
export function publishTables(app: App, now: number, gx: boolean): number {
  return gx ? publishGx(app, now) : publishOnce(app, now);
}
