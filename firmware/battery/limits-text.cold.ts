// Why the limits are what they are, as JSON: reason of each, targets before the slew, and the last changes.
import * as c from "./charge-state";
import { HISTORY, type Limits } from "./limits";
import { floored, nameIn } from "./names.cold";
import { CHARGES_AT, REASONS_AT } from "./names.baked";

const LIMITS = ["cvl", "ccl", "dcl"];

/** Members of an object without its braces: state of the charge, and of each limit the reason (name and number) and the target. */
export function whyText(limits: Limits): string {
  const s = limits.state;
  return '"state":"' + nameIn(CHARGES_AT, s[c.state]) + '"' + LIMITS.map(function (name, i) {
    const why = s[c.cvlReason + i], target = floored(i ? s[c.cvlTarget + i] : s[c.cvlTarget] / 1000);
    return `,"${name}_reason":"${nameIn(REASONS_AT, why)}","${name}_code":${why},"${name}_target":${target}`;
  }).join("");
}

/** JSON list of the last changes of the reasons, the oldest first: minutes since the start, reasons of CVL, CCL and DCL. */
export function historyText(limits: Limits): string {
  const changes = limits.state[c.changes], out: string[] = [];
  let at = changes > HISTORY ? changes - HISTORY : 0;
  for (; at < changes; at++) {
    const entry = limits.history[at % HISTORY], codes = entry % 32768;
    out.push(`[${(entry - codes) / 32768},"` + [codes >> 10, codes >> 5 & 31, codes & 31].map(function (why) {
      return nameIn(REASONS_AT, why);
    }).join('","') + '"]');
  }
  return "[" + out.join(",") + "]";
}
