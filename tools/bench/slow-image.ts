// The host's image in slow motion: under callgrind the interpreter is some fifty times slower, so the image's clock runs k times
// slower and its timers k times longer. The work of one of its seconds stays the same, but for a call with a multiplication
// each time a task changes its interval.
import { rollup, type OutputOptions, type Plugin } from "rollup";
import { imageOptions, type ImageRequest } from "../build/options";

/** What is replaced in which module of firmware/drivers, after TypeScript; each must be there once. */
const REPLACED: { module: string; from: RegExp; to: (k: number) => string }[] = [
  { module: "natives.ts", from: /\* 1000\b/, to: (k) => `* ${1000 / k}` },
  { module: "timers.ts", from: /\bsetInterval\b/, to: (k) => `function (f, p, a, b) { return setInterval(f, p * ${k}, a, b); }` },
  { module: "timers.ts", from: /\bchangeInterval\b/, to: (k) => `function (i, p) { changeInterval(i, p * ${k}); }` },
];

function slowMotion(k: number): Plugin {
  const left = new Set(REPLACED);
  return {
    name: "slow-motion",
    transform(code, id) {
      let changed = code;
      for (const row of REPLACED) {
        if (!id.endsWith(`/firmware/drivers/${row.module}`) || changed.split(row.from).length !== 2) continue;
        changed = changed.replace(row.from, row.to(k));
        left.delete(row);
      }
      return changed === code ? null : { code: changed, map: null };
    },
    buildEnd(error) {
      if (!error && left.size) throw new Error(`slow motion: not once in the drivers: ${[...left].map((row) => row.from).join(", ")}`);
    },
  };
}

/** Builds an image as `npm run build` does, in slow motion when `k` is above 1. Returns its text. */
export async function buildSlowImage(request: ImageRequest, k = 1): Promise<string> {
  const options = imageOptions(request), plugins = options.plugins as Plugin[];
  // After TypeScript, which reads the files itself.
  if (k > 1) plugins.splice(plugins.findIndex((plugin) => plugin.name === "typescript") + 1, 0, slowMotion(k));
  const bundle = await rollup(options);
  try {
    const { output } = await bundle.generate(options.output as OutputOptions);
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
