// Bakes the image's text: what is needed rarely stays in flash and is read line by line (firmware/kernel/text.ts).
// First the MQTT register rows, then lists of names, the events, then one line a setting of the gateway, then one a
// setting of the TinyBMS, then one an entity of Home Assistant, then the rare topics, then what the HTTP API tells in
// words. ASCII, no comment end inside.
import { groups, registers, type Register } from "../../firmware/tables/registers";
import { chargeStates, phases, reasons, severities, statuses } from "../../firmware/tables/states";
import { fields } from "../../firmware/tables/fields";
import { entities, entityText, refuseBadEntities } from "./entities";
import { eventsLine } from "./events";
import { alarmOrder } from "./alarms";
import { header, liveRows, publishedRows, suffixOf } from "./names";
import { settings, settingText } from "./settings";
import { bakeTopics, topicText } from "./topics";
import { apiText, bakeApi } from "./api";

const KINDS = { u8: 0, u16: 0, bits: 0, i16: 1, u32: 2, f32: 2, event: 2, bytes: 2 } as const;
const DERIVED = 7,
  NAMED = 3;

/**
 * How a row's message is made, in bits: 0-1 decimals, 2-3 kind (one word, signed, two words, named), 4-9 place in its
 * group, 10- group.
 */
function formOf(row: Register): number {
  const group = row.poll ? Object.keys(groups).indexOf(row.poll) : DERIVED;
  const first = Math.min(...registers.filter((other) => other.poll === row.poll).map((other) => other.at ?? 0));
  return (
    (row.digits ?? 0) |
    ((row.enum ? NAMED : KINDS[row.type ?? "u16"]) << 2) |
    (((row.at ?? first) - first) << 4) |
    (group << 10)
  );
}

/** Constant parts of a register message: suffix, the JSON members that never change, names of an enum. */
export function rowText(row: Register): string {
  const members: Record<string, unknown> = {
    ...(row.at === undefined ? {} : { address: row.at }),
    key: suffixOf(row),
    unit: row.unit,
  };
  if (row.gx) Object.assign(members, { dbus_path: row.gx.path, modbus: row.gx.modbus });
  const names = row.enum
    ? "\t" +
      Object.entries(row.enum)
        .map(([raw, name]) => `,${raw}:${name}`)
        .join("") +
      ","
    : "";
  return `${suffixOf(row)}\t${JSON.stringify(members).slice(1, -1)}${names}`;
}

/** Rows have one width, so that a row's text is found without a table. */
export const rowWidth = (): number => Math.max(...publishedRows.map((row) => rowText(row).length)) + 1;

/** One setting as the device reads it: short names, defaults only where they are not the type's own. */
export function fieldText(field: (typeof fields)[number]): string {
  const { module: m, key: k, type, default: d, min: a, max: b, form: f, oneOf: o, secret, remote } = field;
  return JSON.stringify({ m, k, t: type[0], d, a, b, f, o, s: secret && 1, r: remote[0] });
}

/** Lists of names, separated by blanks. */
const nameLists = {
  SEVERITIES: severities,
  STATUSES: statuses,
  PHASES: phases,
  REASONS: reasons,
  CHARGES: chargeStates,
  ALARMS: alarmOrder.map((row) => `${row.id}:${row.code}`),
};

/**
 * Names have one width and lists one length, so that a name is found without a search; a dash is a number without one.
 */
const nameWidth =
  Math.max(
    ...Object.values(nameLists)
      .flat()
      .map((name) => name.length),
  ) + 1;
const listLength = Math.max(...Object.values(nameLists).map((list) => list.length));

/** A list of names as it stands in the text. */
function nameLine(list: string[]): string {
  return Array.from({ length: listLength }, (_, i) => (list[i] ?? "-").replace(/^-$/, "").padEnd(nameWidth)).join("");
}

/** The lines of the text: rows of one width, lists of names, events, settings, settings of the TinyBMS, entities. */
function lines(): string[] {
  const rows = publishedRows.map((row) => rowText(row).padEnd(rowWidth() - 1)),
    names = Object.values(nameLists).map(nameLine);
  return [
    ...rows,
    ...names,
    eventsLine(),
    ...fields.map(fieldText),
    ...settings.map(settingText),
    ...entities.map(entityText),
  ];
}

