// What is kept for rt/replay while the broker is away.

/** Size of each of the two flash files that take turns, bytes. */
export const FILE = 8192;
/** Period of the looks whether the broker is there, ms. */
export const LOOK_MS = 10000;
/** Least time from one write to the flash to the next, ms. */
export const WRITE_MS = 60000;

/** There only while something is kept. Records are numbered; a number below `acked` is done with. */
export interface ReplayLog {
  next: number;
  acked: number;
  /**
   * What flash has: numbers below `spooled`, and that those below `noted` are done with; when it was last written (ms;
   * or when this began).
   */
  spooled: number;
  noted: number;
  writtenAt: number;
  /** The file that is written and its next free place (-1: there is none yet); the file and place that is read. */
  file: number;
  place: number;
  readFile: number;
  readPlace: number;
  /** Records that are not on flash, one behind the other, oldest first. */
  ring: string;
  /** The values of the last record (tenths), and when it was made, ms. */
  values: Uint16Array;
  keptAt: number;
  /** The message under way ("": none), and the number behind the last record that was sent. */
  payload: string;
  sent: number;
}

export interface Replay {
  /** When something is to be done next, ms. */
  at: number;
  /** Number of this start among those that flash has records of; 0: not looked yet. */
  boot: number;
  /** Records that were lost for want of room. */
  dropped: number;
  log: ReplayLog | null;
}

// The size of a record of what the broker missed: known to who makes records and to who keeps them.

/** Bytes. */
export const RECORD = 32;
