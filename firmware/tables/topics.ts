// THE TOPICS that are published rarely, one row each, beside the register messages (tables/registers.ts): suffix, class
// of QoS and retain, and what of the battery a GX shows under which path. Authored; `npm run bake` puts it into the
// image's text. Paths, addresses and scales: Victron's GX register list 3.60; classes and tree: publish/README.md.

/**
 * QoS and retain: `compact` 0 and never; `periodic` 0 and retain.state; `telemetry` mqtt.default_qos and
 * retain.telemetry; `text` the same with retain.text; `limits` 1 and retain.limits; `alarms` 1 and retain.alarms;
 * `config` 1 and retain.config; `totals` 1 and always. The order is that of the numbers in the image
 * (publish/state.ts).
 */
export const classes = ["compact", "periodic", "telemetry", "text", "limits", "alarms", "config", "totals"] as const;
export type TopicClass = (typeof classes)[number];

/** One topic below the base. `every`: its period in s; 0: once a connection and when what it says has changed. */
export interface Topic {
  suffix: string;
  class: TopicClass;
  every: number;
  tells: string;
}

/**
 * Families of rare topics, the most urgent first. Their order is that of the places in `Rare.due` and `Rare.place`
 * (publish/state.ts); publish/rare.cold.ts has the handler of each.
 */
export const families = ["alarms", "gx", "io", "states", "once", "slow", "mirror"] as const;

/** Those of a period, in the order in which they are sent (publish/states.cold.ts). */
export const stateTopics: Topic[] = [
  { suffix: "rt/runtime/state", class: "periodic", every: 30, tells: "counters of MQTT, UART, CAN and samples" },
  {
    suffix: "rt/cells",
    class: "compact",
    every: 30,
    tells: "voltages of the cells in use (mV), mask of those being balanced",
  },
  { suffix: "rt/network/state", class: "periodic", every: 60, tells: "address, signal, links" },
  { suffix: "rt/stat", class: "compact", every: 60, tells: "statistics of the TinyBMS in short" },
  { suffix: "rt/diag", class: "compact", every: 60, tells: "health of the gateway in short" },
  { suffix: "rt/system/state", class: "periodic", every: 60, tells: "uptime, memory, longest step" },
  { suffix: "system", class: "periodic", every: 60, tells: "signal and memory" },
  { suffix: "sensors/status", class: "periodic", every: 60, tells: "measurements with their status" },
];

/** Those of a connection (publish/topics.cold.ts); the pages of the manifest follow them. */
export const onceTopics: Topic[] = [
  { suffix: "system/config", class: "config", every: 0, tells: "address, MAC, flash, number of the start" },
  { suffix: "hardware/config", class: "config", every: 0, tells: "the chip" },
  { suffix: "sensors/config", class: "config", every: 0, tells: "period and source of each measurement" },
  { suffix: "sensors/config/cells", class: "config", every: 0, tells: "the same of each cell" },
  { suffix: "rt/reg/manufacturer", class: "text", every: 0, tells: "who CAN says made the battery (0x35E)" },
  { suffix: "manifest", class: "config", every: 0, tells: "how many pages list the topics" },
];

/** Those with code of their own, for the manifest: suffix, and what it tells. */
export const otherTopics: [string, string][] = [
  ["status", "whether the gateway is there"],
  ["status/connected", "heartbeat"],
  ["log", "lines of the log"],
  ["ack", "answers to cmd"],
  ["cfg/ack", "answers to cfg/set"],
  ["cfg/registers", "how many slots have the settings of the TinyBMS"],
  ["rt/bms", "whether the battery is there"],
  ["rt/state", "all live values in one message"],
  ["rt/limits", "CVL, CCL, DCL and why"],
  ["rt/replay", "values of the time in which the broker was away"],
  ["rt/alarms/m", "alarms in short, the worst in words"],
];

/**
 * What goes in and out of this device (setting mqtt.io): `rt/io/<input|output>/<id>`, and when it is true. No register
 * of the TinyBMS tells the state of one of its pins (Rev D, 3.1), so there are none of those.
 */
