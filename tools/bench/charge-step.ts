// What one step of charge control costs: the firmware's own code as the build makes it, run alone in the interpreter,
// in bulk at rest and in absorption with a cell near its limit.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as memory from "../../firmware/charge/memory";
import type { Limits } from "../../firmware/charge/limits";
import type { Snapshot } from "../../firmware/battery/snapshot";
import { root } from "../build/board";
import { buildImage } from "../build/image";
import { described, type Line, sessionOf } from "../charge/whatif";
import { measureUnit } from "./measure";

const cells = (volts: number, other: number): number[] => [...new Array<number>(15).fill(volts), other];
/** What is measured, as lines of whatif. */
export const chargeCases: Record<string, Line> = {
  "bulk, at rest": {
    cells: cells(3.3, 3.31),
    current: 20,
    soc: 55,
    previous: { state: "BULK", cvl: 55.2, ccl: 135, dcl: 180 },
  },
  "absorption, a cell near its limit": {
    cells: cells(3.43, 3.459),
    current: 30,
    soc: 97,
    previous: { state: "ABS", cvl: 54.9, ccl: 114.75, dcl: 180 },
  },
};

/** Numbers as text, unknown as NaN. */
const list = (numbers: ArrayLike<number>): string => `[${Array.from(numbers).join(",")}]`;

/** A firmware that takes this step each time `unit` is called. */
function unitModule(limits: Limits, s: Snapshot): string {
  return `import { limitsStep } from "${root}firmware/charge/control";
import { limitsOf } from "${root}firmware/charge/limits";
import { snapshotOf } from "${root}firmware/battery/snapshot";
const limits = limitsOf(), snapshot = snapshotOf();
limits.state.set(${list(limits.state)});
limits.settings.set(${list(limits.settings)});
snapshot.values.set(${list(s.values)});
snapshot.phase = ${s.phase}; snapshot.settingsAt = 0; snapshot.cells = ${s.cells}; snapshot.firstCell = ${s.firstCell};
snapshot.highest = ${s.highest}; snapshot.lowest = ${s.lowest}; snapshot.sum = ${s.sum}; snapshot.topCell = ${s.topCell};
let now = 0;
function unit(): void { now += 1000; limitsStep(limits, snapshot, now, 1); }
unit();
global["unit"] = unit;
`;
}

/** x86 instructions of one step with the inputs of a line. */
export async function chargeStepCost(line: Line): Promise<number> {
  const { session } = described(sessionOf(), line),
    folder = mkdtempSync(join(tmpdir(), "tinybms-bench-"));
  try {
    session.limits.state[memory.fullAt] = session.limits.state[memory.bmsFullAt] = 0;
    writeFileSync(join(folder, "main.ts"), unitModule(session.limits, session.snapshot));
    const { code } = await buildImage({ input: join(folder, "main.ts") });
    return (await measureUnit(code, { units: 20, code: "flash" })).counted;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
