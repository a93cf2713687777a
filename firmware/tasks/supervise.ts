// Ages and phases each half second, limits and what follows from them each second, and the watchdog: it is fed only when UART
// and CAN both ran.
import { limitsStep } from "../battery/charge-control";
import { updatePhase } from "../battery/phase.cold";
import { taskOf } from "../kernel/task-start.cold";
import type { Task } from "../kernel/tasks";
import type { App } from "./app";
import { logPhase } from "./log-phase.cold";
import { eachSecond } from "./second";

const PERIOD_MS = 500, LIMITS_MS = 1000;

export interface Supervision {
  app: App;
  /** UART and CAN did their work since the last call; feed the watchdog. */
  ran(): boolean;
  feed(): void;
}

function step(own: Supervision, now: number): number {
  const app = own.app, snapshot = app.snapshot, limits = app.limits, before = snapshot.phase, phase = updatePhase(snapshot, now);
  if (phase !== before || now - limits.at >= LIMITS_MS - 5) {
    const fell = limitsStep(limits, snapshot, now, Math.min(now - limits.at, 5000) / 1000);
    eachSecond(app, now, fell || phase !== before);
    if (phase !== before) logPhase(app, phase);
  }
  if (own.ran()) own.feed();
  return 0;
}

export function superviseTask(own: Supervision): Task {
  return taskOf("supervise", PERIOD_MS, own, step);
}
