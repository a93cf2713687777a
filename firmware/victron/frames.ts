// CAN frames towards a Victron GX, one row a frame, one row a field. Authored; `npm run bake` makes straight code of it.
// Source: Victron "CAN-bus BMS Protocol" (2021-04-17); rounding and cadence are ours. Little-endian throughout.

/** How a number is made whole: `floor` where more would be unsafe, `nearest` (half away from 0) for measurements. */
export type Rounding = "floor" | "nearest";

/** One field. The value is clamped to what its type can say, never wrapped. */
export interface FrameField {
  /** Byte offset, and for `pair` the lower bit of the two. */
  at: number; bit?: number;
  as: "u16" | "i16" | "text" | "pair";
  /** Row key of the table in battery/registers.ts, or the setting of a text. */
  from: string;
  /** Raw = value x per + add, after rounding of value x per. */
  per?: number; add?: number; round?: Rounding;
  /** Bounds of the value itself. */
  min?: number; max?: number;
  /** `pair`: active (1) from this level of the value on, else inactive (2). */
  active?: number;
  /** The value to send when it is unknown; without it an unknown value silences the frame. */
  absent?: number;
  /** What a person calls it, with its unit. */
  label: string; unit?: string;
}

/** One frame: identifier, period in ms, the fields, and the phases in which it may be sent. */
export interface CanFrame {
  id: number; name: string; every: number;
  /** Sent while the battery is lost too: limits and alarms only. */
  lost?: true;
  /** Bytes from here on are left out when one of their values is unknown. */
  shortAt?: number;
  fields: FrameField[];
}

export const canFrames: CanFrame[] = [
  { id: 0x351, name: "Limits", every: 1000, lost: true, fields: [
    { at: 0, as: "u16", from: "charge_voltage_limit", per: 10, round: "floor", label: "CVL", unit: "V" },
    { at: 2, as: "i16", from: "charge_current_limit", per: 10, round: "floor", min: 0, label: "CCL", unit: "A" },
    { at: 4, as: "i16", from: "discharge_current_limit", per: 10, round: "floor", min: 0, label: "DCL", unit: "A" },
    { at: 6, as: "u16", from: "discharge_voltage_limit", per: 10, round: "floor", label: "Discharge voltage", unit: "V" } ] },
  { id: 0x355, name: "State of charge", every: 1000, fields: [
    { at: 0, as: "u16", from: "state_of_charge", per: 1, round: "nearest", min: 0, max: 100, label: "SoC", unit: "%" },
    { at: 2, as: "u16", from: "state_of_health", per: 1, round: "nearest", min: 0, max: 100, absent: 100, label: "SoH", unit: "%" },
    { at: 4, as: "u16", from: "state_of_charge", per: 100, round: "nearest", min: 0, max: 100, label: "SoC high resolution", unit: "%" } ] },
  { id: 0x356, name: "Measurements", every: 1000, fields: [
    { at: 0, as: "i16", from: "pack_voltage", per: 100, round: "nearest", label: "Voltage", unit: "V" },
    { at: 2, as: "i16", from: "pack_current", per: 10, round: "nearest", label: "Current", unit: "A" },
    { at: 4, as: "i16", from: "battery_temperature", per: 10, round: "nearest", label: "Temperature", unit: "degC" } ] },
  // Alarms in bytes 0-3, warnings in bytes 4-7, two bits each: 1 active, 2 inactive, 0 not supported. Only what is
  // evaluated is supported (so far: BMS internal); the GX notices the battery by this frame.
  { id: 0x35a, name: "Alarms", every: 1000, lost: true, fields: [
    { at: 2, bit: 6, as: "pair", from: "internal_failure", active: 2, label: "BMS internal alarm" },
    { at: 6, bit: 6, as: "pair", from: "internal_failure", active: 1, label: "BMS internal warning" } ] },
  { id: 0x373, name: "Cells", every: 1000, shortAt: 4, fields: [
    { at: 0, as: "u16", from: "min_cell_voltage", per: 1, round: "nearest", label: "Lowest cell", unit: "mV" },
    { at: 2, as: "u16", from: "max_cell_voltage", per: 1, round: "nearest", label: "Highest cell", unit: "mV" },
    { at: 4, as: "u16", from: "min_temperature", per: 1, add: 273, round: "nearest", label: "Coldest sensor", unit: "K" },
    { at: 6, as: "u16", from: "max_temperature", per: 1, add: 273, round: "nearest", label: "Hottest sensor", unit: "K" } ] },
  { id: 0x35e, name: "Manufacturer", every: 10000, lost: true, fields: [
    { at: 0, as: "text", from: "can.manufacturer", label: "Manufacturer" } ] },
];

/** Frames of the GX: received, never sent. */
export const GX_KEEPALIVE = 0x305, GX_IDENTITY = 0x307;
