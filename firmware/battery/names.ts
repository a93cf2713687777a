// How values and states are shown, the same in every message: names, and rounding. Unknown is null, never 0.
import { textSlice } from "../kernel/text";
import { REASONS_END } from "./names.baked";

const THOUSANDS = [1, 10, 100, 1000];

/** A value rounded to `digits` decimals, null when unknown. */
export function shown(value: number, digits: number): number | null {
  return isNaN(value) ? null : Math.round(value * THOUSANDS[digits]) / THOUSANDS[digits];
}

/** Rounded down as CAN does it. */
export function floored(value: number): number | null {
  return isNaN(value) ? null : (value * 10 + 1e-6 | 0) / 10;
}

/** The name that a list of the image's text (PHASES, REASONS, STATUSES) has for a number, "offline" when it has none. */
export function nameIn(list: number, number: number): string {
  return textSlice(list, REASONS_END).split("\n")[0].split(" ")[number] || "offline";
}
