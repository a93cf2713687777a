// The built image in the node host, for tests of the whole system: every rig is taken down.
import { startHost } from "../../tools/host/run";
import type { Host, HostFrame, HostOptions } from "../../tools/host/run";
import { builtImage } from "../fixtures/image";

/** Frames of this device, what is sent each second, and each two or ten. */
export const LIMITS = 0x351,
  CHARGE = 0x355,
  MEASURED = 0x356,
  ALARMS = 0x35a,
  MAKER = 0x35e,
  MODULES = 0x372,
  CELLS = 0x373;
export const EACH_SECOND = [LIMITS, CHARGE, MEASURED, ALARMS, MODULES, CELLS];
export const PLACES = [0x374, 0x375, 0x376, 0x377],
  IDENTITY = [MAKER, 0x35f, 0x378, 0x379, 0x380, 0x381, 0x382];

type UartCounter =
  | "ok"
  | "crc"
  | "timeouts"
  | "nacks"
  | "foreign"
  | "resent"
  | "noise_bytes"
  | "implausible"
  | "seq"
  | "read_command";

interface Rule {
  code: string;
  severity: number;
  rule: string;
  effect: string;
}

/** GET /api/status, as far as the tests read it. */
export interface Status {
  live_data: Record<string, number | string | null> & { phase: string; age_ms: number | null; seq: number };
  limits: {
    cvl: number | null;
    ccl: number | null;
    dcl: number | null;
    reason: string;
    reason_code: number;
    cells: number | null;
    state: string;
    cvl_reason: string;
    cvl_code: number;
    cvl_target: number;
    ccl_reason: string;
    ccl_code: number;
    ccl_target: number;
    dcl_reason: string;
    dcl_code: number;
    dcl_target: number;
    broken_rules: Rule[];
    /** What was adjusted: nothing wrong. */
    notes: Rule[];
    history: [minutes: number, cvl: string, ccl: string, dcl: string][];
  };
  uart: Record<UartCounter, number> & { slowed: boolean; warning: string | null };
  can: {
    tx: number;
    rx: number;
    errors: number;
    bus_off: number;
    state: string;
    tec: number;
    rec: number;
    keepalive_ok: boolean;
    silent: string | null;
  };
  mqtt: Record<string, number | string | boolean | null>;
  espruino: { version: string; warning: string | null; bluetooth: boolean };
  memory: Record<string, number | boolean | null>;
  tasks: { name: string; late: number; longest_ms: number; faults: number }[];
  alarms: { id: number; code: string; severity: number }[];
  time: string | null;
  clock: { syncs: number; failures: number; last_sync_s: number | null; last_error: string | null };
  replay: { pending: number; dropped: number };
  uptime_ms: number;
  version: string;
}

/** How much faster than real time the device lives in most tests. */
export const SCALE = 10;

const hosts: Host[] = [];

/** The image for the host board. */
export async function imageText(): Promise<string> {
  return (await builtImage("host")).code;
}

/** A rig with the built image; `closeHosts` takes it down. */
export async function boot(options: HostOptions = {}): Promise<Host> {
  const host = await startHost({ timeScale: SCALE, ...options, imageText: options.imageText ?? (await imageText()) });
  hosts.push(host);
  return host;
}

/** For `afterEach`: nothing runs on. Fails when a task of the image threw or the device restarted by itself. */
export async function closeHosts(): Promise<void> {
  const ended = hosts.splice(0);
  for (const host of ended) await host.stop();
  for (const { console, count } of ended) {
    const wrong = console.map(({ line }) => line).filter((line) => /^(task |fault: |Uncaught|Error|ERROR)/.test(line));
    const unexpected = wrong.filter((line) => !line.startsWith("ERROR: Connect failed"));
    if (unexpected.length) throw new Error("on the console: " + unexpected.slice(0, 5).join(" | "));
    if (count.watchdogResets) throw new Error(`the watchdog restarted the device ${count.watchdogResets} times`);
  }
}

/** Own frames since `from` (ms of the clock), of one identifier or all. */
export function sent(host: Host, from: number, id?: number): HostFrame[] {
  return host.frames.filter((frame) => frame.isOwn && frame.at >= from && (id === undefined || frame.id === id));
}

/** Bytes of a frame as upper-case hex. */
export function hex(frame: HostFrame): string {
  return Buffer.from(frame.data).toString("hex").toUpperCase();
}

export async function status(host: Host): Promise<Status> {
  return (await (await host.request("/api/status")).json()) as Status;
}

/** Wait until the device sends limits, which is a little after its start. */
export async function running(host: Host, limit_ms = 15000): Promise<void> {
  await host.until("limits on the bus", () => sent(host, 0, LIMITS).length > 0, limit_ms);
}

/**
 * Ask again and again until the status is as wanted, also when an answer is cut because the device stood still; throws
 * with the last one.
 */
export async function untilStatus(
  host: Host,
  what: string,
  is: (now: Status) => boolean,
  limit_ms: number,
): Promise<Status> {
  const end = host.clock.now() + limit_ms;
  for (;;) {
    const now = await status(host).catch((error: unknown) => {
      if (error instanceof SyntaxError || (error as Error).message === "fetch failed") return null;
      throw error;
    });
    if (now && is(now)) return now;
    if (host.clock.now() > end) throw new Error(`waited ${limit_ms} ms in vain: ${what}: ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A handshake that failed is an exception on the console (seen on the interpreter), which other tests may not have. */
export async function dropHandshakeLines(host: Host): Promise<void> {
  await host.stop();
  const rest = host.console.filter(({ line }) => !/mbedtls_ssl_handshake/.test(line));
  host.console.splice(0, host.console.length, ...rest);
}
