// The model of the ESP32's CAN controller behind peek32 and poke32: drivers run on it unchanged, mistakes become
// violations. Start here: registers are in twai-registers.ts, resets and error states in twai-mode.ts, the wire in
// wire.ts and twai-bus.ts, pins in twai-gpio.ts, what is remembered in twai-state.ts. Source: ESP32 Technical Reference
// Manual, chapter TWAI.
import { twaiNode } from "./twai-bus";
import { digitalWrite, gpioRead, gpioWrite, pinMode } from "./twai-gpio";
import { gateWrite, hardwareReset } from "./twai-mode";
import { readRegister, writeRegister } from "./twai-registers";
import { BusEvent, LogEntry, logNote, stateOf, TwaiOptions, TwaiState, violate } from "./twai-state";
import { advanceWire, BusAccess, busAccess, FrameLike } from "./wire";

export type { FrameLike };

export interface Twai extends BusAccess {
  /** As Espruino's: an unsigned number, or for a count above 1 a Uint32Array of separate reads. Never throws. */
  peek32(addr: number): number;
  peek32(addr: number, count: number): number | Uint32Array;
  /** As Espruino's: a number, or an array written to consecutive words. Never throws. */
  poke32(addr: number, value: unknown): void;
  /** The peripherals know 32-bit accesses only: a read gives 0, a write does nothing, both are violations. */
  peek8(addr: number): number;
  peek16(addr: number): number;
  poke8(addr: number, value: unknown): void;
  poke16(addr: number, value: unknown): void;
  pinMode(pin: number, mode: string): void;
  digitalWrite(pin: number, value: number | boolean): void;
  /** Let virtual time pass, us; nothing happens on the bus without it. RangeError for a negative time. */
  advance(us: number): void;
  /**
   * The newest accesses and bus events; the complaints among them; frames that this controller completed on the bus.
   */
  log: LogEntry[];
  violations: LogEntry[];
  warnings: LogEntry[];
  sent: BusEvent[];
  /** Single 32-bit accesses since the start. */
  count: { peeks: number; pokes: number };
  /** All that the model remembers, for tests that look inside; `state.now` is the virtual time in us. */
  state: TwaiState;
}

const LOWEST_MAPPED = 0x10000000,
  CONTROLLER_BYTES = 0x80;

/** Index of the controller register at `addr`, in any of its address ranges; -1 when it is none. */
function registerIndex(s: TwaiState, addr: number): number {
  const base = s.chip.controllers.find((start) => addr >= start && addr < start + CONTROLLER_BYTES);
  return base === undefined ? -1 : (addr - base) >> 2;
}

/** False, and a violation, for an address that would crash the chip or read flash. */
function isMapped(s: TwaiState, addr: number): boolean {
  if (addr < LOWEST_MAPPED) violate(s, "address below 0x10000000");
  else if (addr & 3) violate(s, "unaligned address");
  else return true;
  return false;
}

function peekWord(s: TwaiState, addr: number): number {
  if (!isMapped(s, addr)) return 0;
  const index = registerIndex(s, addr);
  if (index >= 0) return readRegister(s, index);
  if (addr === s.chip.clockEnable) return s.clockEnable >>> 0;
  if (addr === s.chip.resetEnable) return s.resetEnable >>> 0;
  const value = gpioRead(s, addr);
  if (value < 0) violate(s, "address not modelled");
  return Math.max(0, value);
}

function pokeWord(s: TwaiState, addr: number, value: number): void {
  if (!isMapped(s, addr)) return;
  const index = registerIndex(s, addr);
  if (index >= 0) writeRegister(s, index, value);
  else if (addr === s.chip.clockEnable) gateWrite(s, "clockEnable", value);
  else if (addr === s.chip.resetEnable) gateWrite(s, "resetEnable", value);
  else if (!gpioWrite(s, addr, value)) violate(s, "address not modelled");
}

function peekLogged(s: TwaiState, addr: number): number {
  s.access = { op: "peek", addr, value: 0 };
  s.count.peeks++;
  const entry = logNote(s, "");
  entry.value = peekWord(s, addr);
  return entry.value;
}

function pokeLogged(s: TwaiState, addr: number, value: number): void {
  s.access = { op: "poke", addr, value };
  s.count.pokes++;
  logNote(s, "");
  pokeWord(s, addr, value);
}

/** The words that Espruino makes of poke32's second argument; unknown values write nothing. */
function wordsOf(s: TwaiState, value: unknown): number[] {
  const isList = typeof value === "object" && value !== null && "length" in value;
  if (isList) {
    const words: number[] = [];
    for (const item of Array.from(value as ArrayLike<unknown>))
      if (typeof item === "number") words.push(item >>> 0);
      else words.push(...wordsOf(s, item));
    return words;
  }
  if (typeof value === "string") {
    violate(s, "string poked: writes its characters");
    return Array.from(value, (character) => character.charCodeAt(0));
  }
  if (value !== undefined && value !== null) return [Number(value) >>> 0];
  violate(s, "undefined or null poked: writes nothing");
  return [];
}

function peek32(s: TwaiState, given: number, count = 1): number | Uint32Array {
  const addr = given >>> 0;
  if (count <= 1) return peekLogged(s, addr);
  return Uint32Array.from({ length: count }, (_, i) => peekLogged(s, addr + 4 * i));
}

function poke32(s: TwaiState, given: number, value: unknown): void {
  const addr = given >>> 0;
  if (typeof value === "number") return pokeLogged(s, addr, value >>> 0);
  s.access = { op: "poke", addr, value: 0 };
  wordsOf(s, value).forEach((word, i) => pokeLogged(s, addr + 4 * i, word));
}

function narrow(s: TwaiState, op: "peek" | "poke", addr: number, bits: number): number {
  s.access = { op, addr: addr >>> 0, value: 0 };
  violate(s, bits + "-bit access: the registers know 32-bit ones only");
  return 0;
}

function logPin(s: TwaiState, pin: number, value: number, name: string): void {
  s.access = { op: "pin", addr: pin, value };
  logNote(s, name);
}

/** A chip after power-up: the controller's clock is off, its pins are not routed, and another node acknowledges. */
export function createTwai(options: TwaiOptions = {}): Twai {
  const s = stateOf(options) as TwaiState;
  s.node = twaiNode(s);
  hardwareReset(s);
  return {
    peek32: (addr: number, count?: number) => peek32(s, addr, count) as number,
    poke32: (addr, value) => poke32(s, addr, value),
    peek8: (addr) => narrow(s, "peek", addr, 8),
    peek16: (addr) => narrow(s, "peek", addr, 16),
    poke8: (addr) => void narrow(s, "poke", addr, 8),
    poke16: (addr) => void narrow(s, "poke", addr, 16),
    pinMode: (pin, mode) => {
      logPin(s, pin, 0, "pinMode " + mode);
      pinMode(s, pin, mode);
    },
    digitalWrite: (pin, value) => {
      logPin(s, pin, Number(value), "digitalWrite");
      digitalWrite(s, pin, value);
    },
    advance: (us) => {
      s.access = { op: "bus", addr: 0, value: 0 };
      advanceWire(s, us);
    },
    ...busAccess(s),
    log: s.log,
    violations: s.violations,
    warnings: s.warnings,
    sent: s.sent,
    count: s.count,
    state: s,
  };
}
