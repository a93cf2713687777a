// What a scenario may do to the unit beside load and weather: readings that replace the physics, events that nothing
// measured causes, settings of another installer, a bad line. Alarms are shown with it, each alone.

import { eventEndedBy } from "./events";
import type { Battery } from "./model";
import { setValue } from "./words";

/** All that is left out is as it would be. Temperatures and the state of charge stay where they were put. */
export interface Trouble {
  /** Voltage of every cell, and of single ones by their number (V). */
  cells_V?: number;
  cell_V?: Record<number, number>;
  /** The pack voltage reads that much more than its cells (V). */
  packError_V?: number;
  /** Current, whatever limits and switches say (A), and whether a charger is there. */
  current_A?: number;
  charger?: boolean;
  pack_C?: number;
  internal_C?: number;
  soc_pct?: number;
  sensors?: [boolean, boolean];
  /** Events that begin and end with the trouble; what has no recovery event ends by a restart. */
  events?: number[];
  /** Status 0x9B without an event. */
  isUnexplained?: boolean;
  /** Settings by key, in the row's unit. They stay. */
  settings?: Record<string, number>;
  /** Faults of the line (faults.ts) and how probable each is. */
  line?: Record<string, number>;
}

/** Ids up to this one are faults, and show as status 0x9B. */
const LAST_FAULT = 0x30;

/** Put the readings of the trouble in the place of the model's. */
export function forceReadings(battery: Battery): void {
  const { cells_V, cell_V = {}, pack_C, internal_C, soc_pct, settings = {} } = battery.trouble;
  battery.cells.forEach((cell, i) => {
    cell.voltage_V = cell_V[i + 1] ?? cells_V ?? cell.voltage_V;
  });
  if (pack_C !== undefined) battery.thermal.pack_C = pack_C;
  if (internal_C !== undefined) battery.thermal.internal_C = internal_C;
  if (soc_pct !== undefined) battery.soc_pct = soc_pct;
  for (const [key, value] of Object.entries(settings)) setValue(battery.words, key, value);
}

/** Log what has begun and what has ended since the last step. */
export function followEvents(battery: Battery, log: (id: number) => void, restart: () => void): void {
  const wanted = battery.trouble.events ?? [],
    before = battery.troubleEvents;
  battery.troubleEvents = wanted;
  wanted.filter((id) => !before.includes(id)).forEach(log);
  for (const id of before.filter((one) => !wanted.includes(one))) {
    const ended = eventEndedBy(id);
    if (ended === undefined) restart();
    else log(ended);
  }
}

/** Whether the trouble alone makes the status that of a fault. */
export function isFaulty({ trouble, troubleEvents }: Battery): boolean {
  return trouble.isUnexplained === true || troubleEvents.some((id) => id <= LAST_FAULT);
}
