// Builds the image from code, as `npm run build` does, for tools and tests.
import { rollup, type OutputOptions } from "rollup";
import { imageOptions, type ImageRequest } from "./options";
import { functionsOf, type FunctionSize } from "./sizes";

export interface Image {
  /** The image, ASCII, as it goes into .bootcde. */
  code: string;
  bytes: number;
  /** Its top-level functions with their sizes. */
  functions: FunctionSize[];
}

/** Builds one image; with `output` it is written there too, with its source map beside it. Rejects with the reason when it can't. */
export async function buildImage(request: ImageRequest): Promise<Image> {
  const options = imageOptions(request), output = options.output as OutputOptions;
  const bundle = await rollup(options);
  try {
    const result = await (request.output === undefined ? bundle.generate(output) : bundle.write(output));
    const { code } = result.output[0];
    return { code, bytes: code.length, functions: functionsOf(code) };
  } finally {
    await bundle.close();
  }
}
