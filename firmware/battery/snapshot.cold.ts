// The phase of the data by its age: one rule for CAN, MQTT and HTTP. A GX stops 3 s after the last limits (Victron
// CAN-bus BMS protocol, 2021); until then old data is degraded, then lost, then silence.

import {
  MEASURED_SLOTS,
  SETTINGS_SLOTS,
  cell01Voltage,
  highestCell,
  lowestCell,
  maxCellVoltage,
  minCellVoltage,
  packVoltage,
} from "./registers.baked";
import {
  BOTTOM,
  DEGRADED,
  DEGRADED_MS,
  LOST,
  LOST_MS,
  NORMAL,
  SILENT,
  SILENT_MS,
  type Snapshot,
  TOP_CELL,
} from "./snapshot";

/** The settings group is read each minute; it ages from the time when it should have been read again. */
const SETTINGS_EVERY_MS = 60000;
/** Complete good snapshots that end the phases lost and silent. */
const RECOVERY_SNAPSHOTS = 3;

/** Age in ms of the oldest required group, NaN before the first complete snapshot. */
export function snapshotAge(snapshot: Snapshot, now: number): number {
  if (snapshot.fastAt < 0 || snapshot.cellsAt < 0 || snapshot.settingsAt < 0) return NaN;
  const oldest = Math.min(snapshot.fastAt, snapshot.cellsAt, snapshot.settingsAt + SETTINGS_EVERY_MS);
  return oldest < now ? now - oldest : 0;
}

/** Cells that are not fresh say nothing of the extremes any more: registers 40 and 41 do, while those are fresh. */
function dropCells(snapshot: Snapshot, now: number): void {
  if (now - snapshot.cellsAt > DEGRADED_MS) snapshot.topCell = snapshot.bottomCell = snapshot.sum = NaN;
}

/**
 * Something is too old: it becomes unknown, and with it all measurements that are not fresh (fast values with what
 * derives from them; cells).
 */
function forget(snapshot: Snapshot, now: number): void {
  const fast = now - snapshot.fastAt > DEGRADED_MS,
    cells = now - snapshot.cellsAt > DEGRADED_MS;
  if (fast) snapshot.values.fill(NaN, 0, cell01Voltage);
  if (cells) snapshot.values.fill(NaN, cell01Voltage, MEASURED_SLOTS);
  if (fast && cells) snapshot.highest = snapshot.lowest = NaN;
  if (now - snapshot.settingsAt > SETTINGS_EVERY_MS + LOST_MS) {
    snapshot.values.fill(NaN, MEASURED_SLOTS, MEASURED_SLOTS + SETTINGS_SLOTS);
  }
}

/**
 * Age at which the data is lost: later than usual (setting can.ride_through_min) when the whole UART is silent, not
 * implausible, and no cell was near full or empty before. Judged as long as the cells are known.
 */
function lostAfter(snapshot: Snapshot, now: number): number {
  if (snapshot.phase < LOST) {
    if (now - Math.max(snapshot.fastAt, snapshot.cellsAt) <= DEGRADED_MS || !snapshot.good) snapshot.rides = false;
    else if (snapshot.highest > 0)
      snapshot.rides = snapshot.highest < snapshot.rideBelow && snapshot.lowest > snapshot.rideAbove;
  }
  return snapshot.rides ? Math.max(LOST_MS, snapshot.rideMs) : LOST_MS;
}

/** Set the phase by age. Values become unknown at 15 s; lost and silent end after three complete snapshots. */
export function updatePhase(snapshot: Snapshot, now: number): number {
  const age = snapshotAge(snapshot, now),
    before = snapshot.phase;
  if (isNaN(age)) return before;
  const lostMs = age > DEGRADED_MS && snapshot.rideMs ? lostAfter(snapshot, now) : LOST_MS;
  let phase = age > lostMs + SILENT_MS - LOST_MS ? SILENT : age > lostMs ? LOST : age > DEGRADED_MS ? DEGRADED : NORMAL;
  if (age > DEGRADED_MS) dropCells(snapshot, now);
  if (age > LOST_MS) forget(snapshot, now);
  if (before >= LOST ? age > DEGRADED_MS : phase >= LOST) snapshot.good = 0; // three in a row end a loss
  if (before === SILENT && phase === LOST) {
    phase = SILENT;
  } else if (phase < LOST && before >= LOST && snapshot.good < RECOVERY_SNAPSHOTS) {
    phase = before;
  }
  snapshot.phase = phase;
  return phase;
}

// The cell registers, read each second, into the snapshot.

/**
 * The cells are held against a pack voltage that is at most this old, ms: under load an older one says nothing of them.
 */
const TOGETHER_MS = 2000;

/**
 * The cells may be wired to the other end of the registers than the setting says: when one is 0 here and none is there.
 */
function lookAtOtherEnd(snapshot: Snapshot, words: Uint16Array): void {
  const n = snapshot.cells,
    here = snapshot.firstCell,
    there = here ? 0 : 16 - n;
  if (words.subarray(here, here + n).indexOf(0) < 0 || words.subarray(there, there + n).indexOf(0) >= 0) return;
  snapshot.cellsMoved = !snapshot.cellsMoved;
  snapshot.firstCell = there;
}

/**
 * Take the cell registers 0..15 if the cells in use are plausible and add up to the pack voltage of the same moment (1
 * % and 0.1 V).
 */
export function acceptCells(snapshot: Snapshot, words: Uint16Array, now: number): boolean {
  const v = snapshot.values,
    pack = v[packVoltage] * 1000,
    age = now - snapshot.fastAt,
    isFresh = age <= DEGRADED_MS;
  if (snapshot.cells < 16) lookAtOtherEnd(snapshot, words);
  const cells = words.subarray(snapshot.firstCell, snapshot.firstCell + snapshot.cells);
  let highest = 0,
    lowest = 65535,
    sum = 0;
  for (const word of cells) {
    sum += word / 10;
    if (word > highest) highest = word;
    if (word < lowest) lowest = word;
  }
  const lowestAt = cells.indexOf(lowest) + 1,
    highestAt = cells.indexOf(highest) + 1;
  highest /= 10;
  lowest /= 10;
  if (lowest < 500 || highest > 5000 || (age <= TOGETHER_MS && Math.abs(sum - pack) > pack / 100 + 100)) {
    snapshot.dropped++;
    snapshot.good = 0;
    return false;
  }
  v[lowestCell] = lowestAt;
  v[highestCell] = highestAt;
  let i = cell01Voltage;
  for (const word of words.subarray(0, 16)) v[i++] = word ? word / 10 : NaN;
  if (highest > snapshot.watched[TOP_CELL] || lowest < snapshot.watched[BOTTOM]) snapshot.isWorse = true;
  snapshot.topCell = highest;
  snapshot.bottomCell = lowest;
  snapshot.highest = isFresh && v[maxCellVoltage] > highest ? v[maxCellVoltage] : highest;
  snapshot.lowest = isFresh && v[minCellVoltage] < lowest ? v[minCellVoltage] : lowest;
  snapshot.sum = sum;
  snapshot.cellsAt = now;
  if (age <= TOGETHER_MS && snapshot.good < RECOVERY_SNAPSHOTS) snapshot.good++;
  return true;
}
