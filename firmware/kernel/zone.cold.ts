// Local time by a POSIX TZ text such as CET-1CEST,M3.5.0,M10.5.0/3 (IEEE Std 1003.1, section 8.3, TZ; changes up to a
// week from their day as RFC 8536, 3.3.1 has them).
import { DAY_S } from "./time";

/** A day of each year and the local second of it: Mm.w.d, Jn (1 to 365, never a leap day) or n (0 to 365). */
interface Change {
  kind: string;
  month: number;
  week: number;
  day: number;
  at: number;
}

/** s east of UTC in winter and in summer, and when summer begins and ends; null: there is none. */
export interface Zone {
  standard: number;
  summer: number;
  begin: Change | null;
  end: Change | null;
}

/** A text that is read from its begin to its end. */
interface Reader {
  text: string;
  at: number;
  isBad: boolean;
}

/** The next character is this one, and is left behind. */
function takes(r: Reader, character: string): boolean {
  if (r.text[r.at] !== character) return false;
  r.at++;
  return true;
}

function isLetter(c: string): boolean {
  return (c >= "A" && c <= "Z") || (c >= "a" && c <= "z");
}

/** A name of at least three letters; in <> digits and signs as well. */
function passName(r: Reader): void {
  const isQuoted = takes(r, "<"),
    from = r.at;
  while (r.at < r.text.length) {
    const c = r.text[r.at];
    if (!isLetter(c) && !(isQuoted && ((c >= "0" && c <= "9") || c === "+" || c === "-"))) break;
    r.at++;
  }
  if (r.at - from < 3 || (isQuoted && !takes(r, ">"))) r.isBad = true;
}

/** A number of `least` to `most`. */
function numberIn(r: Reader, least: number, most: number): number {
  const from = r.at;
  while (r.at < r.text.length && r.text[r.at] >= "0" && r.text[r.at] <= "9") r.at++;
  const digits = r.text.substring(from, r.at),
    value = +digits;
  if (!digits || digits.length > 3 || value < least || value > most) r.isBad = true;
  return value;
}

/** [+-]hh[:mm[:ss]] in s. */
function timeIn(r: Reader, most_h: number): number {
  const sign = takes(r, "-") ? -1 : 1;
  if (sign > 0) takes(r, "+");
  let s = numberIn(r, 0, most_h) * 3600;
  if (takes(r, ":")) {
    s += numberIn(r, 0, 59) * 60;
    if (takes(r, ":")) s += numberIn(r, 0, 59);
  }
  return sign * s;
}

/** When no time is said: 2 o'clock. */
const USUAL_S = 7200,
  WEEK_H = 167;

function changeIn(r: Reader): Change {
  const change: Change = { kind: "n", month: 0, week: 0, day: 0, at: USUAL_S };
  if (!takes(r, ",")) r.isBad = true;
  if (takes(r, "M")) {
    change.kind = "M";
    change.month = numberIn(r, 1, 12);
    if (!takes(r, ".")) r.isBad = true;
    change.week = numberIn(r, 1, 5);
    if (!takes(r, ".")) r.isBad = true;
    change.day = numberIn(r, 0, 6);
  } else if (takes(r, "J")) {
    change.kind = "J";
    change.day = numberIn(r, 1, 365);
  } else change.day = numberIn(r, 0, 365);
  if (takes(r, "/")) change.at = timeIn(r, WEEK_H);
  return change;
}

/** What a text says; "" is UTC. Null for a text that is no time zone, or has a summer of which no rule is given. */
export function readZone(text: string): Zone | null {
  const r: Reader = { text: text, at: 0, isBad: false },
    zone: Zone = { standard: 0, summer: 0, begin: null, end: null };
  if (!text) return zone;
  passName(r);
  zone.standard = zone.summer = 0 - timeIn(r, 24);
  if (r.at < text.length) {
    passName(r);
    zone.summer = text[r.at] === "," ? zone.standard + 3600 : 0 - timeIn(r, 24);
    zone.begin = changeIn(r);
    zone.end = changeIn(r);
  }
  return r.isBad || r.at < text.length ? null : zone;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970 to the begin of a year. */
function daysTo(year: number): number {
  const before = year - 1;
  return (
    365 * (year - 1970) + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 477 // to 1969
  );
}

/** Days of a year before each month, and before the next year. */
const BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

/** When a change is in a year: local s since 1970, of the time in force before it. */
function momentOf(change: Change, year: number): number {
  const leap = isLeap(year) ? 1 : 0,
    first = daysTo(year);
  let day = first + change.day;
  if (change.kind === "J") day += leap && change.day > 59 ? 0 : -1;
  if (change.kind === "M") {
    const from = first + BEFORE[change.month - 1] + (change.month > 2 ? leap : 0),
      to = first + BEFORE[change.month] + (change.month > 1 ? leap : 0);
    day = from + ((change.day + 7 - ((from + 4) % 7)) % 7) + 7 * (change.week - 1); // 1970 began on a Thursday
    if (day >= to) day -= 7;
  }
  return day * DAY_S + change.at;
}

/** s east of UTC at a time, s since 1970. */
export function offsetAt(zone: Zone, utc: number): number {
  const begin = zone.begin,
    end = zone.end,
    days = (utc + zone.standard) / DAY_S;
  if (!begin || !end) return zone.standard;
  let year = 1970 + Math.floor(days / 366);
  while (daysTo(year + 1) <= days) year++;
  const from = momentOf(begin, year) - zone.standard,
    to = momentOf(end, year) - zone.summer;
  const isSummer = from < to ? utc >= from && utc < to : utc >= from || utc < to;
  return isSummer ? zone.summer : zone.standard;
}
