// GET /api/status, the piece about the network: MQTT, the time of day, what waits for rt/replay.
import { memberText } from "../http/status.cold";
import { isoTime } from "../kernel/time.cold";
import { COALESCED, CONNECTED, DRAINED, DROPPED, ENQUEUED, MOST_IN_FLIGHT, MOST_QUEUED, OVERSIZE, RX_DROPPED, type Session } from "../mqtt/session";
import type { App } from "./app";
import { wallSeconds } from "./clock.cold";

/** QoS that the broker granted to each subscription, or its refusal. */
function granted(s: Session, topic: number): number | string | null {
  const code = s.granted.charCodeAt(topic);
  return code < 3 ? code : s.granted.length > topic ? "refused" : null;
}

function mqttMember(app: App): string {
  const m = app.mqtt, s = m.session, connected = s.state === CONNECTED, counts = s.counts, places = MOST_QUEUED + MOST_IN_FLIGHT;
  const command = connected ? granted(s, 0) : null, change = connected ? granted(s, 1) : null;
  return memberText("mqtt", { "enabled": m.enabled, "configured": s.host !== "",
    "subscribed": typeof command === "number" && typeof change === "number",
    "connected": connected, "client_id": m.clientId, "root_topic": m.style && m.style.root || s.base,
    "publish_count": s.published, "failed_count": s.failed, "error_count": s.errors, "dropped_count": counts[DROPPED],
    "dropped_samples": m.samples.dropped,
    "last_publish_ms": s.published ? Math.round(s.lastPublish) : null, "last_error_code": s.errorCode, "last_error_message": s.errorMessage,
    "qos": m.registerFlags >> 1 & 3, "retain": (m.registerFlags & 1) === 1, "clean_session": m.cleanSession, "use_tls": s.tls,
    "tls": s.tls ? "encrypted, server not verified" : "off", "subscriptions": { "cmd": command, "cfg/set": change },
    "queue_len": s.outbox.length + s.inFlight.length, "queue_max": places, "admitted_count": s.published - counts[DRAINED] + counts[ENQUEUED],
    "coalesced_count": counts[COALESCED], "queued": s.outbox.length, "in_flight": s.inFlight.length, "rx_drop": counts[RX_DROPPED],
    "oversize_drop": counts[OVERSIZE], "blocked_ms_max": Math.round(s.blockedMost) });
}

/** The time of day, null while unknown, and how it was learned; what waits for rt/replay. */
function timeMember(app: App): string {
  const now = app.natives.now(), c = app.clock, log = app.replay.log;
  return memberText("time", isoTime(wallSeconds(app)) || null) + memberText("clock", { "syncs": c.syncs, "failures": c.failures,
    "last_sync_s": c.syncs ? Math.round((now - c.syncedAt) / 1000) : null, "last_error": c.error || null })
    + memberText("replay", { "pending": log ? log.next - log.acked : 0, "dropped": app.replay.dropped });
}

/** The third piece of the answer. */
export function networkPiece(app: App): string {
  return mqttMember(app) + timeMember(app);
}
