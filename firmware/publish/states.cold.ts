// The topics of a period (stateTopics of tables/topics.ts): compact messages, counters, network, memory, sensors.
import { snapshotAge } from "../battery/snapshot.cold";
import { cellsShown, shown } from "../battery/names.cold";
import * as slot from "../battery/registers.baked";
import * as words from "../battery/words.baked";
import { DEGRADED, NORMAL } from "../battery/snapshot";
import { pollPeriod } from "../bms/poller.cold";
import { STATISTICS } from "../bms/places";
import { textSlice } from "../kernel/text";
import { registerText } from "./messages";
import { stateWord, untilNextTry } from "../mqtt/session.cold";
import { DROPPED, HANDLER_FAILED, OVERSIZE, PARSE_FAILED, RX_DROPPED } from "../mqtt/session";
import { ROWS } from "./rows.baked";
import * as topics from "./topics.baked";
import { GX_GONE_MS } from "../victron/task";
import { send } from "./messages.cold";
import type { MqttTask } from "./state";

/** The shorter period, of the topics before RT_NETWORK_STATE, ms. The others are sent every second time. */
const ROUND_MS = 30000;
/**
 * Measurements in sensors/status: the rows before the cells, which have rt/cells (so that the payload stays below 1
 * kB).
 */
const SENSORS = slot.cell01Voltage;

function whole(value: number): number | null {
  return shown(value, 0);
}

function present(mqtt: MqttTask, now: number): boolean {
  return mqtt.can.gxAt >= 0 && now - mqtt.can.gxAt <= GX_GONE_MS;
}

function cells(mqtt: MqttTask): string {
  const s = mqtt.snapshot,
    active = s.values[slot.balancingActive];
  return JSON.stringify({ "c": cellsShown(s), "bal": active === active ? active >> s.firstCell : null, "seq": s.seq });
}

/**
 * Counters of this device. A route is a topic of rt/reg: published since the last of these messages, waiting for its
 * turn, unchanged.
 */
function runtime(mqtt: MqttTask, now: number): string {
  const rare = mqtt.rare,
    session = mqtt.session,
    p = mqtt.needs.uart.poller,
    s = mqtt.snapshot,
    values = s.values;
  let waiting = 0,
    row = 0,
    sent = session.published - rare.published;
  for (const value of values.subarray(0, ROWS)) {
    if (
      !(value >= mqtt.due.low[row] && value <= mqtt.due.high[row]) &&
      (value === value || mqtt.due.low[row] === mqtt.due.low[row])
    )
      waiting++;
    row++;
  }
  if (sent > ROWS - waiting) sent = ROWS - waiting;
  rare.published = session.published;
  return JSON.stringify({
    "v": 1,
    "ts": whole(now),
    "n": ++rare.count,
    "seq": s.seq,
    "routes_total": ROWS,
    "routes_pub": sent,
    "routes_skip_nc": ROWS - waiting - sent,
    "routes_skip_m": waiting,
    "build_errors": mqtt.task.faults,
    "publish_errors": session.failed,
    "mqtt_error": session.failed + session.errors,
    "mqtt": {
      "state": stateWord(session),
      "next_attempt_ms": untilNextTry(session, now),
      "pending_config": !!mqtt.needs.commands.change,
      "publish_count": session.published,
      "failed_count": session.failed,
      "error_count": session.errors,
      "dropped_count": session.counts[DROPPED],
      "queue": session.outbox.length + session.inFlight.length,
      "last_error_code": session.errorCode,
    },
    "uart": { "ok": p.ok, "crc": p.crc, "timeouts": p.timeouts },
    "can": { "tx": mqtt.needs.canPort.tx, "err": mqtt.needs.canPort.errors, "keepalive_ok": present(mqtt, now) },
    "samples": { "parsed": s.seq, "dropped": mqtt.samples.dropped },
  });
}

function stat(mqtt: MqttTask): string {
  const v = mqtt.snapshot.values,
    known = mqtt.raw[STATISTICS];
  function statistic(address: number): number {
    return known ? known[address - topics.FIRST_STATISTIC] : NaN;
  }
  function counter(address: number): number | null {
    return whole(statistic(address));
  }
  return JSON.stringify({
    "temp_int": shown(v[slot.internalTemp], 1),
    "soh": shown(v[slot.stateOfHealth], 1),
    "cycles": counter(words.FULL_CHARGE_COUNT),
    "charges": counter(words.CHARGING_COUNT),
    "ov_cnt": counter(words.OVER_VOLTAGE_COUNT),
    "uv_cnt": counter(words.UNDER_VOLTAGE_COUNT),
    "oc_cnt": whole(statistic(words.DISCHARGE_OVER_CURRENT_COUNT) + statistic(words.CHARGE_OVER_CURRENT_COUNT)),
    "ot_cnt": counter(words.OVER_HEAT_COUNT),
  });
}

