// Ages and phases each half second, limits and what follows from them each second, and the watchdog: it is fed only
// when UART and CAN both ran.

import type { Needs } from "./needs";
import { BMS_LATE, BMS_NEVER, BUS_OFF, CAN_UNHEARD, GX_GONE } from "../battery/alarms";
import { alarmsStep } from "../battery/alarms.baked";
import { deriveSecond } from "../battery/derived";
import { energyStep } from "../battery/energy";
import { alarmBits, warningBits } from "../battery/registers.baked";
import { BOOT, DEGRADED_MS, LOST_MS, SILENT } from "../battery/snapshot";
import { updatePhase } from "../battery/snapshot.cold";
import { limitsStep } from "../charge/control";
import { secondLate } from "../charge/late.cold";
import { severity } from "../charge/settings";
import { type Task, hurryTask } from "../kernel/tasks";
import { taskOf } from "../kernel/tasks.cold";
import { logPhase } from "../log/log.cold";
import { ALARMS_ROW, EACH_TWO } from "../victron/frames.baked";
import { GX_GONE_MS, LIMITS_ROW } from "../victron/task";
import { alarmsChanged } from "./alarms.cold";
import { tellMissing } from "./missing.cold";
import { tenSeconds } from "./ten-seconds.cold";

/** Period of a step, ms. */
const PERIOD_MS = 500;
/**
 * Three seconds in a row did not come to their end: new limits, which would leave by HTTP and MQTT, stay those of a
 * lost battery.
 */
const MISSED_MS = 3500;

export interface Supervision {
  needs: Needs;
  /** The next step is a second: every other one is, however late it comes. */
  isSecond: boolean;
  /** UART and CAN did their work since the last call; feed the watchdog. */
  ran(): boolean;
  feed(): void;
}

function step(own: Supervision, now: number): number {
  const needs = own.needs,
    snapshot = needs.snapshot,
    limits = needs.limits,
    before = snapshot.phase,
    isSecond = own.isSecond,
    phase = updatePhase(snapshot, now);
  own.isSecond = !isSecond;
  if (isSecond || phase !== before) {
    const fell = limitsStep(limits, snapshot, now, Math.min(now - limits.at, 5000) / 1000);
    if (now - limits.doneAt > MISSED_MS && phase > BOOT && phase < SILENT && limits.valid)
      secondLate(snapshot, limits, needs.alarms, now);
    eachSecond(needs, now, fell || phase !== before);
    if (phase !== before) logPhase(needs, phase);
  } else if (now - needs.rates.doneAt >= TEN_MS) tenSeconds(needs, now); // not in the turn of a second's work
  if (own.ran()) own.feed();
  return 0;
}

export function superviseTask(own: Supervision): Task {
  return taskOf("supervise", PERIOD_MS, own, step);
}

// What follows from the limits each second: energy, extremes, alarms; and the frames that are sent at once because of
// it.

/** Nobody acknowledges a frame for this long: an alarm, ms. */
const UNHEARD_MS = 10000;
/** Period of what is done each ten seconds, ms. */
const TEN_MS = 10000;
/** Alarms that the next periodic frame brings within this time are not sent in advance, ms. */
const NEAR_MS = 150;
/** What is urgent leaves within this time, ms. */
const SOON_MS = 20;

/** A second has passed, or the phase has changed; `fell`: a limit is lower than it was. */
export function eachSecond(needs: Needs, now: number, fell: boolean): void {
  const s = needs.snapshot,
    v = s.values,
    a = needs.alarms,
    can = needs.can,
    port = needs.canPort,
    waiting = can.waiting,
    gxAt = can.gxAt;
  const alarms = v[alarmBits],
    warnings = v[warningBits];
  const rates = needs.rates;
  let device = rates.bits;
  if (now - gxAt > GX_GONE_MS) device |= GX_GONE;
  // a TinyBMS that has not told everything once is late, then missing, at the ages of degraded and lost
  if (s.phase === BOOT && now > DEGRADED_MS) device |= now > LOST_MS ? BMS_LATE | BMS_NEVER : BMS_LATE;
  if (now >= rates.sayAt && (s.phase === BOOT || s.faults.at < 0)) tellMissing(needs, now);
  if (s.phase === BOOT || s.phase === SILENT || !needs.limits.valid) rates.silentAt = now;
  if (now - port.ackAt > UNHEARD_MS) {
    if (now - rates.silentAt > UNHEARD_MS) device |= CAN_UNHEARD;
    if (port.busOff > rates.busOff) device |= BUS_OFF;
  } else {
    rates.busOff = port.busOff; // what comes after it is why nobody acknowledges
  }
  a.device = device;
  a.config = s.phase === BOOT ? 0 : needs.limits.settings[severity];
  const at = now / 1000;
  a.step = Math.min(((at * 4) | 0) - ((a.at * 4) | 0), 20);
  a.at = at;
  energyStep(needs.energy, s);
  const moved = deriveSecond(s);
  if (moved) {
    if (moved & 1) waiting[EACH_TWO] = 1;
    if (moved & 2) waiting[EACH_TWO + 1] = 1;
    if (moved & 4) waiting[EACH_TWO + 2] = 1;
    if (moved & 8) waiting[EACH_TWO + 3] = 1;
  }
  const changes = a.changes;
  alarmsStep(a, s);
  if (a.changes !== changes) alarmsChanged(needs);
  const changed = (v[alarmBits] !== alarms || v[warningBits] !== warnings) && can.nextAt - now > NEAR_MS;
  if (fell) waiting[LIMITS_ROW] = 1;
  if (changed) waiting[ALARMS_ROW] = 1;
  if (fell || changed) hurryTask(needs.scheduler, can.task, SOON_MS);
  needs.limits.doneAt = now;
}
