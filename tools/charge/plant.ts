// Charge control in a closed loop with a crude plant: a battery with one cell ahead, and a charger that measures
// wrongly. The firmware's own charge control closes the loop each second.
import { limitsStep } from "../../firmware/charge/control";
import * as memory from "../../firmware/charge/memory";
import { floored } from "../../firmware/battery/names.cold";
import { NORMAL, snapshotOf } from "../../firmware/battery/snapshot";
import { chargeStates } from "../../firmware/tables/states";
import { type Cell, createCells, currentAtVoltage, stepCells, type Totals } from "../simulator/cells";
import { type Random, seededRandom } from "../simulator/random";
import { configured } from "./config";
import { takeMeasurements } from "./whatif";

/**
 * What is tried: the charger's error (V), its current (A), noise of the cell measurement (mV), resistance of the pack
 * (mohm).
 */
export interface Trial {
  error_V: number;
  pv_A: number;
  noise_mV: number;
  pack_mohm: number;
  seed: number;
}

/** One second of it; `top_V` and `mean_V` are what the cells really have. */
export interface Sample {
  minute: number;
  top_V: number;
  mean_V: number;
  pack_V: number;
  current_A: number;
  cvl_V: number;
  ccl_A: number;
  state: string;
}

const CELLS = 16,
  CAPACITY_AH = 280,
  START_SOC = 92,
  AHEAD_PCT = 3.5,
  CELSIUS = 25;
/** Loads that the battery may feed when the charger is told to go lower, and how fast the charger follows. */
const LOAD_A = 20,
  CHARGER_TAU_S = 2,
  GX_PERIOD_S = 3;
/** The BMS bleeds cells that are this far above the lowest while it charges, above register 303. */
const BALANCE_V = 0.02,
  BALANCE_FROM_V = 3.35;

function cellsFor(trial: Trial, random: Random): Cell[] {
  const cells = createCells(CELLS, CAPACITY_AH, START_SOC, [AHEAD_PCT], random),
    total = cells.reduce((sum, cell) => sum + cell.resistance_ohm, 0);
  for (const cell of cells) cell.resistance_ohm *= trial.pack_mohm / 1000 / total;
  return cells;
}

function balance(cells: Cell[], current_A: number): void {
  const lowest = Math.min(...cells.map((cell) => cell.voltage_V));
  for (const cell of cells)
    cell.bleeding = current_A > 0 && cell.voltage_V > BALANCE_FROM_V && cell.voltage_V > lowest + BALANCE_V;
}

/** Cells as the BMS measures them, in mV. */
function measured(cells: Cell[], noise_mV: number, random: Random): number[] {
  return cells.map(
    (cell) => Math.round(cell.voltage_V * 10000 + noise_mV * 20 * (random() + random() + random() - 1.5)) / 10,
  );
}

/** Where the charger takes the current in a second, from what it was told last. */
function charged(cells: Cell[], trial: Trial, told: { cvl: number; ccl: number }, current_A: number): number {
  const wanted = told.cvl ? currentAtVoltage(cells, told.cvl + trial.error_V, CELSIUS) : 0;
  return current_A + (Math.max(-LOAD_A, Math.min(wanted, trial.pv_A, told.ccl)) - current_A) / CHARGER_TAU_S;
}

/** Runs a trial for some minutes, a sample each second. The same trial gives the same samples. */
export function closedLoop(trial: Trial, minutes: number): Sample[] {
  const random = seededRandom(trial.seed),
    cells = cellsFor(trial, random),
    snapshot = snapshotOf(),
    limits = configured({}, CELLS, snapshot.values);
  const thermal = { pack_C: CELSIUS, internal_C: CELSIUS, ambient_C: CELSIUS };
  const totals: Totals = { in_Ah: 0, out_Ah: 0, in_Wh: 0, out_Wh: 0, bled_Ah: 0, bled_Wh: 0, heat_Wh: 0 },
    samples: Sample[] = [];
  let current_A = 0,
    told = { cvl: 0, ccl: 0 };
  snapshot.phase = NORMAL;
  snapshot.settingsAt = 0;
  for (let second = 1; second <= minutes * 60; second++) {
    const soc = (cells.reduce((sum, cell) => sum + cell.charge_Ah, 0) / CAPACITY_AH / CELLS) * 100;
    const line = { current: current_A, soc, status: current_A > 0 ? 0x91 : 0x93, tmin: CELSIUS, tmax: CELSIUS };
    takeMeasurements(snapshot, line, measured(cells, trial.noise_mV, random));
    limitsStep(limits, snapshot, second * 1000, 1);
    const [cvl, ccl] = [limits.state[memory.cvl] / 1000, limits.state[memory.ccl]].map((value) => floored(value)!);
    if (second % GX_PERIOD_S === 0) told = { cvl, ccl };
    current_A = charged(cells, trial, told, current_A);
    balance(cells, current_A);
    stepCells(cells, current_A, thermal, 1, totals);
    const volts = cells.map((cell) => cell.voltage_V),
      pack_V = volts.reduce((sum, one) => sum + one, 0);
    samples.push({
      minute: second / 60,
      top_V: Math.max(...volts),
      mean_V: pack_V / CELLS,
      pack_V,
      current_A,
      cvl_V: cvl,
      ccl_A: ccl,
      state: chargeStates[limits.state[memory.state]],
    });
  }
  return samples;
}

export interface Summary {
  top_V: number;
  cvlFrom_V: number;
  cvlTo_V: number;
  currentFrom_A: number;
  currentTo_A: number;
}

/** Highest cell of the whole run, and the range of charge voltage and current from `fromMinute` on. */
export function summary(samples: Sample[], fromMinute: number): Summary {
  const late = samples.filter(({ minute }) => minute >= fromMinute);
  const cvl = late.map(({ cvl_V }) => cvl_V),
    amps = late.map(({ current_A }) => current_A);
  const top_V = samples.reduce((top, sample) => Math.max(top, sample.top_V), 0);
  return {
    top_V,
    cvlFrom_V: Math.min(...cvl),
    cvlTo_V: Math.max(...cvl),
    currentFrom_A: Math.min(...amps),
    currentTo_A: Math.max(...amps),
  };
}
