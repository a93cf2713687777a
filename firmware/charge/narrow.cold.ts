// A limit that must fall falls at once: what is done with a reply, a command or a setting that may narrow, between two
// steps of charge control. States, timers, filter and integrator stand still in it.
import { makeLimits, putInForce } from "./control";
import * as setting from "./settings";
import * as memory from "./memory";
import type { Limits } from "./limits";
import { BOOT, DEGRADED, type Snapshot } from "../battery/snapshot";

/** A current that falls by less than this share of its largest waits for the step of the second. */
const LITTLE = 0.02;
/** A voltage that falls by less than this waits too, mV. */
const LITTLE_MV = 100;
/** All that blocks. */
const BLOCKS = memory.BLOCK_CHARGE + memory.BLOCK_FLOOR + memory.BLOCK_DISCHARGE;

/**
 * True when limits fell that must fall at once; they are in force then. Else nothing has changed. What is watched is
 * for the caller.
 */
export function narrowAtOnce(limits: Limits, snapshot: Snapshot, now: number): boolean {
  const s = limits.state,
    set = limits.settings,
    before = new Float64Array(s);
  snapshot.isWorse = false;
  if (snapshot.phase === BOOT || snapshot.phase > DEGRADED || !limits.valid || !(s[memory.ccl] >= 0)) return false;
  s[memory.dt] = 0;
  makeLimits(limits, snapshot);
  limits.looked = true;
  const isBlocked = s[memory.blocks] & BLOCKS & ~before[memory.blocks],
    hasFallen =
      !limits.valid ||
      before[memory.cvl] - s[memory.cvl] >= LITTLE_MV ||
      before[memory.ccl] - s[memory.ccl] > set[setting.most] * LITTLE ||
      before[memory.dcl] - s[memory.dcl] > set[setting.dischargeMost] * LITTLE ||
      (isBlocked &&
        (s[memory.cvl] < before[memory.cvl] ||
          s[memory.ccl] < before[memory.ccl] ||
          s[memory.dcl] < before[memory.dcl]));
  if (hasFallen) putInForce(limits, snapshot, now);
  else s.set(before);
  return !!hasFallen;
}
