// `npm run bench`: what a second of the running image costs, as counts (x86 instructions on the interpreter, JsVars,
// bytes), printed as a table and written to bench.json. Figures as the README explains them: instructions inside
// jspeFunctionCall, less jshFlashRead; start-up is not in them, because a window begins long after it.
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
import { chipFigures, type Distribution } from "./chip";
import { PATIENT, SLOW } from "./profile";
import { buildSlowImage } from "./slow-image";
import { buildUnitImage, prepareUnits, replyBytes, statusCost, TRIES, UNIT_SLOW, unitCost, type Unit } from "./units";
import { countWindow, startCounted, type Window } from "./window";

/**
 * Seconds of the image's clock: the round of everything after a connection, then a window in which only news go out.
 */
const ROUND_S = 25,
  WINDOW_S = 10,
  CHIP_S = 600;

const INSTRUCTIONS = "x86 instructions";
const NODE_POLLS = 20000;

interface Figure {
  unit: string;
  value: number | null;
  of: string;
  note?: string;
}

const told: Figure[] = [];

/** Each figure is printed and written when it is there: who ends the bench early has what came until then. */
function tell(figures: Figure[]): void {
  for (const { unit, value, of, note } of figures) {
    console.log(
      `${unit.padEnd(50)} ${String(value?.toLocaleString("en") ?? "-").padStart(12)} ${of}${note ? `  (${note})` : ""}`,
    );
  }
  told.push(...figures);
  writeFileSync("bench.json", JSON.stringify(told, null, 2) + "\n");
}

/** The time after a connection, and steady seconds after it, with these settings. */
async function seconds(image: string, settings: Settings, roundS: number): Promise<{ round: Window; steady: Window }> {
  const system = await startCounted(
    image,
    { ...settings, mqtt: { ...PATIENT.mqtt, ...settings.mqtt } },
    { scenario: "charge" },
  );
  try {
    return { round: await countWindow(system, roundS * SLOW), steady: await countWindow(system, WINDOW_S * SLOW) };
  } finally {
    await system.stop();
  }
}

const perSecond = ({ counted, seconds: long }: Window): number => Math.round(counted / (long / SLOW));

/**
 * What people call the units of work (units.ts), how often each is done to be counted, and what of it is the bench's
 * own.
 */
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
async function units(): Promise<void> {
  const image = await buildUnitImage(UNIT_SLOW);
  const system = await startCounted(image, {}, { scenario: "charge", broker: "none", gx: false });
  try {
    await until("frames", 600_000, () => system.frames().length > 8);
    const sink = await prepareUnits(system),
      words = Array.from(system.simulator.battery.words.slice(36, 53));
    for (const [unit, name, times, own] of NAMES) {
      const before = system.frames().length,
        cost = await unitCost(system, unit, times, words),
        frames = system.frames().length - before;
      const harness = own ? await unitCost(system, own, times, words) : 0,
        note = frames ? `${frames / times / TRIES} frames` : "";
      tell([{ unit: name, value: cost - harness, of: INSTRUCTIONS, note }]);
    }
    tell([{ unit: "GET /api/status", value: await statusCost(system), of: INSTRUCTIONS }]);
    sink.close();
  } finally {
    await system.stop();
  }
}

async function instructions(): Promise<void> {
  if (!findBenchTools())
    return tell([{ unit: "one steady second", value: null, of: INSTRUCTIONS, note: "needs valgrind" }]);
  await units();
  for (const [name, line] of Object.entries(chargeCases))
    tell([
      {
        unit: `charge control, ${name}`,
        value: await chargeStepCost(line),
        of: INSTRUCTIONS,
        note: "a step, budget 3 M",
      },
    ]);
  const image = await buildSlowImage({ board: "host" }, SLOW, true),
    all = await seconds(image, {}, ROUND_S),
    extra = all.round.counted - (perSecond(all.steady) * all.round.seconds) / SLOW;
  tell([
    {
      unit: "a full round of all telemetry",
      value: Math.round(extra),
      of: INSTRUCTIONS,
      note: `${all.round.publishes} messages in the ${ROUND_S} s after a connection, less what steady seconds cost`,
    },
    ...secondFigures("one steady second, everything on", all.steady),
  ]);
  const quiet = await seconds(image, { mqtt: { enabled: false } }, ROUND_S / 2);
  tell(secondFigures("one steady second without MQTT", quiet.steady));
}

