// The broker is back: what it missed goes to rt/replay, oldest first, a few records a message, one message at a time, after live data.
// A record is done with when the broker has acknowledged it; flash is told so at most once a minute.
import { RECORD } from "../mqtt/replay";
import { readRecord, replayRecord, replaySamples } from "../mqtt/replay.cold";
import { publish, QOS1 } from "../mqtt/session";
import type { App } from "./app";
import { fileName, spoolAdd } from "./replay-spool.cold";
import { FILE, WRITE_MS, type ReplayLog } from "./replay-state";

/** Period of a step, and time that a new connection has for live data, ms; records in a message, and looked at in a step. */
const STEP_MS = 1000, LIVE_MS = 5000, RECORDS = 4, LOOK = 32;
const NONE = [0xffff, 0xffff, 0xffff, 0xffff];

/** What a step has put together. */
interface Message { samples: string; count: number; sent: number; looked: number }

/** The samples of a record, unless they were sent before. */
function take(app: App, text: string, message: Message): void {
  const entry = readRecord(text, app.natives.crc32);
  message.looked++;
  if (!entry || entry.kind !== "R" || entry.number < message.sent) return;
  message.samples += replaySamples(text, entry, app.replay.boot, app.clock.epoch);
  message.count++;
  message.sent = entry.number + 1;
}

/** Records on flash from the place of reading on, which moves with them. */
function takeSpooled(app: App, log: ReplayLog, message: Message): void {
  let file = -1, text = "";
  while (message.count < RECORDS && message.looked < LOOK && log.place >= 0) {
    if (log.readFile === log.file && log.readPlace >= log.place) return;
    if (log.readPlace >= FILE / RECORD) {
      log.readFile = log.file;
      log.readPlace = 0;
      continue;
    }
    if (file !== log.readFile) text = app.store.read(fileName(log.readFile)) || "";
    file = log.readFile;
    take(app, text.substr(log.readPlace * RECORD, RECORD), message);
    log.readPlace++;
  }
}

/** Flash learns what was acknowledged, when it has records of it and a minute is over. Without room the next start tells them once more. */
function note(app: App, log: ReplayLog, now: number): void {
  if (log.noted >= log.acked || log.noted >= log.spooled || now - log.writtenAt < WRITE_MS) return;
  const entry = { kind: "A", boot: app.replay.boot, number: log.next - 1, up: now / 1000, wall: 0, acked: log.acked };
  log.noted = log.acked;
  spoolAdd(app, log, replayRecord(entry, NONE, app.natives.crc32), now);
}

/** Nothing is left to send, and all was acknowledged: the log goes when flash knows it. */
function finish(app: App, log: ReplayLog, now: number): void {
  log.acked = log.sent = log.next;
  note(app, log, now);
  if (log.noted < log.spooled) return;
  app.replay.log = null;
}

function isUnderWay(app: App, log: ReplayLog): boolean {
  const session = app.mqtt.session;
  function isOurs(message: { payload: string }): boolean { return message.payload === log.payload; }
  return log.payload !== "" && (session.inFlight.some(isOurs) || session.outbox.some(isOurs));
}

/** One step while the broker is there and something is kept. */
export function replaySend(app: App, now: number): void {
  const log = app.replay.log!, session = app.mqtt.session, socket = session.socket, file = log.readFile, place = log.readPlace;
  app.replay.at = now + STEP_MS;
  if (isUnderWay(app, log)) return;
  log.payload = "";
  if (log.sent > log.acked) log.acked = log.sent;
  const first = log.next - log.ring.length / RECORD; // in the ring
  if (log.ring && log.acked > first) log.ring = log.ring.substr((log.acked - first) * RECORD);
  if (log.place < FILE / RECORD) note(app, log, now); // a full file waits: to begin the other one would erase what was not told yet
  if (now - session.since < LIVE_MS || session.inFlight.length || session.outbox.length || socket && socket.dSnd) return;
  const message: Message = { samples: "", count: 0, sent: log.sent, looked: 0 };
  takeSpooled(app, log, message);
  let at = 0;
  for (; at < log.ring.length && message.count < RECORDS && message.looked < LOOK; at += RECORD) take(app, log.ring.substr(at, RECORD), message);
  if (!message.count) {
    if (message.looked < LOOK) finish(app, log, now);
    return;
  }
  const payload = '{"samples":[' + message.samples.substr(1) + "]}";
  if (publish(session, "rt/replay", payload, QOS1, now)) {
    log.payload = payload;
    log.sent = message.sent;
  } else {
    log.readFile = file;
    log.readPlace = place;
  }
}
