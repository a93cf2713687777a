// Builds the image from code, as `npm run build` does, for tools and tests. What was built before is not built again.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { rollup, type OutputOptions } from "rollup";
import { imageKey, keepImage, keptImage } from "./kept";
import { imageOptions, type ImageRequest } from "./options";
import { functionsOf, type FunctionSize } from "./sizes";

export interface Image {
  /** The image, ASCII, as it goes into .bootcde. */
  code: string;
  bytes: number;
  /** Its top-level functions with their sizes. */
  functions: FunctionSize[];
}

async function built(request: ImageRequest): Promise<string> {
  const options = imageOptions(request),
    bundle = await rollup(options);
  try {
    const output: OutputOptions = { ...(options.output as OutputOptions), sourcemap: false };
    return (await bundle.generate(output)).output[0].code;
  } finally {
    await bundle.close();
  }
}

/**
 * One image, from `dist/images` when these sources were built before; with `output` it is written there too. `onBuild`
 * is told that it has to be built, which takes seconds. Rejects with the reason when the sources make no image.
 */
export async function buildImage(request: ImageRequest, onBuild?: () => void): Promise<Image> {
  const { output, ...asked } = request,
    key = request.input === undefined ? imageKey(asked) : "";
  let code = key && keptImage(key);
  if (!code) {
    onBuild?.();
    code = await built(asked);
    if (key) keepImage(key, code);
  }
  if (output !== undefined) {
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, code, "latin1");
  }
  return { code, bytes: code.length, functions: functionsOf(code) };
}
