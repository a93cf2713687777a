// What commands leave to be done later, one look at a time: answers that found no room, the end of a conversation with the
// TinyBMS or of a connection test, the settings on cfg/*, the restart.
import { SETTINGS } from "../bms/poller";
import { CONNECTED, OFF, publish, RETAIN } from "../mqtt/session";
import { sessionEnd } from "../mqtt/session-life.cold";
import type { App } from "./app";
import { NEVER, type Commands } from "./command-state";
import { bmsAnswer, mqttTest, settingsTopics } from "./command-parts";
import { clientEvent } from "./shared";
import { acknowledge } from "./command-answer.cold";

/** Between two tries, between two looks at the TinyBMS settings, from the farewell to the restart, ms. */
const NEXT_MS = 100, REGISTERS_MS = 60000, FAREWELL_MS = 500;
/** Not later than `time`. */
function remind(own: Commands, time: number): void {
  if (own.at > time) own.at = time;
}

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

/** The conversation or the test that is over is answered. */
function finish(app: App, own: Commands, now: number): void {
  const uart = app.uart, talk = uart.talk, asked = own.asked, test = own.test;
  if (talk && asked && (talk.outcome || now >= talk.until)) {
    uart.talk = own.asked = null;
    if (uart.poller.pending === talk.exchange) uart.poller.pending = null;
    if (talk.settings) uart.poller.plan[SETTINGS].due = uart.poller.slowAt = 0; // what was written counts at once
    acknowledge(app, asked.tail, asked.flags, bmsAnswer(talk, asked));
    remind(own, now + FAREWELL_MS);
  } else if (talk) {
    remind(own, talk.until);
  }
  if (!test || !test.result) return;
  if (test.tail) acknowledge(app, test.tail, test.flags, replyOf(test.result));
  else for (const client of app.server.clients.slice()) if (client.pieces) clientEvent(app.server, client, "drain");
  own.test = null;
}

/** Say good-bye, then restart. */
function restart(app: App, own: Commands, now: number): void {
  const session = app.mqtt.session;
  if (now < own.restartAt) return remind(own, own.restartAt);
  if (session.state === OFF) return app.restart();
  publish(session, "status", '{"online":false}', RETAIN, now);
  sessionEnd(session);
  own.restartAt = now + FAREWELL_MS;
  remind(own, own.restartAt);
}

/** Whatever is due; afterwards `app.commands.at` says when to come again. */
export function commandStep(app: App, now: number): void {
  const own = app.commands;
  own.at = NEVER;
  if (own.out.length) sendWaiting(app, own, now);
  mqttTest(app, now);
  finish(app, own, now);
  if (app.mqtt.session.state === CONNECTED) {
    remind(own, now + (settingsTopics(app, now) ? NEXT_MS : REGISTERS_MS));
  }
  if (own.restartAt) restart(app, own, now);
}
