// The phase of the data by its age: one rule for CAN, MQTT and HTTP. A GX stops 3 s after the last limits (Victron CAN-bus
// BMS protocol, 2021); until then old data is degraded, then lost, then silence.
import { MEASURED_SLOTS, SETTINGS_SLOTS } from "./registers.baked";
import { DEGRADED, LOST, NORMAL, SILENT, type Snapshot } from "./snapshot";

/** Ages in ms at which data is degraded, lost and no longer worth a frame. */
const DEGRADED_MS = 5000, LOST_MS = 15000, SILENT_MS = 75000;
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

/** Make unknown what is too old: measurements together, settings by their own age. */
function forget(snapshot: Snapshot, now: number): void {
  if (now - Math.min(snapshot.fastAt, snapshot.cellsAt) > LOST_MS) {
    snapshot.values.fill(NaN, 0, MEASURED_SLOTS);
    snapshot.highest = snapshot.lowest = snapshot.sum = NaN;
  }
  if (now - snapshot.settingsAt > SETTINGS_EVERY_MS + LOST_MS) {
    snapshot.values.fill(NaN, MEASURED_SLOTS, MEASURED_SLOTS + SETTINGS_SLOTS);
  }
}

/**
 * Age at which the data is lost: later than usual (setting can.ride_through_min) when the whole UART is silent, not implausible, and
 * no cell was near full or empty before. Judged as long as the cells are known.
 */
function lostAfter(snapshot: Snapshot, now: number): number {
  if (snapshot.phase < LOST) {
    if (now - Math.max(snapshot.fastAt, snapshot.cellsAt) <= DEGRADED_MS || !snapshot.good) snapshot.rides = false;
    else if (snapshot.highest > 0) snapshot.rides = snapshot.highest < snapshot.rideBelow && snapshot.lowest > snapshot.rideAbove;
  }
  return snapshot.rides ? Math.max(LOST_MS, snapshot.rideMs) : LOST_MS;
}

/** Set the phase by age. Values become unknown at 15 s; lost and silent end after three complete snapshots. */
export function updatePhase(snapshot: Snapshot, now: number): number {
  const age = snapshotAge(snapshot, now), before = snapshot.phase;
  if (isNaN(age)) return before;
  const lostMs = age > DEGRADED_MS && snapshot.rideMs ? lostAfter(snapshot, now) : LOST_MS;
  let phase = age > lostMs + SILENT_MS - LOST_MS ? SILENT : age > lostMs ? LOST : age > DEGRADED_MS ? DEGRADED : NORMAL;
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
