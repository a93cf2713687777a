// Sends the battery to the GX: what is known, when it is due, one frame a step from one slot a frame (the newest wins).
// Victron "CAN-bus BMS Protocol" (2021): limits each second; what is not known is not said.
import type { Alarms } from "../battery/alarms";
import type { Limits } from "../charge/limits";
import { BOOT, LOST, SILENT, type Snapshot } from "../battery/snapshot";
import type { CanPort } from "../kernel/ports";
import { taskOf } from "../kernel/tasks.cold";
import { secondLate } from "../charge/late.cold";
import type { Task } from "../kernel/tasks";
import { textFrame } from "./texts.cold";
import { ALARMS_ROW, EACH_TEN, EACH_TWO, encoders, frameIds, frameWhenLost, rareFrame, TEXTS } from "./frames.baked";

/**
 * Between two frames (never more than 40 a second), after one of limits (whose lost arbitration is tried again within
 * 20 ms), between two looks at an idle bus, at least; and least between two frames of limits that did not have to fall
 * at once, or of alarms, ms.
 */
const GAP_MS = 30,
  LIMITS_GAP_MS = 15,
  IDLE_MS = 200,
  SOON_MS = 2,
  URGENT_MS = 100;
/** The period of the grid, ms. */
const SECOND_MS = 1000;
/** When the work of each second is older than this, what it makes is replaced by the fail-safe. */
const SECOND_STALE_MS = 3000;
/** Identifier of the frame by which a GX says that it is there. */
const GX_KEEPALIVE = 0x305;
/** Identifier of the frame by which a GX says who it is. */
const GX_IDENTITY = 0x307;
/** A GX that starts anew is away for minutes: a shorter loss does not count (Victron CAN-bus BMS protocol, 2021), s. */
export const LEAST_GX_LOSS_S = 600;
/** A GX counts as present for this long, ms: for people only, nothing depends on it. */
export const GX_GONE_MS = 10000;
/** What is kept of a frame that was sent: the number of its bytes, and these. */
export const SENT_BYTES = 9;
/** The rows of the limits and of the modules. */
export const LIMITS_ROW = 0;
const MODULES_ROW = ALARMS_ROW + 1;

export interface CanTask {
  port: CanPort;
  snapshot: Snapshot;
  limits: Limits;
  alarms: Alarms;
  /**
   * Texts of the last frames, 8 bytes each (victron/texts.cold.ts), a 0 first where there is none; and part of one of
   * them.
   */
  texts: Uint8Array;
  chemistry: string;
  /** Whether each frame waits to be sent; when the next second begins (ms), and which of ten it is. */
  waiting: Uint8Array;
  nextAt: number;
  second: number;
  /** What was sent last of each frame: the number of bytes and 8 bytes; and when (ms; 0: never). */
  sent: Uint8Array;
  sentAt: Float64Array;
  /**
   * When the last periodic 0x351 went out, when limits and alarms of any kind, when the GX was last heard (-1 never).
   */
  gridAt: number;
  limitsAt: number;
  alarmsAt: number;
  /** Limits fell that must fall at once, and no 0x351 has left since. */
  hasFallen: boolean;
  gxAt: number;
  /** Without a GX for this long (ms) the battery is stopped; 0: never. */
  gxLossMs: number;
  task: Task;
}

/** A second begins: the frames of each second, two of those of each two, one of those of each ten. */
function mark(can: CanTask, now: number): void {
  const waiting = can.waiting,
    second = can.second < 9 ? can.second + 1 : 0,
    pair = EACH_TWO + (second & 1) * 2;
  can.second = second;
  can.nextAt = can.nextAt + SECOND_MS > now ? can.nextAt + SECOND_MS : now + SECOND_MS;
  waiting.fill(1, 0, EACH_TWO);
  waiting.fill(1, pair, pair + 2);
  if (EACH_TEN + second < waiting.length) waiting[EACH_TEN + second] = 1;
}

/**
 * A frame that lost its arbitration waits again; frames of a GX, at most five a step: one that was away gets all frames
 * anew.
 */
