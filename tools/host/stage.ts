// What can be changed while the rig runs: scenario, speed and faults of the battery, by keys (keys.ts) and over HTTP
// (control.ts).
import { type FaultName, FAULTS, parseFault } from "../simulator/faults";
import { scenarios } from "../simulator/scenarios";
import type { Simulator } from "../simulator/simulator";

export const MOST_SPEED = 10000;

/** What plays at the moment. */
export interface Play {
  scenario: string;
  speed: number;
  /** Faults that hold now. */
  faults: FaultName[];
}

/** One or more batteries that are played together. Each change throws an Error with the reason and changes nothing. */
export interface Stage {
  now(): Play;
  scenario(name: string): void;
  speed(factor: number): void;
  /** `name[=probability][@start[+duration]]`, from now on. */
  fault(text: string): void;
  /** One fault off, or all. */
  clear(name?: string): void;
}

function named<T extends string>(names: Record<T, unknown>, name: string, what: string): T {
  if (Object.hasOwn(names, name)) return name as T;
  throw new Error(`there is no ${what} "${name}"; there are ${Object.keys(names).join(", ")}`);
}

export function stageOf(batteries: Simulator[]): Stage {
  const all = (change: (battery: Simulator) => void): void => batteries.forEach(change);
  return {
    now: () => ({ ...batteries[0].playing(), faults: batteries[0].faults.active() }),
    scenario: (name) => {
      const found = named(scenarios, name, "scenario");
      all((battery) => battery.play(found));
    },
    speed: (factor) => {
      if (!(factor > 0 && factor <= MOST_SPEED)) throw new Error(`the speed must be above 0, at most ${MOST_SPEED}`);
      all((battery) => battery.setSpeed(factor));
    },
    fault: (text) => {
      const { name, options } = parseFault(text);
      all((battery) => battery.faults.set(name, options));
    },
    clear: (name) => {
      const found = name === undefined ? undefined : named(FAULTS, name, "fault");
      all((battery) => battery.faults.clear(found));
    },
  };
}
