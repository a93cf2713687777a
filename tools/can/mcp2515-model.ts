// The model of an MCP2515 behind Espruino's SPI: drivers run on it unchanged, mistakes become violations. Start here:
// bytes under chip select are below, registers in mcp2515-registers.ts, buffers and errors in mcp2515-bus.ts, the wire
// in wire.ts. Source: DS20001801 section 12 (SPI interface). Limits: mode changes take no bit times, no sleep, no
// interrupt pin.
import { mcp2515Node } from "./mcp2515-bus";
import {
  followMode,
  modifyByte,
  quickStatus,
  readByte,
  receiveStatus,
  requestToSend,
  resetChip,
  writeByte,
} from "./mcp2515-registers";
import {
  CANINTF,
  logSpi,
  Mcp2515Options,
  Mcp2515State,
  mcp2515StateOf,
  RXB0,
  RXB1,
  SpiEntry,
  SpiSetup,
  TXB,
  violate,
  warn,
} from "./mcp2515-state";
import { advanceWire, BusAccess, busAccess, BusEvent } from "./wire";

export interface Mcp2515 extends BusAccess {
  /**
   * As Espruino's SPI port: `send` lowers the chip select for one transaction and gives back what came in meanwhile.
   * Never throws.
   */
  spi: { setup(options: SpiSetup): void; send(data: number | ArrayLike<number>, cs?: number): number | Uint8Array };
  pinMode(pin: number, mode: string): void;
  digitalWrite(pin: number, value: number | boolean): void;
  /** Let virtual time pass, us. A transaction lets its own time pass. RangeError for a negative time. */
  advance(us: number): void;
  /**
   * The chip loses its supply for a moment; or its data line reads `value` from now on because it is gone (null: it is
   * back).
   */
  brownOut(): void;
  unplug(value: number | null): void;
  log: SpiEntry[];
  violations: SpiEntry[];
  warnings: SpiEntry[];
  sent: BusEvent[];
  count: { transactions: number };
  state: Mcp2515State;
}

const RESET = 0xc0,
  READ = 0x03,
  WRITE = 0x02,
  MODIFY = 0x05,
  STATUS = 0xa0,
  RX_STATUS = 0xb0;
const BAUD_MAX = 10e6,
  FLOATING = 0xff,
  ADDRESSES = 0x7f;
/** Fewest and most bytes of an instruction. */
const LENGTHS: Record<number, [number, number]> = {
  [RESET]: [1, 1],
  [READ]: [3, Infinity],
  [WRITE]: [3, Infinity],
  [MODIFY]: [4, 4],
  [STATUS]: [2, Infinity],
  [RX_STATUS]: [2, Infinity],
};

const isLoad = (first: number): boolean => first >= 0x40 && first <= 0x45;
const isReadBuffer = (first: number): boolean => [0x90, 0x92, 0x94, 0x96].includes(first);
const isRequest = (first: number): boolean => first >= 0x81 && first <= 0x87;

/** First register of a LOAD TX BUFFER or READ RX BUFFER instruction; odd ones start at the data. */
function bufferStart(first: number): number {
  if (isLoad(first)) return TXB + 0x10 * ((first - 0x40) >> 1) + (first & 1 ? 6 : 1);
  return (first & 4 ? RXB1 : RXB0) + (first & 2 ? 6 : 1);
}

/** What comes out while the byte at `index` of the transaction goes in, by what went in before it. */
function replyTo(s: Mcp2515State, index: number): number {
  const [first, addr] = s.bytes;
  if (index > 0 && first === STATUS) return quickStatus(s);
  if (index > 0 && first === RX_STATUS) return receiveStatus(s);
  if (index > 1 && first === READ) return readByte(s, (addr + index - 2) & ADDRESSES);
  if (index > 0 && isReadBuffer(first))
    return s.regs[Math.min(bufferStart(first) + index - 1, bufferStart(first) | 15)];
  return FLOATING;
}

/** Carry out the byte at `index` of the transaction. */
function act(s: Mcp2515State, index: number, byte: number): void {
  const [first, addr] = s.bytes;
  if (index === 0 && first === RESET) resetChip(s);
  if (index === 0 && isRequest(first)) [0, 1, 2].filter((n) => first & (1 << n)).forEach((n) => requestToSend(s, n));
  if (index > 1 && first === WRITE) writeByte(s, (addr + index - 2) & ADDRESSES, byte);
  if (index === 3 && first === MODIFY) modifyByte(s, addr & ADDRESSES, s.bytes[2], byte);
  if (index > 0 && isLoad(first)) {
    if ((bufferStart(first) & 15) + index - 1 > 13) violate(s, "transmit buffer loaded beyond its end");
    else writeByte(s, bufferStart(first) + index - 1, byte);
  }
}

