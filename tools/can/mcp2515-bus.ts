// An MCP2515 on the wire (wire.ts): transmit buffers, acceptance filters, receive buffers, error counters, bus-off.
// Source: DS20001801 sections 3 (transmission), 4 (reception), 6 (errors), 10 (modes).
import { Frame, frameOf } from "./frame";
import {
  ABTF,
  CANCTRL,
  CANINTF,
  CNF1,
  CNF2,
  CNF3,
  EFLG,
  ERRIF,
  FILTERS,
  LISTEN,
  LOOPBACK,
  MERRF,
  Mcp2515State,
  MLOA,
  NORMAL,
  OSM,
  RX0OVR,
  RX1OVR,
  RXB0,
  RXB1,
  RXM,
  TXB,
  TXBO,
  TXERR,
  TXREQ,
} from "./mcp2515-state";
import { IDLE_BITS, setPhase, waitRecessive, WireNode } from "./wire";

const RECOVERY_GROUPS = 128,
  WARNING_FROM = 96,
  PASSIVE_FROM = 128,
  COUNTER_MAX = 255;
const EXTENDED = 0x08,
  REMOTE = 0x10,
  REMOTE_REQUEST = 0x40,
  ROLL_OVER = 4,
  TAKE_ALL = 0x60;

/** Address of transmit buffer `n`'s control register. */
export const controlOf = (n: number): number => TXB + 0x10 * n;

/** Length of a bit by CNF1 to CNF3, in quanta and in us. */
export function timingOf(s: Mcp2515State): {
  sjw: number;
  propagation: number;
  phase1: number;
  phase2: number;
  quanta: number;
  micros: number;
} {
  const [cnf1, cnf2, cnf3] = [s.regs[CNF1], s.regs[CNF2], s.regs[CNF3]];
  const propagation = (cnf2 & 7) + 1,
    phase1 = ((cnf2 >> 3) & 7) + 1,
    phase2 = cnf2 & 0x80 ? (cnf3 & 7) + 1 : Math.max(phase1, 2);
  const quanta = 1 + propagation + phase1 + phase2;
  return {
    sjw: (cnf1 >> 6) + 1,
    propagation,
    phase1,
    phase2,
    quanta,
    micros: (quanta * 2 * ((cnf1 & 63) + 1)) / s.options.crystal,
  };
}

/** The frame that the bytes from SIDH on describe, as in a transmit buffer. */
function frameAt(s: Mcp2515State, at: number): Frame {
  const [high, low, upper, lower, length] = Array.from(s.regs.subarray(at, at + 5));
  const ext = (low & EXTENDED) !== 0;
  const id = ext
    ? ((high << 21) | ((low >> 5) << 18) | ((low & 3) << 16) | (upper << 8) | lower) >>> 0
    : (high << 3) | (low >> 5);
  return frameOf(id, s.regs.subarray(at + 5, at + 13), { ext, rtr: (length & REMOTE_REQUEST) !== 0, dlc: length & 15 });
}

/** The buffer that goes first: highest priority, then highest number; -1 when none waits or the mode lets none go. */
function nextBuffer(s: Mcp2515State): number {
  if (s.busOff || (s.mode !== NORMAL && s.mode !== LOOPBACK)) return -1;
  const waiting = [2, 1, 0].filter((n) => s.regs[controlOf(n)] & TXREQ);
  return waiting.length
    ? waiting.reduce((best, n) => ((s.regs[controlOf(n)] & 3) > (s.regs[controlOf(best)] & 3) ? n : best))
    : -1;
}

function raise(s: Mcp2515State, flag: number): void {
  s.regs[CANINTF] |= flag;
}

/** EFLG's lower six bits follow the counters; a bit that appears raises ERRIF. */
function updateErrorState(s: Mcp2515State): void {
  const isWarning = Math.max(s.tec, s.rec) >= WARNING_FROM;
  const flags =
    (isWarning ? 1 : 0) |
    (s.rec >= WARNING_FROM ? 2 : 0) |
    (s.tec >= WARNING_FROM ? 4 : 0) |
    (s.rec >= PASSIVE_FROM ? 8 : 0) |
    (s.tec >= PASSIVE_FROM ? 16 : 0) |
    (s.busOff ? TXBO : 0);
  if (flags & ~s.regs[EFLG]) raise(s, ERRIF);
  s.regs[EFLG] = (s.regs[EFLG] & (RX0OVR | RX1OVR)) | flags;
}

/**
 * The attempt of the buffer on the wire failed with `flag`; in one-shot mode, or when it was to be aborted, that was
 * all.
 */
function giveUp(s: Mcp2515State, flag: number): void {
  const control = controlOf(s.sending),
    isAborted = (s.regs[control] & ABTF) !== 0;
  s.regs[control] |= flag;
  if (isAborted || s.regs[CANCTRL] & OSM) s.regs[control] &= ~TXREQ;
  s.sending = -1;
}

function fail(s: Mcp2515State, isAckMissing: boolean): void {
  giveUp(s, TXERR);
  raise(s, MERRF);
  if (!(isAckMissing && s.tec >= PASSIVE_FROM)) s.tec += 8;
  s.busOff = s.tec > COUNTER_MAX;
  if (s.busOff) {
    s.recoveredGroups = 0;
    setPhase(s, "recovering");
    waitRecessive(s, IDLE_BITS);
  }
  updateErrorState(s);
}

/** The frame is on the wire; in loop-back mode the chip hears itself, and nobody else does. */
function succeed(s: Mcp2515State): boolean {
  s.regs[controlOf(s.sending)] &= ~(TXREQ | ABTF);
  raise(s, 4 << s.sending);
  s.sending = -1;
  s.tec = Math.max(0, s.tec - 1);
  updateErrorState(s);
  return s.mode === LOOPBACK;
}

