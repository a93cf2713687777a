// A recording of the line as text, for bug reports and tests: "<ms> > <hex>" is what was asked, "<ms> < <hex>" what
// came. `replay` puts it through the firmware's own decoder.
import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { askFor, readBlock, readBounds } from "../../firmware/bms/requests.cold";
import { exchangeOf, requestFault, type Exchange } from "../tinybms/exchange";
import { bytesOf, hexFault } from "../tinybms/hex";
import { failureOf, talk, type Link, type Reply, type Witness } from "../tinybms/link";
import { FIRST_WORDS } from "../../firmware/bms/settings";
import { CELLS, EVENTS, FAST, SETTINGS, STATISTICS, VERSIONS } from "./read";

const NATIVE = 7,
  MODBUS = 3,
  EXTENDED_VERSION = 0x1f,
  SLOW_MS = 60000;

/** Everything that changes slowly: read at the start and each minute. */
function slowRequests(): string[] {
  return [
    askFor(EXTENDED_VERSION),
    readBlock(MODBUS, VERSIONS[0], VERSIONS[1]),
    ...SETTINGS.map(([first, count]) => readBlock(MODBUS, first, count)),
    ...[1, 2, 3].map((option) => readBounds(option, FIRST_WORDS)),
    readBlock(NATIVE, STATISTICS[0], STATISTICS[1]),
    ...EVENTS.map(([first, count]) => readBlock(NATIVE, first, count)),
  ];
}

const fastRequests = (): string[] => [FAST, CELLS].map(([first, count]) => readBlock(NATIVE, first, count));

/**
 * A file that takes what goes over the line; `close` resolves when all of it is written, and rejects when it could not
 * be.
 */
export function recorder(file: string, where: string): { witness: Witness; close(): Promise<void> } {
  const out = createWriteStream(file, "latin1");
  let failure = "";
  out.on("error", ({ message }) => {
    failure = `${file}: cannot be written: ${message}`;
  });
  out.write(`# TinyBMS on ${where}, ${new Date().toISOString()}: <ms> <direction> <hex>\n`);
  return {
    witness: (at_ms, direction, bytes) =>
      void out.write(`${Math.round(at_ms)} ${direction} ${Buffer.from(bytes, "latin1").toString("hex")}\n`),
    close: () => new Promise((resolve, reject) => out.end(() => (failure ? reject(new Error(failure)) : resolve()))),
  };
}

/**
 * Polls until `isOver`: everything first, then live values and cells each `every_ms`. Rejects when nothing was answered
 * at all.
 */
export async function poll(
  link: Link,
  every_ms: number,
  isOver: () => boolean,
): Promise<{ exchanges: number; failed: number }> {
  const count = { exchanges: 0, failed: 0 };
  let last: Reply | null = null,
    slowAt = -Infinity;
  while (!isOver()) {
    const began = performance.now(),
      isSlow = began - slowAt >= SLOW_MS;
    if (isSlow) slowAt = began;
    for (const request of [...(isSlow ? slowRequests() : []), ...fastRequests()]) {
      if (isOver()) break;
      last = await talk(link, request);
      count.exchanges++;
      if (last.outcome !== "ok") count.failed++;
    }
    while (!isOver() && performance.now() - began < every_ms) await sleep(Math.min(50, every_ms));
  }
  if (last && count.failed === count.exchanges) throw new Error(failureOf(link, last));
  return count;
}

/** One exchange of a recording. */
export interface Played {
  ms: number;
  request: string;
  reply: string;
}

/** The exchanges in a recording: each line ">" begins one. Rejects with the number of the line that is none. */
export function exchangesIn(text: string, file: string): Played[] {
  const played: Played[] = [];
  text.split("\n").forEach((line, i) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const found = /^(\d+(?:\.\d+)?) ([<>]) (\S.*?)\s*$/.exec(line);
    if (!found || hexFault(found[3])) throw new Error(`${file}:${i + 1}: must be <ms> < or > <hex>`);
    const bytes = bytesOf(found[3]),
      ms = Number(found[1]);
    if (found[2] === ">") played.push({ ms, request: bytes, reply: "" });
    else if (played.length > 0) played[played.length - 1].reply += bytes;
  });
  if (played.length === 0) throw new Error(`${file}: holds no request`);
  return played;
}

/** What the firmware's decoder says to an exchange. */
export function decoded({ request, reply }: Played): Exchange {
  const fault = requestFault(request);
  if (!fault) return exchangeOf(request, reply);
  return { outcome: "error", cmd: "", error: `the request ${fault}`, registers: {}, values: {}, discardedBytes: 0 };
}