/** firmware/image.text */
export function bakeText(): string {
  const text = lines().join("\n") + "\n" + topicText() + apiText();
  if (/[^\x0a\x09\x20-\x7e]/.test(text)) throw new Error("the image's text must be ASCII");
  if (text.includes("*/")) throw new Error("the image's text must not end a comment");
  return text;
}

/** Where each line of the text starts, counted from its first character, and where the last one ends. */
export function lineStarts(): number[] {
  const starts = [0];
  for (const line of lines()) starts.push(starts[starts.length - 1] + line.length + 1);
  return starts;
}

/** Lines before the first setting. */
export const linesBeforeFields = publishedRows.length + Object.keys(nameLists).length + 1;

/** firmware/battery/names.baked.ts: where the lists of names and the events stand. */
export function bakeNames(): string {
  const starts = lineStarts();
  const constants = Object.keys(nameLists).map((name, i) => `${name}_AT = ${starts[publishedRows.length + i]}`);
  return `${header("tables/states.ts")}
/** Where the lists of names start in the image's text, in this order; names a list, and characters a name. */
export const ${constants.join(", ")};
export const NAMES = ${listLength}, NAME_WIDTH = ${nameWidth};
/** Where the names of the events stand, \`,number:name,...,\`. */
export const EVENTS_AT = ${starts[linesBeforeFields - 1]}, EVENTS_END = ${starts[linesBeforeFields] - 1};
/** Rows of tables/alarms.ts. */
export const ALARM_ROWS = ${alarmOrder.length};
`;
}

/** firmware/publish/rows.baked.ts: what is looked at each second of the published rows. */
export function bakeTextColumns(): string {
  return `${header("tables/registers.ts")}
/**
 * Published rows, one each slot of the snapshot, and the characters that each takes at the head of the image's text.
 */
export const ROWS = ${publishedRows.length}, ROW_WIDTH = ${rowWidth()};
/** A change by more than this is published before the refresh. */
export const deadband = new Float32Array([${publishedRows.map((row) => row.deadband ?? 0.5 / 10 ** (row.digits ?? 0)).join(", ")}]);
/** Rows that are published with the poll itself. */
export const live = new Uint8Array([${liveRows.map(({ place }) => place).join(", ")}]);
/**
 * How each message is made: bits 0-1 decimals, 2-3 kind (word, signed, two words, named), 4-9 place in its group, 10-
 * group (7: derived).
 */
export const forms = new Uint16Array([${publishedRows.map(formOf).join(", ")}]);
`;
}

/** firmware/bms/setting-lines.baked.ts: where the settings of the TinyBMS stand. */
export function bakeSettingLines(): string {
  const starts = lineStarts(),
    first = linesBeforeFields + fields.length;
  return `${header("tables/registers.ts")}
/** Where the lines of the TinyBMS's settings start and end in the image's text. */
export const SETTING_LINES_AT = ${starts[first]}, SETTING_LINES_END = ${starts[first + settings.length]};
`;
}

/** firmware/publish/entities.baked.ts: where the entities of Home Assistant stand. */
export function bakeEntities(): string {
  refuseBadEntities();
  const starts = lineStarts(),
    first = linesBeforeFields + fields.length + settings.length;
  const gateway = entities.findIndex(({ device }) => device === "gateway");
  return `${header("tables/registers.ts and tables/entities.ts")}
/** Where the lines of the battery's entities start, those of the gateway, and where they end. */
export const BATTERY_ENTITIES_AT = ${starts[first]}, GATEWAY_ENTITIES_AT = ${starts[first + gateway]},
  ENTITIES_END = ${starts[first + entities.length]};
`;
}

/** firmware/publish/topics.baked.ts: where the rare topics stand, behind all lines. */
export function bakeTopicLines(): string {
  return bakeTopics(lines().join("\n").length + 1);
}

/** firmware/api/text.baked.ts: where what the HTTP API tells in words stands. */
export function bakeApiLines(): string {
  return bakeApi(lines().join("\n").length + 1 + topicText().length);
}
