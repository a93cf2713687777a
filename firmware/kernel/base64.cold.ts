// Base 64 (RFC 4648, 4) that somebody sends.

/**
 * What it says; "" when it is none. The interpreter's atob skips blanks, and makes a text of length -1 of one sign or
 * two that are all padding: who looks at that reads memory that is not there.
 */
export function decoded(given: string): string {
  const text = given.trim(),
    at = text.indexOf("="),
    padding = at < 0 ? "" : text.substr(at);
  return text.length % 4 || (padding && padding !== "=" && padding !== "==") ? "" : atob(text);
}
