// The acceptance filter: four code bytes and four mask bytes against the start of a frame.
// Source: ESP32 Technical Reference Manual, chapter TWAI (acceptance filter); a mask bit of 1 means "don't care".
import { Frame } from "./frame";

/** The part of a frame that a filter sees: `bits` are what it holds, `known` the positions it has at all. */
interface Seen {
  bits: number;
  known: number;
}

/** Bits 31:0 for the single filter. Data bytes that the frame lacks are not compared. */
function seenBySingle(frame: Frame): Seen {
  const rtr = frame.rtr ? 1 : 0;
  if (frame.ext) return { bits: (frame.id << 3) | (rtr << 2), known: 0xfffffffc };
  const [first, second] = frame.data;
  const known = 0xfff00000 | (first === undefined ? 0 : 0xff00) | (second === undefined ? 0 : 0xff);
  return { bits: (frame.id << 21) | (rtr << 20) | ((first ?? 0) << 8) | (second ?? 0), known };
}

/** Bits 15:0 for one of the dual filters: identifier and RTR, or the upper 16 identifier bits. */
function seenByDual(frame: Frame): Seen {
  if (frame.ext) return { bits: (frame.id >>> 13) & 0xffff, known: 0xffff };
  return { bits: (frame.id << 5) | (frame.rtr ? 0x10 : 0), known: 0xfff0 };
}

function matches(seen: Seen, code: number, mask: number): boolean {
  return ((seen.bits ^ code) & ~mask & seen.known) === 0;
}

/** The first dual filter also sees the first data byte: its upper nibble in ACR1, its lower one in ACR3. */
function firstByteMatches(frame: Frame, code: ArrayLike<number>, mask: ArrayLike<number>): boolean {
  if (frame.ext || frame.data.length === 0) return true;
  const nibbles = (bytes: ArrayLike<number>): number => ((bytes[1] & 15) << 4) | (bytes[3] & 15);
  return ((frame.data[0] ^ nibbles(code)) & ~nibbles(mask) & 0xff) === 0;
}

/** Whether the filter lets `frame` into the FIFO; `single` is the mode bit AFM. */
export function filterAccepts(
  code: ArrayLike<number>,
  mask: ArrayLike<number>,
  single: boolean,
  frame: Frame,
): boolean {
  const word = (bytes: ArrayLike<number>, at: number): number => (bytes[at] << 8) | bytes[at + 1];
  if (single) {
    return matches(seenBySingle(frame), (word(code, 0) << 16) | word(code, 2), (word(mask, 0) << 16) | word(mask, 2));
  }
  const seen = seenByDual(frame);
  return (
    (matches(seen, word(code, 0), word(mask, 0)) && firstByteMatches(frame, code, mask)) ||
    matches(seen, word(code, 2), word(mask, 2))
  );
}
