// The espruino CLI looks for the modules of a program that a board it does not know may lack, on the internet. All of
// the image's are built in, so it is spared the search: what reads `(require)("net")` is no call in its eyes
// (EspruinoTools, core/modules.js, getModulesRequired), and the same for the interpreter.
import MagicString from "magic-string";
import type { Plugin } from "rollup";

/** The rollup plugin; it stands after the minifier, which would take the parentheses away. */
export function builtIn(): Plugin {
  return {
    name: "built-in",
    renderChunk(code, _chunk, { sourcemap }) {
      const text = new MagicString(code).replaceAll('require("', '(require)("');
      return { code: text.toString(), map: sourcemap ? text.generateMap({ hires: true }) : null };
    },
  };
}
