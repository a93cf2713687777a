// Reads the gateway's CAN frames by the table that they are written from, as a GX does.
// Source: firmware/tables/frames.ts; Victron "CAN-bus BMS Protocol" (2021-04-17).
import { canFrames, FrameField, GX_IDENTITY, GX_KEEPALIVE } from "../../firmware/tables/frames";

/** One field of a frame. */
export interface DecodedField {
  label: string;
  /** Row key of the register table, or the setting of a text. */
  key: string;
  /** As on the wire: a number in `unit`, a text, or `active`, `ok`, `unsupported` for an alarm pair. */
  value: number | string;
  /** The number in the unit of the row `key` (0x373 says kelvin, the row says degC); NaN for a text or a pair. */
  rowValue: number;
  unit: string;
  /** Raw number; for a text 0. */
  raw: number;
  /** `value` with the digits that the frame has, and its unit. */
  shown: string;
}

export interface DecodedFrame {
  id: number;
  name: string;
  fields: DecodedField[];
}

const PAIR_MEANING = ["unsupported", "active", "ok", "unsupported"];

function word(data: ArrayLike<number>, at: number): number {
  return data[at] | (data[at + 1] << 8);
}

/** Two bytes, major first. */
function decodeVersion(field: FrameField, data: ArrayLike<number>): DecodedField {
  const raw = data[field.at] * 256 + data[field.at + 1],
    shown = `${data[field.at]}.${data[field.at + 1]}`;
  return { label: field.label, key: field.from, value: shown, rowValue: raw, unit: "", raw, shown };
}

function decodeNumber(field: FrameField, data: ArrayLike<number>): DecodedField {
  const high = field.as === "u32" ? word(data, field.at + 2) * 0x10000 : 0,
    per = field.per ?? 1;
  const unsigned = word(data, field.at) + high;
  const raw = field.as === "i16" && unsigned > 0x7fff ? unsigned - 0x10000 : unsigned;
  const value = raw / per,
    unit = field.unit ?? "";
  const digits = Math.max(0, Math.ceil(Math.log10(per)));
  const isUnknown = field.absent === 0xffff ? raw === 0xffff : field.unit === "mV" && (raw === 0 || raw === 0xffff);
  if (isUnknown) {
    return {
      label: field.label,
      key: field.from,
      value: "unsupported",
      rowValue: NaN,
      unit: "",
      raw,
      shown: "unsupported",
    };
  }
  return {
    label: field.label,
    key: field.from,
    value,
    rowValue: (raw - (field.add ?? 0)) / per,
    unit,
    raw,
    shown: (value.toFixed(digits) + " " + unit).trim(),
  };
}

function decodePair(field: FrameField, data: ArrayLike<number>): DecodedField {
  const raw = (data[field.at] >> (field.bit ?? 0)) & 3;
  const value = PAIR_MEANING[raw];
  return { label: field.label, key: field.from, value, rowValue: NaN, unit: "", raw, shown: value };
}

/** Text up to the first zero byte; a byte that is not printable ASCII shows as \xNN. */
function decodeText(field: FrameField, data: ArrayLike<number>): DecodedField {
  const bytes = Array.from(data).slice(field.at);
  const end = bytes.indexOf(0);
  const value = bytes
    .slice(0, end < 0 ? bytes.length : end)
    .map((byte) => {
      return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "\\x" + byte.toString(16).padStart(2, "0");
    })
    .join("");
  return { label: field.label, key: field.from, value, rowValue: NaN, unit: "", raw: 0, shown: JSON.stringify(value) };
}

function decodeField(field: FrameField, data: ArrayLike<number>): DecodedField {
  if (field.as === "text" || field.as === "cell" || field.as === "sensor") return decodeText(field, data);
  if (field.as === "version") return decodeVersion(field, data);
  return field.as === "pair" ? decodePair(field, data) : decodeNumber(field, data);
}

/**
 * What a frame of the gateway says, field by field; fields beyond a short frame's end are left out. Null for other ids.
 */
export function decodeFrame(id: number, data: ArrayLike<number>): DecodedFrame | null {
  const row = canFrames.find((frame) => frame.id === id);
  if (!row) return null;
  const size = ({ as }: FrameField): number =>
    as === "u32" ? 4 : as === "u16" || as === "i16" || as === "version" ? 2 : 1;
  const fields = row.fields.filter((field) => field.at + size(field) <= data.length);
  return { id, name: row.name, fields: fields.map((field) => decodeField(field, data)) };
}

function hex(data: ArrayLike<number>): string {
  return Buffer.from(Array.from(data)).toString("hex").toUpperCase();
}

/** One line for a person: the identifier, the frame's name and each field, or the bare bytes of an unknown frame. */
export function describe(id: number, data: ArrayLike<number>): string {
  const name = id.toString(16).toUpperCase().padStart(3, "0");
  if (id === GX_KEEPALIVE) return name + " GX keepalive: " + hex(data);
  if (id === GX_IDENTITY)
    return name + " GX identity: " + JSON.stringify(Buffer.from(Array.from(data).slice(4, 7)).toString("latin1"));
  const frame = decodeFrame(id, data);
  if (frame?.fields.length && frame.fields.every(({ label }) => label === frame.name))
    return `${name} ${frame.name}: ${frame.fields[0].shown}`;
  if (!frame) return name + " unknown frame: " + hex(data);
  return name + " " + frame.name + ": " + frame.fields.map((field) => field.label + " " + field.shown).join(", ");
}
