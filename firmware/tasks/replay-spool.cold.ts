// The flash files of rt/replay. What is written cannot change, so records are only added; when a file is full, the other one is
// erased and begun anew: the oldest records make room (decisions 37).
import { RECORD } from "../mqtt/replay";
import { readRecord } from "../mqtt/replay.cold";
import type { App } from "./app";
import { FILE, type ReplayLog } from "./replay-state";

/** A file is begun only while there is this much room beside it: settings must never make flash compact itself. */
const ROOM = FILE + 65536;

export function fileName(file: number): string {
  return "replay." + (file ? "b" : "a");
}

/** The other file goes; what was not told yet in it is lost. */
function turnOver(app: App, log: ReplayLog): void {
  const first = readRecord((app.store.read(fileName(log.file)) || "").substr(0, RECORD), app.natives.crc32);
  if (first && first.number > log.acked) {
    app.replay.dropped += first.number - log.acked;
    log.acked = first.number;
    if (log.sent < first.number) log.sent = first.number;
  }
  if (log.readFile !== log.file) {
    log.readFile = log.file;
    log.readPlace = 0;
  }
}

/** Add records, as many as the file takes; how many arrived. Who calls sees to it that it is at most once a minute. */
export function spoolAdd(app: App, log: ReplayLog, records: string, now: number): number {
  const begins = log.place < 0 || log.place >= FILE / RECORD;
  let text = records;
  if (begins && app.store.getFree() < ROOM) return 0;
  log.writtenAt = now;
  if (log.place >= FILE / RECORD) {
    turnOver(app, log);
    log.file = 1 - log.file;
  }
  if (begins) {
    app.store.erase(fileName(log.file));
    log.place = 0;
  }
  text = records.substr(0, FILE - log.place * RECORD);
  try {
    app.store.write(fileName(log.file), text, log.place * RECORD, FILE);
  } catch (error) {
    log.place = begins ? -1 : log.place + 1; // torn bytes of a power cut: the next place is free
    return 0;
  }
  log.place += text.length / RECORD;
  return text.length / RECORD;
}
