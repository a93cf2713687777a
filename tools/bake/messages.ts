// Bakes the list of fields of every JSON message and answer whose values the tables know: member, unit, meaning,
// source. Rows of the register table bring their own unit and label; what the gateway makes itself is a row here.
import { registers, type Register } from "../../firmware/tables/registers";
import { energyPeriods, gxAlarms, ioPoints } from "../../firmware/tables/topics";
import { publishedRows, suffixOf } from "./names";
import { groupRows, gxRows } from "./topics";

/** A member of a message. `row`: the key of its row in tables/registers.ts, which brings what is left out. */
export interface Field {
  member: string;
  row?: string;
  unit?: string;
  meaning?: string;
}

/** A topic below the base, or an answer over HTTP with the object in it. */
export interface Message {
  name: string;
  fields: Field[];
}

const LIMITS: Field[] = [
  { member: "cvl", row: "charge_voltage_limit" },
  { member: "ccl", row: "charge_current_limit" },
  { member: "dcl", row: "discharge_current_limit" },
];
const WHY: Field[] = [
  { member: "state", meaning: "state of the charge (tables/states.ts)" },
  ...["cvl", "ccl", "dcl"].flatMap((limit): Field[] => [
    { member: `${limit}_reason`, meaning: `why ${limit} is what it is (tables/states.ts)` },
    { member: `${limit}_code`, meaning: "number of that reason" },
    { member: `${limit}_target`, unit: limit === "cvl" ? "V" : "A", meaning: `what ${limit} wants to be` },
  ]),
];
const SEQ: Field = { member: "seq", meaning: "polls that were accepted since boot" };
const PHASE: Field = { member: "phase", meaning: "phase of the data (tables/states.ts)" };
const AT: Field = { member: "timestamp_ms", unit: "ms", meaning: "time since boot" };
const REASON: Field = { member: "reason", meaning: "the most severe reason of the three limits (tables/states.ts)" };

/** Members of rt/state that no row of the register table is. */
const STATE_OWN: Field[] = [
  { member: "est", unit: "Wh", meaning: "energy in the battery: capacity x state of charge x voltage" },
  { member: "ttg", unit: "s", meaning: "time left as the TinyBMS estimates it (register 34)" },
  { member: "lim", meaning: REASON.meaning },
  { member: "prob", meaning: "1: not in phase normal, or the BMS reports a failure" },
  { member: "chg", meaning: "1: the current is above 0" },
  { member: "ph", meaning: PHASE.meaning },
  SEQ,
  { member: "time", meaning: "UTC, ISO 8601; only while the time of day is known" },
];

const byColumn = (column: "state" | "stat"): Field[] => {
  const fields: Field[] = [];
  for (const row of registers) {
    const member = row[column],
      same = fields.find((field) => field.member === member);
    if (member === undefined) continue;
    if (same) same.meaning = `${rowOf(same.row!).label} + ${row.label}`;
    else fields.push({ member, row: row.key });
  }
  return fields;
};

/** The values of the battery and the limits. */
const LISTED: Message[] = [
  { name: "`rt/state`", fields: [...byColumn("state"), ...STATE_OWN] },
  {
    name: "`rt/limits`",
    fields: [
      ...LIMITS,
      { member: "charge_allowed", meaning: "ccl is above 0" },
      { member: "discharge_allowed", meaning: "dcl is above 0" },
      REASON,
      PHASE,
      SEQ,
      AT,
      { member: "time", meaning: "the same as ISO 8601 in UTC, while the time of day is known" },
      ...WHY,
      { member: "broken_rules", meaning: "codes of the rules that the settings break (charge/README.md)" },
    ],
  },
  { name: "`rt/stat`", fields: byColumn("stat") },
  {
    name: "`rt/cells`",
    fields: [
      { member: "c", unit: "mV", meaning: "voltages of the cells in use, the first one first" },
      { member: "bal", meaning: "bit i: cell i + 1 is being balanced" },
      SEQ,
    ],
  },
  {
    name: "`GET /api/status`, `live_data`",
    fields: [
      { member: "voltage", row: "pack_voltage" },
      { member: "current", row: "pack_current" },
      { member: "soc_percent", row: "state_of_charge" },
      { member: "soh_percent", row: "state_of_health" },
      { member: "temperature", row: "battery_temperature" },
      { member: "min_cell_mv", row: "min_cell_voltage" },
      { member: "max_cell_mv", row: "max_cell_voltage" },
      { member: "cell_imbalance_mv", row: "cell_spread" },
      { member: "balancing_bits", row: "balancing_active" },
      { member: "online_status", row: "online_status" },
      { member: "pack_power_w", row: "pack_power" },
      { member: "cells_mv", unit: "mV", meaning: "voltages of the cells in use, the first one first" },
      { member: "age_ms", unit: "ms", meaning: "age of the oldest group of values that is needed" },
      PHASE,
      SEQ,
    ],
  },
  {
    name: "`GET /api/status`, `limits`",
    fields: [
      ...LIMITS,
      REASON,
      { member: "reason_code", meaning: "number of that reason" },
      { member: "cells", meaning: "cells in series, as the TinyBMS is set" },
      ...WHY,
      { member: "broken_rules", meaning: "the rules that the settings break (charge/README.md)" },
      { member: "notes", meaning: "what was only adjusted" },
      { member: "history", meaning: "the last changes: minutes since the start, reasons of CVL, CCL, DCL" },
    ],
  },
];

