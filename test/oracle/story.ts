// Random stories from a seed: what the battery, its line and the device go through. Each episode is drawn by itself, so
// that a story with some of them left out is the same story otherwise.
import { randomInteger, seededRandom } from "../../tools/simulator/random";
import type { FaultName } from "../../tools/simulator/faults";
import type { VirtualRig } from "../system/virtual";
import { type Step, steps } from "../fixtures/image";
import { FAULT, FULL } from "./spec";
import type { World } from "./world";

/** Something that begins at `at_s` and ends `for_s` later. */
export interface Episode {
  index: number;
  at_s: number;
  for_s: number;
  name: string;
  begin(scene: Scene): void;
  end(scene: Scene): void;
}

export interface Scene {
  world: World;
  rig: VirtualRig;
  /** Restart of the device: the oracle starts anew too. */
  restartDevice(): void;
  /** The counter went back, or the log holds rubbish: it is read again. */
  reread(): void;
  /** This part of the device's work of each second throws from now on; "": none. */
  fail(step: Step | ""): void;
}

interface Draw {
  integer(low: number, high: number): number;
  of<T>(list: readonly T[]): T;
  chance(part: number): boolean;
  between(low: number, high: number): number;
}

interface Kind {
  weight: number;
  make(draw: Draw): { name: string; for_s: number; begin(scene: Scene): void; end?(scene: Scene): void };
}

function drawFrom(seed: number): Draw {
  const random = seededRandom(seed);
  const integer = (low: number, high: number): number => randomInteger(random, low, high);
  return {
    integer,
    of: (list) => list[integer(0, list.length - 1)],
    chance: (part) => random() < part,
    between: (low, high) => low + (high - low) * random(),
  };
}

const BASES = [
  2.75, 2.81, 2.83, 2.88, 2.92, 2.95, 3.0, 3.05, 3.12, 3.2, 3.25, 3.28, 3.3, 3.3, 3.32, 3.33, 3.35, 3.37, 3.38, 3.4,
  3.42, 3.44, 3.445, 3.45, 3.455, 3.46, 3.465, 3.47, 3.48, 3.5, 3.52, 3.54, 3.56, 3.6, 3.62, 3.64, 3.68,
];
const AROUND = [-0.45, -0.3, -0.2, -0.1, -0.05, 0.02, 0.03, 0.05, 0.08, 0.1, 0.17, 0.2, 0.3];

function cellsOf(draw: Draw, n: number): { volts: number[]; text: string } {
  const base = draw.of(BASES),
    scatter = draw.of([0, 0, 0.002, 0.005, 0.012]);
  const volts = Array.from({ length: n }, () => Math.round((base + draw.between(-scatter, scatter)) * 10000) / 10000);
  let text = base.toFixed(3);
  if (draw.chance(0.15)) {
    const off = draw.of(AROUND),
      many = draw.integer(2, 9);
    for (let i = 0; i < many; i++) volts[i] = Math.round((base + off) * 10000) / 10000;
    text += `, ${many} at ${volts[0]}`;
  } else if (draw.chance(0.45)) {
    const off = draw.of(AROUND),
      at = draw.integer(0, n - 1);
    volts[at] = Math.round((base + off) * 10000) / 10000;
    text += `, one at ${volts[at]}`;
  }
  return { volts, text };
}

const MOST_CELLS = 16;

const CURRENTS = [-190, -185, -150, -60, -5, 0, 0, 0.3, 2, 4, 10, 40, 90, 130, 145],
  TEMPERATURES = [
    -30, -21, -15, -9, -5, -1, 0, 1, 2, 3, 5, 8, 12, 20, 20, 25, 38, 43, 46, 49, 52, 54.5, 56, 59, 61, 64,
  ],
  INTERNALS = [20, 30, 40, 69, 72, 76, 84, 91],
  SOCS = [2, 5, 6, 9, 12, 40, 60, 84, 86, 95, 99, 100, 100.6];

