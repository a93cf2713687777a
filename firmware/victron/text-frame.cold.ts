// The frames whose bytes are texts: names, serial number, family.
import { TEXTS } from "./frames.baked";

/** The bytes of a text frame by its row, undefined without a text; `texts` holds 8 bytes a frame, a 0 first where there is none. */
export function textFrame(texts: Uint8Array, row: number): Uint8Array | undefined {
  const at = row * 8 - TEXTS * 8;
  return texts[at] ? texts.subarray(at, at + 8) : undefined;
}
