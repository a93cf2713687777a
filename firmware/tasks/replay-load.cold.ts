// What an earlier start, or an earlier absence of the broker, left on flash for rt/replay.
import { RECORD } from "../mqtt/replay";
import { readRecord, type Entry } from "../mqtt/replay.cold";
import { CONNECTED } from "../mqtt/session";
import type { App } from "./app";
import { fileName } from "./replay-spool.cold";
import { FILE, type ReplayLog } from "./replay-state";

/** The first place that was never written. A record begins with a letter, so its first byte says it. */
function freePlace(text: string): number {
  let low = 0, high = FILE / RECORD;
  while (low < high) {
    const middle = low + high >> 1;
    if (text.charCodeAt(middle * RECORD) === 255) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The last whole record before a place; those that a power cut tore are passed over. */
function lastEntry(app: App, text: string, place: number): Entry | null {
  let found: Entry | null = null, at = place - 1;
  for (; at >= 0 && !found; at--) found = readRecord(text.substr(at * RECORD, RECORD), app.natives.crc32);
  return found;
}

/** Find the newer of the two files and where it ends; which start has written last. */
function findEnd(app: App, log: ReplayLog): number {
  let boot = 0, file = 0;
  for (; file < 2; file++) {
    const text = app.store.read(fileName(file)) || "", place = text.length === FILE ? freePlace(text) : 0, last = lastEntry(app, text, place);
    if (!last) continue;
    if (last.number < log.next - 1 || last.number === log.next - 1 && last.acked < log.acked) {
      log.readFile = file; // the older one
      continue;
    }
    log.readFile = log.place < 0 ? file : log.file;
    log.file = file;
    log.place = place;
    log.next = log.spooled = last.number + 1;
    log.acked = log.noted = log.sent = last.acked;
    boot = last.boot;
  }
  return boot;
}

/** Make the log with what flash has; null when the broker is there and has it all. */
export function replayLoad(app: App, now: number): ReplayLog | null {
  const log: ReplayLog = { next: 1, acked: 1, spooled: 1, noted: 1, writtenAt: now, file: 0, place: -1, readFile: 0, readPlace: 0,
    ring: "", values: new Uint16Array(4), keptAt: -Infinity, payload: "", sent: 1 };
  const boot = findEnd(app, log), replay = app.replay;
  if (!replay.boot) replay.boot = boot % 65535 + 1;
  return replay.log = log.acked < log.next || app.mqtt.session.state !== CONNECTED ? log : null;
}

/** The session forgot what was under way: all that is not acknowledged is sent again, from the older file on. */
export function replayAgain(log: ReplayLog): void {
  log.payload = "";
  log.sent = log.acked;
  log.readFile = 1 - log.file;
  log.readPlace = 0;
}
