// Which boards there are (boards/*.ts), and the rollup plugin that lets `import { board } from "board"` mean one of
// them.
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "rollup";

/** The project's root folder, with a separator at its end. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

export const DEFAULT_BOARD = "esp32-devkit";

/** Names that BOARD may have: one file each in boards/, besides the type. */
export function boardNames(): string[] {
  return readdirSync(resolve(root, "boards"))
    .filter((file) => file.endsWith(".ts") && file !== "board.ts")
    .map((file) => file.slice(0, -3));
}

/** The file of a board. Throws an Error that lists the boards when there is none of that name. */
export function boardFile(name: string): string {
  if (!boardNames().includes(name)) throw new Error(`unknown board "${name}"; BOARD may be ${boardNames().join(", ")}`);
  return resolve(root, "boards", name + ".ts");
}

/** Resolves the import "board" to the file of board `name`. */
export function boardAlias(name: string): Plugin {
  const file = boardFile(name);
  return { name: "board", resolveId: { order: "pre", handler: (source) => (source === "board" ? file : null) } };
}
