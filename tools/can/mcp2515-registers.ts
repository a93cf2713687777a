// The MCP2515's registers: what a read returns, what a write does in which mode, and which of both the chip would not
// forgive. Source: DS20001801 sections 10 (modes), 11 (register map), 3.6 (aborting), 5.3 (bit timing rules).
import { controlOf, timingOf } from "./mcp2515-bus";
import {
  ABAT,
  ABTF,
  BFPCTRL,
  CANCTRL,
  CANINTE,
  CANINTF,
  CANSTAT,
  CNF1,
  CNF2,
  CNF3,
  CONFIG,
  EFLG,
  FILTERS,
  LISTEN,
  LOOPBACK,
  Mcp2515State,
  MLOA,
  MODE_BITS,
  NORMAL,
  REC,
  resetRegisters,
  RX0OVR,
  RX1OVR,
  RXB0,
  RXB1,
  RXM,
  SLEEP,
  TEC,
  TXB,
  TXERR,
  TXREQ,
  TXRTSCTRL,
  violate,
  warn,
} from "./mcp2515-state";
import { IDLE_BITS, setPhase, waitRecessive } from "./wire";

const START_UP_CLOCKS = 128,
  CLEARED_BY_HAND = RX0OVR | RX1OVR,
  FAILED = ABTF | MLOA | TXERR;
const CONTROL_BITS = { [RXB0]: 0x64, [RXB1]: 0x60 } as Record<number, number>;
const BIT_MODIFIABLE = [
  BFPCTRL,
  TXRTSCTRL,
  CNF3,
  CNF2,
  CNF1,
  CANINTE,
  CANINTF,
  EFLG,
  TXB,
  TXB + 0x10,
  TXB + 0x20,
  RXB0,
  RXB1,
];

const isFilter = (addr: number): boolean =>
  FILTERS.some((at) => addr >= at && addr < at + 4) || (addr >= RXM && addr < RXM + 8);
const isSetUp = (addr: number): boolean => isFilter(addr) || (addr >= CNF3 && addr <= CNF1) || addr === TXRTSCTRL;
const hex = (value: number): string => "0x" + value.toString(16).toUpperCase().padStart(2, "0");

/** Power-up, the reset instruction. */
export function resetChip(s: Mcp2515State): void {
  if (s.phase === "sending" && !s.bus.allowTruncated) violate(s, "a frame on the wire was cut");
  resetRegisters(s);
  s.readyAt = s.now + START_UP_CLOCKS / s.options.crystal;
  s.attempt = null;
  setPhase(s, "off");
}

/** The value of the register at `addr`. Filters and masks read 0 outside configuration mode. */
export function readByte(s: Mcp2515State, addr: number): number {
  if ((addr & 15) === CANSTAT) return s.mode;
  if ((addr & 15) === CANCTRL) return s.regs[CANCTRL];
  if (addr === TEC || addr === REC) return (addr === TEC ? s.tec : s.rec) & 0xff;
  if (!isFilter(addr) || s.mode === CONFIG) return s.regs[addr];
  violate(s, "filter or mask " + hex(addr) + " read outside configuration mode");
  return 0;
}

/** What a driver has forgotten when it leaves configuration mode. */
function checkSetUp(s: Mcp2515State): void {
  const { sjw, propagation, phase1, phase2, quanta } = timingOf(s);
  if (quanta < 5 || quanta > 25) violate(s, "a bit of " + quanta + " quanta");
  if (phase2 < 2 || propagation + phase1 < phase2 || phase2 <= sjw)
    violate(s, "bit timing: PROP + PS1 >= PS2 > SJW and PS2 >= 2 do not hold");
  if (![CNF1, CNF2, CNF3].some((addr) => s.written[addr])) violate(s, "configuration mode left without bit timing");
  for (const [buffer, filters, mask] of [
    [RXB0, FILTERS.slice(0, 2), RXM],
    [RXB1, FILTERS.slice(2), RXM + 4],
  ] as [number, number[], number][]) {
    if ((s.regs[buffer] & 0x60) === 0x60) continue;
    const isUndefined = [mask, ...filters].some((at) => [0, 1, 2, 3].some((i) => !s.written[at + i]));
    if (isUndefined) violate(s, "configuration mode left, filters never written: " + hex(buffer));
  }
}

/** The mode that CANCTRL asks for; while frames wait to be sent the chip stays where it is. */
export function followMode(s: Mcp2515State): void {
  const wanted = s.regs[CANCTRL] & MODE_BITS;
  const isSending =
    [0, 1, 2].some((n) => s.regs[controlOf(n)] & TXREQ) && (s.mode === NORMAL || s.mode === LOOPBACK) && !s.busOff;
  if (wanted === s.mode || isSending || s.phase === "sending" || s.phase === "receiving") return;
  if (s.mode === CONFIG) checkSetUp(s);
  s.mode = wanted;
  if (wanted === LISTEN) s.tec = s.rec = 0;
  if (wanted === CONFIG || wanted === SLEEP) return setPhase(s, "off");
  if (s.busOff) return;
  setPhase(s, "integrating");
  waitRecessive(s, IDLE_BITS);
}

