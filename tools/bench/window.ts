// Counts the instructions of the whole image in steady running: from one mark to the next, with what happened in between.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../host/settings";
import { startSystem, type System, type SystemOptions } from "../rig/system";
import { sleep, until } from "../rig/wait";
import { callgrindCommand, parseCallgrind, type Instructions } from "./callgrind";
import { findBenchTools } from "./measure";

/** A native that the image does not call; the prelude calls it to end one dump and begin the next. */
const MARK = "jswrap_espruino_getTemperature";
const OUT = "cg.out";
/** Calls inside which the counter is off, or that would be taken for a mark: no image may have them. */
const FORBIDDEN = /\.reduce\(|getTemperatureX/;

/** One window: how long it was, what it cost, and what happened in it. */
export interface Window extends Instructions { seconds: number; polls: number; requests: number; frames: number; publishes: number }

const FAST_POLL = Buffer.from([0xaa, 0x07, 0x11, 0x24, 0x00]).toString("latin1");

/** Requests for the fast block (registers 36 to 52) among all bytes to the TinyBMS. */
export function countPolls(requests: System["requests"]): number {
  return requests.map(({ bytes }) => Buffer.from(bytes).toString("latin1")).join("").split(FAST_POLL).length - 1;
}

/** Starts the image under callgrind; needs the interpreter and valgrind. */
export async function startCounted(image: string, settings: Settings = {}, options: Partial<SystemOptions> = {}): Promise<System> {
  const tools = findBenchTools();
  if (!tools) throw new Error("needs Espruino for Linux and valgrind");
  if (FORBIDDEN.test(image)) throw new Error("the image calls what the counter uses as a switch: " + FORBIDDEN.exec(image)![0]);
  const wrapper = callgrindCommand(tools.valgrind, OUT, MARK);
  return startSystem({ image, settings, wrapper, sampleMs: 0, bootTimeoutMs: 120_000, ...options });
}

const dumpsOf = (directory: string): string[] =>
  readdirSync(directory).filter((name) => /^cg\.out\.\d+$/.test(name)).sort((a, b) => Number(a.slice(7)) - Number(b.slice(7)));

async function newestDump(system: System, number: number): Promise<Instructions> {
  const path = join(system.directory, `${OUT}.${number}`);
  return until(`dump ${number}`, 30_000, () => {
    try {
      return parseCallgrind(readFileSync(path, "latin1"));
    } catch {
      return null; // not written, or not to its end yet
    }
  });
}

/** Runs for some seconds, with `during` beside it, and says what that cost. Start-up is not in it. */
export async function countWindow(system: System, seconds: number, during?: () => Promise<void>): Promise<Window> {
  await system.mark();
  const begin = Date.now(), before = { requests: system.requests.length, frames: system.frames().length, messages: system.broker?.messages.length ?? 0 };
  await Promise.all([sleep(seconds * 1000), during?.()]);
  const requests = system.requests.slice(before.requests), ended = Date.now();
  const frames = system.frames().length - before.frames, publishes = (system.broker?.messages.length ?? 0) - before.messages;
  await system.mark();
  const cost = await newestDump(system, dumpsOf(system.directory).length);
  return { ...cost, seconds: (ended - begin) / 1000, polls: countPolls(requests), requests: requests.length, frames, publishes };
}
