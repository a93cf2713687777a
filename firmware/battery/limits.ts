// What the limits are made of and what became of them: settings, last outputs, reasons. battery/limits-step.cold.ts makes them.

/** Reasons in the order of severity; their names are in battery/states.ts. */
export const FRESH = 1, USER = 2, BMS_MAX = 3, CELL_HIGH = 4, CELL_LOW = 5, COLD = 6, HOT = 7, INTERNAL_HOT = 8,
  RECOVERING = 11, CHARGE_BLOCKED = 12, DISCHARGE_BLOCKED = 13, CONFIG = 14, EXTERNAL = 15, LATE = 16, GONE = 17, MUTE = 18;

export interface Limits {
  /** Settings: cell voltages (mV) and largest currents (A); vBulk 0 without a chemistry. */
  vBulk: number; vFloat: number; vRebulk: number; cclMax: number; dclMax: number;
  /** Stopped by hand. */
  inhibitCharge: boolean; inhibitDischarge: boolean;
  /** The settings fit the battery; without that nothing is sent. */
  valid: boolean;
  /** Number of cells of the last good settings. */
  cells: number;
  /** Largest currents, of the user and the battery (A). */
  chargeMost: number; dischargeMost: number;
  /** Last unrounded outputs: mV of the pack, A; NaN before the first. */
  cvl: number; ccl: number; dcl: number;
  /** Seconds that a higher current has been possible; the ramp after a loss waits for none. */
  chargeHeld: number; dischargeHeld: number; recovering: boolean;
  /** Narrowed from outside (A; NaN: not) until then (ms). */
  externalCcl: number; externalDcl: number; externalUntil: number;
  /** When they were computed (ms). */
  at: number;
  cvlReason: number; cclReason: number; dclReason: number;
  /** The most severe of them, the charge current before the discharge current before the voltage. */
  reason: number;
}

export function limitsOf(): Limits {
  return { vBulk: 0, vFloat: 0, vRebulk: 0, cclMax: 0, dclMax: 0, inhibitCharge: false, inhibitDischarge: false, valid: false, cells: 0,
    chargeMost: 0, dischargeMost: 0, cvl: NaN, ccl: NaN, dcl: NaN,
    chargeHeld: 0, dischargeHeld: 0, recovering: false, externalCcl: NaN, externalDcl: NaN,
    externalUntil: 0, at: 0, cvlReason: 0, cclReason: 0, dclReason: 0, reason: 0 };
}

/**
 * Narrow the currents from outside until `until` (ms): A; NaN leaves one alone. They never widen, and there is no narrowing without an
 * end. (`cvl`, mV of the pack, has no effect in this policy.)
 */
export function narrowLimits(limits: Limits, cvl: number, ccl: number, dcl: number, until: number): void {
  limits.externalCcl = ccl;
  limits.externalDcl = dcl;
  limits.externalUntil = until;
}
