// Slots of what charge control is set to (Limits.settings): what follows from the settings of user and battery (made by
// charge-prepare.cold.ts), then the user's own in the order of charge-take.cold.ts. mV, A, s unless said; charge-control.md 4.

/** Worst severity of the rules that do not hold: 1 warning, 2 alarm. */
export const severity = 0;
/** Largest currents of charge and discharge. */
export const most = 1, dischargeMost = 2;
/** Cell limit; floor, ceiling, and the voltages of bulk and float (pack). */
export const limit = 3, floor = 4, bulk = 5, float = 6, ceiling = 7;
/** Registers 300 and 301. */
export const full = 8, empty = 9;
/** Where tables begin to matter: cells (mV), temperatures (degC); shift of the cold table (0.1 degC), zero of the heat table (degC). */
export const clearTop = 10, clearBottom = 11, clearCold = 12, clearHot = 13, clearInternal = 14, shift = 15, heatZero = 16;
/** Whose the largest currents are, and the reason of a charge voltage that nothing lowers. */
export const mostWhy = 17, dischargeMostWhy = 18, bulkWhy = 19;
/** The charge current has a table by SoC or a cap: most that faulty settings or a synchronisation leave, and the reason. */
export const special = 20, cap = 21, capWhy = 22;
/** Charge current in a hold, and behind it in sustain while a cell is nearly empty. */
export const holdA = 23, sustainA = 24;
/** Absorption begins at this highest cell or pack voltage, and goes back to bulk below these; a hold below this highest cell. */
export const absTop = 25, absPack = 26, backTop = 27, backPack = 28, holdBack = 29;
/** End of absorption: resting voltage, its drop for each ampere, longest time. */
export const tail = 30, drop = 31, absLongest = 32;
/** Lowest cell: sustain begins, charge at full current in it, discharge goes on, sustain ends. */
export const sustainIn = 33, sustainCharge = 34, susvOut = 35, sustainOut = 36;
/** Charge is blocked from this highest cell on, free again from this one; discharge is blocked at this lowest. */
export const blockTop = 37, freeTop = 38, blockBottom = 39;
/** Float voltage of the pack without the offset: the most at which a charge block leaves the voltage. */
export const latchMost = 40;
/** Faults that block discharge, and the rules that do not hold (bits). */
export const dischargeFaults = 41, brokenRules = 42;

/** The user's: mV of a cell, but v_offset and integ_max of the pack; rates in mV/s. */
export const vBulk = 43, vFloat = 44, vRebulk = 45, tailV = 46, tailDrop = 47, vOffset = 48, guard = 49, mppt = 50, db = 51, hard = 52,
  integMax = 53, cvlUpRate = 54, tailSpread = 55, holdIn = 56, holdOut = 57, floatRate = 58;
/** Shares (head; recovery; susCcl of the capacity), V/Vs, s. */
export const recRate = 59, recThreshold = 60, head = 61, ki = 62, tau = 63, cvlUpHold = 64, absMin = 65, absMax = 66, holdMax = 67, iHold = 68,
  rebulkSoc = 69, rebulkDays = 70, sustainSoc = 71, sustainExitSoc = 72, susDcl = 73, susCcl = 74, recHold = 75, socTaper = 76, socSync = 77;
/** Largest currents of the user, and what he stops (bits as those of the blocks). */
export const cclMax = 78, dclMax = 79, inhibit = 80;
/** What a GX that is gone for long stops (bits as those of the blocks). */
export const stopped = 81;
/** Cells that the BMS has found (register 53), 0 while unknown. */
export const detected = 82;
export const SETTINGS = 83;
