// A CAN 2.0 frame, its bytes in the controller's buffers, its length on the wire, and who wins the bus.
// Source: ESP32 Technical Reference Manual, chapter TWAI (windows, identifier bits); ISO 11898-1 (frame bits).

/** One frame. `dlc` may be 9..15 on the wire; `data` has min(dlc, 8) bytes, none for a remote request. */
export interface Frame {
  id: number;
  ext: boolean;
  rtr: boolean;
  dlc: number;
  data: number[];
}

/** What a caller may leave out of a frame: it is a standard data frame unless said otherwise. */
export interface FrameOptions {
  ext?: boolean;
  rtr?: boolean;
  dlc?: number;
}

/** Interframe space in bit times; the end of every frame. */
export const INTERFRAME_BITS = 3;

/** A complete frame from `id` and `data`; `dlc` defaults to the number of bytes. Missing data bytes are 0. */
export function frameOf(id: number, data: ArrayLike<number> = [], options: FrameOptions = {}): Frame {
  const rtr = options.rtr ?? false;
  const dlc = options.dlc ?? data.length;
  const bytes = Array.from({ length: rtr ? 0 : Math.min(dlc, 8) }, (_, i) => (data[i] ?? 0) & 0xff);
  return { id, ext: options.ext ?? false, rtr, dlc, data: bytes };
}

/** The frame as the transmit window holds it: 3 + n bytes, extended 5 + n. */
export function frameToWindow(frame: Frame): number[] {
  const head = (frame.ext ? 0x80 : 0) | (frame.rtr ? 0x40 : 0) | (frame.dlc & 0x0f);
  const id = frame.id;
  const name = frame.ext
    ? [(id >>> 21) & 0xff, (id >>> 13) & 0xff, (id >>> 5) & 0xff, (id & 31) << 3]
    : [(id >>> 3) & 0xff, (id & 7) << 5];
  return [head, ...name, ...frame.data];
}

/** As `frameToWindow`, with the bits that a received frame leaves undefined set, so that a reader has to mask them. */
export function frameToReceiveWindow(frame: Frame): number[] {
  const window = frameToWindow(frame);
  window[0] |= 0x30;
  if (frame.ext) window[4] |= 0x07;
  else window[2] |= 0x1f;
  return window;
}

/** The frame that the 13 bytes of a window describe. */
export function frameFromWindow(window: ArrayLike<number>): Frame {
  const head = window[0];
  const ext = (head & 0x80) !== 0;
  const id = ext
    ? ((window[1] << 21) | (window[2] << 13) | (window[3] << 5) | (window[4] >> 3)) >>> 0
    : (window[1] << 3) | (window[2] >> 5);
  const data = Array.from(window).slice(ext ? 5 : 3);
  return frameOf(id, data, { ext, rtr: (head & 0x40) !== 0, dlc: head & 0x0f });
}

/** Bits on the wire without the interframe space; `stuffed` adds the 20 % worst case. */
export function frameBits(frame: Frame, stuffed: boolean): number {
  const bits = (frame.ext ? 64 : 44) + 8 * frame.data.length;
  return stuffed ? Math.ceil(bits * 1.2) : bits;
}

/** Arbitration field as it goes over the wire, in the numbering of the ALC register: 0 = first identifier bit. */
function arbitrationField(frame: Frame): number[] {
  const bit = (from: number): number => (frame.id >>> from) & 1;
  const rtr = frame.rtr ? 1 : 0;
  if (!frame.ext) return [...Array.from({ length: 11 }, (_, i) => bit(10 - i)), rtr, 0];
  const low = Array.from({ length: 18 }, (_, i) => bit(17 - i));
  return [...Array.from({ length: 11 }, (_, i) => bit(28 - i)), 1, 1, ...low, rtr];
}

/** The bit at which `own` loses the bus to `other` when both start together; -1 when it does not lose. */
export function lostArbitrationBit(own: Frame, other: Frame): number {
  const mine = arbitrationField(own),
    theirs = arbitrationField(other);
  const at = mine.findIndex((value, i) => theirs[i] !== undefined && value !== theirs[i]);
  return at >= 0 && mine[at] === 1 ? at : -1;
}
