// Espruino's `net` and `tls` on node's sockets: byte strings in chunks, output queued without bound in `dSnd`, failures
// that throw. Source: libs/network/socketserver.c of Espruino 2v29 (behaviour only); details seen on Espruino 2v29 for
// Linux are marked "seen".
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import type net from "node:net";
import tls from "node:tls";
import type { HostClock } from "./clock";
import type { NetworkFaults } from "./faults";
import { latin1 } from "./natives";
import type { Realm } from "./realm";
import type { Door, Transport, Wire } from "./transport";

const CHUNK_BYTES = 536,
  STALL_LOOK_MS = 20;

type Callback = (...values: unknown[]) => void;

/** What the sockets need of the device. */
export interface SocketHooks {
  realm: Realm;
  clock: HostClock;
  faults: NetworkFaults;
  transport: Transport;
  run(callback: Callback, values: unknown[]): void;
  print(line: string): void;
  /** Listening servers by the port that the image knows; bound before the image runs. */
  servers: Map<number, Door>;
  /** Nobody listens there, and the host knows: `connect` throws at once, as it does on the chip. */
  isRefused(host: string, port: number): boolean;
}

export interface Sockets {
  /** What `require("net")` gives. */
  module: {
    connect(options: unknown, connected: unknown): SocketFace;
    createServer(client: unknown): { listen(port: unknown): void };
  };
  /** What `require("tls")` gives. */
  tlsModule: { connect(options: unknown, connected: unknown): SocketFace };
  /** Close everything without a word to the image. */
  dispose(): void;
}

/** A socket as the image sees it (NetSocket in firmware/espruino.d.ts). */
export interface SocketFace {
  write(data: unknown): boolean;
  end(data?: unknown): void;
  on(event: string, callback: unknown): void;
  /** What has been written and not sent yet; undefined before the first write (seen). */
  dSnd?: string;
}

interface SocketState {
  hooks: SocketHooks;
  face: SocketFace;
  isOutgoing: boolean;
  /** Null for a black hole. */
  wire: Wire | null;
  listeners: Record<string, Callback[]>;
  received: string[];
  isConnected: boolean;
  isEnding: boolean;
  isClosed: boolean;
  hasFailed: boolean;
  /** The wire is gone, what it brought before is still to be told. */
  isGone: boolean;
  cancelTurn: (() => void) | undefined;
  cancelStall: (() => void) | undefined;
}

interface SocketsState {
  hooks: SocketHooks;
  open: Set<SocketState>;
  detach: (() => void)[];
}

const EVENTS = ["data", "close", "error", "drain", "end"];

function emit(s: SocketState, event: string, values: unknown[]): void {
  (s.listeners[event] ?? []).forEach((listener) => s.hooks.run(listener, values));
}

function isStalled({ hooks: { faults }, isOutgoing }: SocketState): boolean {
  return faults.stalled === "all" || faults.wifi === "down" || (isOutgoing && faults.stalled === "outgoing");
}

/** Send one chunk of what waits; all sent and nothing more to come: close. */
function sendChunk(s: SocketState, wire: Wire): void {
  const waiting = s.face.dSnd ?? "";
  if (waiting !== "" && !wire.writableNeedDrain) {
    wire.write(latin1(waiting.slice(0, CHUNK_BYTES)));
    s.face.dSnd = waiting.slice(CHUNK_BYTES);
    if (s.face.dSnd === "" && !s.isEnding) emit(s, "drain", []);
  }
  if (s.isEnding && !s.face.dSnd) wire.destroySoon();
}

/** One turn of the idle loop for one socket: one chunk out, one chunk in. */
function turn(s: SocketState): void {
  s.cancelTurn = undefined;
  if (s.isClosed || s.wire === null) return;
  if (isStalled(s)) {
    s.cancelStall = s.hooks.clock.schedule(STALL_LOOK_MS, () => wake(s));
    return;
  }
  if (s.isConnected && !s.isGone) sendChunk(s, s.wire);
  if (s.received.length > 0 && s.listeners.data) emit(s, "data", [s.received.shift()]);
  const hasInput = s.received.length > 0 && s.listeners.data !== undefined;
  if (s.isGone && !hasInput) {
    closed(s, s.hasFailed);
    return;
  }
  if (s.received.length === 0) s.wire.resume();
  if (hasInput || (s.face.dSnd && !s.wire.writableNeedDrain && s.isConnected)) wake(s);
}

