// One step of a discovery message: a few pieces are counted, or, once all are, sent.
import { modules } from "../config/fields.baked";
import { DONE, GATEWAY, HEAD, type Discovery } from "../mqtt/discovery";
import { discoveryPart } from "../mqtt/discovery.cold";
import { streamBegin, streamPiece } from "../mqtt/stream.cold";
import { VERSION } from "../version";
import type { App } from "./app";
import { QOS1, RETAIN } from "../mqtt/session";
import { REFRESH_MS } from "./mqtt-state";

/** From the last piece to the topics that follow, ms. */
const SOON_MS = 1000;
/** Pieces counted and sent in a step, and bytes that may wait in the socket before the next. */
const COUNTED = 6, SENT = 2, MOST_PENDING = 512;

/**
 * The message is out: what it told counts, and who was told finds fresh values. The periodic topics follow when the pieces have left: with
 * them in the socket there is no room. rt/limits comes each ten seconds, and settings are retained, or said again too.
 */
function finish(app: App, d: Discovery, now: number): void {
  const mqtt = app.mqtt, rare = mqtt.rare, own = app.commands;
  if (d.work === GATEWAY) d.toldLevel = d.level;
  else d.toldCells = d.cells;
  if (d.gone & d.work) d.gone &= ~d.work; // told as gone: once more without them
  else d.todo &= ~d.work;
  d.work = d.at = 0;
  if (d.todo && app.snapshot.cells) return;
  mqtt.stateAt = -REFRESH_MS;
  rare.odd = false; // the round of all periodic topics
  rare.place[2] = 0;
  rare.due[2] = now + SOON_MS;
  if (mqtt.rareAt > now + SOON_MS) mqtt.rareAt = now + SOON_MS;
  if (own.configFlags & RETAIN) return;
  own.pending |= 1 << modules.split(" ").indexOf("battery");
  if (own.at > now + SOON_MS) own.at = now + SOON_MS;
}

/** False when the message cannot be ended: the connection is of no use any more. */
function send(app: App, d: Discovery, id: string, now: number): boolean {
  const session = app.mqtt.session, socket = session.socket;
  for (let left = SENT; socket && left > 0 && d.line !== DONE && (socket.dSnd || "").length <= MOST_PENDING; left--) {
    if (!streamPiece(session, discoveryPart(d, id, session.base, VERSION), now)) return false;
  }
  if (d.line !== DONE) return true;
  if (session.stream) return false;
  finish(app, d, now);
  return true;
}

/** The next step of the message that `work` names. False when it was counted wrong, which leaves the connection of no use. */
export function discoveryWork(app: App, now: number): boolean {
  const d = app.mqtt.discovery, session = app.mqtt.session, id = "tinybms_" + app.device.substr(6).toLowerCase();
  if (d.sending) return send(app, d, id, now);
  for (let left = COUNTED; left > 0 && d.line !== DONE; left--) d.bytes += discoveryPart(d, id, session.base, VERSION).length;
  const name = d.work === GATEWAY ? "_gateway/config" : "_bms/config";
  if (d.line === DONE && streamBegin(session, d.prefix + "/device/" + id + name, d.bytes, QOS1 + RETAIN, now)) {
    d.line = HEAD;
    d.sending = true;
  }
  return true;
}
