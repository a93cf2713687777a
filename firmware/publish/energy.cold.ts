// Energy of the day, of yesterday and of the month (local time: setting time.zone), from the counters and what they
// were when each began.

import type { StorePort } from "../kernel/ports";
import {
  ENERGY_PERIODS,
  ENERGY_SIDES,
  PERIOD_DAILY,
  PERIOD_MONTHLY,
  PERIOD_YESTERDAY,
  SIDE_CHARGE,
  SIDE_DISCHARGE,
} from "./topics.baked";
import { DAY_S } from "../kernel/time";
import { dayOf } from "../kernel/time.cold";

/**
 * Kept in flash: day since 1970; counters (charged, discharged, kWh) when it, the day before ([] unknown) and the month
 * began; what was published of it; how often they were made anew; which of the three were not seen from their begin (a
 * bit each).
 */
export interface Totals {
  day: number;
  seq: number;
  today: number[];
  before: number[];
  month: number[];
  said: number;
  part?: number;
}

/** A day that is looked at so soon was seen from its begin, s. */
const BEGIN_S = 300;

/**
 * The totals of the day of `local` (s since 1970, local time): `was` itself, or new ones. A day that was not seen from
 * its begin counts from the counters as they are now. A clock that goes back over midnight stays in the day that began.
 */
export function totalsOn(was: Totals | null, local: number, now: number[]): Totals {
  const day = Math.floor(local / DAY_S);
  if (
    was &&
    (was["day"] === day || was["day"] === day + 1) &&
    !(was["today"][SIDE_CHARGE] > now[SIDE_CHARGE] || was["today"][SIDE_DISCHARGE] > now[SIDE_DISCHARGE])
  )
    return was;
  const goesOn =
    was &&
    was["day"] < day &&
    was["month"][SIDE_CHARGE] <= now[SIDE_CHARGE] &&
    was["month"][SIDE_DISCHARGE] <= now[SIDE_DISCHARGE]
      ? was
      : null;
  const isNext = goesOn !== null && goesOn["day"] === day - 1,
    isSameMonth = goesOn !== null && dayOf(goesOn["day"] * DAY_S).substr(0, 7) === dayOf(day * DAY_S).substr(0, 7),
    part = (goesOn && goesOn["part"]) || 0,
    today = isNext && local - day * DAY_S < BEGIN_S ? 0 : 1;
  return {
    "day": day,
    "seq": ((was && was["seq"]) || 0) + 1,
    "today": now,
    "before": goesOn && isNext ? goesOn["today"] : [],
    "month": goesOn && isSameMonth ? goesOn["month"] : now,
    "said": -1,
    "part":
      (today << PERIOD_DAILY) |
      ((isNext ? (part >> PERIOD_DAILY) & 1 : 1) << PERIOD_YESTERDAY) |
      ((isSameMonth ? (part >> PERIOD_MONTHLY) & 1 : today) << PERIOD_MONTHLY),
  };
}

/**
 * Suffix and payload of one of the six topics: charge and discharge by turns of the day, yesterday, the month. NaN
 * counters are null, and stale; what was not seen from its begin is estimated. `tail`: members of all six.
 */
export function totalMessage(totals: Totals, now: number[], place: number, tail: string): string[] {
  const sides = (ENERGY_SIDES as string).split(" "),
    side = place % sides.length,
    period = Math.floor(place / sides.length),
    day = totals["day"],
    from = [totals["today"], totals["before"], totals["month"]][period];
  const value = (period === PERIOD_YESTERDAY ? totals["today"] : now)[side] - (from.length ? from[side] : NaN);
  const when =
    period === PERIOD_MONTHLY
      ? `"month":"${dayOf(day * DAY_S).substr(0, 7)}"`
      : `"date":"${dayOf((day - period) * DAY_S)}"`;
  const quality = value !== value ? "stale" : ((totals["part"] || 0) >> period) & 1 ? "estimated" : "ok";
  return [
    `rt/energy/${sides[side]}/${(ENERGY_PERIODS as string).split(" ")[period]}`,
    `{"value":${value === value ? value.toFixed(2) : null},"unit":"kWh",${when},"quality":"${quality}"${tail}}`,
  ];
}

// The energy counters as they were when the day began.

/** Two files: while one is written the other stays, and the power may fail. */
const FILES = ["energy.day", "energy.day2"];

/** What one of them has; null when there is none, or it was cut off. */
function totalsIn(store: StorePort, file: string): Totals | null {
  let totals: Totals | null = null;
  try {
    totals = JSON.parse(store.read(file) || "null") as Totals | null;
  } catch (error) {
    // cut off while it was written
  }
  return totals && totals["today"] && totals["month"] ? totals : null;
}

/** Which of the two files has the newest; -1: none has any. */
function newestFile(store: StorePort): number {
  const one = totalsIn(store, FILES[0]),
    two = totalsIn(store, FILES[1]);
  return one && two ? ((one["seq"] || 0) < two["seq"] ? 1 : 0) : one ? 0 : two ? 1 : -1;
}

/** What flash has of them, null when nothing. */
export function readTotals(store: StorePort): Totals | null {
  const newest = newestFile(store);
  return newest < 0 ? null : totalsIn(store, FILES[newest]);
}

/** Keep them in the file that has not the newest. */
export function keepTotals(store: StorePort, totals: Totals): void {
  store.write(FILES[newestFile(store) === 0 ? 1 : 0], JSON.stringify(totals));
}