/** One byte each way, while the chip is selected and its oscillator runs. */
function exchange(s: Mcp2515State, byte: number): number {
  const index = s.bytes.length;
  const reply = s.missing ?? replyTo(s, index);
  s.bytes.push(byte);
  s.replies.push(reply);
  if (s.missing === null) act(s, index, byte);
  return reply;
}

function select(s: Mcp2515State): void {
  Object.assign(s, { isSelected: true, bytes: [], replies: [] });
  if (s.now < s.readyAt) violate(s, "chip selected within 128 clocks after its reset");
}

/** The end of a transaction: what was read is released, and an instruction that was cut short or unknown is told. */
function deselect(s: Mcp2515State): void {
  if (!s.isSelected) return;
  s.isSelected = false;
  const [first] = s.bytes,
    count = s.bytes.length;
  if (s.missing !== null || count === 0) return;
  const [least, most] =
    LENGTHS[first] ?? (isLoad(first) || isReadBuffer(first) ? [2, 14] : isRequest(first) ? [1, 1] : [0, -1]);
  if (most < 0) violate(s, "unknown instruction 0x" + first.toString(16));
  else if (count < least || count > most) violate(s, "instruction 0x" + first.toString(16) + " of " + count + " bytes");
  if (isReadBuffer(first)) {
    const flag = first & 4 ? 2 : 1;
    if (!(s.regs[CANINTF] & flag)) warn(s, "receive buffer read though it holds no frame");
    s.regs[CANINTF] &= ~flag;
  }
}

function checkPort(s: Mcp2515State): void {
  const { sck, miso, mosi } = s.options,
    port = s.spi;
  if (!port) return violate(s, "SPI used before its set-up");
  if (port.sck !== sck || port.miso !== miso || port.mosi !== mosi)
    violate(s, "SPI on pins that the chip is not wired to");
  if ((port.mode ?? 0) !== 0 && port.mode !== 3) violate(s, "SPI mode " + port.mode + ": the chip knows 0 and 3");
  if ((port.baud ?? 100000) > BAUD_MAX) violate(s, "SPI at more than 10 MHz");
}

function transfer(s: Mcp2515State, data: number | ArrayLike<number>, cs?: number): number | Uint8Array {
  const bytes = typeof data === "number" ? [data] : Array.from(data);
  const wasSelected = s.isSelected;
  s.count.transactions++;
  checkPort(s);
  if (cs === s.options.cs) select(s);
  else if (!wasSelected) violate(s, cs === undefined ? "no chip select" : "chip select on pin " + cs);
  const replies = bytes.map((byte) => (s.isSelected ? exchange(s, byte & 0xff) : FLOATING));
  logSpi(s);
  if (cs === s.options.cs) deselect(s);
  passTime(s, s.options.overheadUs + (bytes.length * 8e6) / (s.spi?.baud ?? 100000));
  return typeof data === "number" ? replies[0] : Uint8Array.from(replies);
}

/** Time on the wire; a mode change that had to wait for a frame happens after it. */
function passTime(s: Mcp2515State, us: number): void {
  const isOver = s.bytes;
  Object.assign(s, { bytes: [], replies: [] });
  advanceWire(s, us);
  followMode(s);
  if (s.isSelected) s.bytes = isOver;
}

/** The level of the chip select, driven by hand. */
function drive(s: Mcp2515State, pin: number, isHigh: boolean): void {
  if (pin !== s.options.cs) return;
  if (isHigh) deselect(s);
  else select(s);
}

/** A chip after power-up, in configuration mode; its port is not set up, and another node acknowledges. */
export function createMcp2515(options: Mcp2515Options = {}): Mcp2515 {
  const s = mcp2515StateOf(options) as Mcp2515State;
  s.node = mcp2515Node(s);
  resetChip(s);
  s.readyAt = 0;
  return {
    spi: {
      setup: (given) => {
        if (s.spi) warn(s, "SPI set up again");
        s.spi = { ...given };
      },
      send: (data, cs) => transfer(s, data, cs),
    },
    pinMode: () => undefined,
    digitalWrite: (pin, value) => drive(s, pin, Boolean(value)),
    advance: (us) => passTime(s, us),
    brownOut: () => {
      s.bus.allowTruncated = true;
      resetChip(s);
      s.bus.allowTruncated = false;
      s.readyAt = 0;
    },
    unplug: (value) => {
      s.missing = value;
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