const counts = (rows: Record<string, string>): Field[] =>
  Object.entries(rows).map(([member, meaning]) => ({ member, meaning }));
const RSSI: Field = { member: "rssi", unit: "dBm", meaning: "signal of the Wi-Fi" };
const IP: Field = { member: "ip", meaning: "address in the network" };
const KEEPALIVE = "a GX has sent 0x305 within 10 s";

const CONNECTION = "off, waiting (for the next try), resolving (the broker's name), connecting, connected",
  NEXT_TRY = "until the next try to connect",
  PENDING = "a change of the settings is on its way, and not in force yet";

/** The rest of GET /api/status, an object each. */
const STATUS: Record<string, Field[]> = {
  "mqtt": [
    ...counts({
      enabled: "setting mqtt.enabled",
      configured: "there is a broker in the settings",
      subscribed: "the broker granted both subscriptions",
      connected: "there is a session with the broker",
      state: CONNECTION,
    }),
    { member: "next_attempt_ms", unit: "ms", meaning: NEXT_TRY },
    ...counts({
      pending_config: PENDING,
      publish_count: "messages sent since boot",
      failed_count: "messages that found no room and were tried again",
      error_count: "connections lost and tries that failed",
      dropped_count: "messages that were given up",
      dropped_samples: "samples that the queue between UART and MQTT had no room for",
    }),
    { member: "last_publish_ms", unit: "ms", meaning: "time since boot of the last message" },
    ...counts({
      last_error_code: 'why the last connection ended, "" when none did',
      qos: "QoS of the register messages",
      retain: "they are retained",
      clean_session: "setting mqtt.clean_session",
      use_tls: "setting mqtt.use_tls",
      tls: "what TLS does: it encrypts, it verifies nobody",
      "subscriptions.cmd": 'QoS granted, or "refused"',
      "subscriptions.cfg/set": "the same",
      queue_len: "messages that wait or are in flight",
      queue_max: "most of them",
      admitted_count: "messages that the session took since boot",
      coalesced_count: "messages that a newer one of the same topic replaced while they waited",
      queued: "messages that wait for the broker",
      in_flight: "messages of QoS 1 and 2 without their answer",
      rx_drop: "messages received that were not for us or too many",
      oversize_drop: "messages received that were too long",
    }),
    { member: "blocked_ms_max", unit: "ms", meaning: "longest standstill in a try to connect" },
    ...counts({
      client_id: "client id in use",
      root_topic: "topics begin with it",
      last_error_message: "last_error_code in words",
    }),
  ],
  "clock": [
    ...counts({ syncs: "times that the time of day was learned", failures: "tries that failed" }),
    { member: "last_sync_s", unit: "s", meaning: "since the last one" },
    ...counts({ last_error: "why the last try failed" }),
  ],
  "replay": counts({ pending: "samples kept for rt/replay", dropped: "samples that the flash had no room for" }),
  "uart": counts({
    ok: "replies accepted",
    crc: "replies with a wrong CRC",
    timeouts: "requests without a reply",
    nacks: "requests that the TinyBMS refused",
    foreign: "replies to something else",
    resent: "requests sent again",
    noise_bytes: "bytes that belong to no reply",
    implausible: "replies dropped because their values cannot be",
    seq: SEQ.meaning!,
    read_command: "command of block reads: 3 or 7",
    slowed: "asks more slowly, because nothing comes",
    warning: "what is wrong with the line, in words",
  }),
  "can": counts({
    tx: "frames sent",
    rx: "frames received",
    errors: "errors on the bus",
    bus_off: "times that the controller went off the bus",
    state: "state of the controller: active, passive, off",
    tec: "its transmit error counter",
    rec: "its receive error counter",
    keepalive_ok: KEEPALIVE,
    silent: "why nothing is sent, in words",
  }),
  "espruino": counts({
    version: "of the interpreter",
    warning: "what is known to be wrong with it",
    bluetooth: "Bluetooth is on",
  }),
  "memory": [
    { member: "used", unit: "JsVars", meaning: "variables in use, after a collection" },
    { member: "total", unit: "JsVars", meaning: "variables there are" },
    ...counts({ low: "little is free, also after a collection", filled: "times that memory was full" }),
    { member: "heap", unit: "bytes", meaning: "free C heap" },
    { member: "heap_min", unit: "bytes", meaning: "least free C heap since boot" },
  ],
  "tasks[]": [
    ...counts({ name: "of the task", late: "steps that came late" }),
    { member: "longest_ms", unit: "ms", meaning: "longest step" },
    ...counts({ faults: "steps that failed" }),
  ],
  "alarms[]": [
    ...counts({ id: "of the alarm (tables/alarms.ts)", code: "its name", severity: "1 warning, 2 alarm" }),
    { member: "since_ms", unit: "ms", meaning: "time since boot at which it was raised" },
  ],
};

