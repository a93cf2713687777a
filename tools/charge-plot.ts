// Draws the closed loop of charge control (tools/charge/plant.ts) as an SVG file: npm run -s charge-plot -- FILE.svg
import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { closedLoop, type Sample, summary, type Trial } from "./charge/plant";
import { endWithReader } from "./stdout";

/** The errors of the charger that are drawn, V; every n-th second is enough for a line. */
const ERRORS = [-0.2, 0, 0.2, 0.4],
  EVERY_S = 10,
  SETTLED_MIN = 30;
const LIMIT_V = 3.5;

type Row = Sample & { charger: string };

function numberOf(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError("not a number");
  return value;
}

/** One panel: a quantity by time, a line for each error of the charger. */
function panel(field: keyof Sample, title: string, height: number, rule?: number): object {
  const line = {
    mark: { type: "line", strokeWidth: 1.2, interpolate: field === "cvl_V" ? "step-after" : "linear" },
    encoding: {
      x: { field: "minute", type: "quantitative", title: "minutes", scale: { nice: false } },
      y: { field, type: "quantitative", title, scale: { zero: false } },
      color: {
        field: "charger",
        type: "nominal",
        title: "charger off by",
        sort: null,
        ...(field === "top_V" ? {} : { legend: null }),
      },
    },
  };
  const encoding = { y: { field: "y", type: "quantitative" } };
  const mark = {
    data: { values: [{ y: rule }] },
    mark: { type: "rule", strokeDash: [4, 3], color: "firebrick" },
    encoding,
  };
  return { width: 760, height, layer: rule === undefined ? [line] : [line, mark] };
}

/** The states as bars in time, a row for each error. */
function states(rows: Row[], errors: string[]): object {
  const bars = errors.flatMap((charger) => {
    const own = rows.filter((row) => row.charger === charger),
      starts = own.filter((row, i) => row.state !== own[i - 1]?.state);
    return starts.map((row, i) => ({
      charger,
      state: row.state,
      from: row.minute,
      to: starts[i + 1]?.minute ?? own[own.length - 1].minute,
    }));
  });
  return {
    width: 760,
    height: 80,
    data: { values: bars },
    mark: "bar",
    encoding: {
      x: { field: "from", type: "quantitative", title: "minutes", scale: { nice: false } },
      x2: { field: "to" },
      y: { field: "charger", type: "nominal", title: null, sort: null },
      color: { field: "state", type: "nominal", title: "state", sort: null, scale: { scheme: "pastel1" } },
    },
  };
}

function specOf(rows: Row[], trial: Omit<Trial, "error_V">): TopLevelSpec {
  const text = `One cell 3.5 % SoC ahead; ${trial.pv_A} A charger, ${trial.noise_mV} mV noise, pack ${trial.pack_mohm} mohm, seed ${trial.seed}`;
  const panels = [
    panel("top_V", "highest cell, V", 200, LIMIT_V),
    panel("cvl_V", "CVL sent, V", 160),
    panel("current_A", "current, A", 140),
  ];
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    title: { text: "Charge control in a closed loop", subtitle: text },
    data: { values: rows },
    resolve: { scale: { color: "independent" } },
    vconcat: [...panels, states(rows, [...new Set(rows.map((row) => row.charger))])],
  } as TopLevelSpec;
}

interface Options {
  minutes: number;
  pv: number;
  noise: number;
  mohm: number;
  seed: number;
}

/** Runs and draws all errors, and tells of each how far highest cell, charge voltage and current went. */
async function main(file: string, { minutes, pv, noise, mohm, seed }: Options): Promise<void> {
  const trial = { pv_A: pv, noise_mV: noise, pack_mohm: mohm, seed };
  const rows = ERRORS.flatMap((error_V) => {
    const samples = closedLoop({ ...trial, error_V }, minutes),
      charger = `${error_V > 0 ? "+" : ""}${error_V.toFixed(1)} V`;
    const { top_V, cvlFrom_V, cvlTo_V, currentFrom_A, currentTo_A } = summary(samples, SETTLED_MIN);
    console.log(
      `charger ${charger}: highest cell ${top_V.toFixed(3)} V; ` +
        `from minute ${SETTLED_MIN} on CVL ${cvlFrom_V.toFixed(1)}..${cvlTo_V.toFixed(1)} V, ` +
        `${currentFrom_A.toFixed(1)}..${currentTo_A.toFixed(1)} A`,
    );
    return samples.filter((_, second) => second % EVERY_S === 0).map((sample) => ({ ...sample, charger }));
  });
  const view = new View(parse(compile(specOf(rows, trial)).spec), { renderer: "none" });
  writeFileSync(file, await view.toSVG());
  console.log(`written: ${file}`);
}

endWithReader();
await new Command("charge-plot")
  .description(
    "runs charge control against a battery with one cell ahead and a charger that measures wrongly, and draws what happens",
  )
  .argument("<file>", "SVG file to write")
  .option("--minutes <n>", "length of the run", numberOf, 120)
  .option("--pv <A>", "current of the charger", numberOf, 120)
  .option("--noise <mV>", "noise of the cell measurement", numberOf, 2)
  .option("--mohm <mohm>", "resistance of the pack", numberOf, 8)
  .option("--seed <n>", "seed of the run", numberOf, 1)
  .action((file: string, options: Options) =>
    main(file, options).catch((error: Error) => {
      console.error(error.message);
      process.exitCode = 1;
    }),
  )
  .parseAsync();
