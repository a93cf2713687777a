// Once at boot, before CAN runs: room in the flash, the energy counters, the alarms, the texts of CAN frames.
import { alarmsOf } from "../battery/alarms.cold";
import { loadEnergy } from "../battery/energy.cold";
import { gatewayVersion } from "../battery/registers.baked";
import { VERSION } from "../kernel/version";
import { settingTexts } from "../victron/texts.cold";
import type { Alarms } from "../battery/alarms";
import type { Energy } from "../battery/energy";
import type { Snapshot } from "../battery/snapshot";
import type { Needs } from "../config/needs";
import { settingsOf } from "../config/settings.cold";

/** Compacting the flash takes seconds: only now, when less than a quarter is free. `texts` are for `canTaskOf`. */
export function openState(needs: Needs, snapshot: Snapshot): { energy: Energy; alarms: Alarms; texts: Uint8Array } {
  const version = VERSION.split("."),
    flash = needs.store.getStats(),
    can = settingsOf(needs, "can");
  if (flash.freeBytes < flash.totalBytes / 4 && flash.trashBytes > 0) needs.store.compact();
  snapshot.values[gatewayVersion] = +version[0] * 256 + +version[1];
  return {
    energy: loadEnergy(snapshot.values, needs.store, needs.natives.crc32),
    alarms: alarmsOf(),
    texts: needs.natives.toUint8Array(settingTexts(can["manufacturer"] as string, can["name"] as string)),
  };
}
