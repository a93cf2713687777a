// Physics of the simulated battery: LFP cells with open-circuit voltage by state of charge, resistance, heat. No
// protocol in here.

import type { Random } from "./random";

/** One cell. `capacity_Ah` and `resistance_ohm` (at 25 degC) differ a little from cell to cell. */
export interface Cell {
  capacity_Ah: number;
  charge_Ah: number;
  resistance_ohm: number;
  voltage_V: number;
  bleeding: boolean;
}

/** Bookkeeping since the start, so that tests can check that nothing comes from nowhere. */
export interface Totals {
  in_Ah: number;
  out_Ah: number;
  in_Wh: number;
  out_Wh: number;
  bled_Ah: number;
  bled_Wh: number;
  heat_Wh: number;
}

/** Temperatures in degC. */
export interface Thermal {
  pack_C: number;
  internal_C: number;
  ambient_C: number;
}

/** Open-circuit voltage of an LFP cell by state of charge in %: knees at both ends, flat between. */
const OPEN_CIRCUIT: [soc_pct: number, voltage_V: number][] = [
  [-1, 2.1],
  [0, 2.5],
  [1, 2.75],
  [2, 2.88],
  [4, 3.02],
  [7, 3.13],
  [10, 3.19],
  [15, 3.225],
  [20, 3.25],
  [30, 3.28],
  [40, 3.29],
  [55, 3.297],
  [65, 3.315],
  [75, 3.328],
  [90, 3.334],
  [95, 3.345],
  [97, 3.36],
  [98.5, 3.39],
  [99.3, 3.44],
  [99.7, 3.5],
  [100, 3.6],
  [101, 3.95],
];
const RESISTANCE_OHM_AH = 0.28;
/** Resistance rises by this part for each degree below 25 degC. */
const COLD_RESISTANCE = 0.03;
/** TinyBMS bleeds well below its 0.3 A limit. */
const BLEED_A = 0.2;
const CAPACITY_SPREAD = 0.01;
const RESISTANCE_SPREAD = 0.1;
const PACK_HEAT_WH_PER_K_AH = 0.0053;
const PACK_LOSS_W_PER_K = 5;
const BOARD_HEAT_J_PER_K = 300;
const BOARD_LOSS_W_PER_K = 0.6;
const BOARD_OHM = 0.0004;
const BOARD_IDLE_W = 1;

/** Open-circuit voltage in V at a state of charge in %, linear between the points of the curve and beyond its ends. */
export function openCircuitVoltage(soc_pct: number): number {
  const after = OPEN_CIRCUIT.findIndex(([soc]) => soc > soc_pct);
  const at = Math.max(1, after < 0 ? OPEN_CIRCUIT.length - 1 : after);
  const [soc0, voltage0] = OPEN_CIRCUIT[at - 1];
  const [soc1, voltage1] = OPEN_CIRCUIT[at];
  return voltage0 + ((soc_pct - soc0) / (soc1 - soc0)) * (voltage1 - voltage0);
}

/** Cells of about `capacity_Ah` at about `soc_pct`; `offsets_pct[i]` moves one cell ahead (above 0) or behind. */
export function createCells(
  count: number,
  capacity_Ah: number,
  soc_pct: number,
  offsets_pct: number[],
  random: Random,
): Cell[] {
  const around = (spread: number): number => 1 + spread * (2 * random() - 1);
  return Array.from({ length: count }, (_, i) => {
    const capacity = capacity_Ah * around(CAPACITY_SPREAD);
    const soc = soc_pct * around(0.0004) + (offsets_pct[i] ?? 0);
    const resistance_ohm = (RESISTANCE_OHM_AH / capacity_Ah) * around(RESISTANCE_SPREAD);
    const charge_Ah = (capacity * soc) / 100;
    return { capacity_Ah: capacity, charge_Ah, resistance_ohm, voltage_V: openCircuitVoltage(soc), bleeding: false };
  });
}

/** State of charge of one cell in %. */
export function cellSoc(cell: Cell): number {
  return (100 * cell.charge_Ah) / cell.capacity_Ah;
}

/** Resistance of one cell in ohm at a temperature. */
export function cellResistance(cell: Cell, temperature_C: number): number {
  return cell.resistance_ohm * (1 + COLD_RESISTANCE * Math.max(0, 25 - temperature_C));
}

/** The current in A (above 0: into the battery) at which the pack shows `voltage_V`. */
export function currentAtVoltage(cells: Cell[], voltage_V: number, temperature_C: number): number {
  const open = cells.reduce((sum, cell) => sum + openCircuitVoltage(cellSoc(cell)), 0);
  return (voltage_V - open) / cells.reduce((sum, cell) => sum + cellResistance(cell, temperature_C), 0);
}

/** Moves charge for `dt` seconds at `current_A`, bleeds what is marked, sets the cell voltages and keeps the totals. */
export function stepCells(cells: Cell[], current_A: number, thermal: Thermal, dt: number, totals: Totals): void {
  const hours = dt / 3600;
  totals[current_A > 0 ? "in_Ah" : "out_Ah"] += Math.abs(current_A) * hours;
  for (const cell of cells) {
    const resistance = cellResistance(cell, thermal.pack_C);
    const bleed_Ah = cell.bleeding ? BLEED_A * hours : 0;
    const before = openCircuitVoltage(cellSoc(cell));
    cell.charge_Ah += current_A * hours - bleed_Ah;
    const after = openCircuitVoltage(cellSoc(cell));
    const open = (before + after) / 2;
    cell.voltage_V = after + current_A * resistance;
    totals.bled_Ah += bleed_Ah;
    totals.bled_Wh += bleed_Ah * open;
    totals.heat_Wh += current_A * current_A * resistance * hours;
    totals[current_A > 0 ? "in_Wh" : "out_Wh"] += Math.abs(current_A) * hours * (open + current_A * resistance);
  }
}

/** Warms and cools pack and board for `dt` seconds: I^2 R inside, ambient outside. */
export function stepThermal(thermal: Thermal, cells: Cell[], current_A: number, ambient_C: number, dt: number): void {
  const square = current_A * current_A;
  const pack_W = cells.reduce((sum, cell) => sum + square * cellResistance(cell, thermal.pack_C), 0);
  const capacity_Ah = cells.reduce((sum, cell) => sum + cell.capacity_Ah, 0);
  const pack_J_per_K = capacity_Ah * PACK_HEAT_WH_PER_K_AH * 3600;
  thermal.pack_C = approach(
    thermal.pack_C,
    ambient_C + pack_W / PACK_LOSS_W_PER_K,
    PACK_LOSS_W_PER_K / pack_J_per_K,
    dt,
  );
  const board_W = BOARD_IDLE_W + square * BOARD_OHM;
  thermal.internal_C = approach(
    thermal.internal_C,
    ambient_C + board_W / BOARD_LOSS_W_PER_K,
    BOARD_LOSS_W_PER_K / BOARD_HEAT_J_PER_K,
    dt,
  );
  thermal.ambient_C = ambient_C;
}

/** First-order approach of `value` to `target` at `rate` (1/s); exact for any `dt`, so it never overshoots. */
export function approach(value: number, target: number, rate: number, dt: number): number {
  return target + (value - target) * Math.exp(-rate * dt);
}
