// Memory of a system that never rests.
import type { System } from "../../tools/rig/system";
import { sleep } from "../../tools/rig/wait";

const LOOKS = 8,
  LOOK_MS = 150;

/** JsVars in use between two pieces of work: what is on its way counts for a moment only. */
export async function leastMemory(system: System): Promise<number> {
  let least = Infinity;
  for (let looks = 0; looks < LOOKS; looks++, await sleep(LOOK_MS))
    least = Math.min(least, (await system.memory()).steady);
  return least;
}
