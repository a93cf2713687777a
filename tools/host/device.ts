// The device in node: a realm of its own with exactly the globals of firmware/espruino.d.ts, booted from its flash.
// It hides the interpreter's limits (memory, speed, syntax), so the suite on a real interpreter stays necessary.
import { createHash, randomBytes } from "node:crypto";
import { RESTART_MARK } from "../../firmware/drivers/restart";
import { withKeptFunctions } from "../build/far";
import { disposableClock } from "./clock";
import type { HostClock } from "./clock";
import { createDatagrams } from "./datagrams";
import type { Datagrams } from "./datagrams";
import { COUNTED, COUNTER, countedImage, countedTexts, INSTRUCTIONS_A_SECOND, type Weights } from "./costs";
import { DEFAULT_ESPRUINO, releaseOf } from "./espruino";
import { noNetworkFaults } from "./faults";
import type { NetworkFaults } from "./faults";
import { createLoop, type Loop, type Part } from "./loop";
import { BOOT_SEED, createNatives, latin1, randomOf } from "./natives";
import type { Natives } from "./natives";
import { createRealm } from "./realm";
import type { Realm } from "./realm";
import { createSerial } from "./serial";
import type { Serial } from "./serial";
import { createSockets } from "./sockets";
import type { Sockets } from "./sockets";
import { POWER_CUT, storageModule } from "./storage";
import type { Store } from "./storage";
import { createTimers } from "./timers";
import type { Timers } from "./timers";
import { nodeTransport } from "./transport";
import type { Door, Transport } from "./transport";
import { createWifi } from "./wifi";
import type { Wifi } from "./wifi";

/** C heap that a chip has left with Wi-Fi on and few connections, bytes: enough for TLS. */
const FREE_HEAP = 60000;
/** The newest release. */
/** File that Espruino boots from, and its ESP32's random number register (Technical Reference Manual, RNG_DATA_REG). */
export const BOOT_FILE = ".bootcde";
const RANDOM_REGISTER = 0x3ff75144;
/** RTC_CNTL_RESET_STATE; causes: the power came, software reset a core (a panic too). */
const RESET_STATE = 0x3ff48034,
  POWER_ON = 1;
export const BY_SOFTWARE = 12;
const PLACES_SHOWN = 2;
/** What a call of getTime takes on a chip, ms (10,400 instructions): a loop that waits for a time gets there. */
const GET_TIME_MS = 0.07;
/** The first device's address: a maker's three bytes, then three of the device. */
const MAKER = "a0b1c2",
  FIRST_DEVICE = 0xa1b2c3;
const ownBytes = (index: number): string => (FIRST_DEVICE + index).toString(16);
/** Device id that the firmware makes of the serial number; the first device has the index 0. */
export const deviceIdOf = (index: number): string => "ESP32-" + ownBytes(index).toUpperCase();
export const DEVICE_ID = deviceIdOf(0);

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
  /** What the image's work costs: it then takes time. */
  weights?: Weights;
  /** Which of several devices this is, from 0 on: its serial number and address. */
  index?: number;
  /** Told of the end of each callback of the image, and of its instructions when they are counted. */
  spent?(instructions: number, what: string): void;
  /** Told when a callback of the image begins. */
  began?(what: string): void;
  /** Told of each turn of the main loop in which a callback ran: instructions, and what the callbacks were. */
  turned?(instructions: number, whats: string[]): void;
  /** Why the chip starts, as its register says (absent: its power came), and a register that outlives a reset. */
  resetCause?: number;
  kept?: { mark: number };
  /** What the chip's random number register says while the radio is on; else it is the same at each start. */
  random?(): number;
  /**
   * The Espruino whose behaviour the device has: a release (2v29) or a build after it (2v29.277); DEFAULT_ESPRUINO
   * unless said otherwise.
   */
  espruino?: string;
  /** Whether Bluetooth is on, and the free C heap, bytes. */
  bluetooth?: boolean;
  freeHeap?: number;
  onConsole(line: string): void;
  /** The chip restarts now, or has no power: the device is dead from here on. */
  onDeath(reason: Death): void;
}

/** Why a device is dead. */
export type Death = "watchdog" | "power cut" | "reboot" | "panic";

export interface Device {
  network: NetworkFaults;
  wifi: Wifi;
  /** Exceptions that no code of the image caught, oldest first. */
  exceptions: unknown[];
  isDead(): boolean;
  /** Bytes from the battery to the device's UART. */
  receive(bytes: Uint8Array): void;
  /** Bytes from the battery that no callback got, and where they were lost. */
  lost: Serial["lost"];
  /** Error flags as Espruino raises them: `FIFO_FULL`, `MEMORY`... */
  raiseFlags(flags: string[]): void;
  /** A global of the image's realm, for tests. */
  global: Record<string, unknown>;
  /** Pull the plug: nothing of the image runs after it, its sockets are destroyed. */
  dispose(): void;
}

