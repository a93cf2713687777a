// GET /api/status, the piece about the lines: UART and CAN.
import { FAST } from "../bms/poller";
import { memberText } from "../http/status.cold";
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

/** The fourth piece of the answer. */
export function linesPiece(app: App): string {
  return uartMember(app) + canMember(app, app.natives.now());
}
