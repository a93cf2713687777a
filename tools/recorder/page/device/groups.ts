// Which charts a device has, and which of its sensors each shows.
import type { Latest } from "../api";

export interface LineOf {
  sensor: string;
  label: string;
  isThin?: boolean;
}

export interface Group {
  title: string;
  unit: string;
  digits: number;
  lines: LineOf[];
}

const GROUPS: Group[] = [
  { title: "State of charge", unit: "%", digits: 1, lines: [{ sensor: "state_of_charge", label: "SoC" }] },
  { title: "Current", unit: "A", digits: 2, lines: [{ sensor: "battery_pack_current", label: "Current" }] },
  { title: "Voltage", unit: "V", digits: 2, lines: [{ sensor: "battery_pack_voltage", label: "Voltage" }] },
  { title: "Power", unit: "W", digits: 0, lines: [{ sensor: "pack_power", label: "Power" }] },
  {
    title: "Current limits",
    unit: "A",
    digits: 1,
    lines: [
      { sensor: "charge_current_limit", label: "Charge" },
      { sensor: "discharge_current_limit", label: "Discharge" },
    ],
  },
  { title: "Charge voltage limit", unit: "V", digits: 2, lines: [{ sensor: "charge_voltage_limit", label: "Limit" }] },
  {
    title: "Cells",
    unit: "mV",
    digits: 0,
    lines: [
      { sensor: "min_cell_voltage", label: "Lowest" },
      { sensor: "max_cell_voltage", label: "Highest" },
    ],
  },
  { title: "Temperature", unit: "°C", digits: 1, lines: [{ sensor: "battery_temperature", label: "Battery" }] },
];

const CELL = /^cell_(\d+)_voltage$/;

/** Charts of what this device has told; each cell is a thin line between the lowest and the highest. */
export function groupsOf(latest: Latest[]): Group[] {
  const known = new Set(latest.map(({ sensor }) => sensor)),
    cells = [...known].filter((sensor) => CELL.test(sensor)).sort();
  return GROUPS.map((group) => {
    const own = group.lines.filter(({ sensor }) => known.has(sensor));
    if (group.title !== "Cells") return { ...group, lines: own };
    const each = cells.map((sensor) => ({ sensor, label: "Cell " + Number(CELL.exec(sensor)![1]), isThin: true }));
    return { ...group, lines: [...own, ...each] };
  }).filter(({ lines }) => lines.length > 0);
}
