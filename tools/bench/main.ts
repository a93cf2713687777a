// `npm run bench`: what a second of the running image costs, as counts (x86 instructions on the interpreter, JsVars, bytes),
// printed as a table and written to bench.json. Figures as the README explains them: instructions inside jspeFunctionCall, less
// jshFlashRead; start-up is not in them, because a window begins long after it.
import { writeFileSync } from "node:fs";
import { buildImage } from "../build/image";
import type { Settings } from "../host/settings";
import { findInterpreter, NO_INTERPRETER } from "../rig/interpreter";
import { startSystem } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { pollPlan } from "../../firmware/bms/plan.baked.cold";
import { pollerFeed, pollerNext, pollerOf } from "../../firmware/bms/poller";
import { chargeCases, chargeStepCost } from "./charge-step";
import { findBenchTools } from "./measure";
import { pollTimes, WIRE_MS } from "./poll-time";
import { PATIENT, SLOW } from "./profile";
import { buildSlowImage } from "./slow-image";
import { buildUnitImage, prepareUnits, replyBytes, statusCost, TRIES, unitCost, type Unit } from "./units";
import { countWindow, startCounted, type Window } from "./window";

/** Seconds of the image's clock: the round of everything after a connection, then a window in which only news go out. */
const ROUND_S = 25, WINDOW_S = 10;

const INSTRUCTIONS = "x86 instructions";
const NODE_POLLS = 20000;

interface Figure { unit: string; value: number | null; of: string; note?: string }

/** The time after a connection, and steady seconds after it, with these settings. */
async function seconds(image: string, settings: Settings, roundS: number): Promise<{ round: Window; steady: Window }> {
  const system = await startCounted(image, { ...settings, mqtt: { ...PATIENT.mqtt, ...settings.mqtt } }, { scenario: "charge" });
  try {
    return { round: await countWindow(system, roundS * SLOW), steady: await countWindow(system, WINDOW_S * SLOW) };
  } finally {
    await system.stop();
  }
}

const perSecond = ({ counted, seconds: long }: Window): number => Math.round(counted / (long / SLOW));

/** What people call the units of work (units.ts), how often each is done to be counted, and what of it is the bench's own. */
const NAMES: [Unit, string, number, Unit?][] = [
  ["poll", "fast poll cycle: request, reply, decode, snapshot", 10],
  ["canSecond", "CAN second: the task's six steps that send", 5, "canHarness"],
  ["canIdle", "CAN: its look at an idle bus", 10],
  ["step", "the scheduler's part of any step", 10],
  ["supervise", "charge control, alarms, energy: once a second", 5],
  ["publish0", "publish QoS 0, 45 bytes ready", 4],
  ["publish1", "publish QoS 1, 45 bytes ready", 4],
  ["publish2", "publish QoS 2, 45 bytes ready", 4],
  ["registerMessage", "a register message made", 10],
  ["stateMessage", "the compact state made", 10],
  ["nothingDue", "nothing due: five looks", 10],
];

/** Single units on the real image, its timers stopped; one /api/status from connection to end. */
async function units(): Promise<Figure[]> {
  const image = await buildUnitImage();
  const system = await startCounted(image, {}, { scenario: "charge", broker: "none", gx: false });
  try {
    await until("frames", 200_000, () => system.frames().length > 8);
    const sink = await prepareUnits(system), words = Array.from(system.simulator.battery.words.slice(36, 53)), figures: Figure[] = [];
    for (const [unit, name, times, own] of NAMES) {
      const before = system.frames().length, cost = await unitCost(system, unit, times, words), frames = system.frames().length - before;
      const harness = own ? await unitCost(system, own, times, words) : 0, note = frames ? `${frames / times / TRIES} frames` : "";
      figures.push({ unit: name, value: cost - harness, of: INSTRUCTIONS, note });
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
  const single = await units(), image = await buildSlowImage({ board: "host" }, SLOW, true);
  const [all, quiet] = await Promise.all([seconds(image, {}, ROUND_S), seconds(image, { mqtt: { enabled: false } }, ROUND_S / 2)]);
  const steps: Figure[] = [];
  for (const [name, line] of Object.entries(chargeCases)) {
    steps.push({ unit: `charge control, ${name}`, value: await chargeStepCost(line), of: "x86 instructions", note: "a step, budget 3 M" });
  }
  const extra = all.round.counted - perSecond(all.steady) * all.round.seconds / SLOW;
  return [
    ...single, ...steps,
    { unit: "a full round of all telemetry", value: Math.round(extra), of: INSTRUCTIONS,
      note: `${all.round.publishes} messages in the ${ROUND_S} s after a connection, less what steady seconds cost` },
    ...secondFigures("one steady second, everything on", all.steady), ...secondFigures("one steady second without MQTT", quiet.steady),
  ];
}

/** A second, and what each task has of it. */
function secondFigures(unit: string, window: Window): Figure[] {
  const long = window.seconds / SLOW, each = (count: number): string => (count / long).toFixed(1);
  const parts = Object.entries(window.parts).sort(([, a], [, b]) => b.counted - a.counted);
  return [
    { unit, value: perSecond(window), of: INSTRUCTIONS,
      note: `${each(window.polls)} polls, ${each(window.frames)} frames, ${each(window.publishes)} messages` },
    ...parts.map(([name, { steps, counted }]) => ({
      unit: `  of it ${name}`, value: Math.round(counted / long), of: INSTRUCTIONS, note: `${each(steps)} a second`,
    })),
  ];
}

/** Wall time of a fast poll, the median, over the time of its bytes on the wire. */
async function pollTime(): Promise<Figure> {
  const times = await pollTimes(), median = times[times.length >> 1] ?? NaN;
  return { unit: "a fast poll over its wire time", value: Math.round(median / WIRE_MS * 100) / 100, of: "times",
    note: `median of ${times.length}: ${median.toFixed(2)} ms; wire ${WIRE_MS.toFixed(2)} ms, budget 1.3 times and 2 ms` };
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
