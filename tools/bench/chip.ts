// The whole device on the modelled chip, in virtual time: UART and main loop as the release has them, instructions at
// 140 M a second. Gives distributions: power-on to 0x351, fast polls, what the TinyBMS waits for, the beat of 0x351,
// the longest turns.
import { startVirtual } from "../host/virtual";
import { seededRandom } from "../simulator/random";

const SETTLED_MS = 20_000,
  SECOND_MS = 1000,
  LIMITS = 0x351;
const PARTS = [0.5, 0.9, 0.99, 0.999, 1];

/** The parts of a list of numbers: median, 90, 99, 99.9 % and the most. */
export interface Distribution {
  count: number;
  parts: number[];
}

export interface ChipFigures {
  /** From the first instruction of the image, s. */
  firstLimits_s: number;
  /** ms between fast requests, between two 0x351, from a reply's last byte on the wire to the end of its callback. */
  fastPolls: Distribution;
  limits: Distribution;
  latency: Distribution;
  /** M instructions a second, and of the longest callback by kind. */
  busy: number;
  longest: Record<string, number>;
  /** Bytes that no callback got. */
  lost: number;
}

export function distributionOf(values: number[]): Distribution {
  const sorted = values.slice().sort((a, b) => a - b);
  return {
    count: sorted.length,
    parts: PARTS.map((part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN),
  };
}

/**
 * Cell voltages of a crossing and between two, mV; how long each lasts, ms; the settings bring the current back within
 * seconds.
 */
const HIGH_MV = 3540,
  BACK_MS = 14_000,
  FALL_MS = 3000;
const QUICK_BACK = { battery: { rec_hold: 0, rec_rate: 10 } };
const FAST_AT = 36,
  TOP_AT = 41,
  ALL_A = 130,
  FALLEN_A = 4;

/** From a reply's last byte on the wire to 0x351 in the controller, and from its first look at it by the image; ms. */
export interface FallFigures {
  fromWire: Distribution;
  fromImage: Distribution;
}

/** Register 41 crosses into the taper at random moments, everything on: how long the limit takes to fall. */
export function fallFigures(image: string, espruino: string, count: number, seed = 1): FallFigures {
  const rig = startVirtual({ image, seed, scenario: "idle", espruino, settings: QUICK_BACK }),
    { clock, simulator } = rig,
    { step } = simulator,
    random = seededRandom(seed);
  const fromWire: number[] = [],
    fromImage: number[] = [];
  let isHigh = false,
    isAsked = false,
    toldAt = NaN,
    heardAt = NaN,
    ccl = NaN;
  const hold = (): void => {
    if (isHigh) simulator.battery.words[TOP_AT] = HIGH_MV;
  };
  simulator.step = (dt_s) => {
    step(dt_s);
    hold();
  };
  rig.asked.push((bytes) => {
    isAsked = isHigh && bytes[1] === 7 && bytes[3] === FAST_AT;
  });
  rig.answered.push(() => {
    if (isAsked && isNaN(toldAt)) toldAt = clock.now();
  });
  rig.began.push((what) => {
    if (what === "string" && !isNaN(toldAt) && isNaN(heardAt)) heardAt = clock.now();
  });
  rig.frames.push(({ id, at, data }) => {
    if (id !== LIMITS) return;
    ccl = (data[2] | (data[3] << 8)) / 10;
    if (ccl > FALLEN_A || isNaN(toldAt)) return;
    fromWire.push(at - toldAt);
    fromImage.push(at - heardAt);
    toldAt = heardAt = NaN;
    isHigh = isAsked = false;
  });
  clock.run(SETTLED_MS);
  for (let i = 0; i < count; i++) {
    clock.run(BACK_MS + random() * SECOND_MS);
    if (!(ccl > ALL_A)) throw new Error(`crossing ${i}: the charge current was not back: ${ccl} A`);
    isHigh = true;
    hold();
    clock.run(FALL_MS);
    if (isHigh) throw new Error(`crossing ${i}: the charge current did not fall: ${ccl} A`);
  }
  rig.device.dispose();
  return { fromWire: distributionOf(fromWire), fromImage: distributionOf(fromImage) };
}

const gaps = (times: number[]): number[] => times.slice(1).map((at, i) => at - times[i]);

/** Runs an image for some seconds, everything on. */
export function chipFigures(image: string, espruino: string, seconds: number, seed = 1): ChipFigures {
  const rig = startVirtual({ image, seed, scenario: "charge", espruino }),
    { clock } = rig;
  const fast: number[] = [],
    limits: number[] = [],
    latency: number[] = [],
    longest: Record<string, number> = {};
  let heardAt = NaN,
    first = NaN,
    busy = 0;
  rig.frames.push(({ id, at }) => {
    if (id !== LIMITS) return;
    if (isNaN(first)) first = at;
    limits.push(at);
  });
  rig.asked.push((bytes) => {
    if (bytes[1] === 7 && bytes[3] === 36) fast.push(clock.now());
  });
  rig.answered.push(() => {
    heardAt = clock.now();
  });
  rig.spent.push((instructions, what) => {
    busy += instructions;
    longest[what] = Math.max(longest[what] ?? 0, instructions / 1e6);
    if (what !== "string" || isNaN(heardAt)) return;
    latency.push(clock.now() - heardAt);
    heardAt = NaN;
  });
  clock.run(SETTLED_MS);
  for (const list of [fast, limits, latency]) list.length = 0;
  for (const what of Object.keys(longest)) delete longest[what];
  busy = 0;
  clock.run(seconds * SECOND_MS);
  return {
    firstLimits_s: first / SECOND_MS,
    fastPolls: distributionOf(gaps(fast)),
    limits: distributionOf(gaps(limits)),
    latency: distributionOf(latency),
    busy: busy / seconds / 1e6,
    longest,
    lost: rig.device.lost.wire + rig.device.lost.queue + rig.device.lost.appended,
  };
}
