// The receiver: finds the reply to a block read in whatever came, and says what went wrong when it is not there.
// Enepaq "TinyBMS Communication Protocols" Rev D, 1.1; the order of outcomes is this project's (one request outstanding,
// start byte not unique, no length byte common to all replies).
import { crc16Table } from "../kernel/crc16";

export interface Received {
  outcome: "ok" | "nack" | "timeout" | "truncated" | "crc_mismatch" | "unexpected_reply" | "length_mismatch" | "multi_packet";
  /** Nothing that may still come can change the outcome. */
  final: boolean;
  /** The words of the reply behind its head, low byte first, the CRC last. */
  words: Uint16Array | null;
  /** ERR byte of a refusal. */
  error: number;
  /** Bytes before the frame, and the length at which another look is worth while (0: unknown). */
  discarded: number;
  need: number;
}

const NACK = 0, ACK = 1, NACK_LENGTH = 6, ACK_LENGTH = 5, CRC_ERROR = 1;

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let i = 0;
  for (; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** CRC-16/MODBUS of bytes. */
function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = crc >> 8 ^ crc16Table[(crc ^ byte) & 255];
  return crc;
}

/** The reply's bytes behind the head as words; a host may do without the native. */
function wordsOf(payload: string, toArrayBuffer: ((text: string) => ArrayBuffer) | null): Uint16Array {
  return new Uint16Array(toArrayBuffer ? toArrayBuffer(payload) : bytesOf(payload).buffer as ArrayBuffer);
}

/** Length of a frame whose second byte is `code` and third `size`: 0 when none can start so, NaN while a byte is missing. */
function lengthOf(code: number, size: number, command: number): number {
  if (isNaN(code)) return NaN;
  if (code === NACK) return NACK_LENGTH;
  if (code === ACK) return ACK_LENGTH;
  return code === command ? size + 5 : 0;
}

/** The nearer of two ends; 0 is none. */
function nearer(end: number, other: number): number {
  return end && end < other ? end : other;
}

/** Look for the reply to `request` (0x03 or 0x07) in `rx`, everything received since it was sent. */
export function receive(rx: string, request: string, toArrayBuffer: ((text: string) => ArrayBuffer) | null): Received {
  const command = request.charCodeAt(1), asked = 2 * request.charCodeAt(command === 7 ? 2 : 5);
  const found: Received = { outcome: rx ? "truncated" : "timeout", final: false, words: null, error: 0, discarded: 0, need: 0 };
  let at = rx.indexOf("\xaa"), foreign = false, badCrc = false, multi = false, skip = 1, code, size, length, frame;
  while (at >= 0) {
    skip = 1;
    code = rx.charCodeAt(at + 1);
    size = rx.charCodeAt(at + 2);
    length = lengthOf(code, size, command);
    if (length === 0) {
      foreign = true;
    } else if (command === 7 && code === 7 && size > 63) {
      multi = true;
    } else if (isNaN(length) || at + length > rx.length) {
      if (code === command && size > asked) foreign = true;
      found.need = nearer(found.need, at + (length || 3)); // without its third byte no length is known
    } else {
      frame = bytesOf(rx.substr(at, length));
      if (crc16(frame.subarray(0, length - 2)) !== (frame[length - 2] | frame[length - 1] << 8)) {
        badCrc = true;
      } else if (code === NACK && (frame[2] === command || frame[3] === CRC_ERROR)) {
        found.outcome = "nack";
        found.error = frame[3];
        break;
      } else if (code < 2) {
        foreign = true;
        skip = length;
      } else {
        found.outcome = size === asked ? "ok" : multi ? "multi_packet" : "length_mismatch";
        found.words = size === asked ? wordsOf(rx.substr(at + 3, length - 3), toArrayBuffer) : null;
        break;
      }
    }
    at = rx.indexOf("\xaa", at + skip);
  }
  found.discarded = at < 0 ? rx.length : at;
  found.final = at >= 0;
  if (at < 0 && (multi || badCrc || foreign)) found.outcome = multi ? "multi_packet" : badCrc ? "crc_mismatch" : "unexpected_reply";
  return found;
}
