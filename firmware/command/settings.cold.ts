// `cfg/set`: settings over MQTT, answered on `cfg/ack` (settings/README.md).

import type { Needs } from "./needs";
import { SETTINGS } from "../bms/places";
import { rowsText } from "../config/document.cold";
import { modules, PIECE_ROWS } from "../config/fields.baked";
import { newestSlot } from "../config/slots.cold";
import { idText, parseObject } from "../kernel/json.cold";
import { publish } from "../mqtt/publish";
import { HANDLER_FAILED, PARSE_FAILED } from "../mqtt/session";
import { FEW_IN_FLIGHT } from "../publish/state";
import { SETTINGS_FIRST, SETTINGS_WORDS, SLOTS_OF_SETTINGS, SLOT_REGISTERS } from "../publish/topics.baked";
import type { Asked, Put } from "../settings/change";
import { beginChange } from "../settings/put.cold";
import { errorText, send } from "./answer.cold";
import { type Commands, MOST_MESSAGE, SAFE } from "./state";

/** A patch of the settings that came on `cfg/set`, null when it was too long: all of it or nothing, and the answer. */
export function setSettings(needs: Needs, payload: string | null, flags: number): void {
  const asked: Asked = {
    text: payload || "",
    module: "",
    remote: "a",
    dry: false,
    confirmed: false,
    then: function (put) {
      answerChange(needs, put, flags);
    },
  };
  let error = "";
  if (payload === null || payload.length > MOST_MESSAGE) error = "PayloadTooLarge cfg/set";
  else if (needs.mqtt.session.stale) error = "Stale cfg/set";
  else if (needs.commands.mode < SAFE) error = "Disabled cfg/set";
  else if (!beginChange(needs, asked)) error = "Busy cfg/set, another change is under way";
  if (!error) return;
  const parsed = payload === null || payload.length > MOST_MESSAGE ? null : parseObject(payload).value,
    id = parsed ? idText(parsed) : "";
  send(needs, "cfg/ack", '{"ok":false' + (id || "") + "," + errorText(error) + "}", flags);
}

/** What came of it. */
export function answerChange(needs: Needs, put: Put, flags: number): void {
  const counts = needs.mqtt.session.counts,
    isText = put.code === "BadCfgJson",
    warnings = put.warnings.length ? ',"warnings":' + JSON.stringify(put.warnings) : "";
  if (isText) counts[PARSE_FAILED]++;
  else if (put.code) counts[HANDLER_FAILED]++;
  send(
    needs,
    "cfg/ack",
    put.code
      ? '{"ok":false' +
          put.id +
          "," +
          errorText(put.code + " " + (put.where === "body" ? "cfg/set" : put.where) + ", " + put.reason) +
          warnings +
          "}"
      : '{"ok":true' + put.id + ',"where":"cfg/set","changed":' + JSON.stringify(put.changed) + warnings + "}",
    flags,
  );
}

// The settings on MQTT: cfg/<module> of the gateway, cfg/registers of the TinyBMS, one topic a look.

/** Registers of the TinyBMS's settings as they are: `{"slot":0,"regs":{"300":3650,...}}`. */
function slotText(words: Uint16Array, number: number): string {
  let text = "",
    at = number * SLOT_REGISTERS;
  const end = Math.min(at + SLOT_REGISTERS, SETTINGS_WORDS.length);
  for (; at < end; at++) {
    const value = SETTINGS_WORDS[at] === "d" ? words[at] + words[at + 1] * 65536 : words[at];
    if (SETTINGS_WORDS[at] !== ".") text += `${text && ","}"${SETTINGS_FIRST + at}":${value}`;
  }
  return `{"slot":${number},"regs":{${text}}}`;
}

/** A changed TinyBMS setting makes its topics wait. */
function lookAtRegisters(needs: Needs, own: Commands): void {
  const words = needs.uart.raw[SETTINGS];
  let sum = 1;
  if (!words) return;
  for (const word of words.subarray(0, SETTINGS_WORDS.length)) sum = (sum * 31 + word) % 0x7ffffff;
  if (sum !== own.registers) own.pending |= ((1 << (SLOTS_OF_SETTINGS + 1)) - 1) << modules.split(" ").length;
  own.registers = sum;
}

/** More of the text of a module, null when there is more to come, which a later look takes. */
function moreOf(needs: Needs, own: Commands, module: string): string | null {
  const shown = own.shown && own.shown.module === module ? own.shown : { module: module, from: 0, text: "" },
    document = newestSlot(needs.store, needs.natives.crc32).document,
    rows = rowsText(document, needs.presets, module, shown.from, PIECE_ROWS);
  own.shown = shown;
  shown.text += rows.text;
  shown.from = rows.next;
  return rows.next < 0 ? shown.text : null;
}

/** A part of one topic of those that wait. */
function publishSettings(needs: Needs, own: Commands, now: number): void {
  const names = modules.split(" "),
    words = needs.uart.raw[SETTINGS],
    end = names.length + 1 + SLOTS_OF_SETTINGS;
  let place = 0,
    suffix = "cfg/registers",
    text = '{"mode":"per_slot","slots":' + SLOTS_OF_SETTINGS + "}";
  own.pending &= (1 << (words ? end : names.length)) - 1;
  if (!own.pending) return;
  while (!((own.pending >> place) & 1)) place++;
  if (place < names.length) {
    suffix = "cfg/" + names[place];
    const whole = moreOf(needs, own, names[place]);
    if (whole === null) return;
    text = whole;
    own.shown = null; // what finds no room is made again
  } else if (place > names.length && words) {
    suffix += "/slot" + (place - names.length - 1);
    text = slotText(words, place - names.length - 1);
  }
  if (publish(needs.mqtt.session, suffix, text, own.configFlags, now)) own.pending &= ~(1 << place);
}

/** Publish a part of one topic of those that wait; whether more may do. */
export function settingsTopics(needs: Needs, now: number): boolean {
  const own = needs.commands;
  lookAtRegisters(needs, own);
  if (own.pending && needs.mqtt.session.inFlight.length <= FEW_IN_FLIGHT) publishSettings(needs, own, now);
  return own.pending !== 0;
}
