// The BMS side of the TinyBMS protocol: finds requests in a byte stream and writes the replies, byte exact. Source:
// Enepaq "Communication Protocols" Rev D, 1.1 to 1.3. It knows no battery, no time and no line.

import type { Write } from "./words";

/** One entry of the event log; `time_s` is the lifetime counter when it happened. */
export interface LogEntry {
  time_s: number;
  id: number;
}

/** Which column of the settings command 0x1D asks for. */
export type Bound = "min" | "max" | "default";

/** What a request can do to the unit behind the codec. */
export interface Unit {
  /** The 600 registers as they read now. */
  words: Uint16Array;
  /** Writes registers, all or none; false when one is refused. */
  write(writes: Write[]): boolean;
  /** Raw minimum, maximum or default of a settings register; 0 where reserved. */
  bound(kind: Bound, address: number): number;
  /** Command 0x02: 1 clear events, 2 clear statistics, 5 restart; false for any other. */
  perform(option: number): boolean;
  /** The event log in slot order; `newest`: only what was not reported so yet (command 0x11). */
  log(newest: boolean): LogEntry[];
}

/** A request that was found: its bytes, or the NACK code that it earned by being damaged or unknown. */
export type Heard = { command: number; frame: Uint8Array } | { command: number; error: number };

/** Bytes received that made no request so far. */
export interface RequestStream {
  held: number[];
}

export const START = 0xaa;
/** NACK codes. */
export const CMD_ERROR = 0;
export const CRC_ERROR = 1;
/** What the six bits of a packet byte allow. */
export const BLOCK_MAX = 31;
const INDIVIDUAL_MAX = 15;
/** 0x10 with a full length byte. */
const REQUEST_MAX = 264;