function diag(mqtt: MqttTask, now: number): string {
  const p = mqtt.needs.uart.poller,
    phase = mqtt.snapshot.phase,
    age = snapshotAge(mqtt.snapshot, now);
  const memory = mqtt.needs.memory,
    facts = mqtt.needs.natives.machine();
  return JSON.stringify({
    "bms": phase === NORMAL || phase === DEGRADED ? 1 : 0,
    "gx": present(mqtt, now) ? 1 : 0,
    "rssi": whole(facts.rssi),
    "uptime": whole(now / 1000),
    "free_mem": whole(100 - (memory.usage * 100) / memory.total),
    "uart_err": p.crc + p.timeouts + p.nacks,
    "poll_ms": whole(pollPeriod(p, mqtt.needs.uart.every)),
    "data_age": shown(age / 1000, 1),
    "can_err": mqtt.needs.canPort.errors,
    "ip": facts.ip,
  });
}

function network(mqtt: MqttTask, now: number): string {
  const facts = mqtt.needs.natives.machine(),
    rare = mqtt.rare;
  if (facts.ip !== rare.ip) {
    if (rare.ip) rare.due[topics.FAMILY_ONCE] = 0; // system/config says it too
    rare.ip = facts.ip;
  }
  return JSON.stringify({
    "ready": facts.ip !== "",
    "ip": facts.ip,
    "rssi": whole(facts.rssi),
    "mqtt": true,
    "keepalive_ok": present(mqtt, now),
    "ts": whole(now),
  });
}

function system(mqtt: MqttTask, now: number): string {
  const memory = mqtt.needs.memory,
    facts = mqtt.needs.natives.machine(),
    counts = mqtt.session.counts;
  let longest = 0;
  for (const task of mqtt.needs.scheduler.tasks) if (task.longest > longest) longest = task.longest;
  return JSON.stringify({
    "upt_ms": whole(now),
    "upt_s": (now / 1000) | 0,
    "heap": { "free": whole(facts.heap), "min": whole(facts.heapMin) },
    "jsvars": { "free": whole(memory.total - memory.usage), "total": whole(memory.total) },
    "loop": { "max_ms": whole(longest) },
    "mqtt_rx": {
      "rx_drop": counts[RX_DROPPED],
      "oversize_drop": counts[OVERSIZE],
      "parse_fail": counts[PARSE_FAILED],
      "handler_fail": counts[HANDLER_FAILED],
    },
    "ts": whole(now),
  });
}

function memoryShort(mqtt: MqttTask): string {
  const facts = mqtt.needs.natives.machine(),
    memory = { "heapFreeKb": whole(facts.heap / 1024), "heapMinFreeKb": whole(facts.heapMin / 1024) };
  return JSON.stringify({ "rssi": whole(facts.rssi), "memory": memory });
}

/** What a measurement is that has no value: the TinyBMS does not answer, or it does and has none. */
function sensors(mqtt: MqttTask): string {
  const phase = mqtt.snapshot.phase,
    none = phase === NORMAL || phase === DEGRADED ? "error" : "stale";
  let text = "",
    row = 0;
  for (const value of mqtt.snapshot.values.subarray(0, SENSORS)) {
    const suffix = registerText(row++).split("\t")[0];
    text +=
      `,"${suffix}":` +
      (value === value ? `{"status":"ok","value":${shown(value, 2)}}` : `{"status":"${none}","value":null}`);
  }
  return "{" + text.substr(1) + "}";
}

/** What a topic says: every row of `stateTopics` has its handler. */
function payload(mqtt: MqttTask, suffix: topics.StateTopic, now: number): string {
  const rows: Record<topics.StateTopic, (mqtt: MqttTask, now: number) => string> = {
    "rt/runtime/state": runtime,
    "rt/cells": cells,
    "rt/network/state": network,
    "rt/stat": stat,
    "rt/diag": diag,
    "rt/system/state": system,
    "system": memoryShort,
    "sensors/status": sensors,
  };
  return rows[suffix](mqtt, now);
}

/** The next message of this round, one a step because each costs much; when to go on (ms). */
export function publishStates(mqtt: MqttTask, now: number): number {
  const rare = mqtt.rare,
    place = rare.place[topics.FAMILY_STATES],
    at = topics.TOPICS_AT + place * topics.TOPICS_WIDTH,
    text = textSlice(at, at + topics.TOPICS_WIDTH).trim(),
    suffix = text.substr(1) as topics.StateTopic;
  if (!send(mqtt, suffix, payload(mqtt, suffix, now), +text[0], now)) return now;
  rare.place[topics.FAMILY_STATES] = place + 1;
  if (place + 1 < (rare.odd ? topics.RT_NETWORK_STATE : topics.STATES)) return now;
  rare.place[topics.FAMILY_STATES] = 0;
  if (rare.odd) {
    // once a minute all that a GX shows again, at once: the mirror waits for it
    rare.gx.fill(Infinity);
    if (rare.io) rare.io.fill(Infinity);
    rare.round = null;
    rare.place[topics.FAMILY_GX] = 0;
    rare.due.fill(0, topics.FAMILY_ALARMS, topics.FAMILY_GX + 1);
  }
  rare.odd = !rare.odd;
  return now + ROUND_MS;
}
