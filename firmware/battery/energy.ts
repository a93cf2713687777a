// Charged and discharged energy: the integral of V x I over time. The totals stand in the snapshot (kWh); they are kept in
// flash by battery/energy.cold.ts.
import { chargedEnergy, dischargedEnergy, packPower } from "./registers.baked";
import type { Snapshot } from "./snapshot";

/** Over a longer gap between two samples nothing is counted, ms. */
const LONGEST_GAP_MS = 5000;

export interface Energy {
  /** Time (ms, -1 none) and power (W) of the last sample. */
  at: number; power: number;
  /** What flash has: sum of both (kWh), when it was written (ms), number of the record, its file and the next free place there. */
  saved: number; savedAt: number; seq: number; file: number; place: number;
}

/** Count from the last sample to the newest, by the mean power of both. Each sample counts once. */
export function energyStep(energy: Energy, s: Snapshot): void {
  const v = s.values, power = v[packPower], gap = s.fastAt - energy.at, kWh = (power + energy.power) * gap / 7.2e9;
  if (gap === 0 || isNaN(power)) return;
  if (energy.at >= 0 && gap <= LONGEST_GAP_MS) {
    if (kWh > 0) v[chargedEnergy] += kWh;
    else v[dischargedEnergy] -= kWh;
  }
  energy.at = s.fastAt;
  energy.power = power;
}
