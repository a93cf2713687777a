// `npm run bench`: what a second of the running image costs, as counts (x86 instructions on the interpreter, JsVars, bytes),
// printed as a table and written to bench.json. Figures as the README explains them: instructions inside jspeFunctionCall, less
// jshFlashRead; start-up is not in them, because a window begins long after it.
import { writeFileSync } from "node:fs";
import { buildImage } from "../build/image";
import { findInterpreter, NO_INTERPRETER } from "../rig/interpreter";
import { startSystem } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { pollPlan } from "../../firmware/bms/plan.baked.cold";
import { pollerFeed, pollerNext, pollerOf } from "../../firmware/bms/poller";
import { chargeCases, chargeStepCost } from "./charge-step";
import { findBenchTools } from "./measure";
import { buildSlowImage } from "./slow-image";
import { buildUnitImage, prepareUnits, replyBytes, statusCost, unitCost, type Unit } from "./units";
import { countWindow, startCounted, type Window } from "./window";

/** Under callgrind the interpreter is some fifty times slower; the image's clock runs this much slower instead. */
const SLOW = 20;
/** Seconds of the host's clock before a window and in it. */
const WARM_UP_S = 80, WINDOW_S = 40;

const INSTRUCTIONS = "x86 instructions";
/** Bytes of a fast poll, request and reply, at 115200 baud; polls that are timed. */
const WIRE_MS = (7 + 39) * 10000 / 115200, POLLS = 500, NODE_POLLS = 20000;

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

/** What people call the units of work (units.ts), how often each is done to be counted, and what of it is the bench's own. */
const NAMES: [Unit, string, number, Unit?][] = [
  ["poll", "fast poll cycle: request, reply, decode, snapshot", 10],
  ["canSecond", "CAN second: the six frames of each second", 5, "canHarness"],
  ["canIdle", "CAN: a look at an idle bus", 10],
  ["supervise", "charge control, alarms, energy: once a second", 5],
  ["publish0", "publish QoS 0, 45 bytes ready", 20],
  ["publish1", "publish QoS 1, 45 bytes ready", 20],
  ["publish2", "publish QoS 2, 45 bytes ready", 20],
  ["registerMessage", "a register message made", 10],
  ["stateMessage", "the compact state made", 10],
  ["nothingDue", "nothing due: five looks", 10],
];

/** Single units on the real image, its timers stopped; one /api/status from connection to end. */
async function units(): Promise<Figure[]> {
  const image = await buildUnitImage();
  const system = await startCounted(image, {}, { scenario: "charge", broker: "none" });
  try {
    await until("frames", 200_000, () => system.frames().length > 8);
    const sink = await prepareUnits(system), words = Array.from(system.simulator.battery.words.slice(36, 53)), figures: Figure[] = [];
    for (const [unit, name, times, own] of NAMES) {
      const harness = own ? await unitCost(system, own, times, words) : 0;
      figures.push({ unit: name, value: await unitCost(system, unit, times, words) - harness, of: INSTRUCTIONS });
    }
    figures.push({ unit: "GET /api/status", value: await statusCost(system), of: INSTRUCTIONS });
    sink.close();
    return figures;
  } finally {
    await system.stop();
  }
}

async function instructions(): Promise<Figure[]> {
  if (!findBenchTools()) return [{ unit: "one steady second", value: null, of: INSTRUCTIONS, note: "needs valgrind" }];
  const single = await units(), image = await buildSlowImage({ board: "host" }, SLOW);
  const all = await second(image, {}), quiet = await second(image, { mqtt: { enabled: false } });
  const happened = ({ polls, frames, publishes }: Window): string =>
    `${polls} polls, ${frames} frames, ${publishes} messages in ${WINDOW_S / SLOW} s`;
  const steps: Figure[] = [];
  for (const [name, line] of Object.entries(chargeCases)) {
    steps.push({ unit: `charge control, ${name}`, value: await chargeStepCost(line), of: "x86 instructions", note: "a step, budget 3 M" });
  }
  return [
    ...single, ...steps,
    { unit: "one steady second, everything on", value: perSecond(all), of: INSTRUCTIONS, note: happened(all) },
    { unit: "one steady second without MQTT", value: perSecond(quiet), of: INSTRUCTIONS, note: happened(quiet) },
  ];
}

/** Wall time from the request of a fast poll to the stamped snapshot, the median, over the time of its bytes on the wire. */
async function pollTime(): Promise<Figure> {
  const system = await startSystem({ image: await buildUnitImage(), scenario: "charge", broker: "none", settings: { uart: { poll_ms: 100 } } });
  try {
    await until("frames", 20_000, () => system.frames().length > 8);
    for (let i = 0; i < POLLS; i++) {
      system.tell("bench.took()");
      await sleep(110);
    }
    const took = system.console.lines.flatMap((line) => /^~took ([\d.]+)/.exec(line)?.[1] ?? []).map(Number).sort((a, b) => a - b);
    const median = took[took.length >> 1] ?? NaN;
    const times = Math.round(median / WIRE_MS * 100) / 100;
    return { unit: "a fast poll over its wire time", value: times, of: "times", note: `median ${median} of ${WIRE_MS.toFixed(2)} ms` };
  } finally {
    await system.stop();
  }
}

/** Without an interpreter: what node alone can say, in calls of the receiver a second of this machine. */
function nodeFigures(): Figure[] {
  const reply = String.fromCharCode(...replyBytes(new Array<number>(17).fill(0))), poller = pollerOf(pollPlan());
  const bytes = (text: string): ArrayBuffer => Uint8Array.from(Buffer.from(text, "latin1")).buffer;
  const from = process.hrtime.bigint();
  for (let i = 0; i < NODE_POLLS; i++) {
    poller.plan[0]!.due = 0;
    pollerNext(poller, 1);
    pollerFeed(poller, reply, bytes);
  }
  return [{ unit: "fast poll cycle in node", value: Math.round(Number(process.hrtime.bigint() - from) / NODE_POLLS), of: "ns" }];
}

async function memory(image: string, bytes: number): Promise<Figure[]> {
  const system = await startSystem({ image, scenario: "charge" });
  try {
    await sleep(1500);
    const boot = (await system.memory()).steady;
    await sleep(10000);
    const { steady, prelude } = await system.memory(true);
    const answering = JSON.parse((await system.http("/api/status")).text).memory.used - prelude;
    const { most } = await system.memory();
    return [
      { unit: "after boot", value: boot, of: "JsVars" },
      { unit: "steady, everything on", value: steady, of: "JsVars" },
      { unit: "while answering /api/status", value: answering, of: "JsVars" },
      { unit: "at the peak, garbage included", value: most, of: "JsVars" },
      { unit: "a kB of image, steady", value: Math.round(steady / (bytes / 1024)), of: "JsVars" },
    ];
  } finally {
    await system.stop();
  }
}

async function main(): Promise<void> {
  const { code, bytes } = await buildImage({ board: "host" });
  const figures: Figure[] = [{ unit: "image", value: bytes, of: "bytes" }];
  if (findInterpreter()) figures.push(...await memory(code, bytes), await pollTime(), ...await instructions());
  else { console.log(NO_INTERPRETER); figures.push(...nodeFigures()); }
  for (const { unit, value, of, note } of figures) {
    console.log(`${unit.padEnd(50)} ${String(value?.toLocaleString("en") ?? "-").padStart(12)} ${of}${note ? `  (${note})` : ""}`);
  }
  writeFileSync("bench.json", JSON.stringify(figures, null, 2) + "\n");
}

await main();
