// The bus engine: virtual time, frames of this controller and of other nodes, and recovery from bus-off.
// Source: twai-model.md section 7. Time is event driven: `settle` starts what can start now, `advanceBus` goes to the next end.
import { filterAccepts } from "./twai-filter";
import { Frame, frameBits, frameOf, frameToReceiveWindow, INTERFRAME_BITS, lostArbitrationBit } from "./frame";
import { fifoStore } from "./twai-fifo";
import { ReceiveLine, receiveLine, transmitPin } from "./twai-gpio";
import {
  bitMicros, countReceiveError, countSuccess, countTransmitError, isRunning, raise, rateMatches, releaseTransmit, setPhase,
  updateErrorState,
} from "./twai-mode";
import {
  ARBITRATION_IRQ, BusError, ERROR_IRQ, Inbound, keep, LISTEN_ONLY, OVERRUN_IRQ, Outcome, SELF_TEST, SINGLE_FILTER,
  TwaiState, violate,
} from "./twai-state";

const IDLE_BITS = 11, RECOVERY_GROUPS = 128, ERROR_FRAME_BITS = 20, SUSPEND_BITS = 8, DOMINANT_RUN_BITS = 8, ACK_TO_END_BITS = 9;
const PASSIVE_FROM = 128, INBOUND_MAX = 1000;
const ACK_MISSING: BusError = { seg: 25, type: 3 }, NO_ECHO: BusError = { seg: 3, type: 0 }, WRONG_RATE: BusError = { seg: 2, type: 2 };

/** Let another node send `item` as soon as the wire is free. The oldest of 1000 waiting items is dropped. */
export function queueInbound(s: TwaiState, item: Inbound): void {
  s.inbound.push(item);
  if (s.inbound.length > INBOUND_MAX) s.inbound.shift();
}

function lineOf(s: TwaiState): ReceiveLine {
  const line = receiveLine(s);
  return line === "bus" && s.bus.partner === "stuckDominant" ? "dominant" : line;
}

function isAttached(s: TwaiState): boolean {
  return isRunning(s) && lineOf(s) === "bus";
}

/** Bits left until the current wait is over; a dominant line or another node's frame holds it up. */
function waitRecessive(s: TwaiState, bits: number): void {
  s.until = s.isDominant || s.foreign ? Infinity : s.now + bits * bitMicros(s);
}

/** Notice that the line has become dominant for good, or free again. */
function followLine(s: TwaiState): void {
  const isDominant = lineOf(s) === "dominant";
  if (isDominant === s.isDominant) return;
  s.isDominant = isDominant;
  if (s.phase === "integrating" || s.phase === "recovering") waitRecessive(s, IDLE_BITS);
  else if (s.phase === "stuck") setPhase(s, "integrating", s.now + IDLE_BITS * bitMicros(s));
}

/** Whether another node could put its frame on the wire now. */
function isWireFree(s: TwaiState): boolean {
  if (s.foreign || s.inbound.length === 0 || s.bus.partner === "stuckDominant") return false;
  const isOurs = s.phase === "sending" || s.phase === "gap";
  return !(isOurs && isAttached(s));
}

/** Start what can start at this very time. */
function settle(s: TwaiState): void {
  followLine(s);
  if (s.phase === "idle" && s.isDominant) return setPhase(s, "stuck", s.now + DOMINANT_RUN_BITS * bitMicros(s));
  const isRivalReady = isWireFree(s) && s.wireFreeAt <= s.now;
  if (s.phase === "idle" && s.tx.pending) {
    const bit = arbitrate(s, isRivalReady && isAttached(s) ? s.inbound[0] : null);
    if (bit < 0) return startSending(s);
    loseArbitration(s, bit);
    return startForeign(s);
  }
  if (isRivalReady) startForeign(s);
}

/** The bit at which our pending frame loses the bus, -1 when it wins. A forced loss brings its own winner along. */
function arbitrate(s: TwaiState, rival: Inbound | null): number {
  const forced = isAttached(s) && !s.foreign ? s.lostArbitrations.shift() : undefined;
  if (forced) {
    s.inbound.unshift({ frame: forced.frame });
    return forced.bit;
  }
  return rival && "frame" in rival ? lostArbitrationBit(s.tx.frame as Frame, rival.frame) : -1;
}

