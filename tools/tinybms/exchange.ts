// One exchange with a TinyBMS, a request and what came for it, as an object: outcome, registers, values. The finding is
// the firmware's. Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 to 1.3.
import { type BmsEvent, eventsOf } from "../../firmware/bms/events.cold";
import { events as eventTable } from "../../firmware/tables/events";
import { severities } from "../../firmware/tables/states";
import { eventSeverity } from "../../firmware/battery/names.cold";
import { receive, type Received } from "../../firmware/bms/receive.cold";
import { requestOf } from "../../firmware/bms/requests.cold";
import { floatOf, type Registers, type Value, valuesOf } from "./values";

/** What a decoded exchange says; which members are there beyond the first ones depends on the command. */
export interface Exchange {
  outcome: "ok" | "ack" | "nack" | "error" | "protocol_error" | "unsupported";
  cmd: string;
  /** Why there is no value; with `nack` the unit's reason, and its code. */
  error?: string;
  errorCode?: number;
  /** Something is odd about the request itself. */
  warning?: string;
  /** Raw words and values that were read; values that were written stand here too. */
  registers: Registers;
  values: Record<string, Value>;
  /** Raw words that the unit took. */
  written?: Registers;
  address?: number;
  count?: number;
  option?: number;
  plConvention?: "dataOnly" | "addressAndData";
  /** Events as they came: 24 bits of BMS time; then sorted, with the whole BMS time. */
  bmsTime?: number;
  events?: { timestamp: number; id: number }[];
  log?: { time: number; id: number; severity: string; name: string }[];
  /** Cell voltages in the order of the reply, mV. */
  cells?: number[];
  /** Bytes before the frame that was found; with an error, how many came at all. */
  discardedBytes: number;
  receivedBytes?: number;
}

/** Bytes of a request by its command, where that is fixed. */
const BARE = [0x11, 0x12, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1e, 0x1f, 0x20];
const LENGTHS = new Map([
  [0x02, 5],
  [0x03, 8],
  [0x07, 7],
  [0x1d, 7],
  ...BARE.map((command): [number, number] => [command, 4]),
]);

/** Registers of the replies without addresses (overview in the vendor's chapter 1). */
const SINGLE: Record<number, number[]> = {
  0x14: [36, 37],
  0x15: [38, 39],
  0x16: [41],
  0x17: [40],
  0x18: [50],
  0x19: [32, 33],
  0x1a: [46, 47],
  0x1b: [48, 42, 43],
};

const FIRST_SETTING = 300,
  CURRENT = 4,
  CELL_REGISTERS = 16;
/** 0x1B says of each sensor, the internal one too, that it is not there (Communication Protocols Rev D, 1.1). */
const TEMPERATURES = 0x1b,
  INTERNAL = 48,
  ABSENT = 0x8000;

const low16 = (text: string, at: number): number => text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8);
const high16 = (text: string, at: number): number => (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1);
const low32 = (text: string, at: number): number => low16(text, at) + low16(text, at + 2) * 0x10000;

/** Each two bytes from `from` up to `to` as a word, by `read`. */
function words(text: string, from: number, to: number, read = low16): number[] {
  return Array.from({ length: Math.max(0, (to - from) >> 1) }, (_, i) => read(text, from + 2 * i));
}

/** Words at the addresses from `first` on. */
const block = (first: number, list: number[]): Registers =>
  Object.fromEntries(list.map((word, i) => [first + i, word]));
/** Pairs of address and word. */
const pairs = (list: number[]): Registers =>
  Object.fromEntries(list.flatMap((word, i) => (i % 2 ? [[list[i - 1], word]] : [])));

/** How many bytes a request must have; NaN when it breaks off before that is known, 0 for no command. */
function requestLength(request: string): number {
  const command = request.charCodeAt(1);
  if (command === 0x09 || command === 0x0d) return request.charCodeAt(2) + 5;
  if (command === 0x0b) return request.charCodeAt(2) + (request.length - request.charCodeAt(2) === 7 ? 7 : 5);
  if (command === 0x10) return request.charCodeAt(6) + 9;
  return LENGTHS.get(command) ?? 0;
}

/** Why nothing can be said about a request; "" when it is one. */
export function requestFault(request: string): string {
  if (request === "") return "is empty";
  if (request[0] !== "\xaa") return "does not begin with AA";
  if (request.length < 2) return "breaks off before the command";
  const length = requestLength(request);
  if (length === 0) return `has an unknown command, 0x${hexByte(request.charCodeAt(1))}`;
  if (request.length === length) return "";
  return (
    `has ${request.length} bytes, ` +
    (length ? `command 0x${hexByte(request.charCodeAt(1))} needs ${length}` : "too few")
  );
}

const hexByte = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");

/** What a request asks to be written. */
function writes(request: string): Registers {
  const end = request.length - 2;
  switch (request.charCodeAt(1)) {
    case 0x0b:
      return block(low16(request, 3), words(request, 5, end));
    case 0x0d:
      return pairs(words(request, 3, end));
    case 0x10:
      return block(high16(request, 2), words(request, 7, end, high16));
    default:
      return {};
  }
}

