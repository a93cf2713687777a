// The controller's 32 registers: what a read returns, what a write does, and which of both the hardware would not
// forgive. Source: ESP32 Technical Reference Manual, chapter TWAI, register summary.
import { frameFromWindow } from "./frame";
import { fifoCount, fifoRelease, fifoWindow } from "./twai-fifo";
import { enterReset, isRunning, leaveReset, raise, releaseTransmit, writeTransmitCounter } from "./twai-mode";
import { BAUD_DIVIDER, LISTEN_ONLY, logNote, OVERRUN_IRQ, RESET_MODE, RX_IRQ, TwaiState, violate } from "./twai-state";

const MODE = 0,
  CMD = 1,
  STATUS = 2,
  IR = 3,
  IER = 4,
  BTR0 = 6,
  BTR1 = 7,
  ALC = 11,
  ECC = 12,
  EWL = 13,
  RXERR = 14,
  TXERR = 15,
  WINDOW = 16,
  WINDOW_END = 28,
  RMC = 29,
  CDR = 31;
const SET_UP_BITS = 0x0e,
  CDR_BITS = 0x8f,
  DIVIDER_BITS = 7,
  PELICAN = 0x80;
const TRANSMIT = 1,
  ABORT = 2,
  RELEASE = 4,
  CLEAR_OVERRUN = 8,
  SELF_RECEPTION = 16;
const READ_ONLY = [STATUS, IR, ALC, ECC, RMC];
/** Registers that keep their place in the layout that the controller wakes up in. */
const IN_BASIC_LAYOUT = [MODE, CMD, STATUS, IR, CDR];

/** The status register. A controller that is not part of the bus, or waits for it, shows RS and TS together. */
export function statusOf(s: TwaiState): number {
  const isWaiting = s.phase === "off" || s.phase === "integrating" || s.phase === "recovering";
  const isReceiving = isWaiting || s.phase === "receiving" || s.phase === "stuck";
  return (
    (fifoCount(s.fifo) > 0 ? 1 : 0) |
    (s.fifo.overrun ? 2 : 0) |
    (s.tx.pending ? 0 : 4) |
    (s.txComplete ? 8 : 0) |
    (isReceiving ? 16 : 0) |
    (isWaiting || s.phase === "sending" ? 32 : 0) |
    (s.errorStatus ? 64 : 0) |
    (s.busOff ? 128 : 0)
  );
}

/** Whether the access reaches a register at all. */
function isReachable(s: TwaiState, index: number): boolean {
  if (!isRunning(s)) {
    const hasClock = (s.clockEnable & s.chip.gateBit) !== 0;
    violate(s, hasClock ? "controller accessed while held in reset" : "controller accessed without clock");
    return false;
  }
  if (!(s.cdr & PELICAN) && !IN_BASIC_LAYOUT.includes(index)) {
    violate(s, "register " + index + " accessed in the basic layout (CDR bit 7 is 0)");
    return false;
  }
  return true;
}

/** IR clears by reading, but for RI, which stays while messages wait. */
function readInterrupts(s: TwaiState): number {
  const flags = s.ir | (s.ier & RX_IRQ && fifoCount(s.fifo) > 0 ? RX_IRQ : 0);
  s.ir = 0;
  return flags;
}

function readWindow(s: TwaiState, at: number): number {
  if (!(s.mode & RESET_MODE)) return fifoWindow(s.fifo, at);
  return at < 4 ? s.code[at] : at < 8 ? s.mask[at - 4] : 0;
}

function readReserved(s: TwaiState, index: number): number {
  if (index === CMD && !s.options.strict) return 0;
  violate(
    s,
    index === CMD ? "CMD read: is it read, changed and written back?" : "reserved register " + index + " read",
  );
  return 0;
}

/** The value of register `index` (0..31), with the side effects of reading it. */
export function readRegister(s: TwaiState, index: number): number {
  if (!isReachable(s, index)) return 0;
  if (index >= WINDOW && index <= WINDOW_END) return readWindow(s, index - WINDOW);
  switch (index) {
    case MODE:
      return s.mode;
    case STATUS:
      return statusOf(s);
    case IR:
      return readInterrupts(s);
    case IER:
      return s.ier;
    case BTR0:
      return s.btr0;
    case BTR1:
      return s.btr1;
    case ALC:
      s.alcArmed = true;
      return s.alc;
    case ECC:
      s.eccArmed = true;
      return s.ecc;
    case EWL:
      return s.ewl;
    case RXERR:
      return s.rec;
    case TXERR:
      return s.tec;
    case RMC:
      return fifoCount(s.fifo);
    case CDR:
      return s.cdr;
    default:
      return readReserved(s, index);
  }
}

