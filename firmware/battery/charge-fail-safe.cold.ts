// Limits of data that is old, or in which a value is missing (charge-control.md 5.1, decisions.md 1 and 4).
import * as k from "./charge-settings";
import * as c from "./charge-state";
import { endExternal } from "./external.cold";
import { CHARGE_BLOCKED, CONFIG, DISCHARGE_BLOCKED, GONE, LATE, type Limits, MUTE } from "./limits";
import { DEGRADED, LOST, SILENT } from "./snapshot";

/** Both currents: the last ones, at most half of the largest, and what the user, a missed GX and somebody outside leave of them. */
function halve(limits: Limits): void {
  const s = limits.state, set = limits.settings, stop = set[k.inhibit] | set[k.stopped];
  if (limits.at >= s[c.externalUntil]) endExternal(limits);
  for (const way of [0, 1]) {
    const outside = s[c.externalCcl + way];
    let most = stop & (way ? 4 : 1) ? 0 : set[k.most + way] / 2;
    if (outside < most) most = outside;
    s[c.ccl + way] = Math.min(s[c.ccl + way] || 0, most);
  }
  if (s[c.externalCvl] < s[c.cvl]) s[c.cvl] = Math.max(s[c.externalCvl], set[k.floor]);
}

/**
 * Degraded: the voltage stays, currents are at most half of the largest, states and timers stand still; floor and 0 A when there were
 * none before. Lost and silent: floor and 0 A, whatever the state; afterwards voltage and currents rise at once. Good data with a
 * hole: 0 A, a voltage that does not rise.
 */
export function failSafe(limits: Limits, phase: number): void {
  const s = limits.state, set = limits.settings;
  if (!limits.valid) {
    s.fill(CONFIG, c.cvlReason, c.dclReason + 1);
    return;
  }
  if (phase === DEGRADED) {
    if (!(s[c.cvl] > 0)) s[c.cvl] = set[k.floor];
    halve(limits);
    s.fill(LATE, c.cvlReason, c.dclReason + 1);
    return;
  }
  s[c.ccl] = s[c.dcl] = 0;
  if (phase < LOST) {
    if (!(s[c.cvl] > 0)) s[c.cvl] = set[k.floor];
    s[c.chargeHeld] = s[c.dischargeHeld] = 0;
    s.fill(CHARGE_BLOCKED, c.cvlReason, c.dclReason);
    s[c.dclReason] = DISCHARGE_BLOCKED;
    return;
  }
  s[c.cvl] = set[k.floor];
  s[c.chargeHeld] = s[c.dischargeHeld] = s[c.sinceLow] = c.LONG;
  s[c.tc] = s[c.next] = 0;
  s[c.pf] = NaN;
  s.fill(phase === SILENT ? MUTE : GONE, c.cvlReason, c.dclReason + 1);
}
