// Limits of data that is old, or in which a value is missing (charge/README.md, phases).
import * as setting from "./settings";
import * as memory from "./memory";
import { taper } from "./taper";
import { endExternal } from "./external.cold";
import { CHARGE_BLOCKED, CONFIG, DISCHARGE_BLOCKED, GONE, LATE, type Limits, MUTE } from "./limits";
import { DEGRADED, LOST, SILENT, type Snapshot } from "../battery/snapshot";

/** The voltage that was, within what the settings and what blocks leave of it now; it never rises but to the floor. */
function keepVoltage(limits: Limits): void {
  const s = limits.state,
    set = limits.settings,
    most = Math.min(
      set[setting.bulk],
      s[memory.cvlCap] >= 0 ? s[memory.cvlCap] : Infinity,
      s[memory.externalCvl] >= 0 ? s[memory.externalCvl] : Infinity,
    ),
    last = s[memory.cvl];
  s[memory.cvl] = Math.max(set[setting.floor], last < most ? last : most);
  if (!(last > 0)) s[memory.cvl] = set[setting.floor];
  else if (s[memory.cvl] < last && s[memory.blocks] & memory.BLOCK_CHARGE) s[memory.sinceLow] = 0;
}

/**
 * Both currents: the last ones, at most half of the largest, and what cells, temperatures, blocks, faulty settings, the
 * user, a missed GX and somebody outside leave of them now.
 */
function halve(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    set = limits.settings;
  for (const way of [0, 1]) {
    const stop =
        (set[setting.inhibit] | set[setting.stopped] | s[memory.blocks]) &
        (way ? memory.BLOCK_DISCHARGE : memory.BLOCK_CHARGE),
      cell = way ? snapshot.lowest : snapshot.highest,
      outside = s[memory.externalCcl + way],
      last = s[memory.ccl + way] || 0;
    let most = stop ? 0 : set[setting.most + way] * s[memory.chargeFactor + way];
    if (way ? cell < set[setting.clearBottom] : cell > set[setting.clearTop])
      most = Math.min(most, set[setting.most + way] * taper(limits.tables, way, cell - set[setting.full + way]));
    if (outside < most) most = outside;
    if (!way && set[setting.cap] < most) most = set[setting.cap];
    if (most < last) s[memory.chargeHeld + way] = 0;
    s[memory.ccl + way] = Math.min(last, most, set[setting.most + way] / 2);
    s[memory.cclReason + way] = stop ? CHARGE_BLOCKED + way : LATE;
  }
  s[memory.cvlReason] = s[memory.blocks] & memory.BLOCK_CHARGE ? CHARGE_BLOCKED : LATE;
}

/**
 * Degraded: the voltage stays, currents are at most half of the largest, states and timers stand still, blocks and
 * tapers count; floor and 0 A when there were none before. Lost and silent, and while the settings do not fit and
 * nothing is sent: floor and 0 A, whatever the state; afterwards voltage and currents rise at once. Good data with a
 * hole: 0 A, a voltage that does not rise.
 */
export function failSafe(limits: Limits, snapshot: Snapshot, phase: number): void {
  const s = limits.state,
    set = limits.settings;
  if (limits.valid && phase < LOST) {
    if (limits.at >= s[memory.externalUntil]) endExternal(limits);
    keepVoltage(limits);
    if (phase === DEGRADED) {
      halve(limits, snapshot);
      return;
    }
    s[memory.ccl] = s[memory.dcl] = s[memory.chargeHeld] = s[memory.dischargeHeld] = 0;
    s.fill(CHARGE_BLOCKED, memory.cvlReason, memory.dclReason);
    s[memory.dclReason] = DISCHARGE_BLOCKED;
    return;
  }
  // a floor of settings that do not fit means nothing: from 0 the voltage begins at the floor of those that do
  s[memory.cvl] = limits.valid ? set[setting.floor] : 0;
  s[memory.ccl] = s[memory.dcl] = 0;
  s[memory.chargeHeld] = s[memory.dischargeHeld] = s[memory.sinceLow] = memory.LONG;
  s[memory.tc] = s[memory.next] = 0;
  s[memory.pf] = NaN;
  s.fill(!limits.valid ? CONFIG : phase === SILENT ? MUTE : GONE, memory.cvlReason, memory.dclReason + 1);
}