/** What persists until the next weather. */
const weather: Kind[] = [
  {
    weight: 6,
    make: (draw) => {
      const { volts, text } = cellsOf(draw, MOST_CELLS),
        current = draw.of(CURRENTS);
      return {
        name: `cells ${text}, ${current} A`,
        for_s: 0,
        begin: ({ world }) => {
          world.volts = volts.slice(0, world.n);
          world.current = current;
        },
      };
    },
  },
  {
    weight: 2,
    make: (draw) => {
      const { volts } = cellsOf(draw, MOST_CELLS),
        tail = draw.of([0, 0.5, 2]);
      const full = volts.map(() => 3.449);
      return {
        name: "absorption",
        for_s: 0,
        begin: ({ world }) => {
          world.volts = full.slice(0, world.n);
          world.current = tail;
          world.soc = 97;
          world.t1 = world.t2 = 22;
          world.internal = 30;
        },
      };
    },
  },
  {
    weight: 2,
    make: (draw) => {
      const t1 = draw.chance(0.08) ? null : draw.of(TEMPERATURES),
        t2 = draw.chance(0.08)
          ? null
          : draw.chance(0.7) && t1 !== null
            ? t1 + draw.of([0, 1, 2])
            : draw.of(TEMPERATURES),
        internal = draw.of(INTERNALS);
      return {
        name: `temperatures ${t1} ${t2} ${internal}`,
        for_s: 0,
        begin: ({ world }) => {
          world.t1 = t1;
          world.t2 = t2;
          world.internal = internal;
        },
      };
    },
  },
  {
    weight: 1,
    make: (draw) => {
      const internal = draw.of([-5, 3, 8, 25, 30, 48]);
      return {
        name: `no sensor, ${internal} inside`,
        for_s: 0,
        begin: ({ world }) => {
          world.t1 = world.t2 = null;
          world.internal = internal;
        },
      };
    },
  },
  {
    weight: 4,
    make: (draw) => {
      const current = draw.of(CURRENTS);
      return {
        name: "fine",
        for_s: 0,
        begin: ({ world }) => {
          world.volts = world.volts.map(() => 3.33);
          world.current = Math.max(-170, Math.min(120, current));
          world.t1 = world.t2 = 21;
          world.internal = 30;
          world.soc = 60;
          world.status = null;
        },
      };
    },
  },
  {
    weight: 1,
    make: (draw) => {
      const soc = draw.of(SOCS);
      return { name: `SoC ${soc}`, for_s: 0, begin: ({ world }) => void (world.soc = soc) };
    },
  },
  {
    weight: 1,
    make: (draw) => {
      const status = draw.of([FULL, null, null, 0x97]);
      return { name: `status ${status}`, for_s: 0, begin: ({ world }) => void (world.status = status) };
    },
  },
];

const LINE_FAULTS: FaultName[] = [
  "silence",
  "silence",
  "silence",
  "noise",
  "flood",
  "bad-crc",
  "torn",
  "late",
  "double",
  "stale",
  "foreign",
  "false-start",
  "swapped-crc",
  "nack",
  "lost-reply",
];

function outage(draw: Draw): number {
  return draw.of([
    draw.integer(1, 4),
    draw.integer(3, 8),
    draw.integer(6, 13),
    draw.integer(14, 18),
    draw.integer(17, 40),
    draw.integer(70, 110),
  ]);
}

/** What can happen to the battery while the device sees only a part of it (README 1.4). */
const hazards: ((scene: Scene) => () => void)[] = [
  ({ world }) => {
    const before = world.volts;
    world.volts = before.map((volt, i) => (i === 2 ? 3.64 : Math.min(volt, 3.5)));
    return () => (world.volts = before);
  },
  ({ world }) => {
    const before = world.volts;
    world.volts = before.map((volt, i) => (i === 3 ? 2.79 : Math.max(volt, 3.0)));
    return () => (world.volts = before);
  },
  ({ world }) => {
    world.log(0x03);
    return () => world.log(0x79);
  },
  ({ world }) => {
    const before = world.status;
    world.status = FAULT;
    return () => (world.status = before);
  },
  ({ world }) => {
    const before = [world.t1, world.t2];
    world.log(0x37);
    world.t1 = world.t2 = -3;
    return () => {
      world.log(0x74);
      [world.t1, world.t2] = before;
    };
  },
  ({ world }) => {
    const before = [world.t1, world.t2];
    world.t1 = world.t2 = -5;
    return () => ([world.t1, world.t2] = before);
  },
];

const CELL_BLOCK = 0,
  FAST_BLOCK = 36,
  SETTINGS_BLOCK = 300;