/**
 * The raw words that a reply carries. Fewer than 16 cells stand in the last of the cell registers (user manual, wiring
 * rule).
 */
export function registersIn(request: string, payload: string): Registers {
  const command = request.charCodeAt(1),
    native = words(payload, 0, payload.length);
  switch (command) {
    case 0x03:
      return block(high16(request, 2), words(payload, 0, payload.length, high16));
    case 0x07:
      return block(low16(request, 3), native);
    case 0x09:
      return pairs(native);
    case 0x1c:
      return block(CELL_REGISTERS - native.length, native);
    case 0x1d:
      return block(FIRST_SETTING, native);
    default:
      return Object.fromEntries((SINGLE[command] ?? []).map((address, i) => [address, native[i]]));
  }
}

/** Values of the replies that are no registers: versions and trip. */
function otherValues(command: number, payload: string): Record<string, Value> {
  const [hardware, changes, firmware, , , boot, map] = Array.from(payload, (char) => char.charCodeAt(0));
  if (command === 0x20)
    return {
      speed: floatOf(low32(payload, 0)),
      distance_left: low32(payload, 4),
      estimated_time_left: low32(payload, 8),
    };
  if (command !== 0x1e && command !== 0x1f) return {};
  const version = { hardware_version: hardware, hardware_changes_version: changes, firmware_public_version: firmware };
  const short = { ...version, firmware_internal_version: low16(payload, 3) };
  return command === 0x1e ? short : { ...short, bootloader_version: boot, register_map_version: map };
}

/** An event with its severity and its name. */
export function eventNamed({ id, time }: BmsEvent): { time: number; id: number; severity: string; name: string } {
  const name = eventTable.find((row) => row.id === id)?.name ?? `event_${id}`;
  return { time, id, severity: severities[eventSeverity(id)], name };
}

/** Members that only some commands have. */
function special(request: string, payload: string): Partial<Exchange> {
  const command = request.charCodeAt(1);
  if (command === 0x1c) return { cells: words(payload, 0, payload.length).map((word) => word / 10) };
  if (command === 0x10) return { address: high16(request, 2), count: request.charCodeAt(5) };
  if (command !== 0x11 && command !== 0x12) return {};
  const slots = Array.from({ length: payload.length / 4 - 1 }, (_, i) => low32(payload, 4 + 4 * i));
  return {
    bmsTime: low32(payload, 0),
    events: slots.map((slot) => ({ timestamp: slot & 0xffffff, id: slot >>> 24 })),
    log: eventsOf(payload)
      .toSorted((a, b) => a.time - b.time)
      .map(eventNamed),
  };
}

/** What the request itself says that belongs to a good answer. */
function asked(request: string): Partial<Exchange> {
  const command = request.charCodeAt(1),
    written = writes(request);
  if (command === 0x02 || command === 0x1d) return { option: request.charCodeAt(2) };
  if (Object.keys(written).length === 0) return {};
  const size = request.charCodeAt(2) === request.length - 7 ? "dataOnly" : "addressAndData";
  return { written, ...(command === 0x0b ? { plConvention: size } : {}) };
}

const CLASSES: Partial<Record<Received["outcome"], Exchange["outcome"]>> = {
  length_mismatch: "protocol_error",
  address_mismatch: "protocol_error",
  multi_packet: "unsupported",
};
const NACK_ERRORS = ["cmd_error", "crc_error"];

/** What came for a request (both byte strings; the request passed `requestFault`), as an object. */
export function exchangeOf(request: string, reply: string): Exchange {
  const found = receive(reply, request, null),
    command = request.charCodeAt(1),
    { outcome, payload } = found;
  const isRight = requestOf(command, request.slice(2, -2)) === request,
    cmd = `0x${hexByte(command)}`;
  const warning = isRight ? {} : { warning: "the request has a wrong CRC" };
  const discardedBytes = found.final ? found.discarded : 0,
    none = { ...warning, registers: {}, values: {}, discardedBytes };
  if (outcome === "nack")
    return { outcome, cmd, errorCode: found.error, error: NACK_ERRORS[found.error] ?? "unknown_error", ...none };
  if (outcome !== "ok" && outcome !== "ack") {
    return { outcome: CLASSES[outcome] ?? "error", cmd, error: outcome, ...none, receivedBytes: reply.length };
  }
  const registers = outcome === "ok" ? registersIn(request, payload) : {},
    own = asked(request);
  // Minimum, maximum and default of a setting are no values of it.
  const shown = command === 0x1d && own.option !== CURRENT ? {} : valuesOf(own.written ?? registers);
  if (command === TEMPERATURES && registers[INTERNAL] === ABSENT) shown["internal_temp"] = null;
  const values = { ...shown, ...otherValues(command, payload) };
  return { outcome, cmd, ...warning, ...own, ...special(request, payload), registers, values, discardedBytes };
}
