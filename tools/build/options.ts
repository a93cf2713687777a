// How the image is made: TypeScript, cold modules wrapped, one function around all, minified, one statement a line,
// checked. rollup.config.mjs is this for `rollup -c`; tools and tests call buildImage (image.ts).
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Plugin, RollupOptions } from "rollup";
import { minify, type MinifyOptions } from "terser";
import { boardAlias, DEFAULT_BOARD, root } from "./board";
import { cold } from "./cold";
import { constants } from "./constants";
import { far } from "./far";
import { lines } from "./lines";
import { members } from "./members.baked";
import { builtIn } from "./modules";
import { order } from "./order";
import { MISSING } from "./refused";
import { coldFiles, functionsOf, oversize } from "./sizes";
import { typescript } from "./typescript";

export interface ImageRequest {
  /** A file of boards/, without its ending; esp32-devkit when not given. */
  board?: string;
  /** The entry module (firmware/main.ts). */
  input?: string;
  /** Where the image goes (dist/firmware.js). */
  output?: string;
  /**
   * false: not looked at for what the device's language lacks, which takes a second that an image for node need not
   * spend.
   */
  check?: boolean;
}

/**
 * The image's first statement: whatever comes after it may throw or hang, the device then starts anew. Nothing feeds it
 * before the tasks run (`false`). 120 s are longer than a blocking TCP connect to a host that is gone (lwIP gives up
 * after about 75 s).
 */
export const WATCHDOG = "E.enableWatchdog(120,false);\n";
/** What a reader of the image's text looks for: this, then the text, up to the end of the comment. */
export const TEXT_START = "/*~TEXT~";

/** Modules whose names are looked up most, hottest first (tools/bench tells). */
const HOTTEST = [
  "kernel/tasks",
  "drivers/can-twai",
  "victron/task",
  "bms/poller",
  "bms/task",
  "drivers/uart",
  "battery/snapshot",
  "battery/registers.baked",
  "kernel/samples",
  "care/supervise",
  "publish/task",
  "publish/due",
  "mqtt/session",
  "mqtt/publish",
  "publish/messages",
  "kernel/text",
];

/**
 * Methods that any object has in Espruino (src/jswrap_object.c): a property of such a name would be found before it was
 * set. `ms` is of a Date. test/build/names.test.ts asks the interpreter whether a short one is missing here.
 */
const ESPRUINO_METHODS = ["on", "emit", "edit", "clone", "removeListener", "removeAllListeners", "ms"];

/**
 * Members that the device's natives have or look for: properties of these names stay as they are. (The minifier's own
 * list is that of a browser, with every second word in it.)
 */
export const deviceNames = (): string[] => [...members, ...MISSING.split(" "), ...ESPRUINO_METHODS];

/**
 * Functions first, because Espruino does not hoist; no inlining into other functions, because a function expression is
 * parsed again at each call; ASCII, because a string is bytes there. Short property names, because one of up to 4
 * characters takes no memory of its own: a name that leaves the device (JSON, settings) is written in quotes, which
 * keeps it.
 */
const minified = (kept: string[]): MinifyOptions => ({
  ecma: 2015,
  compress: {
    passes: 2,
    toplevel: true,
    hoist_funs: false,
    inline: false,
    reduce_funcs: false,
    properties: false,
    drop_debugger: true,
    directives: false,
  },
  mangle: {
    toplevel: true,
    reserved: kept,
    properties: { keep_quoted: "strict", builtins: true, reserved: deviceNames() },
  },
  format: { ascii_only: true },
});

/** The text that lies beside the entry module (image.text), "" when there is none. */
function imageText(input: string): string {
  const file = resolve(dirname(input), "image.text");
  return existsSync(file) ? readFileSync(file, "latin1") : "";
}

/** The minifier; `kept` is filled before it runs. */
function shortened(kept: string[]): Plugin {
  return {
    name: "terser",
    async renderChunk(code, _chunk, { sourcemap }) {
      const { code: short, map } = await minify(code, { ...minified(kept), sourceMap: !!sourcemap });
      return { code: short!, map: sourcemap ? JSON.parse(map as string) : null };
    },
  };
}

/** Refuses an image whose cold functions are too long, or that Espruino lacks the language for or reads differently. */
function check(language: boolean): Plugin {
  return {
    name: "check-image",
    async renderChunk(code, chunk) {
      const findings = oversize(functionsOf(code), coldFiles(chunk.modules, root));
      if (language) findings.push(...(await import("./check-image")).checkImage(code));
      if (findings.length) this.error(`the image cannot run on the device:\n  ${findings.join("\n  ")}`);
      return null;
    },
  };
}

/**
 * Rollup's options for one image. Import cycles and whatever the device cannot run end the build; types are `npm run
 * types`.
 */
export function imageOptions(request: ImageRequest): RollupOptions {
  const input = request.input ?? resolve(root, "firmware/main.ts"),
    kept: string[] = [];
  return {
    input,
    plugins: [boardAlias(request.board ?? DEFAULT_BOARD), typescript(), cold()],
    output: {
      file: request.output ?? resolve(root, "dist/firmware.js"),
      format: "iife",
      strict: false,
      esModule: false,
      sourcemap: "hidden",
      plugins: [
        constants(),
        order(HOTTEST, kept),
        shortened(kept),
        builtIn(),
        lines(),
        check(request.check ?? true),
        far(WATCHDOG + TEXT_START, imageText(input), "*/\n"),
      ],
    },
    onLog(level, log, handler) {
      if (log.code === "CIRCULAR_DEPENDENCY" || log.code === "UNRESOLVED_IMPORT" || level === "warn")
        throw new Error(log.message);
      handler(level, log);
    },
  };
}
