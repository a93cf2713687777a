// rt/gx/*: a round through the values that a GX shows.

import { PHASES_AT, REASONS_AT } from "../battery/names.baked";
import { floored, nameIn, shown } from "../battery/names.cold";
import * as slot from "../battery/registers.baked";
import { BOOT, LOST, SILENT, type Snapshot } from "../battery/snapshot";
import { STATISTICS } from "../bms/places";
import { textSlice } from "../kernel/text";
import { NEVER } from "../kernel/time";
import { publishTo } from "../mqtt/outbox.cold";
import { RETAIN, TELEMETRY } from "../mqtt/session";
import { gxValues } from "./gx.baked.cold";
import { newDay, send, timeMember } from "./messages.cold";
import { CLASS, type Mirror, type MqttTask, PAYLOAD, type Round, SUFFIX } from "./state";
import * as topics from "./topics.baked";
import {
  FAMILY_GX,
  GX_ALARM_BEHIND,
  GX_ALARM_PATH,
  GX_ALARM_ROWS,
  GX_ALARMS_AT,
  GX_ALARMS_WIDTH,
  GX_AT,
  GX_BEHIND,
  GX_CLASS,
  GX_DIGITS,
  GX_NAMES,
  GX_PATH,
  GX_ROWS,
  GX_SCALE,
  GX_UNIT,
  GX_WIDTH,
  LIMITS,
} from "./topics.baked";

/** Period of a round, ms. */
const GX_ROUND_MS = 10000;
/** Period of a round that feeds the mirror too, ms. */
const MIRRORED_MS = 2000;
/**
 * The next message of what a GX shows, as far as it has changed; a round is looked at when it begins. Retained limits
 * are cleared while the device is silent. When to go on (ms).
 */
export function publishGx(mqtt: MqttTask, now: number): number {
  const rare = mqtt.rare,
    s = mqtt.snapshot,
    place = rare.place[FAMILY_GX];
  if (!rare.round) {
    rare.round = gxRound(mqtt, now);
    return now;
  }
  const round = rare.round;
  if (place < round.count) {
    const row = round.rows[place],
      value = round.values[place];
    if (value !== rare.gx[row]) {
      const message = gxMessage(row, value, nameIn(PHASES_AT, s.phase), round.tail);
      if (s.phase === SILENT && +message[CLASS] === topics.LIMITS && rare.flags[topics.LIMITS] & RETAIN)
        message[PAYLOAD] = "";
      if (!send(mqtt, message[SUFFIX], message[PAYLOAD], +message[CLASS], now)) return now;
    }
    rare.gx[row] = value;
    rare.place[FAMILY_GX] = place + 1;
  }
  if (place + 1 < round.count) return now;
  rare.place[FAMILY_GX] = 0;
  rare.round = null;
  mqtt.namesSum = -1; // energy and time left in rt/state are looked at as often
  return now + (rare.mirror ? MIRRORED_MS : GX_ROUND_MS);
}

// The begin of a round.

/** What has changed, in units of its last decimal, to the nearest whole number, half away from 0. */
export function gxRound(mqtt: MqttTask, now: number): Round {
  const rare = mqtt.rare,
    s = mqtt.snapshot,
    last = rare.gx,
    epoch = mqtt.needs.clock.epoch;
  if (epoch && !timeMember(epoch, now, rare)) newDay(mqtt);
  const round: Round = {
    count: 0,
    rows: new Uint8Array(GX_ROWS),
    values: new Float32Array(GX_ROWS),
    tail: `,"timestamp_ms":${Math.round(now)}${timeMember(epoch, now, rare)},"seq":${s.seq}`,
  };
  const words = mqtt.raw[STATISTICS];
  let row = 0;
  for (let value of gxValues(s.values, s.phase, function (address) {
    return words ? words[address - topics.FIRST_STATISTIC] : NaN;
  })) {
    if (value === value) value = value < 0 ? (value - 0.5) | 0 : (value + 0.5) | 0;
    if (value !== last[row] && (value === value || last[row] === last[row])) {
      round.rows[round.count] = row;
      round.values[round.count++] = value;
    }
    row++;
  }
  return round;
}