/** A second, and what each task has of it. */
function secondFigures(unit: string, window: Window): Figure[] {
  const long = window.seconds / SLOW,
    each = (count: number): string => (count / long).toFixed(1);
  const parts = Object.entries(window.parts).sort(([, a], [, b]) => b.counted - a.counted);
  return [
    {
      unit,
      value: perSecond(window),
      of: INSTRUCTIONS,
      note: `${each(window.polls)} polls, ${each(window.frames)} frames, ${each(window.publishes)} messages`,
    },
    ...parts.map(([name, { steps, counted }]) => ({
      unit: `  of it ${name}`,
      value: Math.round(counted / long),
      of: INSTRUCTIONS,
      note: `${each(steps)} a second`,
    })),
  ];
}

/** The whole device on the modelled chip, by release: distributions over ten minutes. */
function chip(image: string, espruino: string): Figure[] {
  const figures = chipFigures(image, espruino, CHIP_S),
    name = (what: string): string => `modelled chip, Espruino ${espruino}: ${what}`;
  const row = (what: string, { parts, count }: Distribution): Figure => ({
    unit: name(what),
    value: Math.round(parts[0]),
    of: "ms in the median",
    note: `90, 99, 99.9 % and the most: ${parts.slice(1).map(Math.round).join(", ")}; ${count} of them`,
  });
  return [
    {
      unit: name("power-on to 0x351, less Espruino's own start"),
      value: Math.round(figures.firstLimits_s * 1000),
      of: "ms",
    },
    row("from one fast poll to the next", figures.fastPolls),
    row("from a reply's last byte to the end of its callback", figures.latency),
    row("from one 0x351 to the next", figures.limits),
    { unit: name("a second"), value: Math.round(figures.busy * 1e6), of: "modelled instructions" },
    ...Object.entries(figures.longest).map(([what, most]) => ({
      unit: name(`longest callback, ${what}`),
      value: Math.round(most * 1e6),
      of: "modelled instructions",
    })),
  ];
}

/** Without an interpreter: what node alone can say, in calls of the receiver a second of this machine. */
function nodeFigures(): Figure[] {
  const reply = String.fromCharCode(...replyBytes(new Array<number>(17).fill(0))),
    poller = pollerOf(pollPlan());
  const bytes = (text: string): ArrayBuffer => Uint8Array.from(Buffer.from(text, "latin1")).buffer;
  const from = process.hrtime.bigint();
  for (let i = 0; i < NODE_POLLS; i++) {
    poller.plan[0]!.due = 0;
    pollerNext(poller, 1);
    pollerFeed(poller, reply, bytes);
  }
  return [
    {
      unit: "fast poll cycle in node",
      value: Math.round(Number(process.hrtime.bigint() - from) / NODE_POLLS),
      of: "ns",
    },
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
  tell([{ unit: "image", value: bytes, of: "bytes" }]);
  for (const espruino of ["2v29", "newest"]) tell(chip(code, espruino));
  if (findInterpreter()) {
    tell(await memory(code, bytes));
    await instructions();
  } else {
    console.log(NO_INTERPRETER);
    tell(nodeFigures());
  }
}

// The cost model's table: `npm run bench -- --costs`. The recorder's own figures: `npm run bench -- recorder`.
if (process.argv[2] === "--costs") await (await import("./costs")).writeCosts();
else if (process.argv[2] === "recorder") await (await import("./recorder")).benchRecorder(process.argv.slice(3));
else await main();
