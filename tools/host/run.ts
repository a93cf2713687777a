// The whole rig in one process: the image in a device, a simulated battery on its UART, a virtual GX on its CAN, a
// broker.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import net from "node:net";
import { formatCandump } from "../can/candump";
import type { CandumpRecord } from "../can/candump";
import { decodeFrame, describe } from "../can/decode";
import type { DecodedField } from "../can/decode";
import { GX_IDENTITY, GX_KEEPALIVE } from "../../firmware/tables/frames";
import { createGx, stepGx } from "../can/gx";
import type { Gx } from "../can/gx";
import { createMcp2515 } from "../can/mcp2515-model";
import { runMcp2515, runTwai } from "../can/run-twai";
import { createTwai } from "../can/twai-model";
import type { BusAccess, BusEvent } from "../can/wire";
import { keep } from "../can/twai-state";
import { createSimulator } from "../simulator/simulator";
import type { Simulator } from "../simulator/simulator";
import { type BmsLine, openBmsLine } from "./bms-line";
import { startBroker } from "./broker";
import type { Broker } from "./broker";
import type { BrokerAddress } from "./broker-url";
import { hostClock, patientClock, repeat } from "./clock";
import type { HostClock } from "./clock";
import { bootDevice, BY_SOFTWARE, deviceIdOf } from "./device";
import type { Death, Device, DeviceOptions, Registers } from "./device";
import { noNetworkFaults } from "./faults";
import type { NetworkFaults } from "./faults";
import { listenNear } from "./ports";
import type { Listening } from "./ports";
import type { TlsFiles } from "./pem";
import { mergeSettings, provision, provisionTls, readSettings } from "./settings";
import type { Settings } from "./settings";
import { memoryStore, restorePower } from "./storage";
import type { Store } from "./storage";
import { TIME_NAME, withTimeServer } from "./time-server";
import { nodeTransport } from "./transport";

/** What is kept of the past: at least this many. */
const LINES_KEPT = 2000,
  FRAMES_KEPT = 10000;
const GX_STEP_MS = 50,
  WAIT_LOOK_MS = 10,
  DEVICE_HTTP_PORT = 80;
const LOOPBACK = "127.0.0.1";
/** The line on the console that tells the token. */
export const TOKEN_LINE = /setup token: (\S+)/;
/** The line that tells user and password. */
export const LOGIN_LINE = /^login: (.*)/;

/** Everything is optional: the default scenario, free ports, an embedded broker, an empty flash. */
export interface HostOptions {
  /** The built image: its file, or its text. */
  image?: string;
  imageText?: string;
  scenario?: string;
  /**
   * A TinyBMS outside in place of the simulated one: a serial port, or tcp://HOST:PORT. What happens to the line is
   * told to `onBms`.
   */
  bms?: string;
  onBms?(line: string): void;
  seed?: number;
  cells?: number;
  /** Model seconds of the battery in a second; time is real otherwise. */
  speed?: number;
  /** Ports wished for; 0 takes any free one. `address` is where they are offered. */
  http?: number;
  address?: string;
  /** Port of the embedded broker, a foreign broker, or none. */
  mqtt?: number | BrokerAddress | "none";
  settings?: Settings;
  /** Certificates and key in the flash, as DER. */
  tls?: TlsFiles;
  /** A store given again is the same device switched on again. */
  store?: Store;
  /** Crystal (MHz) of the MCP2515 on the device's SPI port; without it the CAN controller is the one on the chip. */
  mcp2515?: number;
  /** Which of several devices this is, from 0 on; each has an id of its own. */
  index?: number;
  /** The Espruino whose behaviour the device has, as DeviceOptions says. */
  espruino?: string;
  /** Bluetooth and heap, where they are not the usual ones. */
  chip?: Pick<DeviceOptions, "bluetooth" | "freeHeap">;
  /** The network has a time server, which tells this machine's time; it is asked unless another one is set. */
  ownTime?: boolean;
  /** File for every frame on the bus. */
  candump?: string;
  /** Runs the device's whole time so many times faster, on a patient clock; sockets stay real. For tests. */
  timeScale?: number;
  onConsole?(line: string): void;
}

/** One line of the device's console. */
export interface ConsoleLine {
  at: number;
  line: string;
}

/**
 * A frame on the bus: by this device (`isOwn`) or by the GX. `values`: by row key, in the row's unit; texts as they
 * are.
 */
export interface HostFrame {
  at: number;
  id: number;
  data: number[];
  isOwn: boolean;
  fields: DecodedField[];
  values: Record<string, number | string>;
  text: string;
}

