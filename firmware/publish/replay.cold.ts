// While the broker is away: SoC and limits become records when they change, in a ring, and each minute in flash.

import * as slot from "../battery/registers.baked";
import { isoTime } from "../kernel/time.cold";
import { publish } from "../mqtt/publish";
import { CONNECTED, OFF, QOS1 } from "../mqtt/session";
import { wallSeconds } from "../time/clock.cold";
import { FILE, LOOK_MS, RECORD, type ReplayLog, WRITE_MS } from "./replay";
import type { MqttTask } from "./state";

/** Records in the ring. */
const RING = 16;
/** Least time between two records, ms. */
const LEAST_MS = 30000;
/** Longest time between two records, ms. */
const MOST_MS = 600000;
/** What is worth a record, in tenths: 0.5 %, 0.1 V, 1 A. */
const WORTH = [5, 1, 10, 10];
const NO_VALUE = 0xffff;

function tenths(value: number): number {
  return value !== value ? NO_VALUE : Math.max(0, Math.min(Math.round(value * 10), NO_VALUE - 1));
}

/** SoC, and the limits as CAN says them. */
function presentValues(v: Float64Array): number[] {
  return [
    tenths(v[slot.stateOfCharge]),
    tenths(v[slot.chargeVoltageLimit]),
    tenths(v[slot.chargeCurrentLimit]),
    tenths(v[slot.dischargeCurrentLimit]),
  ];
}

function isWorth(log: ReplayLog, values: number[]): boolean {
  return values.some(function (value, i) {
    const before = log.values[i];
    return Math.abs(value - before) >= WORTH[i] || (value !== before && (value === 0 || before === 0));
  });
}

function keep(mqtt: MqttTask, log: ReplayLog, now: number): void {
  const values = presentValues(mqtt.snapshot.values),
    age = now - log.keptAt;
  if (age < LEAST_MS || (age < MOST_MS && !isWorth(log, values))) return;
  if (
    !values.some(function (value) {
      return value !== NO_VALUE;
    })
  )
    return;
  const entry = {
    kind: "R",
    boot: mqtt.needs.replay.boot,
    number: log.next,
    up: now / 1000,
    wall: wallSeconds(mqtt.needs),
    acked: log.acked,
  };
  if (log.ring.length >= RING * RECORD) {
    log.ring = log.ring.substr(RECORD);
    mqtt.needs.replay.dropped++;
  }
  log.ring += replayRecord(entry, values, mqtt.needs.natives.crc32);
  log.next++;
  log.keptAt = now;
  log.values.set(values);
}

/**
 * One step while the broker is away, or the first one: a record if it is worth one, and what is not on flash goes there
 * when a minute is over. Without a broker to reach there is nothing to keep.
 */
export function replayKeep(mqtt: MqttTask, now: number): void {
  const state = mqtt.session.state,
    log = state === OFF ? null : mqtt.needs.replay.log || replayLoad(mqtt, now);
  mqtt.needs.replay.at = now + LOOK_MS;
  if (!log || state === CONNECTED) return;
  keep(mqtt, log, now);
  if (!log.ring || now - log.writtenAt < WRITE_MS) return;
  const count = spoolAdd(mqtt, log, log.ring, now);
  log.ring = log.ring.substr(count * RECORD);
  if (count) log.spooled = log.next - log.ring.length / RECORD;
}

// What an earlier start, or an earlier absence of the broker, left on flash for rt/replay.

