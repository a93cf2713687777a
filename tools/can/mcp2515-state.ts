// Everything that the model of an MCP2515 remembers, its register map, and its log. The behaviour is in the other
// mcp2515-*.ts files. Source: Microchip DS20001801 (MCP2515), section 11 (register map), 10 (modes), 8 (oscillator).
import { keep, Wire, wireOf } from "./wire";

/**
 * Addresses. A mask or filter has 4 bytes, a buffer a control byte and 13 bytes. Every address that ends in E or F is
 * CANSTAT or CANCTRL.
 */
export const BFPCTRL = 0x0c,
  TXRTSCTRL = 0x0d,
  CANSTAT = 0x0e,
  CANCTRL = 0x0f,
  TEC = 0x1c,
  REC = 0x1d,
  RXM = 0x20,
  CNF3 = 0x28,
  CNF2 = 0x29,
  CNF1 = 0x2a,
  CANINTE = 0x2b,
  CANINTF = 0x2c,
  EFLG = 0x2d,
  TXB = 0x30,
  RXB0 = 0x60,
  RXB1 = 0x70,
  REGISTERS = 0x80;
/** First addresses of the six filters; two belong to the first buffer, four to the second. */
export const FILTERS = [0x00, 0x04, 0x08, 0x10, 0x14, 0x18];
/** Modes as REQOP and OPMOD code them. */
export const NORMAL = 0x00,
  SLEEP = 0x20,
  LOOPBACK = 0x40,
  LISTEN = 0x60,
  CONFIG = 0x80,
  MODE_BITS = 0xe0;
/**
 * CANCTRL: abort all, one-shot. TXBnCTRL: aborted, arbitration lost, error, request. CANINTF: error flags, message
 * error.
 */
export const ABAT = 0x10,
  OSM = 0x08,
  ABTF = 0x40,
  MLOA = 0x20,
  TXERR = 0x10,
  TXREQ = 0x08,
  ERRIF = 0x20,
  MERRF = 0x80;
/** EFLG: bus-off, overflow of either receive buffer. */
export const TXBO = 0x20,
  RX0OVR = 0x40,
  RX1OVR = 0x80;

/**
 * One transaction or bus event at `t` (us): the bytes that went in and came out; `note` says what was special about it.
 */
export interface SpiEntry {
  t: number;
  sent: number[];
  received: number[];
  note: string;
}

export interface Mcp2515Options {
  /** Crystal, MHz. */
  crystal?: number;
  /** Pin that the chip select is wired to, and the pins of the SPI port. */
  cs?: number;
  sck?: number;
  miso?: number;
  mosi?: number;
  /** Bit rate of the bus, bit/s. */
  bitrate?: number;
  /** Time that one SPI transaction takes besides its bits, us. */
  overheadUs?: number;
  /** At least this many of the newest entries stay in `log` and in `sent`; at most twice as many. */
  keep?: number;
}

export interface SpiSetup {
  sck?: number;
  miso?: number;
  mosi?: number;
  baud?: number;
  mode?: number;
}

export interface Mcp2515State extends Wire {
  options: Required<Mcp2515Options>;
  regs: Uint8Array;
  /**
   * Registers written since the last reset, by address; the mode in force, and when the oscillator has started (us).
   */
  written: boolean[];
  mode: number;
  readyAt: number;
  tec: number;
  rec: number;
  busOff: boolean;
  recoveredGroups: number;
  /** Transmit buffer on the wire, -1 none. */
  sending: number;
  /** The SPI port as it was set up, the level of the chip select, and the bytes of the transaction under way. */
  spi: SpiSetup | null;
  isSelected: boolean;
  bytes: number[];
  replies: number[];
  /** What the data line reads while nobody answers; null: the chip is there. */
  missing: number | null;
  log: SpiEntry[];
  violations: SpiEntry[];
  warnings: SpiEntry[];
  count: { transactions: number };
}

const NOTES_KEPT = 1000,
  UNDEFINED_BYTE = 0x55;

function noted(s: Mcp2515State, note: string): SpiEntry {
  const entry = { t: s.now, sent: s.bytes, received: s.replies, note };
  keep(s.log, entry, s.options.keep);
  return entry;
}

/** Log the transaction under way. */
export function logSpi(s: Mcp2515State): void {
  noted(s, "");
}

/** Record something that the chip would ignore or punish. */
export function violate(s: Mcp2515State, note: string): void {
  keep(s.violations, noted(s, "violation: " + note), NOTES_KEPT);
}

/** Record something that is probably a mistake, though the chip itself does not mind. */
export function warn(s: Mcp2515State, note: string): void {
  keep(s.warnings, noted(s, "warning: " + note), NOTES_KEPT);
}

/** Registers after a reset: configuration mode; filters, masks and buffers hold whatever was there. */
export function resetRegisters(s: Mcp2515State): void {
  s.regs.fill(0);
  for (const [from, to] of [
    [0, BFPCTRL],
    [0x10, TEC],
    [RXM, CNF3],
    [0x31, 0x3e],
    [0x41, 0x4e],
    [0x51, 0x5e],
    [0x61, 0x6e],
    [0x71, 0x7e],
  ]) {
    s.regs.fill(UNDEFINED_BYTE, from, to);
  }
  s.regs[CANCTRL] = 0x87;
  s.written.fill(false);
  Object.assign(s, { mode: CONFIG, tec: 0, rec: 0, busOff: false, recoveredGroups: 0, sending: -1 });
}

/** A chip after power-up whose SPI port is not set up; `node` is to be set. */
export function mcp2515StateOf(given: Mcp2515Options): Omit<Mcp2515State, "node"> {
  const options = {
    crystal: 16,
    cs: 5,
    sck: 18,
    miso: 19,
    mosi: 23,
    bitrate: 500000,
    overheadUs: 20,
    keep: 4096,
    ...given,
  };
  const s = {
    ...wireOf(options.bitrate, options.keep),
    options,
    regs: new Uint8Array(REGISTERS),
    written: Array<boolean>(REGISTERS).fill(false),
    mode: CONFIG,
    readyAt: 0,
    tec: 0,
    rec: 0,
    busOff: false,
    recoveredGroups: 0,
    sending: -1,
    spi: null,
    isSelected: false,
    bytes: [],
    replies: [],
    missing: null,
    log: [],
    violations: [],
    warnings: [],
    count: { transactions: 0 },
  };
  return s;
}
