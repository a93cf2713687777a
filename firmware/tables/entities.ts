// What Home Assistant is shown beside the values of tables/registers.ts (their column `ha`): what is no register, the
// gateway itself, and what can be switched. Authored, never bundled: `npm run bake` puts it into the image's text.

/** Messages that entities read, below <base>/<device>/. */
export type Source = "rt/state" | "rt/cells" | "rt/stat" | "rt/diag" | "rt/limits" | "cfg/battery";

export interface Entity {
  /** The battery's payload or the gateway's: each has an availability of its own. */
  device: "battery" | "gateway";
  platform: "sensor" | "binary_sensor" | "number" | "switch" | "button";
  /** Key of the component, part of its unique id: a change leaves a ghost behind. # stands for the number of a cell. */
  key: string;
  name: string;
  /** The message, and the member of it. A button has none. */
  source?: Source;
  value?: string;
  /** The value is in mV, the entity in V. */
  inMillivolt?: true;
  class?: string;
  unit?: string;
  stateClass?: "measurement" | "total_increasing";
  /** Decimals suggested for display. */
  digits?: number;
  category?: "diagnostic" | "config";
  icon?: string;
  options?: string[];
  /** What is true and false of a switch in its message. */
  states?: [on: string, off: string];
  /** Least setting of mqtt.commands with which it is offered. */
  level?: "safe" | "all";
  /** Topic below the base, and what is sent: one text, one for on and off, or a template of {{value}}. */
  command?: { topic: "cmd" | "cfg/set"; press?: object; on?: object; off?: object; template?: string };
  /** Range of a number; @ccl and @dcl are the largest currents of the settings. */
  range?: { max: "@ccl" | "@dcl"; step: number };
}

/** A narrowing that ends by itself after the longest time that the command allows; shown is the limit in force. */
const cap = (key: "ccl" | "dcl"): Pick<Entity, "command" | "range"> => ({
  command: { topic: "cmd", template: `{"cmd":"can.limits.override","args":{"${key}":{{value}},"ttl_s":3600}}` },
  range: { max: `@${key}`, step: 1 },
});

/**
 * A setting that stops charging or discharging by hand, seen from its other side: what ends a current must be
 * confirmed.
 */
const permission = (setting: string): Pick<Entity, "command" | "source" | "value" | "states"> => ({
  source: "cfg/battery",
  value: setting,
  states: ["False", "True"],
  command: {
    topic: "cfg/set",
    on: { battery: { [setting]: false } },
    off: { battery: { [setting]: true }, confirm: true },
  },
});

type Rest = Omit<Entity, "device" | "source" | "platform" | "key" | "name">;

const state = (platform: Entity["platform"], key: string, name: string, value: string, rest: Rest = {}): Entity => ({
  device: "battery",
  source: "rt/state",
  platform,
  key,
  name,
  value,
  ...rest,
});
const diagnostic = (platform: Entity["platform"], key: string, name: string, rest: Rest = {}): Entity => ({
  device: "gateway",
  source: "rt/diag",
  platform,
  key,
  name,
  value: key,
  category: "diagnostic",
  ...rest,
});
const control = (
  platform: Entity["platform"],
  key: string,
  name: string,
  level: "safe" | "all",
  rest: Partial<Entity>,
): Entity => ({ device: "gateway", platform, key, name, level, category: "config", ...rest });

export const entities: Entity[] = [
  state("sensor", "energy_in", "Energy charged", "ein", {
    class: "energy",
    unit: "kWh",
    stateClass: "total_increasing",
    digits: 2,
  }),
  state("sensor", "energy_out", "Energy discharged", "eout", {
    class: "energy",
    unit: "kWh",
    stateClass: "total_increasing",
    digits: 2,
  }),
  state("sensor", "stored", "Stored energy", "est", {
    class: "energy_storage",
    unit: "Wh",
    stateClass: "measurement",
    digits: 0,
  }),
  state("sensor", "time_left", "Time left", "ttg", { class: "duration", unit: "s", stateClass: "measurement" }),
  state("sensor", "limit_reason", "Limiting factor", "lim", { icon: "mdi:speedometer-slow" }),
  state("binary_sensor", "problem", "Problem", "prob", { class: "problem" }),
  state("binary_sensor", "charging", "Charging", "chg", { class: "battery_charging" }),
  {
    device: "battery",
    source: "rt/cells",
    platform: "sensor",
    key: "cell_#",
    name: "Cell # voltage",
    value: "c",
    inMillivolt: true,
    class: "voltage",
    unit: "V",
    stateClass: "measurement",
    digits: 3,
    category: "diagnostic",
  },

  diagnostic("binary_sensor", "bms_link", "BMS link", { value: "bms", class: "connectivity" }),
  diagnostic("binary_sensor", "gx_link", "GX link", { value: "gx", class: "connectivity" }),
  diagnostic("sensor", "rssi", "Wi-Fi signal", { class: "signal_strength", unit: "dBm", stateClass: "measurement" }),
  diagnostic("sensor", "uptime", "Uptime", { class: "duration", unit: "s", stateClass: "measurement" }),
  diagnostic("sensor", "free_mem", "Free memory", { unit: "%", stateClass: "measurement", icon: "mdi:memory" }),
  diagnostic("sensor", "uart_err", "UART errors", { stateClass: "total_increasing", icon: "mdi:alert-circle-outline" }),
  diagnostic("sensor", "poll_ms", "Poll time", { class: "duration", unit: "ms", stateClass: "measurement" }),
  diagnostic("sensor", "data_age", "Data age", { class: "duration", unit: "s", stateClass: "measurement" }),
  diagnostic("sensor", "can_err", "CAN errors", { stateClass: "total_increasing", icon: "mdi:alert-circle-outline" }),
  diagnostic("sensor", "ip", "IP address", { icon: "mdi:ip-network" }),

  control("number", "set_ccl", "Charge current cap", "safe", {
    class: "current",
    unit: "A",
    source: "rt/limits",
    value: "ccl",
    ...cap("ccl"),
  }),
  control("number", "set_dcl", "Discharge current cap", "safe", {
    class: "current",
    unit: "A",
    source: "rt/limits",
    value: "dcl",
    ...cap("dcl"),
  }),
  control("switch", "allow_chg", "Allow charge", "safe", permission("inhibit_charge")),
  control("switch", "allow_dis", "Allow discharge", "safe", permission("inhibit_discharge")),
  control("button", "restart", "Restart", "all", {
    class: "restart",
    command: { topic: "cmd", press: { cmd: "system.reboot", args: { confirm: true } } },
  }),
];
