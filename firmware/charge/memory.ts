// Slots of what charge control remembers from step to step (Limits.state).

// States of a charge; 0 is none.

/** Charge with full current. */
export const BULK = 1;
/** The highest cell or the pack is at its charge voltage. */
export const ABSORPTION = 2;
/** The battery is full. */
export const FLOAT = 3;
/** Imbalance hold: little current, until the cells are balanced. */
export const HOLD = 4;
/** The battery is empty. */
export const SUSTAIN = 5;

// Bits of `blocks`.

/** The charge is blocked. */
export const BLOCK_CHARGE = 1;
/** With BLOCK_CHARGE: the voltage is at its floor. */
export const BLOCK_FLOOR = 2;
/** The discharge is blocked. */
export const BLOCK_DISCHARGE = 4;
/** Nothing is blocked by it: the next step looks for blocks. */
export const LOOK = 8;

// The slots. Those that are named most have one digit: the minifier writes such a number out, a longer one it would
// look up.

/** Charge voltage before rounding, mV of the pack; NaN before the first. */
export const cvl = 0;
/** Charge current before rounding, A; NaN before the first. */
export const ccl = 1;
/** Discharge current before rounding, A; NaN before the first. Behind `ccl`: the way is added. */
export const dcl = 2;
/** State of the charge. */
export const state = 3;
/** What blocks: BLOCK_CHARGE, BLOCK_FLOOR, BLOCK_DISCHARGE, LOOK. */
export const blocks = 4;
/** What temperatures leave of the charge current, a share. */
export const chargeFactor = 5;
/** What temperatures leave of the discharge current. Behind `chargeFactor`: the way is added. */
export const dischargeFactor = 6;
/** State that a condition which holds now leads to; 0: none. */
export const next = 7;
/** How long it has held, s. */
export const tc = 8;
/** Length of this step, s; 0: a look between two steps. */
export const dt = 9;
/** Time since the voltage last fell for a hard zone or a block, s. */
export const sinceLow = 10;
/** Time in the state, s. */
export const t = 11;
/** Reason of `chargeFactor`. */
export const chargeWhy = 12;
/** Reason of `dischargeFactor`. */
export const dischargeWhy = 13;
/** How long a higher charge current has been possible, s. */
export const chargeHeld = 14;
/** How long a higher discharge current has been possible, s. */
export const dischargeHeld = 15;
/** Integrator of the cell protection, mV of the pack. */
export const integ = 16;
/** 1: the discharge is stopped in sustain. */
export const susv = 17;
/** 1: the highest cell came near the cutoff, and has not fallen since. */
export const overVoltage = 18;
/** 1: a SoC synchronisation runs. */
export const sync = 19;
/** When the battery was last full, by the tail current or the BMS, ms; 0: the start. */
export const fullAt = 20;
/** When the BMS last said that it is full, ms; 0: the start. */
export const bmsFullAt = 21;
/** Charge voltage before its slew, mV of the pack; for people. */
export const cvlTarget = 22;
/** Charge current before its slew, A; for people. */
export const cclTarget = 23;
/** Discharge current before its slew, A; for people. */
export const dclTarget = 24;
/** Reason of the charge voltage (charge/limits.ts). */
export const cvlReason = 25;
/** Reason of the charge current. */
export const cclReason = 26;
/** Reason of the discharge current. */
export const dclReason = 27;
/** Changes of the reasons since boot. */
export const changes = 28;

// From here on slots are NaN, unknown, at first.

/** The first of them. */
export const UNKNOWN = 29;
/** What the filter of the cell protection holds, mV of the pack. */
export const pf = 29;
/** Voltage of a charge block, mV of the pack. */
export const latch = 30;
/** Charge voltage that is left from outside, mV of the pack. */
export const externalCvl = 31;
/** Charge current that is left from outside, A. */
export const externalCcl = 32;
/** Discharge current that is left from outside, A. Behind `externalCcl`: the way is added. */
export const externalDcl = 33;
/** When the first of these ends, ms. */
export const externalUntil = 34;
/** Most that blocks and somebody outside leave of the voltage, mV of the pack. */
export const cvlCap = 35;
/** Which of them: CHARGE_BLOCKED or EXTERNAL. */
export const cvlCapReason = 36;
/** When the settings of the battery were last looked at, ms. */
export const preparedAt = 37;
/** What they added up to. */
export const preparedSum = 38;
/** When the last SoC synchronisation began, ms. */
export const syncAt = 39;
/** The three reasons as the history has them. */
export const codes = 40;
/** The temperatures that the factors were made of, as one number. */
export const weather = 41;
/** When each narrowing from outside ends, ms: slots 42 to 44, in the order of the limits. */
export const externalEnds = 42;
/** Number of slots. */
export const STATE = 45;

// Values.

/** As good as for ever, s. */
export const LONG = 1e9;
