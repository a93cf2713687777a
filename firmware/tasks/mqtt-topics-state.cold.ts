// The topics of a period (stateTopics of mqtt/topics.ts): compact messages, counters, network, memory, sensors.
import { snapshotAge } from "../battery/phase.cold";
import { shown } from "../battery/names.cold";
import * as r from "../battery/registers.baked";
import { DEGRADED, NORMAL } from "../battery/snapshot";
import { textSlice } from "../kernel/text";
import { registerText } from "../mqtt/messages";
import { DROPPED, HANDLER_FAILED, OVERSIZE, PARSE_FAILED, RX_DROPPED } from "../mqtt/session";
import { ROWS } from "../mqtt/rows.baked";
import { STATES, TOPICS_AT, TOPICS_WIDTH } from "../mqtt/topics.baked";
import type { App } from "./app";
import { GX_GONE_MS } from "./can";
import { send } from "./mqtt-send.cold";
import { statisticOf } from "./statistic.cold";

/** The shorter period, of the first two topics; the others are sent every second time. */
const ROUND_MS = 30000, SHORT = 2;
/** Measurements in sensors/status: the rows before the cells, which have rt/cells (so that the payload stays below 1 kB). */
const SENSORS = r.cell01Voltage;
/** Alarms and values of the GX come first among the families (tasks/mqtt-topics.cold.ts). */
const GX_FAMILIES = 2;
/** The fast group is due this long before its tick (tasks/uart.ts), ms. */
const EARLY_MS = 20;

function whole(value: number): number | null {
  return shown(value, 0);
}

function present(app: App, now: number): boolean {
  return app.can.gxAt >= 0 && now - app.can.gxAt <= GX_GONE_MS;
}

function cells(app: App): string {
  const s = app.snapshot, from = r.cell01Voltage + s.firstCell, list: (number | null)[] = [];
  for (const mv of s.values.subarray(from, from + s.cells)) list.push(whole(mv));
  const active = s.values[r.balancingActive];
  return JSON.stringify({ "c": list, "bal": active === active ? active >> s.firstCell : null, "seq": s.seq });
}

/** Counters of this device. A route is a topic of rt/reg: published since the last of these messages, waiting for its turn, unchanged. */
function runtime(app: App, now: number): string {
  const mqtt = app.mqtt, rare = mqtt.rare, session = mqtt.session, p = app.uart.poller, s = app.snapshot, values = s.values;
  let waiting = 0, row = 0, sent = session.published - rare.published;
  for (const value of values.subarray(0, ROWS)) {
    if (!(value >= mqtt.due.low[row] && value <= mqtt.due.high[row]) && (value === value || mqtt.due.low[row] === mqtt.due.low[row])) waiting++;
    row++;
  }
  if (sent > ROWS - waiting) sent = ROWS - waiting;
  rare.published = session.published;
  return JSON.stringify({
    "v": 1, "ts": whole(now), "n": ++rare.count, "seq": s.seq, "routes_total": ROWS, "routes_pub": sent, "routes_skip_nc": ROWS - waiting - sent,
    "routes_skip_m": waiting, "build_errors": mqtt.task.faults, "publish_errors": session.failed,
    "mqtt": { "publish_count": session.published, "failed_count": session.failed, "dropped_count": session.counts[DROPPED],
      "queue": session.outbox.length + session.inFlight.length, "last_error_code": session.errorCode },
    "uart": { "ok": p.ok, "crc": p.crc, "timeouts": p.timeouts },
    "can": { "tx": app.canPort.tx, "err": app.canPort.errors, "keepalive_ok": present(app, now) },
    "samples": { "parsed": s.seq, "dropped": mqtt.samples.dropped },
  });
}

function stat(app: App): string {
  const mqtt = app.mqtt, v = app.snapshot.values;
  function counter(address: number): number | null { return whole(statisticOf(mqtt, address)); }
  return JSON.stringify({
    "temp_int": shown(v[r.internalTemp], 1), "soh": shown(v[r.stateOfHealth], 1), "cycles": counter(112), "charges": counter(111),
    "ov_cnt": counter(106), "uv_cnt": counter(105), "oc_cnt": whole(statisticOf(mqtt, 107) + statisticOf(mqtt, 108)), "ot_cnt": counter(109),
  });
}

