// Places of the groups in the poll plan and in the raw words (the order of `groups` in tables/registers.ts), and what
// the line can carry.

export const FAST = 0,
  CELLS = 1,
  SETTINGS = 2,
  EXTRA = 3,
  STATISTICS = 4,
  IDENTITY = 5,
  EVENTS = 6;
/** Groups that have no slots in the snapshot begin here. */
export const AFTER_SETTINGS = SETTINGS + 1;
/** A byte on the wire (10 bits at 115200 baud), ms. */
export const BYTE_MS = 10000 / 115200;
/** The fast group is due this long before its tick, ms. */
export const EARLY_MS = 20;
/** Address of the first setting. */
export const FIRST_SETTING = 300;
/** Registers in one block read: a reply of 63 bytes. Of one over 64, Espruino 2v26 to 2v29 may lose the rest. */
export const MOST_BLOCK = 29;
