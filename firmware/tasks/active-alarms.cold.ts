// The active alarms, and who has seen them: one list for MQTT and commands.
import { alarmsText } from "../battery/alarms.cold";
import { BOOT, LOST } from "../battery/snapshot";
import type { App } from "./app";

/** An alarm as `alarmsText` tells it; `k` 1: somebody has seen it. */
export interface Alarm { "id": number; "code": string; "severity": number; "since_ms": number; "k": number }

/** The active alarms. What is over is forgotten by those who have seen it. */
export function alarmsNow(app: App): Alarm[] {
  const acked = app.commands.acked, alarms = JSON.parse(alarmsText(app.alarms)) as Alarm[], kept: number[] = [];
  for (const alarm of alarms) {
    const at = acked.indexOf(alarm["id"]), since = alarm["since_ms"];
    alarm["k"] = at >= 0 && acked[at + 1] === since ? 1 : 0;
    if (alarm["k"]) kept.push(alarm["id"], since);
  }
  app.commands.acked = kept;
  return alarms;
}

/**
 * Numbers of the alarms whose source is evaluated, each between commas; "" all. Without data only those say something that are
 * about the device and its links.
 */
export function alarmsKnown(phase: number): string {
  return phase === BOOT ? ",42,43,44,45," : phase >= LOST ? ",42,43,44,45,60," : "";
}
