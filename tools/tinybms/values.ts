// Raw register words as the values that people and other programs read: by the register table, null for what is
// unknown. Enepaq "TinyBMS Communication Protocols" Rev D, chapter 3: types, scales, enums, bit fields; low word first.
import { type BitField, type Register, registers as table } from "../../firmware/tables/registers";

/** Raw words by register address. */
export type Registers = Record<number, number>;

/**
 * A number in the row's unit, the name of an enum, cells (from 1) of a bit mask, an event slot, hex of a serial number;
 * null: unknown.
 */
export type Value = number | string | null | number[] | { timestamp: number; id: number };

/** Rows of the table that stand at an address. */
export type Row = Register & { at: number; type: NonNullable<Register["type"]> };

/** All rows that can be read, in the order of the table. */
export const rows: Row[] = table.filter((row): row is Row => row.at !== undefined && row.type !== undefined);

/** The shortest decimal number that makes the same 32-bit float; null for what is no number. */
export function floatOf(raw: number): number | null {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, raw);
  const float = view.getFloat32(0);
  if (!Number.isFinite(float)) return null;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return Number(float.toPrecision(9));
}

/** The words of a row, null when one was not read. */
function wordsOf(row: Row, registers: Registers): number[] | null {
  const words = Array.from({ length: row.words ?? 1 }, (_, i) => registers[row.at + i]);
  return words.some((word) => word === undefined) ? null : words;
}

/** One part of a word: a name where the field has names, else a number. */
function fieldValue(field: BitField, word: number): Value {
  const raw = (word >>> field.lsb) & (2 ** field.width - 1);
  if (field.enum) return field.enum[raw] ?? null;
  return field.signed && raw >= 2 ** (field.width - 1) ? raw - 2 ** field.width : raw;
}

/** Bit i stands for cell i + 1. */
function cellsIn(mask: number): number[] {
  return Array.from({ length: 16 }, (_, i) => i + 1).filter((cell) => mask & (1 << (cell - 1)));
}

function eventIn(words: number[]): Value {
  return words[0] || words[1] ? { timestamp: words[0] + (words[1] & 255) * 0x10000, id: words[1] >> 8 } : null;
}

/** The value of a row from its words (a row with bit fields: of none of them, see `valuesOf`). */
export function valueOf(row: Row, words: number[]): Value {
  const raw = words[0] + (words[1] ?? 0) * 0x10000;
  if (row.type === "event") return eventIn(words);
  if (row.type === "bytes")
    return words
      .map((word) => (((word & 255) << 8) | (word >> 8)).toString(16).padStart(4, "0"))
      .join("")
      .toUpperCase();
  if (row.perCell) return cellsIn(raw);
  if (row.type === "f32") return floatOf(raw);
  const number = row.type === "u8" ? raw & 255 : row.type === "i16" ? (raw << 16) >> 16 : raw;
  if (number === row.invalid) return null;
  return row.enum ? (row.enum[number] ?? null) : number / (row.per ?? 1);
}

/**
 * Every value that the words make, by its key: bit fields under their own keys (reserved ones left out), values of two
 * words only when both were read. Keys and shapes are those of the protocol's vectors.
 */
export function valuesOf(registers: Registers): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const row of rows) {
    const words = wordsOf(row, registers);
    if (!words) continue;
    const fields = row.type === "bits" && !row.perCell ? (row.bits ?? []) : null;
    if (!fields) values[row.key] = valueOf(row, words);
    else for (const field of fields) if (field.key !== "reserved") values[field.key] = fieldValue(field, words[0]);
  }
  return values;
}
