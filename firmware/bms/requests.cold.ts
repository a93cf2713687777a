// Requests to the TinyBMS, whole frames as byte strings. What the protocol forbids is refused: the request is then "".
// Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 to 1.3. Of a reply over 64 bytes Espruino 2v26 to 2v29 may lose
// the rest, so none is asked for; only 0x11, whose length nobody can choose, may be longer.
import { crc16Table } from "../kernel/crc16";
import { FIRST_SETTING, MOST_BLOCK } from "./places";

/** Registers in one read of a list: a reply of 61 bytes. */
const MOST_LIST = 14;
/** Registers in one write by command 0x0D. */
const MOST_0D = 15;
/** Registers in one write by command 0x10. */
const MOST_10 = 100;
/** Behind FIRST_SETTING: the last register that can be written. */
const LAST_SETTING = 399;
/** The last address that two bytes can say. */
const LAST_ADDRESS = 0xffff;
/** Commands without fields, a bit each from 0x11 on: 0x11, 0x14..0x1C, 0x1E, 0x1F, 0x20. 0x12 is none: see above. */
const BARE = 0xeff9;

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
  return (
    isIn(values.length, 1, most) &&
    values.every(function (value) {
      return isIn(value, first, last);
    })
  );
}

/** The whole frame of a command: start byte in front of its fields, the CRC (low byte first) behind them. */
export function requestOf(command: number, body: string): string {
  const frame = "\xaa" + String.fromCharCode(command) + body;
  let crc = 0xffff,
    i = 0;
  for (; i < frame.length; i++) crc = (crc >> 8) ^ crc16Table[(crc ^ frame.charCodeAt(i)) & 255];
  return frame + low16(crc);
}

/** A command without fields: new events (0x11), single values 0x14..0x1A, sensors, cells, versions, trip. */
export function askFor(command: number): string {
  return isIn(command, 0x11, 0x20) && (BARE >> (command - 0x11)) & 1 ? requestOf(command, "") : "";
}

/** Read up to 29 registers from `address` on by 0x07 or 0x03. */
export function readBlock(command: number, address: number, count: number): string {
  if ((command !== 7 && command !== 3) || !isIn(count, 1, MOST_BLOCK) || !isIn(address, 0, LAST_ADDRESS + 1 - count))
    return "";
  return requestOf(
    command,
    command === 7 ? String.fromCharCode(count) + low16(address) : high16(address) + high16(count),
  );
}

/** Read up to 14 registers from anywhere (0x09). */
export function readEach(addresses: number[]): string {
  if (!areIn(addresses, MOST_LIST, 0, LAST_ADDRESS)) return "";
  return requestOf(9, String.fromCharCode(2 * addresses.length) + addresses.map(low16).join(""));
}

/**
 * Write up to 100 words from `address` on, all within 300..399 (0x10). It stands for 0x0B as well, whose length byte
 * the vendor leaves open. The reply repeats address and count; it does not say what was stored, so read back.
 */
export function writeBlock(address: number, words: number[]): string {
  if (!areIn(words, MOST_10, 0, 0xffff) || !isIn(address, FIRST_SETTING, LAST_SETTING + 1 - words.length)) return "";
  return requestOf(
    0x10,
    high16(address) + high16(words.length) + String.fromCharCode(2 * words.length) + words.map(high16).join(""),
  );
}

/** Write up to 15 registers of 300..399, each with its word (0x0D). Answered by ACK. */
export function writeEach(addresses: number[], words: number[]): string {
  if (addresses.length !== words.length || !areIn(addresses, MOST_0D, FIRST_SETTING, LAST_SETTING)) return "";
  if (!areIn(words, MOST_0D, 0, 0xffff)) return "";
  const pairs = addresses.map(function (address, i) {
    return low16(address) + low16(words[i]);
  });
  return requestOf(0x0d, String.fromCharCode(4 * words.length) + pairs.join(""));
}

/** Minimum (1), maximum (2), default (3) or present value (4) of the first settings, 300 and on, at most 29 (0x1D). */
export function readBounds(option: number, count: number): string {
  return isIn(option, 1, 4) && isIn(count, 1, MOST_BLOCK)
    ? requestOf(0x1d, String.fromCharCode(option) + high16(count))
    : "";
}

/**
 * Clear the events (1), clear the statistics (2), or restart the BMS (5, which switches load and charger off) (0x02).
 */
export function control(option: number): string {
  return option === 1 || option === 2 || option === 5 ? requestOf(2, String.fromCharCode(option)) : "";
}
