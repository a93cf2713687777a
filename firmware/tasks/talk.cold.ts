// A conversation with the TinyBMS beside the polls: it gets the gap behind each fast poll, one exchange a gap.
import { receive } from "../bms/receive.cold";
import { CHECK } from "../bms/settings-steps";
import { settingsNext } from "../bms/settings-talk.cold";
import { settingsCheck, settingsStep } from "./shared";
import type { UartTask } from "./uart";

/** A byte on the wire, ms; the longest reply, the event log. */
const BYTE_MS = 10000 / 115200, MOST_REPLY = 210;
/** Requests that only read may be sent again when no answer comes: 0x03, 0x07, 0x11, 0x12, 0x1D. */
const READS = "\x03\x07\x11\x12\x1d";
/** What is an answer; anything else may be followed by one. */
const GOOD = ["ok", "ack", "nack"];
/** No reply of it is looked for by the poller itself. */
const NEVER_LONG = 1e9;

/**
 * The turn of `uart.talk`: the bytes to send now, "" when there is nothing to say. While its reply is awaited: whether that is
 * there or overdue.
 */
export function talkTurn(uart: UartTask, now: number): string {
  const poller = uart.poller, talk = uart.talk, exchange = talk && talk.exchange, settings = talk && talk.settings;
  if (!talk || !exchange || talk.outcome) return "";
  if (poller.pending === exchange) {
    const request = exchange.request, found = receive(poller.rx, request, uart.natives.toArrayBuffer);
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
      settingsStep(settings, found.outcome, found.payload, found.error);
      if (settings.step === CHECK) settingsCheck(settings);
    }
    if (!settings || settings.outcome) {
      talk.outcome = settings ? settings.outcome : found.outcome;
      talk.payload = found.payload;
      talk.error = found.error;
      talk.owner.at = 0;
    }
    return "";
  }
  if (settings) exchange.request = settingsNext(settings);
  poller.pending = exchange;
  poller.rx = "";
  poller.want = NEVER_LONG;
  poller.sentAt = now;
  poller.copies = 0;
  return exchange.request;
}
