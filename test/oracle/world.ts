// The battery that the oracle's stories play with: no physics, every number is what the story says. It fills the
// registers of the simulated TinyBMS, keeps its event log, and answers through the line and the codec of the simulator.
import { clearLog, EVENT_SLOTS, logEvent, publishLog, type EventLog } from "../../tools/simulator/events";
import type { VirtualRig } from "../system/virtual";
import { CHARGING, ENDS, EVENT_BLOCKS, FAULT, RESTARTED } from "./spec";
import type { Faults } from "./faults";

export interface World {
  n: number;
  /** V; the story writes them. */
  volts: number[];
  current: number;
  t1: number | null;
  t2: number | null;
  internal: number;
  soc: number;
  /** Status when nothing else says one; null: by the current. */
  status: number | null;
  packError: number;
  lifetime_s: number;
  /** Faults that hold the status at 0x9B. */
  holding: Set<number>;
  /** Words that a reply shows instead of the true ones: by first register of the request. */
  lies: Lie[];
  /** Requests that are not answered: by first register, -1 for the commands of events. */
  deaf: Set<(first: number) => boolean>;
  log(id: number): void;
  /** An entry that is not an event at all, as erased flash has it. */
  logRubbish(): void;
  clearLog(): void;
  /** Ids in a full log whose times fall: nobody can tell where it begins. */
  unordered(): number[];
  /** The unit restarts; its lifetime counter goes back. */
  restart(back_s: number): void;
  set(register: number, word: number): void;
  get(register: number): number;
}

/** Changes of a reply to a request that begins at `first`; `times` replies are changed. */
export interface Lie {
  first: number;
  words: Record<number, number>;
  times: number;
}

const LIFETIMES = [900, 20000000, 16776500];
/** The log has 24 bits of time. */
const ROLLOVER_S = 0x1000000;
const ABSENT = 0x8000,
  IDLE_A = 0.8;

const floats = new DataView(new ArrayBuffer(4));

function putFloat(words: Uint16Array, at: number, value: number): void {
  floats.setFloat32(0, value);
  words[at] = floats.getUint16(2);
  words[at + 1] = floats.getUint16(0);
}

function temperature(value: number | null): number {
  return value === null ? ABSENT : Math.round(value * 10) & 0xffff;
}

function statusOf(world: World): number {
  if (world.holding.size > 0) return FAULT;
  if (world.status !== null) return world.status;
  return world.current > IDLE_A ? CHARGING : world.current < -IDLE_A ? 0x93 : 0x97;
}

/** The registers of a moment. */
function publish(world: World, words: Uint16Array): void {
  const tenths = world.volts.map((volt) => Math.min(0xffff, Math.max(0, Math.round(volt * 10000))));
  words.fill(0, 0, 16);
  words.set(tenths, 16 - world.n);
  putFloat(words, 36, tenths.reduce((sum, tenth) => sum + tenth, 0) / 10000 + world.packError);
  putFloat(words, 38, world.current);
  words[40] = Math.round(Math.min(...tenths) / 10);
  words[41] = Math.round(Math.max(...tenths) / 10);
  words[42] = temperature(world.t1);
  words[43] = temperature(world.t2);
  words[45] = 49500;
  const soc = Math.round(world.soc * 1e6);
  words[46] = soc & 0xffff;
  words[47] = Math.floor(soc / 0x10000);
  words[48] = temperature(world.internal);
  words[50] = statusOf(world);
  words[53] = world.n;
  const lifetime = Math.floor(world.lifetime_s);
  words[32] = lifetime & 0xffff;
  words[33] = Math.floor(lifetime / 0x10000);
}

/** First register of a read; -1 for the commands that read events; NaN for all others. */
function firstOf(bytes: Uint8Array): number {
  if (bytes[1] === 0x11 || bytes[1] === 0x12) return -1;
  if (bytes[1] === 0x03) return (bytes[2] << 8) | bytes[3];
  return bytes[1] === 0x07 ? bytes[3] | (bytes[4] << 8) : NaN;
}

function countOf(bytes: Uint8Array): number {
  return bytes[1] === 0x03 ? bytes[5] : bytes[1] === 0x07 ? bytes[2] : 0;
}

/** Ids whose entries the log does not hold any more. */
function forget(log: EventLog, faults: Faults): void {
  const logged = new Set(log.slots.map(({ id }) => id));
  for (const id of faults.ids()) if (!logged.has(id)) faults.forgotten(id);
}

/** Take the simulator's battery over: from here on only the story moves it. */
export function takeOver(rig: VirtualRig, n: number, seed: number, faults: Faults): World {
  const { battery } = rig.simulator,
    { words, events } = battery;
  const receive = rig.simulator.receive;
  const now = (): number => rig.clock.now();
  const write = (id: number): void => {
    logEvent(events, id, world.lifetime_s);
    publishLog(events, words);
    forget(events, faults);
  };
  const world: World = {
    n,
    volts: Array.from({ length: n }, () => 3.3),
    current: 0,
    t1: 20,
    t2: 22,
    internal: 30,
    soc: 55,
    status: null,
    packError: 0,
    lifetime_s: LIFETIMES[seed % LIFETIMES.length],
    holding: new Set(),
    lies: [],
    deaf: new Set(),
    log(id) {
      write(id);
      faults.happened(id, now());
      if (id in EVENT_BLOCKS && id < 0x31) world.holding.add(id);
      if (id in ENDS) world.holding.delete(ENDS[id]);
      if (id === RESTARTED) world.holding.clear();
      publish(world, words);
    },
    logRubbish() {
      events.slots[events.next] = { id: 0xff, time_s: 0xffffff };
      events.next = (events.next + 1) % 49;
      events.unread = Math.min(49, events.unread + 1);
      publishLog(events, words);
      forget(events, faults);
      faults.reread(now());
    },
    clearLog() {
      clearLog(events);
      publishLog(events, words);
      forget(events, faults);
    },
    unordered() {
      const { slots, next } = events,
        times = [...slots.slice(next), ...slots.slice(0, next)].map(({ time_s }) => time_s % ROLLOVER_S);
      const doFall = times.some((time, i) => i > 0 && time < times[i - 1]);
      return slots.length === EVENT_SLOTS && doFall ? [...new Set(slots.map(({ id }) => id))] : [];
    },
    restart(back_s) {
      world.lifetime_s -= back_s;
      world.log(RESTARTED);
      faults.reread(now());
    },
    set: (register, word) => {
      words[register] = word & 0xffff;
    },
    get: (register) => words[register],
  };
  clearLog(events);
  words[307] = n;
  world.log(RESTARTED);
  rig.simulator.step = (dt) => {
    world.lifetime_s += dt;
    battery.lifetime_s = world.lifetime_s;
    publish(world, words);
  };
  rig.simulator.receive = (bytes) => {
    const first = firstOf(bytes),
      last = first + countOf(bytes) - 1;
    if ([...world.deaf].some((isDeaf) => isDeaf(first))) return;
    publish(world, words);
    const lie = world.lies.find(
      ({ words: told, times, first: at }) =>
        times > 0 &&
        (isNaN(at) || at === first) &&
        Object.keys(told).some((key) => Number(key) >= first && Number(key) <= last),
    );
    if (!lie) return receive(bytes);
    lie.times--;
    const truth = Object.keys(lie.words).map((key): [number, number] => [Number(key), words[Number(key)]]);
    Object.entries(lie.words).forEach(([key, word]) => (words[Number(key)] = word));
    receive(bytes);
    truth.forEach(([register, word]) => (words[register] = word));
  };
  publish(world, words);
  return world;
}
