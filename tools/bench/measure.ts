// Measures a unit of work: a script that defines `unit()` is run for N and for 2N units, and the difference divided by
// N.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { provision } from "../rig/flash";
import { ended, findInterpreter, launchInterpreter, temporaryDirectory } from "../rig/interpreter";
import { callgrindCommand, findValgrind, readDumps, type Instructions } from "./callgrind";

/** What one unit costs. `code` tells where the program's text lay: in the interpreter's RAM or in its flash. */
export type UnitCost = Instructions & { units: number; code: "ram" | "flash"; printed: string };
export type UnitOptions = { units?: number; code?: "ram" | "flash"; timeoutMs?: number };

/** The interpreter and valgrind, or null when one of them is not installed. */
export function findBenchTools(): { interpreter: string; valgrind: string } | null {
  const interpreter = findInterpreter();
  const valgrind = findValgrind();
  return interpreter && valgrind ? { interpreter, valgrind } : null;
}

/**
 * The loop runs at top level, outside every jspeFunctionCall, so it costs nothing in the count; `quit` ends the
 * process.
 */
const program = (source: string, units: number) =>
  `${source}\nfor (var __k=0;__k<${units};__k++) unit();\nprint("~units done");\nsetTimeout("quit()",1);\n`;

async function runUnits(
  source: string,
  units: number,
  options: Required<UnitOptions>,
): Promise<{ cost: Instructions; printed: string }> {
  const tools = findBenchTools();
  if (!tools) throw new Error("needs Espruino for Linux and valgrind");
  const directory = temporaryDirectory();
  try {
    const text = program(source, units);
    const script = join(directory.path, "unit.js");
    if (options.code === "flash") await provision(tools, directory.path, { ".bootcde": text });
    else writeFileSync(script, text, "latin1");
    const wrapper = callgrindCommand(tools.valgrind, "cg.out");
    const launch = { interpreter: tools.interpreter, wrapper };
    const child = launchInterpreter(launch, directory.path, options.code === "flash" ? undefined : script);
    let printed = "";
    child.stdout!.on("data", (data: Buffer) => (printed += data.toString("latin1")));
    child.stderr!.on("data", () => undefined);
    const code = await ended(child, options.timeoutMs);
    if (code === null) throw new Error(`not done within ${options.timeoutMs} ms:\n${printed}`);
    const failed = printed.match(/^.*(Uncaught|ERROR:|Execution Interrupted|OUT OF MEMORY)[\s\S]*/m);
    if (failed || !printed.includes("~units done"))
      throw new Error(`the unit program failed:\n${failed ? failed[0] : printed}`);
    return { cost: readDumps(directory.path, "cg.out").pop()!, printed };
  } finally {
    directory.remove();
  }
}

/**
 * Instructions of one call of `unit()`. `source` defines it, with what it needs, in Espruino's
 * language. Runs N and 2N units at the same time in two processes; the call of `unit` itself is part of the figure.
 */
export async function measureUnit(source: string, options: UnitOptions = {}): Promise<UnitCost> {
  const whole = {
    units: options.units ?? 20,
    code: options.code ?? "ram",
    timeoutMs: options.timeoutMs ?? 240_000,
  } as const;
  const [once, twice] = await Promise.all([
    runUnits(source, whole.units, whole),
    runUnits(source, 2 * whole.units, whole),
  ]);
  const per = (key: keyof Instructions) => Math.round((twice.cost[key] - once.cost[key]) / whole.units);
  const inside = per("inside");
  const flashRead = per("flashRead");
  return {
    counted: inside - flashRead,
    inside,
    flashRead,
    units: whole.units,
    code: whole.code,
    printed: once.printed,
  };
}
