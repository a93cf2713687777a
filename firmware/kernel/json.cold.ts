// JSON at the boundary (RFC 8259). The interpreter's own parser accepts trailing garbage, comments, bare words and
// numbers like 01, keeps both of two members of the same name, takes `__proto__` for the prototype and turns \uXXXX
// into one byte; so a text is read here token by token before it is parsed.

/** Levels of objects and lists. */
const DEEPEST = 8;
/** What may stand at a place. */
const OBJECT = 0,
  VALUE = 1,
  FIRST_VALUE = 2,
  NAME = 3,
  FIRST_NAME = 4,
  COLON = 5,
  COMMA = 6,
  END = 7;

/** The UTF-8 bytes of a code point above ASCII. */
function utf8(unit: number): string {
  if (unit > 0xffff)
    return String.fromCharCode(
      0xf0 | (unit >> 18),
      0x80 | ((unit >> 12) & 63),
      0x80 | ((unit >> 6) & 63),
      0x80 | (unit & 63),
    );
  if (unit < 0x800) return String.fromCharCode(0xc0 | (unit >> 6), 0x80 | (unit & 63));
  return String.fromCharCode(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 63), 0x80 | (unit & 63));
}

/** Escapes of characters above ASCII as UTF-8 bytes. */
function unescapeUnicode(text: string): string {
  let out = "",
    from = 0,
    at = text.indexOf("\\"),
    unit = 0,
    low = 0,
    size = 0;
  if (at < 0) return text; // a copy would take as much memory again
  while (at >= 0) {
    unit = text[at + 1] === "u" ? parseInt(text.substr(at + 2, 4), 16) : 0;
    if (unit >= 0x80) {
      low = (unit & 0xfc00) === 0xd800 && text.substr(at + 6, 2) === "\\u" ? parseInt(text.substr(at + 8, 4), 16) : 0;
      size = (low & 0xfc00) === 0xdc00 ? 12 : 6; // two halves of one character
      out += text.substring(from, at) + utf8(size === 12 ? 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff) : unit);
      from = at + size;
      at += size - 1;
    } else {
      at += 1;
    }
    at = text.indexOf("\\", at + 1);
  }
  return out + text.substring(from);
}