/** The CAN controller's model: the rest of its bus, what it sent and what it complains about. */
export interface HostCan extends BusAccess {
  sent: BusEvent[];
  violations: { note: string }[];
  warnings: { note: string }[];
}

/** A running rig. All times `at` are ms of `clock`. */
export interface Host {
  clock: HostClock;
  httpUrl: string;
  http: Listening;
  /** Where the device publishes: `<base>/<device id>`. */
  topic: string;
  /** The embedded broker; null with a foreign one or none. */
  broker: Broker | null;
  simulator: Simulator;
  store: Store;
  /** Faults of the network; they outlive a restart of the device. */
  network: NetworkFaults;
  console: ConsoleLine[];
  frames: HostFrame[];
  /** Own frames since the start (`frames` forgets), and how often the device restarted by its watchdog. */
  count: { framesSent: number; watchdogResets: number };
  /** These belong to the boot under way. */
  device(): Device;
  gx(): Gx;
  can(): HostCan;
  /** The set-up token that the image printed; "" before. */
  token(): string;
  /** User and password that it printed; "" before. */
  login(): string;
  request(path: string, init?: RequestInit): Promise<Response>;
  /**
   * Resolves with the first value of `look` that is not false, null or undefined; rejects after `limit_ms` of the
   * clock.
   */
  until<T>(what: string, look: () => T | false | null | undefined, limit_ms: number): Promise<T>;
  wait(ms: number): Promise<void>;
  /** Switch the device off and on; the flash stays, power is restored. */
  reboot(): void;
  /** Take everything down: no port, timer or file stays. Can be called again. */
  stop(): Promise<void>;
}

/** What is undone at the end, last first. */
type Undo = (() => void | Promise<void>)[];

interface Machine {
  device: Device;
  gx: Gx;
  can: HostCan;
  stop(): void;
}

function settingsOf(options: HostOptions, broker: Broker | null): Settings {
  const { mqtt } = options;
  const address = broker ? { host: LOOPBACK, port: broker.listening.port, user: "", pass: "" } : mqtt;
  if (typeof address !== "object") return { mqtt: { enabled: false } };
  const { host, port, user, pass } = address,
    encryption = "isTls" in address && address.isTls ? { use_tls: true } : {};
  return { mqtt: { enabled: true, host, port, user, pass, ...encryption } };
}

/** The server that tells this machine's time, where no other one was chosen before. */
const timeOf = (options: HostOptions, store: Store): Settings =>
  options.ownTime && readSettings(store)["time"]?.["server"] === undefined ? { time: { server: TIME_NAME } } : {};

/** A log that has each frame as soon as it is on the bus. */
function openCandump(file: string | undefined, undo: Undo): (record: CandumpRecord) => void {
  if (file === undefined) return () => undefined;
  const log = openSync(file, "w"),
    startedAt_s = Date.now() / 1000;
  undo.push(() => closeSync(log));
  return (record) => {
    writeSync(log, formatCandump({ ...record, seconds: record.seconds + startedAt_s }) + "\n");
  };
}

function hostFrame({ seconds, frame: { id, data } }: CandumpRecord): HostFrame {
  const fields = decodeFrame(id, data)?.fields ?? [];
  const values = Object.fromEntries(
    fields.map((field) => [field.key, isNaN(field.rowValue) ? field.value : field.rowValue]),
  );
  return {
    at: seconds * 1000,
    id,
    data,
    isOwn: id !== GX_KEEPALIVE && id !== GX_IDENTITY,
    fields,
    values,
    text: describe(id, data),
  };
}

/** The GX rules house and chargers: what the gateway allows, and nothing at all once it has lost the battery. */
export function rule(gx: Gx, simulator: Simulator): void {
  if (!gx.limits) return;
  const isLost = gx.battery === "lost";
  simulator.setLimits({
    cvl: gx.limits.charge_voltage_limit,
    ccl: isLost ? 0 : gx.limits.charge_current_limit,
    dcl: isLost ? 0 : gx.limits.discharge_current_limit,
  });
}

function createRigSimulator(options: HostOptions, clock: HostClock, undo: Undo): Simulator {
  const { scenario, seed, cells, speed } = options,
    time = options.timeScale === undefined ? {} : { now: clock.now, schedule: clock.schedule };
  const simulator = createSimulator({ scenario, seed, cells, speed, ...time });
  undo.push(() => simulator.close());
  return simulator;
}

