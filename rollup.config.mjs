// `rollup -c`: one image, dist/firmware.js, for the board of env BOARD; env IMAGE is another place for it.
// How it is made stands in tools/build/options.ts, which tools and tests use too.
import process from "node:process";
import { tsImport } from "tsx/esm/api";

const { imageOptions } = await tsImport("./tools/build/options.ts", import.meta.url);

export default imageOptions({ board: process.env.BOARD || undefined, output: process.env.IMAGE || undefined });
