// Bakes the rare topics (firmware/tables/topics.ts): lines at the end of the image's text, where they are, and straight
// code that makes the values that a GX shows.
import { AFTER_SETTINGS, STATISTICS } from "../../firmware/bms/places";
import { groups, registers, type Register } from "../../firmware/tables/registers";
import { alarmRows } from "../../firmware/tables/alarms";
import { fields } from "../../firmware/tables/fields";
import {
  classes,
  energyPeriods,
  energySides,
  families,
  gxAlarms,
  gxTopics,
  ioPoints,
  onceTopics,
  otherTopics,
  SLOT_REGISTERS,
  stateTopics,
  type GxTopic,
  type Topic,
  type TopicClass,
} from "../../firmware/tables/topics";
import { header, liveRows, publishedRows, slotFault, slots, suffixOf } from "./names";
import { settings, SETTINGS_FIRST } from "./settings";

/** A payload is at most this long, bytes: it is made in the memory of the chip. */
const PAYLOAD_BYTES = 1000;

const rowOf = (key: string): Register => {
  const row = registers.find((one) => one.key === key);
  if (!row) throw new Error(`tables/topics.ts: tables/registers.ts has no row with the key ${key}`);
  return row;
};

/** Registers with messages that are sent when their group was read, without slots: all but settings and events. */
export const groupRows: Register[] = registers.filter(
  (row) => row.at !== undefined && !row.write && row.type !== "event" && !publishedRows.includes(row),
);

const numberOf = (kind: TopicClass): number => classes.indexOf(kind);

const rowAt = (at: number): string => {
  const row = registers.find((one) => one.at === at && one.write);
  return row ? (row.words === 2 ? "d" : "w") : ".";
};

const slotAt = (key: string): number => slots.findIndex((row) => row.key === key);

/** A GX topic with what its row's `gx` column says. */
export interface GxRow extends GxTopic {
  path: string;
}
export const gxRows: GxRow[] = gxTopics.map((topic) => {
  if (topic.path) return { ...topic, path: topic.path };
  const row = rowOf(topic.row ?? ""),
    { gx, unit } = row;
  if (!gx) throw new Error(`tables/topics.ts: ${row.key}: its row in tables/registers.ts has no column gx`);
  return { unit: unit === "cells" ? "" : unit, ...topic, path: gx.path, modbus: gx.modbus };
});

/** The topics of each live row, in the order of those: of the system service and of the battery's. */
const liveTopics: GxRow[] = liveRows.flatMap(({ row: { key } }) => {
  const own = gxRows.filter(({ row, from }) => row === key && !from);
  if (own.length !== 2) throw new Error(`tables/topics.ts: ${own.length} GX topics of the live row ${key}`);
  return own;
});

/** Every number that an alarm may have, and the row whose value people want to see with it. */
const alarmValues: Record<number, string> = Object.fromEntries(
  alarmRows.map(({ id, value }) => [id, value ?? ""] as const),
);

/** Every row with a GX path has a topic below rt/gx. */
function refuseMissing(): void {
  const paths = new Set([...gxRows, ...gxAlarms].map(({ path }) => path));
  if (paths.size < gxRows.length + gxAlarms.length) throw new Error("two GX topics of one path");
  for (const { gx } of registers)
    if (gx && !paths.has(gx.path))
      throw new Error(`tables/topics.ts: no topic for ${gx.path}, which a row of tables/registers.ts has`);
}

const members = (values: Record<string, unknown>): string => JSON.stringify(values).slice(1, -1);

/** Columns of the line of a GX topic, those of an alarm of a GX. */
const GX_COLUMNS = ["path", "class", "digits", "scale", "unit", "behind", "names"],
  GX_ALARM_COLUMNS = ["path", "ids", "behind"];

/** Constants that count from 0: names of places in a table's order. */
const places = (prefix: string, names: readonly string[]): string =>
  names.map((name, i) => `${prefix}${name.toUpperCase().replace(/\W/g, "_")} = ${i}`).join(",\n  ");

/** A line for columns; refuses one with more or fewer cells. */
function line(columns: string[], cells: Record<string, string | number>): string {
  if (Object.keys(cells).join() !== columns.join()) throw new Error(`cells ${Object.keys(cells).join()}`);
  return Object.values(cells).join("\t");
}

