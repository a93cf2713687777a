// GET /api/can: what was sent last of each frame, in words, and how the controller is.

import type { Needs } from "./needs";
import { textSlice } from "../kernel/text";
import { silentText } from "../care/missing.cold";
import { frameIds } from "../victron/frames.baked";
import { SENT_BYTES } from "../victron/task";
import { FRAMES_AT, FRAMES_END } from "./text.baked";

/** Label, how it stands in the frame, byte, divisor, unit, what is added, bit, the raw number for "unknown". */
type Field = [string, string, number, number, string, number, number, number];
/** A line of the text: name, period (ms), fields. */
interface FrameLine {
  n: string;
  e: number;
  f: Field[];
}

/** The line of a row of the frame table. */
function lineOf(row: number): FrameLine {
  const text = textSlice(FRAMES_AT, FRAMES_END);
  let at = 0;
  while (row-- > 0) at = text.indexOf("\n", at) + 1;
  return JSON.parse(text.substring(at, text.indexOf("\n", at))) as FrameLine;
}

/** Up to the first zero; a byte that is no printable character is a question mark. */
function textOf(bytes: Uint8Array, at: number): string {
  let text = "";
  for (const code of bytes.subarray(at)) {
    if (!code) return text;
    text += code > 31 && code < 127 ? String.fromCharCode(code) : "?";
  }
  return text;
}

/** A field as a person reads it; undefined for one that is not in the frame, or an alarm that is not supported. */
function valueOf(field: Field, bytes: Uint8Array): number | string | null | undefined {
  const as = field[1],
    at = field[2],
    low = bytes[at],
    high = bytes[at + 1];
  if (at >= bytes.length) return undefined;
  if (as === "pair") return [undefined, "active", "ok", undefined][(low >> field[6]) & 3];
  if (as === "text" || as === "cell" || as === "sensor") return textOf(bytes, at);
  if (as === "version") return low + "." + high;
  let raw = low + high * 256;
  if (as === "u32") raw += bytes[at + 2] * 65536 + bytes[at + 3] * 16777216;
  if (as === "i16" && raw > 32767) raw -= 65536;
  return raw === field[7] && raw > 32767 ? null : Math.round(((raw - field[5]) * 1000) / field[3]) / 1000;
}

/** "28024605". */
function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const code of bytes) text += (256 + code).toString(16).substr(1).toUpperCase();
  return text;
}

/** The frame of a row, as it was sent last. */
function frameText(needs: Needs, row: number): string {
  const can = needs.can,
    at = row * SENT_BYTES + 1,
    bytes = can.sent.subarray(at, at + can.sent[at - 1]),
    line = lineOf(row),
    fields: object[] = [];
  for (const field of line["f"]) {
    const value = valueOf(field, bytes);
    if (value !== undefined)
      fields.push(
        field[4] ? { "label": field[0], "value": value, "unit": field[4] } : { "label": field[0], "value": value },
      );
  }
  return JSON.stringify({
    "id": "0x" + frameIds[row].toString(16).toUpperCase(),
    "name": line["n"],
    "period_ms": line["e"],
    "age_ms": Math.round(needs.natives.now() - can.sentAt[row]),
    "data": hexOf(bytes),
    "fields": fields,
  });
}

/** The controller, and the list's begin. */
function controllerText(needs: Needs): string {
  const port = needs.canPort,
    health = port.health(),
    now = needs.natives.now(),
    gxAt = needs.can.gxAt;
  return (
    JSON.stringify({
      "state": health.state,
      "tec": health.tec,
      "rec": health.rec,
      "tx": port.tx,
      "rx": port.rx,
      "errors": port.errors,
      "bus_off": port.busOff,
      "acknowledged_ms": port.tx ? Math.round(now - port.ackAt) : null,
      "gx_seen_ms": gxAt < 0 ? null : Math.round(now - gxAt),
      "silent": silentText(needs, now) || null,
    }).slice(0, -1) + ',"frames":['
  );
}

/** The row of the frame that is number `count` of those that were ever sent; -1 when there are fewer. */
function sentRow(needs: Needs, count: number): number {
  let row = 0;
  for (const at of needs.can.sentAt) {
    if (at && count-- === 0) return row;
    row++;
  }
  return -1;
}

/** A frame a piece. */
export function canPart(needs: Needs, piece: number): string {
  if (!piece) return controllerText(needs);
  const row = sentRow(needs, piece - 1);
  if (row >= 0) return (piece > 1 ? "," : "") + frameText(needs, row);
  return piece === 1 || sentRow(needs, piece - 2) >= 0 ? "]}\r\n" : "";
}
