// Slots of what charge control is set to (Limits.settings). A current, a table or a reason of the discharge stands
// behind that of the charge: 1, the way, is added to its slot.

// Severity of the rules that do not hold.

/** A rule that is only told. */
export const TOLD = 0;
/** A warning. */
export const WARNING = 1;
/** An alarm. */
export const ALARM = 2;
/** An alarm, and CAN stays silent. */
export const INVALID = 3;

// What follows from the settings of user and battery (charge/prepare.cold.ts).

/** Worst severity of the rules that do not hold: 0, WARNING or ALARM. */
export const severity = 0;
/** Largest charge current, A. */
export const most = 1;
/** Largest discharge current, A. Behind `most`: the way is added. */
export const dischargeMost = 2;
/** Limit of the highest cell, above which the cell protection lowers the charge voltage, mV. */
export const limit = 3;
/** Lowest charge voltage, mV of the pack. */
export const floor = 4;
/** Charge voltage in bulk and absorption, mV of the pack. */
export const bulk = 5;
/** Charge voltage in float, mV of the pack. */
export const float = 6;
/** Highest charge voltage, mV of the pack. */
export const ceiling = 7;
/** Fully charged voltage (register 300), mV of a cell. */
export const full = 8;
/** Fully discharged voltage (register 301), mV of a cell. Behind `full`: the way is added. */
export const empty = 9;
/** Above this highest cell the charge current has a taper, mV. */
export const clearTop = 10;
/** Below this lowest cell the discharge current has a taper, mV. */
export const clearBottom = 11;
/** Below this temperature a table narrows the currents, degC. */
export const clearCold = 12;
/** Above this temperature a table narrows the currents, degC. */
export const clearHot = 13;
/** Above this temperature of the TinyBMS a table narrows the currents, degC. */
export const clearInternal = 14;
/** Shift of the table of the cold, for charge, 0.1 degC. */
export const shift = 15;
/** From this temperature on the charge current is 0, degC. */
export const heatZero = 16;
/** Reason of the largest charge current: USER or BMS_MAX. */
export const mostWhy = 17;
/** Reason of the largest discharge current. Behind `mostWhy`: the way is added. */
export const dischargeMostWhy = 18;
/** Reason of a charge voltage that nothing lowers. */
export const bulkWhy = 19;
/** Not 0: the charge current has a table by SoC, or a cap. */
export const special = 20;
/** Most that faulty settings or a synchronisation leave of the charge current, A; Infinity: all. */
export const cap = 21;
/** Reason of that cap. */
export const capWhy = 22;
/** Charge current in an imbalance hold, A. */
export const holdA = 23;
/** Charge current in sustain while a cell is nearly empty, A. Behind `holdA`, as the states are. */
export const sustainA = 24;
/** Absorption begins at this highest cell, mV. */
export const absTop = 25;
/** Absorption begins at this voltage of the pack, mV. */
export const absPack = 26;
/** Absorption goes back to bulk below this highest cell, mV. */
export const backTop = 27;
/** Absorption goes back to bulk below this voltage of the pack, mV. */
export const backPack = 28;
/** An imbalance hold goes back to bulk below this highest cell, mV. */
export const holdBack = 29;
/** Absorption ends at this resting voltage of the highest cell, mV. */
export const tail = 30;
/** What the charge current adds to the resting voltage, mV an ampere. */
export const drop = 31;
/** Longest absorption, s. */
export const absLongest = 32;
/** Sustain begins at this lowest cell, mV. */
export const sustainIn = 33;
/** In sustain the charge current is `sustainA` below this lowest cell, mV. */
export const sustainCharge = 34;
/** In sustain discharge goes on from this lowest cell on, mV. */
export const susvOut = 35;
/** Sustain ends at this lowest cell, mV. */
export const sustainOut = 36;
/** From this highest cell on the charge is blocked, mV. */
export const blockTop = 37;
/** At this highest cell and below the charge is free again, mV. */
export const freeTop = 38;
/** At this lowest cell and below the discharge is blocked, mV. */
export const blockBottom = 39;
/** The most at which a charge block leaves the voltage: float without the offset, mV of the pack. */
export const latchMost = 40;
/** Faults that block the discharge, a bit each id. */
export const dischargeFaults = 41;
/** Rules that do not hold, a bit each row. */
export const brokenRules = 42;

