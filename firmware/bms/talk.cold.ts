// A conversation with the TinyBMS beside the polls: it gets the gap behind each fast poll, one exchange a gap.
import { BYTE_MS, SETTINGS } from "./places";
import { receive } from "./receive.cold";
import { CHECK } from "./settings";
import { beginGroup } from "./poller.cold";
import { STALL_MS } from "./talk";
import { settingsCheck, settingsNext, settingsStep } from "./settings.cold";
import type { UartTask } from "./task";

/** The longest reply, bytes. */
const MOST_REPLY = 64;
/** Requests that only read may be sent again when no answer comes: 0x03, 0x07, 0x1D. */
const READS = "\x03\x07\x1d";
/** What is an answer; anything else may be followed by one. */
const GOOD = ["ok", "ack", "nack"];
/** No reply of it is looked for by the poller itself. */
const NEVER_LONG = 1e9;

/**
 * The turn of `uart.talk`: the bytes to send now, "" when there is nothing to say. While its reply is awaited: whether
 * that is there or overdue.
 */
export function talkTurn(uart: UartTask, now: number): string {
  const poller = uart.poller,
    talk = uart.talk,
    exchange = talk && talk.exchange,
    settings = talk && talk.settings;
  if (!talk || !exchange || talk.outcome) return "";
  if (poller.pending === exchange) {
    const request = exchange.request,
      found = receive(poller.rx, request, uart.natives.toArrayBuffer);
    if (GOOD.indexOf(found.outcome) < 0) {
      if (found.final) poller.rx = poller.rx.substr(found.discarded + 1); // a late reply to somebody else's request
      if (now - poller.sentAt < (request.length + MOST_REPLY) * BYTE_MS + poller.timeout) return "";
      if (poller.copies < poller.retries && READS.indexOf(request[1]) >= 0) {
        poller.copies++;
        poller.resent++;
        poller.rx = "";
        poller.sentAt = now;
        return request;
      }
    }
    poller.pending = null;
    poller.rx = "";
    if (settings) {
      talk.until = now + STALL_MS;
      settingsStep(settings, found.outcome, found.payload, found.error);
      if (settings.step === CHECK) settingsCheck(settings);
    }
    if (!settings) talk.payload += found.payload;
    if (found.outcome === "ok" && talk.more.length) {
      exchange.request = talk.more.splice(0, 1)[0];
    } else if (!settings || settings.outcome) {
      talk.outcome = settings ? settings.outcome : found.outcome;
      talk.error = found.error;
      talk.owner.at = 0;
    }
    return "";
  }
  if (settings) exchange.request = settingsNext(settings);
  // what is written makes the pieces that were read before it old
  if (READS.indexOf(exchange.request[1]) < 0) beginGroup(poller, SETTINGS);
  poller.pending = exchange;
  poller.rx = "";
  poller.want = NEVER_LONG;
  poller.sentAt = now;
  poller.copies = 0;
  return exchange.request;
}
