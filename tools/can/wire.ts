// The wire as one controller sees it: virtual time, frames of this controller and of other nodes, arbitration, a stuck
// line. What a controller does about it is its WireNode (twai-bus.ts, mcp2515-bus.ts). Source: ISO 11898-1.
// Time is event driven: `settle` starts what can start now, `advanceWire` goes to the next end.
import { Frame, frameBits, frameOf, FrameOptions, INTERFRAME_BITS, lostArbitrationBit } from "./frame";

/**
 * How the rest of the bus behaves: another node acknowledges, nobody does, the wire is stuck, or our level is never
 * seen.
 */
export type Partner = "ack" | "none" | "stuckDominant" | "noEcho";

/** What a controller's receive line is connected to. `echo` = only to our own transmit pin. */
export type ReceiveLine = "bus" | "echo" | "recessive" | "dominant";

/** A frame that was completed on the wire at `t` (us): by this controller (`own`) or by another node. */
export interface BusEvent {
  t: number;
  frame: Frame;
  own: boolean;
  selfRx: boolean;
}

/** An error position as the TWAI's ECC register codes it: segment 0..31, type 0 bit, 1 form, 2 stuff, 3 other. */
export interface BusError {
  seg: number;
  type: number;
  dominant?: boolean;
}

/** A frame as a caller may write it; what is missing is a standard data frame of `data`'s length. */
export type FrameLike = { id: number; data?: ArrayLike<number> } & FrameOptions;

/** What another node does next: a frame, or a disturbance that this controller sees as a receive error. */
export type Inbound = { frame: Frame } | { error: BusError };

export interface Bus {
  partner: Partner;
  /** Bit rate of the other nodes, bit/s; a controller off by more than 1 % is never understood. */
  bitrate: number;
  /** Count 20 % stuff bits. */
  stuffing: boolean;
  /** A test that stops the controller on purpose sets it: cutting a frame is then no violation. */
  allowTruncated: boolean;
  /** Called for each frame completed on the wire. */
  listeners: ((event: BusEvent) => void)[];
}

/** What the rest of the bus can do to a controller. */
export interface BusAccess {
  /** The rest of the bus; `inject` lets another node send as soon as the wire is free. */
  bus: Bus & { inject(frame: FrameLike): void };
  /**
   * Disturb the next frame received, the next attempt to send, or let the next attempt lose the bus at an identifier
   * bit.
   */
  fault: {
    rxError(error: BusError): void;
    txError(error: BusError): void;
    arbitrationLoss(bit: number, winner?: FrameLike): void;
  };
}

/** Phases of a controller on the wire; `until` is when the phase ends. */
export type Phase = "off" | "integrating" | "recovering" | "idle" | "sending" | "receiving" | "gap" | "stuck";

/** What the attempt on the wire will come to. */
export type Outcome = "sent" | "unacknowledged" | "bitError" | BusError;

/** The controller's side of the wire. */
export interface WireNode {
  /** Length of one bit by the controller's own timing registers, us. */
  bitMicros(): number;
  line(): ReceiveLine;
  /** Whether its transmit signal reaches the wire, and whether it has a clock at all. */
  drives(): boolean;
  isRunning(): boolean;
  /** It needs no acknowledgement; its error state makes it wait longer. */
  isSelfTest(): boolean;
  isPassive(): boolean;
  /** The frame that it would send now. */
  pending(): Frame | null;
  starting(): void;
  /**
   * The outcome of an attempt: lost at an identifier bit, on the wire and acknowledged, or broken. `sent` says whether
   * it is to hear itself.
   */
  lost(bit: number): void;
  sent(): boolean;
  failed(error: BusError, isAckMissing: boolean): void;
  /**
   * A good frame of another node (or the own one, in self-reception), a broken one, and traffic while it takes no part.
   */
  received(frame: Frame, isOwn: boolean): void;
  disturbed(error: BusError): void;
  overheard(): void;
  /** 11 recessive bits have passed in bus-off: begins the next phase. */
  countRecovery(): void;
  /** 8 dominant bits in a row; false when further ones change nothing. */
  countDominant(): boolean;
}

/** Everything that is remembered about the wire. */
export interface Wire {
  /** Virtual time, us. */
  now: number;
  phase: Phase;
  until: number;
  isDominant: boolean;
  inbound: Inbound[];
  foreign: { item: Inbound; endsAt: number } | null;
  wireFreeAt: number;
  attempt: { frame: Frame; outcome: Outcome } | null;
  txErrors: BusError[];
  lostArbitrations: { bit: number; frame: Frame }[];
  bus: Bus;
  /** Frames that this controller completed; at least `keepEvents` of the newest. */
  sent: BusEvent[];
  keepEvents: number;
  node: WireNode;
}

export const IDLE_BITS = 11;
const ERROR_FRAME_BITS = 20,
  SUSPEND_BITS = 8,
  DOMINANT_RUN_BITS = 8,
  ACK_TO_END_BITS = 9,
  INBOUND_MAX = 1000;
