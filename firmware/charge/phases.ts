// The states of a charge: bulk, absorption, float, imbalance hold, sustain (charge/README.md).
import { DAY_S } from "../kernel/time";
import * as setting from "./settings";
import * as memory from "./memory";
import type { Limits } from "./limits";
import * as slot from "../battery/registers.baked";
import type { Snapshot } from "../battery/snapshot";
import { STATUS_FULLY_CHARGED } from "../battery/words.baked";

const MS_A_DAY = DAY_S * 1000;
/** How long a condition must hold that leads to a hold or to sustain, s. */
const SHORT_S = 30;
/** How long one must hold that leads from bulk to absorption, s. */
const ABSORPTION_S = 10;
/** How long any other must hold, s. */
const USUAL_S = 60;
/** A SoC synchronisation begins when the BMS was not full for this long, ms. */
const WITHOUT_MS = 14 * MS_A_DAY;
/** Least time from one to the next, ms. */
const EVERY_MS = 30 * MS_A_DAY;
/** Its longest time, ms. */
const SYNC_MS = 2 * 3600000;
/** A highest cell this far above register 300 ends it, mV. */
const SYNC_END = 15;
/** The pack voltage counts in whole mV. */
const HALF_MV = 0.5;

/** Where absorption and hold lead when it has lasted; 0 for nowhere. `late`: the state has taken long enough. */
function leadsTo(limits: Limits, snapshot: Snapshot, state: number, late: boolean): number {
  const set = limits.settings,
    v = snapshot.values,
    top = snapshot.highest,
    spread = (((top - snapshot.lowest) * 10 + 0.5) | 0) / 10;
  if (state === memory.HOLD)
    return spread <= set[setting.holdOut] ? memory.ABSORPTION : top < set[setting.holdBack] ? memory.BULK : 0;
  if (top >= set[setting.limit] && spread >= set[setting.holdIn]) return memory.HOLD;
  if (
    spread <= set[setting.tailSpread] &&
    v[slot.packCurrent] >= 0 &&
    top - v[slot.packCurrent] * set[setting.drop] >= set[setting.tail]
  )
    return memory.FLOAT;
  return !late && top < set[setting.backTop] && v[slot.packVoltage] * 1000 < set[setting.backPack] - HALF_MV
    ? memory.BULK
    : 0;
}

/** One step of the state machine: at most one change of the state. */
export function nextState(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state,
    set = limits.settings,
    v = snapshot.values,
    state = s[memory.state],
    full = v[slot.onlineStatus] === STATUS_FULLY_CHARGED;
  let to = 0,
    atOnce = 0;
  s[memory.t] += s[memory.dt];
  if (full) s[memory.bmsFullAt] = limits.at;
  if (
    state !== memory.SUSTAIN &&
    (snapshot.lowest <= set[setting.sustainIn] || v[slot.stateOfCharge] <= set[setting.sustainSoc])
  )
    to = memory.SUSTAIN;
  if (state === memory.BULK) {
    if (
      !to &&
      (snapshot.highest >= set[setting.absTop] || v[slot.packVoltage] * 1000 >= set[setting.absPack] - HALF_MV)
    )
      to = memory.ABSORPTION;
  } else if (state === memory.FLOAT) {
    if (limits.at - s[memory.fullAt] >= set[setting.rebulkDays] * MS_A_DAY) atOnce = memory.BULK;
    if (!to && (snapshot.highest <= set[setting.vRebulk] || v[slot.stateOfCharge] <= set[setting.rebulkSoc]))
      to = memory.BULK;
  } else if (state === memory.SUSTAIN) {
    if (snapshot.lowest >= set[setting.sustainOut] && v[slot.stateOfCharge] >= set[setting.sustainExitSoc])
      to = memory.BULK;
  } else {
    const late = s[memory.t] >= set[state === memory.HOLD ? setting.holdMax : setting.absLongest];
    if (late || full) atOnce = memory.FLOAT;
    if (!to && !full) to = leadsTo(limits, snapshot, state, late);
  }
  if (!to && !atOnce) {
    s[memory.next] = s[memory.tc] = 0;
    return;
  }
  const wait =
    to === memory.SUSTAIN || to === memory.HOLD
      ? SHORT_S
      : to === memory.ABSORPTION && state === memory.BULK
        ? ABSORPTION_S
        : USUAL_S;
  const held = !to ? 0 : to === s[memory.next] || !s[memory.next] ? s[memory.tc] + s[memory.dt] : s[memory.dt];
  const done = held >= wait && (to !== memory.FLOAT || s[memory.t] >= set[setting.absMin]);
  s[memory.tc] = held;
  s[memory.next] = to;
  if (!done && !atOnce) return;
  s[memory.state] = done ? to : atOnce;
  s[memory.t] = s[memory.tc] = s[memory.next] = 0;
  if (s[memory.state] === memory.FLOAT && (done || full)) s[memory.fullAt] = limits.at;
}

/**
 * A SoC synchronisation (5.8) is to begin or to end: from absorption, with two ports and good settings; at most 2 h
 * every 30 days.
 */
export function syncDue(limits: Limits, snapshot: Snapshot): boolean {
  const s = limits.state,
    set = limits.settings,
    now = limits.at,
    since = now - s[memory.syncAt],
    absorbing = s[memory.state] === memory.ABSORPTION;
  if (s[memory.sync]) {
    if (absorbing && since < SYNC_MS && snapshot.highest < set[setting.full] + SYNC_END) return false;
    s[memory.sync] = 0;
    return true;
  }
  if (
    !absorbing ||
    set[setting.severity] ||
    snapshot.values[slot.operationMode] !== 0 ||
    now - s[memory.bmsFullAt] < WITHOUT_MS ||
    since < EVERY_MS
  )
    return false;
  s[memory.sync] = 1;
  s[memory.syncAt] = now;
  return true;
}
