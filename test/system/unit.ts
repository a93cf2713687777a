// A TinyBMS whose readings a test holds: cells, current and whatever else is said; and the limits that the device tells
// the GX of it.
import { setValue } from "../../tools/simulator/words";
import type { Trouble } from "../../tools/simulator/trouble";
import { ALARMS, LIMITS, MODULES } from "./rig";
import { startVirtual, valuesOf, type OwnFrame, type VirtualOptions, type VirtualRig } from "./virtual";

/**
 * What is wrong now: readings of the model, registers that say something else, groups that are not answered (by their
 * first register).
 */
export interface Readings extends Trouble {
  words?: Record<string, number | null>;
  raw?: Record<number, number>;
  deaf?: number[];
}

/** The newest 0x351 as CVL/CCL/DCL, with its time; and how the newest frame of an identifier stands on the bus. */
export interface Said {
  at: number;
  cvl: number;
  ccl: number;
  dcl: number;
}

export interface Unit {
  rig: VirtualRig;
  said: Said[];
  /** All own frames. */
  frames: OwnFrame[];
  /** These readings from now on, beside those that the unit rests at. */
  read(readings: Readings): void;
  /** Let so many seconds pass. */
  pass(seconds: number): void;
  /** The newest limits as text, "-" when there were none in the last 1.6 s. */
  limits(): string;
  /** The newest alarms and modules as hex, "-" in the same way. */
  alarms(): string;
  modules(): string;
}

/** Every cell where no table and no state narrows anything (V). */
const REST: Trouble = { cells_V: 3.35, current_A: 0, charger: true, soc_pct: 70 };
const FRESH_MS = 1600,
  SECOND_MS = 1000;

/** The first register that a block read asks for; -1 for other requests. */
function firstOf(request: Uint8Array): number {
  return request[1] === 7 ? request[3] | (request[4] << 8) : request[1] === 3 ? (request[2] << 8) | request[3] : -1;
}

const hex = ({ data }: OwnFrame): string => Buffer.from(data).toString("hex").toUpperCase();

/** A rig whose battery rests until something is read. Without MQTT unless the settings say otherwise. */
export function startUnit(options: Omit<VirtualOptions, "seed"> & { seed?: number }): Unit {
  const rig = startVirtual({
    seed: 1,
    scenario: "idle",
    ...options,
    settings: { mqtt: { enabled: false }, ...options.settings },
  });
  const { simulator } = rig,
    { step, receive } = simulator;
  let now: Readings = {};
  function hold(): void {
    for (const [key, value] of Object.entries(now.words ?? {})) setValue(simulator.battery.words, key, value);
    for (const [at, word] of Object.entries(now.raw ?? {})) simulator.battery.words[+at] = word;
  }
  simulator.step = (dt_s) => {
    step(dt_s);
    hold();
  };
  simulator.receive = (bytes) => {
    if (!now.deaf?.includes(firstOf(bytes))) receive(bytes);
  };
  const unit: Unit = {
    rig,
    said: [],
    frames: [],
    read: (readings) => {
      now = readings;
      simulator.battery.trouble = { ...REST, ...readings };
      simulator.step(0);
    },
    pass: (seconds) => {
      for (let left = seconds * SECOND_MS; left > 0; left -= SECOND_MS) rig.clock.run(Math.min(left, SECOND_MS));
    },
    limits: () => {
      const last = unit.said.at(-1);
      return last && rig.clock.now() - last.at < FRESH_MS ? `${last.cvl}/${last.ccl}/${last.dcl}` : "-";
    },
    alarms: () => newest(ALARMS),
    modules: () => newest(MODULES),
  };
  function newest(id: number): string {
    const last = unit.frames.findLast((frame) => frame.id === id);
    return last && rig.clock.now() - last.at < FRESH_MS ? hex(last) : "-";
  }
  rig.frames.push((frame) => {
    unit.frames.push(frame);
    if (frame.id !== LIMITS) return;
    const values = valuesOf(frame) as Record<string, number>;
    unit.said.push({
      at: frame.at,
      cvl: values.charge_voltage_limit,
      ccl: values.charge_current_limit,
      dcl: values.discharge_current_limit,
    });
  });
  unit.read({});
  return unit;
}
