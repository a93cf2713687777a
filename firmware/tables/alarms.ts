// THE ALARMS, one row each: number and name as on MQTT and HTTP, field of the CAN frame 0x35A, when each is raised and
// cleared. Authored; `npm run bake` makes straight code of it. A condition names rows of tables/registers.ts, or one of
// `alarmNames`; values are in the rows' units. What is unknown raises nothing and clears nothing.
// Protections and event ids: Enepaq TinyBMS Rev D 3.3 and 3.4; fields: Victron "CAN-bus BMS Protocol" (2021), 0x35A.

/** The fields of 0x35A in their order on the wire: two bits each, alarms in bytes 0..3, warnings in bytes 4..7. */
export const alarmFields = [
  "general",
  "high_voltage",
  "low_voltage",
  "high_temperature",
  "low_temperature",
  "high_charge_temperature",
  "low_charge_temperature",
  "high_discharge_current",
  "high_charge_current",
  "contactor",
  "short_circuit",
  "bms_internal",
  "cell_imbalance",
] as const;
export type AlarmField = (typeof alarmFields)[number];

/** Faults that block the charge and explain the status "fault", a bit each id: 2 to 7 and 10 to 15. */
export const chargeFaults = 0xfcfc;

/**
 * Names in conditions that are no rows: extremes of all cells (mV), settings of the alarms, what the state of the
 * alarms knows. A fault explains the status, a warning does not.
 */
export const alarmNames: Record<string, string> = {
  highest: "s.highest",
  lowest: "s.lowest",
  spread: "(s.highest - s.lowest)",
  sum: "s.sum",
  phase: "s.phase",
  config: "a.config",
  unexplained: `!(low & ${chargeFaults})`,
  uart_errors: "a.device & 1",
  can_errors: "a.device & 2",
  can_unheard: "a.device & 4",
  bus_off: "a.device & 8",
  gx_gone: "a.device & 16",
  bms_late: "a.device & 32",
  bms_never: "a.device & 64",
  was_reset: "a.device & 128",
  memory_low: "a.device & 256",
  spread_alarm: "a.spreadAlarm",
  spread_warning: "a.spreadWarning",
  soc_alarm: "a.socAlarm",
  soc_warning: "a.socWarning",
};

/** Raised when `set` has held for `after` seconds, cleared when `clear` has held for `hold` seconds. */
export interface AlarmLevel {
  set: string;
  after: number;
  clear: string;
  hold: number;
}

export interface AlarmRow {
  /** Number and name; never reused. */
  id: number;
  code: string;
  /** Field of the frame; rows without one stand on MQTT and HTTP only. */
  field?: AlarmField;
  /** Row whose value people want to see with it. */
  value?: string;
  alarm?: AlarmLevel;
  warning?: AlarmLevel;
  /** Event ids that raise the alarm at once and hold it until their recovery. */
  events?: number[];
  /**
   * Event ids that warn. They have no recovery event: they end 10 s later when register 50 says no fault, or at a
   * restart.
   */
  warningEvents?: number[];
  /**
   * Those of them that only their recovery event or a restart of the TinyBMS ends; the others end too when register 50
   * has said no fault for 10 s and the alarm's clear condition is met.
   */
  lasting?: number[];
  /** What raises the alarm at once and holds it, beside the events. */
  also?: string;
  /** Measured conditions of a row with `also` near which it must be judged. */
  near?: string[];
  /** The alarm can come without the warning's condition. */
  apart?: true;
  /** Rows without thresholds: raised and cleared at once, while this holds. */
  warnWhile?: string;
  alarmWhile?: string;
}

/** The coldest temperature at which charging is allowed: never below 0 degC (register 320 may say more). */
const COLD = "Math.max(low_temp_charger_cutoff, 0)";

const overVoltage = {
  alarm: { set: "highest >= over_voltage_cutoff", after: 1, clear: "highest <= over_voltage_cutoff - 100", hold: 10 },
  warning: {
    set: "highest >= over_voltage_cutoff - 50",
    after: 3,
    clear: "highest <= over_voltage_cutoff - 80",
    hold: 10,
  },
};
const underVoltage = {
  alarm: {
    set: "lowest <= fully_discharged_voltage",
    after: 3,
    clear: "lowest >= fully_discharged_voltage + 150",
    hold: 60,
  },
  warning: {
    set: "lowest <= fully_discharged_voltage + 100",
    after: 10,
    clear: "lowest >= fully_discharged_voltage + 200",
    hold: 30,
  },
};
/** Current sensor, switches: the TinyBMS must be started anew. */
const INTERNAL_EVENTS = [0x0b, 0x0c, 0x0d, 0x0e, 0x0f];
const NO_SENSOR = "isNaN(external_temp_1) && isNaN(external_temp_2) && internal_temp > -100";
/** What warns at once: data that grows old, settings, the UART, temperatures that are not measured. */
const NEAR_FAILURE = `phase >= 2 || config > 0 || uart_errors || ${NO_SENSOR}`;
/** More than 1 %. */
const MISMATCH = "Math.abs(sum - pack_voltage * 1000) > pack_voltage * 10";

