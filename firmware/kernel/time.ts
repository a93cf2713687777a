// Spans of time that several rooms know.

/** A day, s. */
export const DAY_S = 86400;
/** A time that never comes, ms. */
export const NEVER = 1e15;
