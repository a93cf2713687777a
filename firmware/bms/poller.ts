// The conversation with the TinyBMS: one request at a time, by the baked plan. A block reply carries no address, so the
// poller remembers what it asked. (Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 and 1.3.)
import { crc16Pairs, crc16Table } from "../kernel/crc16";
import { FAST } from "./places";
import { dropNoise, look } from "./poller.cold";

/** Received bytes that are kept at most while no reply is found. */
const MOST_BYTES = 512;

/**
 * One question: request bytes, head of its reply with the CRC up to the third byte, length of the reply (of a list the
 * shortest), when it is due and how often (ms). `turned`: words come high byte first. `list`: the reply may be longer.
 * `part`: which piece of its group this is (poller.cold.ts), `words`: what was read of the group so far. What is not so
 * is left out, for memory.
 */
export interface Exchange {
  request: string;
  head: string;
  length: number;
  crc: number;
  due: number;
  every: number;
  turned?: boolean;
  list?: boolean;
  part?: number;
  words?: Uint16Array | null;
}

export interface Poller {
  pending: Exchange | null;
  plan: Exchange[];
  /** When the first group behind the fast one is due; 0: look. */
  slowAt: number;
  /**
   * What came since the request, how much of it makes another look worth while, and where a head may stand that was not
   * looked at.
   */
  rx: string;
  want: number;
  from: number;
  sentAt: number;
  copies: number;
  /** Failures since the last reply, and of them those that say that the unit does not know the command. */
  failed: number;
  refused: number;
  /** Settings of the TinyBMS that were read once: they are not what was read before. */
  once: Uint16Array | null;
  /** Settings uart.retries and uart.timeout_ms. */
  retries: number;
  timeout: number;
  /** Good replies; failures by kind; copies sent again; bytes that belonged to no reply. */
  ok: number;
  crc: number;
  timeouts: number;
  nacks: number;
  foreign: number;
  resent: number;
  noise: number;
}

export function pollerOf(plan: Exchange[]): Poller {
  return {
    pending: null,
    plan: plan,
    slowAt: 0,
    rx: "",
    want: 0,
    from: 0,
    sentAt: 0,
    copies: 0,
    failed: 0,
    refused: 0,
    once: null,
    retries: 1,
    timeout: 200,
    ok: 0,
    crc: 0,
    timeouts: 0,
    nacks: 0,
    foreign: 0,
    resent: 0,
    noise: 0,
  };
}

/** The group that has been due longest, when one of the slow ones is due. */
function firstDue(poller: Poller, now: number): Exchange {
  let first = poller.plan[FAST],
    slowAt = now + first.every + 1000;
  for (const exchange of poller.plan) if (exchange.due < first.due) first = exchange;
  for (const exchange of poller.plan)
    if (exchange !== first && exchange.due < slowAt && exchange !== poller.plan[FAST]) slowAt = exchange.due;
  poller.slowAt = slowAt;
  return first;
}

/** The bytes to send now: of the group that has been due longest, "" when none is or an answer is still awaited. */
export function pollerNext(poller: Poller, now: number): string {
  let first = poller.plan[FAST];
  if (poller.pending) return "";
  if (now >= poller.slowAt) first = firstDue(poller, now);
  if (now < first.due) return "";
  first.due = now + first.every;
  poller.pending = first;
  poller.rx = "";
  poller.want = first.length;
  poller.from = 0;
  poller.sentAt = now;
  poller.copies = 0;
  return first.request;
}

/** Received bytes: the reply's words (low byte first, the CRC last) when it is complete and right, else null. */
export function pollerFeed(
  poller: Poller,
  bytes: string,
  toArrayBuffer: (text: string) => ArrayBuffer,
): Uint16Array | null {
  const exchange = poller.pending;
  if (!exchange) {
    poller.noise += bytes.length;
    return null;
  }
  const rx = poller.rx + bytes;
  poller.rx = rx;
  if (rx.length < poller.want) return null;
  if (rx.length === exchange.length && rx.startsWith(exchange.head)) {
    let crc = exchange.crc; // carried on over 16-bit words; 0 in the end when the last word was the right CRC
    const low = crc16Pairs,
      high = crc16Table,
      words = new Uint16Array(toArrayBuffer(rx.substr(3)));
    for (const word of words) crc = low[(crc ^= word) & 255] ^ high[crc >> 8];
    if (crc === 0) {
      poller.pending = null;
      poller.ok++;
      return words;
    }
  }
  const at = rx.indexOf(exchange.head, poller.from),
    end = at + exchange.length;
  if (at >= 0 && end <= rx.length) return look(poller, exchange, toArrayBuffer);
  poller.want = at < 0 ? rx.length + 1 : end;
  if (rx.length > MOST_BYTES) dropNoise(poller, exchange);
  return null;
}
