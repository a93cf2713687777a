// Sends the battery to the GX: what is known, when it is due, one frame a step from one slot a frame (the newest wins).
// Victron "CAN-bus BMS Protocol" (2021): limits each second; what is not known is not said.
import { limitsStep } from "../battery/charge-control";
import type { Limits } from "../battery/limits";
import { BOOT, LOST, SILENT, type Snapshot } from "../battery/snapshot";
import type { CanPort } from "../kernel/ports";
import { taskOf, type Task } from "../kernel/tasks";
import { encoders, frameEvery, frameIds, frameWhenLost } from "../victron/frames.baked";

/** Between two frames, between two looks at an idle bus, and least between two frames of limits, ms. */
const GAP_MS = 20, IDLE_MS = 200, URGENT_MS = 100;
/** Limits older than this are replaced by the fail-safe. */
const LIMITS_STALE_MS = 3000;
/** Identifiers of a GX; it counts as present for this long, ms: for people only, nothing depends on it. */
const GX_KEEPALIVE = 0x305, GX_IDENTITY = 0x307;
export const GX_GONE_MS = 10000;
/** Rows of the frame table that go out at once when a limit fell or the phase changed: limits, alarms. */
export const LIMITS_ROW = 0, ALARMS_ROW = 3;

export interface CanTask {
  port: CanPort; snapshot: Snapshot; limits: Limits;
  /** Bytes of the frames that carry a setting's text. */
  text: Uint8Array;
  /** When each frame is due and the first of them (ms), and whether each waits to be sent. */
  due: Float64Array; nextAt: number; waiting: Uint8Array;
  /** When the last periodic 0x351 went out, when the last of any kind, when the GX was last heard (-1 never). */
  gridAt: number; limitsAt: number; gxAt: number;
  task: Task;
}

/** Mark what has become due, and note when the next frame is. */
function mark(can: CanTask, now: number): void {
  const due = can.due;
  let row = 0, next = now + 1000;
  for (let at of due) {
    if (now >= at) {
      can.waiting[row] = 1;
      at = at + frameEvery[row] * 100 > now && at > 0 ? at + frameEvery[row] * 100 : now + frameEvery[row] * 100;
      due[row] = at;
      if (row === 0) can.gridAt = now;
    }
    if (at < next) next = at;
    row++;
  }
  can.nextAt = next;
}

/** Send the first frame that waits; whether more do. */
function sendOne(can: CanTask, now: number): boolean {
  const values = can.snapshot.values, lost = can.snapshot.phase === LOST;
  let row = can.waiting.indexOf(1);
  if (row === 0 && now - can.limitsAt < URGENT_MS) row = can.waiting.indexOf(1, 1);
  if (row < 0) return can.waiting[0] === 1;
  if (row === 0 && now - can.limits.at > LIMITS_STALE_MS) limitsStep(can.limits, can.snapshot, now, -1);
  const encode = encoders[row], bytes = lost && !frameWhenLost[row] ? undefined : encode ? encode(values) : can.text;
  if (!bytes) {
    can.waiting[row] = 0;
  } else if (can.port.send(frameIds[row], bytes, now)) {
    can.waiting[row] = 0;
    if (row === 0) can.limitsAt = now;
  }
  return true;
}

function step(can: CanTask, now: number): number {
  const phase = can.snapshot.phase;
  can.port.tend(now);
  let id = can.port.receive(), most = 5;
  for (; id && most > 0; most--) {
    if (id === GX_KEEPALIVE || id === GX_IDENTITY) {
      if (can.gxAt < 0 || now - can.gxAt > GX_GONE_MS) can.due.fill(can.nextAt = 0, 5);
      can.gxAt = now;
    }
    id = can.port.receive();
  }
  if (now >= can.nextAt) mark(can, now);
  const wait = Math.min(can.nextAt - now, IDLE_MS);
  if (phase === BOOT || phase === SILENT || !can.limits.valid) {
    can.waiting.fill(0);
    return IDLE_MS;
  }
  return sendOne(can, now) ? GAP_MS : wait < GAP_MS ? GAP_MS : wait;
}

export function canTaskOf(port: CanPort, snapshot: Snapshot, limits: Limits, text: Uint8Array): CanTask {
  const can = { port: port, snapshot: snapshot, limits: limits, text: text, due: new Float64Array(frameIds.length),
    waiting: new Uint8Array(frameIds.length), gridAt: 0, limitsAt: 0, gxAt: -1, nextAt: 0 } as unknown as CanTask;
  can.task = taskOf("can", IDLE_MS, can, step);
  return can;
}
