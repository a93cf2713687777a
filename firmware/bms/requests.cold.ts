// Requests to the TinyBMS, whole frames as byte strings. What the protocol forbids is refused: the request is then "".
// Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 to 1.3; limits of a packet byte with 6 bits: 63 bytes in one packet.
import { crc16Table } from "../kernel/crc16";

/** Registers in one request, by command: what fits into one packet, or what the vendor prints. */
const MOST_07 = 31, MOST_03 = 127, MOST_LIST = 15, MOST_10 = 100, MOST_BOUNDS = 100;
/** The registers that can be written, and the last address that two bytes can say. */
const FIRST_SETTING = 300, LAST_SETTING = 399, LAST_ADDRESS = 0xffff;
/** Commands without fields, a bit each from 0x11 on: 0x11, 0x12, 0x14..0x1C, 0x1E, 0x1F, 0x20. */
const BARE = 0xeffb;

/** Whole and within the bounds. */
function isIn(value: number, first: number, last: number): boolean {
  return value >= first && value <= last && value % 1 === 0;
}

/** Two bytes, the low one first. */
function low16(word: number): string {
  return String.fromCharCode(word & 255, word >> 8);
}

/** Two bytes, the high one first: what the two MODBUS commands use. */
function high16(word: number): string {
  return String.fromCharCode(word >> 8, word & 255);
}

/** Whether every one of 1 to `most` numbers is whole and within the bounds. */
function areIn(values: number[], most: number, first: number, last: number): boolean {
  return isIn(values.length, 1, most) && values.every(function (value) { return isIn(value, first, last); });
}

/** The whole frame of a command: start byte in front of its fields, the CRC (low byte first) behind them. */
export function requestOf(command: number, body: string): string {
  const frame = "\xaa" + String.fromCharCode(command) + body;
  let crc = 0xffff, i = 0;
  for (; i < frame.length; i++) crc = crc >> 8 ^ crc16Table[(crc ^ frame.charCodeAt(i)) & 255];
  return frame + low16(crc);
}

/** A command without fields: events (0x11 new, 0x12 all), single values 0x14..0x1A, sensors, cells, versions, trip. */
export function askFor(command: number): string {
  return isIn(command, 0x11, 0x20) && BARE >> command - 0x11 & 1 ? requestOf(command, "") : "";
}

/** Read `count` registers from `address` on by 0x07 (at most 31, one packet) or 0x03 (at most 127). */
export function readBlock(command: number, address: number, count: number): string {
  if (!isIn(count, 1, command === 7 ? MOST_07 : command === 3 ? MOST_03 : 0) || !isIn(address, 0, LAST_ADDRESS + 1 - count)) return "";
  return requestOf(command, command === 7 ? String.fromCharCode(count) + low16(address) : high16(address) + high16(count));
}

/** Read up to 15 registers from anywhere (0x09). */
export function readEach(addresses: number[]): string {
  if (!areIn(addresses, MOST_LIST, 0, LAST_ADDRESS)) return "";
  return requestOf(9, String.fromCharCode(2 * addresses.length) + addresses.map(low16).join(""));
}

/**
 * Write up to 100 words from `address` on, all within 300..399 (0x10). It stands for 0x0B as well, whose length byte the vendor
 * leaves open. The reply repeats address and count; it does not say what was stored, so read back.
 */
export function writeBlock(address: number, words: number[]): string {
  if (!areIn(words, MOST_10, 0, 0xffff) || !isIn(address, FIRST_SETTING, LAST_SETTING + 1 - words.length)) return "";
  return requestOf(0x10, high16(address) + high16(words.length) + String.fromCharCode(2 * words.length) + words.map(high16).join(""));
}

/** Write up to 15 registers of 300..399, each with its word (0x0D). Answered by ACK. */
export function writeEach(addresses: number[], words: number[]): string {
  if (addresses.length !== words.length || !areIn(addresses, MOST_LIST, FIRST_SETTING, LAST_SETTING)) return "";
  if (!areIn(words, MOST_LIST, 0, 0xffff)) return "";
  const pairs = addresses.map(function (address, i) { return low16(address) + low16(words[i]); });
  return requestOf(0x0d, String.fromCharCode(4 * words.length) + pairs.join(""));
}

/** Minimum (1), maximum (2), default (3) or present value (4) of the first `count` settings, 300 and on (0x1D). */
export function readBounds(option: number, count: number): string {
  return isIn(option, 1, 4) && isIn(count, 1, MOST_BOUNDS) ? requestOf(0x1d, String.fromCharCode(option) + high16(count)) : "";
}

/** Clear the events (1), clear the statistics (2), or restart the BMS (5, which switches load and charger off) (0x02). */
export function control(option: number): string {
  return option === 1 || option === 2 || option === 5 ? requestOf(2, String.fromCharCode(option)) : "";
}
