// Faults on demand: what can go wrong on the line and in a unit's replies, by name, with a probability, for a time or a
// number of times.

import { CMD_ERROR, CRC_ERROR, START, ack, answer, frameOf, nack, packetsOf } from "./codec";
import type { Heard, Unit } from "./codec";
import type { Clock } from "./clock";
import { randomBytes, randomInteger } from "./random";
import type { Random } from "./random";
import type { Write } from "./words";

/** Every fault by name, with what it does. */
export const FAULTS = {
  "silence": "requests are not heard: no reply, nothing is done",
  "lost-reply": "requests are carried out, the reply is lost",
  "noise": "random bytes before and after a reply",
  "flood": "random bytes all the time instead of replies",
  "bad-crc": "one bit of a reply is wrong",
  "torn": "a reply ends at a random place",
  "late": "a reply comes 400 ms late",
  "nack": "the command is refused with CMD ERROR",
  "nack-crc": "the command is refused with CRC ERROR, with a damaged command byte",
  "no-0x07": "0x07 is refused with CMD ERROR, as by a unit that does not know it",
  "swapped-crc": "the CRC comes high byte first",
  "false-start": "a reply comes after bytes that look like the begin of one",
  "double": "a reply comes twice",
  "stale": "the reply to another command comes first",
  "foreign": "a reply to another command comes instead",
  "odd-length": "data replies with a length byte carry one byte too few",
  "wrong-address": "replies to 0x09 and 0x10 name other registers",
  "values-only": "0x09 replies without the addresses",
  "multi-packet": "0x07 replies in packets",
  "status-ack": "ACK and the 0x10 reply come as AA 01 00",
  "ignore-write": "writes are acknowledged and forgotten",
  "altered-write": "writes are acknowledged, but a value one beside is stored",
  "locked": "writes and the commands of 0x02 are refused",
} as const;

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;

/**
 * When, how long and how often a fault hits: at once or after some time (ms); then until `clear`, for some time (ms),
 * or for some replies.
 */
export interface FaultOptions {
  probability?: number;
  after_ms?: number;
  for_ms?: number;
  times?: number;
}

/** The switches of the faults. `set` throws for a name that does not exist and a probability outside 0..1. */
export interface Faults {
  set(name: string, options?: FaultOptions): void;
  /** Switches one off, or all. */
  clear(name?: FaultName): void;
  active(): FaultName[];
  /** Asks whether the fault hits now; counts it when it does. */
  hits(name: FaultName): boolean;
}

/** How late a `late` reply is: after every sensible time-out of a requester. */
export const LATE_MS = 400;
const NOISE_MAX = 12;

/** All faults by name with their description, one a line. */
export function faultList(): string {
  return Object.entries(FAULTS)
    .map(([name, doc]) => `  ${name.padEnd(14)} ${doc}`)
    .join("\n");
}

/** A fault by its name, with the times when it hits. */
export interface NamedFault {
  name: FaultName;
  options: FaultOptions;
}

/** How a fault is written on a command line. */
export const FAULT_FORM = "name[=probability][@start[+duration]]";

/**
 * Reads `name[=probability][@start[+duration]]`, times in seconds from now. Throws an Error with the reason.
 */
export function parseFault(text: string): NamedFault {
  const [, name, probability, start, duration] = /^([^=@+]*)(?:=([^@+]*))?(?:@([^+]*)(?:\+(.*))?)?$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`must be ${FAULT_FORM}`);
  if (!Object.hasOwn(FAULTS, name)) throw new Error(`no fault is called "${name}"; there are:\n${faultList()}`);
  const number = (given: string | undefined, what: string, most: number): number | undefined => {
    if (given === undefined) return undefined;
    const value = given.trim() === "" ? NaN : Number(given);
    if (!(value >= 0 && value <= most)) throw new Error(`${what} must be a number, 0 to ${most}`);
    return value;
  };
  const MOST_S = 1e6,
    seconds = (given: string | undefined, what: string): number | undefined => {
      const value = number(given, what, MOST_S);
      return value === undefined ? undefined : value * 1000;
    };
  const options = {
    probability: number(probability, "the probability", 1),
    after_ms: seconds(start, "the start (s)"),
    for_ms: seconds(duration, "the duration (s)"),
  };
  return { name: name as FaultName, options };
}

/** Faults, all off. */
export function createFaults(clock: Clock, random: Random): Faults {
  const set = new Map<FaultName, { probability: number; from_ms: number; until_ms: number; left: number }>();
  const live = (name: FaultName): boolean => {
    const fault = set.get(name);
    if (fault && (fault.left <= 0 || clock.now() >= fault.until_ms)) set.delete(name);
    return set.has(name) && clock.now() >= set.get(name)!.from_ms;
  };
  return {
    set(name, { probability = 1, after_ms = 0, for_ms = Infinity, times = Infinity } = {}) {
      if (!Object.hasOwn(FAULTS, name)) throw new Error(`no fault is called "${name}"; there are:\n${faultList()}`);
      if (!(probability >= 0 && probability <= 1)) throw new Error(`the probability of ${name} must be 0 to 1`);
      const from_ms = clock.now() + after_ms;
      set.set(name as FaultName, { probability, from_ms, until_ms: from_ms + for_ms, left: times });
    },
    clear: (name) => (name ? void set.delete(name) : set.clear()),
    active: () => [...set.keys()].filter(live),
    hits(name) {
      const fault = live(name) ? set.get(name) : undefined;
      if (!fault || random() >= fault.probability) return false;
      fault.left--;
      return true;
    },
  };
}

function flipBit(frame: Uint8Array, random: Random): Uint8Array {
  const copy = frame.slice();
  copy[randomInteger(random, 2, frame.length - 1)] ^= 1 << randomInteger(random, 0, 7);
  return copy;
}

