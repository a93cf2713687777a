// Bakes the register table: slot numbers, and straight code that makes values of raw words.
import { groups, registers, type Register } from "../../firmware/battery/registers";
import { camel, fastRows, header, keptSettings, measuredRows, refuseDuplicates, slots } from "./names";

const first = (rows: Register[]): number => Math.min(...rows.map((row) => row.at ?? 0));

/** The expression of a row's value from little-endian words `w`, and whether it can be the "no value" word. */
function valueOf(row: Register, start: number): string {
  const at = (row.at ?? 0) - start;
  const word = `w[${at}]`, divide = row.per ? ` / ${row.per}` : "";
  if (row.type === "u32") return `(${word} + w[${at + 1}] * 65536)${divide}`;
  if (row.type === "i16") return row.per ? `(${word} << 16 >> 16)${divide}` : `${word} << 16 >> 16`;
  if (row.type === "u8") return `(${word} & 255)${divide}`;
  return word + divide;
}

/** The raw word that means unknown, as it stands in an unsigned word. */
const invalidWord = (row: Register): number | undefined => (row.invalid === undefined ? undefined : row.invalid & 0xffff);

function decodeLine(row: Register, start: number, to: string): string {
  const lines: string[] = [];
  const float = row.type === "f32";
  if (float && ((row.at ?? 0) - start) % 2 !== 0) throw new Error(`${row.key}: a float must start on an even word of its block`);
  const value = float ? `f[${((row.at ?? 0) - start) / 2}]` : valueOf(row, start);
  const invalid = invalidWord(row);
  const known = invalid === undefined ? value : `w[${(row.at ?? 0) - start}] === ${invalid} ? NaN : ${value}`;
  if (!row.sane) return `  ${to} = ${known};`;
  const [low, high] = row.sane;
  lines.push(`  x = ${known};`);
  const insane = invalid === undefined ? `!(x >= ${low} && x <= ${high})` : `x < ${low} || x > ${high}`;
  lines.push(`  if (${insane}) return false;`, `  ${to} = x;`);
  return lines.join("\n");
}

/** firmware/battery/registers.baked.ts: hot. */
export function bakeRegisters(): string {
  refuseDuplicates(registers);
  const names = slots.map((row, slot) => `export const ${camel(row.key)} = ${slot};`);
  const start = first(fastRows);
  const floats = fastRows.filter((row) => row.type === "f32").length;
  return `${header("battery/registers.ts")}
/** Slots of the snapshot: all, of the fast group (the first ones), of all measurements, of settings. */
export const SLOTS = ${slots.length}, FAST_SLOTS = ${fastRows.length};
export const MEASURED_SLOTS = ${measuredRows.length}, SETTINGS_SLOTS = ${keptSettings.length};

${names.join("\n")}

/** Values of the fast group from its words (little-endian registers ${start}..) into \`s\`; false when one is implausible. */
export function decodeFast(w: Uint16Array, s: Float64Array): boolean {
  const f = new Float32Array(w.buffer, 0, ${floats});
  let x: number;
${fastRows.map((row, slot) => decodeLine(row, start, `s[${slot}]`)).join("\n")}
  return true;
}
`;
}

/** firmware/bms/settings.baked.cold.ts: the settings that the snapshot keeps. */
export function bakeSettings(): string {
  const start = first(registers.filter((row) => row.poll === "settings"));
  if (groups.settings.command !== 0x03) throw new Error("settings are read by 0x03");
  const lines = keptSettings.map((row) => decodeLine(row, start, `v[${slots.indexOf(row)}]`));
  return `${header("battery/registers.ts")}
/** Values of the settings (words of registers ${start}.., low byte first) into the snapshot's slots. */
export function decodeSettings(w: Uint16Array, v: Float64Array): void {
${lines.join("\n")}
}
`;
}
