// Resets, reset mode, error counters and error states of the controller.
// Source: ESP32 Technical Reference Manual, chapter TWAI (reset mode, error state); ESP32 Chip Errata, TWAI-3.13.
import { fifoEmpty, fifoOf } from "./twai-fifo";
import { receiveLine, transmitPin } from "./twai-gpio";
import {
  BAUD_DIVIDER,
  BUS_ERROR_IRQ,
  BusError,
  ERROR_IRQ,
  LISTEN_ONLY,
  PASSIVE_IRQ,
  RESET_MODE,
  transmitOf,
  TwaiState,
  TX_IRQ,
  violate,
  warn,
} from "./twai-state";
import { IDLE_BITS, setPhase, waitRecessive } from "./wire";

const TEC_AT_BUS_OFF = 127,
  COUNTER_MAX = 255,
  PASSIVE_FROM = 128,
  UNWRITTEN_BYTE = 0x55;

/** Registers that have no usable value after a hardware reset, by index. */
const NEEDED: Record<number, string> = {
  6: "BTR0",
  7: "BTR1",
  16: "ACR0",
  17: "ACR1",
  18: "ACR2",
  19: "ACR3",
  20: "AMR0",
  21: "AMR1",
  22: "AMR2",
  23: "AMR3",
};

/** Length of one bit by the controller's own timing registers, us. */
export function bitMicros(s: TwaiState): number {
  const quanta = 1 + ((s.btr1 & 15) + 1) + (((s.btr1 >> 4) & 7) + 1);
  const divider = 2 * ((s.btr0 & 63) + 1) * (s.ier & BAUD_DIVIDER ? 2 : 1);
  return (quanta * divider) / 80;
}

/** Set an interrupt flag, which exists only while its enable bit is 1. */
export function raise(s: TwaiState, flag: number): void {
  if (s.ier & flag) s.ir |= flag;
}

/** Whether the controller has a clock and is not held in reset. */
export function isRunning(s: TwaiState): boolean {
  return (s.clockEnable & s.chip.gateBit) !== 0 && (s.resetEnable & s.chip.gateBit) === 0;
}

/**
 * Stop taking part in the bus. A frame being sent is cut, one being received is missed, and the next one is damaged.
 */
function leaveBus(s: TwaiState): void {
  const wasBusy = s.phase === "sending" || s.phase === "receiving";
  if (s.phase === "sending" && !s.bus.allowTruncated) violate(s, "a frame on the wire was cut");
  if (wasBusy && s.options.profile === "esp32") s.nextRxDamaged = true;
  setPhase(s, "off");
}

/** What the falling edge of the reset line, or power-up, does. Filters are left undefined. */
export function hardwareReset(s: TwaiState): void {
  leaveBus(s);
  Object.assign(s, {
    mode: RESET_MODE,
    ier: 0,
    ir: 0,
    btr0: 0,
    btr1: 0,
    cdr: 0,
    alc: 0,
    alcArmed: true,
    ecc: 0,
    eccArmed: true,
    ewl: 96,
    rec: 0,
    tec: 0,
    written: 0,
    txComplete: true,
    errorStatus: false,
    errorPassive: false,
    busOff: false,
    tx: transmitOf(),
    fifo: fifoOf(),
    recoveredGroups: 0,
    nextRxDamaged: false,
    postRecovery: false,
  });
  s.code.fill(UNWRITTEN_BYTE);
  s.mask.fill(UNWRITTEN_BYTE);
}

/** Write a clock or reset register. Both are shared: any other bit that changes is somebody else's peripheral. */
export function gateWrite(s: TwaiState, which: "clockEnable" | "resetEnable", value: number): void {
  const changed = s[which] ^ value;
  s[which] = value;
  if (changed & ~s.chip.gateBit)
    violate(s, "clobbered other peripherals: bits " + (changed & ~s.chip.gateBit).toString(2));
  if (!(changed & s.chip.gateBit)) return;
  const isSet = (value & s.chip.gateBit) !== 0;
  if (which === "clockEnable") {
    if (!isSet) leaveBus(s);
    else if (!(s.mode & RESET_MODE)) setPhase(s, "integrating", s.now + IDLE_BITS * bitMicros(s));
    return;
  }
  hardwareReset(s);
  if (!isSet) s.wasPulsed = true;
}

/** Drop the frame in the transmit buffer without a result. */
export function clearTransmit(s: TwaiState): void {
  Object.assign(s.tx, { pending: false, selfRx: false, singleShot: false, abort: false, frame: null });
}

/** Give the transmit buffer back to the driver; `complete` is what TCS then says. */
export function releaseTransmit(s: TwaiState, complete: boolean): void {
  clearTransmit(s);
  s.txComplete = complete;
  raise(s, TX_IRQ);
}