interface DeviceState {
  options: DeviceOptions;
  isDead: boolean;
  exceptions: unknown[];
  natives: Natives | null;
  /** The callbacks of the turn that is under way; null between two. */
  turn: string[] | null;
  /** Lets the work since the last call have taken its time; gives the instructions since the boot. */
  settle(): number;
  /** The loop begins anew. */
  look(): void;
}

function stateOf(options: DeviceOptions, look: () => void): DeviceState {
  return { options, isDead: false, exceptions: [], natives: null, turn: null, settle: () => 0, look };
}

function die(s: DeviceState, reason: Death): void {
  if (s.isDead) return;
  s.isDead = true;
  s.options.onDeath(reason);
}

/** How the interpreter ends by itself: nobody fed its watchdog, or it broke. */
const endsOf = (s: DeviceState) => ({
  bark: () => {
    s.options.onConsole("Task watchdog got triggered.");
    die(s, "watchdog");
  },
  panic: (why: string) => {
    s.options.onConsole(`Guru Meditation Error: ${why}`);
    die(s, "panic");
  },
});

function report(s: DeviceState, error: unknown): void {
  s.exceptions.push(error);
  const [text, ...places] = ((error as Error | undefined)?.stack ?? String(error)).split("\n");
  s.options.onConsole("Uncaught " + text);
  places
    .filter((place) => place.includes(BOOT_FILE))
    .slice(0, PLACES_SHOWN)
    .forEach(s.options.onConsole);
  s.natives?.raiseException(error);
}

/** What a callback was: the task that a timer ran, the kind of what it was given. */
function nameOf(values: unknown[]): string {
  const task = values
    .map((value) => (value as { name?: unknown } | null)?.name)
    .find((name) => typeof name === "string");
  return (task as string | undefined) ?? typeof values[0];
}

/**
 * Run a callback of the image. Nothing it throws gets out; a power cut ends the device, even one that the image caught.
 */
function run(s: DeviceState, callback: Callback, values: unknown[]): void {
  if (s.isDead) return;
  const before = s.settle();
  if (!s.turn) s.look();
  s.options.began?.(nameOf(values));
  try {
    callback(...values);
  } catch (error) {
    if (error !== POWER_CUT) report(s, error);
  }
  const instructions = s.settle() - before;
  s.options.spent?.(instructions, nameOf(values));
  if (s.turn) s.turn.push(nameOf(values));
  else s.options.turned?.(instructions, [nameOf(values)]);
  if (s.options.store.isCut) die(s, "power cut");
}

/** Parts of a turn of the loop, between what begins and what ends it. */
function turnOf(s: DeviceState, parts: Part[]): Part[] {
  let from = 0;
  return [
    {
      dueAt: () => Infinity,
      turn: () => {
        from = s.settle();
        s.look();
        s.turn = [];
      },
    },
    ...parts,
    {
      dueAt: () => Infinity,
      turn: () => {
        if (s.turn?.length) s.options.turned?.(s.settle() - from, s.turn);
        s.turn = null;
      },
    },
  ];
}

/** Registers with those that the CAN model does not have: random number, reset cause, the mark over a restart. */
function registersOf(s: DeviceState, wifi: Wifi): Record<string, unknown> {
  const { registers, resetCause = POWER_ON, kept = { mark: 0 } } = s.options,
    { random = () => randomBytes(4).readUInt32LE() } = s.options,
    withoutRadio = randomOf(BOOT_SEED);
  const own: Record<number, () => number> = {
    [RANDOM_REGISTER]: () => (wifi.hasAddress() ? random() : withoutRadio()),
    [RESET_STATE]: () => resetCause,
    [RESTART_MARK]: () => kept.mark,
  };
  return {
    peek32: (address: number, count?: number) => {
      s.settle();
      return own[address >>> 0]?.() ?? registers.peek32(address, count);
    },
    poke32: (address: number, value: unknown) => {
      s.settle();
      if (address >>> 0 === RESTART_MARK) kept.mark = Number(value);
      else registers.poke32(address, value);
    },
    pinMode: registers.pinMode,
    digitalWrite: registers.digitalWrite,
    ...(registers.spi ? { SPI1: registers.spi, SPI2: registers.spi } : {}),
  };
}

/** SHA-256 of bytes, which a text is there. */
function cryptoModule(realm: Realm): Record<string, unknown> {
  return {
    SHA256: (message: string | ArrayBuffer) => {
      const bytes = typeof message === "string" ? latin1(message) : Buffer.from(new Uint8Array(message));
      return realm.bytes(createHash("sha256").update(bytes).digest()).buffer;
    },
  };
}

/** The modules that the chip's build of Espruino carries. */
function modulesOf(
  s: DeviceState,
  realm: Realm,
  sockets: Sockets,
  datagrams: Datagrams,
  wifi: Wifi,
): Record<string, unknown> {
  return {
    net: sockets.module,
    tls: sockets.tlsModule,
    dgram: datagrams.module,
    Wifi: wifi.module,
    Storage: storageModule(s.options.store, realm.fail),
    crypto: cryptoModule(realm),
    TelnetServer: { setOptions: () => undefined },
  };
}

function requireOf(realm: Realm, modules: Record<string, unknown>): (name: string) => unknown {
  return (name) => (Object.hasOwn(modules, name) ? modules[name] : realm.fail(`Module "${name}" not found`));
}

