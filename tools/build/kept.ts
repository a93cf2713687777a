// Images that were built before, kept in dist/images under the hash of everything that they are made from.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "./board";

const FOLDER = join(root, "dist/images"),
  KEPT = 12;
/** What an image is made from, below the project's root. */
const SOURCES = ["firmware", "boards", "tools/build", "package-lock.json"];

/** Files below `path`, in one order on every machine. */
function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/** The name of the image that the sources make now, for what is asked of the build. */
export function imageKey(request: object): string {
  const hash = createHash("sha256").update(JSON.stringify(request));
  for (const file of SOURCES.flatMap((source) => filesBelow(join(root, source))))
    hash.update(`\n${file.slice(root.length)}\n`).update(readFileSync(file));
  return hash.digest("hex").slice(0, 32);
}

const fileOf = (key: string): string => join(FOLDER, key + ".js");

/** The image of that name; null when it was not built yet. */
export function keptImage(key: string): string | null {
  return existsSync(fileOf(key)) ? readFileSync(fileOf(key), "latin1") : null;
}

/** Keep an image; the oldest go when there are many. Others may do the same at the same time. */
export function keepImage(key: string, code: string): void {
  mkdirSync(FOLDER, { recursive: true });
  const part = `${fileOf(key)}.${process.pid}`;
  writeFileSync(part, code, "latin1");
  renameSync(part, fileOf(key));
  const age = (name: string): number => statSync(join(FOLDER, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newestFirst = readdirSync(FOLDER).sort((a, b) => age(b) - age(a));
  for (const name of newestFirst.slice(KEPT)) rmSync(join(FOLDER, name), { force: true });
}
