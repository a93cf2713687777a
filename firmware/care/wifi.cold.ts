// What Wi-Fi needs now and then: no access point, and a network that is lost without a word is joined again.
import type { Needs, Wifi } from "./needs";
import { WARN } from "../log/log";
import { writeLog } from "../log/log.cold";

/** The Wi-Fi before it is started. */
export function wifiOf(wait: number, join: Wifi["join"], stopAccessPoint: Wifi["stopAccessPoint"]): Wifi {
  return { up: false, retryAt: 0, wait: wait, lookAt: 0, settings: {}, join: join, stopAccessPoint: stopAccessPoint };
}

/** For this long after the start the interpreter may start an access point, ms. */
const EARLY_MS = 10000;
/** Period of the looks in that time, ms. */
const EARLY_PERIOD_MS = 1000;
/** Period of the looks after it, which a station has to get there, ms. */
const PERIOD_MS = 30000;

/** A look, due at `lookAt`. */
export function tendWifi(needs: Needs, now: number): void {
  const wifi = needs.wifi,
    isEarly = now < EARLY_MS;
  wifi.lookAt = now + (isEarly ? EARLY_PERIOD_MS : PERIOD_MS);
  if (wifi.stopAccessPoint() && !isEarly) writeLog(needs, WARN, "wifi: an access point was up, it is off now");
  if (now < PERIOD_MS || needs.isReduced || !wifi.settings["ssid"]) return;
  if (wifi.up && !needs.network.address()) wifi.up = false;
  if (!wifi.up && !wifi.retryAt) wifi.retryAt = now;
}
