// `npm run bench`: what a second of the running image costs, as counts (x86 instructions on the interpreter, JsVars, bytes),
// printed as a table and written to bench.json. Figures as the README explains them: instructions inside jspeFunctionCall, less
// jshFlashRead; start-up is not in them, because a window begins long after it.
import { writeFileSync } from "node:fs";
import { buildImage } from "../build/image";
import { findInterpreter, NO_INTERPRETER } from "../rig/interpreter";
import { startSystem } from "../rig/system";
import { sleep } from "../rig/wait";
import { chargeCases, chargeStepCost } from "./charge-step";
import { findBenchTools } from "./measure";
import { buildSlowImage } from "./slow-image";
import { countWindow, startCounted, type Window } from "./window";

/** Under callgrind the interpreter is some fifty times slower; the image's clock runs this much slower instead. */
const SLOW = 20;
/** Seconds of the host's clock before a window and in it. */
const WARM_UP_S = 80, WINDOW_S = 40;

interface Figure { unit: string; value: number | null; of: string; note?: string }

/** Instructions of one of the device's seconds, with these settings. */
async function second(image: string, settings: Record<string, Record<string, unknown>>): Promise<Window> {
  const system = await startCounted(image, settings, { scenario: "charge", sampleMs: 0 });
  try {
    await sleep(WARM_UP_S * 1000);
    return await countWindow(system, WINDOW_S);
  } finally {
    await system.stop();
  }
}

const perSecond = ({ counted, seconds }: Window): number => Math.round(counted / (seconds / SLOW));

async function instructions(): Promise<Figure[]> {
  if (!findBenchTools()) return [{ unit: "one steady second", value: null, of: "x86 instructions", note: "needs valgrind" }];
  const image = await buildSlowImage({ board: "host" }, SLOW);
  const all = await second(image, {}), quiet = await second(image, { mqtt: { enabled: false } });
  const happened = ({ polls, frames, publishes }: Window): string =>
    `${polls} polls, ${frames} frames, ${publishes} messages in ${WINDOW_S / SLOW} s`;
  const steps: Figure[] = [];
  for (const [name, line] of Object.entries(chargeCases)) {
    steps.push({ unit: `charge control, ${name}`, value: await chargeStepCost(line), of: "x86 instructions", note: "a step, budget 3 M" });
  }
  return [
    ...steps,
    { unit: "one steady second, everything on", value: perSecond(all), of: "x86 instructions", note: happened(all) },
    { unit: "one steady second without MQTT", value: perSecond(quiet), of: "x86 instructions", note: happened(quiet) },
  ];
}

async function memory(image: string, bytes: number): Promise<Figure[]> {
  const system = await startSystem({ image, scenario: "charge" });
  try {
    await sleep(1500);
    const boot = (await system.memory()).steady;
    await sleep(10000);
    const { steady, prelude } = await system.memory(true);
    const answering = JSON.parse((await system.http("/api/status")).text).memory.used - prelude;
    return [
      { unit: "after boot", value: boot, of: "JsVars" },
      { unit: "steady, everything on", value: steady, of: "JsVars" },
      { unit: "while answering /api/status", value: answering, of: "JsVars" },
      { unit: "a kB of image, steady", value: Math.round(steady / (bytes / 1024)), of: "JsVars" },
    ];
  } finally {
    await system.stop();
  }
}

async function main(): Promise<void> {
  const { code, bytes } = await buildImage({ board: "host" });
  const figures: Figure[] = [{ unit: "image", value: bytes, of: "bytes" }];
  if (findInterpreter()) figures.push(...await memory(code, bytes), ...await instructions());
  else console.log(NO_INTERPRETER);
  for (const { unit, value, of, note } of figures) {
    console.log(`${unit.padEnd(50)} ${String(value?.toLocaleString("en") ?? "-").padStart(12)} ${of}${note ? `  (${note})` : ""}`);
  }
  writeFileSync("bench.json", JSON.stringify(figures, null, 2) + "\n");
}

await main();
