// What the cost model (tools/host/costs.ts) says of the units of work that the bench counts on the interpreter.
import { measuredWeights, type Weights } from "../host/costs";
import { startVirtual } from "../host/virtual";
import { buildUnitImage, replyBytes, type Unit } from "./units";

/**
 * Units by name; how often each is done, and what of it is the bench's own. A turn with nothing due is left out: half
 * of it is natives, which the model does not know.
 */
export const MODELLED: [Unit, number, Unit?][] = [
  ["poll", 10],
  ["canSecond", 5, "canHarness"],
  ["canIdle", 10],
  ["step", 10],
  ["supervise", 5],
  ["publish0", 4],
  ["publish1", 4],
  ["registerMessage", 10],
  ["stateMessage", 10],
];

type Callback = (...values: unknown[]) => void;

/** Instructions of each unit by these weights, the loop around it subtracted. */
export async function modelledUnits(weights: Weights = measuredWeights()): Promise<Record<string, number>> {
  const rig = startVirtual({
    image: await buildUnitImage(),
    seed: 1,
    scenario: "charge",
    settings: { mqtt: { enabled: false } },
    weights,
  });
  let total = 0;
  rig.spent.push((instructions) => {
    total += instructions;
  });
  rig.clock.run(10000);
  const { bench, setTimeout: later } = rig.device.global as { bench: Record<string, Callback>; setTimeout: Callback },
    words = Array.from(rig.simulator.battery.words.slice(36, 53)),
    reply = String.fromCharCode(...replyBytes(words));
  const cost = (f: Callback, ...values: unknown[]): number => {
    const before = total;
    later(f, 1, ...values);
    rig.clock.run(2000);
    return total - before;
  };
  cost(bench.stop);
  cost(bench.link, 1);
  const each = (unit: Unit, times: number): number => {
    cost(bench[unit], 1, reply); // what happens once after a pause, such as an alarm, is not of the unit
    return (cost(bench[unit], times, reply) - cost(bench.loop, times, reply)) / times;
  };
  return Object.fromEntries(
    MODELLED.map(([unit, times, own]) => [unit, Math.round(each(unit, times) - (own ? each(own, times) : 0))]),
  );
}
