// GET /api/status: what the device knows, in two pieces.
import { headText } from "../http/head.cold";
import { liveText, machineText, memberText } from "../http/status.cold";
import { CONNECTED } from "../mqtt/session";
import { VERSION } from "../version";
import { alarmsNow } from "./active-alarms.cold";
import type { App } from "./app";
import { GX_GONE_MS } from "./can";

function gxPresent(app: App, now: number): boolean {
  return app.can.gxAt >= 0 && now - app.can.gxAt <= GX_GONE_MS;
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

function mqttMember(app: App): string {
  const m = app.mqtt, s = m.session, connected = s.state === CONNECTED;
  return memberText("mqtt", { "enabled": m.enabled, "configured": s.host !== "", "subscribed": false, "connected": connected, "client_id": m.clientId,
    "root_topic": s.base, "publish_count": s.published, "failed_count": s.failed, "error_count": s.errors, "dropped_count": m.samples.dropped,
    "last_publish_ms": s.published ? Math.round(s.lastPublish) : null, "last_error_code": s.errorCode, "last_error_message": s.errorMessage,
    "qos": m.registerFlags >> 1, "retain": (m.registerFlags & 1) === 1, "clean_session": m.cleanSession, "use_tls": false,
    "queue_len": s.inFlight.length, "queue_max": 4, "blocked_ms_max": Math.round(s.blockedMost) });
}

/** A piece of the answer, "" after the last. */
export function statusPiece(app: App, piece: number): string {
  const now = app.natives.now();
  if (piece === 0) return headText(200) + liveText(app.snapshot, app.limits, now) + uartMember(app) + canMember(app, now);
  if (piece === 1) return mqttMember(app) + machineText(app.natives.memory(), app.scheduler.tasks, alarmsNow(app, now), now, VERSION);
  return "";
}
