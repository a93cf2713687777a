// What the poller does when no clean reply comes: the whole receiver, the same bytes again, and in the end a failure.
import type { Exchange, Poller } from "./poller";
import { receive } from "./receive.cold";

/** A byte on the wire: 10 bits at 115200 baud, ms. A failed slow group is asked again after this long, ms. */
const BYTE_MS = 10000 / 115200, AGAIN_MS = 1000;
/** Received bytes that are kept at most while no reply is found. */
const MOST_BYTES = 512;

function fail(poller: Poller, exchange: Exchange, outcome: string): void {
  if (outcome === "timeout" || outcome === "truncated") poller.timeouts++;
  else if (outcome === "crc_mismatch") poller.crc++;
  else if (outcome === "nack") poller.nacks++;
  else poller.foreign++;
  poller.noise += poller.rx.length;
  if (exchange.every) exchange.due = poller.sentAt + AGAIN_MS;
  poller.slowAt = 0;
  poller.pending = null;
  poller.rx = "";
}

/** Anything but a clean reply: the whole receiver, at lengths that double, so that noise cannot keep the device busy. */
export function look(poller: Poller, exchange: Exchange, toArrayBuffer: (text: string) => ArrayBuffer): Uint16Array | null {
  const found = receive(poller.rx, exchange.request, toArrayBuffer);
  if (found.outcome === "ok") {
    poller.noise += found.discarded;
    poller.ok++;
    poller.pending = null;
    return found.words;
  }
  if (poller.rx.length > MOST_BYTES) poller.rx = poller.rx.substr(poller.rx.length - exchange.length);
  poller.want = found.need > poller.rx.length ? found.need : poller.rx.length * 2;
  if (found.final) fail(poller, exchange, found.outcome);
  return null;
}

/** Whether the answer that is awaited is overdue: then the same bytes again ("" after the last copy, the group has failed). */
export function pollerExpire(poller: Poller, now: number): string {
  const exchange = poller.pending;
  if (!exchange || now - poller.sentAt < (exchange.request.length + exchange.length) * BYTE_MS + poller.timeout) return "";
  if (poller.copies < poller.retries) {
    poller.copies++;
    poller.resent++;
    poller.noise += poller.rx.length;
    poller.rx = "";
    poller.want = exchange.length;
    poller.sentAt = now;
    return exchange.request;
  }
  fail(poller, exchange, poller.rx ? receive(poller.rx, exchange.request, null).outcome : "timeout");
  return "";
}
