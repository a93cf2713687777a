// What a person should know of: on the console, and on the topic `log` while there is a connection (setting log.level).
import { quote } from "../kernel/quote.cold";
import { timeMember } from "../mqtt/messages-rare.cold";
import { CONNECTED, publish } from "../mqtt/session";
import type { App } from "./app";
import { settingsOf } from "./settings.cold";

const LEVELS = ["error", "warn", "info", "debug"];

/** Say `text` at a level of log.ts, unless that is above the one of the settings. No secrets. */
export function writeLog(app: App, level: number, text: string): void {
  const mqtt = app.mqtt, now = app.natives.now();
  if (level > LEVELS.indexOf(settingsOf(app, "log")["level"] as string)) return;
  app.natives.print(LEVELS[level] + ": " + text);
  if (!mqtt || mqtt.session.state !== CONNECTED) return;
  const time = timeMember(app.clock.epoch, now, mqtt.rare);
  publish(mqtt.session, "log", `{"level":"${LEVELS[level]}","msg":${quote(text)},"timestamp_ms":${Math.round(now)}${time}}`, 0, now);
}
