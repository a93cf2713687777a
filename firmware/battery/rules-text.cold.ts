// The rules for the settings that do not hold, as JSON.
import { brokenRules as BROKEN } from "./charge-settings";
import type { Limits } from "./limits";
import { brokenRules } from "./limits-texts";

/** JSON list of the rules for the settings that do not hold: all of them, or their codes alone. */
export function rulesText(limits: Limits, codes: boolean): string {
  const broken = limits.settings[BROKEN], rows = broken ? brokenRules(broken) : [];
  return JSON.stringify(codes ? rows.map(function (row) { return row["code"]; }) : rows);
}
