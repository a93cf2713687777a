// The settings of the simulated unit, registers 300..399: what it starts with, its limits and defaults, and what it
// refuses to take.

import type { Bound } from "./codec";
import { getBits, rawOf, rowAt, rowOf, setBits, setValue, signedRaw, wordsOf } from "./words";
import type { Row, Write } from "./words";

/** Neighbouring voltage settings keep this distance (Communication Protocols Rev D, 3.4). */
const APART_MV = 10;
const FIRST = 300;
const LAST = 399;

/**
 * What fits charge control (firmware/charge/README.md) for a 16-cell, 280 Ah LFP battery; others as seen on units.
 * Values in the row's unit.
 */
const LFP: Record<string, number | null> = {
  fully_charged_voltage: 3550,
  fully_discharged_voltage: 2900,
  early_balancing_threshold: 3350,
  // C/50 would be 5600, beyond the vendor's range.
  charge_finished_current: 5000,
  discharge_peak_current_cutoff: 250,
  battery_capacity: 280,
  allowed_disbalance: 20,
  charger_startup_delay: 20,
  charger_disable_delay: 5,
  pulses_per_unit: 1,
  distance_unit: 2,
  over_voltage_cutoff: 3650,
  under_voltage_cutoff: 2800,
  discharge_over_current_cutoff: 200,
  charge_over_current_cutoff: 150,
  over_heat_cutoff: 60,
  low_temp_charger_cutoff: 1,
  charge_restart_level: 85,
  max_cycles: 6000,
  set_state_of_health: null,
  set_state_of_charge: null,
  automatic_recovery: 5,
  charger_switch_type: 1,
  charger_detection: 1,
};

/** Defaults that no source prints: plausible ones, so that command 0x1D has an answer for every row. */
const DEFAULTS: Record<string, number> = {
  fully_charged_voltage: 4180,
  battery_capacity: 1000,
  series_cells: 16,
  max_cycles: 1000,
  set_state_of_health: 0xffff,
  set_state_of_charge: 0xffff,
};

/** Ranges that the vendor prints nowhere. */
const RANGES: Record<string, [number, number]> = {
  discharge_peak_current_cutoff: [1, 1000],
  option_flags: [0, 7],
  charger_type_and_oc_timeout: [0, 0x1e02],
};

/** Fills 300..399 with the LFP settings for a battery of `cells` cells in series. */
export function initialSettings(words: Uint16Array, cells: number): void {
  for (const [key, value] of Object.entries(LFP)) setValue(words, key, value);
  setValue(words, "series_cells", cells);
  setBits(words, "option_flags", "enable_charge_restart_level", 1);
  setBits(words, "charger_type_and_oc_timeout", "charger_type", 1);
  setBits(words, "charger_type_and_oc_timeout", "discharge_over_current_timeout", 3);
}

function staticRange(row: Row): [number, number] {
  const values = Object.keys(row.enum ?? {}).map(Number);
  if (values.length) return [Math.min(...values), Math.max(...values)];
  return RANGES[row.key] ?? [row.min ?? 0, row.max ?? 0xffff];
}

/** Limits that move with a neighbour: key -> neighbour that is the lower or upper limit, and the distance to it. */
const NEIGHBOURS: Record<string, { above?: [string, number]; below?: [string, number] }> = {
  over_voltage_cutoff: { above: ["fully_charged_voltage", APART_MV] },
  fully_charged_voltage: { above: ["fully_discharged_voltage", APART_MV], below: ["over_voltage_cutoff", APART_MV] },
  fully_discharged_voltage: { above: ["under_voltage_cutoff", APART_MV], below: ["fully_charged_voltage", APART_MV] },
  under_voltage_cutoff: { below: ["fully_discharged_voltage", APART_MV] },
  discharge_peak_current_cutoff: { above: ["discharge_over_current_cutoff", 0] },
  discharge_over_current_cutoff: { below: ["discharge_peak_current_cutoff", 0] },
};

/**
 * The range that the unit allows for a row now, as signed raw numbers: the printed one, narrowed by its neighbours
 * (Communication Protocols Rev D, 3.4).
 */
export function rangeOf(words: Uint16Array, row: Row): [number, number] {
  const [low, high] = staticRange(row);
  const { above, below } = NEIGHBOURS[row.key] ?? {};
  return [
    above ? Math.max(low, words[rowOf(above[0]).at] + above[1]) : low,
    below ? Math.min(high, words[rowOf(below[0]).at] - below[1]) : high,
  ];
}

/** The word that command 0x1D answers for a settings address: raw minimum, maximum or default; 0 for reserved ones. */
export function settingBound(words: Uint16Array, kind: Bound, address: number): number {
  const row = rowAt(address);
  if (!row) return 0;
  const [low, high] = rangeOf(words, row);
  const raw = { min: low, max: high, default: row.factory ?? DEFAULTS[row.key] ?? low }[kind];
  return Math.floor(raw / 0x10000 ** (address - row.at)) & 0xffff;
}

function bitsAllowed(row: Row, before: Uint16Array, after: Uint16Array): boolean {
  return (row.bits ?? []).every((bits) => {
    const value = getBits(after, row.key, bits.key);
    if (bits.key === "reserved") return value === getBits(before, row.key, bits.key);
    return (!bits.enum || value in bits.enum) && value >= (bits.min ?? 0) && value <= (bits.max ?? 0xffff);
  });
}

function isAllowed(row: Row, before: Uint16Array, after: Uint16Array): boolean {
  if (row.type === "bits") return bitsAllowed(row, before, after);
  const raw = wordsOf(row) === 2 ? rawOf(after, row) : signedRaw(row, after[row.at]);
  const [low, high] = rangeOf(after, row);
  return raw === row.invalid || (raw >= low && raw <= high && (!row.enum || raw in row.enum));
}

/**
 * Checks writes against ranges and neighbours as they stand after all of them, and stores all or none. False for an
 * address outside 300..399, a reserved register or reserved bits that would change, and a value out of range
 * (Communication Protocols Rev D, 3.4).
 */
export function writeSettings(words: Uint16Array, writes: Write[]): boolean {
  if (writes.some(([address]) => address < FIRST || address > LAST)) return false;
  const after = words.slice();
  for (const [address, raw] of writes) after[address] = raw;
  const allowed = writes.every(([address]) => {
    const row = rowAt(address);
    return row ? isAllowed(row, words, after) : after[address] === words[address];
  });
  if (allowed) words.set(after.subarray(FIRST, LAST + 1), FIRST);
  return allowed;
}
