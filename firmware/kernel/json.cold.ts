// JSON at the boundary. The interpreter's own parser accepts trailing garbage, comments and bare words, and turns \uXXXX
// into one byte; so a text is checked and prepared before it is parsed (RFC 8259).

const DEEPEST = 8;

/** The UTF-8 bytes of a code point above ASCII. */
function utf8(unit: number): string {
  if (unit > 0xffff) return String.fromCharCode(0xf0 | unit >> 18, 0x80 | unit >> 12 & 63, 0x80 | unit >> 6 & 63, 0x80 | unit & 63);
  if (unit < 0x800) return String.fromCharCode(0xc0 | unit >> 6, 0x80 | unit & 63);
  return String.fromCharCode(0xe0 | unit >> 12, 0x80 | unit >> 6 & 63, 0x80 | unit & 63);
}

/** Escapes of characters above ASCII as UTF-8 bytes. */
function unescapeUnicode(text: string): string {
  let out = "", from = 0, at = text.indexOf("\\"), unit = 0, low = 0, size = 0;
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
  let end = text.indexOf('"', at + 1), slashes;
  while (end > 0) {
    slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

/** Why the text cannot be one JSON object, "" when it can. */
function refuseText(text: string): string {
  const open: string[] = [];
  let i = 0, c = "", last = "";
  for (; i < text.length; i++) {
    c = text[i];
    if (c === " " || c === "\n" || c === "\r" || c === "\t") continue;
    if (last === "" && c !== "{") return "must be a JSON object";
    if (last !== "" && open.length === 0) return "has characters after the object";
    if (c === '"') {
      i = stringEnd(text, i);
      if (i < 0) return "has a string without an end";
    } else if (c === "{" || c === "[") {
      if (open.push(c) > DEEPEST) return "is nested too deep";
    } else if (c === "}" || c === "]") {
      if (last === "," || open.pop() !== (c === "}" ? "{" : "[")) return "has a bracket too many or a comma before one";
    } else if (",:-+.0123456789eEtrufalsn".indexOf(c) < 0) {
      return "has the character " + c;
    }
    last = c;
  }
  return last === "" ? "is empty" : open.length ? "is cut short" : "";
}

/** An object of JSON text, or the reason why it is none. Strings are bytes of UTF-8. */
export function parseObject(text: string): { value?: Record<string, unknown>; reason: string } {
  const reason = refuseText(text);
  if (reason) return { reason: reason };
  try {
    return { value: JSON.parse(unescapeUnicode(text)) as Record<string, unknown>, reason: "" };
  } catch (error) {
    return { reason: "is not JSON" };
  }
}
