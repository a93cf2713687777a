// Strings as JSON.

/** A string as JSON, its bytes left as they are (the interpreter's own would escape UTF-8 byte by byte). */
export function quote(text: string): string {
  const plain = JSON.stringify(text);
  if (plain.length === text.length + 2) return plain; // nothing to escape, as nearly always
  let out = '"', i = 0, c = "", code = 0;
  for (; i < text.length; i++) {
    c = text[i];
    code = text.charCodeAt(i);
    out += c === '"' || c === "\\" ? "\\" + c : code < 32 ? "\\u00" + (code + 256).toString(16).substr(1) : c;
  }
  return out + '"';
}