/** The timer functions of the image. */
function timersOf({ setTimeout, setInterval, changeInterval, clearTimeout, clearInterval }: Timers): object {
  return { setTimeout, setInterval, changeInterval, clearTimeout, clearInterval };
}

/** What the chip has beside the interpreter; its three UARTs are one. */
function chipOf(s: DeviceState, { port }: Serial): object {
  const { freeHeap = FREE_HEAP, bluetooth = false, index = 0 } = s.options,
    own = ownBytes(index);
  return {
    getSerial: () => `${MAKER}${own.slice(0, 2)}-${own.slice(2)}`,
    Serial1: port,
    Serial2: port,
    Serial3: port,
    NRF: { setServices: () => undefined },
    ESP32: { reboot: () => die(s, "reboot"), getState: () => ({ freeHeap, minHeap: freeHeap, BLE: bluetooth }) },
  };
}

/**
 * The clock of the image: 0 at power-up, as on a chip that nobody told the time. Set, it jumps, and timers go on, later
 * by what this turn took so far.
 */
function clockOf(s: DeviceState, clock: HostClock, timers: Timers): object {
  let zero = clock.now();
  return {
    getTime: () => {
      clock.spend(GET_TIME_MS);
      s.settle();
      return (clock.now() - zero) / 1000;
    },
    setTime: (seconds: number) => {
      s.settle();
      zero = clock.now() - seconds * 1000;
      timers.clockWasSet();
    },
  };
}

/**
 * The first turn: the image itself. When its work is counted, what it writes and what it reads of time comes after its
 * work so far.
 */
function evaluateImage(s: DeviceState, realm: Realm, clock: HostClock): void {
  const { image, weights, store } = s.options;
  store.files.set(BOOT_FILE, image);
  if (!weights) return run(s, () => realm.evaluate(withKeptFunctions(image), BOOT_FILE), []);
  realm.evaluate(`const ${COUNTER}=new Float64Array(1)`, "counter");
  const counter = realm.evaluate(COUNTER, "counter") as Float64Array;
  realm.global[COUNTED] = countedTexts(weights);
  let settled = 0;
  s.settle = () => {
    clock.spend(((counter[0] - settled) / INSTRUCTIONS_A_SECOND) * 1000);
    return (settled = counter[0]);
  };
  run(s, () => realm.evaluate(withKeptFunctions(countedImage(image, weights)), BOOT_FILE), []);
}

/** The flash files of Espruino's Wi-Fi. */
function filesOf(store: Store): { read(name: string): string | undefined; erase(name: string): void } {
  return {
    read: (name) => store.files.get(name),
    erase: (name) => {
      store.files.delete(name);
      store.persist(name);
    },
  };
}

/**
 * Boot a device. The image runs before this returns; an exception in it is reported as in any callback. The same store
 * given again is a restart. All three UARTs of the chip are the one that is wired to the battery, so any board's image
 * runs.
 */
export function bootDevice(options: DeviceOptions): Device {
  const { onConsole } = options,
    clock = disposableClock(options.clock);
  const s = stateOf(options, () => timers.look());
  const realm = createRealm(),
    network = options.network ?? noNetworkFaults();
  const hooks = {
    realm,
    clock,
    faults: network,
    transport: options.transport ?? nodeTransport,
    mac: (MAKER + ownBytes(options.index ?? 0)).match(/../g)!.join(":"),
    release: releaseOf(options.espruino ?? DEFAULT_ESPRUINO),
    fail: realm.fail,
    changed: () => loop.arm(),
    print: onConsole,
    ...filesOf(options.store),
    send: (bytes: Uint8Array) => {
      s.settle();
      options.send(bytes);
    },
    servers: options.servers,
    run: (callback: Callback, values: unknown[]) => run(s, callback, values),
    ...endsOf(s),
    isRefused: options.isRefused ?? (() => false),
    raiseFlags: (flags: string[]) => s.natives?.raiseFlags(flags),
  };
  const natives = (s.natives = createNatives(hooks)),
    timers = createTimers(hooks),
    serial = createSerial(hooks),
    datagrams = createDatagrams(hooks),
    sockets = createSockets(hooks),
    wifi = createWifi(hooks);
  const loop: Loop = createLoop(clock, turnOf(s, [serial, timers]));
  Object.assign(realm.global, natives.globals, registersOf(s, wifi), timersOf(timers), clockOf(s, clock, timers), {
    ...chipOf(s, serial),
    require: requireOf(realm, modulesOf(s, realm, sockets, datagrams, wifi)),
  });
  evaluateImage(s, realm, clock);
  wifi.restore();
  return {
    network,
    wifi,
    exceptions: s.exceptions,
    isDead: () => s.isDead,
    receive: serial.receive,
    lost: serial.lost,
    raiseFlags: natives.raiseFlags,
    global: realm.global,
    dispose: () => {
      s.isDead = true;
      [loop, timers, serial, sockets, datagrams, clock].forEach((part) => part.dispose());
    },
  };
}
