// The charge states of README 5 as several tracks: the spec leaves open where in the second a step falls and which
// reply it sees, so each track is one such history. A limit is judged by the tracks that are not refuted.
import { FULL, RESTART_SOC, TAIL_CELL, type Plan, type Reading } from "./spec";

export type State = "BULK" | "ABS" | "FLOAT" | "IMB_HOLD" | "SUSTAIN";

/** One possible history. */
export interface Track {
  state: State;
  /** Seconds in the state, and that the owner of the timer has held. */
  t: number;
  tc: number;
  owner: number;
  isEmpty: boolean;
  /** How often it steps, when it steps next (ms), by how much its held times are short (s). */
  period: number;
  dueAt: number;
  at: number;
  early: number;
  restart: Restart;
  sees: Sees;
  refuted: number;
}

interface Row {
  from: State[];
  to: State;
  /** Seconds that the condition must hold; 0: at once. */
  held: number;
  /** Seconds that the state must have lasted too: the condition may hold before. */
  least?: number;
  is(reading: Reading, plan: Plan, track: Track): boolean;
}

const ABS_MIN = 300,
  ABS_MAX = 3600,
  HOLD_MAX = 14400,
  LOW_SOC = 5,
  SOC_OUT = 8;
const NOT_SUSTAIN: State[] = ["BULK", "ABS", "FLOAT", "IMB_HOLD"];
const E = 1e-9;

const spread = ({ vMax, vMin }: Reading): number => vMax - vMin;
const resistance = (plan: Plan): number => 0.28 / (0.05 * plan.capacity_Ah);

function isTail(reading: Reading, plan: Plan): boolean {
  const { vMax, current } = reading;
  return vMax - resistance(plan) * current >= TAIL_CELL - E && current >= 0 && spread(reading) <= 0.02 + E;
}

/** README 5, in its order. */
const ROWS: Row[] = [
  {
    from: NOT_SUSTAIN,
    to: "SUSTAIN",
    held: 30,
    is: ({ vMin, soc }, { empty }) => vMin <= empty + 0.05 + E || soc <= LOW_SOC,
  },
  {
    from: ["SUSTAIN"],
    to: "BULK",
    held: 60,
    is: ({ vMin, soc }, { empty }) => soc >= SOC_OUT && vMin >= empty + 0.2 - E,
  },
  {
    from: ["BULK"],
    to: "ABS",
    held: 10,
    is: ({ vMax, pack }, { bulk, n }) => vMax >= bulk - 0.01 - E || pack >= n * bulk - 0.2 - E,
  },
  { from: ["ABS", "IMB_HOLD"], to: "FLOAT", held: 0, is: ({ status }) => status === FULL },
  {
    from: ["ABS"],
    to: "IMB_HOLD",
    held: 30,
    is: (reading, { limit }) => spread(reading) >= 0.08 - E && reading.vMax >= limit - E,
  },
  { from: ["ABS"], to: "FLOAT", held: 60, least: ABS_MIN, is: isTail },
  { from: ["ABS"], to: "FLOAT", held: 0, is: (_reading, _plan, { t, early }) => t >= ABS_MAX - early },
  {
    from: ["ABS"],
    to: "BULK",
    held: 60,
    is: ({ vMax, pack }, { bulk, n }) => pack < n * bulk - 0.5 - E && vMax < bulk - 0.03 - E,
  },
  { from: ["IMB_HOLD"], to: "ABS", held: 60, is: (reading) => spread(reading) <= 0.04 + E },
  { from: ["IMB_HOLD"], to: "BULK", held: 60, is: ({ vMax }, { bulk }) => vMax < bulk - 0.05 - E },
  { from: ["IMB_HOLD"], to: "FLOAT", held: 0, is: (_reading, _plan, { t, early }) => t >= HOLD_MAX - early },
  { from: ["FLOAT"], to: "BULK", held: 60, is: ({ soc, vMax }) => soc <= RESTART_SOC || vMax <= 3.3 + E },
];

/**
 * After a loss the states may start anew, or their waits, or neither: at the first moment at which it may have ended,
 * or at the last.
 */
