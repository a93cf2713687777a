// The version of the firmware; package.json says the same.

export const VERSION = "0.1.0";
/** When it was made, s since 1970 (2026-11-21): no time server may say that it is earlier. */
export const RELEASED = 1795219200;