// The user's settings of the module battery, in the order of charge/prepare.cold.ts (`takeSettings`). The names are
// those of tables/fields.ts in short.

/** v_bulk: charge voltage, mV of a cell. */
export const vBulk = 43;
/** v_float: float voltage, mV of a cell. */
export const vFloat = 44;
/** v_rebulk: highest cell that starts a new charge, mV. */
export const vRebulk = 45;
/** tail_v: resting voltage that ends absorption, mV of a cell. */
export const tailV = 46;
/** How far a cell rests below a full charge with 0.05 C, mV; of the chemistry. */
export const tailDrop = 47;
/** v_offset: added to the charge voltage for cable drop, mV of the pack. */
export const vOffset = 48;
/** guard: distance of the ceiling from the over-voltage cutoff, mV of a cell. */
export const guard = 49;
/** How far MPPTs go above the charge voltage when they feed in, mV of a cell; not a setting. */
export const mppt = 50;
/** db: limit of the highest cell above v_bulk, mV. */
export const db = 51;
/** hard: hard zone above the limit of the highest cell, mV. */
export const hard = 52;
/** integ_max: bound of the integrator, mV of the pack. */
export const integMax = 53;
/** cvl_up_rate: rise of the charge voltage, mV/s of the pack. */
export const cvlUpRate = 54;
/** tail_spread: largest cell spread at the end of absorption, mV. */
export const tailSpread = 55;
/** hold_in: cell spread that starts an imbalance hold, mV. */
export const holdIn = 56;
/** hold_out: cell spread that ends it, mV. */
export const holdOut = 57;
/** float_rate: fall of the charge voltage to float, mV/s of the pack. */
export const floatRate = 58;
/** rec_rate: rise of a current limit in a second, a share of the largest. */
export const recRate = 59;
/** rec_thr: smallest current limit that leaves 0, a share of the largest. */
export const recThreshold = 60;
/** head: share of the over-current cutoffs that the limits may use. */
export const head = 61;
/** ki: gain of the integrator, V/Vs. */
export const ki = 62;
/** tau: filter of the cell protection, s. */
export const tau = 63;
/** cvl_up_hold: wait before the charge voltage rises again, s. */
export const cvlUpHold = 64;
/** abs_min: shortest absorption, s. */
export const absMin = 65;
/** abs_max: longest absorption, s. */
export const absMax = 66;
/** hold_max: longest imbalance hold, s. */
export const holdMax = 67;
/** i_hold: charge current in an imbalance hold, A; 0: by capacity. */
export const iHold = 68;
/** rebulk_soc: SoC that starts a new charge, %. */
export const rebulkSoc = 69;
/** rebulk_days: days after the last full charge that start a new one. */
export const rebulkDays = 70;
/** sustain_soc: SoC that starts sustain, %. */
export const sustainSoc = 71;
/** sustain_exit_soc: SoC that ends sustain, %. */
export const sustainExitSoc = 72;
/** sus_dcl: discharge limit in sustain by SoC, A. */
export const susDcl = 73;
/** sus_ccl: charge limit in sustain, a share of the capacity. */
export const susCcl = 74;
/** rec_hold: wait before a current limit rises, s. */
export const recHold = 75;
/** soc_taper: 1: the charge current has a table by SoC too. */
export const socTaper = 76;
/** soc_sync: 1: now and then the TinyBMS meets its own full condition. */
export const socSync = 77;

// Other settings, and what is told from outside.

/** can/limits.cclMax: largest charge current, A. */
export const cclMax = 78;
/** can/limits.dclMax: largest discharge current, A. Behind `cclMax`: the way is added. */
export const dclMax = 79;
/** inhibit_charge and inhibit_discharge: what the user stops, bits of `blocks` (charge/memory.ts). */
export const inhibit = 80;
/** What a GX that is gone for long stops, bits of `blocks`. */
export const stopped = 81;
/** Cells that the BMS has found (register 53); 0: unknown. */
export const detected = 82;
/** From this highest cell on blocks are looked at: the lower one of `blockTop` and `freeTop`, mV. */
export const nearTop = 83;
/** Number of slots. */
export const SETTINGS = 84;
