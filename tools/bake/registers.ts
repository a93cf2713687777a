// Bakes the register table: slot numbers, and straight code that makes values of raw words.
import { groups, registers, type Register } from "../../firmware/tables/registers";
import { camel, fastRows, header, keptSettings, measuredRows, refuseDuplicates, slots } from "./names";

const first = (rows: Register[]): number => Math.min(...rows.map((row) => row.at ?? 0));

/** The expression of a row's value from little-endian words `w`, and whether it can be the "no value" word. */
function valueOf(row: Register, start: number): string {
  const at = (row.at ?? 0) - start;
  const word = `w[${at}]`,
    divide = row.per ? ` / ${row.per}` : "";
  if (row.type === "u32") return `(${word} + w[${at + 1}] * 65536)${divide}`;
  if (row.type === "i16") return row.per ? `(${word} << 16 >> 16)${divide}` : `${word} << 16 >> 16`;
  if (row.type === "u8") return `(${word} & 255)${divide}`;
  return word + divide;
}

/** The raw word that means unknown, as it stands in an unsigned word. */
const invalidWord = (row: Register): number | undefined =>
  row.invalid === undefined ? undefined : row.invalid & 0xffff;

/** A value of the fast group, from its words and the two floats. */
function fastValue(row: Register, start: number): string {
  const at = (row.at ?? 0) - start,
    invalid = invalidWord(row);
  if (row.type === "f32" && at % 2 !== 0)
    throw new Error(`${row.key}: a float must start on an even word of its block`);
  const value = row.type === "f32" ? `f[${at / 2}]` : valueOf(row, start);
  const known = row.most === undefined ? value : `${value} > ${row.most} ? ${row.most} : ${value}`;
  return invalid === undefined ? known : `w[${at}] === ${invalid} ? NaN : ${known}`;
}

/** A local variable as the value that counts. */
const counted = (row: Register): string =>
  row.most === undefined ? local(row) : `${local(row)} > ${row.most} ? ${row.most} : ${local(row)}`;

/** False only for a value beyond its range; an unknown one passes where the row knows one. */
function saneTest(row: Register, name: string): string {
  const [low, high] = row.sane!;
  return row.invalid === undefined
    ? `${name} >= ${low} && ${name} <= ${high}`
    : `!(${name} < ${low} || ${name} > ${high})`;
}

/** The derived rows that follow the fast group in the snapshot. */
const derivedRows = slots.slice(fastRows.length).filter((row) => row.from || row.sensors);
const LETTERS = "abcdeghijklmnopq"; // f, v and w are taken
const SENSORS = { coldest: "x < y ? x : y", hottest: "x < y ? y : x", mean: "(x + y) / 2" };

/** Rows of the fast group that are used more than once: they get a local variable. */
const localRows = fastRows.filter((row) => row.sane || derivedRows.some((other) => other.from?.includes(row.key)));
function local(row: Register): string {
  const letter = LETTERS[localRows.indexOf(row)];
  if (letter === undefined)
    throw new Error(
      `tables/registers.ts: ${row.key}: more than ${LETTERS.length} rows of the fast group are used twice`,
    );
  return letter;
}

function derivedValue(row: Register): string {
  if (row.sensors) return SENSORS[row.sensors];
  return row.from!.replace(/\w+/g, (key) => {
    const found = localRows.find((other) => other.key === key);
    if (!found)
      throw new Error(`tables/registers.ts: ${row.key} derives from ${key}, which is no row of the fast group`);
    return local(found);
  });
}

function localOf(key: string): string {
  const row = localRows.find((one) => one.key === key);
  if (!row)
    throw new Error(
      `tables/registers.ts: ${key} must be a row of the fast group with a sane range: the decoder needs it`,
    );
  return local(row);
}

