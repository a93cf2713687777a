// What the poller does when no clean reply comes: the whole receiver, the same bytes again, and in the end a failure.
import type { Exchange, Poller } from "./poller";
import { receive } from "./receive.cold";

/** A byte on the wire: 10 bits at 115200 baud, ms. A failed slow group is asked again after this long, ms. */
const BYTE_MS = 10000 / 115200, AGAIN_MS = 1000;

function fail(poller: Poller, exchange: Exchange, outcome: string): void {
  if (outcome === "timeout" || outcome === "truncated") poller.timeouts++;
  else if (outcome === "crc_mismatch") poller.crc++;
  else if (outcome === "nack") poller.nacks++;
  else poller.foreign++;
  poller.failed++;
  if (outcome === "nack" || outcome === "length_mismatch" || outcome === "multi_packet") poller.refused++;
  poller.noise += poller.rx.length;
  if (exchange !== poller.plan[0]) exchange.due = poller.sentAt + AGAIN_MS;
  poller.slowAt = 0;
  poller.pending = null;
  poller.rx = "";
}

/** A reply's head is there and all its bytes, but not alone or not clean: the whole receiver. */
export function look(poller: Poller, exchange: Exchange, toArrayBuffer: (text: string) => ArrayBuffer): Uint16Array | null {
  const found = receive(poller.rx, exchange.request, toArrayBuffer);
  if (found.outcome === "ok") {
    poller.noise += found.discarded;
    poller.rx = poller.rx.substr(found.discarded);
    poller.ok++;
    poller.pending = null;
    return found.words;
  }
  if (exchange.list && found.need > poller.rx.length) {
    poller.want = found.need; // a longer list than the shortest
  } else {
    poller.from = poller.rx.indexOf(exchange.head, poller.from) + 1;
    poller.want = poller.rx.length + 1;
  }
  if (found.final) fail(poller, exchange, found.outcome);
  return null;
}

/** Forget what can no longer belong to the reply: all but the last bytes, as many as it has. */
export function dropNoise(poller: Poller, exchange: Exchange): void {
  const cut = poller.rx.length - exchange.length;
  poller.rx = poller.rx.substr(cut);
  poller.want -= cut;
  poller.from = 0;
  poller.noise += cut;
}

/** Whether the answer that is awaited is overdue: then the same bytes again ("" after the last copy, the group has failed). */
export function pollerExpire(poller: Poller, now: number): string {
  const exchange = poller.pending;
  if (!exchange || now - poller.sentAt < (exchange.request.length + exchange.length) * BYTE_MS + poller.timeout) return "";
  if (poller.copies < poller.retries && !exchange.list) { // new events are told once: then all are read

    poller.copies++;
    poller.resent++;
    poller.noise += poller.rx.length;
    poller.rx = "";
    poller.want = exchange.length;
    poller.from = 0;
    poller.sentAt = now;
    return exchange.request;
  }
  fail(poller, exchange, poller.rx ? receive(poller.rx, exchange.request, null).outcome : "timeout");
  return "";
}
