// Every setting, one row each: the same document for the settings files, /api/config and the MQTT topics cfg/*.
// Authored, never bundled: `npm run bake` puts what the device needs into the image's text. Names are frozen by a test.

/** Who may change it: nobody at run time, HTTP only (needs the set-up token), or MQTT commands too. */
export type Remote = "no" | "http" | "all";

/**
 * What a text must be (config/forms.cold.ts): text that MQTT takes; a topic to publish below; one level of a topic; a
 * host name or IPv4 address; that with a port; a key of WPA; a time zone. Without a form it is taken as it is, as
 * bytes.
 */
export type Form = "text" | "topic" | "level" | "host" | "server" | "psk" | "zone";

export interface Field {
  module: string;
  key: string;
  type: "bool" | "int" | "number" | "string";
  /** Absent: required before the device does its work. */
  default?: boolean | number | string;
  unit?: string;
  /** Bounds of a number, or of the length of a string in bytes. */
  min?: number;
  max?: number;
  form?: Form;
  /** The values it may have. */
  oneOf?: (string | number)[];
  /** Never shown; a received "***" means unchanged. */
  secret?: true;
  remote: Remote;
  doc: string;
}

type Rest = Omit<Field, "module" | "key" | "type" | "default" | "doc">;
type Row = [key: string, type: Field["type"], preset: Field["default"], doc: string, rest?: Partial<Rest>];

function moduleOf(module: string, remote: Remote, rows: Row[]): Field[] {
  return rows.map(([key, type, preset, doc, rest]) => ({ module, key, type, default: preset, remote, doc, ...rest }));
}

/** min and max in `unit`. */
const range = (min: number, max: number, unit?: string): Partial<Rest> => ({ min, max, unit });
const http: Partial<Rest> = { remote: "http" };