/** Topics of a period, and those of a connection whose members are known. */
const STATES: Record<string, Field[]> = {
  "rt/runtime/state": [
    ...counts({ v: "version of this message" }),
    { member: "ts", unit: "ms", meaning: "time since boot" },
    ...counts({ n: "number of this message" }),
    SEQ,
    ...counts({
      routes_total: "topics of rt/reg",
      routes_pub: "of them published since the last of these messages",
      routes_skip_nc: "of them unchanged",
      routes_skip_m: "of them waiting for their turn",
      build_errors: "steps of the MQTT task that failed",
      publish_errors: "messages that found no room",
      mqtt_error: "the same and mqtt.error_count together",
      "mqtt.state": CONNECTION,
    }),
    { member: "mqtt.next_attempt_ms", unit: "ms", meaning: NEXT_TRY },
    ...counts({
      "mqtt.pending_config": PENDING,
      "mqtt.publish_count": "messages sent since boot",
      "mqtt.failed_count": "messages that found no room",
      "mqtt.error_count": "connections lost and tries that failed",
      "mqtt.dropped_count": "messages that were given up",
      "mqtt.queue": "messages that wait or are in flight",
      "mqtt.last_error_code": 'why the last connection ended, "" when none did',
      "uart.ok": "replies accepted",
      "uart.crc": "replies with a wrong CRC",
      "uart.timeouts": "requests without a reply",
      "can.tx": "frames sent",
      "can.err": "errors on the bus",
      "can.keepalive_ok": KEEPALIVE,
      "samples.parsed": SEQ.meaning!,
      "samples.dropped": "samples that the queue between UART and MQTT had no room for",
    }),
  ],
  "rt/network/state": [
    ...counts({ ready: "there is an address" }),
    IP,
    RSSI,
    ...counts({ mqtt: "there is a session with the broker", keepalive_ok: KEEPALIVE }),
    { member: "ts", unit: "ms", meaning: "time since boot" },
  ],
  "rt/diag": [
    ...counts({ bms: "1: the data are fresh enough", gx: "1: " + KEEPALIVE }),
    RSSI,
    { member: "uptime", unit: "s", meaning: "time since boot" },
    { member: "free_mem", unit: "%", meaning: "free variables" },
    ...counts({ uart_err: "requests that failed: CRC, no reply, refused" }),
    { member: "poll_ms", unit: "ms", meaning: "from one fast poll to the next" },
    { member: "data_age", unit: "s", meaning: "age of the oldest group of values that is needed" },
    ...counts({ can_err: "errors on the bus" }),
    IP,
  ],
  "rt/system/state": [
    { member: "upt_ms", unit: "ms", meaning: "time since boot" },
    { member: "upt_s", unit: "s", meaning: "the same" },
    { member: "heap.free", unit: "bytes", meaning: "free C heap" },
    { member: "heap.min", unit: "bytes", meaning: "least free C heap since boot" },
    { member: "jsvars.free", unit: "JsVars", meaning: "free variables, after a collection" },
    { member: "jsvars.total", unit: "JsVars", meaning: "variables there are" },
    { member: "loop.max_ms", unit: "ms", meaning: "longest step of a task" },
    ...counts({
      "mqtt_rx.rx_drop": "messages received that were not for us or too many",
      "mqtt_rx.oversize_drop": "messages received that were too long",
      "mqtt_rx.parse_fail": "messages received that are no JSON",
      "mqtt_rx.handler_fail": "commands and settings that were refused",
    }),
    { member: "ts", unit: "ms", meaning: "time since boot" },
  ],
  "system": [
    RSSI,
    { member: "memory.heapFreeKb", unit: "kB", meaning: "free C heap" },
    { member: "memory.heapMinFreeKb", unit: "kB", meaning: "least free C heap since boot" },
  ],
  "rt/alarms/m": [
    ...counts({
      a: "active alarms",
      h: "highest severity of them",
      u: "alarms that nobody has seen",
      level: "0 ok, 1 warning, 2 alarm; null while the battery is not known",
      message: 'the worst in words; "ok", or "unknown" while the battery is not known',
    }),
    { member: "ts", unit: "ms", meaning: "time since boot" },
  ],
  "manifest": counts({
    mode: "per_page: manifest/page<N> list the topics",
    pages: "pages there are",
    fw: "version of the firmware",
    count: "topics listed",
  }),
};