function gxLine({ path, row, class: kind, digits, scale, unit, modbus, system, own, names }: GxRow): string {
  const behind = {
    ...(own ? { address: rowOf(row ?? "").at } : {}),
    ...(modbus === undefined ? {} : { modbus }),
    ...(names || own ? {} : { service: `com.victronenergy.${system ? "system" : "battery"}` }),
  };
  const unitText = unit ? "," + members({ unit }) : "";
  return line(GX_COLUMNS, {
    path: path.slice(1),
    class: numberOf(kind),
    digits,
    scale: scale ?? "",
    unit: unitText,
    behind: "," + members(behind),
    names: names?.join(",") ?? "",
  });
}

function gxAlarmLine({ path, modbus, ids, alias_of }: (typeof gxAlarms)[number]): string {
  return line(GX_ALARM_COLUMNS, {
    path: path.slice(1),
    ids: ids.join(","),
    behind: "," + members(alias_of ? { alias_of } : { modbus }),
  });
}

const KINDS = { u8: "w", u16: "w", bits: "w", i16: "i", u32: "u", f32: "f", event: "u", bytes: "b" } as const;

/**
 * A register of a group: address, words, kind, divisor, decimals, suffix, members, names of values, parts of a word.
 */
function groupLine(row: Register): string {
  const enumText = (names?: Record<number, string>): string | undefined =>
    names &&
    "," +
      Object.entries(names)
        .map(([raw, name]) => `${raw}:${name},`)
        .join("");
  const bits = row.bits
    ?.filter(({ key }) => key !== "reserved")
    .map(({ key: k, lsb: l, width: w, signed, enum: names }) => ({ k, l, w, s: signed && 1, e: enumText(names) }));
  const history = gxRows.find((gx) => gx.from === "statistics" && gx.row === row.key && !gx.own);
  const m = members({
    key: suffixOf(row),
    unit: row.unit,
    ...(history && { dbus_path: history.path, modbus: history.modbus }),
  });
  const { at: a, words: w = 1, type = "u16", per: p, digits: d = 0 } = row;
  return JSON.stringify({ a, w, k: KINDS[type], p, d, t: suffixOf(row), m, e: enumText(row.enum), b: bits });
}

/**
 * What the manifest says of a register topic: suffix, stable name, address, label, comment, unit, GX path and Modbus
 * address.
 */
export function manifestItem(row: Register): Record<string, unknown> {
  return {
    t: `rt/reg/${suffixOf(row)}`,
    n: row.stable,
    a: row.at,
    l: row.label,
    c: row.note,
    u: row.unit,
    p: row.gx?.path,
    m: row.gx?.modbus,
  };
}

/** What the manifest says of all other topics; those of a period and of a connection are in the tables, too. */
function otherItems(): Record<string, unknown>[] {
  const gx = gxRows.map(({ path, unit, modbus, own, row }) => ({
    t: `rt/gx${path}`,
    ...(own ? { a: rowOf(row ?? "").at } : { p: path }),
    u: unit === "" ? undefined : unit,
    m: modbus,
  }));
  const totals = energySides.flatMap((side) =>
    energyPeriods.map((period) => ({ t: `rt/energy/${side}/${period}`, u: "kWh" })),
  );
  const modules = [...new Set(fields.map(({ module }) => module))],
    slots = Array.from({ length: settingsSlots() }, (_, slot) => slot);
  return [
    ...otherTopics.map(([t, l]) => ({ t, l })),
    ...[...stateTopics, ...onceTopics].map(({ suffix, tells }) => ({ t: suffix, l: tells })),
    ...gx,
    ...gxAlarms.map(({ path, modbus }) => ({ t: `rt/gx${path}`, p: path, m: modbus })),
    ...alarmRows.map(({ id, code }) => ({ t: `rt/alarms/id${id}`, l: code })),
    ...totals,
    ...ioPoints.map(([point, meaning]) => ({ t: `rt/io/${point}`, l: meaning })),
    ...modules.map((module) => ({ t: `cfg/${module}` })),
    ...slots.map((slot) => ({ t: `cfg/registers/slot${slot}` })),
  ];
}

/** All topics, registers first. */
export function manifestItems(): Record<string, unknown>[] {
  return [...[...publishedRows, ...groupRows].map(manifestItem), ...otherItems()];
}

/** The pages of the manifest, each at most as long as a payload may be. */
export function manifestPages(): string[] {
  const pages: string[] = [];
  let items: string[] = [];
  const text = (): string => `{"page":${pages.length},"items":[${items.join(",")}]}`;
  for (const listed of manifestItems()) {
    const item = JSON.stringify(listed);
    if (text().length + item.length + 1 > PAYLOAD_BYTES) {
      pages.push(text());
      items = [];
    }
    items.push(item);
  }
  pages.push(text());
  return pages;
}