/**
 * Whether a filter and its mask let a frame through; in a standard frame their extended bits compare the first two data
 * bytes.
 */
function matches(s: Mcp2515State, filterAt: number, maskAt: number, frame: Frame): boolean {
  const filter = s.regs.subarray(filterAt, filterAt + 4),
    mask = s.regs.subarray(maskAt, maskAt + 4);
  if (((filter[1] & EXTENDED) !== 0) !== frame.ext) return false;
  const seen = frame.ext
    ? [
        frame.id >>> 21,
        (((frame.id >>> 18) & 7) << 5) | ((frame.id >>> 16) & 3),
        (frame.id >>> 8) & 0xff,
        frame.id & 0xff,
      ]
    : [frame.id >> 3, (frame.id & 7) << 5, frame.data[0], frame.data[1]];
  const compared = frame.ext ? 0xe3 : 0xe0;
  return seen.every(
    (byte, i) => byte === undefined || ((byte ^ filter[i]) & mask[i] & (i === 1 ? compared : 0xff)) === 0,
  );
}

/** Number of the filter that takes the frame for the buffer, 0 for a buffer that takes all, -1 for none. */
function hitOf(s: Mcp2515State, buffer: number, filters: number[], frame: Frame): number {
  if ((s.regs[buffer] & TAKE_ALL) === TAKE_ALL) return 0;
  return filters.find((n) => matches(s, FILTERS[n], buffer === RXB0 ? RXM : RXM + 4, frame)) ?? -1;
}

/** Write a frame into a receive buffer, with the bits that have no meaning set, so that a reader has to mask them. */
function load(s: Mcp2515State, buffer: number, hit: number, frame: Frame): void {
  const { id } = frame,
    remote = frame.rtr && !frame.ext ? REMOTE : 0;
  const name = frame.ext
    ? [id >>> 21, (((id >>> 18) & 7) << 5) | EXTENDED | ((id >>> 16) & 3), id >>> 8, id]
    : [id >> 3, ((id & 7) << 5) | remote | 3, 0xff, 0xff];
  s.regs.set([...name, (frame.rtr && frame.ext ? REMOTE_REQUEST : 0) | 0x30 | frame.dlc, ...frame.data], buffer + 1);
  s.regs[buffer] = (s.regs[buffer] & 0x66) | (frame.rtr ? 8 : 0) | hit;
  raise(s, buffer === RXB0 ? 1 : 2);
}

/** The first buffer has the say over what its filters take; full, it hands on to the second one if it may. */
function store(s: Mcp2515State, frame: Frame): void {
  const first = hitOf(s, RXB0, [0, 1], frame),
    second = first < 0 ? hitOf(s, RXB1, [2, 3, 4, 5], frame) : first;
  const isFree = (flag: number): boolean => !(s.regs[CANINTF] & flag),
    rollsOver = (s.regs[RXB0] & ROLL_OVER) !== 0;
  if (second < 0) return;
  if (first >= 0 && isFree(1)) return load(s, RXB0, first, frame);
  if ((first < 0 || rollsOver) && isFree(2)) return load(s, RXB1, second, frame);
  s.regs[EFLG] |= first >= 0 && !rollsOver ? RX0OVR : RX1OVR;
  raise(s, ERRIF);
}

function receive(s: Mcp2515State, frame: Frame, isOwn: boolean): void {
  if (!isOwn && s.mode !== LISTEN) s.rec = s.rec > 127 ? 127 : Math.max(0, s.rec - 1);
  updateErrorState(s);
  store(s, frame);
}

/** The counters stand still while the chip only listens. */
function countReceiveErrors(s: Mcp2515State, errors: number): void {
  if (s.mode === LISTEN) return;
  s.rec = Math.min(COUNTER_MAX, s.rec + errors);
  updateErrorState(s);
}

/** The chip leaves bus-off by itself after 128 times 11 recessive bits. */
function countRecovery(s: Mcp2515State): void {
  s.recoveredGroups++;
  if (s.recoveredGroups < RECOVERY_GROUPS) return waitRecessive(s, IDLE_BITS);
  Object.assign(s, { busOff: false, tec: 0, rec: 0 });
  updateErrorState(s);
  setPhase(s, "idle");
}

function countDominant(s: Mcp2515State): boolean {
  if (s.mode === LISTEN || s.rec >= PASSIVE_FROM) return false;
  countReceiveErrors(s, 8);
  return true;
}

/** This controller as the wire knows it. */
export function mcp2515Node(s: Mcp2515State): WireNode {
  return {
    bitMicros: () => timingOf(s).micros,
    line: () => (s.mode === LOOPBACK ? "echo" : "bus"),
    drives: () => true,
    isRunning: () => s.missing === null && [NORMAL, LOOPBACK, LISTEN].includes(s.mode),
    isSelfTest: () => s.mode === LOOPBACK,
    isPassive: () => s.tec >= PASSIVE_FROM || s.rec >= PASSIVE_FROM,
    pending: () => {
      const n = nextBuffer(s);
      return n < 0 ? null : frameAt(s, controlOf(n) + 1);
    },
    starting: () => {
      s.sending = nextBuffer(s);
    },
    lost: () => {
      s.sending = nextBuffer(s);
      giveUp(s, MLOA);
    },
    sent: () => succeed(s),
    failed: (_error, isAckMissing) => fail(s, isAckMissing),
    received: (frame, isOwn) => receive(s, frame, isOwn),
    disturbed: (error) => {
      raise(s, MERRF);
      countReceiveErrors(s, error.dominant ? 8 : 1);
    },
    overheard: () => undefined,
    countRecovery: () => countRecovery(s),
    countDominant: () => countDominant(s),
  };
}
