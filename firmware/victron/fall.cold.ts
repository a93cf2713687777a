// Limits that must fall between two steps of charge control, and the frame that says so.
import { narrowAtOnce } from "../charge/narrow.cold";
import { watchFrom } from "../charge/watch.cold";
import { hurryTask, setTimer, stepTask } from "../kernel/tasks";
import type { Needs } from "./needs";
import { LIMITS_ROW } from "./task";

/** Least time between two frames (Victron CAN-bus BMS protocol, 2021), ms. */
const GAP_MS = 5;

/** The frame leaves in this turn, unless another has just left. */
function sendLimits(needs: Needs): void {
  const can = needs.can,
    task = can.task,
    now = needs.natives.now();
  can.waiting[LIMITS_ROW] = 1;
  can.hasFallen = true;
  if (now - task.at < GAP_MS) {
    hurryTask(needs.scheduler, task, GAP_MS);
    return;
  }
  stepTask(needs.scheduler, task, now);
  setTimer(needs.scheduler, now);
}

/**
 * A reply, a command or a setting may narrow the limits: if they must fall they do, and 0x351 is the next frame. If
 * not, less is watched for until the next second; what has just fallen is looked at once more, with the next reply:
 * this one has no time for it.
 */
export function fallAtOnce(needs: Needs, now: number): void {
  if (narrowAtOnce(needs.limits, needs.snapshot, now)) sendLimits(needs);
  else watchFrom(needs.limits, needs.snapshot);
  needs.limits.looked = true;
}