type Restart = "none" | "state first" | "state last" | "waits first" | "waits last";

/** Where newer replies may not have been taken: the newest that counts for sure, or the newest. */
type Sees = "sure" | "newest";

/** How steps may fall: each 100 ms or once a second at two phases, with timers that are exact, short or long. */
const STYLES: [period: number, phase: number, early: number, restart: Restart, sees?: Sees][] = [
  [100, 0, 0, "state first"],
  [100, 0, -1.3, "none"],
  [100, 0, 1.3, "state last"],
  [1000, 0, 0, "none"],
  [1000, 500, 0, "state last"],
  [1000, 0, 1.3, "waits first"],
  [1000, 500, 1.3, "state first"],
  [1000, 250, -1.3, "waits last"],
  [1000, 0, 1.3, "waits last"],
  [1000, 500, 0, "none", "sure"],
  [100, 0, 1.3, "state last", "sure"],
];

/** All histories at the start of the device. */
export function newTracks(now: number): Track[] {
  return STYLES.map(([period, phase, early, restart, sees = "newest"]) => ({
    state: "BULK",
    t: 0,
    tc: 0,
    owner: -1,
    isEmpty: false,
    period,
    dueAt: now + phase,
    at: now,
    early,
    restart,
    sees,
    refuted: 0,
  }));
}

function enter(track: Track, state: State): void {
  track.state = state;
  track.t = track.tc = 0;
  track.owner = -1;
}

function step(track: Track, reading: Reading, plan: Plan, dt: number): void {
  track.t += dt;
  let owner = -1,
    to: State | null = null;
  for (let i = 0; i < ROWS.length && to === null; i++) {
    const row = ROWS[i];
    if (!row.from.includes(track.state) || !row.is(reading, plan, track)) continue;
    if (row.held === 0) to = row.to;
    else if (owner < 0) {
      owner = i;
      track.tc = track.owner === i ? track.tc + dt : dt;
      if (track.tc >= row.held - track.early - E && track.t >= (row.least ?? 0) - track.early) to = row.to;
    }
  }
  track.owner = owner;
  if (owner < 0) track.tc = 0;
  if (to !== null) enter(track, to);
  if (reading.vMin <= plan.empty + 0.05 + E) track.isEmpty = true;
  if (reading.vMin >= plan.empty + 0.15 - E) track.isEmpty = false;
}

/**
 * Let every track that is due step; one whose data is frozen only lets the time pass (README 4). `readings`: those that
 * may be the newest that was taken, the one that was for sure first.
 */
export function stepTracks(
  tracks: Track[],
  readings: Reading[],
  plan: Plan,
  now: number,
  isFrozen: (track: Track) => boolean,
): void {
  for (const track of tracks) {
    if (now < track.dueAt) continue;
    track.dueAt += track.period * Math.ceil((now - track.dueAt + 1) / track.period);
    const dt = (now - track.at) / 1000;
    track.at = now;
    const reading = readings.at(track.sees === "sure" ? 0 : -1);
    if (reading && !isFrozen(track)) step(track, reading, plan, Math.min(dt, 2));
  }
}

/** A loss may have ended here, the first or the last time that it may. */
export function mayRestart(tracks: Track[], isFirst: boolean, isLast: boolean): void {
  for (const track of tracks) {
    const [what, when] = track.restart.split(" ");
    if (!(when === "first" ? isFirst : isLast)) continue;
    if (what === "state") enter(track, "BULK");
    else if (what === "waits") track.tc = 0;
  }
}

/** Put a history that what was seen allows into the place of one that it refuted. */
export function replaceRefuted(tracks: Track[], refutations: number): void {
  const good = tracks.filter(({ refuted }) => refuted === 0);
  if (good.length === 0) {
    tracks.forEach((track) => (track.refuted = 0));
    return;
  }
  tracks.forEach((track, i) => {
    if (track.refuted < refutations) return;
    const { state, t, tc, owner, isEmpty } = good[i % good.length];
    Object.assign(track, { state, t, tc, owner, isEmpty, refuted: 0 });
  });
}