/**
 * Every message whose members are listed one by one: `a.b` is a member of a member, `[]` an element of a list.
 * test/publish/fields.test.ts compares them with what a running device sends.
 */
export const messages: Message[] = [
  ...LISTED,
  ...Object.entries(STATES).map(([topic, fields]) => ({ name: `\`${topic}\``, fields })),
  ...Object.entries(STATUS).map(([member, fields]) => ({ name: `\`GET /api/status\`, \`${member}\``, fields })),
];

function rowOf(key: string): Register {
  const row = registers.find((one) => one.key === key);
  if (!row) throw new Error(`tools/bake/messages.ts: tables/registers.ts has no row with the key ${key}`);
  return row;
}

function sourceOf({ at, words = 1 }: Register): string {
  if (at === undefined) return "derived";
  return words > 1 ? `registers ${at} to ${at + words - 1}` : `register ${at}`;
}

const line = (...cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (head: string[], rows: string[][]): string[] => [
  line(...head),
  `|${head.map(() => "---|").join("")}`,
  ...rows.map((row) => line(...row)),
];

function fieldCells({ member, row: key, unit, meaning }: Field): string[] {
  const row = key === undefined ? undefined : rowOf(key);
  return [
    `\`${member}\``,
    unit ?? row?.unit ?? "",
    meaning ?? row?.label ?? "",
    row ? `${sourceOf(row)} (\`${row.key}\`)` : "gateway",
  ];
}

/** The topics that carry one register each. */
function registerTable(): string[] {
  const rows = [...publishedRows, ...groupRows].map((row) => [
    `\`rt/reg/${suffixOf(row)}\``,
    row.unit,
    row.label,
    sourceOf(row),
  ]);
  return table(["topic", "unit", "meaning", "source"], rows);
}

/** The topics of what a GX shows. */
function gxTable(): string[] {
  const rows = [
    ...gxRows.map(({ path, unit, modbus, row, from }) => [
      `\`rt/gx${path}\``,
      unit ?? "",
      modbus === undefined ? "" : String(modbus),
      row === undefined || row === "" ? (from ?? "gateway") : `\`${row}\``,
    ]),
    ...gxAlarms.map(({ path, modbus, ids }) => [
      `\`rt/gx${path}\``,
      "0, 1, 2",
      modbus === undefined ? "" : String(modbus),
      `alarms ${ids.join(", ")}`,
    ]),
  ];
  return table(["topic", "unit of `value`", "`modbus`", "source"], rows);
}

/** firmware/publish/fields.md */
export function bakeMessages(): string {
  const energy = energyPeriods.flatMap((period) =>
    ["charge", "discharge"].map((kind) => [`\`rt/energy/${kind}/${period}\``, "kWh", `energy, ${kind}, ${period}`]),
  );
  return (
    [
      "<!-- Generated by `npm run bake` from firmware/tables and tools/bake/messages.ts. Do not edit. -->",
      "",
      "# Fields of the messages and answers",
      "",
      "A value that is not known is `null`. Topics stand below `tinybms/<device id>/`.",
      ...messages.flatMap(({ name, fields }) => [
        "",
        `## ${name}`,
        "",
        ...table(["member", "unit", "meaning", "source"], fields.map(fieldCells)),
      ]),
      "",
      "## `rt/bms`",
      "",
      "A text, no JSON: `online` or `offline`.",
      "",
      "## `rt/energy`",
      "",
      "Members `value`, `unit`, `date` or (of a month) `month`, of local time (setting `time.zone`), `quality` (`ok`, `stale`:",
      "not known, `estimated`: not seen from its begin), `device_id`, `timestamp_ms` since boot, and `time` (UTC).",
      "",
      ...table(["topic", "unit", "meaning"], energy),
      "",
      "## `rt/gx`",
      "",
      "Members `value`, `unit`, `gx_raw` (the register that the GX serves under `modbus`), `modbus`, `service`.",
      "",
      ...gxTable(),
      "",
      "## `rt/io`",
      "",
      "With `mqtt.io`. Members `id`, `name`, `available`, `value` (`true`, `false`; `null` while not available), `ts` (ms since boot).",
      "",
      ...table(
        ["topic", "`value` is `true` while"],
        ioPoints.map(([point, meaning]) => [`\`rt/io/${point}\``, meaning]),
      ),
      "",
      "## `rt/reg`",
      "",
      "`value` has this unit; `raw` is the word as the TinyBMS sent it, `words` the two of a longer one.",
      "",
      ...registerTable(),
    ].join("\n") + "\n"
  );
}
