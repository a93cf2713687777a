// The register file of the simulated unit: raw 16-bit words, set and read by the keys of the register table.
// Written apart from the firmware's decoder on purpose: two readers of one table check each other.

import { registers } from "../../firmware/tables/registers";
import type { BitField, Register } from "../../firmware/tables/registers";

/** A row of the register table that has an address. */
export type Row = Register & { at: number; type: NonNullable<Register["type"]> };

/** One register to write: address and raw word. */
export type Write = [address: number, raw: number];

/** Addresses 0..599 are documented, in classes of 100 (Communication Protocols Rev D, 3). */
export const REGISTER_COUNT = 600;

/** Every row with an address, in the order of the table. */
export const rows: Row[] = registers.filter(
  (register): register is Row => register.at !== undefined && register.type !== undefined,
);

const rowByKey = new Map(rows.map((row) => [row.key, row]));
const rowByAddress = new Map(
  rows.flatMap((row) => Array.from({ length: wordsOf(row) }, (_, i) => [row.at + i, row] as const)),
);

/** How many registers a row takes. */
export function wordsOf(row: Row): number {
  return row.words ?? 1;
}

/** The row of a key; throws for a key that the table does not have (a programmer's error). */
export function rowOf(key: string): Row {
  const row = rowByKey.get(key);
  if (!row) throw new Error(`no register is called ${key}`);
  return row;
}

/** The row that an address belongs to, undefined for reserved addresses. */
export function rowAt(address: number): Row | undefined {
  return rowByAddress.get(address);
}

/** A raw word as the signed or unsigned number that the row's type makes of it. */
export function signedRaw(row: Row, word: number): number {
  return row.type === "i16" ? (word << 16) >> 16 : word;
}

/** The unsigned number in the words of a row, low word first (seen on a unit: clarkni5/tinybms). */
export function rawOf(words: Uint16Array, row: Row): number {
  return wordsOf(row) === 1 ? words[row.at] : words[row.at] + words[row.at + 1] * 0x10000;
}

const SPAN: Partial<Record<Row["type"], [number, number]>> = { u8: [0, 255], i16: [-32768, 32767] };
const float = new DataView(new ArrayBuffer(4));

function rawFrom(row: Row, value: number | null): number {
  if (value === null) {
    if (row.invalid === undefined) throw new Error(`${row.key} has no raw word for "no value"`);
    return row.invalid;
  }
  if (row.type === "f32") {
    float.setFloat32(0, value);
    return float.getUint32(0);
  }
  const [low, high] = SPAN[row.type] ?? (wordsOf(row) === 2 ? [0, 0xffffffff] : [0, 0xffff]);
  return Math.min(high, Math.max(low, Math.round(value * (row.per ?? 1))));
}

/**
 * Puts a value in the row's unit into its registers, clamped to what the type can hold; null is the row's "no value"
 * word. The high byte of a u8 row is kept. Not for `bytes` rows.
 */
export function setValue(words: Uint16Array, key: string, value: number | null): void {
  const row = rowOf(key);
  const raw = rawFrom(row, value);
  const low = raw & 0xffff;
  words[row.at] = row.type === "u8" ? (words[row.at] & 0xff00) | low : low;
  if (wordsOf(row) === 2) words[row.at + 1] = Math.floor(raw / 0x10000);
}

/** The value of a row in its unit, null for the row's "no value" word. Not for `bytes` rows. */
export function getValue(words: Uint16Array, key: string): number | null {
  const row = rowOf(key);
  const raw = rawOf(words, row);
  if (row.type === "f32") {
    float.setUint32(0, raw);
    return float.getFloat32(0);
  }
  const number = row.type === "u8" ? raw & 0xff : signedRaw(row, raw);
  return number === row.invalid ? null : number / (row.per ?? 1);
}

function fieldOf(key: string, field: string): { row: Row; bits: BitField } {
  const row = rowOf(key);
  const bits = row.bits?.find((candidate) => candidate.key === field);
  if (!bits || bits.lsb + bits.width > 16) throw new Error(`${key} has no field ${field} in its first word`);
  return { row, bits };
}

/** Puts a number into one bit field (in the first word) of a row; the other bits stay. */
export function setBits(words: Uint16Array, key: string, field: string, value: number): void {
  const { row, bits } = fieldOf(key, field);
  const mask = ((1 << bits.width) - 1) << bits.lsb;
  words[row.at] = (words[row.at] & ~mask) | ((value << bits.lsb) & mask);
}

/** The number in one bit field (in the first word) of a row. */
export function getBits(words: Uint16Array, key: string, field: string): number {
  const { row, bits } = fieldOf(key, field);
  const value = (words[row.at] >> bits.lsb) & ((1 << bits.width) - 1);
  return bits.signed && value >> (bits.width - 1) ? value - (1 << bits.width) : value;
}