function wake(s: SocketState): void {
  if (!s.isClosed) s.cancelTurn ??= s.hooks.clock.soon(() => turn(s));
}

function write(s: SocketState, data: unknown): boolean {
  if (s.isClosed || s.isEnding) return s.hooks.realm.fail("This socket is closed");
  if (typeof data !== "string") return s.hooks.realm.fail("socket.write: the host takes a string");
  s.face.dSnd = (s.face.dSnd ?? "") + data;
  wake(s);
  return false;
}

function end(s: SocketState, data: unknown): void {
  if (s.isClosed || s.isEnding) return;
  if (data !== undefined) write(s, data);
  s.isEnding = true;
  if (s.wire === null) s.hooks.clock.soon(() => closed(s, false));
  wake(s);
}

/** Tell the image of the end, once. */
function closed(s: SocketState, hasFailed: boolean): void {
  if (s.isClosed) return;
  s.isClosed = true;
  s.cancelTurn?.();
  s.cancelStall?.();
  if (!hasFailed) emit(s, "end", []);
  emit(s, "close", [hasFailed]);
}

function faceOf(hooks: SocketHooks, state: () => SocketState): SocketFace {
  return {
    write: (data) => write(state(), data),
    end: (data) => end(state(), data),
    on: (event, callback) => {
      if (!EVENTS.includes(event) || typeof callback !== "function")
        hooks.realm.fail(`the host's sockets have no event ${event}`);
      (state().listeners[event] ??= []).push(callback as Callback);
      wake(state());
    },
  };
}

function cut(text: string): string[] {
  return Array.from({ length: Math.ceil(text.length / CHUNK_BYTES) }, (_, i) =>
    text.slice(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
  );
}

/** A socket of the image over a node socket, or over nothing. */
function open(all: SocketsState, wire: Wire | null, isOutgoing: boolean): SocketState {
  const s: SocketState = {
    hooks: all.hooks,
    face: faceOf(all.hooks, () => s),
    isOutgoing,
    wire,
    listeners: {},
    received: [],
    isConnected: !isOutgoing,
    isEnding: false,
    isClosed: false,
    hasFailed: false,
    isGone: false,
    cancelTurn: undefined,
    cancelStall: undefined,
  };
  all.open.add(s);
  wire?.setNoDelay(true);
  // Paused until the image has taken it all, so that a peer feels a slow device.
  wire?.on("data", (bytes: Buffer) => {
    wire.pause();
    s.received.push(...cut(bytes.toString("latin1")));
    wake(s);
  });
  wire?.on("drain", () => wake(s));
  wire?.on("error", (error: NodeJS.ErrnoException) => {
    s.hasFailed = true;
    emit(s, "error", [{ code: -1, message: error.message }]);
  });
  wire?.on("close", () => {
    all.open.delete(s);
    s.isGone = true;
    wake(s);
  });
  return s;
}

function refuse(hooks: SocketHooks): never {
  hooks.print("ERROR: Connect failed (err 111)");
  return hooks.realm.fail("Unable to create socket");
}

const KEY_TYPES = ["pkcs8", "pkcs1", "sec1"] as const;

function keyOf(der: Buffer): KeyObject {
  for (const type of KEY_TYPES) {
    try {
      return createPrivateKey({ key: der, format: "der", type });
    } catch {
      continue;
    }
  }
  throw new Error("no private key");
}

/**
 * A certificate or key of the image as PEM; nothing for none. A text of up to 100 characters would be a file's name
 * (seen).
 */
function pemOf({ realm }: SocketHooks, name: string, given: unknown): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "string" || given.length <= 100) return realm.fail("Could not open file : UNKNOWN");
  try {
    const der = latin1(given);
    return name === "key"
      ? String(keyOf(der).export({ type: "pkcs8", format: "pem" }))
      : new X509Certificate(der).toString();
  } catch {
    return realm.fail(`mbedtls parse of ${name} failed`);
  }
}

