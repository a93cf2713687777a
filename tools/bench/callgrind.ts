// Counts x86 instructions of the interpreter with callgrind: those inside jspeFunctionCall, less jshFlashRead.
//
// `--toggle-collect=jspeFunctionCall` makes callgrind count from the entry of the outermost jspeFunctionCall (a timer,
// an event, or a call from top-level code) to its return; the recursion inside is not counted twice (shown by the
// calibration test: it equals the inclusive cost of the level-1 calls that `--separate-recs2=jspeFunctionCall` reports,
// to the instruction). `--toggle-collect=jswrap_array_reduce` switches counting OFF inside Array.reduce: the rig's own
// code runs through it (tools/rig/prelude.js), so that the modelled hardware is not charged to the image. The image
// itself has no `.reduce(`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findExecutable } from "../rig/interpreter";

/** Instructions of one dump: `counted` = `inside` jspeFunctionCall less what `flashRead` took there. */
export type Instructions = { counted: number; inside: number; flashRead: number };

/** valgrind on PATH, or null. */
export const findValgrind = (): string | null => findExecutable("valgrind");

/**
 * The words that stand before the interpreter; `dumpBefore` are C functions whose call ends one dump and begins the
 * next.
 */
export function callgrindCommand(valgrind: string, outFile: string, dumpBefore: string[] = []): string[] {
  const switches = ["--toggle-collect=jspeFunctionCall", "--toggle-collect=jswrap_array_reduce"];
  return [
    valgrind,
    "--tool=callgrind",
    `--callgrind-out-file=${outFile}`,
    ...switches,
    ...dumpBefore.map((name) => `--dump-before=${name}`),
  ];
}

/**
 * Sum of the inclusive costs of all calls to one function in a callgrind file (right for a function that does not
 * recurse).
 */
export function inclusiveCost(text: string, name: string): number {
  let id: string | null = null;
  let cost = 0;
  let calls = false;
  let callee: string | undefined;
  for (const line of text.split("\n")) {
    if (calls) {
      if (id !== null && callee === id) cost += Number(line.split(" ")[1]);
      calls = false;
    } else if (line.startsWith("calls=")) calls = true;
    const named = line.match(/^(c?)fn=(\(\d+\))(?: (.*))?$/);
    if (!named) continue;
    if (named[3] === name) id = named[2]!;
    if (named[1]) callee = named[2];
  }
  return cost;
}

/** The C function whose call ended the dump; "" for the dump at the end of the process. */
export const triggerOf = (text: string): string => /^desc: Trigger: --dump-before=(\S+)/m.exec(text)?.[1] ?? "";

/** Reads one callgrind file. Throws when it holds no totals. */
export function parseCallgrind(text: string): Instructions {
  const summary = text.match(/^(?:totals|summary): (\d+)/m);
  if (!summary) throw new Error("not a callgrind file");
  const inside = Number(summary[1]);
  const flashRead = inclusiveCost(text, "jshFlashRead");
  return { counted: inside - flashRead, inside, flashRead };
}

/** All dumps of one run, in order: `outFile.1`, `.2` ... and last what was counted until the end. */
export function readDumps(directory: string, outFile: string): Instructions[] {
  const numberOf = (name: string) => Number(name.slice(outFile.length + 1)) || Infinity;
  const names = readdirSync(directory).filter((name) => name === outFile || name.startsWith(`${outFile}.`));
  return names
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map((name) => parseCallgrind(readFileSync(join(directory, name), "latin1")));
}
