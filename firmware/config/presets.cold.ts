// What a cell chemistry stands for, in V a cell (bulk, float, re-bulk, end of the absorption tail).

const presets: Record<string, number[]> = { "lfp": [3.45, 3.375, 3.3, 3.37], "nmc": [4.1, 4, 3.85, 3.9], "custom": [0, 0, 0, 0] };

/** Bulk, float and re-bulk voltage of a cell in mV: a given value wins over the chemistry's; 0 without a chemistry. */
export function cellVoltages(battery: Record<string, unknown>): number[] {
  const preset = presets[battery["chemistry"] as string];
  if (!preset) return [0, 0, 0];
  return ["v_bulk", "v_float", "v_rebulk"].map(function (key, i) { return Math.round(((battery[key] as number) || preset[i]) * 1000); });
}
