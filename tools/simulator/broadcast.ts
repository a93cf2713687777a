// The text that a TinyBMS sends unasked when register 342 is not 0 (user manual table 3.16, line end
// assumed).

import type { Battery } from "./model";
import { getValue } from "./words";

/** Periods in ms by the value of register 342; 0 is off. */
export const BROADCAST_PERIODS_MS = [0, 100, 200, 500, 1000, 2000, 5000, 10000];

function number(battery: Battery, key: string): number {
  return getValue(battery.words, key) ?? 0;
}

/** CA V3: 13 numbers; the first is the charge taken out in Ah. */
function caV3(battery: Battery): string {
  const { in_Ah, out_Ah } = battery.totals;
  const values = [
    out_Ah - in_Ah,
    number(battery, "pack_voltage"),
    number(battery, "pack_current"),
    0,
    0,
    number(battery, "internal_temp"),
  ];
  return [...values.map((value) => value.toFixed(6)), ...new Array<string>(7).fill("0")].join("\t");
}

function ascii(battery: Battery): string {
  const degrees = (key: string): string => (getValue(battery.words, key) ?? -3276.8).toFixed(2);
  return [
    `BPV:${number(battery, "pack_voltage").toFixed(2)}`,
    `MINCV:${(number(battery, "min_cell_voltage") / 1000).toFixed(3)}`,
    `MAXCV:${(number(battery, "max_cell_voltage") / 1000).toFixed(3)}`,
    `BPC:${number(battery, "pack_current").toFixed(2)}`,
    `SOC:${Math.round(number(battery, "state_of_charge"))}`,
    `BMST:${degrees("internal_temp")}`,
    `EXT1:${degrees("external_temp_1")}`,
    `EXT2:${degrees("external_temp_2")}`,
    `OS:${number(battery, "online_status")}`,
    `CB:${number(battery, "balancing_active").toString(2).padStart(16, "0")}`,
    `LST:${number(battery, "load_switch_type")}`,
    `LSS:${Number(battery.switches.load)}`,
    `CST:${number(battery, "charger_switch_type")}`,
    `CSS:${Number(battery.switches.charge)}`,
  ].join("\t");
}

/** One broadcast in the format of register 343. The SOC-bar format is documented nowhere: here the bare number. */
export function broadcastText(battery: Battery): Uint8Array {
  const formats = [caV3, ascii, (unit: Battery): string => String(Math.round(number(unit, "state_of_charge")))];
  return new TextEncoder().encode(`${formats[number(battery, "broadcast_protocol")](battery)}\r\n`);
}
