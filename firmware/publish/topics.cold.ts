// The topics of a connection (onceTopics of tables/topics.ts): what the device is, the manifest.

import * as slot from "../battery/registers.baked";
import { AFTER_SETTINGS } from "../bms/places";
import { textSlice } from "../kernel/text";
import { quote } from "../kernel/json.cold";
import { NEVER } from "../kernel/time";
import { VERSION } from "../kernel/version";
import { localSeconds } from "../time/clock.cold";
import { keepTotals, readTotals, totalMessage, totalsOn } from "./energy.cold";
import { registerText } from "./messages";
import { live } from "./rows.baked";
import { pollPeriod } from "../bms/poller.cold";
import { messageTail, send, sendRegister, timeMember } from "./messages.cold";
import { groupMessage } from "./groups.cold";
import { replayLoad } from "./replay.cold";
import * as topics from "./topics.baked";
import { GROUP_IS_TEXT, GROUP_NEXT, GROUP_PAYLOAD, GROUP_SUFFIX, type MqttTask, PAYLOAD, SUFFIX } from "./state";

/** The round of the rows that do not follow the poll, about, ms. */
const ROUND_OF_ROWS_MS = 2000;
/** Bytes of a text on CAN. */
const CAN_TEXT = 8;
/** Register topics begin with this. */
const REGISTER = "rt/reg/";

/** Only what is known. */
function knownFacts(values: Record<string, number>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const key of Object.keys(values)) if (values[key] === values[key]) out[key] = Math.round(values[key]);
  return out;
}

function systemConfig(mqtt: MqttTask): string {
  const facts = mqtt.needs.natives.machine(),
    free = facts.storageFree / 1024,
    memory = mqtt.needs.memory,
    replay = mqtt.needs.replay;
  if (!replay.boot) replayLoad(mqtt, mqtt.needs.natives.now());
  return JSON.stringify({
    "ip": facts.ip,
    "mac": facts.mac,
    "uptimeStart": Math.floor(mqtt.needs.clock.epoch),
    "boot": replay.boot,
    "flash": knownFacts({
      "usedKb": facts.storage / 1024 - free,
      "freeKb": free,
      "systemKb": (facts.flash - facts.storage) / 1024,
    }),
    "memory": knownFacts({ "heapTotalKb": (memory.total * memory.blocksize) / 1024 }),
  });
}

function hardwareConfig(mqtt: MqttTask): string {
  const facts = mqtt.needs.natives.machine(),
    chip = mqtt.needs.natives.chip(),
    known: Record<string, unknown> = knownFacts({
      "rev": chip.rev,
      "cpuFreqMhz": chip.cpuFreqMhz,
      "flashKb": facts.flash / 1024,
      "cores": chip.cores,
    });
  return JSON.stringify({ "chip": Object.assign({ "model": facts.board }, known) });
}

/** Period of a row, ms: of one that follows the poll, and of those that have a round of their own. */
function intervalOf(mqtt: MqttTask, row: number): number {
  const uart = mqtt.needs.uart;
  return Math.max(mqtt.shortest, live.indexOf(row) >= 0 ? pollPeriod(uart.poller, uart.every) : ROUND_OF_ROWS_MS);
}

/** Rows from `from` on, up to `end`. */
function rowsConfig(mqtt: MqttTask, from: number, end: number): string {
  let text = "";
  for (let row = from; row < end; row++)
    text += `,"${registerText(row).split("\t")[0]}":{"interval":${intervalOf(mqtt, row) / 1000},"model":"tinybms"}`;
  return "{" + text.substr(1) + "}";
}

function sensorsConfig(mqtt: MqttTask): string {
  return rowsConfig(mqtt, 0, slot.cell01Voltage);
}

function cellsConfig(mqtt: MqttTask): string {
  return rowsConfig(mqtt, slot.cell01Voltage, slot.cell16Voltage + 1);
}

/** The first of the texts that CAN sends: 8 bytes, blanks or zeros behind it. */
function manufacturer(mqtt: MqttTask, now: number): string {
  let text = "";
  for (const byte of mqtt.can.texts.subarray(0, CAN_TEXT)) if (byte) text += String.fromCharCode(byte);
  return (
    `{"key":"manufacturer","text":${quote(text.trim())}` +
    messageTail(mqtt.snapshot.seq, now, mqtt.needs.clock.epoch, mqtt.rare) +
    'ok"}'
  );
}

/** A page of the manifest as it stands in the image's text. */
function page(number: number): string {
  const text = textSlice(topics.PAGES_AT, topics.PAGES_END);
  let at = 0;
  while (number-- > 0) at = text.indexOf("\n", at) + 1;
  return text.substring(at, text.indexOf("\n", at));
}

function manifest(): string {
  return `{"mode":"per_page","pages":${topics.PAGES},"fw":"${VERSION}","count":${topics.MANIFEST_ITEMS}}`;
}