const line: Kind = {
  weight: 4,
  make: (draw) => {
    const name = draw.of(LINE_FAULTS),
      probability = draw.of([1, 1, draw.between(0.1, 0.9)]);
    return {
      name: `${name} ${probability.toFixed(2)}`,
      for_s: outage(draw),
      begin: ({ rig }) => rig.simulator.faults.set(name, { probability }),
      end: ({ rig }) => rig.simulator.faults.clear(name),
    };
  },
};

/** A part of the groups does not come, or not as it should; and something happens meanwhile. */
const partial: Kind = {
  weight: 6,
  make: (draw) => {
    const what = draw.of([
      "cells silent",
      "cell 0",
      "cell 65535",
      "cells silent",
      "cell 0",
      "fast silent",
      "events silent",
    ]);
    const cell = draw.integer(0, 15),
      hazard = draw.chance(0.75) ? draw.of(hazards) : null,
      seconds = outage(draw),
      wait_ms = draw.integer(0, Math.min(6000, seconds * 900));
    const word = what === "cell 0" ? 0 : 0xffff,
      first = what === "fast silent" ? FAST_BLOCK : what === "events silent" ? -1 : CELL_BLOCK;
    const isLie = what.startsWith("cell "),
      isDeaf = (asked: number): boolean => asked === first;
    let lie = { first: NaN, words: {}, times: 0 },
      undo: (() => void) | null = null;
    return {
      name: `${what}${hazard ? ` and hazard ${hazards.indexOf(hazard)} after ${wait_ms} ms` : ""}`,
      for_s: seconds,
      begin: (scene) => {
        const { world, rig } = scene;
        lie = { first: CELL_BLOCK, words: { [16 - world.n + (cell % world.n)]: word }, times: Infinity };
        if (isLie) world.lies.push(lie);
        else world.deaf.add(isDeaf);
        if (hazard)
          rig.clock.schedule(wait_ms, () => {
            undo = hazard(scene);
          });
      },
      end: ({ world }) => {
        lie.times = 0;
        world.lies = world.lies.filter(({ times }) => times > 0);
        world.deaf.delete(isDeaf);
        undo?.();
      },
    };
  },
};

/** A few replies of the fast group that are wrong with a good CRC. */
const glitch: Kind = {
  weight: 4,
  make: (draw) => {
    const [name, words] = draw.of<[string, Record<number, number>]>([
      ["41 = 3640", { 41: 3640 }],
      ["40 = 2790", { 40: 2790 }],
      ["41 = 3520", { 41: 3520 }],
      ["SoC 150", { 46: 150e6 & 0xffff, 47: Math.floor(150e6 / 0x10000) }],
      ["T = 200", { 42: 2000 }],
      ["T = -3", { 42: -30 & 0xffff, 43: -30 & 0xffff }],
      ["41 = 6000", { 41: 6000 }],
      ["40 = 0", { 40: 0 }],
      ["I NaN", { 38: 0, 39: 0x7fc0 }],
      ["V = 0", { 36: 0, 37: 0 }],
      ["status 9B", { 50: FAULT }],
    ]);
    const lie = { first: NaN, words, times: draw.of([1, 1, 1, 2, 5, 30]) },
      seconds = draw.integer(4, 15);
    return {
      name: `${lie.times} x ${name}`,
      for_s: seconds,
      begin: ({ world }) => world.lies.push((lie.first = FAST_BLOCK) && lie),
      end: ({ world }) => {
        lie.times = 0;
        world.lies = world.lies.filter(({ times }) => times > 0);
      },
    };
  },
};

const PLAUSIBLE: Record<number, number>[] = [
  { 300: 3700, 315: 3900 },
  { 300: 3600, 315: 3700 },
  { 300: 3500, 315: 3580 },
  { 315: 3450 },
  { 315: 3580 },
  { 300: 3480 },
  { 301: 3000 },
  { 301: 2800, 316: 2600 },
  { 316: 2880 },
  { 317: 50 },
  { 317: 300, 318: 300 },
  { 318: 50 },
  { 319: 50 },
  { 320: 10 },
  { 320: -5 & 0xffff },
  { 329: 0 },
  { 340: 1 },
  { 300: 3900, 315: 4200 },
];
const IMPLAUSIBLE: Record<number, number>[] = [
  { 307: 0 },
  { 307: 17 },
  { 300: 0 },
  { 300: 65535 },
  Object.fromEntries(Array.from({ length: 44 }, (_, i) => [300 + i, 0])),
];

