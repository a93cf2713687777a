// A change of settings before it is sent: what was typed, why a value cannot be, and the patch that comes of it. Pure.
import type { Field, Patch, Settings, Value } from "./api";

/** What was typed, by `module.key`; absent: as it is. */
export type Draft = Record<string, string>;

export const nameOf = ({ module, key }: Field): string => `${module}.${key}`;

/** A value as the form's text. */
export const textOf = (value: Value | undefined): string =>
  value === undefined || value === null ? "" : String(value);

/** What a text means for a field; a number that is none stays NaN. */
export function valueOf({ type, oneOf }: Field, text: string): Value {
  if (type === "bool") return text === "true";
  if (type === "string") return text;
  if (oneOf) return Number(text);
  return text.trim() === "" ? NaN : Number(text.trim().replace(",", "."));
}

/** Why a text cannot be a field's value; "" when it can. The recorder and the device check again. */
export function faultOf(field: Field, text: string): string {
  const { type, min, max, oneOf, unit } = field,
    value = valueOf(field, text);
  if (type === "bool") return "";
  if (oneOf && !oneOf.includes(value as string | number)) return "must be one of " + oneOf.join(", ");
  if (type !== "string" && !Number.isFinite(value)) return "must be a number";
  if (type === "int" && !Number.isInteger(value)) return "must be a whole number";
  const size = type === "string" ? new TextEncoder().encode(text).length : Number(value),
    of = type === "string" ? " bytes" : unit ? " " + unit : "";
  if (max !== undefined && size > max) return `must be at most ${max}${of}`;
  if (min !== undefined && size < min) return `must be at least ${min}${of}`;
  return "";
}

export interface Change {
  field: Field;
  before: string;
  after: string;
}

/** What the draft changes. `current` null: nobody knows what is there now, so all of the draft does. */
export function changesOf(fields: Field[], draft: Draft, current: Settings | null): Change[] {
  return fields.flatMap((field) => {
    const after = draft[nameOf(field)];
    if (after === undefined) return [];
    const before = textOf(current?.[field.module]?.[field.key]);
    return current !== null && before === after ? [] : [{ field, before, after }];
  });
}

export function patchOf(changes: Change[]): Patch {
  const patch: Patch = {};
  for (const { field, after } of changes)
    patch[field.module] = { ...patch[field.module], [field.key]: valueOf(field, after) };
  return patch;
}
