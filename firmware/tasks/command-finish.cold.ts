// What ends a command: answers that found no room, and those that waited for the TinyBMS or a connection test.
import { SETTINGS } from "../bms/poller";
import { HANDLER_FAILED, publish } from "../mqtt/session";
import type { App } from "./app";
import { acknowledge } from "./command-answer.cold";
import { bmsAnswer } from "./command-parts";
import { remind } from "./command-remind.cold";
import type { Commands } from "./command-state";
import { clientEvent } from "./shared";

/** Between two tries, and from an answer to the next look, ms. */
const NEXT_MS = 100, LOOK_MS = 500;

/** Answers that found no room, the oldest first. */
function sendWaiting(app: App, own: Commands, now: number): void {
  const out = own.out;
  while (out.length && publish(app.mqtt.session, out[0] as string, out[1] as string, out[2] as number, now)) out.splice(0, 3);
  if (out.length) remind(own, now + NEXT_MS);
}

/** What a test says, as a command answers it. */
function replyOf(result: string): string {
  const told = JSON.parse(result) as { "ok": boolean; "stage": string; "ms": number; "err": { "code": string; "where": string; "reason": string } };
  if (!told["ok"]) return told["err"]["code"] + " " + told["err"]["where"] + ", " + told["err"]["reason"];
  return JSON.stringify({ "stage": told["stage"], "ms": told["ms"] });
}

/** The answer to a command that took its time. */
function answer(app: App, tail: string, flags: number, result: string): void {
  if (result[0] !== "{") app.mqtt.session.counts[HANDLER_FAILED]++;
  acknowledge(app, tail, flags, result);
}

/** Answers that waited go out, and the conversation or the test that is over is answered. */
export function finish(app: App, own: Commands, now: number): void {
  if (own.out.length) sendWaiting(app, own, now);
  const uart = app.uart, talk = uart.talk, asked = own.asked, test = own.test;
  if (talk && asked && (talk.outcome || now >= talk.until)) {
    uart.talk = own.asked = null;
    if (uart.poller.pending === talk.exchange) uart.poller.pending = null;
    if (talk.settings) uart.poller.plan[SETTINGS].due = uart.poller.slowAt = 0; // what was written counts at once
    answer(app, asked.tail, asked.flags, bmsAnswer(talk, asked));
    remind(own, now + LOOK_MS);
  } else if (talk) {
    remind(own, talk.until);
  }
  if (!test || !test.result) return;
  if (test.tail) answer(app, test.tail, test.flags, replyOf(test.result));
  else for (const client of app.server.clients.slice()) if (client.pieces) clientEvent(app.server, client, "drain");
  own.test = null;
}