const textOf = (words: Record<number, number>): string =>
  Object.keys(words).length > 5
    ? "all 0"
    : Object.entries(words)
        .map(([key, word]) => `${key}=${word}`)
        .join(" ");

/** The next settings replies are wrong with a good CRC (README 1.5); often with cells where it matters. */
const settingsReply: Kind = {
  weight: 4,
  make: (draw) => {
    const words = draw.of(draw.chance(0.4) ? IMPLAUSIBLE : PLAUSIBLE),
      times = draw.of([1, 1, 1, 1, 2]),
      top = draw.of([null, 3.58, 3.58, 3.64, 3.44, 3.53]);
    const lie = { first: SETTINGS_BLOCK, words, times };
    let before: number[] | null = null;
    return {
      name: `${times} settings replies ${textOf(words)}${top ? ` with a cell at ${top}` : ""}`,
      for_s: draw.integer(75, 140),
      begin: ({ world }) => {
        world.lies.push(lie);
        if (top === null) return;
        before = world.volts;
        world.volts = before.map(() => top);
      },
      end: ({ world }) => {
        lie.times = 0;
        world.lies = world.lies.filter((one) => one.times > 0);
        if (before) world.volts = before;
      },
    };
  },
};

/** The owner changes settings at the battery, and changes them back. */
const settingsChange: Kind = {
  weight: 3,
  make: (draw) => {
    const words = draw.of([...PLAUSIBLE, { 300: 3300 }, { 300: 3800, 315: 3900 }]),
      top = draw.of([null, null, 3.44, 3.46, 3.5, 3.58]);
    let before: [number, number][] = [];
    return {
      name: `settings ${textOf(words)}${top ? ` with a cell at ${top}` : ""}`,
      for_s: draw.integer(70, 240),
      begin: ({ world }) => {
        before = Object.keys(words).map((key): [number, number] => [Number(key), world.get(Number(key))]);
        Object.entries(words).forEach(([key, word]) => world.set(Number(key), word));
        if (top !== null) world.volts = world.volts.map((_, i) => (i === 1 ? top : 3.4));
      },
      end: ({ world }) => before.forEach(([register, word]) => world.set(register, word)),
    };
  },
};

/** Settings at the battery, and cells and sensors where they matter: [words, volts of cell 2, of the others, degC]. */
const TOGETHER: [Record<number, number>, number, number, number][] = [
  [{ 301: 2810, 316: 2880 }, 2.89, 3.0, 21],
  [{ 301: 2810, 316: 2880 }, 2.91, 3.0, 21],
  [{ 316: 2880 }, 2.93, 3.1, 21],
  [{ 320: 10 }, 3.33, 3.33, 12],
  [{ 320: 6 }, 3.33, 3.33, 8],
  [{ 320: 10 }, 3.33, 3.33, 9.5],
  [{ 319: 50 }, 3.33, 3.33, 46],
  [{ 315: 3450 }, 3.44, 3.4, 21],
  [{ 300: 3600, 315: 3700 }, 3.56, 3.4, 21],
  [{ 318: 50, 317: 50 }, 3.48, 3.4, 21],
];

const settingsWithCells: Kind = {
  weight: 3,
  make: (draw) => {
    const [words, one, others, celsius] = draw.of(TOGETHER);
    let undo: (() => void) | null = null;
    return {
      name: `settings ${textOf(words)}, a cell at ${one}, ${celsius} degC`,
      for_s: draw.integer(130, 240),
      begin: ({ world }) => {
        const before = Object.keys(words).map((key): [number, number] => [Number(key), world.get(Number(key))]),
          { volts, t1, t2, current } = world;
        undo = () => {
          before.forEach(([register, word]) => world.set(register, word));
          Object.assign(world, { volts, t1, t2, current });
        };
        Object.entries(words).forEach(([key, word]) => world.set(Number(key), word));
        Object.assign(world, {
          volts: volts.map((_, i) => (i === 1 ? one : others)),
          t1: celsius,
          t2: celsius,
          current: 5,
        });
      },
      end: () => undo?.(),
    };
  },
};

/** Settings are not answered, whole or in part, for longer than their age allows. */
const settingsSilent: Kind = {
  weight: 1,
  make: (draw) => {
    const from = draw.of([SETTINGS_BLOCK, SETTINGS_BLOCK, SETTINGS_BLOCK + 1]),
      isDeaf = (first: number): boolean => first >= from && first < SETTINGS_BLOCK + 44;
    return {
      name: `settings from ${from} on silent`,
      for_s: draw.integer(66, 150),
      begin: ({ world }) => world.deaf.add(isDeaf),
      end: ({ world }) => world.deaf.delete(isDeaf),
    };
  },
};