function diag(app: App, now: number): string {
  const p = app.uart.poller, every = p.plan[0].every, phase = app.snapshot.phase, age = snapshotAge(app.snapshot, now);
  const memory = app.natives.memory(), facts = app.natives.machine();
  return JSON.stringify({
    "bms": phase === NORMAL || phase === DEGRADED ? 1 : 0, "gx": present(app, now) ? 1 : 0, "rssi": whole(facts.rssi), "uptime": whole(now / 1000),
    "free_mem": whole(100 - memory.usage * 100 / memory.total), "uart_err": p.crc + p.timeouts + p.nacks,
    "poll_ms": whole(every + Math.min(EARLY_MS, every)), "data_age": shown(age / 1000, 1), "can_err": app.canPort.errors, "ip": facts.ip,
  });
}

function network(app: App, now: number): string {
  const facts = app.natives.machine(), rare = app.mqtt.rare;
  if (facts.ip !== rare.ip) {
    if (rare.ip) rare.due[3] = 0; // system/config says it too
    rare.ip = facts.ip;
  }
  return JSON.stringify({ "ready": facts.ip !== "", "ip": facts.ip, "rssi": whole(facts.rssi), "mqtt": true, "keepalive_ok": present(app, now),
    "ts": whole(now) });
}

function system(app: App, now: number): string {
  const memory = app.natives.memory(), facts = app.natives.machine(), counts = app.mqtt.session.counts;
  let longest = 0;
  for (const task of app.scheduler.tasks) if (task.longest > longest) longest = task.longest;
  return JSON.stringify({
    "upt_ms": whole(now), "upt_s": now / 1000 | 0, "heap": { "free": whole(facts.heap), "min": whole(facts.heapMin) },
    "jsvars": { "free": whole(memory.total - memory.usage), "total": whole(memory.total) }, "loop": { "max_ms": whole(longest) },
    "mqtt_rx": { "rx_drop": counts[RX_DROPPED], "oversize_drop": counts[OVERSIZE], "parse_fail": counts[PARSE_FAILED],
      "handler_fail": counts[HANDLER_FAILED] }, "ts": whole(now),
  });
}

function memoryShort(app: App): string {
  const facts = app.natives.machine(), memory = { "heapFreeKb": whole(facts.heap / 1024), "heapMinFreeKb": whole(facts.heapMin / 1024) };
  return JSON.stringify({ "rssi": whole(facts.rssi), "memory": memory });
}

function sensors(app: App): string {
  let text = "", row = 0;
  for (const value of app.snapshot.values.subarray(0, SENSORS)) {
    const suffix = registerText(row++).split("\t")[0];
    text += `,"${suffix}":` + (value === value ? `{"status":"ok","value":${shown(value, 2)}}` : '{"status":"stale","value":null}');
  }
  return "{" + text.substr(1) + "}";
}

function payload(app: App, place: number, now: number): string {
  if (place === 0) return runtime(app, now);
  if (place === 1) return cells(app);
  if (place === 2) return network(app, now);
  if (place === 3) return stat(app);
  if (place === 4) return diag(app, now);
  if (place === 5) return system(app, now);
  return place === 6 ? memoryShort(app) : sensors(app);
}

/** The next message of this round, one a step because each costs much; when to go on (ms). */
export function publishStates(app: App, now: number): number {
  const rare = app.mqtt.rare, place = rare.place[2], at = TOPICS_AT + place * TOPICS_WIDTH, text = textSlice(at, at + TOPICS_WIDTH).trim();
  if (!send(app.mqtt, text.substr(1), payload(app, place, now), +text[0], now)) return now;
  rare.place[2] = place + 1;
  if (place + 1 < (rare.odd ? SHORT : STATES)) return now;
  rare.place[2] = 0;
  if (rare.odd) { // once a minute all that a GX shows again, at once: the mirror waits for it
    rare.gx.fill(Infinity);
    rare.due.fill(0, 0, GX_FAMILIES);
  }
  rare.odd = !rare.odd;
  return now + ROUND_MS;
}
