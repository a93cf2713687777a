// The conversation with the TinyBMS: one request at a time, by the baked plan. A block reply carries no address, so the
// poller remembers what it asked. (Enepaq "TinyBMS Communication Protocols" Rev D, 1.1 and 1.3.)
import { crc16Table } from "../kernel/crc16";
import { look } from "./lost.cold";

/** Places in the plan. */
export const FAST = 0, CELLS = 1, SETTINGS = 2, IDENTITY = 3;

/** One block read: request bytes, head of its reply with the CRC up to there, length of the reply, period (ms, 0: each tick). */
export interface Exchange { request: string; head: string; length: number; crc: number; every: number; due: number }

export interface Poller {
  plan: Exchange[];
  pending: Exchange | null;
  /** What came since the request, and how much of it makes another look worth while. */
  rx: string; want: number;
  sentAt: number; copies: number;
  /** Settings uart.retries and uart.timeout_ms. */
  retries: number; timeout: number;
  /** Good replies; failures by kind; copies sent again; bytes that belonged to no reply. */
  ok: number; crc: number; timeouts: number; nacks: number; foreign: number; resent: number; noise: number;
}

export function pollerOf(plan: Exchange[]): Poller {
  return { plan: plan, pending: null, rx: "", want: 0, sentAt: 0, copies: 0, retries: 1, timeout: 150,
    ok: 0, crc: 0, timeouts: 0, nacks: 0, foreign: 0, resent: 0, noise: 0 };
}

/** The bytes to send now: of the group that has been due longest, "" when none is or an answer is still awaited. */
export function pollerNext(poller: Poller, now: number): string {
  let first = poller.plan[0];
  if (poller.pending) return "";
  for (const exchange of poller.plan) if (exchange.due < first.due) first = exchange;
  if (now < first.due) return "";
  first.due = now + first.every;
  poller.copies = 0;
  poller.pending = first;
  poller.rx = "";
  poller.want = first.length;
  poller.sentAt = now;
  return first.request;
}

/** Received bytes: the reply's words (low byte first, the CRC last) when it is complete and right, else null. */
export function pollerFeed(poller: Poller, bytes: string, toArrayBuffer: (text: string) => ArrayBuffer): Uint16Array | null {
  const exchange = poller.pending;
  if (!exchange) {
    poller.noise += bytes.length;
    return null;
  }
  const rx = poller.rx + bytes;
  poller.rx = rx;
  if (rx.length < poller.want) return null;
  if (rx.length === exchange.length && rx.startsWith(exchange.head)) {
    const words = new Uint16Array(toArrayBuffer(rx.substr(3))), table = crc16Table;
    let crc = exchange.crc, x; // carried on over 16-bit words; 0 in the end when the last word was the right CRC
    for (const word of words) {
      x = word ^ crc;
      x = table[x & 255] ^ x >> 8;
      crc = x >> 8 ^ table[x & 255];
    }
    if (crc === 0) {
      poller.pending = null;
      poller.ok++;
      return words;
    }
  }
  return look(poller, exchange, toArrayBuffer);
}
