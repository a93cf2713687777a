// How long a limit that must fall takes from the last byte of the reply that says so to 0x351 in the controller:
// on the built image, its work and its UART as on a chip.
import type { Unit } from "./unit";
import type { Readings } from "./unit";

/** Groups of registers by the first one that their request names; the events have none. */
export const FAST = 36,
  CELLS = 0,
  SETTINGS = 329,
  EVENTS = -1;

/** The first register that a request asks for. */
function firstOf(bytes: Uint8Array): number {
  return bytes[1] === 7 ? bytes[3] | (bytes[4] << 8) : bytes[1] === 3 ? (bytes[2] << 8) | bytes[3] : -1;
}

/** Times of replies: when each had come whole, what it answered, and when that was asked. */
export interface Replies {
  /** When the n-th reply of the group had come that was asked for after `from`; NaN: not yet. */
  after(group: number, from: number, times: number): number;
}

export function repliesOf({ rig }: Unit): Replies {
  const asked: { at: number; group: number; answeredAt: number }[] = [];
  rig.asked.push((bytes) => asked.push({ at: rig.clock.now(), group: firstOf(bytes), answeredAt: NaN }));
  rig.answered.push(() => {
    const last = asked.at(-1);
    if (last) last.answeredAt = rig.clock.now();
  });
  return {
    after: (group, from, times) =>
      asked.filter((one) => one.group === group && one.at > from && !isNaN(one.answeredAt))[times - 1]?.answeredAt ??
      NaN,
  };
}

/** Settings are read each minute. */
const LONGEST_MS = 70000;

/**
 * What is read from now on, and what of it makes limits fall: the n-th reply of a group, asked for behind one of
 * another.
 */
export interface Fall {
  readings: Readings;
  group: number;
  behind?: number;
  times?: number;
  isMet(limits: { cvl: number; ccl: number; dcl: number }): boolean;
}

/** Read something else and wait for the limits that must follow: ms from the reply to that frame; NaN: none comes. */
export function timeOfFall(unit: Unit, replies: Replies, { readings, group, behind, times = 1, isMet }: Fall): number {
  const { clock } = unit.rig,
    from = clock.now(),
    said = unit.said.length;
  unit.read(readings);
  while (clock.now() < from + LONGEST_MS) {
    unit.pass(0.02);
    const met = unit.said.slice(said).find(isMet);
    if (met) return met.at - replies.after(group, behind === undefined ? from : replies.after(behind, from, 1), times);
  }
  return NaN;
}
