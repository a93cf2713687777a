// Why the limits are what they are, as JSON: reason of each, targets before the slew, and the last changes.

import { CHARGES_AT, REASONS_AT } from "../battery/names.baked";
import { floored, nameIn } from "../battery/names.cold";
import { HISTORY, type Limits } from "./limits";
import * as memory from "./memory";
import { brokenRules } from "./prepare.cold";
import { brokenRules as BROKEN } from "./settings";

const LIMITS = ["cvl", "ccl", "dcl"];

/**
 * Members of an object without its braces: state of the charge, and of each limit the reason (name and number) and the
 * target.
 */
export function whyText(limits: Limits): string {
  const s = limits.state;
  return (
    '"state":"' +
    nameIn(CHARGES_AT, s[memory.state]) +
    '"' +
    LIMITS.map(function (name, i) {
      const why = s[memory.cvlReason + i],
        target = floored(i ? s[memory.cvlTarget + i] : s[memory.cvlTarget] / 1000);
      return `,"${name}_reason":"${nameIn(REASONS_AT, why)}","${name}_code":${why},"${name}_target":${target}`;
    }).join("")
  );
}

/**
 * JSON list of the last of so many changes of the reasons, the oldest first: minutes since the start, reasons of CVL,
 * CCL and DCL.
 */
export function historyText(limits: Limits, changes: number): string {
  const out: string[] = [];
  let at = Math.max(0, limits.state[memory.changes] - HISTORY); // older ones have made room
  for (; at < changes; at++) {
    const entry = limits.history[at % HISTORY],
      codes = entry % 32768;
    out.push(
      `[${(entry - codes) / 32768},"` +
        [codes >> 10, (codes >> 5) & 31, codes & 31]
          .map(function (why) {
            return nameIn(REASONS_AT, why);
          })
          .join('","') +
        '"]',
    );
  }
  return "[" + out.join(",") + "]";
}

// The rules for the settings that do not hold, as JSON.

/** What of the reasons an answer in pieces must remember of its first: rules that are broken (bits), changes so far. */
export interface Why {
  broken: number;
  changes: number;
}

/** That of this moment. */
export function whyNow(limits: Limits): Why {
  return { broken: limits.settings[BROKEN], changes: limits.state[memory.changes] };
}

/**
 * JSON list of the rules for the settings that are broken (bits), all of them or their codes alone; with `told` of
 * those that only say that something was adjusted (severity 0), which is nothing wrong.
 */
export function rulesText(broken: number, codes: boolean, told: boolean): string {
  const rows = (broken ? brokenRules(broken) : []).filter(function (row) {
    return told === !row["severity"];
  });
  return JSON.stringify(
    codes
      ? rows.map(function (row) {
          return row["code"];
        })
      : rows,
  );
}
