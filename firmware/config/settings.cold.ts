// The settings as they count now.
import { readModule, takeUri } from "./document.cold";
import { newestSlot } from "./slots.cold";
import type { Needs } from "./needs";

export type Values = Record<string, unknown>;

/**
 * Settings of one module as they count now; a broker's URL that is not right (it did not come over HTTP) is no broker.
 */
export function settingsOf(needs: Needs, module: string): Values {
  const values = readModule(newestSlot(needs.store, needs.natives.crc32).document, needs.presets, module);
  if (module === "mqtt" && takeUri({ "mqtt": values })) values["host"] = "";
  return values;
}