/**
 * Encrypted, verifying nothing, as the interpreter does: mbed TLS 2 has no TLS 1.3, and whatever the broker is called
 * it is told this name (libs/network/network.c). A failed handshake is an exception outside any call (seen).
 */
function secureWire(hooks: SocketHooks, options: { host: string; port: number }): net.Socket {
  const { ca, cert, key } = options as Record<string, unknown>;
  pemOf(hooks, "ca", ca);
  const identity = { cert: pemOf(hooks, "cert", cert), key: pemOf(hooks, "key", key) };
  const wire = tls.connect({
    ...options,
    ...identity,
    ca: undefined,
    rejectUnauthorized: false,
    servername: "mbed TLS Server 1",
    maxVersion: "TLSv1.2",
  });
  let isSecure = false;
  wire.once("secureConnect", () => {
    isSecure = true;
  });
  wire.once("close", () => {
    if (!isSecure) hooks.run(() => hooks.realm.fail("mbedtls_ssl_handshake returned -0x1"), []);
  });
  return wire;
}

function connect(all: SocketsState, options: unknown, connected: unknown, isSecure: boolean): SocketFace {
  const { hooks } = all,
    { faults } = hooks;
  const { host, port } = (options ?? {}) as { host?: unknown; port?: unknown };
  if (typeof host !== "string" || typeof port !== "number")
    return hooks.realm.fail("connect: the host takes { host, port }");
  if (typeof connected !== "function") return hooks.realm.fail("connect: the host takes a function");
  if (faults.connect === "blocks" || faults.wifi === "down") {
    hooks.clock.block(faults.blockMs);
    refuse(hooks);
  }
  if (faults.connect === "refused" || hooks.isRefused(host, port)) refuse(hooks);
  const address = options as { host: string; port: number };
  const wire =
    faults.connect === "blackHole" ? null : isSecure ? secureWire(hooks, address) : hooks.transport.connect(host, port);
  const s = open(all, wire, true);
  const flow = (): void => {
    s.isConnected = true;
    wake(s);
  };
  const opened = (): void => {
    if (!isSecure) s.isConnected = true;
    hooks.run(connected as Callback, [s.face]); // encrypted: before the handshake (seen)
    wake(s);
  };
  wire?.on("secureConnect", flow);
  if (wire) wire.on("connect", opened);
  else hooks.clock.soon(opened);
  return s.face;
}

function listen(all: SocketsState, client: Callback, port: unknown): void {
  const { hooks } = all;
  const server = hooks.servers.get(Number(port));
  if (!server) return hooks.realm.fail(`the host has no port for the device's port ${port}`);
  const accept = (wire: Wire): void => hooks.run(client, [open(all, wire, false).face]);
  server.on("connection", accept);
  all.detach.push(() => server.off("connection", accept));
}

/**
 * The `net` module. A connect that is known to fail throws "Unable to create socket" at once, as on the chip; a refusal
 * that only the network knows comes as `error` and `close` events instead, which the chip never does before the
 * connection stands.
 */
export function createSockets(hooks: SocketHooks): Sockets {
  const all: SocketsState = { hooks, open: new Set(), detach: [] };
  return {
    module: {
      connect: (options, connected) => connect(all, options, connected, false),
      createServer: (client) => {
        if (typeof client !== "function") return hooks.realm.fail("createServer: the host takes a function");
        return { listen: (port) => listen(all, client as Callback, port) };
      },
    },
    tlsModule: { connect: (options, connected) => connect(all, options, connected, true) },
    dispose: () => {
      all.detach.forEach((detach) => detach());
      for (const s of all.open) {
        s.isClosed = true;
        s.cancelTurn?.();
        s.cancelStall?.();
        s.wire?.destroy();
      }
      all.open.clear();
    },
  };
}
