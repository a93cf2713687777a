// How the image is made: TypeScript, cold modules wrapped, one function around all, minified, one statement a line, checked.
// rollup.config.mjs is this for `rollup -c`; tools and tests call buildImage (image.ts).
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import terser from "@rollup/plugin-terser";
import typescript from "@rollup/plugin-typescript";
import type { Plugin, RollupOptions } from "rollup";
import ts from "typescript";
import { boardAlias, DEFAULT_BOARD, root } from "./board";
import { checkImage } from "./check-image";
import { cold } from "./cold";
import { constants } from "./constants";
import { far } from "./far";
import { lines } from "./lines";
import { nestCold } from "./nest";
import { order } from "./order";
import { functionsOf, oversize } from "./sizes";

export interface ImageRequest {
  /** A file of boards/, without its ending; esp32-devkit when not given. */
  board?: string;
  /** The entry module (firmware/main.ts), and the TypeScript configuration it belongs to (firmware/tsconfig.json). */
  input?: string; tsconfig?: string;
  /** Where the image goes (dist/firmware.js). */
  output?: string;
}

/** What a reader of the image's text looks for: this, then the text, up to the end of the comment. */
export const TEXT_START = "/*~TEXT~";

/** Modules whose names are looked up most, hottest first (tools/bench tells). */
const HOTTEST = ["tasks", "can-twai", "can", "poller", "uart", "snapshot", "registers.baked", "samples", "supervise", "mqtt", "due", "session",
  "messages", "names", "text"];

/**
 * Members that the device's natives have or look for, from the declarations of ES5 and the firmware's own: properties of these
 * names stay as they are. (The minifier's own list is that of a browser, with every second word in it.)
 */
function deviceNames(): string[] {
  const names = new Set<string>(), es5 = resolve(root, "node_modules/typescript/lib/lib.es5.d.ts");
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node) || ts.isMethodSignature(node)) names.add(node.name.getText());
    ts.forEachChild(node, visit);
  };
  for (const file of [es5, resolve(root, "firmware/espruino.d.ts"), resolve(root, "firmware/lib.d.ts")]) {
    visit(ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2015, true));
  }
  return [...names];
}

/**
 * Functions first, because Espruino does not hoist; no inlining into other functions, because a function expression is parsed
 * again at each call; ASCII, because a string is bytes there. Short property names, because one of up to 4 characters takes no
 * memory of its own: a name that leaves the device (JSON, settings) is written in quotes, which keeps it.
 */
const minified = (kept: string[]) => ({
  ecma: 2015,
  compress: { passes: 2, toplevel: true, hoist_funs: false, inline: false, reduce_funcs: false, properties: false, drop_debugger: true,
    directives: false },
  mangle: { toplevel: true, reserved: kept, properties: { keep_quoted: "strict", builtins: true, reserved: deviceNames() } },
  format: { ascii_only: true },
} as const);

/** The text that lies beside the entry module (image.text), "" when there is none. */
function imageText(input: string): string {
  const file = resolve(dirname(input), "image.text");
  return existsSync(file) ? readFileSync(file, "latin1") : "";
}

/** TypeScript without its file watchers, which the plugin sets up and leaves behind when a build fails. */
const unwatched = { ...ts, sys: { ...ts.sys, watchFile: undefined, watchDirectory: undefined } };

/** Refuses an image that Espruino lacks the language for, reads differently, or whose cold functions are too long. */
function check(): Plugin {
  return {
    name: "check-image",
    renderChunk(code) {
      const findings = [...checkImage(code), ...oversize(functionsOf(code))];
      if (findings.length) this.error(`the image cannot run on the device:\n  ${findings.join("\n  ")}`);
      return null;
    },
  };
}

/** Rollup's options for one image. Type errors, import cycles and whatever the device cannot run end the build. */
export function imageOptions(request: ImageRequest): RollupOptions {
  const input = request.input ?? resolve(root, "firmware/main.ts"), kept: string[] = [];
  return {
    input,
    plugins: [
      boardAlias(request.board ?? DEFAULT_BOARD),
      typescript({
        typescript: unwatched,
        tsconfig: request.tsconfig ?? resolve(root, "firmware/tsconfig.json"),
        filterRoot: false,
        compilerOptions: { composite: false, incremental: false, emitDeclarationOnly: false, declaration: false, outDir: null, rootDir: null,
          tsBuildInfoFile: null, noEmitOnError: true, sourceMap: true },
      }),
      nestCold(),
      cold(),
    ],
    output: {
      file: request.output ?? resolve(root, "dist/firmware.js"),
      format: "iife", strict: false, esModule: false, sourcemap: "hidden",
      plugins: [constants(), order(HOTTEST, kept), terser(minified(kept)), lines(), check(), far(TEXT_START, imageText(input), "*/\n")],
    },
    onLog(level, log, handler) {
      if (log.code === "CIRCULAR_DEPENDENCY" || log.code === "UNRESOLVED_IMPORT" || level === "warn") throw new Error(log.message);
      handler(level, log);
    },
  };
}
