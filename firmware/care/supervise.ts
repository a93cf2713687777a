// Ages and phases each half second, limits each second and in the turn behind them what follows from them, and the
// watchdog: it is fed only when UART and CAN both ran.

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

/** The next turn of the main loop, ms. */
const NEXT_TURN_MS = 1;

export interface Supervision {
  needs: Needs;
  /** The next half second is a second: every other one is, however late it comes. */
  isSecond: boolean;
  /** When the next half second begins, ms. */
  nextAt: number;
  /** Limits were made, and what follows from them has the next turn: the UART is looked at between the two. */
  isMade: boolean;
  /** UART and CAN did their work since the last call; feed the watchdog. */
  ran(): boolean;
  feed(): void;
}

function step(own: Supervision, now: number): number {
  const needs = own.needs;
  if (own.isMade) {
    own.isMade = false;
    eachSecond(needs, now);
  } else {
    own.nextAt = own.nextAt + PERIOD_MS > now ? own.nextAt + PERIOD_MS : now + PERIOD_MS;
    halfSecond(own, now);
    if (own.ran()) own.feed();
    if (own.isMade) return NEXT_TURN_MS;
  }
  return own.nextAt > now ? own.nextAt - now : NEXT_TURN_MS;
}

function halfSecond(own: Supervision, now: number): void {
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
    if (fell || phase !== before) sendSoon(needs, LIMITS_ROW);
    if (phase !== before) logPhase(needs, phase);
    own.isMade = true;
  } else if (now - needs.rates.doneAt >= TEN_MS) tenSeconds(needs, now); // not in the turn of a second's work
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

/** A frame is due, the first that may go. */
function sendSoon(needs: Needs, row: number): void {
  needs.can.waiting[row] = 1;
  hurryTask(needs.scheduler, needs.can.task, SOON_MS);
}

/** Limits were made, because a second has passed or the phase has changed. */
function eachSecond(needs: Needs, now: number): void {
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
  if ((v[alarmBits] !== alarms || v[warningBits] !== warnings) && can.nextAt - now > NEAR_MS)
    sendSoon(needs, ALARMS_ROW);
  needs.limits.doneAt = now;
}
