// The device in node: a realm of its own with exactly the globals of firmware/espruino.d.ts, booted from its flash.
// It hides the interpreter's limits (memory, speed, syntax), so the suite on a real interpreter stays necessary.
import { randomBytes } from "node:crypto";
import { disposableClock } from "./clock";
import type { HostClock } from "./clock";
import { createDatagrams } from "./datagrams";
import { noNetworkFaults } from "./faults";
import type { NetworkFaults } from "./faults";
import { createNatives } from "./natives";
import type { Natives } from "./natives";
import { createRealm } from "./realm";
import type { Realm } from "./realm";
import { createSerial } from "./serial";
import { createSockets } from "./sockets";
import { POWER_CUT, storageModule } from "./storage";
import type { Store } from "./storage";
import { createTimers } from "./timers";
import { nodeTransport } from "./transport";
import type { Door, Transport } from "./transport";
import { createWifi } from "./wifi";
import type { Wifi } from "./wifi";

/** C heap that a chip has left with Wi-Fi on and few connections, bytes: enough for TLS. */
const FREE_HEAP = 60000;
/** File that Espruino boots from, and its ESP32's random number register (Technical Reference Manual, RNG_DATA_REG). */
export const BOOT_FILE = ".bootcde";
const RANDOM_REGISTER = 0x3ff75144;
const PLACES_SHOWN = 2;
const SERIAL_NUMBER = "a0b1c2a1-b2c3", MAC = "a0:b1:c2:a1:b2:c3";
/** Device id that the firmware makes of the serial number. */
export const DEVICE_ID = "ESP32-A1B2C3";

type Callback = (...values: unknown[]) => void;

/** Peripheral registers and pins: the model of the CAN controller. */
export interface Registers {
  peek32(address: number, count?: number): number | Uint32Array;
  poke32(address: number, value: unknown): void;
  pinMode(pin: number, mode: string): void;
  digitalWrite(pin: number, value: number): void;
  /** What hangs on the SPI ports; nothing when it is left out. */
  spi?: object;
}

export interface DeviceOptions {
  /** The image, one character a byte; it is put into the store as boot code. */
  image: string;
  store: Store;
  clock: HostClock;
  registers: Registers;
  /** Bytes that the device writes to its UART. */
  send(bytes: Uint8Array): void;
  /** Listening servers by the device's port number, and what is known about foreign ports. */
  servers: Map<number, Door>;
  isRefused?(host: string, port: number): boolean;
  network?: NetworkFaults;
  /** Node's own network unless said otherwise. */
  transport?: Transport;
  /** Told of the end of each callback of the image: a rig may let it have taken time. */
  spent?(): void;
  /** What the chip's random number register says. */
  random?(): number;
  onConsole(line: string): void;
  /** The chip restarts now, or has no power: the device is dead from here on. */
  onDeath(reason: "watchdog" | "power cut" | "reboot"): void;
}

export interface Device {
  network: NetworkFaults;
  wifi: Wifi;
  /** Exceptions that no code of the image caught, oldest first. */
  exceptions: unknown[];
  isDead(): boolean;
  /** Bytes from the battery to the device's UART. */
  receive(bytes: Uint8Array): void;
  /** Error flags as Espruino raises them: `FIFO_FULL`, `MEMORY`... */
  raiseFlags(flags: string[]): void;
  /** A global of the image's realm, for tests. */
  global: Record<string, unknown>;
  /** Pull the plug: nothing of the image runs after it, its sockets are destroyed. */
  dispose(): void;
}

interface DeviceState { options: DeviceOptions; isDead: boolean; exceptions: unknown[]; natives: Natives | null }

function die(s: DeviceState, reason: "watchdog" | "power cut" | "reboot"): void {
  if (s.isDead) return;
  s.isDead = true;
  s.options.onDeath(reason);
}

function report(s: DeviceState, error: unknown): void {
  s.exceptions.push(error);
  const [text, ...places] = ((error as Error | undefined)?.stack ?? String(error)).split("\n");
  s.options.onConsole("Uncaught " + text);
  places.filter((place) => place.includes(BOOT_FILE)).slice(0, PLACES_SHOWN).forEach(s.options.onConsole);
  s.natives?.raiseException(error);
}

