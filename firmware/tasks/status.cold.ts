// GET /api/status: what the device knows, in four pieces.
import { alarmsText } from "../battery/alarms.cold";
import { FAST } from "../bms/poller";
import { headText } from "../http/head.cold";
import { liveText, machineText, memberText } from "../http/status.cold";
import { VERSION } from "../version";
import type { App } from "./app";
import { GX_GONE_MS } from "./can";

function gxPresent(app: App, now: number): boolean {
  return app.can.gxAt >= 0 && now - app.can.gxAt <= GX_GONE_MS;
}

/** Counters of the conversation; by which command it reads (3 or 7), and whether it asks more slowly because nothing comes. */
function uartMember(app: App): string {
  const p = app.uart.poller, s = app.snapshot, fast = p.plan[FAST];
  return memberText("uart", { "ok": p.ok, "crc": p.crc, "timeouts": p.timeouts, "nacks": p.nacks, "foreign": p.foreign, "resent": p.resent,
    "noise_bytes": p.noise, "implausible": s.dropped, "seq": s.seq, "read_command": fast.request.charCodeAt(1),
    "slowed": fast.every > app.uart.every });
}

function canMember(app: App, now: number): string {
  const port = app.canPort, health = port.health();
  return memberText("can", { "tx": port.tx, "rx": port.rx, "errors": port.errors, "bus_off": port.busOff, "state": health.state, "tec": health.tec,
    "rec": health.rec, "keepalive_ok": gxPresent(app, now) });
}

/** The first and the last piece of the answer, "" after that; those between are status-limits.cold.ts and status-network.cold.ts. */
export function statusPiece(app: App, piece: number): string {
  const now = app.natives.now();
  if (piece === 0) return headText(200) + liveText(app.snapshot, app.limits, now);
  if (piece > 3) return "";
  return uartMember(app) + canMember(app, now) + machineText(app.natives.memory(), app.scheduler.tasks, alarmsText(app.alarms), now, VERSION);
}
