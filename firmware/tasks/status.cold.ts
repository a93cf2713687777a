// GET /api/status: what the device knows, in two pieces.
import { alarmsText } from "../battery/alarms.cold";
import * as r from "../battery/registers.baked";
import { DEGRADED, LOST } from "../battery/snapshot";
import { headText } from "../http/head.cold";
import { liveText, machineText, memberText } from "../http/status.cold";
import { COALESCED, CONNECTED, DRAINED, DROPPED, ENQUEUED, MOST_IN_FLIGHT, MOST_QUEUED, OVERSIZE, RX_DROPPED, type Session } from "../mqtt/session";
import { VERSION } from "../version";
import type { App } from "./app";
import { GX_GONE_MS } from "./can";

function gxPresent(app: App, now: number): boolean {
  return app.can.gxAt >= 0 && now - app.can.gxAt <= GX_GONE_MS;
}

/** Numbers of the alarms that are active. */
function activeAlarms(app: App, now: number): number[] {
  const phase = app.snapshot.phase, active = [], port = app.canPort, silent = phase === 0 || phase > LOST || !app.limits.valid;
  if (phase >= DEGRADED) active.push(41);
  if (phase >= LOST) active.push(60);
  if (app.snapshot.values[r.onlineStatus] === 0x9b) active.push(61);
  if (phase > 0 && !app.limits.valid) active.push(51);
  if (!gxPresent(app, now)) active.push(45);
  if (!silent && now - port.ackAt > 10000) active.push(43);
  if (port.busOff > 0 && now - port.ackAt > 10000) active.push(44);
  return active;
}

function uartMember(app: App): string {
  const p = app.uart.poller, s = app.snapshot;
  return memberText("uart", { "ok": p.ok, "crc": p.crc, "timeouts": p.timeouts, "nacks": p.nacks, "foreign": p.foreign, "resent": p.resent,
    "noise_bytes": p.noise, "implausible": s.dropped, "seq": s.seq });
}

function canMember(app: App, now: number): string {
  const port = app.canPort, health = port.health();
  return memberText("can", { "tx": port.tx, "rx": port.rx, "errors": port.errors, "bus_off": port.busOff, "state": health.state, "tec": health.tec,
    "rec": health.rec, "keepalive_ok": gxPresent(app, now) });
}

/** QoS that the broker granted to each subscription, or its refusal. */
function granted(s: Session, topic: number): number | string | null {
  const code = s.granted.charCodeAt(topic);
  return code < 3 ? code : s.granted.length > topic ? "refused" : null;
}

function mqttMember(app: App): string {
  const m = app.mqtt, s = m.session, connected = s.state === CONNECTED, counts = s.counts, places = MOST_QUEUED + MOST_IN_FLIGHT;
  const command = connected ? granted(s, 0) : null, change = connected ? granted(s, 1) : null;
  const subscribed = typeof command === "number" && typeof change === "number";
  return memberText("mqtt", { "enabled": m.enabled, "configured": s.host !== "", "subscribed": subscribed,
    "connected": connected, "client_id": m.clientId, "root_topic": s.base, "publish_count": s.published, "failed_count": s.failed,
    "error_count": s.errors, "dropped_count": counts[DROPPED], "dropped_samples": m.samples.dropped,
    "last_publish_ms": s.published ? Math.round(s.lastPublish) : null, "last_error_code": s.errorCode, "last_error_message": s.errorMessage,
    "qos": m.registerFlags >> 1 & 3, "retain": (m.registerFlags & 1) === 1, "clean_session": m.cleanSession, "use_tls": s.tls,
    "tls": s.tls ? "encrypted, server not verified" : "off", "subscriptions": { "cmd": command, "cfg/set": change },
    "queue_len": s.outbox.length + s.inFlight.length, "queue_max": places, "admitted_count": s.published - counts[DRAINED] + counts[ENQUEUED],
    "coalesced_count": counts[COALESCED], "queued": s.outbox.length, "in_flight": s.inFlight.length, "rx_drop": counts[RX_DROPPED],
    "oversize_drop": counts[OVERSIZE], "blocked_ms_max": Math.round(s.blockedMost) });
}

/** A piece of the answer, "" after the last. */
export function statusPiece(app: App, piece: number): string {
  const now = app.natives.now();
  if (piece === 0) return headText(200) + liveText(app.snapshot, app.limits, now) + uartMember(app) + canMember(app, now);
  if (piece === 1) return mqttMember(app) + machineText(app.natives.memory(), app.scheduler.tasks, alarmsText(activeAlarms(app, now)), now, VERSION);
  return "";
}
