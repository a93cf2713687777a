// The work of each second (care/supervise.ts) has not come to its end for a while: an exception each time, or no
// memory. What it makes is as old as it is, and nobody but the CAN task is there to say so: limits, alarms, modules
// and, by the same ages as data, the phase.
import { judge, type Alarms } from "../battery/alarms";
import { BMS_INTERNAL, BMS_INTERNAL_FIELD, BMS_OFFLINE, LOST_BITS } from "../battery/alarms.baked";
import { tellLimits } from "./control";
import { failSafe } from "./fail-safe.cold";
import { codes } from "./memory";
import { GONE, type Limits } from "./limits";
import * as slot from "../battery/registers.baked";
import { LOST, LOST_MS, SILENT, SILENT_MS, type Snapshot } from "../battery/snapshot";

/** No field of 0x35A. */
const NONE = 30;

/**
 * What the frames of CAN say instead, from now on until the work is done again: those of a lost battery, after 75 s
 * nothing. From 15 s on the battery is lost for everybody, and comes back as from any loss. The phase that frames are
 * sent by.
 */
export function secondLate(s: Snapshot, limits: Limits, a: Alarms, now: number): number {
  const v = s.values,
    age = now - limits.doneAt;
  if (age > LOST_MS) {
    s.phase = age > SILENT_MS || s.phase === SILENT ? SILENT : LOST;
    s.good = 0;
    a.at = now / 1000;
    judge(a, BMS_INTERNAL, BMS_INTERNAL_FIELD, 0, true, false, false);
    judge(a, BMS_OFFLINE, NONE, 0, true, false, false);
  }
  failSafe(limits, s, LOST);
  tellLimits(limits, s);
  limits.state[codes] = NaN;
  if (limits.valid) limits.reason = GONE;
  v[slot.alarmBits] = v[slot.warningBits] = LOST_BITS;
  v[slot.modulesOk] = v[slot.onlineCapacity] = 0;
  v[slot.modulesBlockingCharge] = v[slot.modulesBlockingDischarge] = v[slot.modulesOffline] = 1;
  v[slot.internalFailure] = 2;
  a.key = s.derived = -1; // all of it is made anew
  return s.phase > LOST ? s.phase : LOST;
}
