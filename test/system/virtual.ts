// The whole rig on one virtual clock: the built image, battery, GX, CAN controller, broker, HTTP clients. Hours pass in seconds, and
// the same seed gives the same run. The image's work takes time too: each of its callbacks as long as the seed says.
import { EventEmitter } from "node:events";
import { createGx, stepGx, type Gx } from "../../tools/can/gx";
import { decodeFrame } from "../../tools/can/decode";
import { runTwai } from "../../tools/can/run-twai";
import { createTwai, type Twai } from "../../tools/can/twai-model";
import { repeat, virtualClock, type VirtualClock } from "../../tools/host/clock";
import { bootDevice, type Device } from "../../tools/host/device";
import { noNetworkFaults, type NetworkFaults } from "../../tools/host/faults";
import { rule } from "../../tools/host/run";
import { mergeSettings, provision, type Settings } from "../../tools/host/settings";
import { memoryStore } from "../../tools/host/storage";
import { seededRandom } from "../../tools/simulator/random";
import { createSimulator, type Simulator } from "../../tools/simulator/simulator";
import { BROKER_PORT, exchangeWith, virtualBroker, virtualTransport, type Exchange, type VirtualBroker } from "./virtual-network";

/** Battery, GX and bus are stepped this often; a blocked device lets the bus run on in such pieces. */
const BATTERY_STEP_MS = 250, GX_STEP_MS = 100, BLOCK_PIECE_MS = 1000;
/** Of the device's own randomness: what happens to it must not depend on what it does. */
const OWN = 0x5eed;
/** The world's time when the rig starts, s since 1970. */
const STARTED_S = 1800000000;

/** A frame of the device that was completed on the bus at `at` ms. */
export interface OwnFrame { at: number; id: number; data: number[] }

export interface VirtualRig {
  clock: VirtualClock; simulator: Simulator; network: NetworkFaults; broker: VirtualBroker; can: Twai; gx: Gx; device: Device;
  /** Told of each own frame; of each piece to and from the battery. */
  frames: ((frame: OwnFrame) => void)[]; asked: ((bytes: Uint8Array) => void)[]; answered: ((bytes: Uint8Array) => void)[];
  console: string[]; deaths: string[];
  /** What the time server adds to the time. */
  world: { offset_s: number };
  get(path: string): Exchange;
  /** Bytes from a client of its own, whatever they are. */
  connect(bytes: string): Exchange;
}

export interface VirtualOptions {
  image: string; seed: number; scenario?: string; settings?: Settings;
  /** The longest time that a callback of the image takes, ms; 0: none. */
  callbackMs?: number;
}

/** Text fields as they are, numbers in the row's unit. */
export function valuesOf(frame: OwnFrame): Record<string, number | string> {
  const fields = decodeFrame(frame.id, frame.data)?.fields ?? [];
  return Object.fromEntries(fields.map(({ key, label, value, rowValue }) => [isNaN(rowValue) && key !== label ? label : key, isNaN(rowValue) ? value : rowValue]));
}

/** Boot the image. Nothing happens before `clock.run`. */
export function startVirtual({ image, seed, scenario, settings = {}, callbackMs = 0 }: VirtualOptions): VirtualRig {
  const clock = virtualClock(), random = seededRandom(seed ^ OWN), store = memoryStore(), network = noNetworkFaults();
  const world = { offset_s: 0 }, broker = virtualBroker(clock), door = new EventEmitter();
  const simulator = createSimulator({ scenario, seed, auto: false, now: clock.now, schedule: clock.schedule });
  const can = createTwai(), bus = runTwai({ model: can, now: clock.now, schedule: (run) => repeat(clock, GX_STEP_MS, run) });
  const rig = { clock, simulator, network, broker, can, world, frames: [], asked: [], answered: [], console: [], deaths: [] } as unknown as VirtualRig;
  rig.connect = (bytes) => exchangeWith(clock, door, bytes);
  rig.get = (path) => rig.connect(`GET ${path} HTTP/1.1\r\nHost: device\r\n\r\n`);
  can.bus.listeners.push(({ own, t, frame: { id, data } }) => {
    if (own) rig.frames.forEach((listener) => listener({ at: t / 1000, id, data }));
  });
  repeat(clock, BATTERY_STEP_MS, () => simulator.step(BATTERY_STEP_MS / 1000));
  rig.gx = createGx({ bus: can.bus, now: clock.now, keepFrames: 10 });
  repeat(clock, GX_STEP_MS, () => { stepGx(rig.gx); rule(rig.gx, simulator); });
  const block = (ms: number): void => {
    for (let left = ms; left > 0; left -= BLOCK_PIECE_MS) {
      clock.block(Math.min(left, BLOCK_PIECE_MS));
      bus.catchUp();
    }
  };
  provision(store, mergeSettings({ mqtt: { enabled: true, host: "broker", port: BROKER_PORT }, time: { server: "clock" } }, settings));
  rig.device = bootDevice({
    image, store, clock: { ...clock, block }, registers: bus, servers: new Map([[80, door]]), network,
    transport: virtualTransport(clock, broker, () => STARTED_S + clock.now() / 1000 + world.offset_s),
    random: () => random() * 0x100000000 >>> 0, spent: callbackMs ? () => clock.block(random() * callbackMs) : undefined,
    send: (bytes) => { rig.asked.forEach((listener) => listener(bytes)); simulator.receive(bytes); },
    isRefused: () => !broker.isUp,
    onConsole: (line) => { rig.console.push(line); }, onDeath: (reason) => { rig.deaths.push(reason); },
  });
  simulator.onSend((bytes) => { rig.answered.forEach((listener) => listener(bytes)); rig.device.receive(bytes); });
  return rig;
}
