// The alarms as they are now: one list for MQTT and HTTP.
import { alarmsText } from "../battery/alarms.cold";
import * as r from "../battery/registers.baked";
import { BOOT, DEGRADED, LOST } from "../battery/snapshot";
import type { App } from "./app";
import { GX_GONE_MS } from "./can";

/** JSON of the active alarms: number, name, severity (1 warning, 2 alarm). */
export function alarmsNow(app: App, now: number): string {
  const phase = app.snapshot.phase, active = [], port = app.canPort, silent = phase === 0 || phase > LOST || !app.limits.valid;
  if (phase >= DEGRADED) active.push(41);
  if (phase >= LOST) active.push(60);
  if (app.snapshot.values[r.onlineStatus] === 0x9b) active.push(61);
  if (phase > 0 && !app.limits.valid) active.push(51);
  if (app.can.gxAt < 0 || now - app.can.gxAt > GX_GONE_MS) active.push(45);
  if (!silent && now - port.ackAt > 10000) active.push(43);
  if (port.busOff > 0 && now - port.ackAt > 10000) active.push(44);
  return alarmsText(active);
}

/** Numbers of the alarms whose source is evaluated, each between commas; without data only those say something that are about it. */
export function alarmsKnown(phase: number): string {
  return ",43,44,45," + (phase === BOOT ? "" : phase >= LOST ? "60," : "41,51,60,61,");
}
