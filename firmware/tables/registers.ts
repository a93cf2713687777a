// THE TABLE. Every value this product knows stands here once: where it is read, what it means, how it is shown
// and where it is published. Authored by hand, never bundled: `npm run bake` turns it into firmware/battery/*.baked.ts,
// and the simulator, the tests and the README read it as it is.
//
// Addresses, types, scales, ranges: Enepaq "TinyBMS Communication Protocols" Rev D (2025-07-04), chapter 3.
// `factory` values were seen on units, the vendor prints none. Modbus addresses: Victron's GX register list 3.60.

/** Poll groups, each with an age of its own (see `groups` below). */
export type Group = "fast" | "cells" | "settings" | "extra" | "statistics" | "identity";

/** How the raw words of a register make a number. 32-bit values: low word first, also in the MODBUS commands. */
export type RegisterType = "u8" | "u16" | "i16" | "u32" | "f32" | "bits" | "event" | "bytes";

/** A part of a word that has a meaning of its own. Bit 16 is bit 0 of the second word. */
export interface BitField {
  key: string;
  lsb: number;
  width: number;
  signed?: boolean;
  unit?: string;
  min?: number;
  max?: number;
  enum?: Record<number, string>;
  since?: "RevD";
}

/**
 * How Home Assistant shows a value; what is not said follows from the row (unit, counters) and from the message that
 * carries it.
 */
export interface Shown {
  /** Key of the component, part of its unique id: a change leaves a ghost behind. */
  key: string;
  /** Short, without the name of the device. */
  name: string;
  platform?: "binary_sensor";
  class?: string;
  /** Unit of the entity where it is not the row's: V of mV. */
  unit?: "V";
  /** Decimals suggested for display. */
  digits?: number;
  category?: "diagnostic";
  icon?: string;
}

/** One value. Rows without `at` are derived: the firmware computes them, they are published like the rest. */
export interface Register {
  /** Name in code, JSON and vectors. */
  key: string;
  label: string;
  /** First register address, and how many registers the value takes (1 unless said). */
  at?: number;
  words?: number;
  type?: RegisterType;
  /** Value = raw / `per`, in `unit`, shown with `digits` decimals. */
  unit: string;
  per?: number;
  digits?: number;
  /** Raw word that means "no value". */
  invalid?: number;
  /** The group that reads it. */
  poll?: Group;
  /** Settings and versions that the snapshot keeps; all values of the other groups are kept. */
  keep?: true;
  /** Kept in the snapshot without a message of its own: a part of a CAN frame that is derived. */
  quiet?: true;
  /**
   * Smallest and largest plausible value; a reply beyond it is dropped whole. A value above `most`, yet plausible,
   * counts as that.
   */
  sane?: [number, number];
  most?: number;
  /**
   * Of a setting that is kept: the direction of a change that narrows a limit or blocks sooner, which counts at once.
   * Every other change counts after two equal replies.
   */
  narrows?: "down" | "up" | "none";
  /** Writable, with the raw range; `dynamic`: the unit moves the range by itself. */
  write?: true;
  min?: number;
  max?: number;
  dynamic?: true;
  factory?: number;
  since?: "RevD";
  note?: string;
  enum?: Record<number, string>;
  bits?: BitField[];
  /** A derived value of the fast group, as an expression of the keys of its rows. */
  from?: string;
  /** Derived of the connected external temperature sensors, else of the internal one. */
  sensors?: "coldest" | "hottest" | "mean";
  /** Bit i stands for the cell of register i. */
  perCell?: true;
  /** Published again at once when it moved by this much. */
  deadband?: number;
  /** Published with the poll itself, and so are its two topics below rt/gx; the others have a round of their own. */
  live?: true;
  /** Topic suffix below rt/reg, where it is not the key. */
  topic?: string;
  /**
   * Name for who needs one that does not follow the TinyBMS's words: it stands in the manifest beside the topic. A
   * topic of its own would say everything twice.
   */
  stable?: string;
  /** Name in the compact message rt/state. */
  state?: string;
  /** Name in the compact message rt/stat; rows of one name are added up. */
  stat?: string;
  /** The entity of Home Assistant; it needs `state` or `stat`. */
  ha?: Shown;
  /** Where a Victron GX shows the same value: D-Bus path and Modbus-TCP address of the battery service. */
  gx?: { path: string; modbus: number };
}

