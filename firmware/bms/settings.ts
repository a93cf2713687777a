// State of the conversation that reads and writes the TinyBMS's settings; settings.cold.ts drives it.

/**
 * The steps, in order. WRITE and ROLLBACK take as many exchanges as there are writes, the others one; CHECK and OVER
 * none.
 */
export const READ = 0,
  MINIMA = 1,
  MAXIMA = 2,
  DEFAULTS = 3,
  CHECK = 4,
  WRITE = 5,
  VERIFY = 6,
  ROLLBACK = 7,
  CONFIRM = 8,
  OVER = 9;

/**
 * Words of registers 300..343; those of them that one reply holds, and whose limits the unit tells: 0x1D begins at 300.
 */
export const SETTINGS_WORDS = 44,
  FIRST_WORDS = 29;

export interface SettingsTalk {
  step: number;
  /** What is wanted, by key: a number in the setting's unit, a name, or true and false of a flag. Null: only read. */
  changes: Record<string, unknown> | null;
  /** Stop after the check. */
  dry: boolean;
  /** Of a read: its first words, until the others are there. */
  half: Uint16Array | null;
  /**
   * Registers 300..343 as they were; minimum, maximum and default of the first 29 (0x1D; null: the unit does not tell).
   */
  words: Uint16Array | null;
  limits: (Uint16Array | null)[];
  /** The words that are wanted, and those that were read back last. */
  target: Uint16Array | null;
  actual: Uint16Array | null;
  /** Offsets from 300 that are written, in their order, and the next one. */
  queue: number[];
  at: number;
  /** The values that bring the old settings back, and those that are new, by key; filled by the check. */
  undo: Record<string, unknown>;
  done: Record<string, unknown>;
  /** Of those that are new: the keys whose range is that of the table, because the unit cannot be asked for it. */
  byTable: string[];
  /**
   * "" while it goes on. `refused`: nothing was changed, or all was brought back. `unsure`: the reason names what may
   * differ.
   */
  outcome: "" | "ok" | "refused" | "unsure";
  /** Field and reason of a failure. */
  reason: string;
}
