// The journal: what the BMS reported, oldest first, in a ring. Written by bms/events.cold.ts; CAN alarms, MQTT and HTTP read it.

/** Entries that are kept: as many as the log of the BMS has. */
export const JOURNAL_SIZE = 49;

/** Entry k (total - JOURNAL_SIZE <= k < total, from 0) stands in column k % JOURNAL_SIZE. */
export interface Journal {
  /** Event number, BMS lifetime in s, and s since 1970 (0: the time of day was not known). */
  ids: Uint8Array; times: Uint32Array; walls: Uint32Array;
  /** Entries so far; those below `history` had happened before this device first saw the log; those from `from` on are of this BMS. */
  total: number; history: number; from: number;
  /** Faults and warnings that are active, by event number, the oldest first. */
  active: number[];
  /** Lifetime at the last look (-1: none yet) and of the newest event, and the numbers of the events in that second. */
  readAt: number; newest: number; seen: number[];
}

/** An empty journal. */
export function journalOf(): Journal {
  return { ids: new Uint8Array(JOURNAL_SIZE), times: new Uint32Array(JOURNAL_SIZE), walls: new Uint32Array(JOURNAL_SIZE),
    total: 0, history: 0, from: 0, active: [], readAt: -1, newest: -1, seen: [] };
}