/** The first place that was never written. A record begins with a letter, so its first byte says it. */
function freePlace(text: string): number {
  let low = 0,
    high = FILE / RECORD;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (text.charCodeAt(middle * RECORD) === 255) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The last whole record before a place; those that a power cut tore are passed over. */
function lastEntry(mqtt: MqttTask, text: string, place: number): Entry | null {
  let found: Entry | null = null,
    at = place - 1;
  for (; at >= 0 && !found; at--) found = readRecord(text.substr(at * RECORD, RECORD), mqtt.needs.natives.crc32);
  return found;
}

/** Find the newer of the two files and where it ends; which start has written last. */
function findEnd(mqtt: MqttTask, log: ReplayLog): number {
  let boot = 0,
    file = 0;
  for (; file < 2; file++) {
    const text = mqtt.needs.store.read(fileName(file)) || "",
      place = text.length === FILE ? freePlace(text) : 0,
      last = lastEntry(mqtt, text, place);
    if (!last) continue;
    if (last.number < log.next - 1 || (last.number === log.next - 1 && last.acked < log.acked)) {
      log.readFile = file; // the older one
      continue;
    }
    log.readFile = log.place < 0 ? file : log.file;
    log.file = file;
    log.place = place;
    log.next = log.spooled = last.number + 1;
    log.acked = log.noted = log.sent = last.acked;
    boot = last.boot;
  }
  return boot;
}

/** Make the log with what flash has; null when the broker is there and has it all. */
export function replayLoad(mqtt: MqttTask, now: number): ReplayLog | null {
  const log: ReplayLog = {
    next: 1,
    acked: 1,
    spooled: 1,
    noted: 1,
    writtenAt: now,
    file: 0,
    place: -1,
    readFile: 0,
    readPlace: 0,
    ring: "",
    values: new Uint16Array(4),
    keptAt: -Infinity,
    payload: "",
    sent: 1,
  };
  const boot = findEnd(mqtt, log),
    replay = mqtt.needs.replay;
  if (!replay.boot) replay.boot = (boot % 65535) + 1;
  return (replay.log = log.acked < log.next || mqtt.session.state !== CONNECTED ? log : null);
}

/** The session forgot what was under way: all that is not acknowledged is sent again, from the older file on. */
export function replayAgain(log: ReplayLog): void {
  log.payload = "";
  log.sent = log.acked;
  log.readFile = 1 - log.file;
  log.readPlace = 0;
}

// The broker is back: what it missed goes to rt/replay, oldest first, a few records a message, one message at a time,
// after live data. A record is done with when the broker has acknowledged it; flash is told so at most once a minute.

/** Period of a step, ms. */
const STEP_MS = 1000;
/** Time that a new connection has for live data, ms. */
const LIVE_MS = 5000;
/** Most records in a message. */
const RECORDS = 4;
/** Records that are looked at in a step. */
const LOOK = 32;
const NONE = [0xffff, 0xffff, 0xffff, 0xffff];

/** What a step has put together. */
interface Message {
  samples: string;
  count: number;
  sent: number;
  looked: number;
}

/** The samples of a record, unless they were sent before. */
function take(mqtt: MqttTask, text: string, message: Message): void {
  const entry = readRecord(text, mqtt.needs.natives.crc32);
  message.looked++;
  if (!entry || entry.kind !== "R" || entry.number < message.sent) return;
  message.samples += replaySamples(text, entry, mqtt.needs.replay.boot, mqtt.needs.clock.epoch);
  message.count++;
  message.sent = entry.number + 1;
}

/** Records on flash from the place of reading on, which moves with them. */
function takeSpooled(mqtt: MqttTask, log: ReplayLog, message: Message): void {
  let file = -1,
    text = "";
  while (message.count < RECORDS && message.looked < LOOK && log.place >= 0) {
    if (log.readFile === log.file && log.readPlace >= log.place) return;
    if (log.readPlace >= FILE / RECORD) {
      log.readFile = log.file;
      log.readPlace = 0;
      continue;
    }
    if (file !== log.readFile) text = mqtt.needs.store.read(fileName(log.readFile)) || "";
    file = log.readFile;
    take(mqtt, text.substr(log.readPlace * RECORD, RECORD), message);
    log.readPlace++;
  }
}

/**
 * Flash learns what was acknowledged, when it has records of it and a minute is over. Without room the next start tells
 * them once more.
 */
function note(mqtt: MqttTask, log: ReplayLog, now: number): void {
  if (log.noted >= log.acked || log.noted >= log.spooled || now - log.writtenAt < WRITE_MS) return;
  const entry = {
    kind: "A",
    boot: mqtt.needs.replay.boot,
    number: log.next - 1,
    up: now / 1000,
    wall: 0,
    acked: log.acked,
  };
  log.noted = log.acked;
  spoolAdd(mqtt, log, replayRecord(entry, NONE, mqtt.needs.natives.crc32), now);
}

/** Nothing is left to send, and all was acknowledged: the log goes when flash knows it. */
function finish(mqtt: MqttTask, log: ReplayLog, now: number): void {
  log.acked = log.sent = log.next;
  note(mqtt, log, now);
  if (log.noted < log.spooled) return;
  mqtt.needs.replay.log = null;
}

function isUnderWay(mqtt: MqttTask, log: ReplayLog): boolean {
  const session = mqtt.session;
  function isOurs(message: { payload: string }): boolean {
    return message.payload === log.payload;
  }
  return log.payload !== "" && (session.inFlight.some(isOurs) || session.outbox.some(isOurs));
}

/** One step while the broker is there and something is kept. */
export function replaySend(mqtt: MqttTask, now: number): void {
  const log = mqtt.needs.replay.log!,
    session = mqtt.session,
    socket = session.socket,
    file = log.readFile,
    place = log.readPlace;
  mqtt.needs.replay.at = now + STEP_MS;
  if (isUnderWay(mqtt, log)) return;
  log.payload = "";
  if (log.sent > log.acked) log.acked = log.sent;
  const first = log.next - log.ring.length / RECORD; // in the ring
  if (log.ring && log.acked > first) log.ring = log.ring.substr((log.acked - first) * RECORD);
  // a full file waits: to begin the other one would erase what was not told yet
  if (log.place < FILE / RECORD) note(mqtt, log, now);
  if (now - session.since < LIVE_MS || session.inFlight.length || session.outbox.length || (socket && socket.dSnd))
    return;
  const message: Message = { samples: "", count: 0, sent: log.sent, looked: 0 };
  takeSpooled(mqtt, log, message);
  let at = 0;
  for (; at < log.ring.length && message.count < RECORDS && message.looked < LOOK; at += RECORD)
    take(mqtt, log.ring.substr(at, RECORD), message);
  if (!message.count) {
    if (message.looked < LOOK) finish(mqtt, log, now);
    return;
  }
  const payload = '{"samples":[' + message.samples.substr(1) + "]}";
  if (publish(session, "rt/replay", payload, QOS1, now)) {
    log.payload = payload;
    log.sent = message.sent;
  } else {
    log.readFile = file;
    log.readPlace = place;
  }
}

// The flash files of rt/replay. What is written cannot change, so records are only added; when a file is full, the
// other one is erased and begun anew: the oldest records make room.

/** A file is begun only while there is this much room beside it: settings must never make flash compact itself. */
const ROOM = FILE + 65536;

export function fileName(file: number): string {
  return "replay." + (file ? "b" : "a");
}

/** The other file goes; what was not told yet in it is lost. */
function turnOver(mqtt: MqttTask, log: ReplayLog): void {
  const first = readRecord(
    (mqtt.needs.store.read(fileName(log.file)) || "").substr(0, RECORD),
    mqtt.needs.natives.crc32,
  );
  if (first && first.number > log.acked) {
    mqtt.needs.replay.dropped += first.number - log.acked;
    log.acked = first.number;
    if (log.sent < first.number) log.sent = first.number;
  }
  if (log.readFile !== log.file) {
    log.readFile = log.file;
    log.readPlace = 0;
  }
}

/** Add records, as many as the file takes; how many arrived. Who calls sees to it that it is at most once a minute. */
export function spoolAdd(mqtt: MqttTask, log: ReplayLog, records: string, now: number): number {
  const begins = log.place < 0 || log.place >= FILE / RECORD;
  let text = records;
  if (begins && mqtt.needs.store.getFree() < ROOM) return 0;
  log.writtenAt = now;
  if (log.place >= FILE / RECORD) {
    turnOver(mqtt, log);
    log.file = 1 - log.file;
  }
  if (begins) {
    mqtt.needs.store.erase(fileName(log.file));
    log.place = 0;
  }
  text = records.substr(0, FILE - log.place * RECORD);
  try {
    mqtt.needs.store.write(fileName(log.file), text, log.place * RECORD, FILE);
  } catch (error) {
    log.place = begins ? -1 : log.place + 1; // torn bytes of a power cut: the next place is free
    return 0;
  }
  log.place += text.length / RECORD;
  return text.length / RECORD;
}

// What the broker missed, as records of 32 bytes and as messages for rt/replay. All numbers low byte first: kind "R"
// (values) or "A" (all below `acked` is acknowledged), 0, boot (16 bits), number, uptime (0.1 s), s since 1970 (0:
// unknown), acked (all numbers below it are done with), SoC (0.1 %), CVL (0.1 V), CCL and DCL (0.1 A), each 16 bits
// (all ones: unknown), CRC-32.

/** Place of SoC and limits in a record, bytes. */
const VALUES = 20;
/** Place of the CRC in a record, bytes. */
const CRC_AT = 28;
/** A value that is unknown. */
const UNKNOWN_WORD = 0xffff;
const NAMES = ["state_of_charge", "cvl", "ccl", "dcl"];

/** A record without its values; times in s, `wall` 0 when unknown. */
export interface Entry {
  kind: string;
  boot: number;
  number: number;
  up: number;
  wall: number;
  acked: number;
}

type Crc = (text: string) => number;

function u16(value: number): string {
  return String.fromCharCode(value & 255, (value >> 8) & 255);
}

function u32(value: number): string {
  return u16(value) + u16(value >>> 16);
}

function u16At(text: string, at: number): number {
  return text.charCodeAt(at) + text.charCodeAt(at + 1) * 256;
}

function u32At(text: string, at: number): number {
  return u16At(text, at) + u16At(text, at + 2) * 65536;
}

/** A record; `values` are SoC, CVL, CCL, DCL in tenths, 65535 for an unknown one. */
export function replayRecord(entry: Entry, values: ArrayLike<number>, crc32: Crc): string {
  const text =
    entry.kind +
    "\0" +
    u16(entry.boot) +
    u32(entry.number) +
    u32(entry.up * 10) +
    u32(entry.wall) +
    u32(entry.acked) +
    u16(values[0]) +
    u16(values[1]) +
    u16(values[2]) +
    u16(values[3]);
  return text + u32(crc32(text));
}

/** What a record says, null when it is none or torn. */
export function readRecord(text: string, crc32: Crc): Entry | null {
  if (text.length !== RECORD || text.substr(CRC_AT) !== u32(crc32(text.substr(0, CRC_AT)))) return null;
  return {
    kind: text[0],
    boot: u16At(text, 2),
    number: u32At(text, 4),
    up: u32At(text, 8) / 10,
    wall: u32At(text, 12),
    acked: u32At(text, 16),
  };
}

/**
 * The samples of a record as members of the message's list, each with its comma before it. Its time is UTC where it is
 * known; `epoch` (s since 1970 at this boot, 0 unknown) tells it of a record of this `boot`. Else it is the uptime of a
 * numbered boot.
 */
export function replaySamples(text: string, entry: Entry, boot: number, epoch: number): string {
  const wall = entry.wall || (entry.boot === boot && epoch ? epoch + entry.up : 0);
  const time = wall
    ? `,{"time":"${isoTime(wall)}"`
    : `,{"timestamp_ms":${Math.round(entry.up * 1000)},"boot":${entry.boot}`;
  let samples = "",
    i = 0,
    value = 0;
  for (const name of NAMES) {
    value = u16At(text, VALUES + i);
    if (value !== UNKNOWN_WORD)
      samples += `${time},"s":"${name}","v":${value % 10 ? (value / 10).toFixed(1) : value / 10}}`;
    i += 2;
  }
  return samples;
}
