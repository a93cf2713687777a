// The cell registers, read each second, into the snapshot.
import { cell01Voltage, highestCell, lowestCell, maxCellVoltage, minCellVoltage, packVoltage } from "./registers.baked";
import type { Snapshot } from "./snapshot";

/** Complete snapshots in a row that end a loss; no more are counted. */
const RECOVERY_SNAPSHOTS = 3;

/** The cells may be wired to the other end of the registers than the setting says: when one is 0 here and none is there (decisions 13). */
function lookAtOtherEnd(snapshot: Snapshot, words: Uint16Array): void {
  const n = snapshot.cells, here = snapshot.firstCell, there = here ? 0 : 16 - n;
  if (words.subarray(here, here + n).indexOf(0) < 0 || words.subarray(there, there + n).indexOf(0) >= 0) return;
  snapshot.cellsMoved = !snapshot.cellsMoved;
  snapshot.firstCell = there;
}

/** Take the cell registers 0..15 if the cells in use are plausible and add up to the pack voltage (1 % and 0.1 V). */
export function acceptCells(snapshot: Snapshot, words: Uint16Array, now: number): boolean {
  const v = snapshot.values, pack = v[packVoltage] * 1000;
  if (snapshot.cells < 16) lookAtOtherEnd(snapshot, words);
  const cells = words.subarray(snapshot.firstCell, snapshot.firstCell + snapshot.cells);
  let highest = 0, lowest = 65535, sum = 0;
  for (const word of cells) {
    sum += word / 10;
    if (word > highest) highest = word;
    if (word < lowest) lowest = word;
  }
  const lowestAt = cells.indexOf(lowest) + 1, highestAt = cells.indexOf(highest) + 1;
  highest /= 10;
  lowest /= 10;
  if (lowest < 500 || highest > 5000 || !(Math.abs(sum - pack) <= pack / 100 + 100)) {
    snapshot.dropped++;
    snapshot.good = 0;
    return false;
  }
  v[lowestCell] = lowestAt;
  v[highestCell] = highestAt;
  let i = cell01Voltage;
  for (const word of words.subarray(0, 16)) v[i++] = word ? word / 10 : NaN;
  snapshot.highest = highest > v[maxCellVoltage] ? highest : v[maxCellVoltage];
  snapshot.lowest = lowest < v[minCellVoltage] ? lowest : v[minCellVoltage];
  snapshot.sum = sum;
  snapshot.cellsAt = now;
  if (snapshot.good < RECOVERY_SNAPSHOTS) snapshot.good++;
  return true;
}
