// Espruino's Wifi module for a host that is always in a network: joining, the access point, address, name look-up and
// ping, with faults. Source: libs/network/esp32 and targets/esp32/main.c of Espruino, releases 2v26 to 2v29 and newer
// (behaviour only).
import type { Release } from "./espruino";
import type { HostClock } from "./clock";
import type { NetworkFaults } from "./faults";
import type { Realm } from "./realm";
import type { Transport } from "./transport";

const JOIN_MS = 100,
  PING_BYTES = 32,
  PING_ANSWER_MS = 2;

/** File in which `Wifi.save` keeps a network for each boot, and what it must hold here. */
export const SAVED_NETWORK = ".wificfg";
const MODE_STATION = 1;
/** What `Wifi.getHostByName` of the releases tells of an address that it knows: where it lies in memory. */
const POINTER = "160.217.251.63";
/** The gateway is the PC, and its name server the model's (name-server.ts). */
export const GATEWAY = "127.0.0.1";

type Callback = (...values: unknown[]) => void;
type Mode = "NULL" | "STA" | "AP" | "APSTA";

/** What Wi-Fi needs of the device. */
export interface WifiHooks {
  release: Release;
  /** A flash file; undefined when there is none. */
  read(name: string): string | undefined;
  erase(name: string): void;
  realm: Realm;
  clock: HostClock;
  faults: NetworkFaults;
  transport: Transport;
  mac: string;
  run(callback: Callback, values: unknown[]): void;
  /** The interpreter itself breaks, and restarts. */
  panic(why: string): void;
}

export interface Wifi {
  /**
   * What the interpreter does after it has evaluated the image, before its first turn: the saved network, or an access
   * point.
   */
  restore(): void;
  /** What the radio does, and how often it went on the air as an access point. */
  mode(): Mode;
  openings(): number;
  /** What `require("Wifi")` gives. */
  module: Record<string, unknown>;
  /** Whether there is an address. */
  hasAddress(): boolean;
  /** Take the network away, or give it back: events, address, sockets and ping follow. */
  setUp(isUp: boolean): void;
}

interface WifiState {
  hooks: WifiHooks;
  /**
   * The radio's mode, an access point until told otherwise; whether it is started, and how often it was one on the air.
   */
  mode: Mode;
  isStarted: boolean;
  openings: number;
  /** A network was asked for, and joined; without a question it is the host's own. */
  asks: boolean;
  isJoined: boolean;
  /** Names that were asked for: a release knows their addresses from then on, and cannot tell them. */
  asked: Set<string>;
  listeners: Record<string, Callback[]>;
  /** Who hears of echoes: one for all of them. */
  echo: Callback | null;
}

function emit(s: WifiState, event: string, details: object): void {
  (s.listeners[event] ?? []).forEach((listener) => s.hooks.run(listener, [details]));
}

const isPoint = (mode: Mode): boolean => mode === "AP" || mode === "APSTA";

/** The radio starts in its mode, or takes another one. */
function start(s: WifiState, mode: Mode): void {
  if (isPoint(mode) && !(s.isStarted && isPoint(s.mode))) s.openings++;
  s.isStarted = true;
  s.mode = mode;
}

/** Up to 2v29 nobody is called back for a network that is not there; the event tells. */
function join(s: WifiState, callback: unknown): void {
  start(s, isPoint(s.mode) ? "APSTA" : "STA");
  s.asks = true;
  s.hooks.clock.schedule(JOIN_MS, () => {
    const isUp = s.hooks.faults.wifi === "up";
    s.isJoined = isUp;
    if (isUp) emit(s, "connected", { ip: "127.0.0.1", netmask: "255.0.0.0", gw: "127.0.0.1" });
    else emit(s, "disconnected", { ssid: "host", reason: "201", msg: "NO_AP_FOUND" });
    if (typeof callback === "function" && (isUp || !s.hooks.release.opens))
      s.hooks.run(callback as Callback, [isUp ? null : "no ap found"]);
  });
}

/** What stands in the flash counts; without it a release opens its access point, a newer build does nothing. */
function restore(s: WifiState): void {
  const kept = s.hooks.read(SAVED_NETWORK);
  if (kept) {
    const mode = Number((JSON.parse(kept) as { mode?: number }).mode);
    start(s, (["NULL", "STA", "AP", "APSTA"] as const)[mode] ?? "NULL");
    if (mode & MODE_STATION) join(s, undefined);
  } else if (s.hooks.release.opens) start(s, s.mode);
}

