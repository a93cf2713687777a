// Bytes as people write them: hex with or without blanks, and byte strings as the firmware's cores take them.

/** "AA 07 1" to its fault, "" when the text is whole bytes of hex; blanks may stand between bytes. */
export function hexFault(text: string): string {
  const foreign = /[^0-9a-fA-F\s]/.exec(text);
  if (foreign) return `"${foreign[0]}" at character ${foreign.index + 1} is no hex digit`;
  const half = text.split(/\s+/).find((part) => part.length % 2);
  return half === undefined
    ? ""
    : `"${half.length > 12 ? half.slice(0, 12) + "..." : half}" has an odd number of hex digits`;
}

/** Hex without a fault to a byte string. */
export function bytesOf(text: string): string {
  return Buffer.from(text.replace(/\s/g, ""), "hex").toString("latin1");
}

/** A byte string to "AA 07 11". */
export function hexOf(bytes: string): string {
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")).join(" ");
}