function loseArbitration(s: TwaiState, bit: number): void {
  if (s.alcArmed) s.alc = bit;
  s.alcArmed = false;
  raise(s, ARBITRATION_IRQ);
  if (s.tx.singleShot || s.tx.abort) releaseTransmit(s, s.tx.abort);
}

/** What the attempt that starts now will come to, and after how many bits. */
function planAttempt(s: TwaiState, frame: Frame): { outcome: Outcome; bits: number } {
  const line = lineOf(s), bits = frameBits(frame, s.bus.stuffing);
  const failure = s.txErrors.shift();
  if (failure) return { outcome: failure, bits: Math.min(bits, ERROR_FRAME_BITS) };
  const isSeen = transmitPin(s) >= 0 && line !== "recessive" && (s.bus.partner !== "noEcho" || line === "echo");
  if (!isSeen) return { outcome: "bitError", bits: 1 };
  const isAcknowledged = line === "bus" && s.bus.partner === "ack" && rateMatches(s);
  if (isAcknowledged || s.mode & SELF_TEST) return { outcome: "sent", bits };
  return { outcome: "unacknowledged", bits: bits - ACK_TO_END_BITS };
}

function startSending(s: TwaiState): void {
  if (s.postRecovery) violate(s, "frame sent after bus-off recovery without a turn through reset mode (erratum 3.13.3)");
  s.postRecovery = false;
  const plan = planAttempt(s, s.tx.frame as Frame);
  s.tx.outcome = plan.outcome;
  setPhase(s, "sending", s.now + plan.bits * bitMicros(s));
}

function endSending(s: TwaiState): void {
  const { outcome, frame, selfRx } = s.tx;
  if (outcome === "sent") {
    setPhase(s, "gap", s.now + INTERFRAME_BITS * bitMicros(s));
    countSuccess(s, false);
    releaseTransmit(s, true);
    announce(s, frame as Frame, true, selfRx);
    if (selfRx) store(s, frame as Frame, false);
    return;
  }
  const error = outcome === "unacknowledged" ? ACK_MISSING : outcome === "bitError" ? NO_ECHO : outcome;
  const suspend = s.errorPassive ? SUSPEND_BITS : 0;
  setPhase(s, "gap", s.now + (ERROR_FRAME_BITS + suspend) * bitMicros(s));
  // An aborted frame shows TCS = 1 although nobody got it; a failed single shot shows 0.
  if (s.tx.singleShot || s.tx.abort) releaseTransmit(s, s.tx.abort && s.options.profile === "esp32");
  countTransmitError(s, error, outcome === "unacknowledged");
}

/** Tell the listeners of a frame that was completed on the wire; one that only echoed inside the chip is not on it. */
function announce(s: TwaiState, frame: Frame, own: boolean, selfRx: boolean): void {
  const event = { t: s.now, frame, own, selfRx };
  if (own) keep(s.sent, event, s.options.keep);
  if (own && !isAttached(s)) return;
  s.bus.listeners.forEach((listener) => listener(event));
}

function startForeign(s: TwaiState): void {
  const item = s.inbound.shift() as Inbound;
  const bits = frameBits("frame" in item ? item.frame : frameOf(0), s.bus.stuffing);
  s.foreign = { item, endsAt: s.now + bits * 1e6 / s.bus.bitrate };
  if (!isAttached(s)) return;
  if (s.phase === "idle") setPhase(s, "receiving");
  else if (s.phase === "integrating" || s.phase === "recovering") s.until = Infinity;
}

function endForeign(s: TwaiState): void {
  const item = (s.foreign as { item: Inbound }).item;
  const gap = INTERFRAME_BITS * 1e6 / s.bus.bitrate;
  s.foreign = null;
  s.wireFreeAt = s.now + gap;
  const isBroken = "error" in item || (s.phase === "receiving" && !rateMatches(s));
  if (s.phase === "receiving") receive(s, item);
  // The end of a frame is 8 recessive bits: with the interframe space they are the 11 that a waiting controller counts.
  else if (s.phase === "integrating" || s.phase === "recovering") waitRecessive(s, INTERFRAME_BITS);
  if (s.phase === "off" || s.phase === "recovering") hearTraffic(s);
  if (!isBroken && "frame" in item) announce(s, item.frame, false, false);
}