async function bmsOf({ bms, onBms }: HostOptions, simulator: Simulator, undo: Undo): Promise<Rig["bms"]> {
  if (bms === undefined) return simulator;
  const line = await openBmsLine(bms, (text) => onBms?.(text));
  undo.push(() => line.close());
  return line;
}

/** The server that stands for the device's port 80. Who connects while no device listens is cut off. */
async function listenForHttp(options: HostOptions, undo: Undo): Promise<{ server: net.Server; listening: Listening }> {
  const server = net.createServer(),
    wires = new Set<net.Socket>();
  server.on("connection", (wire) => {
    wires.add(wire);
    wire.on("error", () => wire.destroy());
    wire.on("close", () => wires.delete(wire));
    if (server.listenerCount("connection") === 1) wire.destroy();
  });
  const listening = await listenNear(server, options.http ?? 0, options.address ?? LOOPBACK);
  undo.push(
    () =>
      new Promise((resolve) => {
        wires.forEach((wire) => wire.destroy());
        server.close(() => resolve());
      }),
  );
  return { server, listening };
}

/** What the boots have in common. */
interface Rig {
  options: HostOptions;
  clock: HostClock;
  image: string;
  store: Store;
  simulator: Simulator;
  /** What is on the UART: the simulator, or a line to a TinyBMS outside. */
  bms: Pick<BmsLine, "receive" | "onSend">;
  broker: Broker | null;
  servers: Map<number, net.Server>;
  http: Listening;
  network: NetworkFaults;
  console: ConsoleLine[];
  frames: HostFrame[];
  count: Host["count"];
  logFrame(record: CandumpRecord): void;
  token: string;
  login: string;
  /** A register of the chip that outlives a reset. */
  kept: { mark: number };
  machine: Machine | null;
  isStopped: boolean;
}

function rememberFrame(rig: Rig, record: CandumpRecord): void {
  const frame = hostFrame(record);
  keep(rig.frames, frame, FRAMES_KEPT);
  if (frame.isOwn) rig.count.framesSent++;
  rig.logFrame(record);
}

function rememberLine(rig: Rig, line: string): void {
  keep(rig.console, { at: rig.clock.now(), line }, LINES_KEPT);
  rig.token = TOKEN_LINE.exec(line)?.[1] ?? rig.token;
  rig.login = LOGIN_LINE.exec(line)?.[1] ?? rig.login;
  rig.options.onConsole?.(line);
}

/** The CAN controller after power-up, on the rig's clock. */
function bootCan({ clock, options }: Rig): { can: HostCan; bus: Registers & { stop(): void } } {
  const run = {
    now: clock.now,
    schedule: (callback: () => void, period: number) => repeat(clock, period * clock.scale, callback),
  };
  if (options.mcp2515 === undefined) {
    const can = createTwai();
    return { can, bus: runTwai({ model: can, ...run }) };
  }
  const can = createMcp2515({ crystal: options.mcp2515 });
  return { can, bus: runMcp2515({ model: can, ...run }) };
}

/** One boot: a chip after power-up with its bus, GX and UART. `died` is told later, never inside this call. */
function bootMachine(rig: Rig, resetCause: number | undefined, died: (reason: Death) => void): Machine {
  const { clock, simulator, broker, bms } = rig;
  const { can, bus } = bootCan(rig);
  const gx = createGx({ bus: can.bus, now: clock.now, onFrame: (record) => rememberFrame(rig, record) });
  const stopGx = repeat(clock, GX_STEP_MS, () => {
    stepGx(gx);
    rule(gx, simulator);
  });
  const device = bootDevice({
    image: rig.image,
    store: rig.store,
    clock,
    registers: bus,
    servers: rig.servers,
    network: rig.network,
    transport: rig.options.ownTime ? withTimeServer(nodeTransport, () => Date.now() / 1000) : nodeTransport,
    espruino: rig.options.espruino,
    index: rig.options.index,
    resetCause,
    kept: rig.kept,
    ...rig.options.chip,
    send: (bytes) => bms.receive(bytes),
    isRefused: (_name, port) => broker !== null && port === broker.listening.port && !broker.isUp(),
    onConsole: (line) => rememberLine(rig, line),
    onDeath: (reason) => {
      setImmediate(() => died(reason));
    },
  });
  const stopListening = bms.onSend((bytes) => device.receive(bytes));
  return {
    device,
    gx,
    can,
    stop: () => {
      device.dispose();
      stopListening();
      stopGx();
      bus.stop();
    },
  };
}