/** MODE: the bits beside RM are taken over only by a write that finds the controller in reset mode. */
function writeMode(s: TwaiState, value: number): void {
  if (value & ~(SET_UP_BITS | RESET_MODE)) violate(s, "MODE bits that do not exist");
  const isChange = ((s.mode ^ value) & SET_UP_BITS) !== 0;
  if (s.mode & RESET_MODE) {
    if (value & RESET_MODE) s.mode = RESET_MODE | (value & SET_UP_BITS);
    else leaveReset(s, value);
    return;
  }
  if (value & RESET_MODE) {
    // Not a violation: recovery from bus-off (firmware/drivers) clears LOM this way and writes it again on leaving.
    if (isChange) logNote(s, "LOM, STM and AFM not taken over while entering reset mode");
    enterReset(s);
  } else if (isChange) violate(s, "LOM, STM or AFM changed outside reset mode");
}

function requestTransmit(s: TwaiState, command: number): void {
  if (s.tx.pending) return violate(s, "transmit command while a frame is pending");
  if (s.mode & LISTEN_ONLY) return violate(s, "transmit command in listen-only mode");
  if (s.busOff) return violate(s, "transmit command in bus-off");
  if (command & TRANSMIT && command & SELF_RECEPTION) violate(s, "TR and SRR in one command");
  if (command & (RELEASE | CLEAR_OVERRUN)) logNote(s, "transmit request combined with a receive command");
  Object.assign(s.tx, {
    pending: true,
    selfRx: (command & SELF_RECEPTION) !== 0,
    singleShot: (command & ABORT) !== 0,
    abort: false,
    frame: frameFromWindow(s.tx.window),
  });
  s.txComplete = false;
}

/** Abort: a frame that waits is dropped, and yet TCS becomes 1; one on the wire is finished, but not repeated. */
function requestAbort(s: TwaiState): void {
  if (!s.tx.pending) return;
  if (s.phase === "sending") s.tx.abort = true;
  else releaseTransmit(s, s.options.profile === "esp32" || s.txComplete);
}

/** Drop the oldest message. Its successor may be one that overran. */
function releaseMessage(s: TwaiState): void {
  const before = s.fifo.overrun;
  fifoRelease(s.fifo);
  if (!before && s.fifo.overrun) raise(s, OVERRUN_IRQ);
}

function writeCommand(s: TwaiState, command: number): void {
  if (command & CLEAR_OVERRUN) s.fifo.overrun = false;
  if (command & RELEASE) releaseMessage(s);
  const wantsTransmit = (command & (TRANSMIT | SELF_RECEPTION)) !== 0;
  if (!wantsTransmit && !(command & ABORT)) return;
  if (s.mode & RESET_MODE) return violate(s, "transmit or abort command in reset mode");
  if (wantsTransmit) requestTransmit(s, command);
  else requestAbort(s);
}

/** Filter bytes in reset mode, else the transmit buffer. */
function writeWindow(s: TwaiState, at: number, value: number): void {
  if (s.mode & RESET_MODE) {
    if (at < 4) s.code[at] = value;
    else if (at < 8) s.mask[at - 4] = value;
    return;
  }
  if (s.tx.pending) return violate(s, "transmit buffer written while a frame is pending (TBS is 0)");
  s.tx.window[at] = value;
}

/** The registers that only reset mode lets through. */
function writeSetUp(s: TwaiState, index: number, value: number): void {
  if (!(s.mode & RESET_MODE)) return violate(s, "register " + index + " written outside reset mode");
  if (index === BTR0) s.btr0 = value;
  else if (index === BTR1) s.btr1 = value;
  else if (index === EWL) s.ewl = value;
  else if (index === TXERR) writeTransmitCounter(s, value);
  else if (!s.busOff) s.rec = value;
}

function writeInterruptEnable(s: TwaiState, value: number): void {
  if (value & BAUD_DIVIDER && s.options.rev < 2) violate(s, "IER bit 4 set on a chip of revision " + s.options.rev);
  s.ier = value;
}

/** Write register `index` (0..31). */
export function writeRegister(s: TwaiState, index: number, value: number): void {
  if (!isReachable(s, index)) return;
  if (value > 0xff) violate(s, "value wider than 8 bits");
  const byte = value & 0xff;
  if (s.mode & RESET_MODE) s.written |= 1 << index;
  if (index === MODE) writeMode(s, byte);
  else if (index === CMD) writeCommand(s, byte);
  else if (index === IER) writeInterruptEnable(s, byte);
  else if ([BTR0, BTR1, EWL, RXERR, TXERR].includes(index)) writeSetUp(s, index, byte);
  else if (index >= WINDOW && index <= WINDOW_END) writeWindow(s, index - WINDOW, byte);
  else if (index === CDR)
    s.cdr = s.mode & RESET_MODE ? byte & CDR_BITS : (s.cdr & ~DIVIDER_BITS) | (byte & DIVIDER_BITS);
  else violate(s, (READ_ONLY.includes(index) ? "read-only" : "reserved") + " register " + index + " written");
}
