// The settings as they count now.
import { readModule, takeUri } from "./document.cold";
import { newestSlot } from "./slots.cold";
import type { Needs } from "./needs";

/** What charge control works with, the alarms, MQTT. */
const TOGETHER = [
  ["battery", "bms", "can", "can/limits"],
  ["alarms", "can"],
  ["mqtt", "retain", "ha"],
];

export type Values = Record<string, unknown>;

/**
 * Settings of one module as they count now; a broker's URL that is not right (it did not come over HTTP) is no broker.
 */
export function settingsOf(needs: Needs, module: string): Values {
  const values = readModule(newestSlot(needs.store, needs.natives.crc32).document, needs.presets, module);
  if (module === "mqtt" && takeUri({ "mqtt": values })) values["host"] = "";
  return values;
}

/** Modules whose values matter when these settings change: those that work together. */
export function concerned(changed: string[]): string[] {
  const modules: string[] = [];
  for (const name of changed) {
    const module = name.substr(0, name.lastIndexOf("."));
    for (const group of TOGETHER)
      if (group.indexOf(module) >= 0) for (const one of group) if (modules.indexOf(one) < 0) modules.push(one);
  }
  return modules;
}