/** Run a callback of the image. Nothing it throws gets out; a power cut ends the device, even one that the image caught. */
function run(s: DeviceState, callback: Callback, values: unknown[]): void {
  if (s.isDead) return;
  try {
    callback(...values);
  } catch (error) {
    if (error !== POWER_CUT) report(s, error);
  }
  s.options.spent?.();
  if (s.options.store.isCut) die(s, "power cut");
}

/** Registers with the random number register, which the CAN model does not have. */
function registersOf({ options: { registers, random = () => randomBytes(4).readUInt32LE() } }: DeviceState): Record<string, unknown> {
  return {
    peek32: (address: number, count?: number) =>
      (address >>> 0 === RANDOM_REGISTER ? random() : registers.peek32(address, count)),
    poke32: registers.poke32, pinMode: registers.pinMode, digitalWrite: registers.digitalWrite,
    ...(registers.spi ? { SPI1: registers.spi, SPI2: registers.spi } : {}),
  };
}

function requireOf(realm: Realm, modules: Record<string, unknown>): (name: string) => unknown {
  return (name) => (Object.hasOwn(modules, name) ? modules[name] : realm.fail(`Module "${name}" not found`));
}

/**
 * Boot a device. The image runs before this returns; an exception in it is reported as in any callback. The same store given
 * again is a restart. All three UARTs of the chip are the one that is wired to the battery, so any board's image runs.
 */
export function bootDevice(options: DeviceOptions): Device {
  const { store, onConsole } = options, clock = disposableClock(options.clock);
  const s: DeviceState = { options, isDead: false, exceptions: [], natives: null };
  const realm = createRealm(), network = options.network ?? noNetworkFaults();
  const hooks = {
    realm, clock, faults: network, transport: options.transport ?? nodeTransport,
    mac: MAC, fail: realm.fail, print: onConsole, send: options.send, servers: options.servers,
    run: (callback: Callback, values: unknown[]) => run(s, callback, values),
    bark: () => { onConsole("Task watchdog got triggered."); die(s, "watchdog"); },
    isRefused: options.isRefused ?? (() => false),
    raiseFlags: (flags: string[]) => s.natives?.raiseFlags(flags),
  };
  const natives = s.natives = createNatives(hooks);
  const timers = createTimers(hooks), serial = createSerial(hooks), datagrams = createDatagrams(hooks);
  const sockets = createSockets(hooks), wifi = createWifi(hooks);
  const modules = {
    net: sockets.module, tls: sockets.tlsModule, dgram: datagrams.module, Wifi: wifi.module, Storage: storageModule(store, realm.fail),
    TelnetServer: { setOptions: () => undefined },
  };
  let zero = clock.now(); // when the device's clock was, or would have been, 0
  Object.assign(realm.global, natives.globals, registersOf(s), {
    setTimeout: timers.setTimeout, setInterval: timers.setInterval, changeInterval: timers.changeInterval,
    clearTimeout: timers.clearTimeout, clearInterval: timers.clearInterval,
    // From 0 at power-up, as on a chip that nobody has told the time. Set, it jumps, and timers go on (tried on 2v29).
    getTime: () => (clock.now() - zero) / 1000, setTime: (seconds: number) => { zero = clock.now() - seconds * 1000; },
    getSerial: () => SERIAL_NUMBER,
    Serial1: serial.port, Serial2: serial.port, Serial3: serial.port,
    NRF: { setServices: () => undefined },
    ESP32: { reboot: () => die(s, "reboot"), getState: () => ({ freeHeap: FREE_HEAP }) },
    require: requireOf(realm, modules),
  });
  store.files.set(BOOT_FILE, options.image);
  run(s, () => realm.evaluate(options.image, BOOT_FILE), []);
  return {
    network, wifi, exceptions: s.exceptions, isDead: () => s.isDead, receive: serial.receive, raiseFlags: natives.raiseFlags,
    global: realm.global,
    dispose: () => { s.isDead = true; [timers, serial, sockets, datagrams, clock].forEach((part) => part.dispose()); },
  };
}
