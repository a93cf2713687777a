// `npm run bench -- --costs`: the cost model's table, measured. The interpreter says what each unit of work costs
// (units.ts); the weights of what a text costs that is run (tools/host/costs.ts) are those that come nearest to all of
// them.
import { writeFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { COUNTED, COUNTER, countedImage, countedTexts, measuredWeights, type Weights } from "../host/costs";
import { until } from "../rig/wait";
import { measureUnit } from "./measure";
import { MODELLED, modelledUnits } from "./modelled-units";
import { buildUnitImage, prepareUnits, TRIES, UNIT_SLOW, unitCost } from "./units";
import { startCounted } from "./window";

/** Instructions of each unit of work, on the interpreter; each is counted so often. */
export async function interpreterUnits(tries = TRIES): Promise<Record<string, number>> {
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
      const harness = own ? await unitCost(system, own, times, words, tries) : 0;
      measured[unit] = (await unitCost(system, unit, times, words, tries)) - harness;
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

/** A cold function as the minifier leaves it: made from flash, not run. */
const COLD_TEXT =
  "(function(t,n,e){const r=t.values,o=1e3*r[0],s=e-t.kt,i=s<=5e3;let a=0,c=65535,u=0;for(const t of n){u+=t/10;" +
  "if(t>a)a=t;if(t<c)c=t}const f=n.indexOf(c)+1,l=n.indexOf(a)+1;if(a/=10,c/=10,c<500||a>5e3||s<=2e3&&" +
  "Math.abs(u-o)>o/100+100)return t.dropped++,t.good=0,!1;r[41]=f;r[42]=l;let h=43;for(const t of n.subarray(0,16))" +
  'r[h++]=t?t/10:NaN;return t.Wt=a,t.Gt=c,t.name="the cells",t.sum=u,!0})';
SMALL["cold"] =
  `/*${COLD_TEXT}*/\nvar t=require("Storage").read(".bootcde");\nfunction unit(){eval(t.substr(2,${COLD_TEXT.length}))}`;

/** Instructions of each small program, on the interpreter. */
export async function smallOnes(names = Object.keys(SMALL)): Promise<Record<string, number>> {
  const measured: Record<string, number> = {};
  for (const name of names)
    measured[name] = (await measureUnit(SMALL[name]!, { code: name === "cold" ? "flash" : "ram" })).counted;
  return measured;
}

export function modelledSmall(weights: Weights): Record<string, number> {
  const spent = (code: string): number =>
    runInNewContext(`const ${COUNTER}=new Float64Array(1);${countedImage(code, weights)}\n;${COUNTER}[0]`, {
      [COUNTED]: countedTexts(weights),
      require: () => ({ read: () => code }),
    }) as number;
  return Object.fromEntries(
    Object.entries(SMALL).map(([name, source]) => [
      name,
      spent(`${source}\nunit();unit();`) - spent(`${source}\nunit();`),
    ]),
  );
}

const NOTHING: Weights = { run: 0, skip: 0, define: 0, call: 0, turn: 0, join: 0 };
/** A weight is counted as this, because the counter takes whole numbers. */
const PART = 1000;
/** Rounds of the search, each over all weights. */
const ROUNDS = 20000;

type Counts = Record<string, Record<string, number>>;

/** How often each unit does what a weight is for: a unit costs the sum of these times the weights. */
async function countsOf(nothing: Weights): Promise<Counts> {
  const counts: Counts = {};
  for (const key of Object.keys(nothing)) {
    const one = { ...nothing, [key]: PART };
    counts[key] = { ...(await modelledUnits(one)), ...modelledSmall(one) };
    for (const unit in counts[key]) counts[key][unit]! /= PART;
  }
  return counts;
}

/** What a small program's error counts for beside that of a unit of work; a cold function is as much as one. */
const SMALL_SHARE = 0.015;

/** The fit is done so often, each time with more regard for what was missed, so that no unit is missed by much. */
const FITS = 8,
  REGARD = 4;

/** One fit: the least sum of squares of the relative errors, none of the weights negative; changes `weights`. */
function fitOnce(
  weights: Record<string, number>,
  keys: string[],
  units: string[],
  share: (key: string, unit: string) => number,
  importance: Record<string, number>,
): void {
  for (let round = 0; round < ROUNDS; round++)
    for (const key of keys) {
      let above = 0,
        below = 0;
      for (const unit of units) {
        const others = keys.reduce((sum, other) => sum + (other === key ? 0 : weights[other]! * share(other, unit)), 0);
        above += importance[unit]! * share(key, unit) * (1 - others);
        below += importance[unit]! * share(key, unit) ** 2;
      }
      if (below > 0) weights[key] = Math.max(0, above / below);
    }
}

/**
 * The weights, beginning from `first`. What a definition costs is left as it is there: no unit defines enough functions
 * to tell.
 */
export function fitWeights(counts: Counts, measured: Record<string, number>, first: Weights): Weights {
  const units = Object.keys(measured),
    weights: Record<string, number> = { ...first },
    keys = Object.keys(counts).filter((key) => key !== "define"),
    share = (key: string, unit: string): number => counts[key]![unit]! / measured[unit]!,
    importance: Record<string, number> = {};
  for (const unit of units) importance[unit] = unit in SMALL && unit !== "cold" ? SMALL_SHARE : 1;
  for (let fit = 0; fit < FITS; fit++) {
    fitOnce(weights, keys, units, share, importance);
    for (const unit of units) {
      const modelled = keys.reduce((sum, key) => sum + weights[key]! * share(key, unit), 0);
      importance[unit]! *= 1 + REGARD * Math.abs(modelled - 1);
    }
  }
  for (const key of keys) weights[key] = Math.round(weights[key]!);
  return weights as unknown as Weights;
}

/** Measures, fits, and writes the table: once without cold functions, once with them. */
export async function writeCosts(): Promise<void> {
  const { cold, ...small } = await smallOnes(),
    units = await interpreterUnits(),
    plain = { ...units, ...small },
    all = { ...plain, cold: cold! };
  const weights = fitWeights(await countsOf(NOTHING), plain, measuredWeights()),
    withCold = fitWeights(await countsOf({ ...NOTHING, make: 0 }), all, {
      ...measuredWeights(true),
      define: weights.define,
    });
  const modelled = { ...(await modelledUnits(withCold)), ...modelledSmall(withCold) };
  for (const [unit, cost] of Object.entries(all))
    console.log(
      `${unit.padEnd(20)} ${String(cost).padStart(10)} measured ${String(modelled[unit]).padStart(10)} modelled`,
    );
  console.log(weights, withCold);
  writeFileSync(
    new URL("../host/costs.json", import.meta.url),
    JSON.stringify({ weights, withCold, units, small: { ...small, cold } }, null, 2) + "\n",
  );
}
