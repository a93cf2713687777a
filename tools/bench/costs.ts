// `npm run bench -- --costs`: the cost model's table, measured. The interpreter says what each unit of work costs
// (units.ts); the weights of what a text costs that is run (tools/host/costs.ts) are those that come nearest to all of
// them.
import { writeFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { COUNTER, countedImage, measuredWeights, type Weights } from "../host/costs";
import { until } from "../rig/wait";
import { measureUnit } from "./measure";
import { MODELLED, modelledUnits } from "./modelled-units";
import { buildUnitImage, prepareUnits, UNIT_SLOW, unitCost } from "./units";
import { startCounted } from "./window";

/** Instructions of each unit of work, on the interpreter. */
export async function interpreterUnits(): Promise<Record<string, number>> {
  const system = await startCounted(
    await buildUnitImage(UNIT_SLOW),
    {},
    { scenario: "charge", broker: "none", gx: false },
  );
  try {
    await until("frames", 600_000, () => system.frames().length > 8);
    const sink = await prepareUnits(system),
      words = Array.from(system.simulator.battery.words.slice(36, 53)),
      measured: Record<string, number> = {};
    for (const [unit, times, own] of MODELLED) {
      const harness = own ? await unitCost(system, own, times, words) : 0;
      measured[unit] = (await unitCost(system, unit, times, words)) - harness;
    }
    sink.close();
    return measured;
  } finally {
    await system.stop();
  }
}

/** Small programs, each nearly all of one kind: what the units of work do too little of to tell its weight. */
const SMALL: Record<string, string> = {
  turns: "function unit(){for(var i=0;i<50;i++);}",
  calls: `function f(){}\nfunction unit(){${"f();".repeat(20)}}`,
  methods: `var o={f:function(a){return a}};\nfunction unit(){${"o.f(1);".repeat(20)}}`,
  joins: `var a="x";\nfunction unit(){${'a+"b"+a+"c"+a+"d"+a;'.repeat(5)}}`,
  passed: `var a=0;\nfunction unit(){${'if(a){print("nothing of this is ever run");a=a+1}'.repeat(20)}}`,
  scan: "function q(c){return c===34||c===92}\nfunction unit(){var n=0;for(const c of[1,2,3,4,5,6,7,8,9,34])if(q(c))n++;return n}",
};

async function smallOnes(): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  for (const [name, source] of Object.entries(SMALL)) measured[name] = (await measureUnit(source)).counted;
  return measured;
}

function modelledSmall(weights: Weights): Record<string, number> {
  const spent = (code: string): number =>
    runInNewContext(
      `const ${COUNTER}=new Float64Array(1);${countedImage(code, weights)}\n;${COUNTER}[0]`,
      {},
    ) as number;
  return Object.fromEntries(
    Object.entries(SMALL).map(([name, source]) => [
      name,
      spent(`${source}\nunit();unit();`) - spent(`${source}\nunit();`),
    ]),
  );
}

const KEYS = ["run", "skip", "define", "call", "turn", "join"] as const,
  NOTHING: Weights = { run: 0, skip: 0, define: 0, call: 0, turn: 0, join: 0 };
/** A weight is counted as this, because the counter takes whole numbers. */
const PART = 1000;
/** Rounds of the search, each over all weights. */
const ROUNDS = 20000;

/** How often each unit does what a weight is for: a unit costs the sum of these times the weights. */
async function countsOf(): Promise<Record<keyof Weights, Record<string, number>>> {
  const counts = {} as Record<keyof Weights, Record<string, number>>;
  for (const key of KEYS) {
    const one = { ...NOTHING, [key]: PART };
    counts[key] = { ...(await modelledUnits(one)), ...modelledSmall(one) };
    for (const unit in counts[key]) counts[key][unit]! /= PART;
  }
  return counts;
}

/** What a small program's error counts for beside that of a unit of work. */
const SMALL_SHARE = 0.015;

/** The weights, none negative, with the least sum of squares of the relative errors; beginning from `first`. */
export function fitWeights(
  counts: Record<keyof Weights, Record<string, number>>,
  measured: Record<string, number>,
  first: Weights,
): Weights {
  const units = Object.keys(measured),
    weights = { ...first },
    importance = (unit: string): number => (unit in SMALL ? SMALL_SHARE : 1),
    share = (key: keyof Weights, unit: string): number => counts[key][unit]! / measured[unit]!;
  for (let round = 0; round < ROUNDS; round++)
    for (const key of KEYS) {
      let above = 0,
        below = 0;
      for (const unit of units) {
        const others = KEYS.reduce((sum, other) => sum + (other === key ? 0 : weights[other] * share(other, unit)), 0);
        above += importance(unit) * share(key, unit) * (1 - others);
        below += importance(unit) * share(key, unit) ** 2;
      }
      if (below > 0) weights[key] = Math.max(0, above / below);
    }
  for (const key of KEYS) weights[key] = Math.round(weights[key]);
  return weights;
}

/** Measures, fits, and writes the table. */
export async function writeCosts(): Promise<void> {
  const units = await interpreterUnits(),
    small = await smallOnes(),
    weights = fitWeights(await countsOf(), { ...units, ...small }, measuredWeights()),
    modelled = { ...(await modelledUnits(weights)), ...modelledSmall(weights) };
  for (const [unit, cost] of Object.entries({ ...units, ...small }))
    console.log(
      `${unit.padEnd(20)} ${String(cost).padStart(10)} measured ${String(modelled[unit]).padStart(10)} modelled`,
    );
  console.log(weights);
  writeFileSync(
    new URL("../host/costs.json", import.meta.url),
    JSON.stringify({ weights, units, small }, null, 2) + "\n",
  );
}
