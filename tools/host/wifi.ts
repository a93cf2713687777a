// Espruino's Wifi module for a host that is always in a network: joining, address, name look-up and ping, with faults.
// Source: espruino.md section 5.6; ping answers as libs/network/esp32 of Espruino 2v29 makes them (behaviour only).
import type { HostClock } from "./clock";
import type { NetworkFaults } from "./faults";
import type { Realm } from "./realm";
import type { Transport } from "./transport";

const JOIN_MS = 100, PINGS = 5, PING_PERIOD_MS = 500, PING_TIMEOUT_MS = 1000, PING_BYTES = 32, PING_ANSWER_MS = 2;

type Callback = (...values: unknown[]) => void;

/** What Wi-Fi needs of the device. */
export interface WifiHooks {
  realm: Realm; clock: HostClock; faults: NetworkFaults; transport: Transport; mac: string;
  run(callback: Callback, values: unknown[]): void;
}

export interface Wifi {
  /** What `require("Wifi")` gives. */
  module: Record<string, unknown>;
  /** Take the network away, or give it back: events, address, sockets and ping follow. */
  setUp(isUp: boolean): void;
}

interface WifiState { hooks: WifiHooks; listeners: Record<string, Callback[]> }

function emit(s: WifiState, event: string, details: object): void {
  (s.listeners[event] ?? []).forEach((listener) => s.hooks.run(listener, [details]));
}

function join(s: WifiState, callback: unknown): void {
  s.hooks.clock.schedule(JOIN_MS, () => {
    const isUp = s.hooks.faults.wifi === "up";
    if (isUp) emit(s, "connected", { ip: "127.0.0.1", netmask: "255.0.0.0", gw: "127.0.0.1" });
    if (typeof callback === "function") s.hooks.run(callback as Callback, [isUp ? null : "no ap found"]);
  });
}

function getHostByName({ hooks }: WifiState, name: unknown, callback: unknown): void {
  if (typeof name !== "string") return hooks.realm.fail("Hostname parameter is not a string");
  if (typeof callback !== "function") return hooks.realm.fail("Callback is not a function");
  const tell = (ip: string | null): void => hooks.run(callback as Callback, [ip]);
  if (hooks.faults.dns === "fails" || hooks.faults.wifi === "down") hooks.clock.soon(() => tell(null));
  else hooks.transport.lookUp(name, tell);
}

/** One answer or time-out; the counts run over all five. */
function pingAnswer(number: number, isAlive: boolean): object {
  const answered = isAlive ? number : 0;
  return {
    totalCount: number, totalBytes: answered * PING_BYTES, totalTime: answered * PING_ANSWER_MS, respTime: isAlive ? PING_ANSWER_MS : 0,
    seqNo: number, timeoutCount: number - answered, bytes: isAlive ? PING_BYTES : 0, error: number - answered,
  };
}

function ping(hooks: WifiHooks, callback: unknown, number = 1): void {
  const isAlive = hooks.faults.ping === "answers" && hooks.faults.wifi === "up";
  hooks.clock.schedule(isAlive ? PING_ANSWER_MS : PING_TIMEOUT_MS, () => {
    if (typeof callback === "function") hooks.run(callback as Callback, [pingAnswer(number, isAlive)]);
    if (number < PINGS) hooks.clock.schedule(PING_PERIOD_MS, () => ping(hooks, callback, number + 1));
  });
}

/** The Wifi module. Echoes come from the fault switch, not from the network: node may not send them. */
export function createWifi(hooks: WifiHooks): Wifi {
  const s: WifiState = { hooks, listeners: {} };
  const isUp = (): boolean => hooks.faults.wifi === "up";
  return {
    module: {
      connect: (_ssid: unknown, _options: unknown, callback: unknown) => join(s, callback),
      setHostname: (_name: unknown, callback: unknown) => {
        if (typeof callback === "function") hooks.clock.soon(() => hooks.run(callback as Callback, []));
      },
      getIP: () => ({ ip: isUp() ? "127.0.0.1" : "0.0.0.0", mac: hooks.mac }),
      getDetails: () => (isUp() ? { status: "connected", rssi: -50 } : { status: "disconnected" }),
      on: (event: string, callback: Callback) => { (s.listeners[event] ??= []).push(callback); },
      getHostByName: (name: unknown, callback: unknown) => getHostByName(s, name, callback),
      ping: (_ip: unknown, callback: unknown) => ping(hooks, callback),
    },
    setUp: (up) => {
      if (up === isUp()) return;
      hooks.faults.wifi = up ? "up" : "down";
      if (!up) emit(s, "disconnected", { ssid: "host", reason: "200", msg: "beacon timeout" });
    },
  };
}
