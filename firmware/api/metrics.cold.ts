// GET /metrics: values and counters in the text format of Prometheus, version 0.0.4. What is not known has no sample.

import type { Needs } from "./needs";
import { ALARM } from "../battery/alarms";
import { ALARM_ROWS, ALARMS_AT, PHASES_AT, REASONS_AT } from "../battery/names.baked";
import { cellsShown, nameIn } from "../battery/names.cold";
import { balancingActive } from "../battery/registers.baked";
import { DEGRADED, NORMAL } from "../battery/snapshot";
import { snapshotAge } from "../battery/snapshot.cold";
import { cvlReason } from "../charge/memory";
import { textSlice } from "../kernel/text";
import { VERSION } from "../kernel/version";
import { CONNECTED, DROPPED } from "../mqtt/session";
import { METRICS_AT, METRICS_END } from "./text.baked";

/** Lines of the table in a piece. */
const LINES = 8;
/** Columns of a line: slot of the snapshot, factor, ten to the power of the decimals, name, type, help. */
const SLOT = 0,
  FACTOR = 1,
  DIGITS = 2,
  NAME = 3,
  TYPE = 4,
  HELP = 5;

/** The samples of the table's lines from `from` on, as many as a piece has; an empty line when none is known. */
function valuesText(v: Float64Array, from: number): string {
  const lines = textSlice(METRICS_AT, METRICS_END)
    .split("\n")
    .slice(from, from + LINES);
  let text = "";
  for (const line of lines) {
    const cells = line.split("\t"),
      value = v[+cells[SLOT]] * +cells[FACTOR],
      digits = +cells[DIGITS];
    if (line && value === value)
      text +=
        `# HELP ${cells[NAME]} ${cells[HELP]}\n# TYPE ${cells[NAME]} ${cells[TYPE]}\n` +
        `${cells[NAME]} ${Math.round(value * digits) / digits}\n`;
  }
  return text || "\n";
}

/** The piece; "" behind the last. */
export function metricsPart(needs: Needs, piece: number): string {
  const lines = textSlice(METRICS_AT, METRICS_END).split("\n").length - 1,
    tables = Math.ceil(lines / LINES);
  if (piece < tables) return valuesText(needs.snapshot.values, piece * LINES);
  const part = piece - tables;
  if (part === 0) return batteryMetrics(needs);
  if (part === 1) return cellMetrics(needs, false);
  if (part === 2) return cellMetrics(needs, true);
  if (part === 3) return alarmMetrics(needs);
  if (part === 4) return linkMetrics(needs);
  if (part === 5) return brokerMetrics(needs);
  return part === 6 ? machineMetrics(needs) : "";
}

// Groups of metrics that are no row of the register table.

/** A metric with its samples: labels ("" without) and value, ...; one that is NaN is left out. */
export function metricText(name: string, type: string, help: string, samples: (string | number)[]): string {
  let text = "",
    i = 0;
  for (; i < samples.length; i += 2) {
    const value = samples[i + 1] as number;
    if (value === value) text += "tinybms_" + name + (samples[i] && "{" + samples[i] + "}") + " " + value + "\n";
  }
  return text && "# HELP tinybms_" + name + " " + help + "\n# TYPE tinybms_" + name + " " + type + "\n" + text;
}

/** How fresh the data is, and why the limits are what they are. */
export function batteryMetrics(needs: Needs): string {
  const s = needs.snapshot,
    reasons: (string | number)[] = [];
  ["cvl", "ccl", "dcl"].forEach(function (limit, i) {
    const why = nameIn(REASONS_AT, needs.limits.state[cvlReason + i]);
    reasons.push('limit="' + limit + '",reason="' + why + '"', 1);
  });
  return (
    metricText("up", "gauge", "1 while the data of the TinyBMS is fresh enough to be used", [
      "",
      s.phase === NORMAL || s.phase === DEGRADED ? 1 : 0,
    ]) +
    metricText("phase", "gauge", "Phase of the data", ['phase="' + nameIn(PHASES_AT, s.phase) + '"', 1]) +
    metricText("data_age_seconds", "gauge", "Age of the oldest group of values that is needed", [
      "",
      Math.round(snapshotAge(s, needs.natives.now())) / 1000,
    ]) +
    metricText("limit_reason", "gauge", "Why a limit is what it is", reasons)
  );
}

/** Voltages of the cells, or which of them are being balanced; an empty line while nothing is known. */
export function cellMetrics(needs: Needs, isBalancing: boolean): string {
  const s = needs.snapshot,
    bits = s.values[balancingActive],
    samples: (string | number)[] = [];
  cellsShown(s).forEach(function (mv, cell) {
    const volts = mv === null ? NaN : mv / 1000,
      on = bits === bits ? (bits >> (s.firstCell + cell)) & 1 : NaN;
    samples.push('cell="' + (cell + 1) + '"', isBalancing ? on : volts);
  });
  const text = isBalancing
    ? metricText("cell_balancing", "gauge", "1 while a cell is being balanced", samples)
    : metricText("cell_voltage_volts", "gauge", "Voltage of a cell", samples);
  return text || "\n";
}

