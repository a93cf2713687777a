// Charged and discharged energy: the integral of V x I over time. Totals are kept in flash by battery/energy.cold.ts,
// and what is told of them (kWh in the snapshot) is what flash has: after a power cut no total may be less than it was.
import { packPower } from "./registers.baked";
import type { Snapshot } from "./snapshot";

/** Over a longer gap between two samples nothing is counted, ms. */
const LONGEST_GAP_MS = 5000;

export interface Energy {
  /** Time (ms, -1 none) and power (W) of the last sample. */
  at: number;
  power: number;
  /** Counted until now, kWh. */
  charged: number;
  discharged: number;
  /**
   * What flash has: sum of both (kWh), when it was written (ms), number of the record, its file and the next free place
   * there.
   */
  saved: number;
  savedAt: number;
  /** Least time between two records, ms. */
  every: number;
  seq: number;
  file: number;
  place: number;
}

/** Count from the last sample to the newest, by the mean power of both. Each sample counts once. */
export function energyStep(energy: Energy, s: Snapshot): void {
  const power = s.values[packPower],
    gap = s.fastAt - energy.at,
    kWh = ((power + energy.power) * gap) / 7.2e9;
  if (gap === 0 || isNaN(power)) return;
  if (energy.at >= 0 && gap <= LONGEST_GAP_MS) {
    if (kWh > 0) energy.charged += kWh;
    else energy.discharged -= kWh;
  }
  energy.at = s.fastAt;
  energy.power = power;
}
