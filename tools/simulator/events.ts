// The event log of the simulated unit: a ring of 49 slots, as registers 200..297 and commands 0x11 and 0x12 show it
// (Communication Protocols Rev D, 1.1 and 3.3).

import { events, SYSTEM_STARTED } from "../../firmware/tables/events";
import type { LogEntry } from "./codec";

/**
 * The log: `slots` in register order, `next` the slot written next, `unread` how many command 0x11 has not reported so
 * far.
 */
export interface EventLog {
  slots: LogEntry[];
  next: number;
  unread: number;
}

export const EVENT_SLOTS = 49;
const FIRST = 200;

/** Event ids (Communication Protocols Rev D, 4) that the simulated unit writes. */
export const EVENT = {
  underVoltage: 0x02,
  overVoltage: 0x03,
  overTemperature: 0x04,
  dischargeOverCurrent: 0x05,
  chargeOverCurrent: 0x06,
  regenerationOverCurrent: 0x07,
  lowTemperature: 0x0a,
  fullyDischarged: 0x31,
  lowTemperatureCharging: 0x37,
  systemStarted: 0x61,
  chargingStarted: 0x62,
  chargingDone: 0x63,
  chargerConnected: 0x64,
  chargerDisconnected: 0x65,
  dualPort: 0x66,
  singlePort: 0x67,
  overTemperatureGone: 0x73,
  lowTemperatureChargingGone: 0x74,
  lowTemperatureGone: 0x75,
  chargeOverCurrentGone: 0x76,
  dischargeOverCurrentGone: 0x77,
  regenerationOverCurrentGone: 0x78,
  overVoltageGone: 0x79,
  fullyDischargedGone: 0x7a,
  underVoltageGone: 0x7b,
} as const;

/** The event that ends a fault or warning; undefined where only a restart does. */
export function eventEndedBy(id: number): number | undefined {
  const ended = events.find((row) => row.id === id)?.clearedBy;
  return ended === SYSTEM_STARTED ? undefined : ended;
}

/** An empty log. */
export function createLog(): EventLog {
  return { slots: [], next: 0, unread: 0 };
}

/** Writes an event into the next slot; when all are in use the oldest goes. */
export function logEvent(log: EventLog, id: number, time_s: number): void {
  log.slots[log.next] = { id, time_s: Math.floor(time_s) };
  log.next = (log.next + 1) % EVENT_SLOTS;
  log.unread = Math.min(EVENT_SLOTS, log.unread + 1);
}

/** All events in slot order, so sorted by time only until the ring wraps. */
export function allEvents(log: EventLog): LogEntry[] {
  return log.slots.slice();
}

/** The events that were not taken so far, oldest first; they count as reported from now on. */
export function takeNewEvents(log: EventLog): LogEntry[] {
  const first = log.next - log.unread + EVENT_SLOTS;
  const taken = Array.from({ length: log.unread }, (_, i) => log.slots[(first + i) % EVENT_SLOTS]);
  log.unread = 0;
  return taken;
}

/** Forgets every event (command 0x02 option 1). A fault that is active stays active. */
export function clearLog(log: EventLog): void {
  Object.assign(log, createLog());
}

/** Shows the log in registers 200..297: 24 bits of time, then the id; an empty slot reads 0. */
export function publishLog(log: EventLog, words: Uint16Array): void {
  for (let slot = 0; slot < EVENT_SLOTS; slot++) {
    const entry = log.slots[slot];
    words[FIRST + 2 * slot] = entry ? entry.time_s & 0xffff : 0;
    words[FIRST + 2 * slot + 1] = entry ? (Math.floor(entry.time_s / 0x10000) & 0xff) | (entry.id << 8) : 0;
  }
}
