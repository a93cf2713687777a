// Which faults and warnings of the battery are active: by what truly happened, and by when the device can and must know
// of it (README 10).
import { ENDS, EVENT_BLOCKS, FAULT, RESTARTED, temperaturesOf, type Plan } from "./spec";
import type { Fast, Known } from "./known";
import type { Line } from "./line";
import { allOf, ask, hold, newHeld, notOf, type Held, type Tri } from "./truth";

interface Latch {
  setAt: number;
  /** When its end was logged; Infinity: it is active. */
  endedAt: number;
  /** The log still names it: a device that starts can learn of it. */
  isLogged: boolean;
  /** The device guessed at the order of a full log: it may take the fault for active until it learns of an end. */
  isGuess: boolean;
  /** How long nothing has spoken for it since the device started; once that ended it, it stays ended. */
  quiet: Held;
  calm: Held;
  mayBeQuiet: boolean;
  isQuiet: boolean;
}

export interface Faults {
  /** The battery logged an event. */
  happened(id: number, now: number): void;
  /** The log has lost the entry. */
  forgotten(id: number): void;
  /**
   * The device started. `guessed`: ids in a full log in which a counter goes back, so that nobody can tell where it
   * begins.
   */
  started(now: number, guessed: number[]): void;
  /** The log is read again in pieces: old entries may count for a moment. */
  reread(now: number): void;
  step(now: number, dt: number): void;
  is(id: number): Tri;
  /** Fault 0x9B without a cause that is known (README 7). */
  unexplained: Tri;
  /** Ids that were ever set. */
  ids(): number[];
}

/** With a clean line an event is known after this long: a poll each 1 to 2 s, the whole log in pieces. */
const KNOWN_S = 6,
  QUIET_S = 10,
  LAG_S = 2.5;
/** Nothing but a restart ends these. */
const isForGood = (id: number): boolean => id >= 0x0b && id <= 0x0f;

/** The measured condition of a latch is outside of the clear threshold. */
function isOutside(id: number, fast: Fast, plan: Plan): boolean {
  const { coldest, hottest } = temperaturesOf(fast);
  switch (id) {
    case 0x02:
    case 0x31:
      return fast.vMin >= plan.empty + 0.15;
    case 0x03:
      return fast.vMax <= plan.over - 0.1;
    case 0x04:
      return hottest <= plan.hot - 5;
    case 0x05:
      return Math.abs(fast.current) < 0.8 * plan.settings[317];
    case 0x06:
    case 0x07:
      return fast.current < 0.8 * plan.settings[318];
    case 0x0a:
      return coldest >= -17;
    case 0x37:
      return coldest >= Math.max(plan.cold, 0) + 2;
    default:
      return true;
  }
}

/** `isFailing`: the work of each second fails, which ends what is quiet (README 4.3). */
export function watchFaults(line: Line, known: () => Known, isFailing: () => boolean): Faults {
  const latches = new Map<number, Latch>();
  let startedAt = 0,
    rereadAt = -Infinity,
    time = 0;
  /** The line has been clean so long that what happened at `at` must be known. */
  const mustBeKnown = (at: number): boolean => time - Math.max(at, line.cleanSince, startedAt) > KNOWN_S * 1000;
  const isReading = (): boolean => !mustBeKnown(Math.max(startedAt, rereadAt));
  const faults: Faults = {
    unexplained: "no",
    happened(id, now) {
      const end = (latch: Latch): void => {
        latch.endedAt = latch.isGuess ? now : Math.min(latch.endedAt, now);
        latch.isGuess = false;
      };
      if (id === RESTARTED) latches.forEach(end);
      const ended = latches.get(ENDS[id]);
      if (ended) end(ended);
      if (!(id in EVENT_BLOCKS) && id !== 0x38 && id !== 0x39) return;
      latches.set(id, {
        setAt: now,
        endedAt: Infinity,
        isLogged: true,
        isGuess: false,
        quiet: newHeld(),
        calm: latches.get(id)?.calm ?? newHeld(), // of register 50: an event of the same kind does not start it anew
        mayBeQuiet: false,
        isQuiet: false,
      });
    },
    forgotten(id) {
      const latch = latches.get(id);
      if (latch) latch.isLogged = false;
    },
    started(now, guessed) {
      startedAt = now;
      latches.forEach((latch, id) => {
        if (!latch.isLogged) latches.delete(id);
        else
          Object.assign(latch, {
            isGuess: false,
            quiet: newHeld(),
            calm: newHeld(),
            mayBeQuiet: false,
            isQuiet: false,
          });
      });
      for (const id of guessed) {
        const latch = latches.get(id);
        if (latch) latch.isGuess = true;
      }
    },
    reread(now) {
      rereadAt = now;
    },
    step(now, dt) {
      time = now;
      const { fast, plans } = known(),
        { may } = plans(now),
        readings = fast.filter(({ isPlausible, at }) => isPlausible && now - at < 3000);
      latches.forEach((latch, id) => {
        // Register 50 without a fault for 10 s, and the condition outside then: at the soonest when both are so, at the
        // latest when both have held.
        const isOut = ask(
          readings.flatMap((reading) => may.map((plan) => ({ reading, plan }))),
          ({ reading, plan }) => isOutside(id, reading, plan),
        );
        hold(
          latch.calm,
          ask(readings, ({ status }) => status !== FAULT),
          dt,
        );
        const quiet = ask(
          readings.flatMap((reading) => may.map((plan) => ({ reading, plan }))),
          ({ reading, plan }) => reading.status !== FAULT && isOutside(id, reading, plan),
        );
        hold(latch.quiet, quiet === "yes" && isFailing() ? "maybe" : quiet, dt);
        if (latch.calm.perhaps > QUIET_S - LAG_S && isOut !== "no") latch.mayBeQuiet = true;
        if (latch.quiet.sure > QUIET_S + KNOWN_S && mustBeKnown(latch.setAt)) latch.isQuiet = true;
      });
      const cause = [...latches.keys()].filter((id) => id <= 0x30).map((id) => faults.is(id));
      // What came only in a reply that the device may not have taken is not sure.
      const fault = ask(readings.some(({ isSure }) => isSure) ? readings : [], ({ status }) => status === FAULT);
      faults.unexplained = allOf(fault, ...cause.map(notOf));
    },
    is(id) {
      const latch = latches.get(id);
      if (!latch) return "no";
      if (latch.isGuess) return "maybe";
      const endsByQuiet = id !== 0x02 && !isForGood(id),
        { mayBeQuiet, isQuiet, endedAt, setAt } = latch;
      const mayHaveEnded = endedAt <= time || mayBeQuiet;
      const mustHaveEnded =
        (endedAt <= time && mustBeKnown(endedAt) && !isReading()) || (endsByQuiet && isQuiet && !isReading());
      if (mustHaveEnded) return "no";
      return !mayHaveEnded && mustBeKnown(setAt) ? "yes" : "maybe";
    },
    ids: () => [...latches.keys()],
  };
  return faults;
}
