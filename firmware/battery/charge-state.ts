// Slots of what charge control remembers (Limits.state), with the names of charge-control.md 6 where they have one there. Those that
// are named most have one digit: the minifier writes such a number out, a longer one it would look up.

/** States of a charge (charge-control.md 5.2); 0 is none. */
export const BULK = 1, ABSORPTION = 2, FLOAT = 3, HOLD = 4, SUSTAIN = 5;

/** Last unrounded outputs (mV of the pack, A, A); NaN before the first. */
export const cvl = 0, ccl = 1, dcl = 2;
/** The state, and what blocks: 1 charge, 2 charge with the voltage at its floor, 4 discharge. */
export const state = 3, blocks = 4;
/** Factors by temperature, of charge and discharge. */
export const chargeFactor = 5, dischargeFactor = 6;
/** The state that a condition which now holds leads to (0: none), seconds that it has held. */
export const next = 7, tc = 8;
/** Seconds of this step. */
export const dt = 9;
/** Seconds since the voltage last fell for a hard zone or a block. */
export const sinceLow = 10;
/** Seconds in the state. */
export const t = 11;
/** Reasons of the factors by temperature. */
export const chargeWhy = 12, dischargeWhy = 13;
/** Seconds that a higher charge or discharge current has been possible. */
export const chargeHeld = 14, dischargeHeld = 15;
/** Integrator of the cell protection (mV). */
export const integ = 16;
/** Flags: discharge is stopped in sustain, the highest cell came near the cutoff, a SoC synchronisation runs. */
export const susv = 17, overVoltage = 18, sync = 19;
/** When the battery was last full, by our tail current or the BMS, and by the BMS alone (ms; 0: start). */
export const fullAt = 20, bmsFullAt = 21;
/** Targets before slew (mV, A, A), for people. */
export const cvlTarget = 22, cclTarget = 23, dclTarget = 24;
/** Reason of each limit (limits.ts). */
export const cvlReason = 25, cclReason = 26, dclReason = 27;
/** Changes of the reasons since boot. */
export const changes = 28;

/** Unknown at first, as the outputs: what the filter of the cell protection holds, the voltage of a charge block (mV of the pack). */
export const UNKNOWN = 29, pf = 29, latch = 30;
/** Narrowed from outside (mV, A, A), and when the first of them ends (ms). */
export const externalCvl = 31, externalCcl = 32, externalDcl = 33, externalUntil = 34;
/** Most that blocks and somebody outside leave of the voltage, and which of them. */
export const cvlCap = 35, cvlCapReason = 36;
/** When the settings were last looked at, and what they added up to. */
export const preparedAt = 37, preparedSum = 38;
/** When the last SoC synchronisation began (ms). */
export const syncAt = 39;
/** The reasons as the history has them, the temperatures that the factors were made of. */
export const codes = 40, weather = 41;
/** When each narrowing from outside ends (ms). */
export const externalEnds = 42;
export const STATE = 45;

/** As good as for ever, s. */
export const LONG = 1e9;
/** A block that makes the next step look for blocks. */
export const LOOK = 8;
