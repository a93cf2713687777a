// Ages and phases each half second, limits each second, and the watchdog: it is fed only when UART and CAN both ran.
import { limitsStep } from "../battery/charge-control";
import type { Limits } from "../battery/limits";
import { updatePhase } from "../battery/phase.cold";
import type { Snapshot } from "../battery/snapshot";
import { taskOf, type Task } from "../kernel/tasks";
import { ALARMS_ROW, LIMITS_ROW, type CanTask } from "./can";

const PERIOD_MS = 500, LIMITS_MS = 1000;

export interface Supervision {
  snapshot: Snapshot; limits: Limits; can: CanTask;
  /** UART and CAN did their work since the last call; feed the watchdog. */
  ran(): boolean;
  feed(): void;
}

function step(own: Supervision, now: number): number {
  const snapshot = own.snapshot, limits = own.limits, waiting = own.can.waiting, before = snapshot.phase, phase = updatePhase(snapshot, now);
  if (phase !== before || now - limits.at >= LIMITS_MS - 5) {
    if (limitsStep(limits, snapshot, now, Math.min(now - limits.at, 5000) / 1000) || phase !== before) waiting[LIMITS_ROW] = waiting[ALARMS_ROW] = 1;
  }
  if (own.ran()) own.feed();
  return 0;
}

export function superviseTask(own: Supervision): Task {
  return taskOf("supervise", PERIOD_MS, own, step);
}