/** A cell comes near a cutoff and goes back to where only what holds a block on can narrow (README 7). */
const backFromBlock: Kind = {
  weight: 3,
  make: (draw) => {
    const top = draw.of([3.635, 3.64, 3.66]),
      then = draw.of([3.49, 3.505, 3.51, 3.52, 3.53]),
      isLow = draw.chance(0.2),
      at_s = draw.integer(2, 20);
    let before: number[] = [];
    return {
      name: isLow ? "a cell at 2.815 and back" : `a cell at ${top}, after ${at_s} s at ${then}`,
      for_s: at_s + draw.integer(70, 140),
      begin: ({ world, rig }) => {
        before = world.volts;
        const put = (volts: number, others: number): void => {
          world.volts = world.volts.map((_, i) => (i === 4 ? volts : others));
        };
        put(isLow ? 2.815 : top, isLow ? 3.1 : 3.4);
        rig.clock.schedule(at_s * 1000, () => put(isLow ? 3.0 : then, isLow ? 3.1 : 3.4));
      },
      end: ({ world }) => (world.volts = before),
    };
  },
};

/** A part of the device's own work of each second throws (README 4.2). */
const failingSecond: Kind = {
  weight: 2,
  make: (draw) => {
    const step = draw.of(steps),
      hazard = draw.chance(0.6) ? draw.of(hazards) : null,
      seconds = draw.of([draw.integer(1, 3), draw.integer(3, 12), draw.integer(13, 30), draw.integer(70, 90)]);
    let undo: (() => void) | null = null;
    return {
      name: `${step} throws${hazard ? `, hazard ${hazards.indexOf(hazard)}` : ""}`,
      for_s: seconds,
      begin: (scene) => {
        scene.fail(step);
        if (hazard)
          scene.rig.clock.schedule(Math.min(700 * seconds, 4000), () => {
            undo = hazard(scene);
          });
      },
      end: (scene) => {
        scene.fail("");
        undo?.();
      },
    };
  },
};

const RECOVERED: Record<number, number> = {
  0x02: 0x7b,
  0x03: 0x79,
  0x04: 0x73,
  0x05: 0x77,
  0x06: 0x76,
  0x07: 0x78,
  0x0a: 0x75,
  0x31: 0x7a,
  0x37: 0x74,
};

const events: Kind = {
  weight: 5,
  make: (draw) => {
    const id = draw.of([0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x31, 0x31, 0x37, 0x37, 0x38]),
      isCold = draw.chance(0.6),
      noise = draw.of([0, 0, 3, 20]);
    let before: (number | null)[] = [];
    return {
      name: `event ${id.toString(16)}${noise ? ` among ${noise}` : ""}`,
      for_s: draw.integer(3, 90),
      begin: ({ world }) => {
        before = [world.t1, world.t2];
        if (id === 0x37 && isCold) world.t1 = world.t2 = 0.5;
        for (let i = 0; i < noise; i++) world.log(i % 2 ? 0x64 : 0x65);
        world.log(id);
        for (let i = 0; i < noise / 4; i++) world.log(0x62);
      },
      end: ({ world }) => {
        if (RECOVERED[id]) world.log(RECOVERED[id]);
        if (id === 0x37 && isCold) [world.t1, world.t2] = before;
      },
    };
  },
};

const statusOnly: Kind = {
  weight: 2,
  make: (draw) => ({
    name: "status 9B alone",
    for_s: draw.integer(2, 40),
    begin: ({ world }) => void (world.status = FAULT),
    end: ({ world }) => void (world.status = null),
  }),
};