/** What a topic says: every row of `onceTopics` has its handler. */
function onceText(mqtt: MqttTask, suffix: topics.OnceTopic, now: number): string {
  const rows: Record<topics.OnceTopic, (mqtt: MqttTask, now: number) => string> = {
    "system/config": systemConfig,
    "hardware/config": hardwareConfig,
    "sensors/config": sensorsConfig,
    "sensors/config/cells": cellsConfig,
    "rt/reg/manufacturer": manufacturer,
    "manifest": manifest,
  };
  return rows[suffix](mqtt, now);
}

/** One message: topics of the table, then pages. */
function publishPlace(mqtt: MqttTask, place: number, now: number): boolean {
  const at = topics.TOPICS_AT + (topics.STATES + place) * topics.TOPICS_WIDTH;
  if (place < topics.ONCE) {
    const suffix = textSlice(at + 1, at + topics.TOPICS_WIDTH).trim() as topics.OnceTopic;
    const kind = +textSlice(at, at + 1),
      text = onceText(mqtt, suffix, now);
    return kind === topics.TEXT
      ? sendRegister(mqtt, suffix.substr(REGISTER.length), text, mqtt.rare.flags[kind], now)
      : send(mqtt, suffix, text, kind, now);
  }
  return send(mqtt, "manifest/page" + (place - topics.ONCE), page(place - topics.ONCE), topics.CONFIG, now);
}

/** The next message, one a step because they are large; when to go on (ms). */
export function publishOnce(mqtt: MqttTask, now: number): number {
  const rare = mqtt.rare;
  if (
    !publishPlace(mqtt, rare.place[topics.FAMILY_ONCE], now) ||
    ++rare.place[topics.FAMILY_ONCE] < topics.ONCE + topics.PAGES
  )
    return now;
  rare.place[topics.FAMILY_ONCE] = 0;
  return NEVER;
}

// What changes slowly: registers of the groups without slots, energy of the day and the month.

/** Period, ms. */
const ROUND_MS = 30000;
/** A change of energy that is said, kWh. */
const STEP_KWH = 0.01;

/** The next register of the groups that were read anew; false when there may be more to do. */
function publishGroups(mqtt: MqttTask, now: number): boolean {
  const rare = mqtt.rare,
    tail = messageTail(mqtt.snapshot.seq, now, mqtt.needs.clock.epoch, rare);
  let group = AFTER_SETTINGS;
  for (const start of (topics.GROUP_STARTS as string).split(" ")) {
    const words = mqtt.raw[group] || null,
      place = start.split(":");
    if (words && words !== rare.groups[group]) {
      const message = groupMessage(words, +place[0], +place[1], rare.from, tail);
      if (message[GROUP_NEXT] < 0) {
        rare.groups[group] = words;
        rare.from = 0;
        return false;
      }
      const flags = rare.flags[message[GROUP_IS_TEXT] ? topics.TEXT : topics.TELEMETRY];
      if (sendRegister(mqtt, message[GROUP_SUFFIX], message[GROUP_PAYLOAD], flags, now))
        rare.from = message[GROUP_NEXT];
      return false;
    }
    group++;
  }
  return true;
}

/** The next of rt/energy/*, while the time is known, when a total has changed; false when there is more to do. */
function publishEnergy(mqtt: MqttTask, now: number): boolean {
  const v = mqtt.snapshot.values,
    rare = mqtt.rare,
    local = localSeconds(mqtt.needs);
  const energy = topics.CHARGED < 0 ? [NaN, NaN] : [v[topics.CHARGED], v[topics.DISCHARGED]],
    known = energy[topics.SIDE_CHARGE] === energy[topics.SIDE_CHARGE];
  if (!local) return true;
  if (!rare.totals && known) rare.totals = readTotals(mqtt.needs.store);
  const totals = totalsOn(rare.totals, local, energy),
    said = known ? Math.round((energy[topics.SIDE_CHARGE] + energy[topics.SIDE_DISCHARGE]) / STEP_KWH) : totals["day"];
  const levels = mqtt.session.base.split("/"),
    tail =
      ',"device_id":' +
      quote(levels[levels.length - 2]) +
      ',"timestamp_ms":' +
      Math.round(now) +
      timeMember(mqtt.needs.clock.epoch, now, rare);
  if (totals !== rare.totals && known) keepTotals(mqtt.needs.store, totals);
  rare.totals = totals;
  if (totals["said"] !== said) {
    const message = totalMessage(totals, energy, rare.place[topics.FAMILY_SLOW], tail);
    if (
      !send(mqtt, message[SUFFIX], message[PAYLOAD], topics.TOTALS, now) ||
      ++rare.place[topics.FAMILY_SLOW] < topics.ENERGY_TOTALS
    )
      return false;
  }
  rare.place[topics.FAMILY_SLOW] = 0;
  totals["said"] = said;
  return true;
}

/** The next message of what has changed; when to go on (ms). */
export function publishSlow(mqtt: MqttTask, now: number): number {
  return publishGroups(mqtt, now) && publishEnergy(mqtt, now) ? now + ROUND_MS : now;
}
