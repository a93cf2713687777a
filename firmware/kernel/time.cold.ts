// The time of day as text, UTC (ISO 8601). 0 seconds: the time is not known, and the text is empty.

import { DAY_S } from "./time";

function padded(value: number, digits: number): string {
  return ("000" + value).substr(-digits);
}

/**
 * The day of whole days since 1970, by years that begin in March of a 400-year cycle, so that the leap day is a year's
 * last.
 */
function dateText(days: number): string {
  const day = days + 719468,
    cycle = Math.floor(day / 146097),
    inCycle = day - cycle * 146097;
  const year = Math.floor(
    (inCycle - Math.floor(inCycle / 1460) + Math.floor(inCycle / 36524) - Math.floor(inCycle / 146096)) / 365,
  );
  const inYear = inCycle - (365 * year + Math.floor(year / 4) - Math.floor(year / 100)),
    month = Math.floor((5 * inYear + 2) / 153);
  return (
    padded(cycle * 400 + year + (month > 9 ? 1 : 0), 4) +
    "-" +
    padded(month > 9 ? month - 9 : month + 3, 2) +
    "-" +
    padded(inYear - Math.floor((153 * month + 2) / 5) + 1, 2)
  );
}

function timeText(seconds: number): string {
  const days = Math.floor(seconds / DAY_S),
    rest = Math.floor(seconds - days * DAY_S);
  return (
    dateText(days) +
    "T" +
    padded(Math.floor(rest / 3600), 2) +
    ":" +
    padded(Math.floor(rest / 60) % 60, 2) +
    ":" +
    padded(rest % 60, 2)
  );
}

/** "2026-02-03T10:11:12Z" of s since 1970. */
export function isoTime(seconds: number): string {
  return seconds ? timeText(seconds) + "Z" : "";
}

/** "2026-02-03T10:11:12.345Z". */
export function isoMillis(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  return seconds ? timeText(Math.floor(ms / 1000)) + "." + padded(ms % 1000, 3) + "Z" : "";
}

/** The day "2026-02-03"; its first seven characters are the month. */
export function dayOf(seconds: number): string {
  return seconds ? dateText(Math.floor(seconds / DAY_S)) : "";
}
