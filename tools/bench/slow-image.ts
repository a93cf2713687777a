// The host's image in slow motion: under callgrind the interpreter is some fifty times slower, so the image's clock
// runs k times slower and its timers k times longer. The work of one of its seconds stays the same, but for a call with
// a multiplication each time a task changes its interval.
import { rollup, type OutputOptions, type Plugin } from "rollup";
import { imageOptions, type ImageRequest } from "../build/options";

/**
 * Natives that the image does not call. One begins a step of a task, one ends it: which task it was tells which native.
 */
export const STEP_BEGINS = "getTemperature";
export const STEP_ENDS: Record<string, string> = {
  uart: "getClock",
  can: "getAddressOf",
  supervise: "getPowerUsage",
  mqtt: "isUTF8",
  jobs: "getBattery",
  diagnostics: "getConsole",
};

/** A text of a firmware module as TypeScript leaves it, and what stands there instead. Each must be there once. */
interface Replacement {
  module: string;
  from: RegExp;
  to: string;
}

const slowed = (k: number): Replacement[] => [
  { module: "drivers/natives.ts", from: /\bclock = getTime\b/, to: `clock = function () { return getTime() / ${k}; }` },
  { module: "drivers/natives.ts", from: /startedAt = getTime\(\)/, to: "startedAt = clock()" },
  {
    module: "drivers/timers.ts",
    from: /\bsetInterval\b/,
    to: `function (f, p, a) { return setInterval(f, p * ${k}, a); }`,
  },
  { module: "drivers/timers.ts", from: /\bchangeInterval\b/, to: `function (i, p) { changeInterval(i, p * ${k}); }` },
];

const marked = (): Replacement[] => [
  {
    module: "kernel/tasks.ts",
    from: /\bdelay = (task\.step\([^;]*\));/,
    to: `E.${STEP_BEGINS}(); delay = $1; E[${JSON.stringify(STEP_ENDS)}[task.name]]();`,
  },
];

function replaced(rows: Replacement[]): Plugin {
  const left = new Set(rows);
  return {
    name: "replaced",
    transform(code, id) {
      let changed = code;
      for (const row of rows) {
        const global = new RegExp(row.from, "g");
        if (!id.endsWith(`/firmware/${row.module}`) || [...changed.matchAll(global)].length !== 1) continue;
        changed = changed.replace(row.from, row.to);
        left.delete(row);
      }
      return changed === code ? null : { code: changed, map: null };
    },
    buildEnd(error) {
      if (!error && left.size)
        throw new Error(`not once in its module: ${[...left].map((row) => `${row.from} in ${row.module}`).join(", ")}`);
    },
  };
}

/** The part of a build that makes the image's clock run `k` times slower; it stands after TypeScript. */
export const slowClock = (k: number): Plugin => replaced(slowed(k));

/**
 * Builds an image as `npm run build` does, in slow motion when `k` is above 1, with marks around each step when asked.
 */
export async function buildSlowImage(request: ImageRequest, k: number, isMarked = false): Promise<string> {
  const options = imageOptions(request),
    plugins = options.plugins as Plugin[];
  const rows = [...(k > 1 ? slowed(k) : []), ...(isMarked ? marked() : [])];
  // After TypeScript, which reads the files itself.
  plugins.splice(plugins.findIndex((plugin) => plugin.name === "typescript") + 1, 0, replaced(rows));
  const bundle = await rollup(options);
  try {
    const { output } = await bundle.generate(options.output as OutputOptions);
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