/** firmware/battery/registers.baked.ts: hot. */
export function bakeRegisters(): string {
  refuseDuplicates(registers);
  const names = slots.map((row, slot) => `export const ${camel(row.key)} = ${slot};`);
  const start = first(fastRows),
    floats = fastRows.filter((row) => row.type === "f32").length;
  const current = localOf("pack_current"),
    measured = fastRows.map((row) => (localRows.includes(row) ? counted(row) : fastValue(row, start)));
  const tests = [
    ...localRows.filter((row) => row.sane).map((row) => saneTest(row, local(row))),
    `${current} <= most && ${current} >= -most`,
    `${localOf("min_cell_voltage")} <= ${localOf("max_cell_voltage")}`,
  ];
  if (derivedRows.some((row, i) => slots[fastRows.length + i] !== row))
    throw new Error("derived rows must follow the fast group");
  return `${header("tables/registers.ts")}
/** Slots of the snapshot: all, of all measurements, of settings. */
export const SLOTS = ${slots.length};
export const MEASURED_SLOTS = ${measuredRows.length}, SETTINGS_SLOTS = ${keptSettings.length};

${names.join("\n")}

/**
 * The fast group from its words (little-endian registers ${start}..) into the first slots of the snapshot, and what
 * derives from it. False, and nothing changed, when a value is implausible or a current beyond \`most\` (A).
 */
export function decodeFast(w: Uint16Array, v: Float64Array, most: number): boolean {
  const f = new Float32Array(w.buffer, 0, ${floats}),
    ${localRows.map((row) => `${local(row)} = ${fastValue({ ...row, most: undefined }, start)}`).join(",\n    ")};
  if (!(${tests.join("\n    && ")})) return false;
  let x = ${localOf("external_temp_1")}, y = ${localOf("external_temp_2")};
  if (x !== x) x = y;
  if (y !== y) y = x;
  if (x !== x) x = y = ${localOf("internal_temp")};
  v.set([${[...measured, ...derivedRows.map(derivedValue)].join(", ")}]);
  return true;
}
`;
}

/** Groups whose raw words code reads by name. */
const READ_BY_WORD = ["fast", "extra", "identity"] as const;

const upper = (key: string): string => key.toUpperCase();

/** firmware/battery/words.baked.ts: statuses, and where a register stands that has no slot in the snapshot. */
export function bakeWords(): string {
  const status = registers.find(({ key }) => key === "online_status")?.enum ?? {};
  const words = READ_BY_WORD.map((group) => {
    const rows = registers.filter(({ poll, at }) => poll === group && at !== undefined),
      start = first(rows);
    return `/** Words of the group ${group}, counted from register ${start}: the first one of each row. */
export const ${rows.map(({ key, at }) => `${upper(key)}_WORD = ${(at ?? 0) - start}`).join(",\n  ")};`;
  });
  const statistics = registers.filter(({ poll, at }) => poll === "statistics" && at !== undefined);
  return `${header("tables/registers.ts")}
/** What register 50 says. */
export const ${Object.entries(status)
    .map(([raw, name]) => `STATUS_${upper(name)} = ${raw}`)
    .join(",\n  ")};
${words.join("\n")}
/** Addresses of the statistics. */
export const ${statistics.map(({ key, at }) => `${upper(key)} = ${at}`).join(",\n  ")};
`;
}

/** The line that takes a setting when its value narrows; "" when no direction does. */
function narrowLine({ row, value, slot }: { row: Register; value: string; slot: string }): string[] {
  if (row.narrows === undefined)
    throw new Error(`tables/registers.ts: ${row.key}: a setting that is kept says which direction narrows`);
  return row.narrows === "none"
    ? []
    : [`    if (${value} ${row.narrows === "down" ? "<" : ">"} ${slot}) ${slot} = ${value};`];
}

/** firmware/bms/settings.baked.cold.ts: the settings that the snapshot keeps. */
export function bakeSettings(): string {
  const start = first(registers.filter((row) => row.poll === "settings"));
  if (groups.settings.command !== 0x03) throw new Error("settings are read by 0x03");
  const lines = keptSettings.map((row) => ({ row, value: valueOf(row, start), slot: `v[${slots.indexOf(row)}]` }));
  const tests = lines.flatMap(({ row, value }) =>
    row.sane ? [`${value} >= ${row.sane[0]} && ${value} <= ${row.sane[1]}`] : [],
  );
  return `${header("tables/registers.ts")}
/**
 * Values of the settings (words of registers ${start}.., as numbers) into the snapshot's slots. \`isOnce\`: of what was
 * read once so far only what narrows counts. False, and nothing changed, when one of them is implausible.
 */
export function decodeSettings(w: Uint16Array, v: Float64Array, isOnce: boolean): boolean {
  if (!(${tests.join("\n    && ")})) return false;
  if (isOnce) {
${lines.flatMap(narrowLine).join("\n")}
    return true;
  }
${lines.map(({ value, slot }) => `  ${slot} = ${value};`).join("\n")}
  return true;
}
`;
}
