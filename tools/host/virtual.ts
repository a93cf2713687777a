// The whole rig on one virtual clock: the built image, battery, GX, CAN controller, broker, HTTP clients. Hours pass in
// seconds, and the same seed gives the same run. The image's work takes time too: as many instructions as the
// interpreter needs for it (costs.ts).
import { EventEmitter } from "node:events";
import { createGx, stepGx, type Gx } from "../can/gx";
import { decodeFrame } from "../can/decode";
import { runTwai, type RunningTwai } from "../can/run-twai";
import { createTwai, type Twai } from "../can/twai-model";
import { repeat, virtualClock, type VirtualClock } from "./clock";
import { measuredWeights, type Weights } from "./costs";
import { bootDevice, type Device, type DeviceOptions } from "./device";
import { noNetworkFaults, type NetworkFaults } from "./faults";
import { rule } from "./run";
import { mergeSettings, provision, type Settings } from "./settings";
import { memoryStore, type Store } from "./storage";
import { type Random, seededRandom } from "../simulator/random";
import { createSimulator, type Simulator } from "../simulator/simulator";
import {
  BROKER_PORT,
  exchangeWith,
  virtualBroker,
  virtualTransport,
  type Exchange,
  type VirtualBroker,
} from "./virtual-network";

/** Battery, GX and bus are stepped this often; a blocked device lets the bus run on in such pieces. */
const BATTERY_STEP_MS = 250,
  GX_STEP_MS = 100,
  BLOCK_PIECE_MS = 1000;
/** Of the device's own randomness: what happens to it must not depend on what it does. */
const OWN = 0x5eed;
/** The world's time when the rig starts, s since 1970. */
const STARTED_S = 1800000000;

/** A frame of the device that was completed on the bus at `at` ms. */
export interface OwnFrame {
  at: number;
  id: number;
  data: number[];
}

export interface VirtualRig {
  clock: VirtualClock;
  simulator: Simulator;
  network: NetworkFaults;
  broker: VirtualBroker;
  can: Twai;
  gx: Gx;
  device: Device;
  /** Told of each own frame; of each piece to and from the battery. */
  frames: ((frame: OwnFrame) => void)[];
  asked: ((bytes: Uint8Array) => void)[];
  answered: ((bytes: Uint8Array) => void)[];
  /** Told of each callback of the image: instructions, and what it was. */
  spent: ((instructions: number, what: string) => void)[];
  /** Told of each turn of the image's main loop: instructions, and what its callbacks were. */
  turned: ((instructions: number, whats: string[]) => void)[];
  /** Told when a callback of the image begins: what it is. */
  began: ((what: string) => void)[];
  console: string[];
  deaths: string[];
  /** What the time server adds to the time. */
  world: { offset_s: number };
  /** Switch the device off and on; its flash stays. */
  restart(): void;
  get(path: string): Exchange;
  /** A body as who knows the set-up token sends it. */
  put(path: string, body: object): Exchange;
  /** Bytes from a client of its own, whatever they are. */
  connect(bytes: string): Exchange;
}

export interface VirtualOptions {
  image: string;
  seed: number;
  scenario?: string;
  settings?: Settings;
  /** What the image's work costs; null: nothing. The measured weights unless said otherwise. */
  weights?: Weights | null;
  espruino?: string;
  /** The flash of an earlier device; a new one when not given. */
  store?: Store;
}

/** Text fields as they are, numbers in the row's unit. */
export function valuesOf(frame: OwnFrame): Record<string, number | string> {
  const fields = decodeFrame(frame.id, frame.data)?.fields ?? [];
  return Object.fromEntries(
    fields.map(({ key, label, value, rowValue }) => [
      isNaN(rowValue) && key !== label ? label : key,
      isNaN(rowValue) ? value : rowValue,
    ]),
  );
}