/** A frame that waits is dropped at once; one on the wire is finished, but not repeated. */
function abort(s: Mcp2515State, n: number): void {
  const control = controlOf(n);
  if (!(s.regs[control] & TXREQ)) return;
  s.regs[control] |= ABTF;
  if (s.sending !== n) s.regs[control] &= ~TXREQ;
}

function writeControl(s: Mcp2515State, value: number): void {
  if ((value & MODE_BITS) > CONFIG) return violate(s, "mode " + (value >> 5) + " does not exist");
  s.regs[CANCTRL] = value;
  if (value & ABAT) [0, 1, 2].forEach((n) => abort(s, n));
  followMode(s);
}

/** Ask for a buffer to be sent; the flags of its last attempt go. */
export function requestToSend(s: Mcp2515State, n: number): void {
  const control = controlOf(n);
  if (s.regs[control] & TXREQ) return violate(s, "request to send buffer " + n + ", which is waiting already");
  if (s.mode !== NORMAL && s.mode !== LOOPBACK) return violate(s, "request to send in a mode that sends nothing");
  if (s.busOff) violate(s, "request to send in bus-off");
  s.regs[control] = (s.regs[control] & ~FAILED) | TXREQ;
}

function writeTransmitControl(s: Mcp2515State, addr: number, value: number): void {
  const n = (addr - TXB) >> 4;
  const isPending = (s.regs[addr] & TXREQ) !== 0;
  s.regs[addr] = (s.regs[addr] & ~3) | (value & 3);
  if (!isPending && value & TXREQ) {
    warn(s, "transmission requested by a register write: the request instruction cannot repeat a frame");
    requestToSend(s, n);
  } else if (isPending && !(value & TXREQ)) abort(s, n);
}

function writeBuffer(s: Mcp2515State, addr: number, value: number): void {
  if (addr === RXB0 || addr === RXB1) {
    if ([0x20, 0x40].includes(value & 0x60)) violate(s, "receive mode 01 or 10 is reserved");
    s.regs[addr] = (s.regs[addr] & ~CONTROL_BITS[addr]) | (value & CONTROL_BITS[addr]);
  } else if (addr > RXB0) violate(s, "receive buffer " + hex(addr) + " written");
  else if (addr % 16 === 0) writeTransmitControl(s, addr, value);
  else if (s.regs[addr & 0x70] & TXREQ)
    violate(s, "transmit buffer " + hex(addr) + " written while it waits to be sent");
  else s.regs[addr] = value;
}

/** Write the register at `addr`. */
export function writeByte(s: Mcp2515State, addr: number, value: number): void {
  s.written[addr] = true;
  if ((addr & 15) === CANCTRL) return writeControl(s, value);
  if ((addr & 15) === CANSTAT || addr === TEC || addr === REC)
    return violate(s, "read-only register " + hex(addr) + " written");
  if (isSetUp(addr) && s.mode !== CONFIG) {
    s.written[addr] = false;
    return violate(s, "register " + hex(addr) + " written outside configuration mode");
  }
  if (addr >= TXB) return writeBuffer(s, addr, value);
  if (addr === EFLG) s.regs[EFLG] = (s.regs[EFLG] & ~CLEARED_BY_HAND) | (s.regs[EFLG] & value & CLEARED_BY_HAND);
  else s.regs[addr] = value;
}

/** Bits of one register; only some registers know it, the others take the whole byte. */
export function modifyByte(s: Mcp2515State, addr: number, mask: number, value: number): void {
  const isKnown = BIT_MODIFIABLE.includes(addr) || (addr & 15) === CANCTRL;
  if (!isKnown) violate(s, "bit modify of register " + hex(addr) + " writes the whole byte");
  writeByte(s, addr, isKnown ? (readByte(s, addr) & ~mask) | (value & mask) : value);
}

/** Instruction READ STATUS: the receive flags, and request and sent flag of each transmit buffer. */
export function quickStatus(s: Mcp2515State): number {
  const flags = s.regs[CANINTF];
  return [0, 1, 2].reduce(
    (sum, n) => sum | (s.regs[controlOf(n)] & TXREQ ? 4 << (2 * n) : 0) | (flags & (4 << n) ? 8 << (2 * n) : 0),
    flags & 3,
  );
}

/** Instruction RX STATUS: which buffers hold a frame, the format of the first, the filter that took it. */
export function receiveStatus(s: Mcp2515State): number {
  const full = s.regs[CANINTF] & 3;
  if (!full) return 0;
  const buffer = full & 1 ? RXB0 : RXB1,
    low = s.regs[buffer + 2],
    isRemote = (s.regs[buffer] & 8) !== 0;
  return (full << 6) | (low & 8 ? 16 : 0) | (isRemote ? 8 : 0) | (s.regs[buffer] & (buffer === RXB0 ? 1 : 7));
}