/** Registers from the first to the last setting of the TinyBMS. */
function settingsCount(): number {
  return Math.max(...settings.map(({ register, width }) => register + (width > 16 ? 1 : 0))) - SETTINGS_FIRST + 1;
}

function settingsSlots(): number {
  return Math.ceil(settingsCount() / SLOT_REGISTERS);
}

/** The blocks of lines: those of the first ones have one width each. */
function blocks(): Record<string, string[]> {
  return {
    TOPICS: [...stateTopics, ...onceTopics].map(({ suffix, class: kind }) => `${numberOf(kind)}${suffix}`),
    GX: gxRows.map(gxLine),
    GX_ALARMS: gxAlarms.map(gxAlarmLine),
    ALARM_VALUES: [
      "," +
        Object.entries(alarmValues)
          .map(([id, key]) => `${id}:${slotAt(key)},`)
          .join(""),
    ],
    GROUPS: groupRows.map(groupLine),
    PAGES: manifestPages(),
  };
}

const FIXED = ["TOPICS", "GX", "GX_ALARMS"];

function padded(name: string, lines: string[]): string[] {
  const width = Math.max(...lines.map(({ length }) => length));
  return FIXED.includes(name) ? lines.map((line) => line.padEnd(width)) : lines;
}

/** Poll groups behind the settings have no slots in the snapshot: their words stand in `MqttTask.raw`. */
const FIRST_WITHOUT_SLOTS = Object.keys(groups).indexOf("settings") + 1;

/** What follows the lines of tools/bake/text.ts in firmware/image.text. */
export function topicText(): string {
  refuseMissing();
  return Object.entries(blocks())
    .map(([name, lines]) => padded(name, lines).join("\n") + "\n")
    .join("");
}

/** Names of columns and places, and how many there are. */
function placesText(): string {
  return `/** Columns of a line of GX. */
export const ${places("GX_", GX_COLUMNS)};
/** Columns of a line of GX_ALARMS. */
export const ${places("GX_ALARM_", GX_ALARM_COLUMNS)};

/** Families of rare topics: places in \`Rare.due\` and \`Rare.place\`. */
export const ${places("FAMILY_", families)};
/** Number of families. */
export const FAMILIES = ${families.length};

/** Topics of a period, the first lines of TOPICS: their places. */
export const ${places(
    "",
    stateTopics.map(({ suffix }) => suffix),
  )};
/** Number of topics of a period. */
export const STATES = ${stateTopics.length};

/** Topics of a connection, the lines of TOPICS behind them: their places. */
export const ${places(
    "",
    onceTopics.map(({ suffix }) => suffix),
  )};
/** Number of topics of a connection. */
export const ONCE = ${onceTopics.length};

/** Number of GX topics. */
export const GX_ROWS = ${gxRows.length};
/** Places of the topics of the live rows (rows.baked.ts), two each. */
export const GX_LIVE = "${liveTopics.map((topic) => gxRows.indexOf(topic)).join(" ")}";
/** Number of alarms of a GX. */
export const GX_ALARM_ROWS = ${gxAlarms.length};
/** Number of pages of the manifest. */
export const PAGES = ${manifestPages().length};
/** Number of topics in the manifest. */
export const MANIFEST_ITEMS = ${manifestItems().length};

/** Inputs and outputs, below rt/io; how many there are. */
export const IO_POINTS = "${ioPoints.map(([point]) => point).join(" ")}", IO = ${ioPoints.length};
/** Sides of the energy totals: places in a pair of counters. */
export const ${places("SIDE_", energySides)};
/** Sides as their topics have them. */
export const ENERGY_SIDES = "${energySides.join(" ")}";
/** Periods of the energy totals. */
export const ${places("PERIOD_", energyPeriods)};
/** Periods as their topics have them. */
export const ENERGY_PERIODS = "${energyPeriods.join(" ")}";
/** Number of energy totals. */
export const ENERGY_TOTALS = ${energySides.length * energyPeriods.length};`;
}