/** Enter reset mode, by the driver or by bus-off. */
export function enterReset(s: TwaiState): void {
  leaveBus(s);
  s.mode |= RESET_MODE;
  s.postRecovery = false;
  clearTransmit(s);
  fifoEmpty(s.fifo, s.options.fifoRevives);
}

/** What a driver has forgotten when it lets the controller out of reset mode. */
function checkSetup(s: TwaiState): void {
  if (!(s.cdr & 0x80)) violate(s, "reset mode left in the basic layout (CDR bit 7 is 0)");
  if (s.btr0 === 0 && s.btr1 === 0) violate(s, "reset mode left without bit timing");
  if (!s.wasPulsed) violate(s, "reset mode left without a hardware reset pulse since power-up");
  const missing = Object.keys(NEEDED)
    .filter((index) => !((s.written >>> Number(index)) & 1))
    .map((index) => NEEDED[Number(index)]);
  if (missing.length > 0) violate(s, "reset mode left, never written: " + missing.join(" "));
  if (transmitPin(s) < 0) warn(s, "transmit signal reaches no pin");
  const line = receiveLine(s);
  if (line === "dominant" || line === "recessive") warn(s, "receive signal is routed to no pin, it reads " + line);
}

/** Leave reset mode with the other MODE bits of the same write; counters written meanwhile take effect now. */
export function leaveReset(s: TwaiState, mode: number): void {
  s.mode = mode & 0x0e;
  if (s.options.strict) checkSetup(s);
  if (!s.busOff && s.tec === COUNTER_MAX && s.options.profile === "sja1000") return goBusOff(s);
  s.recoveredGroups = 0;
  if (!s.busOff) updateErrorState(s);
  setPhase(s, s.busOff ? "recovering" : "integrating");
  waitRecessive(s, IDLE_BITS);
}

/** Error-warning and error-passive follow the counters; each change raises its interrupt. */
export function updateErrorState(s: TwaiState): void {
  const isWarning = s.tec >= s.ewl || s.rec >= s.ewl;
  const isPassive = s.tec >= PASSIVE_FROM || s.rec >= PASSIVE_FROM;
  if (isWarning !== s.errorStatus) raise(s, ERROR_IRQ);
  if (isPassive !== s.errorPassive) raise(s, PASSIVE_IRQ);
  s.errorStatus = isWarning;
  s.errorPassive = isPassive;
}

/** The transmit counter has passed 255: reset mode, pending frame gone, recovery counter loaded. */
export function goBusOff(s: TwaiState): void {
  enterReset(s);
  Object.assign(s, { busOff: true, errorStatus: true, tec: TEC_AT_BUS_OFF, rec: 0 });
  raise(s, ERROR_IRQ);
}

/** The driver wrote TXERR while in reset mode: 0..254 ends a bus-off at once, 255 makes one. */
export function writeTransmitCounter(s: TwaiState, value: number): void {
  if (value === COUNTER_MAX && (s.busOff || s.options.profile === "esp32")) return goBusOff(s);
  if (s.busOff) raise(s, ERROR_IRQ);
  s.busOff = false;
  s.tec = value;
}

/** Latch where the first error since the last reading of ECC happened; that reading re-arms the interrupt flag too. */
function capture(s: TwaiState, error: BusError, isReceiving: boolean): void {
  if (!s.eccArmed) return;
  s.ecc = (error.type << 6) | (isReceiving ? 0x20 : 0) | error.seg;
  s.eccArmed = false;
  raise(s, BUS_ERROR_IRQ);
}

/** A received frame was broken at `error`. */
export function countReceiveError(s: TwaiState, error: BusError): void {
  capture(s, error, true);
  const spoilsNext = error.seg === 8 || error.seg === 10 || (error.seg === 27 && error.type === 3);
  if (spoilsNext && s.options.profile === "esp32") s.nextRxDamaged = true;
  if (s.mode & LISTEN_ONLY) {
    if (s.rec < PASSIVE_FROM) violate(s, "dominant error flag in listen-only mode (receive counter below 128)");
    return;
  }
  s.rec = Math.min(COUNTER_MAX, s.rec + (error.dominant ? 8 : 1));
  updateErrorState(s);
}

/** The attempt on the wire failed at `error`. A missing acknowledge alone never leads to bus-off. */
export function countTransmitError(s: TwaiState, error: BusError, isAckMissing: boolean): void {
  capture(s, error, false);
  if (isAckMissing && s.tec >= PASSIVE_FROM) return;
  s.tec += 8;
  if (s.tec > COUNTER_MAX) goBusOff(s);
  else updateErrorState(s);
}

/** A frame went through: the counter that it vouches for falls. */
export function countSuccess(s: TwaiState, isReceiving: boolean): void {
  if (s.mode & LISTEN_ONLY) return;
  if (isReceiving) s.rec = s.rec > 127 ? 127 : Math.max(0, s.rec - 1);
  else s.tec = Math.max(0, s.tec - 1);
  updateErrorState(s);
}
