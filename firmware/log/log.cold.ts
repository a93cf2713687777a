// What a person should know of: on the console, and on the topic `log` while there is a connection (setting log.level).

import type { Needs } from "./needs";
import type { Alarms } from "../battery/alarms";
import { ALARMS_AT, PHASES_AT } from "../battery/names.baked";
import { nameIn } from "../battery/names.cold";
import { NORMAL } from "../battery/snapshot";
import { settingsOf } from "../config/settings.cold";
import { quote } from "../kernel/json.cold";
import { publish } from "../mqtt/publish";
import { CONNECTED } from "../mqtt/session";
import { isoMillis } from "../kernel/time.cold";
import { wallSeconds } from "../time/clock.cold";
import { ERROR, INFO, type LogLines, WARN } from "./log";
import { accessPoint } from "board";

const LEVELS = ["error", "warn", "info", "debug"];

/** Characters that are kept of the last lines, and of one of them. */
const MOST_KEPT = 1000,
  MOST_LINE = 160;

/** Keep a line; the oldest make room. */
function keep(lines: LogLines, level: number, now: number, text: string): void {
  const line = level + "" + Math.round(now) + " " + text.substr(0, MOST_LINE).split("\n").join(" ") + "\n";
  let kept = lines.text;
  while (kept.length + line.length > MOST_KEPT) kept = kept.substr(kept.indexOf("\n") + 1);
  lines.text = kept + line;
}

/** Say `text` at a level of log.ts, unless that is above the one of the settings. No secrets. */
export function writeLog(needs: Needs, level: number, text: string): void {
  const session = needs.session,
    now = needs.natives.now(),
    isSaid = level <= LEVELS.indexOf(settingsOf(needs, "log")["level"] as string);
  if (isSaid || level <= INFO) keep(needs.lines, level, now, text);
  if (!isSaid) return;
  needs.natives.print(LEVELS[level] + ": " + text);
  if (session.state !== CONNECTED) return;
  const time = isoMillis(wallSeconds(needs));
  publish(
    session,
    "log",
    `{"level":"${LEVELS[level]}","msg":${quote(text)},"timestamp_ms":${Math.round(now)}${time && `,"time":"${time}"`}}`,
    0,
    now,
  );
}

/** Lines in a piece. */
const LINES = 3;

/** The last lines as members of a JSON list, the newest first, a few a call; "" behind the last. */
export function logPieces(needs: Needs): () => string {
  const boot = needs.clock.epoch,
    text = needs.lines.text; // what is logged meanwhile comes in the next answer
  let end = text.length - 1;
  return function () {
    let out = "";
    for (let left = LINES; left > 0 && end > 0; left--) {
      const from = text.lastIndexOf("\n", end - 1) + 1,
        blank = text.indexOf(" ", from),
        at = +text.substring(from + 1, blank);
      out +=
        `${end < text.length - 1 ? "," : ""}{"level":"${LEVELS[+text[from]]}"` +
        `,"msg":${quote(text.substring(blank + 1, end))},"at_ms":${at}` +
        `,"time":${boot ? `"${isoMillis(boot + at / 1000)}"` : null}}`;
      end = from - 1;
    }
    return out;
  };
}

// A fault of the image itself: told even when nothing else works.

/** Say it on the console in any case; where it can be said properly depends on what is broken. */
export function logFault(needs: Needs, text: string): void {
  try {
    writeLog(needs, ERROR, text);
  } catch (error) {
    needs.natives.print("fault: " + text);
  }
}

// Alarms come and go.

const WORDS = ["over", "warning", "alarm", "alarm"];

/** Those that changed in this second. */
export function logAlarms(needs: Needs & { alarms: Alarms }): void {
  const a = needs.alarms,
    at = a.at | 0;
  let row = 0;
  for (const since of a.since) {
    if (since === at && (at || a.on[row] & 3)) {
      const parts = nameIn(ALARMS_AT, row).split(":");
      writeLog(needs, INFO, "alarm " + parts[0] + " " + parts[1] + ": " + WORDS[a.on[row] & 3]);
    }
    row++;
  }
}

// The battery comes, grows old, is lost.

export function logPhase(needs: Needs, phase: number): void {
  writeLog(needs, phase > NORMAL ? WARN : INFO, "bms " + nameIn(PHASES_AT, phase));
}

// What a person should know about the machine, said once at boot.

/**
 * Warn of an Espruino that is not known to work, and of Bluetooth. True when Bluetooth is on: nothing but UART, CAN and
 * control fits.
 */
export function bootNotes(needs: Needs): boolean {
  const facts = needs.natives.machine();
  if (facts.warning) writeLog(needs, WARN, "espruino: " + facts.espruino + " " + facts.warning);
  if (accessPoint) writeLog(needs, WARN, "wifi: an open access point stays on, this image is for tests alone");
  if (facts.bluetooth) {
    writeLog(
      needs,
      ERROR,
      "bluetooth is on and takes 2000 variables: only UART, CAN and control run, no Wi-Fi, MQTT and HTTP. " +
        "ESP32.enableBLE(false) switches it off and erases the boot code: flash again after it",
    );
  }
  return facts.bluetooth;
}