/** firmware/publish/topics.baked.ts; `start` is where `topicText` begins in the image's text. */
export function bakeTopics(start: number): string {
  const found: string[] = [];
  for (const [name, lines] of Object.entries(blocks())) {
    const width = padded(name, lines)[0]!.length + 1,
      length = padded(name, lines).reduce((sum, line) => sum + line.length + 1, 0);
    found.push(
      `${name}_AT = ${start}` +
        (FIXED.includes(name) ? `, ${name}_WIDTH = ${width}` : `, ${name}_END = ${start + length}`),
    );
    start += length;
  }
  const more = Object.keys(groups)
    .slice(FIRST_WITHOUT_SLOTS)
    .map((group) => {
      const rows = registers.filter(({ poll }) => poll === group),
        first = Math.min(...rows.map(({ at }) => at ?? 0));
      return `${first}:${Math.max(...rows.map(({ at, words }) => (at ?? 0) + (words ?? 1))) - first}`;
    });
  const count = settingsCount();
  return `${header("tables/topics.ts")}
/** Where each block of lines starts in the image's text, and the width of its lines or its end. */
export const ${found.join(",\n  ")};
${placesText()}
/** Suffixes of the topics of a period and of those of a connection; each has its handler (states.cold.ts, topics.cold.ts). */
export type StateTopic =${suffixes(stateTopics)};
export type OnceTopic =${suffixes(onceTopics)};
/** Address of the first setting of the TinyBMS. */
export const SETTINGS_FIRST = ${SETTINGS_FIRST};
/** Messages of the settings. */
export const SLOTS_OF_SETTINGS = ${settingsSlots()};
/** Registers a message. */
export const SLOT_REGISTERS = ${SLOT_REGISTERS};
/** What begins at each of them: a setting of one word (w) or two (d), or none (.). */
export const SETTINGS_WORDS = "${Array.from({ length: count }, (_, i) => rowAt(SETTINGS_FIRST + i)).join("")}";
/**
 * First register and number of registers of each poll group behind the settings, whose words stand in \`MqttTask.raw\`
 * from AFTER_SETTINGS (bms/places.ts) on.
 */
export const GROUP_STARTS = "${more.join(" ")}";
/** The first register of the statistics. */
export const FIRST_STATISTIC = ${parseInt(more[STATISTICS - AFTER_SETTINGS]!)};
/** Slots of the energy counters, -1 without. */
export const CHARGED = ${slotAt("charged_energy")}, DISCHARGED = ${slotAt("discharged_energy")};
/** The classes of QoS and retain: places in \`Rare.flags\`. */
export const ${places("", classes)};
/** Number of classes. */
export const CLASSES = ${classes.length};
`;
}

/** The suffixes of topics as a type. */
function suffixes(topics: Topic[]): string {
  return topics.map(({ suffix }) => `\n  | "${suffix}"`).join("");
}

/** The value of a GX topic in its last decimal, as an expression; NaN while unknown. */
function gxExpression({ path, row, from, digits, per, floor, can }: GxRow): string {
  const slot = slotAt(row ?? ""),
    value = slot < 0 ? "NaN" : `v[${slot}]`;
  if (from === "state") return "state";
  if (from === "statistics") return `statistic(${rowOf(row ?? "").at})`;
  if (from === "flag") return `flag(${value})`;
  if (slot < 0) throw new Error(`tables/topics.ts: ${path}: ${slotFault(row ?? "")}`);
  const scale = 10 ** digits / (per ?? 1),
    scaled = scale === 1 ? value : scale < 1 ? `${value} / ${1 / scale}` : `${value} * ${scale}`;
  if (from === "online") return `(phase < 3 ? ${scaled} : 0)`;
  if (can !== undefined) return `Math.round(${value} * ${10 ** can}) / ${10 ** (can - digits)}`;
  return floor ? `floor(${scaled})` : scaled;
}

/** firmware/publish/gx.baked.cold.ts */
export function bakeGx(): string {
  const power = slotAt("pack_power"),
    expressions = gxRows.map(gxExpression);
  return `${header("tables/topics.ts")}
function flag(value: number): number {
  return value > 0 ? 1 : value === value ? 0 : NaN;
}

/** As CAN rounds limits, so that rounding to the nearest gives the same. */
function floor(value: number): number {
  return Math.floor(value + 1e-5);
}

/**
 * Values of all GX topics, each in units of its last decimal, not yet rounded; \`statistic\` gives a register of the
 * statistics.
 */
export function gxValues(v: Float64Array, phase: number, statistic: (address: number) => number): Float64Array {
  // the GX's own threshold, W
  const power = v[${power}], state = power > 30 ? 1 : power < -30 ? 2 : power === power ? 0 : NaN;
  return new Float64Array([${expressions.join(", ")}]);
}

/** The same of the topics GX_LIVE. */
export function gxLive(v: Float64Array): Float64Array {
  return new Float64Array([${liveTopics.map(gxExpression).join(", ")}]);
}
`;
}
