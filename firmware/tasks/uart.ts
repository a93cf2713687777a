// Polls the TinyBMS: one request at a time, replies into the snapshot and the sample queue. A data callback takes the
// reply at once and goes on with the next group that is due.
import { acceptCells } from "../battery/cells.cold";
import type { Journal } from "../battery/journal";
import { onlineStatus } from "../battery/registers.baked";
import { acceptFast, type Snapshot } from "../battery/snapshot";
import { pollerExpire } from "../bms/lost.cold";
import { CELLS, EVENTS, FAST, pollerFeed, pollerNext, SETTINGS, type Poller } from "../bms/poller";
import { acceptEvents, acceptRare, pace, turnedWords } from "../bms/rare.cold";
import type { Talk } from "../bms/talk";
import type { Natives, UartPort } from "../kernel/ports";
import { samplesPush, type Samples } from "../kernel/samples";
import { taskOf } from "../kernel/task-start.cold";
import type { Task } from "../kernel/tasks";
import { talkTurn } from "./talk.cold";

/** Longest wait between two looks at the conversation, ms. */
const LONGEST_TICK = 250;
/** The fast group is due this long before its tick, ms. */
const EARLY_MS = 20;
/** A time that never comes: the cells wait for the settings, which say where they are. */
const NEVER = 1e15;
/** Words of an empty list of events: the time of the BMS and the CRC. */
const NO_EVENTS = 3;

export interface UartTask {
  poller: Poller; snapshot: Snapshot; natives: Natives; samples: Samples; port: UartPort;
  /** Status of the battery at the last poll: a change asks for the events. */
  status: number;
  /** Raw words of the groups beside the samples, as they came last, and the events. */
  raw: (Uint16Array | null)[]; journal: Journal;
  /** s since 1970 at boot, 0 while unknown. */
  clock: { epoch: number };
  /** Settings uart.poll_ms (less what a tick may come early) and uart.retries, as long as the line is good. */
  every: number; retries: number;
  /** A conversation that gets the gaps between the polls. */
  talk: Talk | null;
  task: Task;
}

/** The reply of a group that is read more rarely. */
function takeSlow(uart: UartTask, group: number, numbers: Uint16Array, now: number): void {
  if (group === EVENTS) {
    const wall = uart.clock.epoch ? uart.clock.epoch + now / 1000 | 0 : 0;
    if (numbers.length > NO_EVENTS || uart.journal.readAt < 0) acceptEvents(uart.poller, uart.snapshot, uart.journal, now, wall);
    return;
  }
  uart.raw[group] = numbers;
  if (group === CELLS) acceptCells(uart.snapshot, numbers, now);
  else acceptRare(uart.poller, uart.snapshot, group, numbers, now);
}

/** Bytes from the UART, in pieces as they come. */
export function uartReceived(uart: UartTask, bytes: string): void {
  const poller = uart.poller, exchange = poller.pending, words = pollerFeed(poller, bytes, uart.natives.toArrayBuffer);
  if (!words || !exchange) return;
  const now = uart.natives.now(), snapshot = uart.snapshot;
  if (poller.failed) {
    poller.failed = poller.refused = 0;
    pace(poller, snapshot, uart.journal, uart.every, uart.retries);
  }
  const numbers = exchange.turned ? turnedWords(words) : words;
  if (exchange !== poller.plan[FAST]) {
    takeSlow(uart, poller.plan.indexOf(exchange), numbers, now);
  } else if (acceptFast(snapshot, numbers, now)) {
    samplesPush(uart.samples, numbers);
    if (snapshot.values[onlineStatus] !== uart.status) {
      uart.status = snapshot.values[onlineStatus];
      poller.plan[EVENTS].due = poller.slowAt = 0;
    }
  }
  const request = pollerNext(poller, now) || (uart.talk ? talkTurn(uart, now) : "");
  if (request) uart.port.write(request);
}

function step(uart: UartTask, now: number): number {
  const poller = uart.poller;
  let request = "";
  if (poller.pending) {
    request = uart.talk && uart.talk.exchange === poller.pending ? talkTurn(uart, now) : pollerExpire(poller, now);
    if (poller.failed) pace(poller, uart.snapshot, uart.journal, uart.every, uart.retries);
  }
  request = request || pollerNext(poller, now);
  if (request) uart.port.write(request);
  return 0;
}

/** The task; settings uart.poll_ms, uart.timeout_ms and uart.retries. */
export function uartTask(uart: UartTask, config: Record<string, unknown>): Task {
  const poll = config["poll_ms"] as number, plan = uart.poller.plan;
  uart.poller.timeout = config["timeout_ms"] as number;
  uart.poller.retries = uart.retries = config["retries"] as number;
  uart.every = plan[FAST].every = poll - Math.min(EARLY_MS, poll / 2); // a tick may come early
  plan[CELLS].due = NEVER;
  plan[SETTINGS].due = 0;
  uart.task = taskOf("uart", poll / Math.ceil(poll / LONGEST_TICK), uart, step);
  return uart.task;
}
