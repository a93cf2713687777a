// Settings for the image: checked against the firmware's table of settings and put into its flash as the firmware
// itself does.
import { takeUri } from "../../firmware/config/document.cold";
import { formed, refuseForm } from "../../firmware/config/forms.cold";
import { newestSlot, writeSlot } from "../../firmware/config/slots.cold";
import { fields, type Field } from "../../firmware/tables/fields";
import { crc32 } from "./crc32";
import type { TlsFiles } from "./pem";
import { type Store, storageModule } from "./storage";

/** A settings document: module, key, value. */
export type Settings = Record<string, Record<string, unknown>>;

const TYPES = { bool: "boolean", int: "number", number: "number", string: "string" } as const;

/** Why a value cannot be that setting's; "" when it can. */
export function refusal(module: string, key: string, value: unknown): string {
  const field = fields.find((row) => row.module === module && row.key === key);
  return field ? whyNot(field, value) || badForm(field, value) : "is no setting";
}

/** Why a text is not of the setting's form; "" when it is. */
function badForm({ form }: Field, value: unknown): string {
  if (typeof value !== "string" || !form) return "";
  const bytes = Buffer.from(value); // the device has the bytes of UTF-8
  return bytes.toString() === value ? refuseForm(form, bytes.toString("latin1")) : "must not hold halves of characters";
}

/** Why a value is not of that type, or beyond these bounds; "" when it is well. */
export function whyNot(field: Pick<Field, "type" | "min" | "max" | "oneOf">, value: unknown): string {
  if (typeof value !== TYPES[field.type]) return "must be a " + TYPES[field.type];
  if (field.type === "int" && !Number.isInteger(value)) return "must be a whole number";
  if (field.oneOf && !field.oneOf.includes(value as string | number)) return "must be one of " + field.oneOf.join(", ");
  const isText = typeof value === "string",
    unit = isText ? " bytes" : "";
  const size = isText ? Buffer.byteLength(value) : Number(value);
  if (field.max !== undefined && size > field.max) return `must be at most ${field.max}${unit}`;
  if (field.min !== undefined && size < field.min) return `must be at least ${field.min}${unit}`;
  return "";
}

/** Parts put together, later ones win. */
export function mergeSettings(...parts: Settings[]): Settings {
  const merged: Settings = {};
  for (const part of parts) {
    for (const [module, values] of Object.entries(part)) merged[module] = { ...merged[module], ...values };
  }
  return merged;
}

const crcOf = (text: string): number => crc32(Buffer.from(text, "latin1"));

function check(settings: Settings): void {
  for (const [module, values] of Object.entries(settings)) {
    for (const [key, value] of Object.entries(values)) {
      const reason = refusal(module, key, value);
      if (reason !== "") throw new Error(`setting ${module}.${key} ${reason}`);
    }
  }
}

function files(store: Store): ReturnType<typeof storageModule> {
  return storageModule(store, (message) => {
    throw new Error(message);
  });
}

/** The settings as they count: without blanks around hosts and topics. */
function tidied(settings: Settings): Settings {
  const formOf = (module: string, key: string): Field["form"] =>
    fields.find((row) => row.module === module && row.key === key)?.form;
  return Object.fromEntries(
    Object.entries(settings).map(([module, values]) => [
      module,
      Object.fromEntries(
        Object.entries(values).map(([key, value]) => [
          key,
          typeof value === "string" ? formed(formOf(module, key), value) : value,
        ]),
      ),
    ]),
  );
}

/** The settings that the flash holds; `{}` when it holds none. */
export function readSettings(store: Store): Settings {
  const { document } = newestSlot(files(store), crcOf);
  return JSON.parse(Buffer.from(document, "latin1").toString()) as Settings;
}

/**
 * Change settings in the flash, `mqtt.uri` taken apart as PUT does; the others stay. Nothing is written when nothing
 * changes. Throws with the setting's name.
 */
export function provision(store: Store, wanted: Settings): void {
  const changes = tidied(wanted);
  check(changes);
  const badUri = takeUri(changes);
  if (badUri) throw new Error(`setting mqtt.uri ${badUri}`);
  const before = readSettings(store),
    after = mergeSettings(before, changes);
  if (JSON.stringify(after) === JSON.stringify(before)) return;
  const reason = writeSlot(files(store), crcOf, Buffer.from(JSON.stringify(after)).toString("latin1"), null);
  if (reason !== "") throw new Error(reason);
}

/** Put certificates and key into the flash, as PUT /api/tls does; what is not given stays. */
export function provisionTls(store: Store, tls: TlsFiles): void {
  for (const [name, der] of Object.entries(tls))
    if (der !== undefined && store.files.get(`tls.${name}`) !== der) files(store).write(`tls.${name}`, der);
}
