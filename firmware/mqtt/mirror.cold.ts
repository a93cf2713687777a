// Victron by MQTT without CAN: the mirror of the GX convention on the user's own broker, N/<id>/battery/<instance>/<path> with
// {"value":x}, not retained (victron-gx 3.1), and the same leaves as one JSON tree, as dbus-mqtt-battery on a GX reads it (its
// README, "Generic device"). Each leaf has a place and a number that says what it told last; texts are numbers until they are sent.
import { nameIn, shown } from "../battery/names.cold";
import { REASONS_AT } from "../battery/names.baked";
import * as r from "../battery/registers.baked";
import { LOST, type Snapshot } from "../battery/snapshot";
import { textSlice } from "../kernel/text";
import { gxAlarm, whole } from "./topics-gx.cold";
import { GX_ALARM_ROWS, GX_AT, GX_ROWS, GX_WIDTH } from "./topics.baked";

/** Leaves behind those of rt/gx and its alarms, then two a cell. */
const OWN = ["Connected", "System/MinVoltageCellId", "System/MaxVoltageCellId", "System/MOSTemperature", "Info/ChargeMode",
  "System/NrOfModulesOnline", "System/NrOfModulesOffline", "System/NrOfModulesBlockingCharge", "System/NrOfModulesBlockingDischarge"];
const FIRST_OWN = GX_ROWS + GX_ALARM_ROWS;

/** Leaves that the driver does not know. (The interpreter finds a text whose begin is the end of the list: hence the semicolon.) */
const FOREIGN = ",InternalFailure,BmsCable,Contactor,ChargeMode,LowVoltageAlarms,HighVoltageAlarms,DischargedEnergy,ChargedEnergy,Connected,;";

/** Rank of the lowest (`sign` 1) or highest (-1) of the cells in use, NaN while unknown. */
function cellRank(s: Snapshot, sign: number): number {
  let place = 0, found = NaN, best = Infinity;
  for (const mv of s.values.subarray(r.cell01Voltage + s.firstCell, r.cell01Voltage + s.firstCell + s.cells)) {
    place++;
    if (sign * mv < best) {
      best = sign * mv;
      found = place;
    }
  }
  return found;
}

/** What all leaves tell now: `gx` are values and levels as rt/gx told them last. */
export function mirrorNumbers(s: Snapshot, gx: Float32Array, reason: number): number[] {
  const v = s.values, lost = s.phase >= LOST ? 1 : 0, out: number[] = [], mask = v[r.balancingActive];
  const own = [1, cellRank(s, 1), cellRank(s, -1), whole(v[r.internalTemp] * 10), reason, 1 - lost, lost, v[r.chargeCurrentLimit] > 0 ? 0 : 1,
    v[r.dischargeCurrentLimit] > 0 ? 0 : 1];
  for (const value of gx) out.push(value);
  for (const value of own) out.push(value);
  for (let i = 0; i < s.cells; i++) {
    out.push(whole(v[r.cell01Voltage + s.firstCell + i]));
    out.push(mask === mask ? mask >> s.firstCell + i & 1 : NaN);
  }
  return out;
}

function ownValue(place: number, value: number): string {
  if (value !== value) return "null";
  if (place === 4) return '"' + nameIn(REASONS_AT, value) + '"';
  return place === 1 || place === 2 ? '"C' + value + '"' : place === 3 ? (value / 10).toFixed(1) : "" + value;
}

/** Path and payload of a leaf. */
function leafOf(place: number, value: number): string[] {
  const own = place - FIRST_OWN, cell = own - OWN.length, known = value === value;
  if (place < GX_ROWS) {
    const parts = textSlice(GX_AT + place * GX_WIDTH, GX_AT + place * GX_WIDTH + GX_WIDTH).trim().split("\t"), digits = +parts[2];
    return [parts[5].indexOf("battery") < 0 ? "" : parts[0], `{"value":${known ? (value / [1, 10, 100, 1000][digits]).toFixed(digits) : null}}`];
  }
  if (own < 0) {
    const parts = gxAlarm(place - GX_ROWS);
    return [parts[2].indexOf("alias") < 0 ? parts[0] : "", `{"value":${known ? value : null}}`];
  }
  if (cell < 0) return [OWN[own], `{"value":${ownValue(own, value)}}`];
  const shownCell = !known ? null : cell % 2 ? value : (value / 1000).toFixed(3);
  return [(cell % 2 ? "Balances" : "Voltages") + "/Cell" + ((cell >> 1) + 1), `{"value":${shownCell}}`];
}

/** Path and payload of a leaf; a path of "" is one that is left out: of another service, or an alias. */
export function mirrorLeaf(place: number, value: number): string[] {
  return leafOf(place, value);
}

/** The leaves as one tree, unknown ones of a cell left out; capacities in Ah as the driver means them: installed, used and remaining. */
export function batteryJson(s: Snapshot, numbers: number[]): string {
  const tree: Record<string, unknown> = {}, capacity = s.values[r.batteryCapacity], used = shown(capacity * (1 - s.values[r.stateOfCharge] / 100), 1);
  for (let place = 0; place < numbers.length; place++) {
    const leaf = leafOf(place, numbers[place]), parts = leaf[0].split("/"), name = parts[parts.length - 1];
    const value = (JSON.parse(leaf[1]) as { value: unknown })["value"];
    if (!name || FOREIGN.indexOf("," + name + ",") >= 0 || value === null && name.startsWith("Cell")) continue;
    if (parts.length > 1 && !tree[parts[0]]) tree[parts[0]] = {};
    const branch = parts.length > 1 ? tree[parts[0]] as Record<string, unknown> : tree;
    branch[name] = value;
  }
  tree["ConsumedAmphours"] = used;
  tree["Capacity"] = used === null ? null : shown(capacity - used, 1);
  return JSON.stringify(tree);
}
