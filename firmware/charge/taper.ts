// The tables of charge control: factors by cell voltage, temperature and state of charge (charge/limits.ts has their
// points).

/** The factor 0..1 of a table at x. */
export function taper(tables: Int16Array, table: number, x: number): number {
  let i = tables[table];
  while (x > tables[i]) i += 2;
  const low = tables[i - 1],
    high = tables[i + 1];
  return low === high
    ? low / 10000
    : (low + ((high - low) * (x - tables[i - 2])) / (tables[i] - tables[i - 2])) / 10000;
}
