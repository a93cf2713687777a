// The journal: what the BMS reported, oldest first, in a ring. Written by bms/events.cold.ts; CAN alarms, MQTT and HTTP
// read it.

/** Entries that are kept: as many as the log of the BMS has. */
export const JOURNAL_SIZE = 49;
/**
 * Entries that are known at most: those of a full log, and as many that were told since. Whose slot a new one took is
 * seen only when the whole log is read again.
 */
export const KNOWN_SIZE = 98;

/** Entry k (total - JOURNAL_SIZE <= k < total, from 0) stands in column k % JOURNAL_SIZE. */
export interface Journal {
  /** Event number, BMS lifetime in s, and s since 1970 (0: the time of day was not known). */
  ids: Uint8Array;
  times: Uint32Array;
  walls: Uint32Array;
  /**
   * Entries so far; those below `history` had happened before this device first saw the log; those from `from` on are
   * of this BMS.
   */
  total: number;
  history: number;
  from: number;
  /** Faults and warnings that are active, by event number, the oldest first. */
  active: number[];
  /** Lifetime at the last look, -1: none yet. */
  readAt: number;
  /** The entries of this BMS as its log has them: 24 bits of time, the number in the high byte; 0 none. */
  known: Uint32Array;
  /** The one of them behind which new ones stand in the log; it may have been found before others. */
  newest: number;
  /** Last entry of the reply for which the whole log was read, in vain: told again it is no reason; 0 none. */
  doubted: number;
  /** New events were asked for since the whole log was read. */
  checked: boolean;
}

/** An empty journal. */
export function journalOf(): Journal {
  return {
    ids: new Uint8Array(JOURNAL_SIZE),
    times: new Uint32Array(JOURNAL_SIZE),
    walls: new Uint32Array(JOURNAL_SIZE),
    total: 0,
    history: 0,
    from: 0,
    active: [],
    readAt: -1,
    known: new Uint32Array(KNOWN_SIZE),
    newest: 0,
    doubted: 0,
    checked: false,
  };
}
