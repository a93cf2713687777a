// Polls the TinyBMS: one request at a time, replies into the snapshot and the sample queue. A data callback takes the
// reply at once and goes on with the next group that is due.
import { acceptCells } from "../battery/cells.cold";
import { acceptFast, type Snapshot } from "../battery/snapshot";
import { pollerExpire } from "../bms/lost.cold";
import { CELLS, FAST, pollerFeed, pollerNext, SETTINGS, type Poller } from "../bms/poller";
import { acceptSettings } from "../bms/settings.cold";
import type { Talk } from "../bms/talk";
import type { Natives, UartPort } from "../kernel/ports";
import { samplesPush, type Samples } from "../kernel/samples";
import { taskOf, type Task } from "../kernel/tasks";
import { talkTurn } from "./talk.cold";

/** Longest wait between two looks at the conversation, ms. */
const LONGEST_TICK = 250;
/** The fast group is due this long before its tick, ms. */
const EARLY_MS = 20;
/** A time that never comes: the cells wait for the settings, which say where they are. */
const NEVER = 1e15;

export interface UartTask {
  port: UartPort; poller: Poller; snapshot: Snapshot; samples: Samples; natives: Natives;
  /** Raw words of the groups beside the samples, as they came last. */
  raw: (Uint16Array | null)[];
  /** A conversation that gets the gaps between the polls. */
  talk: Talk | null;
  task: Task;
}

/** The reply of a group that is read more rarely. */
function takeSlow(uart: UartTask, group: number, words: Uint16Array, now: number): void {
  const cells = uart.poller.plan[CELLS];
  if (group === CELLS) {
    uart.raw[group] = words;
    acceptCells(uart.snapshot, words, now);
  } else {
    uart.raw[group] = acceptSettings(uart.snapshot, words, now);
    if (cells.due === NEVER) cells.due = uart.poller.slowAt = now;
  }
}

/** Bytes from the UART, in pieces as they come. */
export function uartReceived(uart: UartTask, bytes: string): void {
  const poller = uart.poller, exchange = poller.pending, words = pollerFeed(poller, bytes, uart.natives.toArrayBuffer);
  if (!words || !exchange) return;
  const now = uart.natives.now();
  if (exchange !== poller.plan[FAST]) takeSlow(uart, poller.plan.indexOf(exchange), words, now);
  else if (acceptFast(uart.snapshot, words, now)) samplesPush(uart.samples, words);
  const request = pollerNext(poller, now) || (uart.talk ? talkTurn(uart, now) : "");
  if (request) uart.port.write(request);
}

function step(uart: UartTask, now: number): number {
  const talk = uart.talk, pending = uart.poller.pending;
  const late = !pending ? "" : talk && talk.exchange === pending ? talkTurn(uart, now) : pollerExpire(uart.poller, now);
  const request = late || pollerNext(uart.poller, now);
  if (request) uart.port.write(request);
  return 0;
}

/** The task; settings uart.poll_ms, uart.timeout_ms and uart.retries. */
export function uartTask(uart: UartTask, config: Record<string, unknown>): Task {
  const poll = config["poll_ms"] as number;
  uart.poller.timeout = config["timeout_ms"] as number;
  uart.poller.retries = config["retries"] as number;
  uart.poller.plan[FAST].every = poll - Math.min(EARLY_MS, poll / 2); // a tick may come early
  uart.poller.plan[CELLS].due = NEVER;
  uart.poller.plan[SETTINGS].due = 0;
  uart.task = taskOf("uart", poll / Math.ceil(poll / LONGEST_TICK), uart, step);
  return uart.task;
}
