// CAN frames towards a Victron GX, one row a frame, one row a field. Authored; `npm run bake` makes straight code of
// it. Source: Victron "CAN-bus BMS Protocol" (2021-04-17); rounding and cadence are ours. Little-endian but for the
// version in 0x35F.
import { alarmFields } from "./alarms";

/** How a number is made whole: `floor` where more would be unsafe, `nearest` (half away from 0) for measurements. */
export type Rounding = "floor" | "nearest";

/** One field. The value is clamped to what its type can say, never wrapped; only `u32` counters go round. */
export interface FrameField {
  /** Byte offset, and for `pair` the lower bit of the two. */
  at: number;
  bit?: number;
  /** `version`: two bytes, major first. `cell`, `sensor`: an id as text ("C7"; "T1", "T2", "INT") of a number. */
  as: "u16" | "i16" | "u32" | "version" | "cell" | "sensor" | "text" | "pair";
  /**
   * Row key of the table in tables/registers.ts, the field of tables/alarms.ts of a pair, or where a text comes from.
   */
  from: string;
  /** Raw = value x per + add, after rounding of value x per. */
  per?: number;
  add?: number;
  round?: Rounding;
  /** Bounds of the value itself. `never0`: rather than a 0 the whole frame is not sent. */
  min?: number;
  max?: number;
  never0?: true;
  /** The value to send when it is unknown; without it an unknown value silences the frame. */
  absent?: number;
  /** What a person calls it, with its unit. */
  label: string;
  unit?: string;
}

/** One frame: identifier, period in ms, the fields, and the phases in which it may be sent. */
export interface CanFrame {
  id: number;
  name: string;
  every: 1000 | 2000 | 10000;
  /** Sent while the battery is lost too: limits, alarms, modules and identity. */
  lost?: true;
  /** Bytes from here on are left out when one of their values is unknown. */
  shortAt?: number;
  /** `pair` fields only: the rows that hold all of them, 32 bits each. */
  words?: [string, string];
  fields: FrameField[];
}

/** Alarms in bytes 0-3, warnings in bytes 4-7: 1 active, 2 inactive, 0 not supported. */
const alarmPairs = ["alarm", "warning"]
  .flatMap((level, word) =>
    [...alarmFields, "system_status"].map((from, i): FrameField => {
      const what = from[0].toUpperCase() + from.slice(1).replace(/_/g, " ").replace("ms ", "MS ");
      return {
        at: 4 * word + (i >> 2),
        bit: 2 * (i & 3),
        as: "pair",
        from,
        label: from === "system_status" ? what : `${what} ${level}`,
      };
    }),
  )
  .filter(({ at, from }) => at > 3 || from !== "system_status");

const text = (id: number, name: string, from: string): CanFrame => ({
  id,
  name,
  every: 10000,
  lost: true,
  fields: [{ at: 0, as: "text", from, label: name }],
});
const place = (id: number, name: string, as: "cell" | "sensor", from: string): CanFrame => ({
  id,
  name,
  every: 2000,
  fields: [{ at: 0, as, from, label: name }],
});

/**
 * Those of each second, then those of each second second, then the numbers and the texts of each ten; the limits first.
 */