/** End of the string that opens at `at`, -1 when it does not end. */
function stringEnd(text: string, at: number): number {
  let end = text.indexOf('"', at + 1),
    slashes;
  while (end > 0) {
    slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

/** Every backslash of a string begins one of the escapes that JSON has. */
function escapesAreGood(token: string): boolean {
  let at = token.indexOf("\\"),
    i = 0;
  while (at >= 0) {
    if ('"\\/bfnrtu'.indexOf(token[at + 1]) < 0) return false;
    for (i = 2; token[at + 1] === "u" && i < 6; i++)
      if ("0123456789abcdefABCDEF".indexOf(token[at + i]) < 0) return false;
    at = token.indexOf("\\", at + 2);
  }
  return true;
}

/** Length of the digits at `at`. */
function digits(text: string, at: number): number {
  let end = at;
  while (text[end] >= "0" && text[end] <= "9") end++;
  return end - at;
}

/** End of the number or word at `at`, -1 when it is none. */
function plainEnd(text: string, at: number): number {
  const c = text[at];
  if (c === "t" || c === "n") return text.substr(at, 4) === (c === "t" ? "true" : "null") ? at + 4 : -1;
  if (c === "f") return text.substr(at, 5) === "false" ? at + 5 : -1;
  let end = c === "-" ? at + 1 : at,
    more = digits(text, end);
  if (!more || (more > 1 && text[end] === "0")) return -1;
  end += more;
  if (text[end] === ".") {
    more = digits(text, end + 1);
    if (!more) return -1;
    end += more + 1;
  }
  if (text[end] === "e" || text[end] === "E") {
    end += text[end + 1] === "+" || text[end + 1] === "-" ? 2 : 1;
    more = digits(text, end);
    if (!more) return -1;
    end += more;
  }
  return end;
}

/** What is wrong with a text where nothing that is wanted stands. */
function refusePlace(text: string, at: number, wanted: number): string {
  if (wanted === END) return "has characters after the object";
  if (wanted === OBJECT) return "must be a JSON object";
  return "is not JSON at " + text.substr(at, 16);
}

/** Why the text cannot be one JSON object, "" when it can. Cheap things first: this runs for each message. */
function refuseText(text: string): string {
  const outer: string[][] = [],
    hasEscapes = text.indexOf("\\") >= 0;
  let at = 0,
    end = 0,
    wanted = OBJECT,
    c = "",
    open = "",
    names: string[] = [];
  for (; at < text.length; at = end) {
    c = text[at];
    end = at + 1;
    if (c === '"' && wanted && wanted <= FIRST_NAME) {
      end = (hasEscapes ? stringEnd(text, at) : text.indexOf('"', end)) + 1;
      if (!end) return "has a string without an end";
      if (hasEscapes && !escapesAreGood(text.substring(at, end)))
        return "has a bad escape in " + text.substring(at, end);
      if (wanted >= NAME) {
        const name = hasEscapes
          ? (JSON.parse(unescapeUnicode(text.substring(at, end))) as string)
          : text.substring(at + 1, end - 1);
        if (name === "__proto__") return "has the name __proto__";
        if (names.indexOf(name) >= 0) return "has the name " + name + " twice";
        names.push(name);
        wanted = COLON;
      } else {
        wanted = COMMA;
      }
    } else if (c === ":" && wanted === COLON) {
      wanted = VALUE;
    } else if (c === "," && wanted === COMMA) {
      wanted = open[open.length - 1] === "{" ? NAME : VALUE;
    } else if (c === " " || c === "\n" || c === "\r" || c === "\t") {
      continue;
    } else if ((c === "{" || (c === "[" && wanted)) && wanted <= FIRST_VALUE) {
      open += c;
      if (outer.push(names) > DEEPEST) return "is nested too deep";
      names = [];
      wanted = c === "{" ? FIRST_NAME : FIRST_VALUE;
    } else if ((c === "}" || c === "]") && wanted && wanted !== END) {
      if (wanted !== COMMA && wanted !== (c === "}" ? FIRST_NAME : FIRST_VALUE)) return "has a " + c + " too early";
      if (open[open.length - 1] !== (c === "}" ? "{" : "[")) return "has a bracket too many";
      open = open.slice(0, -1);
      names = outer.pop() as string[];
      wanted = open ? COMMA : END;
    } else {
      end = wanted === VALUE || wanted === FIRST_VALUE ? plainEnd(text, at) : -1;
      if (end < 0) return refusePlace(text, at, wanted);
      wanted = COMMA;
    }
  }
  return wanted === OBJECT ? "is empty" : wanted === END ? "" : "is cut short";
}

/**
 * An object of JSON text, or the reason why it is none: a name that stands twice in an object is one. Strings are bytes
 * of UTF-8.
 */
export function parseObject(text: string): { value?: Record<string, unknown>; reason: string } {
  const reason = refuseText(text);
  if (reason) return { reason: reason };
  try {
    return { value: JSON.parse(unescapeUnicode(text)) as Record<string, unknown>, reason: "" };
  } catch (error) {
    return { reason: "is not JSON" };
  }
}

/** The longest text that counts as an id. */
const MOST_ID = 64;

/** The member `id` of a message as its answer repeats it (`,"id":7`), "" without one, null when it cannot be one. */
export function idText(message: Record<string, unknown>): string | null {
  const id = message["id"];
  if (id === undefined) return "";
  if (typeof id === "string") return id.length <= MOST_ID ? ',"id":' + quote(id) : null;
  return typeof id === "number" && id === (id | 0) ? ',"id":' + id : null;
}

// Strings as JSON.

/** In place of bytes that are no character: U+FFFD. */
const REPLACEMENT = "\xef\xbf\xbd";

/** Bytes of the character of UTF-8 (RFC 3629) that begins at `at`, 0 when none does. */
function characterSize(text: string, at: number): number {
  const first = text.charCodeAt(at),
    second = text.charCodeAt(at + 1);
  if (first < 0x80) return 1;
  const size = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if ((first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90)) return 0; // could be shorter
  if ((first === 0xed && second > 0x9f) || (first === 0xf4 && second > 0x8f)) return 0; // a half, or none
  for (let i = 1; i < size; i++) if ((text.charCodeAt(at + i) & 0xc0) !== 0x80) return 0;
  return size;
}

/** Nothing is to be escaped, as nearly always: what does it is not even made then. */
function isPlain(text: string): boolean {
  return !/[^ -~]/.test(text) && text.indexOf('"') < 0 && text.indexOf("\\") < 0;
}

/** A string as JSON, with all its bytes or with characters only. */
export function escaped(text: string, keepsBytes: boolean): string {
  // a message that is logged is ASCII with quotes: natives do it
  if (!/[^ -~]/.test(text)) return '"' + text.split("\\").join("\\\\").split('"').join('\\"') + '"';
  let out = '"',
    i = 0,
    c = "",
    code = 0,
    size = 0;
  for (; i < text.length; i += size || 1) {
    c = text[i];
    code = text.charCodeAt(i);
    size = keepsBytes ? 1 : characterSize(text, i);
    if (c === '"' || c === "\\") out += "\\" + c;
    else if (code < 32) out += "\\u00" + (code + 256).toString(16).substr(1);
    else out += size ? text.substr(i, size) : REPLACEMENT;
  }
  return out + '"';
}

/**
 * A string as JSON that anybody reads: UTF-8 as it is (the interpreter's own would escape it byte by byte), what is
 * none, as half a character where a text was cut, replaced.
 */
export function quote(text: string): string {
  return isPlain(text) ? '"' + text + '"' : escaped(text, false);
}

/** A string as JSON for ourselves: all bytes as they are, also those of a password. */
export function quoteBytes(text: string): string {
  return isPlain(text) ? '"' + text + '"' : escaped(text, true);
}
