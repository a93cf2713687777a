// What the simulated unit does to protect the battery, as a table: when it trips, what it opens, when it recovers
// (User Manual v2.2; Communication Protocols Rev D, 3.3 and 4). The model feeds it measurements and obeys the switches.

import { EVENT } from "./events";
import { getBits, getValue } from "./words";

/**
 * What the protections look at. `setting` gives a settings register in its unit, `trippedFor_s` counts since this one
 * tripped.
 */
export interface Measured {
  minCell_mV: number;
  maxCell_mV: number;
  coldest_C: number;
  hottest_C: number;
  current_A: number;
  charger: boolean;
  setting(key: string): number;
  overCurrentTimeout_s: number;
  trippedFor_s: number;
}

/** One protection. `hold_s`: how long the condition must last before it trips (0 unless said). */
export interface Protection {
  event: number;
  cleared: number;
  opens: "charge" | "load" | "both";
  counter?: string;
  trips(m: Measured): boolean;
  recovers(m: Measured): boolean;
  hold_s?(m: Measured): number;
}

/** Distances between trip and recovery; the vendor prints none, these keep the relaxing cells from bouncing. */
const DISCHARGED_RECOVERY_MV = 200;
const UNDER_VOLTAGE_RECOVERY_MV = 50;
const HEAT_RECOVERY_C = 5;
const COLD_RECOVERY_C = 2;
const FROST_C = -40;

/** Over-current ends by itself after register 332 seconds; 0 there means never. */
function automaticallyRecovered(m: Measured): boolean {
  const delay_s = m.setting("automatic_recovery");
  return delay_s > 0 && m.trippedFor_s >= delay_s;
}

export const PROTECTIONS: Protection[] = [
  {
    event: EVENT.overVoltage,
    cleared: EVENT.overVoltageGone,
    opens: "charge",
    counter: "over_voltage_count",
    trips: (m) => m.maxCell_mV >= m.setting("over_voltage_cutoff"),
    recovers: (m) => m.maxCell_mV < m.setting("fully_charged_voltage"),
  },
  // No automatic recovery: only a charger brings the unit back, through the charge switch that `openSwitches` leaves
  // closed for it.
  {
    event: EVENT.underVoltage,
    cleared: EVENT.underVoltageGone,
    opens: "both",
    counter: "under_voltage_count",
    trips: (m) => m.minCell_mV <= m.setting("under_voltage_cutoff"),
    recovers: (m) => m.charger && m.minCell_mV > m.setting("under_voltage_cutoff") + UNDER_VOLTAGE_RECOVERY_MV,
  },
  {
    event: EVENT.fullyDischarged,
    cleared: EVENT.fullyDischargedGone,
    opens: "load",
    trips: (m) => m.minCell_mV <= m.setting("fully_discharged_voltage"),
    recovers: (m) => m.minCell_mV > m.setting("fully_discharged_voltage") + DISCHARGED_RECOVERY_MV,
  },
  {
    event: EVENT.dischargeOverCurrent,
    cleared: EVENT.dischargeOverCurrentGone,
    opens: "load",
    counter: "discharge_over_current_count",
    trips: (m) => -m.current_A >= m.setting("discharge_over_current_cutoff"),
    recovers: automaticallyRecovered,
    hold_s: (m) => (-m.current_A >= m.setting("discharge_peak_current_cutoff") ? 0 : m.overCurrentTimeout_s),
  },
  {
    event: EVENT.chargeOverCurrent,
    cleared: EVENT.chargeOverCurrentGone,
    opens: "charge",
    counter: "charge_over_current_count",
    trips: (m) => m.charger && m.current_A >= m.setting("charge_over_current_cutoff"),
    recovers: automaticallyRecovered,
  },
  {
    event: EVENT.regenerationOverCurrent,
    cleared: EVENT.regenerationOverCurrentGone,
    opens: "both",
    counter: "charge_over_current_count",
    trips: (m) => !m.charger && m.current_A >= m.setting("charge_over_current_cutoff"),
    recovers: automaticallyRecovered,
  },
  {
    event: EVENT.overTemperature,
    cleared: EVENT.overTemperatureGone,
    opens: "both",
    counter: "over_heat_count",
    trips: (m) => m.hottest_C >= m.setting("over_heat_cutoff"),
    recovers: (m) => m.hottest_C <= m.setting("over_heat_cutoff") - HEAT_RECOVERY_C,
  },
  {
    event: EVENT.lowTemperatureCharging,
    cleared: EVENT.lowTemperatureChargingGone,
    opens: "charge",
    trips: (m) => m.coldest_C <= m.setting("low_temp_charger_cutoff"),
    recovers: (m) => m.coldest_C >= m.setting("low_temp_charger_cutoff") + COLD_RECOVERY_C,
  },
  {
    event: EVENT.lowTemperature,
    cleared: EVENT.lowTemperatureGone,
    opens: "both",
    trips: (m) => m.coldest_C <= FROST_C,
    recovers: (m) => m.coldest_C >= FROST_C + HEAT_RECOVERY_C,
  },
];

/**
 * State of the protections: seconds since the trip by event id, and seconds that a condition has lasted before its
 * trip.
 */
export interface ProtectionState {
  active: Map<number, number>;
  pending: Map<number, number>;
}

/** Nothing active. */
export function createProtectionState(): ProtectionState {
  return { active: new Map(), pending: new Map() };
}

/** A reader of settings registers in their unit, and the time-out of register 330, for `Measured`. */
export function settingsReader(words: Uint16Array): Pick<Measured, "setting" | "overCurrentTimeout_s"> {
  return {
    setting: (key) => getValue(words, key) ?? NaN,
    overCurrentTimeout_s: getBits(words, "charger_type_and_oc_timeout", "discharge_over_current_timeout"),
  };
}

/** Runs every protection over `dt` seconds; calls `changed` for each trip (tripped true) and each recovery. */
export function stepProtections(
  state: ProtectionState,
  measured: Omit<Measured, "trippedFor_s">,
  dt: number,
  changed: (protection: Protection, tripped: boolean) => void,
): void {
  for (const protection of PROTECTIONS) {
    const { event } = protection;
    const since_s = state.active.get(event);
    const m: Measured = { ...measured, trippedFor_s: (since_s ?? 0) + dt };
    if (since_s !== undefined) {
      if (protection.recovers(m)) {
        state.active.delete(event);
        changed(protection, false);
      } else {
        state.active.set(event, m.trippedFor_s);
      }
      continue;
    }
    const pending_s = protection.trips(m) ? (state.pending.get(event) ?? 0) + dt : 0;
    const trips = pending_s > 0 && pending_s >= (protection.hold_s?.(m) ?? 0);
    state.pending.set(event, trips ? 0 : pending_s);
    if (trips) {
      state.active.set(event, 0);
      changed(protection, true);
    }
  }
}

/** True while a fault (not a warning: ids from 0x31 on) is active; this is what status 0x9B shows. */
export function hasFault(state: ProtectionState): boolean {
  return [...state.active.keys()].some((event) => event <= 0x30);
}

/** Which switches the active protections leave closed. An under-voltage pack may still be charged by a charger. */
export function closedSwitches(state: ProtectionState, charger: boolean): { charge: boolean; load: boolean } {
  const opened = (path: "charge" | "load"): boolean =>
    PROTECTIONS.some((protection) => {
      const rescued = path === "charge" && charger && protection.event === EVENT.underVoltage;
      return (
        state.active.has(protection.event) && !rescued && (protection.opens === path || protection.opens === "both")
      );
    });
  return { charge: !opened("charge"), load: !opened("load") };
}