export const alarmRows: AlarmRow[] = [
  { id: 1, code: "OverVoltage", field: "high_voltage", value: "max_cell_voltage", events: [0x03], ...overVoltage },
  {
    id: 2,
    code: "UnderVoltage",
    field: "low_voltage",
    value: "min_cell_voltage",
    events: [0x02, 0x31],
    lasting: [0x02],
    ...underVoltage,
  },
  { id: 3, code: "CellOverVoltage", value: "max_cell_voltage", ...overVoltage },
  { id: 4, code: "CellUnderVoltage", value: "min_cell_voltage", ...underVoltage },
  {
    id: 5,
    code: "LowSoc",
    value: "state_of_charge",
    apart: true,
    alarm: { set: "state_of_charge <= soc_alarm", after: 10, clear: "state_of_charge >= soc_alarm + 2", hold: 60 },
    warning: {
      set: "state_of_charge <= soc_warning",
      after: 10,
      clear: "state_of_charge >= soc_warning + 2",
      hold: 60,
    },
  },
  {
    id: 10,
    code: "OverCurrentCharge",
    field: "high_charge_current",
    value: "pack_current",
    events: [0x06, 0x07],
    alarm: { set: "false", after: 0, clear: "pack_current < charge_over_current_cutoff * 0.8", hold: 10 },
    warning: {
      set: "pack_current >= charge_over_current_cutoff * 0.95",
      after: 5,
      clear: "pack_current <= charge_over_current_cutoff * 0.85",
      hold: 10,
    },
  },
  {
    id: 11,
    code: "OverCurrentDischarge",
    field: "high_discharge_current",
    value: "pack_current",
    events: [0x05],
    alarm: { set: "false", after: 0, clear: "Math.abs(pack_current) < discharge_over_current_cutoff * 0.8", hold: 10 },
    warning: {
      set: "-pack_current >= discharge_over_current_cutoff * 0.95",
      after: 5,
      clear: "-pack_current <= discharge_over_current_cutoff * 0.85",
      hold: 10,
    },
  },
  {
    id: 20,
    code: "OverTemperature",
    field: "high_temperature",
    value: "max_temperature",
    events: [0x04],
    alarm: {
      set: "max_temperature >= over_heat_cutoff || internal_temp >= 90",
      after: 3,
      clear: "max_temperature <= over_heat_cutoff - 5 && internal_temp <= 85",
      hold: 30,
    },
    warning: {
      set: "max_temperature >= over_heat_cutoff - 5 || internal_temp >= 75",
      after: 10,
      clear: "max_temperature <= over_heat_cutoff - 8 && internal_temp <= 70",
      hold: 30,
    },
  },
  {
    id: 21,
    code: "UnderTemperature",
    field: "low_temperature",
    value: "min_temperature",
    events: [0x0a],
    alarm: { set: "min_temperature <= -20", after: 10, clear: "min_temperature >= -17", hold: 60 },
    warning: { set: "min_temperature <= -10", after: 10, clear: "min_temperature >= -7", hold: 60 },
  },
  {
    id: 22,
    code: "LowTempCharge",
    field: "low_charge_temperature",
    value: "min_temperature",
    events: [0x37],
    alarm: { set: `min_temperature <= ${COLD}`, after: 3, clear: `min_temperature >= ${COLD} + 2`, hold: 60 },
    warning: { set: `min_temperature <= ${COLD} + 5`, after: 10, clear: `min_temperature >= ${COLD} + 7`, hold: 60 },
  },
  {
    id: 23,
    code: "HighTempCharge",
    field: "high_charge_temperature",
    value: "max_temperature",
    alarm: { set: "max_temperature >= 55", after: 3, clear: "max_temperature <= 52", hold: 60 },
    warning: { set: "max_temperature >= 45", after: 10, clear: "max_temperature <= 43", hold: 60 },
  },
  {
    id: 30,
    code: "CellImbalance",
    field: "cell_imbalance",
    value: "cell_spread",
    apart: true,
    alarm: { set: "spread >= spread_alarm", after: 30, clear: "spread <= spread_alarm * 0.8", hold: 60 },
    warning: { set: "spread >= spread_warning", after: 60, clear: "spread <= spread_warning * 0.75", hold: 60 },
  },
  { id: 62, code: "Contactor", field: "contactor", events: [0x0b, 0x0c, 0x0d], lasting: [0x0b, 0x0c, 0x0d] },
  // Sums up what is wrong inside: cells that do not add up, faults without a cause, settings that do not fit, old data.
  {
    id: 63,
    code: "BmsInternal",
    field: "bms_internal",
    value: "pack_voltage",
    events: INTERNAL_EVENTS,
    lasting: INTERNAL_EVENTS,
    warningEvents: [0x38, 0x39],
    apart: true,
    near: [MISMATCH, NO_SENSOR],
    also: "phase >= 3 || config > 1 || online_status === 155 && unexplained",
    alarm: { set: MISMATCH, after: 10, clear: `!(${MISMATCH})`, hold: 30 },
    warning: { set: NEAR_FAILURE, after: 0, clear: `!(${NEAR_FAILURE})`, hold: 60 },
  },
  // At once, as they are: what a person wants to know of the gateway itself. The device bits are set by the tasks.
  { id: 40, code: "UartError", warnWhile: "uart_errors" },
  { id: 41, code: "UartTimeout", warnWhile: "phase >= 2 || bms_late" },
  { id: 42, code: "CanError", warnWhile: "can_errors" },
  { id: 43, code: "CanTimeout", warnWhile: "can_unheard" },
  { id: 44, code: "CanTxError", alarmWhile: "bus_off" },
  { id: 45, code: "CanKeepAliveLost", warnWhile: "gx_gone" },
  { id: 50, code: "WatchdogReset", warnWhile: "was_reset" },
  { id: 51, code: "ConfigError", warnWhile: "config > 0", alarmWhile: "config > 1" },
  { id: 52, code: "MemoryError", warnWhile: "memory_low" },
  { id: 60, code: "BmsOffline", alarmWhile: "phase >= 3 || bms_never" },
  { id: 61, code: "BmsFault", value: "online_status", alarmWhile: "online_status === 155" },
];
