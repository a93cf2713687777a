// The states of a charge: bulk, absorption, float, imbalance hold, sustain (charge-control.md 5.2, decisions.md 9).
import * as k from "./charge-settings";
import * as c from "./charge-state";
import type { Limits } from "./limits";
import * as r from "./registers.baked";
import type { Snapshot } from "./snapshot";

const STATUS_FULL = 0x92;
const MS_A_DAY = 86400000;
/** How long a condition must hold, s. */
const SHORT_S = 30, ABSORPTION_S = 10, USUAL_S = 60;
/** A SoC synchronisation: after so long without the BMS being full, and since the last; its length, and mV above register 300 that end it. */
const WITHOUT_MS = 14 * MS_A_DAY, EVERY_MS = 30 * MS_A_DAY, SYNC_MS = 2 * 3600000, SYNC_END = 15;
/** The pack voltage counts in whole mV. */
const HALF_MV = 0.5;

/** Where absorption and hold lead when it has lasted; 0 for nowhere. `late`: the state has taken long enough. */
function leadsTo(limits: Limits, snapshot: Snapshot, state: number, late: boolean): number {
  const set = limits.settings, v = snapshot.values, top = snapshot.highest, spread = ((top - snapshot.lowest) * 10 + 0.5 | 0) / 10;
  if (state === c.HOLD) return spread <= set[k.holdOut] ? c.ABSORPTION : top < set[k.holdBack] ? c.BULK : 0;
  if (top >= set[k.limit] && spread >= set[k.holdIn]) return c.HOLD;
  if (spread <= set[k.tailSpread] && v[r.packCurrent] >= 0 && top - v[r.packCurrent] * set[k.drop] >= set[k.tail]) return c.FLOAT;
  return !late && top < set[k.backTop] && v[r.packVoltage] * 1000 < set[k.backPack] - HALF_MV ? c.BULK : 0;
}

/** One step of the state machine: at most one change of the state. */
export function nextState(limits: Limits, snapshot: Snapshot): void {
  const s = limits.state, set = limits.settings, v = snapshot.values, state = s[c.state], full = v[r.onlineStatus] === STATUS_FULL;
  let to = 0, atOnce = 0;
  s[c.t] += s[c.dt];
  if (full) s[c.bmsFullAt] = limits.at;
  if (state !== c.SUSTAIN && (snapshot.lowest <= set[k.sustainIn] || v[r.stateOfCharge] <= set[k.sustainSoc])) to = c.SUSTAIN;
  if (state === c.BULK) {
    if (!to && (snapshot.highest >= set[k.absTop] || v[r.packVoltage] * 1000 >= set[k.absPack] - HALF_MV)) to = c.ABSORPTION;
  } else if (state === c.FLOAT) {
    if (limits.at - s[c.fullAt] >= set[k.rebulkDays] * MS_A_DAY) atOnce = c.BULK;
    if (!to && (snapshot.highest <= set[k.vRebulk] || v[r.stateOfCharge] <= set[k.rebulkSoc])) to = c.BULK;
  } else if (state === c.SUSTAIN) {
    if (snapshot.lowest >= set[k.sustainOut] && v[r.stateOfCharge] >= set[k.sustainExitSoc]) to = c.BULK;
  } else {
    const late = s[c.t] >= set[state === c.HOLD ? k.holdMax : k.absLongest];
    if (late || full) atOnce = c.FLOAT;
    if (!to && !full) to = leadsTo(limits, snapshot, state, late);
  }
  if (!to && !atOnce) {
    s[c.next] = s[c.tc] = 0;
    return;
  }
  const wait = to === c.SUSTAIN || to === c.HOLD ? SHORT_S : to === c.ABSORPTION && state === c.BULK ? ABSORPTION_S : USUAL_S;
  const held = !to ? 0 : to === s[c.next] || !s[c.next] ? s[c.tc] + s[c.dt] : s[c.dt];
  const done = held >= wait && (to !== c.FLOAT || s[c.t] >= set[k.absMin]);
  s[c.tc] = held;
  s[c.next] = to;
  if (!done && !atOnce) return;
  s[c.state] = done ? to : atOnce;
  s[c.t] = s[c.tc] = s[c.next] = 0;
  if (s[c.state] === c.FLOAT && (done || full)) s[c.fullAt] = limits.at;
}

/** A SoC synchronisation (5.8) is to begin or to end: from absorption, with two ports and good settings; at most 2 h every 30 days. */
export function syncDue(limits: Limits, snapshot: Snapshot): boolean {
  const s = limits.state, set = limits.settings, now = limits.at, since = now - s[c.syncAt], absorbing = s[c.state] === c.ABSORPTION;
  if (s[c.sync]) {
    if (absorbing && since < SYNC_MS && snapshot.highest < set[k.full] + SYNC_END) return false;
    s[c.sync] = 0;
    return true;
  }
  if (!absorbing || set[k.severity] || snapshot.values[r.operationMode] !== 0 || now - s[c.bmsFullAt] < WITHOUT_MS || since < EVERY_MS) return false;
  s[c.sync] = 1;
  s[c.syncAt] = now;
  return true;
}