/** Battery, bus, GX and network, on one clock; no device yet. */
function worldOf({ seed, scenario }: VirtualOptions): { rig: VirtualRig; door: EventEmitter; bus: RunningTwai } {
  const clock = virtualClock(),
    door = new EventEmitter(),
    can = createTwai();
  const bus = runTwai({ model: can, now: clock.now, schedule: (run) => repeat(clock, GX_STEP_MS, run) });
  const rig = {
    clock,
    simulator: createSimulator({ scenario, seed, auto: false, now: clock.now, schedule: clock.schedule }),
    network: noNetworkFaults(),
    broker: virtualBroker(clock),
    can,
    world: { offset_s: 0 },
    frames: [],
    asked: [],
    answered: [],
    spent: [],
    turned: [],
    began: [],
    console: [],
    deaths: [],
  } as unknown as VirtualRig;
  rig.connect = (bytes) => exchangeWith(clock, door, bytes);
  rig.get = (path) => rig.connect(`GET ${path} HTTP/1.1\r\nHost: device\r\n\r\n`);
  rig.put = (path, body) => {
    const text = JSON.stringify(body),
      token = rig.console.join("\n").match(/setup token: (\S+)/)?.[1];
    return rig.connect(
      `PUT ${path} HTTP/1.1\r\nHost: device\r\nX-Setup-Token: ${token}\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    );
  };
  can.bus.listeners.push(({ own, t, frame: { id, data } }) => {
    if (own) rig.frames.forEach((listener) => listener({ at: t / 1000, id, data }));
  });
  repeat(clock, BATTERY_STEP_MS, () => rig.simulator.step(BATTERY_STEP_MS / 1000));
  rig.gx = createGx({ bus: can.bus, now: clock.now, keepFrames: 10 });
  repeat(clock, GX_STEP_MS, () => {
    stepGx(rig.gx);
    rule(rig.gx, rig.simulator);
  });
  return { rig, door, bus };
}

/** What the device in this world hangs on, but for its image. */
function wiresOf(
  rig: VirtualRig,
  door: EventEmitter,
  bus: RunningTwai,
  random: Random,
): Omit<DeviceOptions, "image" | "store"> {
  const { clock, network, broker, simulator, world } = rig;
  const block = (ms: number): void => {
    for (let left = ms; left > 0; left -= BLOCK_PIECE_MS) {
      clock.block(Math.min(left, BLOCK_PIECE_MS));
      bus.catchUp();
    }
  };
  return {
    clock: { ...clock, block },
    registers: bus,
    servers: new Map([[80, door]]),
    network,
    transport: virtualTransport(clock, broker, () => STARTED_S + clock.now() / 1000 + world.offset_s),
    random: () => (random() * 0x100000000) >>> 0,
    spent: (instructions, what) => rig.spent.forEach((listener) => listener(instructions, what)),
    turned: (instructions, whats) => rig.turned.forEach((listener) => listener(instructions, whats)),
    began: (what) => rig.began.forEach((listener) => listener(what)),
    send: (bytes) => {
      rig.asked.forEach((listener) => listener(bytes));
      simulator.receive(bytes);
    },
    isRefused: () => !broker.isUp,
    onConsole: (line) => {
      rig.console.push(line);
    },
    onDeath: (reason) => {
      rig.deaths.push(reason);
    },
  };
}

/** Boot the image: it has been evaluated when this returns. What follows happens in `clock.run`. */
export function startVirtual(options: VirtualOptions): VirtualRig {
  const { image, seed, settings = {}, weights = measuredWeights(), espruino, store = memoryStore() } = options,
    { rig, door, bus } = worldOf(options);
  const defaults = { mqtt: { enabled: true, host: "broker", port: BROKER_PORT }, time: { server: "clock" } };
  provision(store, mergeSettings(defaults, settings));
  const wires = wiresOf(rig, door, bus, seededRandom(seed ^ OWN));
  const boot = (): Device => bootDevice({ ...wires, image, store, espruino, weights: weights ?? undefined });
  rig.device = boot();
  rig.restart = () => {
    rig.device.dispose();
    rig.device = boot();
  };
  rig.simulator.onSend((bytes) => {
    rig.answered.forEach((listener) => listener(bytes));
    rig.device.receive(bytes);
  });
  return rig;
}
