// What a cell chemistry stands for, in mV a cell: bulk, float, re-bulk, resting voltage at the end of absorption, and
// how far below that of a full charge with 0.05 C it lies.

/** How far below v_bulk a cell of any other chemistry rests when it is full, as that of lfp, mV. */
const TAIL = 80;

/** Places in a preset. */
const BULK = 0,
  TAIL_V = 3;

const presets: Record<string, number[]> = {
  "lfp": [3450, 3375, 3300, 3370, 280],
  "nmc": [4100, 4000, 3850, 3900, 300],
  "custom": [0, 0, 0, 0, 280],
};

/**
 * Cell voltages in mV: bulk, float, re-bulk, tail, tail drop. A given value wins over the chemistry's; all 0 without a
 * chemistry.
 */
export function cellVoltages(battery: Record<string, unknown>): number[] {
  const preset = presets[battery["chemistry"] as string];
  if (!preset) return [0, 0, 0, 0, 0];
  const voltages = ["v_bulk", "v_float", "v_rebulk", "tail_v", ""].map(function (key, i) {
    return Math.round(((battery[key] as number) || 0) * 1e6) / 1000 || preset[i];
  });
  if (!voltages[TAIL_V] && voltages[BULK]) voltages[TAIL_V] = voltages[BULK] - TAIL;
  return voltages;
}
