// Messages of what a Victron GX shows, below rt/gx (requirements 6.1, C2, C3): value, the register that the GX serves by Modbus-TCP
// (gx_raw, in its scale), its address and service. Lines of the image's text (tools/bake/topics.ts) say the rest.
import { textSlice } from "../kernel/text";
import { GX_ALARMS_AT, GX_ALARMS_WIDTH, GX_AT, GX_WIDTH, LIMITS } from "./topics.baked";

function nearest(value: number): number {
  return (value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5)) + 0;
}

/** Suffix, payload and class (a digit) of a GX topic; `value` in units of its last decimal, NaN while unknown; `tail` closes the payload. */
export function gxMessage(row: number, value: number, phase: string, tail: string): string[] {
  const parts = textSlice(GX_AT + row * GX_WIDTH, GX_AT + row * GX_WIDTH + GX_WIDTH).trim().split("\t"), digits = +parts[2];
  const real = value / [1, 10, 100, 1000][digits], known = value === value, names = known && parts[6];
  return ["rt/gx/" + parts[0], `{"value":${known ? real.toFixed(digits) : null}${parts[4]}`
    + (known && parts[3] ? `,"gx_raw":${nearest(real * +parts[3])}` : "") + (names ? `,"text":"${names.split(",")[value]}"` : "") + parts[5]
    + (+parts[1] === LIMITS ? `,"phase":"${phase}"` : "") + tail + "}", parts[1]];
}

/** Path, numbers of the alarms that raise it (separated by commas) and last members of an alarm of a GX. */
export function gxAlarm(row: number): string[] {
  return textSlice(GX_ALARMS_AT + row * GX_ALARMS_WIDTH, GX_ALARMS_AT + row * GX_ALARMS_WIDTH + GX_ALARMS_WIDTH).trim().split("\t");
}

/** The level that a GX shows: the worst of its alarms (0 none, 1 warning, 2 alarm); NaN while none of them is evaluated (`known`: "" all are). */
export function gxLevel(ids: string, known: string, active: { [id: string]: number }): number {
  let level = NaN;
  for (const id of ids.split(",")) {
    if ((!known || (known + ";").indexOf("," + id + ",") >= 0) && !(level >= (active[id] || 0))) level = active[id] || 0;
  }
  return level;
}

/** A value to the nearest whole number, half away from 0. */
export function whole(value: number): number {
  return nearest(value);
}