const ACK_MISSING: BusError = { seg: 25, type: 3 },
  NO_ECHO: BusError = { seg: 3, type: 0 },
  WRONG_RATE: BusError = { seg: 2, type: 2 };

/** Add to a list that never holds more than twice `limit`; the newest stay. */
export function keep<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length >= 2 * limit) list.splice(0, limit);
}

/** A wire at time 0 with another node that acknowledges; the controller is not on it yet, and `node` is to be set. */
export function wireOf(bitrate: number, keepEvents: number): Omit<Wire, "node"> {
  return {
    now: 0,
    phase: "off",
    until: Infinity,
    isDominant: false,
    inbound: [],
    foreign: null,
    wireFreeAt: 0,
    attempt: null,
    txErrors: [],
    lostArbitrations: [],
    sent: [],
    keepEvents,
    bus: { partner: "ack", bitrate, stuffing: false, allowTruncated: false, listeners: [] },
  };
}

function toFrame(given: FrameLike): Frame {
  return frameOf(given.id, given.data ?? [], given);
}

/** Let another node send `item` as soon as the wire is free. The oldest of 1000 waiting items is dropped. */
function queueInbound(w: Wire, item: Inbound): void {
  w.inbound.push(item);
  if (w.inbound.length > INBOUND_MAX) w.inbound.shift();
}

/** The handles of the wire that a test, or a virtual GX, holds. */
export function busAccess(w: Wire): BusAccess {
  return {
    bus: Object.assign(w.bus, { inject: (frame: FrameLike) => queueInbound(w, { frame: toFrame(frame) }) }),
    fault: {
      rxError: (error) => queueInbound(w, { error }),
      txError: (error) => {
        w.txErrors.push(error);
      },
      arbitrationLoss: (bit, winner) => {
        w.lostArbitrations.push({ bit, frame: toFrame(winner ?? { id: 0 }) });
      },
    },
  };
}

/** Begin a phase that ends at `until` (us); without it, when something else ends it. */
export function setPhase(w: Wire, phase: Phase, until = Infinity): void {
  w.phase = phase;
  w.until = until;
}

/** Whether the other nodes and this controller understand each other's bits. */
function rateMatches(w: Wire): boolean {
  return Math.abs((w.node.bitMicros() * w.bus.bitrate) / 1e6 - 1) <= 0.01;
}

function lineOf(w: Wire): ReceiveLine {
  const line = w.node.line();
  return line === "bus" && w.bus.partner === "stuckDominant" ? "dominant" : line;
}

/** Whether the controller hears the rest of the bus. */
export function isAttached(w: Wire): boolean {
  return w.node.isRunning() && lineOf(w) === "bus";
}

/** Bits left until the current wait is over; a dominant line or another node's frame holds it up. */
export function waitRecessive(w: Wire, bits: number): void {
  w.until = w.isDominant || w.foreign ? Infinity : w.now + bits * w.node.bitMicros();
}

/** Notice that the line has become dominant for good, or free again. */
function followLine(w: Wire): void {
  const isDominant = lineOf(w) === "dominant";
  if (isDominant === w.isDominant) return;
  w.isDominant = isDominant;
  if (w.phase === "integrating" || w.phase === "recovering") waitRecessive(w, IDLE_BITS);
  else if (w.phase === "stuck") setPhase(w, "integrating", w.now + IDLE_BITS * w.node.bitMicros());
}

/** Whether another node could put its frame on the wire now. */
function isWireFree(w: Wire): boolean {
  if (w.foreign || w.inbound.length === 0 || w.bus.partner === "stuckDominant") return false;
  const isOurs = w.phase === "sending" || w.phase === "gap";
  return !(isOurs && isAttached(w));
}

/** Start what can start at this very time. */
function settle(w: Wire): void {
  followLine(w);
  if (w.phase === "idle" && w.isDominant) return setPhase(w, "stuck", w.now + DOMINANT_RUN_BITS * w.node.bitMicros());
  const isRivalReady = isWireFree(w) && w.wireFreeAt <= w.now;
  const own = w.phase === "idle" ? w.node.pending() : null;
  if (own) {
    const bit = arbitrate(w, own, isRivalReady && isAttached(w) ? w.inbound[0] : null);
    if (bit < 0) return startSending(w, own);
    w.node.lost(bit);
    return startForeign(w);
  }
  if (isRivalReady) startForeign(w);
}

/** The bit at which `own` loses the bus, -1 when it wins. A forced loss brings its own winner along. */
function arbitrate(w: Wire, own: Frame, rival: Inbound | null): number {
  const forced = isAttached(w) && !w.foreign ? w.lostArbitrations.shift() : undefined;
  if (forced) {
    w.inbound.unshift({ frame: forced.frame });
    return forced.bit;
  }
  return rival && "frame" in rival ? lostArbitrationBit(own, rival.frame) : -1;
}

