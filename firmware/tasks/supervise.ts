// Ages and phases each half second, limits each second, and the watchdog: it is fed only when UART and CAN both ran.
import type { Limits } from "../battery/limits";
import { limitsStep } from "../battery/limits-step.cold";
import { updatePhase } from "../battery/phase.cold";
import type { Snapshot } from "../battery/snapshot";
import { taskOf, type Task } from "../kernel/tasks";
import { canUrgent, type CanTask } from "./can";

const PERIOD_MS = 500, LIMITS_MS = 1000;

/** The task. `feed` feeds the watchdog; `ran` says that UART and CAN did their work since the last call. */
export function superviseTask(snapshot: Snapshot, limits: Limits, can: CanTask, ran: () => boolean, feed: () => void): Task {
  return taskOf("supervise", PERIOD_MS, function (now) {
    const before = snapshot.phase, phase = updatePhase(snapshot, now);
    if (phase !== before || now - limits.at >= LIMITS_MS - 5) {
      if (limitsStep(limits, snapshot, now, Math.min(now - limits.at, 5000) / 1000) || phase !== before) canUrgent(can);
    }
    if (ran()) feed();
    return 0;
  });
}