function join(...parts: ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

/** A good reply to a command that was not asked: the status, or the lowest cell when the status was asked. */
function otherReply(unit: Unit, command: number): Uint8Array {
  const other = command === 0x18 ? 0x17 : 0x18;
  return answer(unit, { command: other, frame: frameOf([other]) });
}

const WITH_LENGTH = [0x03, 0x07, 0x09, 0x11, 0x12, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f];

function oddLength(reply: Uint8Array): Uint8Array {
  if (!WITH_LENGTH.includes(reply[1]) || reply[2] === 0) return reply;
  return frameOf([reply[1], reply[2] - 1, ...reply.slice(3, -3)]);
}

/** The first address of a 0x09 or 0x10 reply, moved by one. */
function wrongAddress(reply: Uint8Array): Uint8Array {
  if (reply[1] !== 0x09 && reply[1] !== 0x10) return reply;
  const body = reply.slice(1, -2);
  body[2] ^= 1;
  return frameOf(body);
}

function valuesOnly(reply: Uint8Array): Uint8Array {
  if (reply[1] !== 0x09) return reply;
  const values = Array.from(reply.slice(3, -2)).filter((_, i) => i % 4 >= 2);
  return frameOf([0x09, values.length, ...values]);
}

/** As the vector multi_packet_block_speculative for large blocks; smaller ones are cut in two, to be wrong as well. */
function multiPacket(unit: Unit, request: Uint8Array, reply: Uint8Array): Uint8Array {
  if (request[1] !== 0x07) return reply;
  const count = request[2];
  const size = count > 31 ? 62 : 2 * Math.ceil(count / 2);
  return packetsOf(unit, request[3] | (request[4] << 8), count, size) ?? reply;
}

function statusAck(reply: Uint8Array): Uint8Array {
  return reply[1] === 0x01 || reply[1] === 0x10 ? ack(0x00) : reply;
}

/** Changes to a finished reply, in this order. */
const SPOILERS: [
  FaultName,
  (context: { unit: Unit; heard: Heard; random: Random }, reply: Uint8Array) => Uint8Array,
][] = [
  ["multi-packet", ({ unit, heard }, reply) => ("frame" in heard ? multiPacket(unit, heard.frame, reply) : reply)],
  ["odd-length", (_, reply) => oddLength(reply)],
  ["wrong-address", (_, reply) => wrongAddress(reply)],
  ["values-only", (_, reply) => valuesOnly(reply)],
  ["status-ack", (_, reply) => statusAck(reply)],
  ["foreign", ({ unit, heard }) => otherReply(unit, heard.command)],
  ["swapped-crc", (_, reply) => join(reply.slice(0, -2), reply.slice(-1), reply.slice(-2, -1))],
  ["bad-crc", ({ random }, reply) => flipBit(reply, random)],
  ["torn", ({ random }, reply) => reply.slice(0, randomInteger(random, 1, reply.length - 1))],
  ["double", (_, reply) => join(reply, reply)],
  ["stale", ({ unit, heard }, reply) => join(otherReply(unit, heard.command), reply)],
  ["false-start", ({ heard }, reply) => join([START, START, heard.command, 0x20, START, 0x00], reply)],
  [
    "noise",
    ({ random }, reply) => {
      const around = (): Uint8Array => randomBytes(random, randomInteger(random, 1, NOISE_MAX));
      return join(around(), reply, around());
    },
  ],
];

/** The same unit, but what is written to it is acknowledged and forgotten. */
function forgetful(unit: Unit): Unit {
  return { ...unit, write: () => true };
}

/** A unit that limits in silence: it stores the next value above, or the one below where that may not be. */
function limiting(unit: Unit): Unit {
  const beside = (writes: Write[], by: number): Write[] =>
    writes.map(([address, raw]) => [address, (raw + by) & 0xffff]);
  return { ...unit, write: (writes) => unit.write(beside(writes, 1)) || unit.write(beside(writes, -1)) };
}

/** Commands that change the unit. */
const CHANGES = [0x02, 0x0b, 0x0d, 0x10];

/** The unit as the faults of writing leave it; those count commands that change something, not reads. */
function writing(unit: Unit, command: number, faults: Faults): Unit {
  if (!CHANGES.includes(command)) return unit;
  if (faults.hits("ignore-write")) return forgetful(unit);
  return faults.hits("altered-write") ? limiting(unit) : unit;
}

/**
 * The reply to a request with the active faults applied: its bytes and how much later than usual they come; null for no
 * reply. `silence` and the NACK faults keep the request from being carried out.
 */
export function spoiledAnswer(
  unit: Unit,
  heard: Heard,
  faults: Faults,
  random: Random,
): { bytes: Uint8Array; delay_ms: number } | null {
  if (faults.hits("silence")) return null;
  const delay_ms = faults.hits("late") ? LATE_MS : 0;
  if (faults.hits("nack")) return { bytes: nack(heard.command, CMD_ERROR), delay_ms };
  if (heard.command === 0x07 && faults.hits("no-0x07")) return { bytes: nack(heard.command, CMD_ERROR), delay_ms };
  if (faults.hits("nack-crc")) return { bytes: nack(heard.command ^ 0x40, CRC_ERROR), delay_ms };
  if (CHANGES.includes(heard.command) && faults.hits("locked"))
    return { bytes: nack(heard.command, CMD_ERROR), delay_ms };
  let bytes = answer(writing(unit, heard.command, faults), heard);
  if (faults.hits("lost-reply")) return null;
  for (const [name, spoil] of SPOILERS) if (faults.hits(name)) bytes = spoil({ unit, heard, random }, bytes);
  return { bytes, delay_ms };
}
