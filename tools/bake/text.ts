// Bakes the image's text: what is needed rarely stays in flash and is read line by line (firmware/kernel/text.ts).
// First the MQTT register rows, then lists of names, then one line a setting. ASCII, no comment end inside.
import { groups, registers, type Register } from "../../firmware/battery/registers";
import { phases, reasons, statuses } from "../../firmware/battery/states";
import { fields } from "../../firmware/config/fields";
import { alarmOrder } from "./alarms";
import { header, slots, suffixOf } from "./names";

/** Rows with a message of their own on rt/reg, in the snapshot's order; the quiet rows are its last ones. */
export const publishedRows: Register[] = slots.filter((row) => !row.quiet);

const KINDS = { u8: 0, u16: 0, bits: 0, i16: 1, u32: 2, f32: 2, event: 2, bytes: 2 } as const;

/** Five digits: group of raw words (9: derived), place in it, kind, decimals. */
function formOf(row: Register): string {
  const group = row.poll ? Object.keys(groups).indexOf(row.poll) : 9;
  const first = Math.min(...registers.filter((other) => other.poll === row.poll).map((other) => other.at ?? 0));
  return `${group}${String((row.at ?? first) - first).padStart(2, "0")}${KINDS[row.type ?? "u16"]}${row.digits ?? 0}`;
}

/** Constant parts of a register message: suffix, the JSON members that never change, how it is read, names of an enum. */
export function rowText(row: Register): string {
  const members: Record<string, unknown> = { ...(row.at === undefined ? {} : { address: row.at }), key: suffixOf(row), unit: row.unit };
  if (row.gx) Object.assign(members, { dbus_path: row.gx.path, modbus: row.gx.modbus });
  const names = row.enum ? Object.entries(row.enum).map(([raw, name]) => `,${raw}:${name}`).join("") + "," : "";
  return `${suffixOf(row)}\t${JSON.stringify(members).slice(1, -1)}\t${formOf(row)}\t${names}`;
}

/** Rows have one width, so that a row's text is found without a table. */
export const rowWidth = (): number => Math.max(...publishedRows.map((row) => rowText(row).length)) + 1;

/** One setting as the device reads it: short names, defaults only where they are not the type's own. */
export function fieldText(field: (typeof fields)[number]): string {
  const { module: m, key: k, type, default: d, min: a, max: b, oneOf: o, secret, remote } = field;
  return JSON.stringify({ m, k, t: type[0], d, a, b, o, s: secret && 1, r: remote[0] });
}

/** Lists of names, separated by blanks. */
const nameLists = { ALARMS: alarmOrder.map((row) => `${row.id}:${row.code}`), STATUSES: statuses, PHASES: phases, REASONS: reasons };

/** The lines of the text: rows of one width, lists of names, settings. */
function lines(): string[] {
  const rows = publishedRows.map((row) => rowText(row).padEnd(rowWidth() - 1)), names = Object.values(nameLists).map((list) => list.join(" "));
  return [...rows, ...names, ...fields.map(fieldText)];
}

/** firmware/image.text */
export function bakeText(): string {
  const text = lines().join("\n") + "\n";
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
export const linesBeforeFields = publishedRows.length + Object.keys(nameLists).length;

/** firmware/battery/names.baked.ts: where the lists of names stand. */
export function bakeNames(): string {
  const starts = lineStarts();
  const constants = Object.keys(nameLists).map((name, i) => `${name}_AT = ${starts[publishedRows.length + i]}`);
  return `${header("battery/states.ts")}
/** Where the lists of names start in the image's text, in this order. */
export const ${constants.join(", ")}, REASONS_END = ${starts[linesBeforeFields] - 1};
/** Rows of battery/alarms.ts. */
export const ALARM_ROWS = ${alarmOrder.length};
`;
}

/** firmware/mqtt/rows.baked.ts: what is looked at each second of the published rows. */
export function bakeTextColumns(): string {
  return `${header("battery/registers.ts")}
/** Published rows, one each slot of the snapshot, and the characters that each takes at the head of the image's text. */
export const ROWS = ${publishedRows.length}, ROW_WIDTH = ${rowWidth()};
/** A change by more than this is published before the refresh, in thousandths of the unit. */
export const deadband = new Uint16Array([${publishedRows.map((row) => Math.round((row.deadband ?? 0) * 1000)).join(", ")}]);
`;
}
