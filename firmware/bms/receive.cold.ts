// The receiver: finds the reply to a request in whatever came, and says what went wrong when it is not there.
// Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 to 1.3; the order of outcomes is this project's (one request
// outstanding, start byte not unique, no length byte common to all replies).
import { crc16Table } from "../kernel/crc16";

export interface Received {
  outcome:
    | "ok"
    | "ack"
    | "nack"
    | "timeout"
    | "truncated"
    | "crc_mismatch"
    | "unexpected_reply"
    | "length_mismatch"
    | "address_mismatch"
    | "multi_packet";
  /** Nothing that may still come can change the outcome. */
  final: boolean;
  /** With "ok": the data bytes between the head (start, command and, where there is one, length byte) and the CRC. */
  payload: string;
  /** With "ok" and an even number of data bytes: the same and the CRC as words, low byte first. */
  words: Uint16Array | null;
  /** ERR byte of a refusal. */
  error: number;
  /** Bytes before the frame, and the length at which another look is worth while (0: unknown). */
  discarded: number;
  need: number;
}

type ToArrayBuffer = ((text: string) => ArrayBuffer) | null;

/**
 * Length of a reply by its second byte, as a character from "0" on: 0 none, 1 the third byte and 5 (else there is no
 * length byte). NACK and ACK stand first; 0x02, 0x0B and 0x0D have no reply but these.
 */
const LENGTHS = "65010001010000008110886668811111@";
const NACK = 0,
  ACK = 1,
  CRC_ERROR = 1;
/** Longest payload that the six bits of a packet byte can say, bytes. */
const MOST_PACKET = 63;
/** Payload of 49 events and the time, bytes. */
const MOST_EVENTS = 200;

/** A host may do without the native. */
function bufferOf(text: string, toArrayBuffer: ToArrayBuffer): ArrayBuffer {
  if (toArrayBuffer) return toArrayBuffer(text);
  const bytes = new Uint8Array(text.length);
  let i = 0;
  for (; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer as ArrayBuffer;
}

/**
 * Length of a frame whose second byte is `code` and third `size`: 0 when none can start so, NaN while a byte is
 * missing.
 */
function lengthOf(code: number, size: number, command: number): number {
  if (isNaN(code)) return NaN;
  const length = code < 2 || code === command ? LENGTHS.charCodeAt(code) - 48 : 0;
  return length === 1 ? size + 5 : length;
}

/**
 * What the length byte of the reply may be at most: of block reads and lists exactly what was asked. NaN: it has none.
 */
function mostOf(request: string, command: number): number {
  if (command === 3) return 2 * request.charCodeAt(5);
  // 0x09 asks by two bytes a register and gets four
  if (command === 7 || command === 9) return 2 * request.charCodeAt(2);
  if (command === 0x1d) return 2 * request.charCodeAt(4);
  if (command === 0x11 || command === 0x12) return MOST_EVENTS;
  return command < 0x1b ? NaN : "6P057".charCodeAt(command - 0x1b) - 48; // three sensors, 16 cells, -, versions
}

/** Bytes of one element of a reply that may have fewer than `mostOf`; 0: all must be there. */
function stepOf(command: number): number {
  return command === 0x11 || command === 0x12 ? 4 : command === 0x1c ? 2 : 0;
}

/** Whether a list read or a written block names the registers of the request. */
function sameAddresses(frame: string, request: string, command: number): boolean {
  let at = 3;
  if (command === 0x10) return frame.substr(2, 4) === request.substr(2, 4);
  if (command === 9)
    for (; at < request.length - 2; at += 2) if (frame.substr(2 * at - 3, 2) !== request.substr(at, 2)) return false;
  return true;
}

/** A frame with a right CRC: whether it is the reply, and then what it says. */
function settles(
  found: Received,
  frame: string,
  request: string,
  multi: boolean,
  toArrayBuffer: ToArrayBuffer,
): boolean {
  const command = request.charCodeAt(1),
    code = frame.charCodeAt(1),
    third = frame.charCodeAt(2),
    error = frame.charCodeAt(3);
  const head = LENGTHS[code] === "1" ? 3 : 2,
    most = mostOf(request, command),
    step = stepOf(command),
    end = frame.length;
  if (code === ACK) {
    if (third !== command || (command !== 2 && command !== 11 && command !== 13)) return false;
    found.outcome = "ack";
  } else if (code === NACK) {
    // a unit that read a wrong CRC may have read a wrong command
    if (third !== command && error !== CRC_ERROR) return false;
    found.outcome = "nack";
    found.error = error;
  } else if (head === 3 && (step ? !third || third > most || third % step : third !== most)) {
    found.outcome = multi ? "multi_packet" : "length_mismatch";
  } else if (!sameAddresses(frame, request, command)) {
    found.outcome = "address_mismatch";
  } else {
    found.outcome = "ok";
    found.payload = frame.substring(head, end - 2);
    if ((end - head) % 2 === 0) found.words = new Uint16Array(bufferOf(frame.substring(head, end), toArrayBuffer));
  }
  return true;
}

/** Whether the CRC at the end is right: carried on over itself it leaves 0. */
function isWhole(frame: string, toArrayBuffer: ToArrayBuffer): boolean {
  const table = crc16Table;
  let crc = 0xffff;
  for (const byte of new Uint8Array(bufferOf(frame, toArrayBuffer))) crc = (crc >> 8) ^ table[(crc ^ byte) & 255];
  return crc === 0;
}

/** The nearer of two lengths; 0 is none. */
function nearer(length: number, other: number): number {
  return length && length < other ? length : other;
}

/**
 * Look for the reply to `request` (a whole frame of any command) in `rx`, everything received since it was sent. The
 * first frame with a right CRC that is an answer to it wins; text on the line and replies to other commands are
 * skipped.
 */
export function receive(rx: string, request: string, toArrayBuffer: ToArrayBuffer): Received {
  const command = request.charCodeAt(1),
    most = mostOf(request, command),
    packets = command === 7 || command === 9;
  const found: Received = {
    outcome: rx ? "truncated" : "timeout",
    final: false,
    payload: "",
    words: null,
    error: 0,
    discarded: 0,
    need: 0,
  };
  let at = rx.indexOf("\xaa"),
    foreign = false,
    badCrc = false,
    multi = false,
    skip = 1,
    code,
    size,
    length;
  while (at >= 0) {
    skip = 1;
    code = rx.charCodeAt(at + 1);
    size = rx.charCodeAt(at + 2);
    length = lengthOf(code, size, command);
    if (length === 0) {
      foreign = true;
    } else if (packets && code === command && size > MOST_PACKET) {
      multi = true;
    } else if (isNaN(length) || at + length > rx.length) {
      if (code === command && size > most)
        foreign = true; // nothing that was asked is so long: not waited for
      else found.need = nearer(found.need, at + (length || 3)); // without its third byte no length is known
    } else if (!isWhole(rx.substr(at, length), toArrayBuffer)) {
      badCrc = true;
    } else if (settles(found, rx.substr(at, length), request, multi, toArrayBuffer)) {
      break;
    } else {
      foreign = true;
      skip = length;
    }
    at = rx.indexOf("\xaa", at + skip);
  }
  // A false head with a long length byte must not hide the shortest reply that may come behind it.
  if (found.need && stepOf(command)) found.need = nearer(found.need, rx.length + stepOf(command) + 5);
  found.discarded = at < 0 ? rx.length : at;
  found.final = at >= 0;
  if (at < 0 && (multi || badCrc || foreign))
    found.outcome = multi ? "multi_packet" : badCrc ? "crc_mismatch" : "unexpected_reply";
  return found;
}