/** Settings that the host decides: the device listens where the host does, when somebody chose the port. */
function hostsOwn({ options, http }: Rig): Settings {
  return options.http ? { http: { port: http.port } } : {};
}

/** Switch on, after switching off what runs. A reset does it by itself, as on the chip; a power cut does not. */
function powerOn(rig: Rig, resetCause?: number): void {
  if (rig.isStopped) return;
  rig.machine?.stop();
  if (rig.store.isCut) restorePower(rig.store);
  provision(rig.store, hostsOwn(rig));
  if (resetCause === undefined) rig.kept.mark = 0;
  const died = (reason: Death): void => {
    if (reason === "power cut" || rig.isStopped) return;
    if (reason === "watchdog") rig.count.watchdogResets++;
    powerOn(rig, BY_SOFTWARE);
  };
  rig.machine = bootMachine(rig, resetCause, died);
}

function machineOf(rig: Rig): Machine {
  if (!rig.machine) throw new Error("the host has stopped");
  return rig.machine;
}

async function until<T>(
  clock: HostClock,
  what: string,
  look: () => T | false | null | undefined,
  limit_ms: number,
): Promise<T> {
  const startedAt = clock.now();
  for (;;) {
    const found = look();
    if (found !== false && found !== null && found !== undefined) return found;
    if (clock.now() - startedAt > limit_ms) throw new Error(`waited ${limit_ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, WAIT_LOOK_MS));
  }
}

async function undoAll(undo: Undo): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
}

function hostOf(rig: Rig, http: Listening, undo: Undo): Host {
  const { clock, broker, simulator, store, network, console, frames, count } = rig;
  const httpUrl = `http://${LOOPBACK}:${http.port}`;
  return {
    clock,
    httpUrl,
    http,
    broker,
    simulator,
    store,
    network,
    console,
    frames,
    count,
    topic: `${readSettings(store).mqtt?.baseTopic ?? "tinybms"}/${deviceIdOf(rig.options.index ?? 0)}`,
    device: () => machineOf(rig).device,
    gx: () => machineOf(rig).gx,
    can: () => machineOf(rig).can,
    token: () => rig.token,
    login: () => rig.login,
    request: (path, init) => fetch(httpUrl + path, init),
    until: (what, look, limit_ms) => until(clock, what, look, limit_ms),
    wait: (ms) =>
      new Promise((resolve) => {
        clock.schedule(ms, () => resolve());
      }),
    reboot: () => powerOn(rig),
    stop: () => undoAll(undo),
  };
}

async function embeddedBroker(
  { mqtt = 0, address = LOOPBACK }: HostOptions,
  clock: HostClock,
  undo: Undo,
): Promise<Broker | null> {
  if (typeof mqtt !== "number") return null;
  const broker = await startBroker({ port: mqtt, address, now: clock.now });
  undo.push(() => broker.close());
  return broker;
}

async function assemble(options: HostOptions, undo: Undo): Promise<Host> {
  const clock = options.timeScale === undefined ? hostClock() : patientClock(options.timeScale),
    store = options.store ?? memoryStore();
  const image = options.imageText ?? readFileSync(options.image ?? "dist/host.js", "latin1");
  const logFrame = openCandump(options.candump, undo);
  const simulator = createRigSimulator(options, clock, undo),
    bms = await bmsOf(options, simulator, undo);
  const { server, listening } = await listenForHttp(options, undo);
  const broker = await embeddedBroker(options, clock, undo);
  const given = mergeSettings(timeOf(options, store), settingsOf(options, broker));
  provision(store, mergeSettings(given, options.settings ?? {}));
  provisionTls(store, options.tls ?? {});
  const rig: Rig = {
    options,
    clock,
    image,
    store,
    simulator,
    bms,
    broker,
    logFrame,
    servers: new Map([
      [DEVICE_HTTP_PORT, server],
      [listening.port, server],
    ]),
    http: listening,
    network: noNetworkFaults(),
    console: [],
    frames: [],
    count: { framesSent: 0, watchdogResets: 0 },
    token: "",
    login: "",
    kept: { mark: 0 },
    machine: null,
    isStopped: false,
  };
  undo.push(() => {
    rig.isStopped = true;
    rig.machine?.stop();
  });
  powerOn(rig);
  return hostOf(rig, listening, undo);
}

/**
 * Build the rig and boot the image. Rejects with an Error in words (no image, unknown scenario, no free port, a bad
 * setting); nothing is left behind then.
 */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const undo: Undo = [];
  try {
    return await assemble(options, undo);
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}
