// The simulated TinyBMS as one object: battery, scenario, line and faults tied together. Host, tests and the CLI use
// this.

import { realClock } from "./clock";
import type { Clock } from "./clock";
import { createFaults } from "./faults";
import type { FaultName, Faults } from "./faults";
import { closeLine, createLine, isAsleep, receiveBytes } from "./line";
import { createBattery, replacePack, stepBattery } from "./model";
import type { Battery, Demand, Limits } from "./model";
import { seededRandom } from "./random";
import { scenarioOf } from "./scenarios";
import type { Trouble } from "./trouble";

/** All optional: default scenario, seed 1, 16 cells, real speed, the real clock, stepping by itself. */
export interface SimulatorOptions {
  scenario?: string;
  seed?: number;
  cells?: number;
  cellOrder?: "high" | "low";
  /** Model seconds per second; the line keeps real time. */
  speed?: number;
  now?: Clock["now"];
  schedule?: Clock["schedule"];
  /** False: only `step` moves the model. */
  auto?: boolean;
}

/** A running simulator. */
export interface Simulator {
  /** Bytes from the gateway. */
  receive(bytes: Uint8Array): void;
  /** Registers a receiver of the bytes to the gateway; returns a function that takes it out again. */
  onSend(receiver: (bytes: Uint8Array) => void): () => void;
  /** Moves the model, not the line, by `dt_s` seconds. */
  step(dt_s: number): void;
  faults: Faults;
  /** The true state; registers in `battery.words`. */
  battery: Battery;
  /** What the GX allows (V, A, A); null: no GX. */
  setLimits(limits: Limits | null): void;
  /** Another scenario from its begin, with the battery that it begins with. Throws as `createSimulator` does. */
  play(scenario: string): void;
  setSpeed(speed: number): void;
  playing(): { scenario: string; speed: number };
  /** Replaces parts of the scenario's demand; null: the scenario alone again. */
  setDemand(demand: Partial<Demand> | null): void;
  /** Model seconds since the start. */
  time_s(): number;
  isAsleep(): boolean;
  /** Stops all timers; nothing is sent after it. */
  close(): void;
}

/** The model is stepped this often, as the unit measures (User Manual v2.2: 10 Hz). */
export const STEP_MS = 100;

/** Calls `step` with the measured seconds each 100 ms until the returned function is called. */
function keepStepping(clock: Clock, step: (dt_s: number) => void): () => void {
  let last_ms = clock.now();
  let cancel = clock.schedule(STEP_MS, again);
  function again(): void {
    cancel = clock.schedule(STEP_MS, again);
    const now = clock.now();
    step((now - last_ms) / 1000);
    last_ms = now;
  }
  return () => cancel();
}

/** The scenario's trouble of this moment: the battery shows it at its next step, the line at once. */
function beginTrouble(battery: Battery, faults: Faults, trouble: Trouble): void {
  if (trouble === battery.trouble) return;
  for (const name of Object.keys(battery.trouble.line ?? {})) faults.clear(name as FaultName);
  for (const [name, probability] of Object.entries(trouble.line ?? {})) faults.set(name, { probability });
  battery.trouble = trouble;
}

function speedOf(speed: number): number {
  if (!(speed > 0 && speed < Infinity)) throw new RangeError(`the speed must be above 0, not ${speed}`);
  return speed;
}

/**
 * Starts a simulated TinyBMS. Throws an Error that lists the scenarios for an unknown one, a RangeError for cells
 * outside 4..16 and a speed that is not above 0.
 */
export function createSimulator(options: SimulatorOptions = {}): Simulator {
  const { seed = 1, cells = 16, auto = true } = options;
  let name = options.scenario ?? "default",
    speed = speedOf(options.speed ?? 1);
  const clock: Clock = { now: options.now ?? realClock.now, schedule: options.schedule ?? realClock.schedule };
  let scenario = scenarioOf(name);
  const random = seededRandom(seed);
  const battery = createBattery({ ...scenario, cells, random, cellOrder: options.cellOrder });
  const faults = createFaults(clock, random);
  const receivers = new Set<(bytes: Uint8Array) => void>();
  const line = createLine(battery, clock, random, faults, (bytes) => receivers.forEach((receiver) => receiver(bytes)));
  let time_s = 0;
  let override: Partial<Demand> | null = null;
  const step = (dt_s: number): void => {
    if (scenario.trouble) beginTrouble(battery, faults, scenario.trouble(time_s));
    stepBattery(battery, dt_s, (offset_s) => ({ ...scenario.demand(time_s + offset_s), ...override }));
    time_s += dt_s;
  };
  const stopStepping = auto ? keepStepping(clock, (dt_s) => step(dt_s * speed)) : (): void => undefined;
  return {
    receive: (bytes) => receiveBytes(line, bytes),
    onSend(receiver) {
      receivers.add(receiver);
      return () => void receivers.delete(receiver);
    },
    step,
    play(next) {
      scenario = scenarioOf(next);
      name = next;
      time_s = 0;
      beginTrouble(battery, faults, {});
      replacePack(battery, { ...scenario, random });
    },
    setSpeed: (factor) => void (speed = speedOf(factor)),
    playing: () => ({ scenario: name, speed }),
    faults,
    battery,
    setLimits: (limits) => void (battery.limits = limits),
    setDemand: (demand) => void (override = demand),
    time_s: () => time_s,
    isAsleep: () => isAsleep(line),
    close() {
      stopStepping();
      closeLine(line);
    },
  };
}