function getHostByName(s: WifiState, name: unknown, callback: unknown): void {
  const { hooks } = s;
  if (typeof name !== "string") return hooks.realm.fail("Hostname parameter is not a string");
  if (typeof callback !== "function") return hooks.realm.fail("Callback is not a function");
  const tell = (ip: string | null): void => hooks.run(callback as Callback, [ip]);
  if (!hooks.release.names) {
    const isKnown = s.asked.has(name) || /^[\d.]+$/.test(name);
    s.asked.add(name);
    hooks.clock.soon(() => tell(isKnown ? POINTER : null));
    return;
  }
  if (hooks.faults.dns === "fails" || hooks.faults.wifi === "down") hooks.clock.soon(() => tell(null));
  else hooks.transport.lookUp(name, tell);
}

/** The first of five answers. */
const ANSWER = {
  totalCount: 1,
  totalBytes: PING_BYTES,
  totalTime: PING_ANSWER_MS,
  respTime: PING_ANSWER_MS,
  seqNo: 1,
  timeoutCount: 0,
  bytes: PING_BYTES,
  error: 0,
};

/**
 * Espruino makes the answers of an echo in a task of its own, whatever JavaScript is doing then: two that take
 * variables at once destroy them. The first answer comes while natives pass the time in the callback that asks; who has
 * not taken his callback back at its end breaks the device.
 */
function ping(s: WifiState, callback: unknown): void {
  const { hooks } = s,
    isAlive = hooks.faults.ping === "answers" && hooks.faults.wifi === "up",
    wanted = typeof callback === "function" ? (callback as Callback) : null;
  s.echo = wanted;
  if (!wanted) return;
  hooks.clock.soon(() => {
    if (s.echo === wanted) hooks.panic("an echo was answered while JavaScript ran");
    else if (isAlive) hooks.run(wanted, [ANSWER]);
  });
}

/** The Wifi module. Echoes come from the fault switch, not from the network: node may not send them. */
export function createWifi(hooks: WifiHooks): Wifi {
  const s: WifiState = {
    hooks,
    mode: "AP",
    isStarted: false,
    openings: 0,
    asks: false,
    isJoined: false,
    asked: new Set(),
    listeners: {},
    echo: null,
  };
  const isUp = (): boolean => hooks.faults.wifi === "up",
    hasAddress = (): boolean => isUp() && (s.isJoined || !s.asks);
  return {
    hasAddress,
    restore: () => restore(s),
    mode: () => s.mode,
    openings: () => s.openings,
    module: {
      connect: (_ssid: unknown, _options: unknown, callback: unknown) => join(s, callback),
      setHostname: (_name: unknown, callback: unknown) => {
        if (typeof callback === "function") hooks.clock.soon(() => hooks.run(callback as Callback, []));
      },
      // a newer build tells of what is started alone
      getStatus: () => ({ mode: s.hooks.release.opens || s.isStarted ? s.mode : "NULL" }),
      startAP: () => start(s, s.mode === "STA" || s.mode === "APSTA" ? "APSTA" : "AP"),
      stopAP: () => {
        s.mode = s.mode === "STA" || s.mode === "APSTA" ? "STA" : "NULL";
      },
      save: (what: unknown) => {
        if (what !== "clear") hooks.realm.fail("the host's Wifi.save takes clear alone");
        hooks.erase(SAVED_NETWORK);
      },
      getIP: () => ({
        ip: hasAddress() ? "127.0.0.1" : "0.0.0.0",
        gw: hasAddress() ? GATEWAY : "0.0.0.0",
        mac: hooks.mac,
      }),
      getDetails: () => (isUp() ? { status: "connected", rssi: -50 } : { status: "disconnected" }),
      on: (event: string, callback: Callback) => {
        (s.listeners[event] ??= []).push(callback);
      },
      getHostByName: (name: unknown, callback: unknown) => getHostByName(s, name, callback),
      ping: (_ip: unknown, callback: unknown) => ping(s, callback),
    },
    setUp: (up) => {
      if (up === isUp()) return;
      hooks.faults.wifi = up ? "up" : "down";
      if (!up) s.isJoined = false;
      if (!up) emit(s, "disconnected", { ssid: "host", reason: "200", msg: "beacon timeout" });
    },
  };
}
