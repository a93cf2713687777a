// Limits from outside: they only narrow, and each of them ends by itself.
import * as memory from "./memory";
import type { Limits } from "./limits";

/** What has ended by now leaves the limit; `externalUntil` is when to look again: the end that comes first. */
export function endExternal(limits: Limits): void {
  const s = limits.state;
  s[memory.externalUntil] = NaN;
  for (const way of [0, 1, 2]) {
    const end = s[memory.externalEnds + way];
    if (limits.at >= end) s[memory.externalCvl + way] = s[memory.externalEnds + way] = NaN;
    else if (end === end && !(s[memory.externalUntil] <= end)) s[memory.externalUntil] = end;
  }
}

/**
 * Narrow limits from outside until `until` (ms): mV of the pack, A, A; NaN leaves one, and what narrows it, alone. They
 * never widen, the voltage never goes below its floor, and there is no narrowing without an end.
 */
export function narrowLimits(limits: Limits, cvl: number, ccl: number, dcl: number, until: number): void {
  const s = limits.state,
    given = [cvl, ccl, dcl];
  for (const way of [0, 1, 2]) {
    const value = given[way];
    if (isNaN(value)) continue;
    s[memory.externalCvl + way] = value < 0 ? 0 : value;
    s[memory.externalEnds + way] = until;
  }
  endExternal(limits);
  s[memory.blocks] |= memory.LOOK;
}
