// Counts the instructions of the whole image in steady running: from one mark to the next, with what happened in
// between.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../host/settings";
import { startSystem, type System, type SystemOptions } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { callgrindCommand, parseCallgrind, triggerOf, type Instructions } from "./callgrind";
import { findBenchTools } from "./measure";
import { STEP_BEGINS, STEP_ENDS } from "./slow-image";

const native = (name: string): string => `jswrap_espruino_${name}`;
/** A native that the image does not call; the prelude calls it to begin and to end a window. */
const MARK = "reverseByte";
const OUT = "cg.out";
const TASK_OF = Object.fromEntries(Object.entries(STEP_ENDS).map(([task, name]) => [native(name), task]));

/**
 * Instructions and steps in a window by where they were spent: a task's steps, or "between" (events and the scheduler).
 */
export type Parts = Record<string, { steps: number; counted: number; most: number }>;
/** One window: how long it was, what it cost, and what happened in it. */
export interface Window extends Instructions {
  seconds: number;
  polls: number;
  frames: number;
  publishes: number;
  parts: Parts;
}

const FAST_POLL = Buffer.from([0xaa, 0x07, 0x11, 0x24, 0x00]).toString("latin1");

/** Requests for the fast block (registers 36 to 52) among all bytes to the TinyBMS. */
export function countPolls(requests: System["requests"]): number {
  return (
    requests
      .map(({ bytes }) => Buffer.from(bytes).toString("latin1"))
      .join("")
      .split(FAST_POLL).length - 1
  );
}

/** Throws when an image calls what the counter uses as a switch or a mark, but for the marks around its steps. */
export function checkCountable(image: string, isMarked: boolean): void {
  const names = ["\\.reduce\\(", MARK, ...(isMarked ? [] : [STEP_BEGINS, ...Object.values(STEP_ENDS)])];
  const found = new RegExp(names.join("|")).exec(image);
  if (found) throw new Error(`the image calls what the counter uses as a switch: ${found[0]}`);
}

/** Starts the image under callgrind; needs the interpreter and valgrind. */
export async function startCounted(
  image: string,
  settings: Settings = {},
  options: Partial<SystemOptions> = {},
): Promise<System> {
  const tools = findBenchTools();
  if (!tools) throw new Error("needs Espruino for Linux and valgrind");
  checkCountable(image, image.includes(`E.${STEP_BEGINS}`));
  const wrapper = callgrindCommand(tools.valgrind, OUT, [MARK, STEP_BEGINS, ...Object.values(STEP_ENDS)].map(native));
  return startSystem({ image, settings, wrapper, sampleMs: 0, ...options });
}

const numberOf = (name: string): number => Number(name.slice(OUT.length + 1));
const dumpsOf = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => numberOf(name) > 0)
    .sort((a, b) => numberOf(a) - numberOf(b));

/** The file of the newest mark, once it is written to its end. */
function newestMark(system: System): Promise<string> {
  return until("callgrind's dump", 300_000, () => {
    const marks = dumpsOf(system.directory)
      .slice(-8)
      .filter((name) => {
        const text = readFileSync(join(system.directory, name), "latin1");
        return triggerOf(text) === native(MARK) && /^(totals|summary):/m.test(text);
      });
    return marks.pop() ?? null;
  });
}

/** Adds up the dumps after `from` up to `to` by what ended them: the end of a task's step, or its begin. */
export function addUp(directory: string, from: number, to: number): Instructions & { parts: Parts } {
  const sum = { counted: 0, inside: 0, flashRead: 0, parts: {} as Parts };
  for (const name of dumpsOf(directory).filter((dump) => numberOf(dump) > from && numberOf(dump) <= to)) {
    const text = readFileSync(join(directory, name), "latin1"),
      cost = parseCallgrind(text);
    const part = (sum.parts[TASK_OF[triggerOf(text)] ?? "between"] ??= { steps: 0, counted: 0, most: 0 });
    part.steps++;
    part.counted += cost.counted;
    part.most = Math.max(part.most, cost.counted);
    for (const key of ["counted", "inside", "flashRead"] as const) sum[key] += cost[key];
  }
  return sum;
}

export async function markNow(system: System): Promise<number> {
  const before = dumpsOf(system.directory).length;
  await system.mark();
  await until("the mark's dump", 300_000, () => dumpsOf(system.directory).length > before);
  return numberOf(await newestMark(system));
}

/** Runs for some seconds, with `during` beside it, and says what that cost. Start-up is not in it. */
export async function countWindow(system: System, seconds: number, during?: () => Promise<void>): Promise<Window> {
  const from = await markNow(system);
  const begin = Date.now(),
    heard = system.broker?.messages.length ?? 0;
  const before = { requests: system.requests.length, frames: system.frames().length, messages: heard };
  await Promise.all([sleep(seconds * 1000), during?.()]);
  const requests = system.requests.slice(before.requests),
    ended = Date.now();
  const frames = system.frames().length - before.frames,
    publishes = (system.broker?.messages.length ?? 0) - before.messages;
  const cost = addUp(system.directory, from, await markNow(system));
  return { ...cost, seconds: (ended - begin) / 1000, polls: countPolls(requests), frames, publishes };
}
