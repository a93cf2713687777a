// Values and names as devices write them, in whatever form, as the recorder keeps them. Pure, and nothing here throws.

const NUMBER = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i;

/** A JSON object that is no array. */
export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A value as a finite number, or null: numbers, booleans (1, 0) and texts that are a number from end to end, with a
 * point or a comma. Everything else (empty text, "450 ppm", arrays, what overflows) is null: not known, never 0.
 */
export function numberOf(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (!NUMBER.test(text)) return null;
  const number = Number(text.replace(",", "."));
  return Number.isFinite(number) ? number : null;
}

/** A value as a whole number, or null. */
export function integerOf(value: unknown): number | null {
  const number = numberOf(value);
  return number !== null && Number.isSafeInteger(number) ? number : null;
}

/** A text of at most `most` characters without what PostgreSQL refuses in a text (NUL), null when it is none. */
export function textOf(value: unknown, most = 200): string | null {
  return typeof value === "string" ? value.replaceAll("\0", "").slice(0, most) : null;
}

/** "heap_free_kb" to "heapFreeKb". A name in camelCase stays what it is. */
export function camelOf(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** "heapFreeKb" to "heap_free_kb". A name in snake_case stays what it is. */
export function snakeOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
}

const snakes = new Map<string, string>();

/** The name in snake_case, made once. */
function snakeFor(name: string): string {
  let snake = snakes.get(name);
  if (snake === undefined) snakes.set(name, (snake = snakeOf(name)));
  return snake;
}

/** The member of an object by its name in camelCase, whether the wire writes it so or in snake_case. */
export function memberOf(object: unknown, name: string): unknown {
  if (!isObject(object)) return undefined;
  if (Object.hasOwn(object, name)) return object[name];
  const snake = snakeFor(name);
  return snake !== name && Object.hasOwn(object, snake) ? object[snake] : undefined;
}

/** A time as ms since 1970: a number (s below 10^11, else ms) or an ISO text; null when it is neither. */
export function timeOf(value: unknown): number | null {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) {
    const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : value + "Z");
    return Number.isNaN(at) ? null : at;
  }
  const number = numberOf(value);
  return number === null || number <= 0 ? null : Math.round(number < 1e11 ? number * 1000 : number);
}

/** A payload as JSON; `undefined` when it is none. */
export function jsonOf(payload: string): unknown {
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    return undefined;
  }
}

/** Escapes, of which jsonb refuses some, and exponents, of which numeric does not take all. */
const SUSPECT = /\\u|\d[eE]/;

/**
 * `text`, which is this JSON, for jsonb: as it is when that is sure to take it, which costs less than to write it anew.
 */
export function jsonAsTold(text: string, json: unknown): string {
  return SUSPECT.test(text) ? jsonText(json) : text;
}

const REFUSED = /(?<!\\)((?:\\\\)*)\\u(0000|d[89a-f][0-9a-f]{2})/g;

/** JSON that PostgreSQL's jsonb takes: it refuses the code NUL and half a surrogate pair in texts and names. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes("\\u")
    ? text.replace(REFUSED, (_, before: string, code: string) => before + (code === "0000" ? "" : "\ufffd"))
    : text;
}
