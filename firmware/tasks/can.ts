// Sends the battery to the GX: what is known, when it is due, one frame a step from one slot a frame (the newest wins).
// Victron "CAN-bus BMS Protocol" (2021): limits each second; what is not known is not said.
import { limitsStep } from "../battery/charge-control";
import type { Limits } from "../battery/limits";
import { BOOT, LOST, SILENT, type Snapshot } from "../battery/snapshot";
import type { CanPort } from "../kernel/ports";
import { taskOf } from "../kernel/task-start.cold";
import type { Task } from "../kernel/tasks";
import { textFrame } from "../victron/text-frame.cold";
import { ALARMS_ROW, EACH_TEN, EACH_TWO, encoders, frameIds, frameWhenLost, rareFrame, TEXTS } from "../victron/frames.baked";

/** Between two frames (never more than 40 a second), after one of limits (whose lost arbitration is tried again within 20 ms),
 *  between two looks at an idle bus, at least; and least between two frames of limits or alarms, ms. */
const GAP_MS = 30, LIMITS_GAP_MS = 15, IDLE_MS = 200, SOON_MS = 2, URGENT_MS = 100;
/** The period of the grid, ms. */
const SECOND_MS = 1000;
/** Limits older than this are replaced by the fail-safe. */
const LIMITS_STALE_MS = 3000;
/** Identifiers of a GX; it counts as present for this long, ms: for people only, nothing depends on it. */
const GX_KEEPALIVE = 0x305, GX_IDENTITY = 0x307;
export const GX_GONE_MS = 10000;
/** The row of the limits. */
export const LIMITS_ROW = 0;

export interface CanTask {
  port: CanPort; snapshot: Snapshot; limits: Limits;
  /** Texts of the last frames, 8 bytes each (victron/texts.cold.ts), a 0 first where there is none; and part of one of them. */
  texts: Uint8Array; chemistry: string;
  /** Whether each frame waits to be sent; when the next second begins (ms), and which of ten it is. */
  waiting: Uint8Array; nextAt: number; second: number;
  /** When the last periodic 0x351 went out, when limits and alarms of any kind, when the GX was last heard (-1 never). */
  gridAt: number; limitsAt: number; alarmsAt: number; gxAt: number;
  /** Without a GX for this long (ms) the battery is stopped; 0: never. */
  gxLossMs: number;
  task: Task;
}

/** A second begins: the frames of each second, two of those of each two, one of those of each ten. */
function mark(can: CanTask, now: number): void {
  const waiting = can.waiting, second = can.second < 9 ? can.second + 1 : 0, pair = EACH_TWO + (second & 1) * 2;
  can.second = second;
  can.nextAt = can.nextAt + SECOND_MS > now ? can.nextAt + SECOND_MS : now + SECOND_MS;
  waiting.fill(1, 0, EACH_TWO);
  waiting.fill(1, pair, pair + 2);
  if (EACH_TEN + second < waiting.length) waiting[EACH_TEN + second] = 1;
}

/** A frame that lost its arbitration waits again; frames of a GX, at most five a step: one that was away gets all frames anew. */
function attend(can: CanTask, now: number): void {
  const port = can.port, waiting = can.waiting;
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
  const port = can.port, waiting = can.waiting, snapshot = can.snapshot, phase = snapshot.phase;
  if (port.tend(now)) attend(can, now);
  if (now >= can.nextAt) mark(can, now);
  if (phase === BOOT || phase === SILENT || !can.limits.valid) {
    waiting.fill(1); // all of them when it begins
    return IDLE_MS;
  }
  let row = waiting.indexOf(1), bytes: ArrayLike<number> | undefined;
  if (row === LIMITS_ROW) {
    if (now - can.limitsAt < URGENT_MS) row = waiting.indexOf(1, 1);
    else if (now - can.limits.doneAt > LIMITS_STALE_MS) limitsStep(can.limits, snapshot, now, -1);
  }
  if (row === ALARMS_ROW && now - can.alarmsAt < URGENT_MS) row = waiting.indexOf(1, row + 1);
  if (row < 0) return waiting.indexOf(1) >= 0 ? GAP_MS : Math.max(SOON_MS, Math.min(can.nextAt - now, IDLE_MS));
  if (phase !== LOST || frameWhenLost[row]) {
    bytes = row < EACH_TWO ? encoders[row](snapshot.values) : row < TEXTS ? rareFrame(row, snapshot.values) : textFrame(can.texts, row);
  }
  if (bytes && !port.send(frameIds[row], bytes, now)) return GAP_MS;
  waiting[row] = 0;
  if (row > ALARMS_ROW || !bytes) return GAP_MS;
  if (row === ALARMS_ROW) can.alarmsAt = now;
  if (row !== LIMITS_ROW) return GAP_MS;
  if (can.limitsAt < can.nextAt - SECOND_MS) can.gridAt = now; // the first one of this second
  can.limitsAt = now;
  return LIMITS_GAP_MS;
}

export function canTaskOf(port: CanPort, snapshot: Snapshot, limits: Limits, texts: Uint8Array): CanTask {
  const can = { port: port, snapshot: snapshot, limits: limits, texts: texts, chemistry: "", nextAt: 0, second: 9,
    waiting: new Uint8Array(frameIds.length).fill(1), gridAt: 0, limitsAt: 0, alarmsAt: 0, gxAt: -1, gxLossMs: 0 } as unknown as CanTask;
  can.task = taskOf("can", IDLE_MS, can, step);
  return can;
}
