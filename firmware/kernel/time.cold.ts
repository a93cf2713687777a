// Time of day as ISO 8601 in UTC. The interpreter's Date needs a clock that is set; this needs only seconds.

function two(value: number): string {
  return (value < 10 ? "0" : "") + value;
}

/** Date of a day since 1970-01-01 in the Gregorian calendar: years from March, so that a leap day is the last of its year. */
function dateText(day: number): string {
  const shifted = day + 719468, era = Math.floor(shifted / 146097), ofEra = shifted - era * 146097;
  const year = Math.floor((ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36524) - Math.floor(ofEra / 146096)) / 365);
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100)), march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  return era * 400 + year + (month < 3 ? 1 : 0) + "-" + two(month) + "-" + two(ofYear - Math.floor((153 * march + 2) / 5) + 1);
}

/** The day "2026-02-03" of seconds since 1970. */
export function dayOf(seconds: number): string {
  return dateText(Math.floor(seconds / 86400));
}

/** "2026-02-03T10:11:12Z" of seconds since 1970. */
export function isoTime(seconds: number): string {
  const day = Math.floor(seconds / 86400), rest = Math.floor(seconds - day * 86400);
  return dateText(day) + "T" + two(Math.floor(rest / 3600)) + ":" + two(Math.floor(rest / 60) % 60) + ":" + two(rest % 60) + "Z";
}
