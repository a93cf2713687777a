// Polls the TinyBMS: one request at a time, replies into the snapshot and the sample queue. A data callback takes the
// reply at once and goes on with the next group that is due.
import { acceptCells } from "../battery/snapshot.cold";
import type { Journal } from "../battery/journal";
import { onlineStatus } from "../battery/registers.baked";
import { STATUS_CHARGING, STATUS_IDLE } from "../battery/words.baked";
import { acceptFast, type Snapshot } from "../battery/snapshot";
import { acceptEvents, acceptRare, pace, pollerExpire, takePiece, turnedWords } from "./poller.cold";
import { CELLS, EARLY_MS, EVENTS, FAST, SETTINGS } from "./places";
import { pollerFeed, pollerNext, type Poller } from "./poller";
import type { Talk } from "./talk";
import { NEVER } from "../kernel/time";
import type { Natives, UartPort } from "../kernel/ports";
import { samplesPush, type Samples } from "../kernel/samples";
import { taskOf } from "../kernel/tasks.cold";
import type { Task } from "../kernel/tasks";
import type { Clock } from "../time/clock";
import { talkTurn } from "./talk.cold";

/** Longest wait between two looks at the conversation, ms. */
const LONGEST_TICK = 250;
/** Words of an empty list of events: the time of the BMS and the CRC. */
const NO_EVENTS = 3;

export interface UartTask {
  poller: Poller;
  snapshot: Snapshot;
  natives: Natives;
  samples: Samples;
  port: UartPort;
  /** Status of the battery at the last poll: a change asks for the events. */
  status: number;
  /** Raw words of the groups beside the samples, as they came last, and the events. */
  raw: (Uint16Array | null)[];
  journal: Journal;
  clock: Clock;
  /** Something in the last replies may narrow the limits at once. */
  worse(now: number): void;
  /** A sample was put into the queue. */
  taken(): void;
  /** Settings uart.poll_ms (less what a tick may come early) and uart.retries, as long as the line is good. */
  every: number;
  retries: number;
  /** A conversation that gets the gaps between the polls. */
  talk: Talk | null;
  task: Task;
}

/** The reply of a group that is read more rarely. */
function takeSlow(uart: UartTask, group: number, numbers: Uint16Array, now: number): void {
  const snapshot = uart.snapshot,
    isWhole = uart.poller.plan[group].part === undefined,
    words = isWhole ? numbers : takePiece(uart.poller, group, numbers, now);
  if (!words) return;
  if (group === EVENTS) {
    if (snapshot.faults.askedAt >= 0 && snapshot.values[onlineStatus] > STATUS_IDLE) snapshot.isWorse = true;
    snapshot.faults.askedAt = NaN;
    const wall = uart.clock.epoch ? (uart.clock.epoch + now / 1000) | 0 : 0;
    if (!isWhole || words.length > NO_EVENTS || words[0] + words[1] * 65536 < uart.journal.readAt) {
      acceptEvents(uart.poller, snapshot, uart.journal, words, !isWhole, now, wall);
      snapshot.isWorse = true;
    } else uart.journal.readAt = words[0] + words[1] * 65536;
    return;
  }
  if (group === SETTINGS) {
    // other settings have limits and rules follow them when they were read twice, which takes half a second: alone they
    // might silence CAN
    const isNews = !!uart.poller.once;
    if (!acceptRare(uart.poller, snapshot, uart.raw[group], words, now)) return;
    if (isNews) snapshot.isWorse = true;
  }
  uart.raw[group] = words;
  if (group === CELLS) acceptCells(snapshot, words, now);
}

/** Bytes from the UART, in pieces as they come. */
export function uartReceived(uart: UartTask, bytes: string): void {
  const poller = uart.poller,
    exchange = poller.pending,
    words = pollerFeed(poller, bytes, uart.natives.toArrayBuffer);
  if (!words || !exchange) return;
  const now = uart.natives.now(),
    snapshot = uart.snapshot;
  if (poller.failed) {
    poller.failed = poller.refused = 0;
    pace(poller, snapshot, uart.journal, uart.every, uart.retries);
  }
  const numbers = exchange.turned ? turnedWords(words) : words;
  if (exchange !== poller.plan[FAST]) {
    takeSlow(uart, poller.plan.indexOf(exchange), numbers, now);
  } else if (acceptFast(snapshot, numbers, now)) {
    samplesPush(uart.samples, numbers, now);
    uart.taken();
    if (snapshot.values[onlineStatus] !== uart.status) {
      const status = (uart.status = snapshot.values[onlineStatus]);
      poller.plan[EVENTS].due = poller.slowAt = 0;
      snapshot.faults.askedAt = now;
      // from charging to idle nothing is wrong
      if (status < STATUS_CHARGING || status > STATUS_IDLE || snapshot.faults.low) snapshot.isWorse = true;
    }
  }
  if (snapshot.isWorse) uart.worse(now);
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

/** The task, made of what is given; settings uart.poll_ms, uart.timeout_ms and uart.retries. */
export function uartTaskOf(
  given: Pick<
    UartTask,
    "poller" | "snapshot" | "natives" | "samples" | "port" | "journal" | "clock" | "worse" | "taken"
  >,
  config: Record<string, unknown>,
): UartTask {
  const poll = config["poll_ms"] as number,
    retries = config["retries"] as number,
    poller = given.poller,
    plan = poller.plan;
  const uart: UartTask = {
    poller: poller,
    snapshot: given.snapshot,
    natives: given.natives,
    samples: given.samples,
    port: given.port,
    status: -1,
    raw: [null, null, null, null, null, null],
    journal: given.journal,
    clock: given.clock,
    worse: given.worse,
    taken: given.taken,
    every: poll - Math.min(EARLY_MS, poll / 2), // a tick may come early
    retries: retries,
    talk: null,
    task: taskOf("uart", poll / Math.ceil(poll / LONGEST_TICK), null, step),
  };
  poller.timeout = config["timeout_ms"] as number;
  poller.retries = retries;
  plan[FAST].every = uart.every;
  plan[CELLS].due = NEVER; // they wait for the settings, which say where they are
  plan[SETTINGS].due = 0;
  uart.task.state = uart;
  return uart;
}
