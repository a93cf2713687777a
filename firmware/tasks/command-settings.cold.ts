// The settings on MQTT: cfg/<module> of the gateway, cfg/registers of the TinyBMS, one topic a look.
import { SETTINGS } from "../bms/poller";
import { moduleText } from "../config/config.cold";
import { modules } from "../config/fields.baked";
import { newestSlot } from "../config/slots.cold";
import { publish } from "../mqtt/session";
import { SETTINGS_FIRST, SETTINGS_WORDS, SLOT_REGISTERS, SLOTS_OF_SETTINGS } from "../mqtt/topics.baked";
import type { App } from "./app";
import type { Commands } from "./command-state";
import { FEW_IN_FLIGHT } from "./mqtt-state";

/** Registers of the TinyBMS's settings as they are: `{"slot":0,"regs":{"300":3650,...}}`. */
function slotText(words: Uint16Array, number: number): string {
  let text = "", at = number * SLOT_REGISTERS;
  const end = Math.min(at + SLOT_REGISTERS, SETTINGS_WORDS.length);
  for (; at < end; at++) {
    const value = SETTINGS_WORDS[at] === "d" ? words[at] + words[at + 1] * 65536 : words[at];
    if (SETTINGS_WORDS[at] !== ".") text += `${text && ","}"${SETTINGS_FIRST + at}":${value}`;
  }
  return `{"slot":${number},"regs":{${text}}}`;
}

/** A changed TinyBMS setting makes its topics wait. */
function lookAtRegisters(app: App, own: Commands): void {
  const words = app.uart.raw[SETTINGS];
  let sum = 1;
  if (!words) return;
  for (const word of words.subarray(0, SETTINGS_WORDS.length)) sum = (sum * 31 + word) % 0x7ffffff;
  if (sum !== own.registers) own.pending |= (1 << SLOTS_OF_SETTINGS + 1) - 1 << modules.split(" ").length;
  own.registers = sum;
}

/** One topic of those that wait. */
function publishSettings(app: App, own: Commands, now: number): void {
  const names = modules.split(" "), words = app.uart.raw[SETTINGS], end = names.length + 1 + SLOTS_OF_SETTINGS;
  let place = 0, suffix = "cfg/registers", text = '{"mode":"per_slot","slots":' + SLOTS_OF_SETTINGS + "}";
  own.pending &= (1 << (words ? end : names.length)) - 1;
  if (!own.pending) return;
  while (!(own.pending >> place & 1)) place++;
  if (place < names.length) {
    suffix = "cfg/" + names[place];
    text = moduleText(newestSlot(app.store, app.natives.crc32).document, app.presets, names[place]);
    text = text.substr(text.indexOf(":") + 1);
  } else if (place > names.length && words) {
    suffix += "/slot" + (place - names.length - 1);
    text = slotText(words, place - names.length - 1);
  }
  if (publish(app.mqtt.session, suffix, text, own.configFlags, now)) own.pending &= ~(1 << place);
}

/** Publish one topic of those that wait; whether more may do. */
export function settingsTopics(app: App, now: number): boolean {
  const own = app.commands;
  lookAtRegisters(app, own);
  if (own.pending && app.mqtt.session.inFlight.length <= FEW_IN_FLIGHT) publishSettings(app, own, now);
  return own.pending !== 0;
}
