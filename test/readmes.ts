// The READMEs of the repository as their tests see them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/build/board";

/** A README: its path from the top of the repository, and its text. */
export interface Readme {
  path: string;
  text: string;
}

/** All of them, but those of packages and of what was built. */
export function readmes(folder = "."): Readme[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|dist|\..*)$/.test(entry.name) ? [] : readmes(path);
    return entry.name === "README.md" ? [{ path, text: readFileSync(join(root, path), "utf8") }] : [];
  });
}

const BLOCK = /^ *```(\w*)\n([^]*?)^ *```/gm;

/** The blocks of code: their language ("" where none is named) and what stands in them. */
export const codeBlocks = (text: string): { language: string; body: string }[] =>
  [...text.matchAll(BLOCK)].map(([, language, body]) => ({ language: language!, body: body! }));

export const withoutBlocks = (text: string): string => text.replace(BLOCK, "");