/** Every alarm. */
export function alarmMetrics(needs: Needs): string {
  const alarms: (string | number)[] = [];
  for (let row = 0; row < ALARM_ROWS; row++) {
    const on = needs.alarms.on[row] & 3,
      parts = nameIn(ALARMS_AT, row).split(":");
    alarms.push('id="' + parts[0] + '",code="' + parts[1] + '"', on & ALARM ? 2 : on);
  }
  return metricText("alarm", "gauge", "0 none, 1 warning, 2 alarm", alarms);
}

/** UART and CAN. */
export function linkMetrics(needs: Needs): string {
  const p = needs.uart.poller,
    port = needs.canPort,
    health = port.health();
  return (
    metricText("uart_replies_total", "counter", "Good replies of the TinyBMS", ["", p.ok]) +
    metricText("uart_errors_total", "counter", "Exchanges that failed, by kind", [
      'kind="crc"',
      p.crc,
      'kind="timeout"',
      p.timeouts,
      'kind="nack"',
      p.nacks,
      'kind="foreign"',
      p.foreign,
      'kind="implausible"',
      needs.snapshot.dropped,
    ]) +
    metricText("uart_noise_bytes_total", "counter", "Bytes that belonged to no reply", ["", p.noise]) +
    metricText("polls_total", "counter", "Fast polls that were accepted", ["", needs.snapshot.seq]) +
    metricText("can_frames_sent_total", "counter", "Frames that were acknowledged", ["", port.tx]) +
    metricText("can_frames_received_total", "counter", "Frames of a GX that were received", ["", port.rx]) +
    metricText("can_errors_total", "counter", "Frames that failed", ["", port.errors]) +
    metricText("can_bus_off_total", "counter", "Times that the controller went off the bus", ["", port.busOff]) +
    metricText("can_error_counter", "gauge", "Error counters of the controller", [
      'direction="transmit"',
      health.tec,
      'direction="receive"',
      health.rec,
    ]) +
    metricText("gx_seen_seconds", "gauge", "Since a GX was heard last", [
      "",
      needs.can.gxAt < 0 ? NaN : Math.round(needs.natives.now() - needs.can.gxAt) / 1000,
    ])
  );
}

/** MQTT and HTTP. */
export function brokerMetrics(needs: Needs): string {
  const s = needs.mqtt.session,
    counts = s.counts;
  return (
    metricText("mqtt_connected", "gauge", "1 while there is a session with the broker", [
      "",
      s.state === CONNECTED ? 1 : 0,
    ]) +
    metricText("mqtt_messages_published_total", "counter", "Messages sent", ["", s.published]) +
    metricText("mqtt_messages_failed_total", "counter", "Messages that found no room at first", ["", s.failed]) +
    metricText("mqtt_messages_dropped_total", "counter", "Messages that were given up", ["", counts[DROPPED]]) +
    metricText("mqtt_errors_total", "counter", "Connections lost and tries that failed", ["", s.errors]) +
    metricText("http_requests_total", "counter", "Requests that were answered", ["", needs.server.requests])
  );
}

/** Tasks, memory, versions. */
export function machineMetrics(needs: Needs): string {
  const facts = needs.natives.machine(),
    memory = needs.memory,
    longest: (string | number)[] = [],
    late: (string | number)[] = [],
    faults: (string | number)[] = [];
  for (const task of needs.scheduler.tasks) {
    const label = 'task="' + task.name + '"';
    longest.push(label, Math.round(task.longest) / 1000);
    late.push(label, task.late);
    faults.push(label, task.faults);
  }
  return (
    metricText("task_longest_seconds", "gauge", "Longest step of a task", longest) +
    metricText("task_late_total", "counter", "Steps of a task that began late", late) +
    metricText("task_faults_total", "counter", "Steps of a task that failed", faults) +
    metricText("memory_variables", "gauge", "Variables of the interpreter", [
      'state="used"',
      memory.usage,
      'state="all"',
      memory.total,
    ]) +
    metricText("heap_free_bytes", "gauge", "Free heap of the C runtime", ["", facts.heap]) +
    metricText("wifi_signal_dbm", "gauge", "Signal of the Wi-Fi", ["", facts.rssi]) +
    metricText("uptime_seconds", "gauge", "Time since the start", ["", Math.round(needs.natives.now()) / 1000]) +
    metricText("build_info", "gauge", "Versions", [
      'version="' + VERSION + '",espruino="' + facts.espruino + '",board="' + facts.board + '"',
      1,
    ])
  );
}
