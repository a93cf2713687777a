// Holes in what a device has told: more than 90 s without a row, and whose fault it was. Pure; times in ms.

export const GAP_MS = 90_000;

export type Cause = "device" | "broker" | "recorder" | "database";

export interface Gap {
  device: string;
  from: number;
  to: number;
  cause: Cause;
}

/** A time in which something was away; `to` Infinity while it still is. */
export interface Outage {
  cause: Cause;
  from: number;
  to: number;
}

/** Who is to blame: the outage that covers most of the hole, when that is more than half of it; else the device. */
export function causeOf(from: number, to: number, outages: Outage[]): Cause {
  let most = (to - from) / 2,
    cause: Cause = "device";
  for (const outage of outages) {
    const covered = Math.min(to, outage.to) - Math.max(from, outage.from);
    if (covered > most) [most, cause] = [covered, outage.cause];
  }
  return cause;
}

/** The holes between the times at which a device told something (sorted), after `last`, its newest time before them. */
export function gapsOf(device: string, last: number | null, times: number[], outages: Outage[]): Gap[] {
  const gaps: Gap[] = [];
  let before = last;
  for (const time of times) {
    if (before !== null && time - before > GAP_MS)
      gaps.push({ device, from: before, to: time, cause: causeOf(before, time, outages) });
    if (before === null || time > before) before = time;
  }
  return gaps;
}
