// The topics of a connection (onceTopics of mqtt/topics.ts): what the device is, the manifest.
import * as r from "../battery/registers.baked";
import { textSlice } from "../kernel/text";
import { registerText } from "../mqtt/messages";
import * as topics from "../mqtt/topics.baked";
import { VERSION } from "../version";
import type { App } from "./app";
import { send } from "./mqtt-send.cold";

/** A time that never comes by itself, ms. */
const NEVER = 1e15;

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

/** The next message, one a step because they are large; when to go on (ms). */
export function publishOnce(app: App, now: number): number {
  const rare = app.mqtt.rare;
  if (!publishPlace(app, rare.place[3], now) || ++rare.place[3] < topics.ONCE + topics.PAGES) return now;
  rare.place[3] = 0;
  return NEVER;
}
