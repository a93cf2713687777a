// One exchange with a TinyBMS from a host: send, wait as long as the wire needs and 50 ms, send again. The same for
// every command. A sleeping unit does not answer the command that wakes it, and may look at its UART only once a second
// (Communication Protocols Rev D, 1.3).
import { setTimeout as sleep } from "node:timers/promises";
import { receive, type Received } from "../../firmware/bms/receive.cold";
import type { Port } from "./port";

/** A byte on the wire: 10 bits at 115200 baud, ms. */
const BYTE_MS = 10000 / 115200;
/** Time for the host and the unit on top of the wire. */
const MARGIN_MS = 50;
/** Tries go on for this long, at least so many; those to wake the unit are this far apart. */
const WAKE_MS = 2500,
  WAKE_TRIES = 10,
  WAKE_GAP_MS = 250;
/** Tries when something comes, but not the reply; tries of a unit that is awake before it gets time. */
const NOISY_TRIES = 5,
  QUICK_TRIES = 2;
/** How much later than the first reply another one may be. */
const LATER = 1.5;
/**
 * Silence before each request, so that a reply that came twice is not taken for the next one; no longer than
 * `SETTLE_MOST_MS`.
 */
const QUIET_MS = 5,
  SETTLE_MOST_MS = 100;
/** The unit may sleep after 10 s without traffic. */
const AWAKE_MS = 9000;

/** Who hears all that goes over the line: time since the first byte (ms), direction, bytes. */
export type Witness = (at_ms: number, direction: ">" | "<", bytes: string) => void;

/** What came for a request: the receiver's finding, and the bytes that it was found in. */
export interface Reply extends Received {
  request: string;
  bytes: string;
}

/** A line with its state. */
export interface Link {
  port: Port;
  margin_ms: number;
  witness: Witness | null;
  began: number;
  rx: string;
  heardAt: number;
  answeredAt: number;
  lost: string;
  /** Called when bytes came or the line is lost. */
  wake: () => void;
  /** Requests sent again so far. */
  repeats: number;
}

/** A link over an open port. `margin_ms` replaces the 50 ms, for slow serial servers. */
export function linkOf(port: Port, options: { margin_ms?: number; witness?: Witness } = {}): Link {
  const link: Link = {
    port,
    margin_ms: options.margin_ms ?? MARGIN_MS,
    witness: options.witness ?? null,
    began: performance.now(),
    rx: "",
    heardAt: -Infinity,
    answeredAt: -Infinity,
    lost: "",
    wake: () => undefined,
    repeats: 0,
  };
  port.onData((bytes) => {
    link.heardAt = performance.now();
    link.rx += bytes;
    link.witness?.(link.heardAt - link.began, "<", bytes);
    link.wake();
  });
  port.onEnd((reason) => {
    link.lost = reason;
    link.wake();
  });
  return link;
}

/** The longest reply that a request can have, bytes. */
function longestReply(request: string): number {
  const command = request.charCodeAt(1),
    at = (i: number): number => request.charCodeAt(i);
  if (command === 0x11 || command === 0x12) return 205;
  const words = ({ 0x03: at(5), 0x07: at(2), 0x09: at(2), 0x1d: at(4) } as Record<number, number>)[command] ?? 16;
  return 5 + 2 * words;
}

/** Waits until the line was silent for 5 ms, and forgets what came. */
async function settle(link: Link): Promise<void> {
  const end = performance.now() + SETTLE_MOST_MS;
  for (;;) {
    const now = performance.now(),
      rest = Math.min(link.heardAt + QUIET_MS, end) - now;
    if (rest <= 0) break;
    await sleep(Math.ceil(rest));
  }
  link.rx = "";
}

/** Sends once and waits for the reply: as long as the wire needs and the margin, or `atLeast_ms`. */
function once(link: Link, request: string, atLeast_ms: number): Promise<Reply> {
  const wait_ms = Math.max(atLeast_ms, (request.length + longestReply(request)) * BYTE_MS + link.margin_ms);
  link.rx = "";
  link.witness?.(performance.now() - link.began, ">", request);
  link.port.write(request);
  return new Promise((resolve) => {
    const look = (isLate: boolean): void => {
      const found = receive(link.rx, request, null);
      if (!found.final && !isLate && !link.lost) return;
      clearTimeout(timer);
      link.wake = () => undefined;
      resolve({ ...found, request, bytes: link.rx });
    };
    const timer = setTimeout(() => look(true), wait_ms);
    link.wake = () => look(false);
    if (link.lost) look(true);
  });
}

/** Whether there is a point in the same bytes again. A unit that saw a wrong CRC says so by a NACK with ERR 1. */
function isFinal({ outcome, error }: Received): boolean {
  return outcome === "ok" || outcome === "ack" || (outcome === "nack" && error === 0);
}

/**
 * Replies to the other copies may still come, about as late after theirs as the first one was. They must not meet the
 * next request.
 */
async function drain(link: Link, first: number, last: number): Promise<void> {
  const rest = last + LATER * (link.answeredAt - first) + link.margin_ms - performance.now();
  if (rest > 0) await sleep(Math.min(rest, WAKE_MS));
}

/**
 * Asks until there is a reply or a refusal, or for 2.5 s: a sleeping unit is woken by that. Gives the receiver's
 * finding, with its outcome when no good reply came; rejects when the line is lost.
 */
export async function talk(link: Link, request: string): Promise<Reply> {
  const first = performance.now(),
    isAwake = first - link.answeredAt < AWAKE_MS;
  for (let tries = 1, noisy = 0; ; tries++) {
    await settle(link);
    // A unit that answered a moment ago is asked again soon; one that may sleep gets time between the copies.
    const sent = performance.now(),
      found = await once(link, request, isAwake && tries <= QUICK_TRIES ? 0 : WAKE_GAP_MS);
    if (link.lost) throw new Error(link.lost);
    if (isFinal(found)) {
      link.answeredAt = performance.now();
      if (tries > 1) await drain(link, first, sent);
      return found;
    }
    if (found.outcome !== "timeout") noisy++;
    const now = performance.now();
    if (noisy >= NOISY_TRIES || (now - first >= WAKE_MS && tries >= WAKE_TRIES)) return found;
    link.repeats++;
  }
}

/** Why an exchange failed, in one line with what to check. */
export function failureOf(link: Link, { outcome, error }: Pick<Received, "outcome" | "error">): string {
  const where = link.port.where;
  if (outcome === "timeout") {
    return (
      `${where}: no answer from the BMS in ${WAKE_MS / 1000} s, wake-up included; check that TX and RX are crossed, ground is connected,` +
      " the isolator has power, and that the battery is switched on"
    );
  }
  if (outcome === "nack") return `${where}: the BMS refuses the command (${error ? "CRC" : "CMD"} ERROR)`;
  if (outcome === "multi_packet") return `${where}: the BMS answers in several packets, which is not supported`;
  return `${where}: something answers, but not as a TinyBMS (${outcome}); check the wiring and that nothing else uses the line`;
}

/** As `talk`, for requests that must succeed: rejects with one line otherwise. */
export async function ask(link: Link, request: string): Promise<Reply> {
  const found = await talk(link, request);
  if (found.outcome !== "ok" && found.outcome !== "ack") throw new Error(failureOf(link, found));
  return found;
}
