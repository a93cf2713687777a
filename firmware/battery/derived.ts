// What is derived of the snapshot each second beside limits and alarms: where the extremes are, and the battery as
// modules.
import * as slot from "./registers.baked";
import { LOST, type Snapshot } from "./snapshot";

/** Derive; bits of the places that have moved: lowest cell 1, highest 2, coldest sensor 4, hottest 8. */
export function deriveSecond(s: Snapshot): number {
  const v = s.values,
    lost = s.phase >= LOST ? 1 : 0,
    one = v[slot.externalTemp1],
    two = v[slot.externalTemp2];
  const single = one > -100 ? 1 : two > -100 ? 2 : 3,
    isPair = one <= two || one > two;
  const coldest = isPair ? (one <= two ? 1 : 2) : single,
    hottest = isPair ? (one >= two ? 1 : 2) : single;
  const charge = v[slot.chargeCurrentLimit] > 0 ? 0 : 1,
    discharge = v[slot.dischargeCurrentLimit] > 0 ? 0 : 1;
  const key =
    v[slot.lowestCell] |
    (v[slot.highestCell] << 5) |
    (coldest << 10) |
    (hottest << 12) |
    (charge << 14) |
    (discharge << 15) |
    (lost << 16);
  const was = s.derived ^ key;
  v[slot.onlineCapacity] = lost ? 0 : v[slot.batteryCapacity];
  if (!was) return 0;
  s.derived = key;
  v[slot.coldestSensor] = coldest;
  v[slot.hottestSensor] = hottest;
  v[slot.modulesOk] = 1 - lost;
  v[slot.modulesOffline] = lost;
  v[slot.modulesBlockingCharge] = charge;
  v[slot.modulesBlockingDischarge] = discharge;
  return (was & 31 ? 1 : 0) | (was & 992 ? 2 : 0) | (was & 3072 ? 4 : 0) | (was & 12288 ? 8 : 0);
}