/** Erratum 3.13.1: traffic raises the receive counter in reset mode and in bus-off unless LOM freezes it. */
function hearTraffic(s: TwaiState): void {
  if (s.options.profile !== "esp32" || s.mode & LISTEN_ONLY || !isAttached(s)) return;
  s.rec = s.busOff ? 1 : Math.min(PASSIVE_FROM - 1, s.rec + 1);
}

function receive(s: TwaiState, item: Inbound): void {
  if ("error" in item || !rateMatches(s)) {
    setPhase(s, "gap", s.now + ERROR_FRAME_BITS * bitMicros(s));
    return countReceiveError(s, "error" in item ? item.error : WRONG_RATE);
  }
  setPhase(s, "gap", s.now + INTERFRAME_BITS * bitMicros(s));
  countSuccess(s, true);
  const isDamaged = s.nextRxDamaged;
  s.nextRxDamaged = false;
  store(s, item.frame, isDamaged);
}

/** Put a frame that the filter accepts into the FIFO; a damaged one (erratum 3.13.5) with its data bytes rotated. */
function store(s: TwaiState, frame: Frame, isDamaged: boolean): void {
  if (!filterAccepts(s.code, s.mask, (s.mode & SINGLE_FILTER) !== 0, frame)) return;
  const data = isDamaged && frame.data.length > 0 ? [...frame.data.slice(1), frame.data[0]] : frame.data;
  const before = s.fifo.overrun;
  fifoStore(s.fifo, frameToReceiveWindow({ ...frame, data }), s.options.profile === "esp32");
  if (!before && s.fifo.overrun) raise(s, OVERRUN_IRQ);
}

/** One group of 11 recessive bits has passed in bus-off. A receive counter above 0 blocks the count unless LOM is set. */
function countRecovery(s: TwaiState): void {
  if (s.rec > 0 && !(s.mode & LISTEN_ONLY)) return setPhase(s, "recovering");
  s.recoveredGroups++;
  s.tec = Math.max(0, RECOVERY_GROUPS - 1 - s.recoveredGroups);
  const isWarning = s.tec >= s.ewl;
  if (s.errorStatus && !isWarning) {
    s.errorStatus = false; // erratum 3.13.2: ES falls although BS is still 1
    raise(s, ERROR_IRQ);
  }
  if (s.recoveredGroups < RECOVERY_GROUPS) return waitRecessive(s, IDLE_BITS);
  s.busOff = false;
  s.postRecovery = true;
  setPhase(s, "idle");
  raise(s, ERROR_IRQ);
  updateErrorState(s);
}

/** The line stays dominant: each 8 such bits count as an error, up to error-passive. */
function countDominant(s: TwaiState): void {
  if (s.mode & LISTEN_ONLY || s.rec >= PASSIVE_FROM) return setPhase(s, "stuck");
  s.rec = Math.min(PASSIVE_FROM, s.rec + 8);
  updateErrorState(s);
  s.until = s.now + DOMINANT_RUN_BITS * bitMicros(s);
}

function endPhase(s: TwaiState): void {
  switch (s.phase) {
    case "sending": return endSending(s);
    case "recovering": return countRecovery(s);
    case "stuck": return countDominant(s);
    default: return setPhase(s, "idle");
  }
}

function nextEnd(s: TwaiState): number {
  const foreign = s.foreign ? s.foreign.endsAt : isWireFree(s) ? Math.max(s.wireFreeAt, s.now) : Infinity;
  return Math.min(s.until, foreign);
}

/** Let `us` microseconds pass on the bus. Throws a RangeError for a time that is negative or no number. */
export function advanceBus(s: TwaiState, us: number): void {
  if (!(us >= 0)) throw new RangeError("advance by " + us + " us");
  const end = s.now + us;
  s.access = { op: "bus", addr: 0, value: 0 };
  settle(s);
  for (let next = nextEnd(s); next <= end; next = nextEnd(s)) {
    s.now = Math.max(s.now, next);
    if (s.foreign && s.foreign.endsAt <= s.now) endForeign(s);
    else if (s.until <= s.now) endPhase(s);
    settle(s);
  }
  s.now = end;
}
