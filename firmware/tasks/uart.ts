// Polls the TinyBMS: one request at a time, replies into the snapshot and the sample queue. A data callback takes the
// reply at once and goes on with the next group that is due.
import { acceptCells } from "../battery/cells.cold";
import { acceptFast, type Snapshot } from "../battery/snapshot";
import { pollerExpire } from "../bms/lost.cold";
import { CELLS, FAST, IDENTITY, pollerFeed, pollerNext, SETTINGS, type Poller } from "../bms/poller";
import { acceptSettings } from "../bms/settings.cold";
import type { Natives, UartPort } from "../kernel/ports";
import { samplesPush, type Samples } from "../kernel/samples";
import { taskOf, type Task } from "../kernel/tasks";

/** Longest wait between two looks at the conversation, ms. */
const LONGEST_TICK = 250;
/** The fast group is due this long before its tick, ms. */
const EARLY_MS = 20;
/** The identity is no haste: first asked for after this long, ms. */
const IDENTITY_MS = 1500;
/** A time that never comes: the cells wait for the settings, which say where they are. */
const NEVER = 1e15;

export interface UartTask {
  port: UartPort; poller: Poller; snapshot: Snapshot; samples: Samples; natives: Natives;
  /** Raw words of the groups beside the samples, as they came last. */
  raw: (Uint16Array | null)[];
  task: Task;
}

/** Bytes from the UART, in pieces as they come. */
export function uartReceived(uart: UartTask, bytes: string): void {
  const poller = uart.poller, exchange = poller.pending, words = pollerFeed(poller, bytes, uart.natives.toArrayBuffer);
  if (!words || !exchange) return;
  const now = uart.natives.now(), snapshot = uart.snapshot, group = poller.plan.indexOf(exchange);
  if (group === FAST) {
    if (acceptFast(snapshot, words, now)) samplesPush(uart.samples, words);
  } else if (group === CELLS) {
    uart.raw[group] = words;
    acceptCells(snapshot, words, now);
  } else if (group === IDENTITY) {
    uart.raw[group] = words;
  } else {
    uart.raw[group] = acceptSettings(snapshot, words, now);
    if (poller.plan[CELLS].due === NEVER) poller.plan[CELLS].due = now;
  }
  const request = pollerNext(poller, now);
  if (request) uart.port.write(request);
}

function step(uart: UartTask, now: number): number {
  const request = (uart.poller.pending ? pollerExpire(uart.poller, now) : "") || pollerNext(uart.poller, now);
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
  uart.poller.plan[IDENTITY].due = IDENTITY_MS;
  uart.task = taskOf("uart", poll / Math.ceil(poll / LONGEST_TICK), uart, step);
  return uart.task;
}
