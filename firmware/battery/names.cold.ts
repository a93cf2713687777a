// How values and states are shown, the same in every message: names, and rounding. Unknown is null, never 0.
import { textSlice } from "../kernel/text";
import { cell01Voltage } from "./registers.baked";
import type { Snapshot } from "./snapshot";
import { EVENTS_AT, EVENTS_END, NAME_WIDTH, NAMES } from "./names.baked";

const THOUSANDS = [1, 10, 100, 1000];

/** A value rounded to `digits` decimals, null when unknown. */
export function shown(value: number, digits: number): number | null {
  return isNaN(value) ? null : Math.round(value * THOUSANDS[digits]) / THOUSANDS[digits];
}

/** Rounded down as limits are (charge/control.ts): for what a limit would be. */
export function floored(value: number): number | null {
  return isNaN(value) ? null : ((value * 10 + 1e-6) | 0) / 10;
}

/** The cells in use, the first one first, in mV. */
export function cellsShown(s: Snapshot): (number | null)[] {
  const from = cell01Voltage + s.firstCell,
    list: (number | null)[] = [];
  for (const mv of s.values.subarray(from, from + s.cells)) list.push(shown(mv, 0));
  return list;
}

/**
 * The name that a list of the image's text (PHASES, REASONS, SEVERITIES, STATUSES) has for a number, "offline" when it
 * has none.
 */
export function nameIn(list: number, number: number): string {
  const at = list + number * NAME_WIDTH;
  return (number >= 0 && number < NAMES && textSlice(at, at + NAME_WIDTH).trim()) || "offline";
}

/**
 * How bad an event of the BMS is, as a place in the list SEVERITIES: 2 fault, 1 warning, 0 information (Enepaq Rev D,
 * chapter 4).
 */
export function eventSeverity(id: number): number {
  return id < 0x31 ? 2 : id < 0x61 ? 1 : 0;
}

/**
 * The name of an event of the BMS; "event_<number>" for one that the vendor does not print. (At the end of a text
 * the interpreter also finds what only begins there.)
 */
export function eventName(id: number): string {
  const text = textSlice(EVENTS_AT, EVENTS_END),
    at = text.indexOf("," + id + ":") + 1;
  return at && at < text.length ? text.substring(text.indexOf(":", at) + 1, text.indexOf(",", at)) : "event_" + id;
}