/** The unit restarts, its counter a little back; events around it (README 10). */
const restart: Kind = {
  weight: 4,
  make: (draw) => {
    const back = draw.of([0, 1, 5, 5, 20, 600]),
      before = draw.of([[], [0x03, 0x79], [0x0e], [0x0b], [0x37], [0x64, 0x65, 0x0e]]),
      lead = draw.integer(2, 9),
      after = draw.of([null, 0x37, 0x37, 0x03, 0x31, 0x0b]),
      wait = draw.of([100, 700, 3000]);
    return {
      name: `events ${before.map((id) => id.toString(16)).join(" ")}, restart ${lead} s later, counter ${back} s back, then ${after?.toString(16)}`,
      for_s: lead + draw.integer(15, 60),
      begin: ({ world, rig }) => {
        before.forEach((id) => world.log(id));
        rig.clock.schedule(lead * 1000, () => world.restart(back));
        if (after !== null) rig.clock.schedule(lead * 1000 + wait, () => world.log(after));
      },
      end: ({ world }) => {
        if (after === null) return;
        if (RECOVERED[after]) world.log(RECOVERED[after]);
        else world.restart(0);
      },
    };
  },
};

/** The log or the counter lies. */
const logTrouble: Kind = {
  weight: 3,
  make: (draw) => {
    const what = draw.of(["rubbish", "rubbish", "cleared", "counter back", "counter back"]),
      id = draw.of([0x37, 0x0b, 0x03]),
      isBefore = draw.chance(0.5),
      back = draw.of([3, 60, 5000]);
    return {
      name: `log ${what} ${isBefore ? "after" : "before"} ${id.toString(16)}`,
      for_s: draw.integer(12, 60),
      begin: ({ world, rig, reread }) => {
        const trouble = (): void => {
          if (what === "rubbish") world.logRubbish();
          else if (what === "cleared") world.clearLog();
          else {
            world.lifetime_s = Math.max(100, world.lifetime_s - back);
            reread();
          }
        };
        if (!isBefore) trouble();
        rig.clock.schedule(isBefore ? 10 : 4000, () => world.log(id));
        if (isBefore) rig.clock.schedule(8000, trouble);
      },
      end: ({ world }) => {
        if (RECOVERED[id]) world.log(RECOVERED[id]);
        else world.restart(0);
      },
    };
  },
};

const deviceRestart: Kind = {
  weight: 1,
  make: (draw) => ({
    name: "device restarts",
    for_s: draw.integer(10, 30),
    begin: ({ restartDevice }) => restartDevice(),
  }),
};

export const KINDS = {
  line: [line],
  cells: [partial, glitch, backFromBlock],
  settings: [settingsReply, settingsChange, settingsWithCells, settingsSilent],
  events: [events, statusOnly, restart, logTrouble],
  restarts: [deviceRestart, restart, failingSecond],
  all: [
    line,
    partial,
    glitch,
    backFromBlock,
    settingsReply,
    settingsChange,
    settingsWithCells,
    settingsSilent,
    events,
    statusOnly,
    restart,
    logTrouble,
    deviceRestart,
    failingSecond,
  ],
};
export type Focus = keyof typeof KINDS;

function ofWeight(draw: Draw, kinds: Kind[]): Kind {
  let left = draw.between(
    0,
    kinds.reduce((sum, { weight }) => sum + weight, 0),
  );
  return kinds.find(({ weight }) => (left -= weight) <= 0) ?? kinds[0];
}

/**
 * A story of `seconds` from a seed. Weather and faults follow each other, with a little time and now and then much
 * between them.
 */
export function storyOf(seed: number, seconds: number, focus: Focus): Episode[] {
  const episodes: Episode[] = [];
  /**
   * Even places are weather, odd ones faults, each with a fate of its own: a longer story begins as the shorter one
   * does.
   */
  const add = (index: number, at_s: number, kinds: Kind[]): Episode => {
    const own = drawFrom(seed * 7919 + index + 1),
      made = ofWeight(own, kinds).make(own);
    const episode = { index, at_s, end: () => undefined, ...made };
    episodes.push(episode);
    return episode;
  };
  const days = drawFrom(seed);
  for (let at_s = 12, index = 0; at_s < seconds; index += 2) {
    add(index, at_s, weather);
    at_s += days.of([days.integer(2, 12), days.integer(10, 60), days.integer(40, 120), days.integer(200, 700)]);
  }
  const accidents = drawFrom(seed ^ 0x5a5a);
  for (let at_s = accidents.integer(15, 60), index = 1; at_s < seconds; index += 2) {
    const { for_s } = add(index, at_s, KINDS[focus]);
    const gap = accidents.of([accidents.integer(3, 30), accidents.integer(20, 60), accidents.integer(100, 260)]);
    at_s += accidents.chance(0.2) ? accidents.integer(2, 10) : for_s + gap;
  }
  return episodes.sort((a, b) => a.at_s - b.at_s);
}