// Messages of what a Victron GX shows, below rt/gx (Victron's GX register list 3.60): value, the register that the GX
// serves by Modbus-TCP (gx_raw, in its scale), its address and service. Lines of the image's text
// (tools/bake/topics.ts) say the rest.

function nearest(value: number): number {
  return (value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5)) + 0;
}

/**
 * Suffix, payload and class (a digit) of a GX topic; `value` in units of its last decimal, NaN while unknown; `tail`
 * closes the payload.
 */
export function gxMessage(row: number, value: number, phase: string, tail: string): string[] {
  const parts = textSlice(GX_AT + row * GX_WIDTH, GX_AT + row * GX_WIDTH + GX_WIDTH)
      .trim()
      .split("\t"),
    digits = +parts[GX_DIGITS];
  const real = value / [1, 10, 100, 1000][digits],
    known = value === value,
    names = known && parts[GX_NAMES];
  return [
    "rt/gx/" + parts[GX_PATH],
    `{"value":${known ? real.toFixed(digits) : null}${parts[GX_UNIT]}` +
      (known && parts[GX_SCALE] ? `,"gx_raw":${nearest(real * +parts[GX_SCALE])}` : "") +
      (names ? `,"text":"${names.split(",")[value]}"` : "") +
      parts[GX_BEHIND] +
      (+parts[GX_CLASS] === LIMITS ? `,"phase":"${phase}"` : "") +
      tail +
      "}",
    parts[GX_CLASS],
  ];
}

/** Path, numbers of the alarms that raise it (separated by commas) and last members of an alarm of a GX. */
export function gxAlarm(row: number): string[] {
  return textSlice(GX_ALARMS_AT + row * GX_ALARMS_WIDTH, GX_ALARMS_AT + row * GX_ALARMS_WIDTH + GX_ALARMS_WIDTH)
    .trim()
    .split("\t");
}

/**
 * The level that a GX shows: the worst of its alarms (0 none, 1 warning, 2 alarm); NaN while none of them is evaluated
 * (`known`: "" all are).
 */
export function gxLevel(ids: string, known: string, active: { [id: string]: number }): number {
  let level = NaN;
  for (const id of ids.split(",")) {
    if ((!known || (known + ";").indexOf("," + id + ",") >= 0) && !(level >= (active[id] || 0)))
      level = active[id] || 0;
  }
  return level;
}

/** A value to the nearest whole number, half away from 0. */
export function whole(value: number): number {
  return nearest(value);
}

// Victron by MQTT, as options: the mirror N/<id>/battery/<instance>/..., and one JSON message for a driver on the GX.

/** Period of a look at the values, ms. */
const MIRROR_ROUND_MS = 2000;
/** Period in which all values are sent once more, ms. */
const ALL_MS = 60000;
/** Wait for a round of rt/gx, ms. */
const WAIT_MS = 400;
/** Most messages of a step. */
const MIRROR_MOST = 2;

/** Messages of what has changed; when to go on (ms). */
export function publishMirror(mqtt: MqttTask, now: number): number {
  const mirror = mqtt.rare.mirror,
    s = mqtt.snapshot;
  let place = 0,
    left = MIRROR_MOST;
  if (!mirror) return NEVER;
  if (now >= mirror.allAt) {
    mirror.sent.fill(Infinity);
    mirror.allAt = now + ALL_MS;
  }
  if (mqtt.rare.gx.indexOf(Infinity) >= 0) return now + WAIT_MS; // rt/gx is under way
  const numbers = mirrorNumbers(s, mqtt.rare.gx, mqtt.limits.reason);
  if (mirror.json) {
    const sent = publishBatteryJson(mqtt, mirror, numbers, now);
    if (sent < 0) return now;
    left -= sent;
  }
  for (const value of mirror.base ? numbers : []) {
    const last = mirror.sent[place];
    if (place >= mirror.place && value !== last && (value === value || last === last)) {
      const leaf = mirrorLeaf(place, value);
      mirror.place = place; // a round that is broken off goes on here
      if (
        leaf[SUFFIX] &&
        (left-- <= 0 || !publishTo(mqtt.session, mirror.base + leaf[SUFFIX], leaf[PAYLOAD], TELEMETRY, now))
      )
        return now;
      mirror.sent[place] = value;
    }
    place++;
  }
  mirror.place = 0;
  return now + MIRROR_ROUND_MS;
}

