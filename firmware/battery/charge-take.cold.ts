// The user's settings (modules battery and can/limits) into the slots of charge control.
import { cellVoltages } from "../config/presets.cold";
import { cclMax, inhibit, mppt, vBulk, vOffset } from "./charge-settings";
import * as c from "./charge-state";
import type { Limits } from "./limits";

/** Settings in the order of their slots, from v_offset on: those in V, then the others. "-" is none of them. */
const MILLI = "v_offset guard - db hard integ_max cvl_up_rate tail_spread hold_in hold_out float_rate";
const PERCENT = "rec_rate rec_thr";
const PLAIN = "head ki tau cvl_up_hold abs_min abs_max hold_max i_hold rebulk_soc rebulk_days sustain_soc sustain_exit_soc sus_dcl sus_ccl rec_hold "
  + "soc_taper soc_sync";
/** MPPTs go this much above the charge voltage when they feed in, mV a cell: 0.4 V of 16 cells (Victron CAN-bus BMS protocol, 2021). */
const MPPT = 25;

/** Take the settings; the next step works out what follows from them. */
export function takeSettings(limits: Limits, battery: Record<string, unknown>, most: Record<string, unknown>): void {
  const set = limits.settings, s = limits.state;
  set.set(cellVoltages(battery), vBulk);
  let slot = vOffset;
  for (const key of MILLI.split(" ")) set[slot++] = Math.round((battery[key] as number) * 1e6) / 1000;
  set[slot - 1] /= 60;
  for (const key of PERCENT.split(" ")) set[slot++] = (battery[key] as number) / 100;
  for (const key of PLAIN.split(" ")) set[slot++] = +(battery[key] as number);
  set[mppt] = MPPT;
  set[cclMax] = most["cclMax"] as number;
  set[cclMax + 1] = most["dclMax"] as number;
  set[inhibit] = (battery["inhibit_charge"] ? 1 : 0) + (battery["inhibit_discharge"] ? 4 : 0);
  s[c.preparedAt] = s[c.preparedSum] = NaN;
}
