// The scenarios: how a battery begins and what house, charger and weather do to it over time. Data and small functions
// of time.

import { alarmScenarios } from "./alarm-scenarios";
import type { Demand } from "./model";
import type { Trouble } from "./trouble";

/** One scenario; `demand` is a pure function of the model seconds since its start. */
export interface Scenario {
  doc: string;
  soc_pct: number;
  temperature_C: number;
  /** Points of state of charge by which the first cells are ahead or behind. */
  offsets_pct?: number[];
  sensors?: [boolean, boolean];
  demand(time_s: number): Demand;
  /** What else is wrong then. */
  trouble?(time_s: number): Trouble;
}

/** Of the longest name. */
const NAME_WIDTH = 40;
/** A household day takes 20 minutes, so that a viewer sees it move; it begins at sunrise. */
const DAY_S = 1200;
const ROOM_C = 22;
const SUN_A = 75;
const BASE_LOAD_A = 9;
const FRIDGE_A = 6;
const KITCHEN_A = 42;
/** When the kitchen draws, as parts of the day. */
const MEALS: [number, number][] = [
  [0.27, 0.3],
  [0.53, 0.62],
  [0.93, 0.98],
];

function household(time_s: number): number {
  const day = (time_s % DAY_S) / DAY_S;
  const sun_A = day < 0.5 ? SUN_A * Math.sin((Math.PI * day) / 0.5) : 0;
  const fridge_A = time_s % 60 < 20 ? FRIDGE_A : 0;
  const kitchen_A = MEALS.some(([from, to]) => day >= from && day < to) ? KITCHEN_A : 0;
  return sun_A - BASE_LOAD_A - fridge_A - kitchen_A;
}

/** Taken off each moment, so that a day neither fills nor empties the battery. */
const HOUSEHOLD_MEAN_A =
  Array.from({ length: DAY_S }, (_, second) => household(second)).reduce((sum, current) => sum + current, 0) / DAY_S;

function day(time_s: number): Demand {
  const current_A = household(time_s) - HOUSEHOLD_MEAN_A;
  return { current_A, charger: current_A > 1, ambient_C: ROOM_C + 4 * Math.sin((2 * Math.PI * time_s) / DAY_S) };
}

/** The same demand for ever. */
function constant(current_A: number, ambient_C = ROOM_C): (time_s: number) => Demand {
  return () => ({ current_A, charger: current_A > 0, ambient_C });
}

/** A frosty morning: loads for 5 minutes, then sun, while the air warms from -8 to 12 degC in four hours. */
function coldMorning(time_s: number): Demand {
  const ambient_C = -8 + 20 * Math.min(1, time_s / 14400);
  return time_s < 300 ? { current_A: -12, charger: false, ambient_C } : { current_A: 45, charger: true, ambient_C };
}

export const scenarios: Record<string, Scenario> = {
  default: {
    doc: "a household day in 20 minutes: charge and discharge in turns",
    soc_pct: 62,
    temperature_C: ROOM_C,
    demand: day,
  },
  idle: {
    doc: "nothing connected; the unit sleeps after 10 s without traffic",
    soc_pct: 60,
    temperature_C: ROOM_C,
    demand: constant(0),
  },
  charge: {
    doc: "a charger of 100 A until the battery is full",
    soc_pct: 88,
    temperature_C: ROOM_C,
    demand: constant(100),
  },
  discharge: {
    doc: "a load of 90 A until the unit cuts it off",
    soc_pct: 15,
    temperature_C: ROOM_C,
    demand: constant(-90),
  },
  "cold-morning": {
    doc: "a frozen battery that refuses to charge until it is warm",
    soc_pct: 45,
    temperature_C: -6,
    demand: coldMorning,
  },
  "high-cell": {
    doc: "charging with cell 4 ahead of the others by 2 points",
    soc_pct: 92,
    temperature_C: ROOM_C,
    offsets_pct: [0, 0, 0, 2],
    demand: constant(60),
  },
  "sensor-missing": {
    doc: "the household day with external temperature sensor 2 absent",
    soc_pct: 62,
    temperature_C: ROOM_C,
    sensors: [true, false],
    demand: day,
  },
  ...alarmScenarios,
};

/** The scenario of a name; throws with the list of names when there is none. */
export function scenarioOf(name: string): Scenario {
  if (!Object.hasOwn(scenarios, name))
    throw new Error(`no scenario is called "${name}"; there are:\n${scenarioList()}`);
  return scenarios[name];
}

/** All scenarios with what they show, one a line. */
export function scenarioList(): string {
  return Object.entries(scenarios)
    .map(([name, { doc }]) => `  ${name.padEnd(NAME_WIDTH)} ${doc}`)
    .join("\n");
}
