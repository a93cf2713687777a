// What the drivers of both CAN controllers hold to.

/** The frame of the limits: it is tried once more when it lost arbitration. */
export const LIMITS_ID = 0x351;
/** Such a second try comes within this time, ms. */
export const RETRY_MS = 20;
/** A transmission that takes this long found no free bus, ms. */
export const STUCK_MS = 50;
