// `npm run test:versions`: the interpreter suite once on each Espruino that is supported, each a 32-bit build for Linux
// named by the environment. What is not there is skipped, and said so.
import { spawn } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./build/board";
import { findExecutable, runScript, temporaryDirectory } from "./rig/interpreter";
import { endWithReader } from "./stdout";

/**
 * An interpreter to run on: what its version begins with, the variable that names it, and the name on PATH without
 * that.
 */
export interface Version {
  begins: string;
  variable: string;
  program: string;
}

/** The releases that people flash, and the newest source. */
export const VERSIONS: Version[] = [
  { begins: "2v26", variable: "ESPRUINO_2V26", program: "espruino-linux-2v26" },
  { begins: "2v27", variable: "ESPRUINO_2V27", program: "espruino-linux-2v27" },
  { begins: "2v29", variable: "ESPRUINO_2V29", program: "espruino-linux-2v29" },
  { begins: "2v", variable: "ESPRUINO_NEWEST", program: "espruino-linux" },
];

/** The table of costs is that of the newest source: an older one needs other numbers of instructions. */
const NEWEST_ONLY = "test/interpreter/costs.test.ts";

/** The test files that run on an interpreter. */
export function interpreterSuite(): string[] {
  const all = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? all(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  return all("test").filter(
    (path) =>
      /^test\/interpreter\/.*\.test\.ts$/.test(path) ||
      /interpreter\.test\.ts$/.test(path) ||
      path === "test/build/flash.test.ts",
  );
}

/** The program of a version, or why there is none. A variable that names something else is an error, not a skip. */
export function programOf(version: Version, environment: NodeJS.ProcessEnv): { path: string } | { skipped: string } {
  const named = environment[version.variable],
    path = findExecutable(named || version.program);
  if (path) return { path };
  if (named) throw new Error(`${version.variable}: ${named} is no program`);
  return { skipped: `skipped: no ${version.program} on PATH, and ${version.variable} is not set` };
}

/** What the interpreter calls itself, and the commit that it was built from. */
export async function versionOf(interpreter: string): Promise<string> {
  const directory = temporaryDirectory();
  try {
    const script = join(directory.path, "version.js");
    writeFileSync(script, 'print("~"+process.env.VERSION+" "+process.env.GIT_COMMIT);setTimeout("quit()",1);\n');
    return /~(.*)/.exec(await runScript({ interpreter }, directory.path, script))?.[1]?.trim() ?? "";
  } finally {
    directory.remove();
  }
}

/** Runs mocha on the suite; its output goes to ours. Resolves with true when all passed. */
function passes(path: string, files: string[]): Promise<boolean> {
  const mocha = join(root, "node_modules/mocha/bin/mocha.js");
  return new Promise((done) => {
    const child = spawn(process.execPath, [mocha, "--parallel", "--jobs", "2", ...files], {
      cwd: root,
      env: { ...process.env, ESPRUINO: path },
      stdio: "inherit",
    });
    child.once("close", (code) => done(code === 0));
  });
}

async function main(): Promise<void> {
  const suite = process.argv.length > 2 ? process.argv.slice(2) : interpreterSuite(),
    results: string[] = [];
  for (const version of VERSIONS) {
    const found = programOf(version, process.env);
    if ("skipped" in found) {
      results.push(`${version.variable.slice(9)}: ${found.skipped}`);
      continue;
    }
    const name = await versionOf(found.path);
    if (!name.startsWith(version.begins))
      throw new Error(`${version.variable}: ${found.path} says it is ${name || "nothing"}`);
    console.log(`\n== ${version.variable.slice(9)}: ${found.path}, ${name}`);
    const isNewest = version === VERSIONS.at(-1),
      ok = await passes(
        found.path,
        suite.filter((file) => isNewest || file !== NEWEST_ONLY),
      );
    if (!ok) process.exitCode = 1;
    results.push(`${version.variable.slice(9)}: ${name}: ${ok ? "passed" : "FAILED"}`);
  }
  console.log(`\n${results.join("\n")}`);
  if (results.every((line) => line.includes("skipped"))) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  endWithReader();
  main().catch((error: unknown) => {
    console.error("error: " + (error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
}
