// What follows from the limits each second: energy, extremes, alarms; and the frames that are sent at once because of it.
import { BUS_OFF, CAN_UNHEARD, GX_GONE } from "../battery/alarm-state";
import { alarmsStep } from "../battery/alarms.baked";
import { energyStep } from "../battery/energy";
import { alarmBits, warningBits } from "../battery/registers.baked";
import { severity } from "../battery/charge-settings";
import { deriveSecond } from "../battery/second";
import { BOOT, SILENT } from "../battery/snapshot";
import { hurryTask } from "../kernel/tasks";
import { ALARMS_ROW, EACH_TWO } from "../victron/frames.baked";
import type { App } from "./app";
import { GX_GONE_MS, LIMITS_ROW } from "./can";
import { tenSeconds } from "./ten-seconds.cold";

/** Nobody acknowledges for this long: an alarm. Ten seconds. A frame that the grid brings this soon is not sent in advance. ms */
const UNHEARD_MS = 10000, TEN_MS = 10000, NEAR_MS = 150;
/** What is urgent leaves within this time, ms. */
const SOON_MS = 20;

/** A second has passed, or the phase has changed; `fell`: a limit is lower than it was. */
export function eachSecond(app: App, now: number, fell: boolean): void {
  const s = app.snapshot, v = s.values, a = app.alarms, can = app.can, port = app.canPort, waiting = can.waiting, gxAt = can.gxAt;
  const alarms = v[alarmBits], warnings = v[warningBits];
  let device = app.rates.bits;
  if (now - app.rates.doneAt >= TEN_MS) tenSeconds(app, now);
  if (gxAt < 0 || now - gxAt > GX_GONE_MS) device |= GX_GONE;
  if (now - port.ackAt > UNHEARD_MS) {
    if (s.phase > BOOT && s.phase < SILENT && app.limits.valid) device |= CAN_UNHEARD;
    if (port.busOff > app.rates.busOff) device |= BUS_OFF;
  } else {
    app.rates.busOff = port.busOff; // what comes after it is why nobody acknowledges
  }
  a.device = device;
  a.config = s.phase === BOOT ? 0 : app.limits.settings[severity];
  a.step = Math.min(now / 1000 - a.at, 5) * 4 + 0.5 | 0;
  a.at = now / 1000;
  energyStep(app.energy, s);
  const moved = deriveSecond(s);
  if (moved) {
    if (moved & 1) waiting[EACH_TWO] = 1;
    if (moved & 2) waiting[EACH_TWO + 1] = 1;
    if (moved & 4) waiting[EACH_TWO + 2] = 1;
    if (moved & 8) waiting[EACH_TWO + 3] = 1;
  }
  alarmsStep(a, s);
  if (can.nextAt - now > NEAR_MS) {
    const changed = v[alarmBits] !== alarms || v[warningBits] !== warnings;
    if (fell) waiting[LIMITS_ROW] = 1;
    if (changed) waiting[ALARMS_ROW] = 1;
    if (fell || changed) hurryTask(app.scheduler, can.task, SOON_MS);
  }
}