/** What the attempt that starts now will come to, and after how many bits. */
function planAttempt(w: Wire, frame: Frame): { outcome: Outcome; bits: number } {
  const line = lineOf(w),
    bits = frameBits(frame, w.bus.stuffing);
  const failure = w.txErrors.shift();
  if (failure) return { outcome: failure, bits: Math.min(bits, ERROR_FRAME_BITS) };
  const isSeen = w.node.drives() && line !== "recessive" && (w.bus.partner !== "noEcho" || line === "echo");
  if (!isSeen) return { outcome: "bitError", bits: 1 };
  const isAcknowledged = line === "bus" && w.bus.partner === "ack" && rateMatches(w);
  if (isAcknowledged || w.node.isSelfTest()) return { outcome: "sent", bits };
  return { outcome: "unacknowledged", bits: bits - ACK_TO_END_BITS };
}

function startSending(w: Wire, frame: Frame): void {
  w.node.starting();
  const plan = planAttempt(w, frame);
  w.attempt = { frame, outcome: plan.outcome };
  setPhase(w, "sending", w.now + plan.bits * w.node.bitMicros());
}

function endSending(w: Wire): void {
  const { outcome, frame } = w.attempt!;
  w.attempt = null;
  if (outcome === "sent") {
    setPhase(w, "gap", w.now + INTERFRAME_BITS * w.node.bitMicros());
    const selfRx = w.node.sent();
    announce(w, frame, true, selfRx);
    if (selfRx) w.node.received(frame, true);
    return;
  }
  const error = outcome === "unacknowledged" ? ACK_MISSING : outcome === "bitError" ? NO_ECHO : outcome;
  const suspend = w.node.isPassive() ? SUSPEND_BITS : 0;
  setPhase(w, "gap", w.now + (ERROR_FRAME_BITS + suspend) * w.node.bitMicros());
  w.node.failed(error, outcome === "unacknowledged");
}

/** Tell the listeners of a frame that was completed on the wire; one that only echoed inside the chip is not on it. */
function announce(w: Wire, frame: Frame, own: boolean, selfRx: boolean): void {
  const event = { t: w.now, frame, own, selfRx };
  if (own) keep(w.sent, event, w.keepEvents);
  if (own && !isAttached(w)) return;
  w.bus.listeners.forEach((listener) => listener(event));
}

function startForeign(w: Wire): void {
  const item = w.inbound.shift() as Inbound;
  const bits = frameBits("frame" in item ? item.frame : frameOf(0), w.bus.stuffing);
  w.foreign = { item, endsAt: w.now + (bits * 1e6) / w.bus.bitrate };
  if (!isAttached(w)) return;
  if (w.phase === "idle") setPhase(w, "receiving");
  else if (w.phase === "integrating" || w.phase === "recovering") w.until = Infinity;
}

function endForeign(w: Wire): void {
  const item = (w.foreign as { item: Inbound }).item;
  const gap = (INTERFRAME_BITS * 1e6) / w.bus.bitrate;
  w.foreign = null;
  w.wireFreeAt = w.now + gap;
  const isBroken = "error" in item || (w.phase === "receiving" && !rateMatches(w));
  if (w.phase === "receiving") receive(w, item);
  // The end of a frame is 8 recessive bits: with the interframe space they are the 11 that a waiting controller counts.
  else if (w.phase === "integrating" || w.phase === "recovering") waitRecessive(w, INTERFRAME_BITS);
  if (w.phase === "off" || w.phase === "recovering") w.node.overheard();
  if (!isBroken && "frame" in item) announce(w, item.frame, false, false);
}

function receive(w: Wire, item: Inbound): void {
  if ("error" in item || !rateMatches(w)) {
    setPhase(w, "gap", w.now + ERROR_FRAME_BITS * w.node.bitMicros());
    return w.node.disturbed("error" in item ? item.error : WRONG_RATE);
  }
  setPhase(w, "gap", w.now + INTERFRAME_BITS * w.node.bitMicros());
  w.node.received(item.frame, false);
}

function endPhase(w: Wire): void {
  if (w.phase === "sending") endSending(w);
  else if (w.phase === "recovering") w.node.countRecovery();
  else if (w.phase !== "stuck") setPhase(w, "idle");
  else w.until = w.node.countDominant() ? w.now + DOMINANT_RUN_BITS * w.node.bitMicros() : Infinity;
}

function nextEnd(w: Wire): number {
  const foreign = w.foreign ? w.foreign.endsAt : isWireFree(w) ? Math.max(w.wireFreeAt, w.now) : Infinity;
  return Math.min(w.until, foreign);
}

/** Let `us` microseconds pass on the bus. Throws a RangeError for a time that is negative or no number. */
export function advanceWire(w: Wire, us: number): void {
  if (!(us >= 0)) throw new RangeError("advance by " + us + " us");
  const end = w.now + us;
  settle(w);
  for (let next = nextEnd(w); next <= end; next = nextEnd(w)) {
    w.now = Math.max(w.now, next);
    if (w.foreign && w.foreign.endsAt <= w.now) endForeign(w);
    else if (w.until <= w.now) endPhase(w);
    settle(w);
  }
  w.now = end;
}