/** How a group is read. `pieces`: registers in each of its reads, where they do not fit into one reply. */
export interface Reading {
  command: 0x03 | 0x07;
  every: number;
  hole: number;
  pieces?: number[];
}

/**
 * The poll groups: command, and the period in ms (0: the setting uart.poll_ms). `hole`: registers between two rows that
 * are read with them; 6 cost less than a request of their own (12 bytes). A reply says neither address nor group, so no
 * two reads of the plan have as many registers: a late reply is then never taken for another one.
 */
export const groups: Record<Group, Reading> = {
  fast: { command: 0x07, every: 0, hole: 6 },
  cells: { command: 0x07, every: 1000, hole: 6 },
  settings: { command: 0x03, every: 60000, hole: 6, pieces: [29, 15] },
  extra: { command: 0x07, every: 10000, hole: 17 },
  statistics: { command: 0x03, every: 60000, hole: 6 },
  identity: { command: 0x03, every: 3600000, hole: 6 },
};

/**
 * The event log: all of it at first (its registers by `command`, then the lifetime counter that says when that was),
 * then what is new (command `newest`); the period in ms. A changed status asks at once. Command 0x12 would give it in
 * one reply of up to 205 bytes.
 */
export const eventLog = { command: 0x07, newest: 0x11, every: 2000, pieces: [28, 26, 22, 14, 8], counter: 2 } as const;

/** One row a cell register. With fewer than 16 cells only some are in use (settings `bms.cell_order`). */
function cells(): Register[] {
  return Array.from({ length: 16 }, (_, i) => {
    const n = String(i + 1).padStart(2, "0");
    return {
      key: `cell_${n}_voltage`,
      at: i,
      type: "u16",
      unit: "mV",
      per: 10,
      digits: 1,
      poll: "cells",
      deadband: 2,
      sane: [500, 5000],
      label: `Cell ${i + 1} voltage`,
    };
  });
}

/** Event log: 49 slots of 24 bits of BMS time and an event id (3.3, addresses 200..297). */
function eventSlots(): Register[] {
  return Array.from({ length: 49 }, (_, i) => ({
    key: `event_${String(i).padStart(2, "0")}`,
    at: 200 + 2 * i,
    words: 2,
    type: "event",
    unit: "",
    label: `Event log slot ${i}`,
    bits: [
      { key: "timestamp", lsb: 0, width: 24, unit: "s" },
      { key: "event_id", lsb: 24, width: 8 },
    ],
  }));
}

