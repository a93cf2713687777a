// From where on a reply may make a limit fall at once: the thresholds of settings and tables, and beyond them what was
// looked at last.
import * as setting from "./settings";
import type { Limits } from "./limits";
import * as slot from "../battery/registers.baked";
import {
  ABSENT_WORD,
  BOTTOM,
  COLDEST,
  HOTTEST,
  INTERNAL,
  NO_SENSOR,
  type Snapshot,
  TOP,
  TOP_CELL,
} from "../battery/snapshot";

/** A highest cell that rises by this takes less than 2 % of the charge current, mV. */
const LITTLE_UP = 1;
/** A lowest cell that falls by this takes less than 2 % of the discharge current, mV. */
const LITTLE_DOWN = 3;
/** Less than registers tell: beyond a threshold less this is at the threshold, mV. */
const AT = 0.05;

/**
 * Watch from here on what is now: only what is worse than it can make a limit fall. Temperatures are followed when they
 * change.
 */
export function watchFrom(limits: Limits, snapshot: Snapshot): void {
  const set = limits.settings,
    v = snapshot.values,
    watched = snapshot.watched,
    blockTop = set[setting.blockTop] - AT,
    blockBottom = set[setting.blockBottom] + AT,
    highest = snapshot.highest,
    lowest = snapshot.lowest,
    topCell = snapshot.topCell,
    isBare = isNaN(v[slot.externalTemp1]) && isNaN(v[slot.externalTemp2]);
  let top = Math.min(set[setting.clearTop], blockTop),
    bottom = Math.max(set[setting.clearBottom], blockBottom),
    cell = Math.min(top, set[setting.limit] + set[setting.hard]);
  limits.looked = highest > top || lowest < bottom || topCell > cell;
  if (highest > top) top = highest < blockTop ? Math.min(highest + LITTLE_UP, blockTop) : highest;
  if (lowest < bottom) bottom = lowest > blockBottom ? Math.max(lowest - LITTLE_DOWN, blockBottom) : lowest;
  if (topCell > cell) cell = topCell < blockTop ? Math.min(topCell + LITTLE_UP, blockTop) : topCell;
  watched[TOP] = top;
  watched[BOTTOM] = bottom;
  watched[TOP_CELL] = cell;
  watched[COLDEST] = v[slot.minTemperature] < set[setting.clearCold] ? v[slot.minTemperature] : set[setting.clearCold];
  watched[HOTTEST] = v[slot.maxTemperature] > set[setting.clearHot] ? v[slot.maxTemperature] : set[setting.clearHot];
  watched[INTERNAL] =
    v[slot.internalTemp] > set[setting.clearInternal] ? v[slot.internalTemp] : set[setting.clearInternal];
  watched[NO_SENSOR] = isBare ? NaN : ABSENT_WORD;
}
