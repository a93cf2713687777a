// The size of a record of what the broker missed: known to who makes records and to who keeps them.

/** Bytes. */
export const RECORD = 32;