export const canFrames: CanFrame[] = [
  {
    id: 0x351,
    name: "Limits",
    every: 1000,
    lost: true,
    fields: [
      {
        at: 0,
        as: "u16",
        from: "charge_voltage_limit",
        per: 10,
        round: "floor",
        never0: true,
        label: "CVL",
        unit: "V",
      },
      { at: 2, as: "i16", from: "charge_current_limit", per: 10, round: "floor", min: 0, label: "CCL", unit: "A" },
      { at: 4, as: "i16", from: "discharge_current_limit", per: 10, round: "floor", min: 0, label: "DCL", unit: "A" },
      {
        at: 6,
        as: "u16",
        from: "discharge_voltage_limit",
        per: 10,
        round: "floor",
        label: "Discharge voltage",
        unit: "V",
      },
    ],
  },
  {
    id: 0x355,
    name: "State of charge",
    every: 1000,
    fields: [
      {
        at: 0,
        as: "u16",
        from: "state_of_charge",
        per: 1,
        round: "nearest",
        min: 0,
        max: 100,
        label: "SoC",
        unit: "%",
      },
      {
        at: 2,
        as: "u16",
        from: "state_of_health",
        per: 1,
        round: "nearest",
        min: 0,
        max: 100,
        absent: 100,
        label: "SoH",
        unit: "%",
      },
      {
        at: 4,
        as: "u16",
        from: "state_of_charge",
        per: 100,
        round: "nearest",
        min: 0,
        max: 100,
        label: "SoC high resolution",
        unit: "%",
      },
    ],
  },
  {
    id: 0x356,
    name: "Measurements",
    every: 1000,
    fields: [
      { at: 0, as: "i16", from: "pack_voltage", per: 100, round: "nearest", label: "Voltage", unit: "V" },
      { at: 2, as: "i16", from: "pack_current", per: 10, round: "nearest", label: "Current", unit: "A" },
      { at: 4, as: "i16", from: "battery_temperature", per: 10, round: "nearest", label: "Temperature", unit: "degC" },
    ],
  },
  // The GX notices the battery by this frame. Only what is evaluated is supported.
  { id: 0x35a, name: "Alarms", every: 1000, lost: true, words: ["alarm_bits", "warning_bits"], fields: alarmPairs },
  {
    id: 0x372,
    name: "Modules",
    every: 1000,
    lost: true,
    fields: [
      { at: 0, as: "u16", from: "modules_ok", absent: 0xffff, label: "Modules ok" },
      { at: 2, as: "u16", from: "modules_blocking_charge", absent: 0xffff, label: "Modules blocking charge" },
      { at: 4, as: "u16", from: "modules_blocking_discharge", absent: 0xffff, label: "Modules blocking discharge" },
      { at: 6, as: "u16", from: "modules_offline", absent: 0xffff, label: "Modules offline" },
    ],
  },
  {
    id: 0x373,
    name: "Cells",
    every: 1000,
    shortAt: 4,
    fields: [
      { at: 0, as: "u16", from: "min_cell_voltage", per: 1, round: "nearest", label: "Lowest cell", unit: "mV" },
      { at: 2, as: "u16", from: "max_cell_voltage", per: 1, round: "nearest", label: "Highest cell", unit: "mV" },
      {
        at: 4,
        as: "u16",
        from: "min_temperature",
        per: 1,
        add: 273,
        round: "nearest",
        label: "Coldest sensor",
        unit: "K",
      },
      {
        at: 6,
        as: "u16",
        from: "max_temperature",
        per: 1,
        add: 273,
        round: "nearest",
        label: "Hottest sensor",
        unit: "K",
      },
    ],
  },
  place(0x374, "Lowest cell id", "cell", "lowest_cell"),
  place(0x375, "Highest cell id", "cell", "highest_cell"),
  place(0x376, "Coldest sensor id", "sensor", "coldest_sensor"),
  place(0x377, "Hottest sensor id", "sensor", "hottest_sensor"),
  {
    id: 0x35f,
    name: "Battery",
    every: 10000,
    lost: true,
    fields: [
      { at: 0, as: "u16", from: "hardware_version", label: "Model" },
      { at: 2, as: "version", from: "gateway_version", label: "Firmware" },
      { at: 4, as: "u16", from: "online_capacity", round: "floor", label: "Online capacity", unit: "Ah" },
    ],
  },
  {
    id: 0x378,
    name: "Energy",
    every: 10000,
    lost: true,
    fields: [
      { at: 0, as: "u32", from: "charged_energy", per: 10, round: "floor", label: "Charged", unit: "kWh" },
      { at: 4, as: "u32", from: "discharged_energy", per: 10, round: "floor", label: "Discharged", unit: "kWh" },
    ],
  },
  {
    id: 0x379,
    name: "Capacity",
    every: 10000,
    lost: true,
    fields: [{ at: 0, as: "u16", from: "battery_capacity", round: "floor", label: "Installed capacity", unit: "Ah" }],
  },
  text(0x35e, "Manufacturer", "manufacturer"),
  text(0x380, "Serial number 1", "serial_1"),
  text(0x381, "Serial number 2", "serial_2"),
  text(0x382, "Family", "family"),
  text(0x370, "Name 1", "name_1"),
  text(0x371, "Name 2", "name_2"),
];

/** Frames of the GX: received, never sent. */
export const GX_KEEPALIVE = 0x305,
  GX_IDENTITY = 0x307;