export const ioPoints: [string, string][] = [
  ["input/charge_inhibit", "charging is forbidden by hand (setting battery.inhibit_charge)"],
  ["input/discharge_inhibit", "discharging is forbidden by hand (setting battery.inhibit_discharge)"],
  ["output/charge_allowed", "the charge current limit is above 0"],
  ["output/discharge_allowed", "the discharge current limit is above 0"],
  ["output/balancing", "a cell is being balanced"],
];

/** Settings of the TinyBMS a message (cfg/registers/slot<N>). */
export const SLOT_REGISTERS = 8;

/** Totals of each side and period: `rt/energy/<side>/<period>`. */
export const energySides = ["charge", "discharge"] as const;
export const energyPeriods = ["daily", "yesterday", "monthly"] as const;

/**
 * What a GX shows, below rt/gx and on the mirror N/<id>/battery/<instance>. `row` is a row of the register table, whose
 * `gx` column then has path and address; else `from` says where the value comes from, in words of the baker
 * (tools/bake/topics.ts).
 */
export interface GxTopic {
  path?: string;
  row?: string;
  from?: string;
  unit?: string;
  modbus?: number;
  /**
   * Register = value x scale; decimals of the value on D-Bus; value = row / per, rounded down as CAN does it with
   * `floor`.
   */
  scale?: number;
  digits: number;
  per?: number;
  floor?: true;
  /** Decimals that CAN leaves where it has more than `digits`: the GX rounds what is rounded already. */
  can?: number;
  class: TopicClass;
  /** Of com.victronenergy.system, which the GX itself makes of it; the others are of com.victronenergy.battery. */
  system?: true;
  /** Not of a GX, which shows no such value: a counter of ours beside its own. */
  own?: true;
  /** Names of the values 0, 1, 2. */
  names?: string[];
}

