// The settings as they count now.
import { readModule } from "../config/config.cold";
import { newestSlot } from "../config/slots.cold";
import { takeUri } from "../config/uri";
import type { App } from "./app";

export type Values = Record<string, unknown>;

/** Settings of one module as they count now; a broker's URL that is not right (it did not come over HTTP) is no broker. */
export function settingsOf(app: Pick<App, "store" | "natives" | "presets">, module: string): Values {
  const values = readModule(newestSlot(app.store, app.natives.crc32).document, app.presets, module);
  if (module === "mqtt" && takeUri({ "mqtt": values })) values["host"] = "";
  return values;
}
