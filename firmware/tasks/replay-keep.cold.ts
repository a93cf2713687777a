// While the broker is away: SoC and limits become records when they change, in a ring, and each minute in flash.
import { floored } from "../battery/names.cold";
import * as r from "../battery/registers.baked";
import { RECORD } from "../mqtt/replay";
import { replayRecord } from "../mqtt/replay.cold";
import { CONNECTED, OFF } from "../mqtt/session";
import type { App } from "./app";
import { wallSeconds } from "./clock.cold";
import { replayLoad } from "./replay-load.cold";
import { spoolAdd } from "./replay-spool.cold";
import { LOOK_MS, WRITE_MS, type ReplayLog } from "./replay-state";

/** Records in the ring; two records are at least and at most this far apart, ms. */
const RING = 16, LEAST_MS = 30000, MOST_MS = 600000;
/** What is worth a record, in tenths: 0.5 %, 0.1 V, 1 A. */
const WORTH = [5, 1, 10, 10];
const UNKNOWN = 0xffff;

function tenths(value: number | null): number {
  return value === null || value !== value ? UNKNOWN : Math.max(0, Math.min(Math.round(value * 10), UNKNOWN - 1));
}

/** SoC, and the limits as CAN says them. */
function presentValues(v: Float64Array): number[] {
  return [tenths(v[r.stateOfCharge]), tenths(floored(v[r.chargeVoltageLimit])), tenths(floored(v[r.chargeCurrentLimit])),
    tenths(floored(v[r.dischargeCurrentLimit]))];
}

function isWorth(log: ReplayLog, values: number[]): boolean {
  return values.some(function (value, i) {
    const before = log.values[i];
    return Math.abs(value - before) >= WORTH[i] || value !== before && (value === 0 || before === 0);
  });
}

function keep(app: App, log: ReplayLog, now: number): void {
  const values = presentValues(app.snapshot.values), age = now - log.keptAt;
  if (age < LEAST_MS || age < MOST_MS && !isWorth(log, values)) return;
  if (!values.some(function (value) { return value !== UNKNOWN; })) return;
  const entry = { kind: "R", boot: app.replay.boot, number: log.next, up: now / 1000, wall: wallSeconds(app), acked: log.acked };
  if (log.ring.length >= RING * RECORD) {
    log.ring = log.ring.substr(RECORD);
    app.replay.dropped++;
  }
  log.ring += replayRecord(entry, values, app.natives.crc32);
  log.next++;
  log.keptAt = now;
  log.values.set(values);
}

/**
 * One step while the broker is away, or the first one: a record if it is worth one, and what is not on flash goes there when a minute is
 * over. Without a broker to reach there is nothing to keep.
 */
export function replayKeep(app: App, now: number): void {
  const state = app.mqtt.session.state, log = state === OFF ? null : app.replay.log || replayLoad(app, now);
  app.replay.at = now + LOOK_MS;
  if (!log || state === CONNECTED) return;
  keep(app, log, now);
  if (!log.ring || now - log.writtenAt < WRITE_MS) return;
  const count = spoolAdd(app, log, log.ring, now);
  log.ring = log.ring.substr(count * RECORD);
  if (count) log.spooled = log.next - log.ring.length / RECORD;
}