/** CRC-16/MODBUS of `count` bytes from `from`. */
export function crc16(bytes: ArrayLike<number>, from: number, count: number): number {
  let crc = 0xffff;
  for (let i = from; i < from + count; i++) {
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** A whole frame from its bytes after 0xAA: start byte in front, CRC (low byte first) behind. */
export function frameOf(body: ArrayLike<number>): Uint8Array {
  const frame = new Uint8Array(body.length + 3);
  frame[0] = START;
  frame.set(body, 1);
  const crc = crc16(frame, 0, body.length + 1);
  frame[body.length + 1] = crc & 0xff;
  frame[body.length + 2] = crc >> 8;
  return frame;
}

/** The reply to a command that failed: ERR 0 (command) or 1 (CRC). */
export function nack(command: number, error: number): Uint8Array {
  return frameOf([0x00, command, error]);
}

/** The reply to a command that has nothing to tell but its success. */
export function ack(command: number): Uint8Array {
  return frameOf([0x01, command]);
}

/** An empty stream of requests. */
export function createRequestStream(): RequestStream {
  return { held: [] };
}

const BARE = [0x11, 0x12, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1e, 0x1f, 0x20];
const FIXED = new Map<number, number>([
  [0x02, 5],
  [0x03, 8],
  [0x07, 7],
  [0x1d, 7],
  ...BARE.map((command) => [command, 4] as const),
]);

/**
 * Possible lengths of the request that begins at `at`, shortest first; `undefined`: more bytes are needed to say, [] :
 * the command is unknown. 0x0B has two, since the vendor leaves open whether its length byte counts the address.
 */
function lengthsAt(held: number[], at: number): number[] | undefined {
  const command = held[at + 1];
  const fixed = FIXED.get(command);
  if (command === undefined || fixed) return fixed ? [fixed] : undefined;
  const payload = held[at + (command === 0x10 ? 6 : 2)];
  if (![0x09, 0x0b, 0x0d, 0x10].includes(command)) return [];
  if (payload === undefined) return undefined;
  if (command === 0x10) return [9 + payload];
  if (command === 0x09) return [5 + payload];
  if (payload > 63) return [];
  return command === 0x0b ? [5 + payload, 7 + payload] : [5 + payload];
}

function crcIsRight(held: number[], at: number): boolean {
  const end = held.length - 2;
  return end - at >= 2 && crc16(held, at, end - at) === (held[end] | (held[end + 1] << 8));
}

/**
 * A request that ends with the last byte held. A false start further left can't hide it, since every start is tried.
 */
function requestEndingHere(held: number[]): Heard | undefined {
  for (let at = held.indexOf(START); at >= 0; at = held.indexOf(START, at + 1)) {
    if (lengthsAt(held, at)?.includes(held.length - at) && crcIsRight(held, at)) {
      return { command: held[at + 1], frame: Uint8Array.from(held.slice(at)) };
    }
  }
  return undefined;
}

/** True when the held bytes are one request of full length with a wrong CRC, and nothing else could begin inside it. */
function damagedForSure(held: number[]): boolean {
  return held[0] === START && held.indexOf(START, 1) < 0 && lengthsAt(held, 0)?.at(-1) === held.length;
}

/**
 * Adds received bytes and returns the requests that they complete, in order. Never throws; holds at most one longest
 * request. Damaged requests come as errors, at once where that is certain, else from `settleRequests`.
 */
export function takeRequests(stream: RequestStream, bytes: Uint8Array): Heard[] {
  const found: Heard[] = [];
  for (const byte of bytes) {
    stream.held.push(byte);
    if (stream.held.length > REQUEST_MAX) stream.held.shift();
    const request = requestEndingHere(stream.held);
    if (request) {
      found.push(request);
      stream.held = [];
    } else if (damagedForSure(stream.held)) {
      found.push(...settleRequests(stream));
    }
  }
  return found;
}

/**
 * The line fell quiet: what is held will not be completed. Gives CRC ERROR for a request of full length, CMD ERROR for
 * an unknown command in a frame with a right CRC, nothing for fragments and noise; empties the stream.
 */
export function settleRequests(stream: RequestStream): Heard[] {
  const held = stream.held.slice(Math.max(0, stream.held.indexOf(START)));
  stream.held = [];
  const lengths = held[0] === START ? lengthsAt(held, 0) : undefined;
  if (!lengths) return [];
  if (lengths.length === 0) return crcIsRight(held, 0) ? [{ command: held[1], error: CMD_ERROR }] : [];
  return held.length >= lengths[0] ? [{ command: held[1], error: CRC_ERROR }] : [];
}

function low(word: number): number {
  return word & 0xff;
}

function high(word: number): number {
  return (word >> 8) & 0xff;
}

/** Words in the native order, low byte first. */
function nativeBytes(words: ArrayLike<number>): number[] {
  return Array.from(words).flatMap((word) => [low(word), high(word)]);
}

/** Words in the MODBUS order, high byte first. */
function modbusBytes(words: ArrayLike<number>): number[] {
  return Array.from(words).flatMap((word) => [high(word), low(word)]);
}

/** Reserved registers read fine inside a block; 400..499 and all from 600 on do not exist. */
function isReadable(address: number): boolean {
  return address >= 0 && address < 600 && (address < 400 || address >= 500);
}

function blockAt(unit: Unit, address: number, count: number): Uint16Array | null {
  const last = address + count - 1;
  const exists = count > 0 && isReadable(address) && isReadable(last) && address < 400 === last < 400;
  return exists ? unit.words.slice(address, address + count) : null;
}

function word(frame: Uint8Array, at: number): number {
  return frame[at] | (frame[at + 1] << 8);
}

function modbusWord(frame: Uint8Array, at: number): number {
  return (frame[at] << 8) | frame[at + 1];
}

/** The body of a reply, `true` for an ACK, null for a NACK. */
type Answer = number[] | true | null;

function readModbus(unit: Unit, frame: Uint8Array): Answer {
  const count = frame[5];
  const block = frame[4] === 0 && count <= 127 ? blockAt(unit, modbusWord(frame, 2), count) : null;
  return block && [0x03, 2 * count, ...modbusBytes(block)];
}

function readBlock(unit: Unit, frame: Uint8Array): Answer {
  const count = frame[2];
  const block = count <= BLOCK_MAX ? blockAt(unit, word(frame, 3), count) : null;
  return block && [0x07, 2 * count, ...nativeBytes(block)];
}

function readIndividual(unit: Unit, frame: Uint8Array): Answer {
  const count = frame[2] / 2;
  if (count < 1 || count > INDIVIDUAL_MAX || count % 1) return null;
  const addresses = Array.from({ length: count }, (_, i) => word(frame, 3 + 2 * i));
  if (!addresses.every(isReadable)) return null;
  return [0x09, 4 * count, ...addresses.flatMap((address) => nativeBytes([address, unit.words[address]]))];
}

/** The data is what lies between address and CRC, so both readings of the length byte end in the same writes. */
function writeBlock(unit: Unit, frame: Uint8Array): Answer {
  const count = (frame.length - 7) / 2;
  if (count < 1 || count % 1) return null;
  return (
    unit.write(Array.from({ length: count }, (_, i): Write => [word(frame, 3) + i, word(frame, 5 + 2 * i)])) || null
  );
}

function writeIndividual(unit: Unit, frame: Uint8Array): Answer {
  const count = frame[2] / 4;
  if (count < 1 || count % 1) return null;
  return (
    unit.write(Array.from({ length: count }, (_, i): Write => [word(frame, 3 + 4 * i), word(frame, 5 + 4 * i)])) || null
  );
}

function writeModbus(unit: Unit, frame: Uint8Array): Answer {
  const address = modbusWord(frame, 2);
  const count = frame[5];
  if (frame[4] !== 0 || count < 1 || count > 100 || frame[6] !== 2 * count) return null;
  const done = unit.write(Array.from({ length: count }, (_, i): Write => [address + i, modbusWord(frame, 7 + 2 * i)]));
  return done ? [0x10, ...modbusBytes([address, count])] : null;
}

function readEvents(unit: Unit, command: number): Answer {
  const entries = unit.log(command === 0x11);
  const bytes = entries.flatMap(({ time_s, id }) => [low(time_s), high(time_s), low(Math.floor(time_s / 0x10000)), id]);
  return [command, 4 + bytes.length, ...nativeBytes(unit.words.slice(32, 34)), ...bytes];
}

function readSettings(unit: Unit, frame: Uint8Array): Answer {
  const [, , option, reserved, count] = frame;
  if (option < 1 || option > 4 || reserved !== 0 || count < 1 || count > 100) return null;
  const kind = (["min", "max", "default"] as const)[option - 1];
  const values = Array.from({ length: count }, (_, i) => (kind ? unit.bound(kind, 300 + i) : unit.words[300 + i]));
  return [0x1d, 2 * count, ...nativeBytes(values)];
}

function version(unit: Unit, extended: boolean): Answer {
  const [hardware, published, internal, boot] = unit.words.slice(500, 504);
  const short = [low(hardware), high(hardware), low(published), ...nativeBytes([internal])];
  return extended ? [0x1f, 7, ...short, low(boot), high(boot)] : [0x1e, 5, ...short];
}

/** Only wired cells; the open channels of a shorter pack read 0. */
function readCells(unit: Unit): Answer {
  const wired = Array.from(unit.words.slice(0, 16)).filter((cell) => cell !== 0);
  return [0x1c, 2 * wired.length, ...nativeBytes(wired)];
}

/** The single values 0x14..0x1A: no length byte, words as they stand. */
const SINGLE: Record<number, number[]> = {
  0x14: [36, 37],
  0x15: [38, 39],
  0x16: [41],
  0x17: [40],
  0x18: [50],
  0x19: [32, 33],
  0x1a: [46, 47],
};

function readSingle(unit: Unit, command: number): Answer {
  return [command, ...nativeBytes(SINGLE[command].map((address) => unit.words[address]))];
}

const ANSWERS: Record<number, (unit: Unit, frame: Uint8Array) => Answer> = {
  0x02: (unit, frame) => unit.perform(frame[2]) || null,
  0x03: readModbus,
  0x07: readBlock,
  0x09: readIndividual,
  0x0b: writeBlock,
  0x0d: writeIndividual,
  0x10: writeModbus,
  0x11: (unit) => readEvents(unit, 0x11),
  0x12: (unit) => readEvents(unit, 0x12),
  0x1b: (unit) => [0x1b, 6, ...nativeBytes([48, 42, 43].map((address) => unit.words[address]))],
  0x1c: readCells,
  0x1d: readSettings,
  0x1e: (unit) => version(unit, false),
  0x1f: (unit) => version(unit, true),
  // Register 44 holds the distance in 16 bits, the command sends 32.
  0x20: (unit) => [0x20, ...nativeBytes([...unit.words.slice(54, 56), unit.words[44], 0, ...unit.words.slice(34, 36)])],
};

/**
 * Does what a request says and returns the reply frame: data, ACK or NACK. Reads that would need
 * more than one packet are refused, since that form is not documented.
 */
export function answer(unit: Unit, heard: Heard): Uint8Array {
  const { command } = heard;
  if ("error" in heard) return nack(command, heard.error);
  const body = command in SINGLE ? readSingle(unit, command) : ANSWERS[command](unit, heard.frame);
  if (body === null) return nack(command, CMD_ERROR);
  return body === true ? ack(command) : frameOf(body);
}

/**
 * A block read in packets of `size` data bytes, as in the vector multi_packet_block_speculative: each with header and
 * CRC, bit 7 and an id from 1 in all but the last. The vendor does not document it; the simulator sends it only as a
 * misbehaviour. Null: no such block.
 */
export function packetsOf(unit: Unit, address: number, count: number, size: number): Uint8Array | null {
  const block = blockAt(unit, address, count);
  if (!block) return null;
  const bytes = nativeBytes(block);
  const packets: number[] = [];
  for (let at = 0, id = 1; at < bytes.length; at += size, id++) {
    const part = bytes.slice(at, at + size);
    packets.push(...frameOf([0x07, at + size < bytes.length ? 0x80 | id : part.length, ...part]));
  }
  return Uint8Array.from(packets);
}
