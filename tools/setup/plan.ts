// What settings would become, by the firmware's own rules: its table of settings, its forms and ranges, what must
// stand together. Run here, before anything is sent.
import { readFileSync } from "node:fs";
import { type Document, readModule, takeUri } from "../../firmware/config/document.cold";
import { modules } from "../../firmware/config/fields.baked";
import { takeNames } from "../../firmware/config/names.cold";
import { setImageText } from "../../firmware/kernel/text.cold";
import { beginMerge, endMerge, mergeMore } from "../../firmware/settings/merge.cold";
import { type Field, fields } from "../../firmware/tables/fields";

/** Settings by module and key; texts are node's. */
export type Settings = Record<string, Record<string, unknown>>;

/** One setting that changes, as a person may see it. */
export interface Difference {
  name: string;
  before: string;
  after: string;
}

export interface Plan {
  /** Why the settings cannot be, beginning with the field; "" when they can. */
  reason: string;
  /** The whole new document, as the device keeps it (a byte a character); "" when they cannot be. */
  document: string;
  differences: Difference[];
}

const ROWS = 99;
const MASK = "***";

/** Text of the device (bytes) as node's, and back. */
export const fromBytes = (text: string): string => Buffer.from(text, "latin1").toString("utf8");
const toBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** The row of the table of settings. */
export function fieldOf(name: string): Field {
  const field = fields.find(({ module, key }) => `${module}.${key}` === name);
  if (!field) throw new Error(`${name} is no setting`);
  return field;
}

/** The firmware's texts, which its rules read, stand here in a file. */
function openTexts(): void {
  setImageText(readFileSync(new URL("../../firmware/image.text", import.meta.url), "latin1"));
}

/** A module's settings as they count by a stored document. */
export function valuesOf(document: string, module: string): Record<string, unknown> {
  openTexts();
  const values = readModule(document, "{}", module);
  return JSON.parse(fromBytes(JSON.stringify(values))) as Record<string, unknown>;
}

function shown(field: Field, value: unknown): string {
  if (value === undefined || value === "") return "-";
  return field.secret ? MASK : `${value}${field.unit ? ` ${field.unit}` : ""}`;
}

/** Settings merged into a stored document, as the device would do it for a request of HTTP. */
export function planOf(stored: string, settings: Settings): Plan {
  openTexts();
  const names = modules.split(" "),
    given = JSON.parse(toBytes(JSON.stringify(settings))) as Document,
    badName = takeNames(given),
    badUri = badName ? "" : takeUri(given);
  if (badName || badUri) return { reason: badName || `mqtt.uri: ${badUri}`, document: "", differences: [] };
  const merge = beginMerge(stored, given, "h", names);
  while (mergeMore(merge, "{}", ROWS));
  const document = endMerge(merge, names);
  if (merge.reason) return { reason: fromBytes(merge.reason), document: "", differences: [] };
  const differences = merge.changed.map((name) => {
    const field = fieldOf(name),
      value = (text: string): string => shown(field, valuesOf(text, field.module)[field.key]);
    return { name, before: value(stored), after: value(document) };
  });
  return { reason: "", document, differences };
}
