// Energy of the day, of yesterday and of the month (UTC), from the counters and what they were when each began.
// Requirements S2-6: {"value","unit":"kWh","date"|"month"}.
import { dayOf } from "../kernel/time.cold";

const DAY_S = 86400;

/** Kept in flash: day since 1970; counters (charged, discharged, kWh) when it, the day before ([] unknown) and the month began; what was
 *  published of it. */
export interface Totals { day: number; today: number[]; before: number[]; month: number[]; said: number }

/** The totals of `day`: `was` itself, or new ones. A day that was not seen from its begin counts from the counters as they are now. */
export function totalsOn(was: Totals | null, day: number, now: number[]): Totals {
  if (was && was["day"] === day && !(was["today"][0] > now[0] || was["today"][1] > now[1])) return was;
  const goesOn = was && was["day"] < day && was["month"][0] <= now[0] && was["month"][1] <= now[1] ? was : null;
  return { "day": day, "today": now, "before": goesOn && goesOn["day"] === day - 1 ? goesOn["today"] : [],
    "month": goesOn && dayOf(goesOn["day"] * DAY_S).substr(0, 7) === dayOf(day * DAY_S).substr(0, 7) ? goesOn["month"] : now, "said": -1 };
}

/** Suffix and payload of one of the six topics: charge and discharge by turns of the day, yesterday, the month. NaN counters are null. */
export function totalMessage(totals: Totals, now: number[], place: number): string[] {
  const side = place % 2, period = place >> 1, day = totals["day"], from = [totals["today"], totals["before"], totals["month"]][period];
  const value = (period === 1 ? totals["today"] : now)[side] - (from.length ? from[side] : NaN);
  const when = period === 2 ? `"month":"${dayOf(day * DAY_S).substr(0, 7)}"` : `"date":"${dayOf((day - period) * DAY_S)}"`;
  return [`rt/energy/${side ? "discharge" : "charge"}/${["daily", "yesterday", "monthly"][period]}`,
    `{"value":${value === value ? value.toFixed(2) : null},"unit":"kWh",${when}}`];
}