export const gxTopics: GxTopic[] = [
  {
    path: "/Dc/Battery/Voltage",
    row: "pack_voltage",
    unit: "V",
    modbus: 840,
    scale: 10,
    digits: 1,
    can: 2,
    class: "telemetry",
    system: true,
  },
  {
    path: "/Dc/Battery/Current",
    row: "pack_current",
    unit: "A",
    modbus: 841,
    scale: 10,
    digits: 1,
    class: "telemetry",
    system: true,
  },
  {
    path: "/Dc/Battery/Power",
    row: "pack_power",
    unit: "W",
    modbus: 842,
    scale: 1,
    digits: 0,
    class: "telemetry",
    system: true,
  },
  {
    path: "/Dc/Battery/Soc",
    row: "state_of_charge",
    unit: "%",
    modbus: 843,
    scale: 1,
    digits: 0,
    class: "telemetry",
    system: true,
  },
  {
    path: "/Dc/Battery/State",
    from: "state",
    modbus: 844,
    digits: 0,
    class: "telemetry",
    system: true,
    names: ["idle", "charging", "discharging"],
  },
  { row: "pack_voltage", scale: 100, digits: 2, class: "telemetry" },
  { row: "pack_current", scale: 10, digits: 1, class: "telemetry" },
  { row: "pack_power", scale: 1, digits: 0, class: "telemetry" },
  { row: "battery_temperature", scale: 10, digits: 1, class: "telemetry" },
  { row: "state_of_charge", scale: 10, digits: 1, class: "telemetry" },
  { row: "state_of_health", scale: 10, digits: 0, class: "telemetry" },
  { row: "charge_voltage_limit", scale: 10, digits: 1, floor: true, class: "limits" },
  { row: "charge_current_limit", scale: 10, digits: 1, floor: true, class: "limits" },
  { row: "discharge_current_limit", scale: 10, digits: 1, floor: true, class: "limits" },
  { row: "discharge_voltage_limit", scale: 10, digits: 1, floor: true, class: "limits" },
  { row: "min_cell_voltage", unit: "V", scale: 100, digits: 3, per: 1000, class: "telemetry" },
  { row: "max_cell_voltage", unit: "V", scale: 100, digits: 3, per: 1000, class: "telemetry" },
  { row: "min_temperature", scale: 10, digits: 0, class: "telemetry" },
  { row: "max_temperature", scale: 10, digits: 0, class: "telemetry" },
  { row: "series_cells", unit: "", scale: 1, digits: 0, class: "telemetry" },
  {
    path: "/Capacity",
    from: "online",
    row: "battery_capacity",
    unit: "Ah",
    modbus: 309,
    scale: 10,
    digits: 1,
    class: "telemetry",
  },
  { path: "/InstalledCapacity", row: "battery_capacity", unit: "Ah", digits: 1, class: "telemetry" },
  { path: "/Balancing", from: "flag", row: "balancing_active", modbus: 1285, digits: 0, class: "telemetry" },
  { path: "/Io/AllowToCharge", from: "flag", row: "charge_current_limit", modbus: 1297, digits: 0, class: "limits" },
  {
    path: "/Io/AllowToDischarge",
    from: "flag",
    row: "discharge_current_limit",
    modbus: 1298,
    digits: 0,
    class: "limits",
  },
  {
    path: "/History/ChargeCycles",
    from: "statistics",
    row: "charging_count",
    modbus: 284,
    scale: 1,
    digits: 0,
    class: "telemetry",
  },
  {
    path: "/History/LowVoltageAlarms",
    from: "statistics",
    row: "under_voltage_count",
    modbus: 291,
    scale: 1,
    digits: 0,
    class: "telemetry",
  },
  {
    path: "/History/HighVoltageAlarms",
    from: "statistics",
    row: "over_voltage_count",
    modbus: 292,
    scale: 1,
    digits: 0,
    class: "telemetry",
  },
  {
    path: "/History/DischargeOverCurrentAlarms",
    from: "statistics",
    row: "discharge_over_current_count",
    digits: 0,
    class: "telemetry",
    own: true,
  },
  {
    path: "/History/ChargeOverCurrentAlarms",
    from: "statistics",
    row: "charge_over_current_count",
    digits: 0,
    class: "telemetry",
    own: true,
  },
  {
    path: "/History/OverHeatAlarms",
    from: "statistics",
    row: "over_heat_count",
    digits: 0,
    class: "telemetry",
    own: true,
  },
  {
    path: "/History/FullCharges",
    from: "statistics",
    row: "full_charge_count",
    digits: 0,
    class: "telemetry",
    own: true,
  },
  {
    path: "/History/DischargedEnergy",
    row: "discharged_energy",
    unit: "kWh",
    modbus: 301,
    scale: 10,
    digits: 1,
    class: "telemetry",
  },
  {
    path: "/History/ChargedEnergy",
    row: "charged_energy",
    unit: "kWh",
    modbus: 302,
    scale: 10,
    digits: 1,
    class: "telemetry",
  },
];

/** Alarms of a GX and the numbers of the alarms that raise each; the last is an alias of another path. */
export interface GxAlarm {
  path: string;
  modbus?: number;
  ids: number[];
  alias_of?: string[];
}

export const gxAlarms: GxAlarm[] = [
  { path: "/Alarms/LowVoltage", modbus: 268, ids: [2] },
  { path: "/Alarms/HighVoltage", modbus: 269, ids: [1] },
  { path: "/Alarms/LowSoc", modbus: 272, ids: [5] },
  { path: "/Alarms/LowTemperature", modbus: 273, ids: [21] },
  { path: "/Alarms/HighTemperature", modbus: 274, ids: [20] },
  { path: "/Alarms/HighChargeCurrent", modbus: 320, ids: [10] },
  { path: "/Alarms/HighDischargeCurrent", modbus: 321, ids: [11] },
  { path: "/Alarms/CellImbalance", modbus: 322, ids: [30] },
  { path: "/Alarms/InternalFailure", modbus: 323, ids: [40, 41, 60, 61, 63] },
  { path: "/Alarms/HighChargeTemperature", modbus: 324, ids: [23] },
  { path: "/Alarms/LowChargeTemperature", modbus: 325, ids: [22] },
  { path: "/Alarms/LowCellVoltage", modbus: 326, ids: [4] },
  { path: "/Alarms/BmsCable", modbus: 327, ids: [60] },
  { path: "/Alarms/Contactor", modbus: 328, ids: [62] },
  { path: "/Alarms/LowBattery", ids: [2, 5], alias_of: ["LowVoltage", "LowSoc"] },
];
