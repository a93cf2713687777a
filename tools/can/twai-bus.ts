// The ESP32's controller on the wire (wire.ts): what sending, receiving, errors and recovery do to its registers.
// Source: ESP32 Technical Reference Manual, chapter TWAI; errata: Espressif, ESP32 Chip Errata, TWAI-3.13.
import { filterAccepts } from "./twai-filter";
import { Frame, frameToReceiveWindow } from "./frame";
import { fifoStore } from "./twai-fifo";
import { receiveLine, transmitPin } from "./twai-gpio";
import {
  bitMicros,
  countReceiveError,
  countSuccess,
  countTransmitError,
  isRunning,
  raise,
  releaseTransmit,
  updateErrorState,
} from "./twai-mode";
import {
  ARBITRATION_IRQ,
  ERROR_IRQ,
  LISTEN_ONLY,
  OVERRUN_IRQ,
  SELF_TEST,
  SINGLE_FILTER,
  TwaiState,
  violate,
} from "./twai-state";
import { IDLE_BITS, isAttached, setPhase, waitRecessive, WireNode } from "./wire";

const RECOVERY_GROUPS = 128,
  PASSIVE_FROM = 128;

/**
 * An attempt that is not repeated is over. An aborted one shows TCS = 1 although nobody got it, and `[C]` so may a
 * failed single shot.
 */
function giveUp(s: TwaiState): void {
  if (!s.tx.singleShot && !s.tx.abort) return;
  releaseTransmit(s, s.options.profile === "esp32" && (s.tx.abort || s.options.singleShotCompletes));
}

function loseArbitration(s: TwaiState, bit: number): void {
  if (s.alcArmed) {
    s.alc = bit;
    s.alcArmed = false;
    raise(s, ARBITRATION_IRQ);
  }
  giveUp(s);
}

/** The first frame after a recovery that skipped reset mode is malformed (erratum 3.13.3). */
function checkRecovered(s: TwaiState): void {
  if (s.postRecovery)
    violate(s, "frame sent after bus-off recovery without a turn through reset mode (erratum 3.13.3)");
  s.postRecovery = false;
}

/** Erratum 3.13.1: traffic raises the receive counter in reset mode and in bus-off unless LOM freezes it. */
function hearTraffic(s: TwaiState): void {
  if (s.options.profile !== "esp32" || s.mode & LISTEN_ONLY || !isAttached(s)) return;
  s.rec = s.busOff ? 1 : Math.min(PASSIVE_FROM - 1, s.rec + 1);
}

/** Put a frame that the filter accepts into the FIFO; a damaged one (erratum 3.13.5) with its data bytes rotated. */
function store(s: TwaiState, frame: Frame, isDamaged: boolean): void {
  if (!filterAccepts(s.code, s.mask, (s.mode & SINGLE_FILTER) !== 0, frame)) return;
  const data = isDamaged && frame.data.length > 0 ? [...frame.data.slice(1), frame.data[0]] : frame.data;
  const before = s.fifo.overrun;
  fifoStore(s.fifo, frameToReceiveWindow({ ...frame, data }), s.options.profile === "esp32");
  if (!before && s.fifo.overrun) raise(s, OVERRUN_IRQ);
}

function receive(s: TwaiState, frame: Frame, isOwn: boolean): void {
  if (isOwn) return store(s, frame, false);
  countSuccess(s, true);
  const isDamaged = s.nextRxDamaged;
  s.nextRxDamaged = false;
  store(s, frame, isDamaged);
}

/**
 * One group of 11 recessive bits has passed in bus-off. A receive counter above 0 blocks the count unless LOM is set.
 */
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
function countDominant(s: TwaiState): boolean {
  if (s.mode & LISTEN_ONLY || s.rec >= PASSIVE_FROM) return false;
  s.rec = Math.min(PASSIVE_FROM, s.rec + 8);
  updateErrorState(s);
  return true;
}

/** This controller as the wire knows it. */
export function twaiNode(s: TwaiState): WireNode {
  return {
    bitMicros: () => bitMicros(s),
    line: () => receiveLine(s),
    drives: () => transmitPin(s) >= 0,
    isRunning: () => isRunning(s),
    isSelfTest: () => (s.mode & SELF_TEST) !== 0,
    isPassive: () => s.errorPassive,
    pending: () => (s.tx.pending ? s.tx.frame : null),
    starting: () => checkRecovered(s),
    lost: (bit) => loseArbitration(s, bit),
    sent: () => {
      const { selfRx } = s.tx;
      countSuccess(s, false);
      releaseTransmit(s, true);
      return selfRx;
    },
    failed: (error, isAckMissing) => {
      giveUp(s);
      countTransmitError(s, error, isAckMissing);
    },
    received: (frame, isOwn) => receive(s, frame, isOwn),
    disturbed: (error) => countReceiveError(s, error),
    overheard: () => hearTraffic(s),
    countRecovery: () => countRecovery(s),
    countDominant: () => countDominant(s),
  };
}