export const fields: Field[] = [
  ...moduleOf("wifi", "http", [
    ["ssid", "string", "", "Network to join. Empty: no Wi-Fi.", { max: 32 }],
    [
      "pass",
      "string",
      "",
      "Its password (8 bytes or more) or key (64 hexadecimal digits), empty for an open network.",
      { max: 64, form: "psk", secret: true },
    ],
    ["host", "string", "", "Host name. Empty: the device id.", { max: 32, form: "host" }],
  ]),
  ...moduleOf("uart", "all", [
    ["poll_ms", "int", 250, "Period of the fast poll. The TinyBMS measures each 100 ms.", range(20, 1000, "ms")],
    ["timeout_ms", "int", 200, "Wait for a reply beyond its time on the wire.", range(20, 1000, "ms")],
    [
      "retries",
      "int",
      1,
      "Copies of a request after the first without an answer (a sleeping TinyBMS ignores the first).",
      range(0, 10),
    ],
  ]),
  ...moduleOf("bms", "http", [
    ["allow_write", "bool", false, "Allow writing TinyBMS settings and its reset commands."],
    [
      "cell_order",
      "string",
      "high",
      "Registers that carry the cells of a pack of N: high = 16-N..15, low = 0..N-1.",
      { oneOf: ["high", "low"] },
    ],
    [
      "expected_cells",
      "int",
      0,
      "Number of cells that must be there. 0: what TinyBMS register 307 says.",
      range(0, 16),
    ],
  ]),
  ...moduleOf("battery", "http", [
    [
      "chemistry",
      "string",
      undefined,
      "Cell chemistry. Required: without it nothing is sent on CAN.",
      { oneOf: ["lfp", "nmc", "custom"] },
    ],
    ["v_bulk", "number", 0, "Charge voltage of a cell. 0: by chemistry (lfp 3.450, nmc 4.100).", range(0, 4.3, "V")],
    ["v_float", "number", 0, "Float voltage of a cell. 0: by chemistry (lfp 3.375, nmc 4.000).", range(0, 4.3, "V")],
    [
      "v_rebulk",
      "number",
      0,
      "Highest cell that starts a new charge. 0: by chemistry (lfp 3.300, nmc 3.850).",
      range(0, 4.3, "V"),
    ],
    ["v_offset", "number", 0, "Added to the charge voltage for cable drop.", range(0, 0.5, "V")],
    ["head", "number", 0.9, "Share of the TinyBMS over-current cutoffs that the limits may use.", range(0.1, 0.9)],
    [
      "guard",
      "number",
      0.02,
      "Distance of the voltage ceiling from the over-voltage cutoff, a cell.",
      range(0, 0.2, "V"),
    ],
    ["db", "number", 0.01, "Cell limit above v_bulk.", range(0, 0.05, "V")],
    ["hard", "number", 0.02, "Hard zone above the cell limit.", range(0, 0.1, "V")],
    ["ki", "number", 0.05, "Gain of the cell voltage integrator.", range(0, 1, "V/Vs")],
    ["integ_max", "number", 1, "Bound of the integrator.", range(0, 4, "V")],
    ["tau", "number", 20, "Filter of the cell protection.", range(1, 120, "s")],
    ["cvl_up_hold", "number", 60, "Wait before the charge voltage rises again.", range(0, 3600, "s")],
    ["cvl_up_rate", "number", 0.005, "Rise of the charge voltage.", range(0.0005, 0.005, "V/s")],
    ["float_rate", "number", 0.1, "Fall of the charge voltage to float, a minute.", range(0.01, 1, "V")],
    ["abs_min", "number", 300, "Shortest absorption.", range(0, 7200, "s")],
    ["abs_max", "number", 3600, "Longest absorption.", range(60, 14400, "s")],
    [
      "tail_v",
      "number",
      0,
      "Resting voltage that ends absorption. 0: by chemistry (lfp 3.370, nmc 3.900).",
      range(0, 4.3, "V"),
    ],
    ["tail_spread", "number", 0.02, "Largest cell spread at the end of absorption.", range(0.005, 0.1, "V")],
    ["hold_in", "number", 0.08, "Cell spread that starts an imbalance hold.", range(0.02, 0.3, "V")],
    ["hold_out", "number", 0.04, "Cell spread that ends it.", range(0.01, 0.2, "V")],
    ["hold_max", "number", 14400, "Longest imbalance hold.", range(600, 86400, "s")],
    [
      "i_hold",
      "number",
      0,
      "Charge current during an imbalance hold. 0: the larger of 2 A and 0.02 C.",
      range(0, 50, "A"),
    ],
    ["rebulk_soc", "number", 85, "SoC that starts a new charge.", range(10, 99, "%")],
    ["rebulk_days", "number", 14, "Days after the last full charge that start a new one.", range(1, 90, "d")],
    ["sustain_soc", "number", 5, "SoC that starts sustain.", range(0, 50, "%")],
    ["sustain_exit_soc", "number", 8, "SoC that ends sustain.", range(1, 60, "%")],
    ["sus_dcl", "number", 5, "Discharge limit in sustain by SoC.", range(0, 50, "A")],
    ["sus_ccl", "number", 0.1, "Charge limit in sustain, as a share of the capacity.", range(0.01, 1, "C")],
    ["rec_hold", "number", 30, "Wait before a current limit rises.", range(0, 600, "s")],
    ["rec_rate", "number", 2, "Rise of a current limit in percent of the largest, a second.", range(0.1, 10, "%/s")],
    ["rec_thr", "number", 1.5, "Smallest current limit that leaves 0, in percent of the largest.", range(0, 10, "%")],
    ["soc_taper", "bool", false, "Taper the charge current by SoC too."],
    ["soc_sync", "bool", false, "Every 30 days let the TinyBMS meet its own full condition."],
    ["inhibit_charge", "bool", false, "Stop charging by hand.", { remote: "all" }],
    ["inhibit_discharge", "bool", false, "Stop discharging by hand.", { remote: "all" }],
  ]),
  ...moduleOf("can", "http", [
    [
      "rate",
      "int",
      500,
      "Bit rate. The GX profile is CAN-bus BMS LV (500 kbit/s).",
      { oneOf: [125, 250, 500, 1000], unit: "kbit/s" },
    ],
    ["listen_only", "bool", false, "Receive only, for tests of an installation."],
    [
      "sys_status",
      "string",
      "off",
      "System status bits of 0x35A.",
      { oneOf: ["off", "active_is_online", "ok_is_online"] },
    ],
    [
      "name",
      "string",
      "",
      "Battery name of more than 8 characters (0x370, 0x371). Empty: not sent.",
      { max: 16, form: "text" },
    ],
    ["manufacturer", "string", "TinyBMS", "Manufacturer (0x35E).", { min: 1, max: 8, form: "text" }],
    [
      "ride_through_min",
      "int",
      0,
      "Stay degraded this long while the UART is silent and the last cells were in mid range.",
      range(0, 30, "min"),
    ],
    [
      "gx_loss_s",
      "int",
      0,
      "Stop the battery when no GX was seen this long, at least 600. 0: never. GX updates take minutes.",
      range(0, 86400, "s"),
    ],
    ["keepalive_ms", "int", 1000, "Period of the periodic frames.", { oneOf: [1000], unit: "ms" }],
  ]),
  ...moduleOf("can/limits", "http", [
    ["cclMax", "number", 140, "Largest charge current.", range(0, 750, "A")],
    ["dclMax", "number", 180, "Largest discharge current.", range(0, 750, "A")],
  ]),
  ...moduleOf("mqtt", "all", [
    ["enabled", "bool", true, "Publish over MQTT, when a broker is set."],
    [
      "uri",
      "string",
      "",
      "Broker as mqtt://user:pass@host:port; taken apart into the fields below.",
      { ...http, max: 1024, secret: true },
    ],
    ["host", "string", "", "Broker name or IPv4 address. Empty: no MQTT.", { ...http, max: 253, form: "host" }],
    ["port", "int", 1883, "Broker port.", { ...http, min: 1, max: 65535 }],
    ["user", "string", "", "User name.", { ...http, max: 256, form: "text" }],
    ["pass", "string", "", "Password.", { ...http, max: 256, secret: true }],
    ["use_tls", "bool", false, "Encrypt. The interpreter cannot verify the server.", http],
    ["baseTopic", "string", "tinybms", "First level of all topics.", { ...http, min: 1, max: 32, form: "topic" }],
    [
      "deviceId",
      "string",
      "",
      "Second level of all topics. Empty: ESP32- and the end of the MAC.",
      { ...http, max: 32, form: "level" },
    ],
    ["client_id", "string", "", "Client id. Empty: the device id.", { ...http, max: 128, form: "text" }],
    [
      "root_topic",
      "string",
      "",
      "Registers go below this topic instead of <base>/<device>/rt/reg.",
      { ...http, max: 64, form: "topic" },
    ],
    ["clean_session", "bool", true, "Start without what the broker kept.", http],
    ["keepalive_seconds", "int", 30, "Keep-alive.", range(5, 3600, "s")],
    ["connect_timeout_ms", "int", 10000, "Wait for the broker's answer to CONNECT.", range(1000, 60000, "ms")],
    ["reconnect_interval_ms", "int", 5000, "First wait before connecting again.", range(0, 600000, "ms")],
    ["reconnect_max_ms", "int", 60000, "Longest wait.", range(1000, 600000, "ms")],
    [
      "ping",
      "bool",
      true,
      "Connect only after an echo of the broker: connecting to a dead host blocks the device.",
      http,
    ],
    ["default_qos", "int", 0, "QoS of telemetry.", range(0, 2)],
    ["cmd_qos", "int", 0, "QoS of the subscription to cmd.", range(0, 2)],
    ["ackQos", "int", 1, "QoS of answers.", range(0, 1)],
    ["queueLength", "int", 16, "Samples that wait between UART and MQTT; the oldest are dropped.", range(1, 32)],
    [
      "sensorMinPublishMs",
      "int",
      1000,
      "Shortest period of a value; 0: voltage, current, power and SoC with every sample.",
      range(0, 600000, "ms"),
    ],
    ["heartbeat_ms", "int", 1000, "Period of status/connected, 0: off.", range(0, 600000, "ms")],
    ["io", "bool", false, "Inputs and outputs of this device on rt/io."],
    ["verbose", "bool", false, "Label and comment in each register message."],
    ["commands", "string", "safe", "Commands that are accepted.", { ...http, oneOf: ["off", "safe", "all"] }],
    ["victron", "bool", false, "Mirror on N/<id>/battery/<instance>/...", http],
    ["victron_instance", "int", 512, "Device instance of that mirror.", { ...http, min: 0, max: 65535 }],
    [
      "battery_json",
      "string",
      "",
      "Topic of one JSON message for drivers on the GX. Empty: off.",
      { ...http, max: 64, form: "topic" },
    ],
  ]),
  ...moduleOf("retain", "all", [
    ["limits", "bool", false, "Retain rt/limits and rt/gx/Info: an old limit must not look fresh."],
    ["alarms", "bool", true, "Retain alarms."],
    ["state", "bool", false, "Retain rt/*/state."],
    ["config", "bool", true, "Retain cfg/* and the manifest."],
    ["telemetry", "bool", false, "Retain register messages."],
    ["text", "bool", false, "Retain messages that carry text."],
  ]),
  ...moduleOf("ha", "all", [
    ["enabled", "bool", false, "Home Assistant discovery."],
    ["prefix", "string", "homeassistant", "Discovery prefix.", { min: 1, max: 32, form: "topic" }],
    [
      "birth_topic",
      "string",
      "",
      "Where Home Assistant says that it starts. Empty: <prefix>/status and homeassistant/status.",
      { max: 64, form: "topic" },
    ],
  ]),
  ...moduleOf("alarms", "all", [
    ["imbalance_warning", "number", 0.16, "Cell spread that warns.", range(0.02, 1, "V")],
    ["imbalance_alarm", "number", 0.3, "Cell spread that alarms.", range(0.02, 1, "V")],
    ["low_soc_warning", "number", 15, "SoC that warns.", range(0, 100, "%")],
    ["low_soc_alarm", "number", 10, "SoC that alarms.", range(0, 100, "%")],
  ]),
  ...moduleOf("http", "http", [
    ["port", "int", 80, "Its port.", range(1, 65535)],
    ["user", "string", "admin", "Login name.", { max: 32 }],
    [
      "pass",
      "string",
      "",
      "Login password, kept as a hash. Empty: the device's own one counts, which the console shows.",
      { max: 64, secret: true },
    ],
    ["read_auth", "bool", false, "Reading needs the login too."],
    ["read_only", "bool", false, "Over HTTP nothing can be changed but this."],
    [
      "cors",
      "string",
      "",
      "Origins of pages elsewhere that may use the API, with commas: http://panel.example. Their hosts may be ours.",
      { max: 256, form: "text" },
    ],
  ]),
  ...moduleOf("log", "all", [
    [
      "level",
      "string",
      "warn",
      "What is written to the console and the log topic.",
      { oneOf: ["error", "warn", "info", "debug"] },
    ],
  ]),
  ...moduleOf("time", "all", [
    ["server", "string", "pool.ntp.org", "Time server. Empty: no clock.", { max: 259, form: "server" }],
    ["sync_hours", "int", 6, "Period of time requests.", range(1, 168, "h")],
    [
      "zone",
      "string",
      "",
      "Local time as POSIX TZ, such as CET-1CEST,M3.5.0,M10.5.0/3: when a day begins. Empty: UTC.",
      { max: 64, form: "zone" },
    ],
  ]),
];