export const registers: Register[] = [
  // Live data (manual chapter 3.1, addresses 0..99)
  ...cells(),
  { key: "lifetime_counter", at: 32, words: 2, type: "u32", poll: "extra", unit: "s", label: "BMS lifetime counter" },
  { key: "estimated_time_left", at: 34, words: 2, type: "u32", poll: "extra", unit: "s", label: "Estimated time left" },
  {
    key: "pack_voltage",
    at: 36,
    words: 2,
    type: "f32",
    unit: "V",
    digits: 3,
    poll: "fast",
    deadband: 0.02,
    live: true,
    sane: [0, 80],
    label: "Battery pack voltage",
    topic: "battery_pack_voltage",
    stable: "battery_voltage",
    state: "v",
    gx: { path: "/Dc/0/Voltage", modbus: 259 },
    ha: { key: "voltage", name: "Voltage", class: "voltage", digits: 2 },
  },
  {
    key: "pack_current",
    at: 38,
    words: 2,
    type: "f32",
    unit: "A",
    digits: 3,
    poll: "fast",
    deadband: 0.1,
    live: true,
    label: "Battery pack current (positive = into battery)",
    topic: "battery_pack_current",
    state: "i",
    gx: { path: "/Dc/0/Current", modbus: 261 },
    ha: { key: "current", name: "Current", class: "current", digits: 1 },
  },
  {
    key: "min_cell_voltage",
    at: 40,
    type: "u16",
    unit: "mV",
    poll: "fast",
    deadband: 2,
    sane: [500, 5000],
    label: "Lowest cell voltage",
    state: "cmin",
    gx: { path: "/System/MinCellVoltage", modbus: 1290 },
    ha: { key: "cell_min", name: "Cell voltage min", class: "voltage", unit: "V", digits: 3 },
  },
  {
    key: "max_cell_voltage",
    at: 41,
    type: "u16",
    unit: "mV",
    poll: "fast",
    deadband: 2,
    sane: [500, 5000],
    label: "Highest cell voltage",
    state: "cmax",
    gx: { path: "/System/MaxCellVoltage", modbus: 1291 },
    ha: { key: "cell_max", name: "Cell voltage max", class: "voltage", unit: "V", digits: 3 },
  },
  {
    key: "external_temp_1",
    at: 42,
    type: "i16",
    unit: "degC",
    per: 10,
    digits: 1,
    poll: "fast",
    deadband: 0.2,
    sane: [-45, 125],
    invalid: -32768,
    label: "External temperature sensor 1",
    topic: "external_temperature_1",
    state: "t1",
    ha: { key: "temp1", name: "Temperature 1", class: "temperature", digits: 1 },
  },
  {
    key: "external_temp_2",
    at: 43,
    type: "i16",
    unit: "degC",
    per: 10,
    digits: 1,
    poll: "fast",
    deadband: 0.2,
    sane: [-45, 125],
    invalid: -32768,
    label: "External temperature sensor 2",
    topic: "external_temperature_2",
    state: "t2",
    ha: { key: "temp2", name: "Temperature 2", class: "temperature", digits: 1 },
  },
  { key: "distance_left", at: 44, type: "u16", unit: "km", poll: "fast", label: "Distance left until empty" },
  {
    key: "state_of_health",
    at: 45,
    type: "u16",
    unit: "%",
    per: 500,
    digits: 1,
    poll: "fast",
    most: 100,
    invalid: 0,
    min: 0,
    max: 50000,
    since: "RevD",
    label: "State of health (estimated; 0 on old firmware: unknown)",
    gx: { path: "/Soh", modbus: 304 },
    stat: "soh",
    ha: { key: "soh", name: "State of health", digits: 1, icon: "mdi:battery-heart-variant" },
  },
  {
    key: "state_of_charge",
    at: 46,
    words: 2,
    type: "u32",
    unit: "%",
    per: 1000000,
    digits: 3,
    poll: "fast",
    deadband: 0.1,
    live: true,
    sane: [0, 101],
    most: 100,
    label: "State of charge (high resolution)",
    stable: "soc_percent",
    state: "soc",
    gx: { path: "/Soc", modbus: 266 },
    ha: { key: "soc", name: "State of charge", class: "battery", digits: 1 },
  },
  {
    key: "internal_temp",
    at: 48,
    type: "i16",
    unit: "degC",
    per: 10,
    digits: 1,
    poll: "fast",
    deadband: 0.2,
    sane: [-45, 125],
    label: "BMS internal temperature",
    stat: "temp_int",
    ha: { key: "temp_int", name: "BMS temperature", class: "temperature", digits: 1 },
  },
  {
    key: "online_status",
    at: 50,
    type: "u16",
    unit: "",
    poll: "fast",
    label: "BMS online status",
    topic: "system_status",
    state: "st",
    enum: { 145: "charging", 146: "fully_charged", 147: "discharging", 150: "regeneration", 151: "idle", 155: "fault" },
    ha: { key: "state", name: "State", class: "enum" },
  },
  {
    key: "balancing_decision",
    at: 51,
    type: "bits",
    unit: "",
    poll: "fast",
    label: "Cells that need balancing",
    perCell: true,
  },
  {
    key: "balancing_active",
    at: 52,
    type: "bits",
    unit: "",
    poll: "fast",
    label: "Cells being balanced now",
    state: "bal",
    perCell: true,
    ha: { key: "balancing", name: "Balancing", platform: "binary_sensor", class: "running", category: "diagnostic" },
  },
  { key: "detected_cells", at: 53, type: "u16", poll: "extra", unit: "cells", label: "Number of detected cells" },
  { key: "speed", at: 54, words: 2, type: "f32", poll: "extra", unit: "km/h", digits: 1, label: "Vehicle speed" },

  // Statistics: historic extremes, never present limits (3.2, 100..199)
  {
    key: "total_distance",
    at: 100,
    words: 2,
    type: "u32",
    poll: "statistics",
    unit: "km",
    per: 100,
    digits: 2,
    label: "Total distance",
  },
  {
    key: "max_discharge_current_seen",
    at: 102,
    type: "u16",
    poll: "statistics",
    unit: "A",
    per: 10,
    digits: 1,
    label: "Highest discharge current recorded",
  },
  {
    key: "max_charge_current_seen",
    at: 103,
    type: "u16",
    poll: "statistics",
    unit: "A",
    per: 10,
    digits: 1,
    label: "Highest charge current recorded",
  },
  {
    key: "max_cell_voltage_diff_seen",
    at: 104,
    type: "u16",
    poll: "statistics",
    unit: "mV",
    per: 10,
    digits: 1,
    label: "Highest cell voltage difference recorded",
  },
  {
    key: "under_voltage_count",
    at: 105,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Under-voltage protection count",
    stat: "uv_cnt",
    ha: { key: "uv_cnt", name: "Under-voltage trips", icon: "mdi:counter" },
  },
  {
    key: "over_voltage_count",
    at: 106,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Over-voltage protection count",
    stat: "ov_cnt",
    ha: { key: "ov_cnt", name: "Over-voltage trips", icon: "mdi:counter" },
  },
  {
    key: "discharge_over_current_count",
    at: 107,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Discharge over-current protection count",
    stat: "oc_cnt",
    ha: { key: "oc_cnt", name: "Over-current trips", icon: "mdi:counter" },
  },
  {
    key: "charge_over_current_count",
    at: 108,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Charge over-current protection count",
    stat: "oc_cnt",
  },
  {
    key: "over_heat_count",
    at: 109,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Over-heat protection count",
    stat: "ot_cnt",
    ha: { key: "ot_cnt", name: "Over-heat trips", icon: "mdi:counter" },
  },
  {
    key: "charging_count",
    at: 111,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Charging count",
    stat: "charges",
    ha: { key: "charges", name: "Charge count", icon: "mdi:counter" },
  },
  {
    key: "full_charge_count",
    at: 112,
    type: "u16",
    poll: "statistics",
    unit: "count",
    label: "Full charge count",
    stat: "cycles",
    ha: { key: "cycles", name: "Full charges", icon: "mdi:battery-sync" },
  },
  {
    key: "pack_temp_extremes",
    at: 113,
    type: "bits",
    poll: "statistics",
    unit: "degC",
    label: "Lowest and highest pack temperature recorded",
    bits: [
      { key: "min_pack_temp_seen", lsb: 0, width: 8, signed: true, unit: "degC" },
      { key: "max_pack_temp_seen", lsb: 8, width: 8, signed: true, unit: "degC" },
    ],
  },
  {
    key: "last_reset_and_wakeup",
    at: 114,
    type: "bits",
    poll: "statistics",
    unit: "",
    label: "Cause of last reset and of last wake-up",
    bits: [
      {
        key: "last_reset_cause",
        lsb: 0,
        width: 8,
        enum: {
          0: "unknown",
          1: "low_power_reset",
          2: "window_watchdog",
          3: "independent_watchdog",
          4: "software",
          5: "power_on_or_power_down",
          6: "reset_pin",
          7: "option_bytes_loading",
        },
      },
      {
        key: "last_wakeup_cause",
        lsb: 8,
        width: 8,
        enum: { 0: "charger_connected", 1: "ignition", 2: "discharging_detected", 3: "uart_communication" },
      },
    ],
  },
  {
    key: "statistics_cleared_at",
    at: 116,
    words: 2,
    type: "u32",
    poll: "statistics",
    unit: "s",
    label: "BMS time when statistics were last cleared",
  },

  // Settings, the only writable ones (3.4, 300..399)
  {
    key: "fully_charged_voltage",
    at: 300,
    type: "u16",
    unit: "mV",
    poll: "settings",
    keep: true,
    sane: [1200, 4500],
    narrows: "down",
    write: true,
    min: 1200,
    max: 4500,
    dynamic: true,
    label: "Fully charged cell voltage",
  },
  {
    key: "fully_discharged_voltage",
    at: 301,
    type: "u16",
    unit: "mV",
    poll: "settings",
    keep: true,
    sane: [1000, 3500],
    narrows: "up",
    write: true,
    min: 1000,
    max: 3500,
    dynamic: true,
    factory: 3000,
    label: "Fully discharged cell voltage",
  },
  {
    key: "early_balancing_threshold",
    at: 303,
    type: "u16",
    unit: "mV",
    poll: "settings",
    keep: true,
    narrows: "none",
    write: true,
    min: 1000,
    max: 4500,
    factory: 3200,
    label: "Early balancing threshold",
  },
  {
    key: "charge_finished_current",
    at: 304,
    type: "u16",
    unit: "mA",
    poll: "settings",
    write: true,
    min: 100,
    max: 5000,
    dynamic: true,
    factory: 1000,
    label: "Charge finished current",
  },
  {
    key: "discharge_peak_current_cutoff",
    at: 305,
    type: "u16",
    unit: "A",
    poll: "settings",
    write: true,
    dynamic: true,
    factory: 60,
    since: "RevD",
    label: "Discharge peak current cutoff",
    note: "no range printed by the vendor; must be above register 317",
  },
  {
    key: "battery_capacity",
    at: 306,
    type: "u16",
    unit: "Ah",
    per: 100,
    digits: 2,
    poll: "settings",
    keep: true,
    sane: [0.1, 655],
    narrows: "down",
    write: true,
    min: 10,
    max: 65500,
    label: "Battery capacity",
  },
  {
    key: "series_cells",
    at: 307,
    type: "u16",
    unit: "cells",
    poll: "settings",
    keep: true,
    narrows: "none",
    write: true,
    min: 4,
    max: 16,
    label: "Number of series cells",
    gx: { path: "/System/NrOfCellsPerBattery", modbus: 1289 },
  },
  {
    key: "allowed_disbalance",
    at: 308,
    type: "u16",
    unit: "mV",
    poll: "settings",
    write: true,
    min: 15,
    max: 100,
    factory: 15,
    label: "Allowed cell imbalance",
  },
  {
    key: "charger_startup_delay",
    at: 310,
    type: "u16",
    unit: "s",
    poll: "settings",
    write: true,
    min: 5,
    max: 60,
    factory: 20,
    since: "RevD",
    label: "Charger startup delay",
  },
  {
    key: "charger_disable_delay",
    at: 311,
    type: "u16",
    unit: "s",
    poll: "settings",
    write: true,
    min: 0,
    max: 60,
    factory: 5,
    since: "RevD",
    label: "Charger disable delay",
  },
  {
    key: "pulses_per_unit",
    at: 312,
    words: 2,
    type: "u32",
    unit: "pulses",
    poll: "settings",
    write: true,
    min: 1,
    max: 100000,
    factory: 1,
    label: "Speed sensor pulses per distance unit",
  },
  {
    key: "distance_unit",
    at: 314,
    type: "u16",
    unit: "",
    poll: "settings",
    write: true,
    factory: 2,
    label: "Distance unit",
    enum: { 1: "meter", 2: "kilometer", 3: "feet", 4: "mile", 5: "yard" },
  },
  {
    key: "over_voltage_cutoff",
    at: 315,
    type: "u16",
    unit: "mV",
    poll: "settings",
    keep: true,
    sane: [1200, 4500],
    narrows: "down",
    write: true,
    min: 1200,
    max: 4500,
    dynamic: true,
    factory: 4200,
    label: "Cell over-voltage cutoff",
  },
  {
    key: "under_voltage_cutoff",
    at: 316,
    type: "u16",
    unit: "mV",
    poll: "settings",
    keep: true,
    sane: [800, 3500],
    narrows: "up",
    write: true,
    min: 800,
    max: 3500,
    dynamic: true,
    factory: 2900,
    label: "Cell under-voltage cutoff",
  },
  {
    key: "discharge_over_current_cutoff",
    at: 317,
    type: "u16",
    unit: "A",
    poll: "settings",
    keep: true,
    sane: [1, 750],
    narrows: "down",
    write: true,
    min: 1,
    max: 750,
    dynamic: true,
    factory: 60,
    label: "Discharge over-current cutoff",
  },
  {
    key: "charge_over_current_cutoff",
    at: 318,
    type: "u16",
    unit: "A",
    poll: "settings",
    keep: true,
    sane: [1, 750],
    narrows: "down",
    write: true,
    min: 1,
    max: 750,
    dynamic: true,
    factory: 20,
    label: "Charge over-current cutoff",
  },
  {
    key: "over_heat_cutoff",
    at: 319,
    type: "i16",
    unit: "degC",
    poll: "settings",
    keep: true,
    sane: [20, 90],
    narrows: "down",
    write: true,
    min: 20,
    max: 90,
    factory: 60,
    label: "Over-heat cutoff",
  },
  {
    key: "low_temp_charger_cutoff",
    at: 320,
    type: "i16",
    unit: "degC",
    poll: "settings",
    keep: true,
    sane: [-60, 60],
    narrows: "up",
    write: true,
    min: -40,
    max: 10,
    factory: 1,
    label: "Low temperature charging cutoff",
  },
  {
    key: "charge_restart_level",
    at: 321,
    type: "u16",
    unit: "%",
    poll: "settings",
    keep: true,
    narrows: "none",
    write: true,
    min: 60,
    max: 95,
    factory: 80,
    since: "RevD",
    label: "Charge restart level (SOC)",
    note: "used only when register 329 bit 2 is set",
  },
  {
    key: "max_cycles",
    at: 322,
    type: "u16",
    unit: "cycles",
    poll: "settings",
    write: true,
    min: 10,
    max: 65000,
    since: "RevD",
    label: "Battery maximum cycle count",
  },
  {
    key: "set_state_of_health",
    at: 323,
    type: "u16",
    unit: "%",
    per: 500,
    digits: 1,
    poll: "settings",
    invalid: 65535,
    write: true,
    min: 0,
    max: 50000,
    since: "RevD",
    label: "Manual state of health",
    note: "reads 0xFFFF once the written value has been taken over",
  },
  {
    key: "set_state_of_charge",
    at: 328,
    type: "u16",
    unit: "%",
    per: 500,
    digits: 1,
    poll: "settings",
    invalid: 65535,
    write: true,
    min: 0,
    max: 50000,
    label: "Manual state of charge",
    note: "0xFFFF was read on real hardware; same meaning as for 323 assumed",
  },
  {
    key: "option_flags",
    at: 329,
    type: "bits",
    unit: "",
    poll: "settings",
    keep: true,
    narrows: "none",
    write: true,
    factory: 0,
    label: "Option flags",
    bits: [
      { key: "invert_external_current_sensor", lsb: 0, width: 1 },
      { key: "disable_switch_diagnostics", lsb: 1, width: 1 },
      { key: "enable_charge_restart_level", lsb: 2, width: 1, since: "RevD" },
      { key: "reserved", lsb: 3, width: 13 },
    ],
  },
  {
    key: "charger_type_and_oc_timeout",
    at: 330,
    type: "bits",
    unit: "",
    poll: "settings",
    write: true,
    factory: 1,
    label: "Charger type and discharge over-current timeout",
    bits: [
      { key: "charger_type", lsb: 0, width: 8, enum: { 0: "variable_reserved", 1: "cc_cv", 2: "can_reserved" } },
      { key: "discharge_over_current_timeout", lsb: 8, width: 8, unit: "s", min: 0, max: 30, since: "RevD" },
    ],
  },
  {
    key: "load_switch_type",
    at: 331,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Load switch type",
    enum: {
      0: "fet",
      1: "aido1",
      2: "aido2",
      3: "dido1",
      4: "dido2",
      5: "aiho1_active_low",
      6: "aiho1_active_high",
      7: "aiho2_active_low",
      8: "aiho2_active_high",
    },
  },
  {
    key: "automatic_recovery",
    at: 332,
    type: "u8",
    unit: "s",
    poll: "settings",
    write: true,
    min: 0,
    max: 30,
    factory: 5,
    label: "Automatic recovery delay",
    note: "protocol document prints 1..30; user manual prints 0..30 with 0 = disabled",
  },
  {
    key: "charger_switch_type",
    at: 333,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 1,
    label: "Charger switch type",
    enum: {
      1: "charge_fet",
      2: "aido1",
      3: "aido2",
      4: "dido1",
      5: "dido2",
      6: "aiho1_active_low",
      7: "aiho1_active_high",
      8: "aiho2_active_low",
      9: "aiho2_active_high",
    },
  },
  {
    key: "ignition_input",
    at: 334,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Ignition input",
    enum: { 0: "disabled", 1: "aido1", 2: "aido2", 3: "dido1", 4: "dido2", 5: "aiho1", 6: "aiho2" },
  },
  {
    key: "charger_detection",
    at: 335,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 1,
    label: "Charger detection source",
    enum: { 1: "internal", 2: "aido1", 3: "aido2", 4: "dido1", 5: "dido2", 6: "aiho1", 7: "aiho2" },
  },
  {
    key: "speed_sensor_input",
    at: 336,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Speed sensor input",
    enum: { 0: "disabled", 1: "dido1", 2: "dido2" },
  },
  {
    key: "precharge_pin",
    at: 337,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Precharge output",
    enum: {
      0: "disabled",
      2: "discharge_fet",
      3: "aido1",
      4: "aido2",
      5: "dido1",
      6: "dido2",
      7: "aiho1_active_low",
      8: "aiho1_active_high",
      9: "aiho2_active_low",
      16: "aiho2_active_high",
    },
    note: "vendor prints 0x10 for the last value; 0x0A would be the natural successor of 0x09, verify with command 0x1D option 2",
  },
  {
    key: "precharge_duration",
    at: 338,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Precharge duration",
    enum: { 0: "0.1 s", 1: "0.2 s", 2: "0.5 s", 3: "1 s", 4: "2 s", 5: "3 s", 6: "4 s", 7: "5 s" },
    note: "user manual lists values only up to 4 s",
  },
  {
    key: "temperature_sensor_type",
    at: 339,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Temperature sensor type",
    enum: { 0: "dual_10k_ntc", 1: "multipoint_active" },
  },
  {
    key: "operation_mode",
    at: 340,
    type: "u8",
    unit: "",
    poll: "settings",
    keep: true,
    narrows: "up",
    write: true,
    factory: 0,
    label: "Operation mode",
    enum: { 0: "dual_port", 1: "single_port" },
    note: "BMS restarts itself when this changes",
  },
  {
    key: "single_port_switch_type",
    at: 341,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Single port switch type",
    enum: {
      0: "fet",
      1: "aido1",
      2: "aido2",
      3: "dido1",
      4: "dido2",
      5: "aiho1_active_low",
      6: "aiho1_active_high",
      7: "aiho2_active_low",
      8: "aiho2_active_high",
    },
  },
  {
    key: "broadcast_period",
    at: 342,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Unsolicited broadcast period",
    enum: { 0: "disabled", 1: "0.1 s", 2: "0.2 s", 3: "0.5 s", 4: "1 s", 5: "2 s", 6: "5 s", 7: "10 s" },
  },
  {
    key: "broadcast_protocol",
    at: 343,
    type: "u8",
    unit: "",
    poll: "settings",
    write: true,
    factory: 0,
    label: "Unsolicited broadcast format",
    enum: { 0: "ca_v3", 1: "ascii", 2: "soc_bar" },
  },

  // Version (3.5, 500..599)
  {
    key: "hardware_version",
    at: 500,
    type: "bits",
    poll: "identity",
    keep: true,
    unit: "",
    label: "Hardware version and hardware change version",
    bits: [
      { key: "hardware_version", lsb: 0, width: 8 },
      { key: "hardware_changes_version", lsb: 8, width: 8 },
    ],
  },
  {
    key: "firmware_public_version",
    at: 501,
    type: "bits",
    poll: "identity",
    unit: "",
    label: "Public firmware version and hardware flags",
    bits: [
      { key: "firmware_public_version", lsb: 0, width: 8 },
      { key: "power_type", lsb: 8, width: 1, enum: { 0: "low_power", 1: "high_power" } },
      { key: "current_sensor", lsb: 9, width: 2, enum: { 0: "internal_resistor", 1: "internal_hall", 2: "external" } },
      { key: "reserved", lsb: 11, width: 5 },
    ],
  },
  {
    key: "firmware_internal_version",
    at: 502,
    type: "u16",
    poll: "identity",
    unit: "",
    label: "Internal firmware version",
  },
  {
    key: "bootloader_profile_version",
    at: 503,
    type: "bits",
    poll: "identity",
    unit: "",
    label: "Bootloader version and register profile version",
    bits: [
      { key: "bootloader_version", lsb: 0, width: 8 },
      { key: "profile_version", lsb: 8, width: 8 },
    ],
  },
  {
    key: "serial_number",
    at: 504,
    words: 6,
    type: "bytes",
    poll: "identity",
    unit: "",
    label: "Product serial number (96 bit, binary)",
  },

  // The event log (3.3)
  ...eventSlots(),

  // Derived values
  {
    key: "pack_power",
    unit: "W",
    digits: 0,
    deadband: 5,
    live: true,
    from: "pack_voltage * pack_current",
    label: "Battery power (positive = charging)",
    state: "p",
    gx: { path: "/Dc/0/Power", modbus: 256 },
    ha: { key: "power", name: "Power", class: "power", digits: 0 },
  },
  {
    key: "cell_spread",
    unit: "mV",
    digits: 0,
    deadband: 2,
    from: "max_cell_voltage - min_cell_voltage",
    label: "Highest minus lowest cell",
    state: "cd",
    ha: { key: "cell_delta", name: "Cell voltage delta", class: "voltage", digits: 0 },
  },
  {
    key: "charge_voltage_limit",
    unit: "V",
    digits: 1,
    label: "Charge voltage limit",
    state: "cvl",
    gx: { path: "/Info/MaxChargeVoltage", modbus: 305 },
    ha: { key: "cvl", name: "Charge voltage limit", class: "voltage", digits: 1 },
  },
  {
    key: "charge_current_limit",
    unit: "A",
    digits: 1,
    label: "Charge current limit",
    state: "ccl",
    gx: { path: "/Info/MaxChargeCurrent", modbus: 307 },
    ha: { key: "ccl", name: "Charge current limit", class: "current", digits: 1 },
  },
  {
    key: "discharge_current_limit",
    unit: "A",
    digits: 1,
    label: "Discharge current limit",
    state: "dcl",
    gx: { path: "/Info/MaxDischargeCurrent", modbus: 308 },
    ha: { key: "dcl", name: "Discharge current limit", class: "current", digits: 1 },
  },
  {
    key: "discharge_voltage_limit",
    unit: "V",
    digits: 1,
    label: "Discharge voltage limit",
    gx: { path: "/Info/BatteryLowVoltage", modbus: 306 },
  },
  {
    key: "battery_temperature",
    unit: "degC",
    digits: 1,
    deadband: 0.2,
    sensors: "mean",
    label: "Battery temperature (mean of the connected sensors)",
    gx: { path: "/Dc/0/Temperature", modbus: 262 },
  },
  {
    key: "min_temperature",
    unit: "degC",
    digits: 1,
    deadband: 0.2,
    sensors: "coldest",
    label: "Coldest connected sensor",
    gx: { path: "/System/MinCellTemperature", modbus: 318 },
  },
  {
    key: "max_temperature",
    unit: "degC",
    digits: 1,
    deadband: 0.2,
    sensors: "hottest",
    label: "Hottest connected sensor",
    gx: { path: "/System/MaxCellTemperature", modbus: 319 },
  },
  {
    key: "internal_failure",
    unit: "",
    digits: 0,
    label: "BMS internal failure (0 ok, 1 warning, 2 alarm)",
    gx: { path: "/Alarms/InternalFailure", modbus: 323 },
  },
  {
    key: "charged_energy",
    unit: "kWh",
    digits: 2,
    deadband: 0.01,
    label: "Energy charged (integral of V x I where I > 0)",
    state: "ein",
  },
  {
    key: "discharged_energy",
    unit: "kWh",
    digits: 2,
    deadband: 0.01,
    label: "Energy discharged (integral of V x -I where I < 0)",
    state: "eout",
  },

  // Parts of CAN frames that are derived, without messages of their own
  { key: "alarm_bits", unit: "", quiet: true, label: "Alarms as two bits each (0x35A bytes 0..3)" },
  { key: "warning_bits", unit: "", quiet: true, label: "Warnings as two bits each (0x35A bytes 4..7)" },
  { key: "modules_ok", unit: "", quiet: true, label: "Modules that are well" },
  { key: "modules_blocking_charge", unit: "", quiet: true, label: "Modules that block charging" },
  { key: "modules_blocking_discharge", unit: "", quiet: true, label: "Modules that block discharging" },
  { key: "modules_offline", unit: "", quiet: true, label: "Modules that are offline" },
  { key: "online_capacity", unit: "Ah", quiet: true, label: "Capacity that is online (0 while the battery is lost)" },
  { key: "gateway_version", unit: "", quiet: true, label: "Version of this firmware: major x 256 + minor" },
  { key: "lowest_cell", unit: "", quiet: true, label: "Rank of the lowest of the cells in use, from 1" },
  { key: "highest_cell", unit: "", quiet: true, label: "Rank of the highest of the cells in use, from 1" },
  { key: "coldest_sensor", unit: "", quiet: true, label: "Coldest sensor: 1, 2 external, 3 internal" },
  { key: "hottest_sensor", unit: "", quiet: true, label: "Hottest sensor: 1, 2 external, 3 internal" },
];
