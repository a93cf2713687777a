// What the broker missed, as records of 32 bytes and as messages for rt/replay. All numbers low byte first:
// kind "R" (values) or "A" (all below `acked` is acknowledged), 0, boot (16 bits), number, uptime (0.1 s), s since 1970 (0: unknown),
// acked (all numbers below it are done with), SoC (0.1 %), CVL (0.1 V), CCL and DCL (0.1 A), each 16 bits (all ones: unknown), CRC-32.
import { isoTime } from "../kernel/time.cold";
import { RECORD } from "./replay";

const VALUES = 20, CRC_AT = 28, UNKNOWN = 0xffff;
const NAMES = ["state_of_charge", "cvl", "ccl", "dcl"];

/** A record without its values; times in s, `wall` 0 when unknown. */
export interface Entry { kind: string; boot: number; number: number; up: number; wall: number; acked: number }

type Crc = (text: string) => number;

function u16(value: number): string {
  return String.fromCharCode(value & 255, value >> 8 & 255);
}

function u32(value: number): string {
  return u16(value) + u16(value >>> 16);
}

function u16At(text: string, at: number): number {
  return text.charCodeAt(at) + text.charCodeAt(at + 1) * 256;
}

function u32At(text: string, at: number): number {
  return u16At(text, at) + u16At(text, at + 2) * 65536;
}

/** A record; `values` are SoC, CVL, CCL, DCL in tenths, 65535 for an unknown one. */
export function replayRecord(entry: Entry, values: ArrayLike<number>, crc32: Crc): string {
  const text = entry.kind + "\0" + u16(entry.boot) + u32(entry.number) + u32(entry.up * 10) + u32(entry.wall) + u32(entry.acked)
    + u16(values[0]) + u16(values[1]) + u16(values[2]) + u16(values[3]);
  return text + u32(crc32(text));
}

/** What a record says, null when it is none or torn. */
export function readRecord(text: string, crc32: Crc): Entry | null {
  if (text.length !== RECORD || text.substr(CRC_AT) !== u32(crc32(text.substr(0, CRC_AT)))) return null;
  return { kind: text[0], boot: u16At(text, 2), number: u32At(text, 4), up: u32At(text, 8) / 10, wall: u32At(text, 12), acked: u32At(text, 16) };
}

/**
 * The samples of a record as members of the message's list, each with its comma before it. Its time is UTC where it is known; `epoch`
 * (s since 1970 at this boot, 0 unknown) tells it of a record of this `boot`. Else it is the uptime of a numbered boot.
 */
export function replaySamples(text: string, entry: Entry, boot: number, epoch: number): string {
  const wall = entry.wall || (entry.boot === boot && epoch ? epoch + entry.up : 0);
  const time = wall ? `,{"time":"${isoTime(wall)}"` : `,{"timestamp_ms":${Math.round(entry.up * 1000)},"boot":${entry.boot}`;
  let samples = "", i = 0, value = 0;
  for (const name of NAMES) {
    value = u16At(text, VALUES + i);
    if (value !== UNKNOWN) samples += `${time},"s":"${name}","v":${value % 10 ? (value / 10).toFixed(1) : value / 10}}`;
    i += 2;
  }
  return samples;
}
