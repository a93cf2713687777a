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

/** A value of the fast group, from its words and the two floats. */
function fastValue(row: Register, start: number): string {
  const at = (row.at ?? 0) - start, invalid = invalidWord(row);
  if (row.type === "f32" && at % 2 !== 0) throw new Error(`${row.key}: a float must start on an even word of its block`);
  const value = row.type === "f32" ? `f[${at / 2}]` : valueOf(row, start);
  return invalid === undefined ? value : `w[${at}] === ${invalid} ? NaN : ${value}`;
}

/** False only for a value beyond its range; an unknown one passes where the row knows one. */
function saneTest(row: Register, name: string): string {
  const [low, high] = row.sane!;
  return row.invalid === undefined ? `${name} >= ${low} && ${name} <= ${high}` : `!(${name} < ${low} || ${name} > ${high})`;
}

/** The derived rows that follow the fast group in the snapshot. */
const derivedRows = slots.slice(fastRows.length).filter((row) => row.from || row.sensors);
const LETTERS = "abcdeghijklmnopq"; // f, v and w are taken
const SENSORS = { coldest: "x < y ? x : y", hottest: "x < y ? y : x", mean: "(x + y) / 2" };

/** Rows of the fast group that are used more than once: they get a local variable. */
const localRows = fastRows.filter((row) => row.sane || derivedRows.some((other) => other.from?.includes(row.key)));
const local = (row: Register): string => LETTERS[localRows.indexOf(row)]!;

function derivedValue(row: Register): string {
  if (row.sensors) return SENSORS[row.sensors];
  return row.from!.replace(/\w+/g, (key) => {
    const found = localRows.find((other) => other.key === key);
    if (!found) throw new Error(`${row.key}: ${key} is no row of the fast group`);
    return local(found);
  });
}

const localOf = (key: string): string => local(localRows.find((row) => row.key === key)!);

/** firmware/battery/registers.baked.ts: hot. */
export function bakeRegisters(): string {
  refuseDuplicates(registers);
  const names = slots.map((row, slot) => `export const ${camel(row.key)} = ${slot};`);
  const start = first(fastRows), floats = fastRows.filter((row) => row.type === "f32").length;
  const current = localOf("pack_current");
  const tests = [...localRows.filter((row) => row.sane).map((row) => saneTest(row, local(row))), `${current} <= most && ${current} >= -most`,
    `${localOf("min_cell_voltage")} <= ${localOf("max_cell_voltage")}`];
  if (derivedRows.some((row, i) => slots[fastRows.length + i] !== row)) throw new Error("derived rows must follow the fast group");
  return `${header("battery/registers.ts")}
/** Slots of the snapshot: all, of all measurements, of settings. */
export const SLOTS = ${slots.length};
export const MEASURED_SLOTS = ${measuredRows.length}, SETTINGS_SLOTS = ${keptSettings.length};

${names.join("\n")}

/**
 * The fast group from its words (little-endian registers ${start}..) into the first slots of the snapshot, and what derives from
 * it. False, and nothing changed, when a value is implausible or a current beyond \`most\` (A).
 */
export function decodeFast(w: Uint16Array, v: Float64Array, most: number): boolean {
  const f = new Float32Array(w.buffer, 0, ${floats}),
    ${localRows.map((row) => `${local(row)} = ${fastValue(row, start)}`).join(",\n    ")};
  if (!(${tests.join("\n    && ")})) return false;
  let x = ${localOf("external_temp_1")}, y = ${localOf("external_temp_2")};
  if (x !== x) x = y;
  if (y !== y) y = x;
  if (x !== x) x = y = ${localOf("internal_temp")};
  v.set([${[...fastRows.map((row) => (localRows.includes(row) ? local(row) : fastValue(row, start))), ...derivedRows.map(derivedValue)].join(", ")}]);
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