function attend(can: CanTask, now: number): void {
  const port = can.port,
    waiting = can.waiting;
  if (port.lost) {
    waiting[frameIds.indexOf(port.lost)] = 1;
    port.lost = 0;
  }
  for (let most = 5; most > 0; most--) {
    const id = port.receive();
    if (!id) break;
    if (id === GX_KEEPALIVE || id === GX_IDENTITY) {
      if (can.gxAt < 0 || now - can.gxAt > GX_GONE_MS) waiting.fill(1, EACH_TWO);
      can.gxAt = now;
    }
  }
}

/** A look at the bus, then the first frame that waits. In one piece, because a call costs as much as several lines. */
function step(can: CanTask, now: number): number {
  const port = can.port,
    waiting = can.waiting,
    snapshot = can.snapshot;
  const late = now - can.limits.doneAt > SECOND_STALE_MS;
  let phase = snapshot.phase;
  if (port.tend(now)) attend(can, now);
  if (now >= can.nextAt) mark(can, now);
  if (phase === BOOT || phase === SILENT || !can.limits.valid) {
    waiting.fill(1); // all of them when it begins
    if (late) snapshot.good = 0; // data alone brings nothing back
    return IDLE_MS;
  }
  let row = waiting.indexOf(1),
    bytes: ArrayLike<number> | undefined;
  if (row === LIMITS_ROW && now - can.limitsAt < URGENT_MS && !can.hasFallen) row = waiting.indexOf(1, 1);
  if (row === ALARMS_ROW && now - can.alarmsAt < URGENT_MS) row = waiting.indexOf(1, row + 1);
  if (late && row >= 0) {
    // who made it may have begun to make it anew since: so before each of its frames
    phase =
      row === LIMITS_ROW || row === ALARMS_ROW || row === MODULES_ROW
        ? secondLate(snapshot, can.limits, can.alarms, now)
        : LOST;
    if (phase === SILENT) return IDLE_MS;
  }
  if (row < 0) return waiting.indexOf(1) >= 0 ? GAP_MS : Math.max(SOON_MS, Math.min(can.nextAt - now, IDLE_MS));
  if (phase !== LOST || frameWhenLost[row]) {
    bytes =
      row < EACH_TWO
        ? encoders[row](snapshot.values)
        : row < TEXTS
          ? rareFrame(row, snapshot.values)
          : textFrame(can.texts, row);
  }
  if (bytes) {
    if (!port.send(frameIds[row], bytes, now)) return GAP_MS;
    can.sent.set(bytes, row * SENT_BYTES + 1);
    can.sent[row * SENT_BYTES] = bytes.length;
    can.sentAt[row] = now;
  }
  waiting[row] = 0;
  if (row > ALARMS_ROW || !bytes) return GAP_MS;
  if (row === ALARMS_ROW) can.alarmsAt = now;
  if (row !== LIMITS_ROW) return GAP_MS;
  if (can.limitsAt < can.nextAt - SECOND_MS) can.gridAt = now; // the first one of this second
  can.limitsAt = now;
  can.hasFallen = false;
  return LIMITS_GAP_MS;
}

export function canTaskOf(
  port: CanPort,
  snapshot: Snapshot,
  limits: Limits,
  alarms: Alarms,
  texts: Uint8Array,
): CanTask {
  const can: CanTask = {
    port: port,
    snapshot: snapshot,
    limits: limits,
    alarms: alarms,
    texts: texts,
    chemistry: "",
    nextAt: 0,
    second: 9,
    waiting: new Uint8Array(frameIds.length).fill(1),
    sent: new Uint8Array(frameIds.length * SENT_BYTES),
    sentAt: new Float64Array(frameIds.length),
    gridAt: 0,
    limitsAt: 0,
    hasFallen: false,
    alarmsAt: 0,
    gxAt: -1,
    gxLossMs: 0,
    task: taskOf("can", IDLE_MS, null, step),
  };
  can.task.state = can;
  return can;
}
