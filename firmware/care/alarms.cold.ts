// Alarms have changed.
import type { Needs } from "./needs";
import { BOOT } from "../battery/snapshot";
import { logAlarms } from "../log/log.cold";
import { FAMILY_ALARMS } from "../publish/topics.baked";

/** They are told at once while there are no limits yet: those that change would do it. */
export function alarmsChanged(needs: Needs): void {
  if (needs.snapshot.phase === BOOT) needs.mqtt.rare.due[FAMILY_ALARMS] = needs.mqtt.rareAt = 0;
  logAlarms(needs);
}
