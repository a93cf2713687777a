// Once at boot, before CAN runs: room in the flash, the energy counters, the alarms, the texts of CAN frames.
import { alarmsOf } from "../battery/alarms.cold";
import { loadEnergy } from "../battery/energy.cold";
import { gatewayVersion } from "../battery/registers.baked";
import { VERSION } from "../version";
import { settingTexts } from "../victron/texts.cold";
import type { App } from "./app";
import { settingsOf } from "./settings.cold";

/** Compacting the flash takes seconds: only now, when less than a quarter is free. The texts are for `canTaskOf`. */
export function openState(app: App): Uint8Array {
  const version = VERSION.split("."), flash = app.store.getStats(), can = settingsOf(app, "can");
  if (flash.freeBytes < flash.totalBytes / 4 && flash.trashBytes > 0) app.store.compact();
  app.energy = loadEnergy(app.snapshot.values, app.store, app.natives.crc32);
  app.alarms = alarmsOf();
  app.rates = { at: 0, doneAt: -7000, bits: 0, ok: 0, crc: 0, tx: 0, errors: 0, busOff: 0, moved: false };
  app.snapshot.values[gatewayVersion] = +version[0] * 256 + +version[1];
  return app.natives.toUint8Array(settingTexts(can["manufacturer"] as string, can["name"] as string));
}