// Victron by MQTT without CAN: the mirror of the GX convention on the user's own broker,
// N/<id>/battery/<instance>/<path> with {"value":x}, not retained (victron-gx 3.1). Each leaf has a place and a number
// that says what it told last; texts are numbers until they are sent. `batteryJson` below has the same leaves as one
// tree.

/** Leaves behind those of rt/gx and its alarms, then two a cell. */
const OWN = [
  "Connected",
  "System/MinVoltageCellId",
  "System/MaxVoltageCellId",
  "System/MOSTemperature",
  "Info/ChargeMode",
  "System/NrOfModulesOnline",
  "System/NrOfModulesOffline",
  "System/NrOfModulesBlockingCharge",
  "System/NrOfModulesBlockingDischarge",
];
const FIRST_OWN = GX_ROWS + GX_ALARM_ROWS;

/** Rank of the lowest (`sign` 1) or highest (-1) of the cells in use, NaN while unknown. */
function cellRank(s: Snapshot, sign: number): number {
  let place = 0,
    found = NaN,
    best = Infinity;
  for (const mv of s.values.subarray(slot.cell01Voltage + s.firstCell, slot.cell01Voltage + s.firstCell + s.cells)) {
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
  const v = s.values,
    lost = s.phase >= LOST ? 1 : 0,
    out: number[] = [],
    mask = v[slot.balancingActive];
  const own = [
    1,
    cellRank(s, 1),
    cellRank(s, -1),
    whole(v[slot.internalTemp] * 10),
    reason,
    1 - lost,
    lost,
    v[slot.chargeCurrentLimit] > 0 ? 0 : 1,
    v[slot.dischargeCurrentLimit] > 0 ? 0 : 1,
  ];
  for (const value of gx) out.push(value);
  for (const value of own) out.push(value);
  for (let i = 0; i < s.cells; i++) {
    out.push(whole(v[slot.cell01Voltage + s.firstCell + i]));
    out.push(mask === mask ? (mask >> (s.firstCell + i)) & 1 : NaN);
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
  const own = place - FIRST_OWN,
    cell = own - OWN.length,
    known = value === value;
  if (place < GX_ROWS) {
    const parts = textSlice(GX_AT + place * GX_WIDTH, GX_AT + place * GX_WIDTH + GX_WIDTH)
        .trim()
        .split("\t"),
      digits = +parts[GX_DIGITS];
    return [
      parts[GX_BEHIND].indexOf("battery") < 0 ? "" : parts[GX_PATH],
      `{"value":${known ? (value / [1, 10, 100, 1000][digits]).toFixed(digits) : null}}`,
    ];
  }
  if (own < 0) {
    const parts = gxAlarm(place - GX_ROWS);
    return [
      parts[GX_ALARM_BEHIND].indexOf("alias") < 0 ? parts[GX_ALARM_PATH] : "",
      `{"value":${known ? value : null}}`,
    ];
  }
  if (cell < 0) return [OWN[own], `{"value":${ownValue(own, value)}}`];
  const shownCell = !known ? null : cell % 2 ? value : (value / 1000).toFixed(3);
  return [(cell % 2 ? "Balances" : "Voltages") + "/Cell" + ((cell >> 1) + 1), `{"value":${shownCell}}`];
}

/** Path and payload of a leaf; a path of "" is one that is left out: of another service, or an alias. */
export function mirrorLeaf(place: number, value: number): string[] {
  return leafOf(place, value);
}

// The JSON message for a driver on the GX (setting mqtt.battery_json).

/** Period, ms: the driver gives the battery up 60 s after the last. */
const JSON_MS = 5000;

/**
 * Publish it when it is due or the phase has changed: how many messages that were, -1 when there was no room. Nothing
 * before the first complete snapshot, and nothing of a battery that CAN is silent about: the driver must lose it too.
 */
export function publishBatteryJson(mqtt: MqttTask, mirror: Mirror, numbers: number[], now: number): number {
  const s = mqtt.snapshot;
  if (now < mirror.jsonAt && s.phase === mirror.jsonPhase) return 0;
  if (s.phase === BOOT || s.phase === SILENT || !mqtt.limits.valid) return 0;
  const text = batteryJson(s, numbers, mirror.last);
  if (!text) return 0;
  if (!publishTo(mqtt.session, mirror.json, text, TELEMETRY, now)) return -1;
  mirror.jsonAt = now + JSON_MS;
  mirror.jsonPhase = s.phase;
  return 1;
}

// The leaves of the mirror as one JSON tree, as dbus-mqtt-battery on a GX reads it
// (github.com/mr-manuel/venus-os_dbus-mqtt-battery, README, "JSON structure", and the paths of dbus-mqtt-battery.py;
// 1.0.12).

/**
 * Leaves that the driver warns about at each message. (The interpreter finds a text whose begin is the end of the list:
 * hence the semicolon.)
 */
const FOREIGN = ",Contactor,Connected,;";
/** Numbers without which the driver stops for good: the last ones that were known stand for them. */
const NEVER_NULL = ["Dc/0/Voltage", "Dc/0/Power", "Soc"];

/** The limits as they are now, not as they were told last: 0 A for a battery that is lost. */
function limitsOf(s: Snapshot): Record<string, number | null> {
  const v = s.values,
    isLost = s.phase >= LOST;
  return {
    "MaxChargeVoltage": floored(v[slot.chargeVoltageLimit]),
    "MaxChargeCurrent": isLost ? 0 : floored(v[slot.chargeCurrentLimit]),
    "MaxDischargeCurrent": isLost ? 0 : floored(v[slot.dischargeCurrentLimit]),
  };
}

/**
 * The tree of what `mirrorNumbers` tells, unknown leaves of a cell left out; capacities in Ah as the driver means them:
 * installed, used and remaining. `last` holds voltage, power and SoC as they were known last, and takes what is known
 * now; "" before all three were.
 */
export function batteryJson(s: Snapshot, numbers: number[], last: Float64Array): string {
  const tree: Record<string, unknown> = {},
    capacity = s.values[slot.batteryCapacity],
    used = shown(capacity * (1 - s.values[slot.stateOfCharge] / 100), 1);
  for (let place = 0; place < numbers.length; place++) {
    const leaf = mirrorLeaf(place, numbers[place]),
      parts = leaf[SUFFIX].split("/"),
      name = parts[parts.length - 1],
      kept = NEVER_NULL.indexOf(leaf[SUFFIX]);
    let value = (JSON.parse(leaf[PAYLOAD]) as { value: unknown })["value"];
    const isCell = parts[0] === "Voltages" || parts[0] === "Balances";
    if (!name || FOREIGN.indexOf("," + name + ",") >= 0 || (isCell && value === null)) continue;
    if (kept >= 0) {
      if (value !== null) last[kept] = value as number;
      else if (isNaN(last[kept])) return "";
      else value = last[kept];
    }
    if (parts.length > 1 && !tree[parts[0]]) tree[parts[0]] = {};
    const branch = parts.length > 1 ? (tree[parts[0]] as Record<string, unknown>) : tree;
    branch[name] = value;
  }
  tree["Info"] = Object.assign(tree["Info"] as object, limitsOf(s));
  tree["ConsumedAmphours"] = used;
  tree["Capacity"] = used === null ? null : shown(capacity - used, 1);
  return JSON.stringify(tree);
}
