// THE TABLE of the BMS events: number, severity, name, and which event says that it is over. Authored by hand, never
// bundled: `npm run bake` turns it into firmware/bms/events.baked.cold.ts and a line of the image's text.
//
// Enepaq "TinyBMS Communication Protocols" Rev D (2025-07-04), chapter 4. The pairs of fault and recovery follow from
// the names.

/** Faults switch off, warnings stop charging or discharging, the rest is told for information. */
export type Severity = "fault" | "warning" | "info";

/** One event; `clearedBy` is the event that ends a fault or warning. A restart (0x61) ends all of them. */
export interface EventRow {
  id: number;
  severity: Severity;
  name: string;
  clearedBy?: number;
}

export const SYSTEM_STARTED = 0x61;

export const events: EventRow[] = [
  { id: 0x02, severity: "fault", name: "under_voltage_cutoff", clearedBy: 0x7b },
  { id: 0x03, severity: "fault", name: "over_voltage_cutoff", clearedBy: 0x79 },
  { id: 0x04, severity: "fault", name: "over_temperature_cutoff", clearedBy: 0x73 },
  { id: 0x05, severity: "fault", name: "discharge_over_current_cutoff", clearedBy: 0x77 },
  { id: 0x06, severity: "fault", name: "charge_over_current_cutoff", clearedBy: 0x76 },
  { id: 0x07, severity: "fault", name: "regeneration_over_current_cutoff", clearedBy: 0x78 },
  { id: 0x0a, severity: "fault", name: "low_temperature_cutoff", clearedBy: 0x75 },
  { id: 0x0b, severity: "fault", name: "charger_switch_error" },
  { id: 0x0c, severity: "fault", name: "load_switch_error" },
  { id: 0x0d, severity: "fault", name: "single_port_switch_error" },
  {
    id: 0x0e,
    severity: "fault",
    name: "external_current_sensor_disconnected_restart_required",
    clearedBy: SYSTEM_STARTED,
  },
  {
    id: 0x0f,
    severity: "fault",
    name: "external_current_sensor_connected_restart_required",
    clearedBy: SYSTEM_STARTED,
  },

  { id: 0x31, severity: "warning", name: "fully_discharged_cutoff", clearedBy: 0x7a },
  { id: 0x37, severity: "warning", name: "low_temperature_charging_cutoff", clearedBy: 0x74 },
  { id: 0x38, severity: "warning", name: "charging_done_charger_voltage_too_high" },
  { id: 0x39, severity: "warning", name: "charging_done_charger_voltage_too_low" },

  { id: SYSTEM_STARTED, severity: "info", name: "system_started" },
  { id: 0x62, severity: "info", name: "charging_started" },
  { id: 0x63, severity: "info", name: "charging_done" },
  { id: 0x64, severity: "info", name: "charger_connected" },
  { id: 0x65, severity: "info", name: "charger_disconnected" },
  { id: 0x66, severity: "info", name: "dual_port_mode_activated" },
  { id: 0x67, severity: "info", name: "single_port_mode_activated" },
  { id: 0x73, severity: "info", name: "recovered_over_temperature_fault" },
  { id: 0x74, severity: "info", name: "recovered_low_temperature_warning" },
  { id: 0x75, severity: "info", name: "recovered_low_temperature_fault" },
  { id: 0x76, severity: "info", name: "recovered_charge_over_current_fault" },
  { id: 0x77, severity: "info", name: "recovered_discharge_over_current_fault" },
  { id: 0x78, severity: "info", name: "recovered_regeneration_over_current_fault" },
  { id: 0x79, severity: "info", name: "recovered_over_voltage_fault" },
  { id: 0x7a, severity: "info", name: "recovered_fully_discharged_warning" },
  { id: 0x7b, severity: "info", name: "recovered_under_voltage_fault" },
  { id: 0x7c, severity: "info", name: "external_current_sensor_connected" },
  { id: 0x7d, severity: "info", name: "external_current_sensor_disconnected" },
];
