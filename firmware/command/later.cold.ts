// What commands leave to be done later, one look at a time: answers that found no room, the end of a conversation with
// the TinyBMS or of a connection test, the settings on cfg/*, the restart. The parts are called one after the other, so
// that only one of them takes memory.

import { saveEnergy } from "../battery/energy.cold";
import type { Needs } from "./needs";
import { SETTINGS } from "../bms/places";
import { clientEvent } from "../http/server.cold";
import { NEVER } from "../kernel/time";
import { outboxFlush } from "../mqtt/outbox.cold";
import { publish } from "../mqtt/publish";
import { CONNECTED, HANDLER_FAILED, OFF, RETAIN } from "../mqtt/session";
import { sessionEnd } from "../mqtt/session.cold";
import { clearPiece, clearLast, kindsToClear } from "../publish/again.cold";
import { FAMILY_STATES } from "../publish/topics.baked";
import { changeStep } from "../settings/put.cold";
import { acknowledge } from "./answer.cold";
import { bmsAnswer } from "./bms.cold";
import { settingsTopics } from "./settings.cold";
import { mqttTest } from "./test.cold";
import type { Commands } from "./state";

/** Between two settings, ms. */
const NEXT_MS = 100;
/** Between two looks at the settings of the TinyBMS, ms. */
const REGISTERS_MS = 60000;
/** Between two looks whether the states are out, ms. */
const WAIT_MS = 500;

/** Nothing to do yet; `step` and `take` as Listener has them. */
export function commandsOf(step: Commands["step"], take: Commands["take"]): Commands {
  return {
    at: NEVER,
    mode: 0,
    answerFlags: 0,
    readAuth: false,
    configFlags: 0,
    pending: 0,
    registers: 0,
    out: [],
    dropped: 0,
    restartAt: 0,
    asked: null,
    test: null,
    step: step,
    take: take,
  };
}

/** Whatever is due; afterwards `needs.commands.at` says when to come again. */
export function commandStep(needs: Needs, now: number): void {
  const own = needs.commands;
  own.at = NEVER;
  if (own.test) mqttTest(needs, now);
  if (own.change && own.change.waits) changeStep(needs);
  if (own.out.length || needs.uart.talk || own.test) finish(needs, own, now);
  if (needs.mqtt.session.state === CONNECTED) {
    // the settings come after the states
    remind(
      own,
      now + (needs.mqtt.rare.due[FAMILY_STATES] <= now ? WAIT_MS : settingsTopics(needs, now) ? NEXT_MS : REGISTERS_MS),
    );
  }
  if (own.restartAt) sayGoodbye(needs, own, now);
}

// What ends a command: answers that found no room, and those that waited for the TinyBMS or a connection test.

/** Between two tries to send an answer, ms. */
const RETRY_MS = 100;
/** From an answer to the next look, ms. */
const LOOK_MS = 500;

/** Answers that found no room, the oldest first. */
function sendWaiting(needs: Needs, own: Commands, now: number): void {
  const out = own.out;
  while (out.length && publish(needs.mqtt.session, out[0] as string, out[1] as string, out[2] as number, now))
    out.splice(0, 3);
  if (out.length) remind(own, now + RETRY_MS);
}

/** What a test says, as a command answers it. */
function replyOf(result: string): string {
  const told = JSON.parse(result) as {
    "ok": boolean;
    "stage": string;
    "ms": number;
    "err": { "code": string; "where": string; "reason": string };
  };
  if (!told["ok"]) return told["err"]["code"] + " " + told["err"]["where"] + ", " + told["err"]["reason"];
  return JSON.stringify({ "stage": told["stage"], "ms": told["ms"] });
}

/** The answer to a command that took its time. */
function answer(needs: Needs, tail: string, flags: number, result: string): void {
  if (result[0] !== "{") needs.mqtt.session.counts[HANDLER_FAILED]++;
  acknowledge(needs, tail, flags, result);
}

/** Answers that waited go out, and the conversation or the test that is over is answered. */
export function finish(needs: Needs, own: Commands, now: number): void {
  if (own.out.length) sendWaiting(needs, own, now);
  const uart = needs.uart,
    talk = uart.talk,
    asked = own.asked,
    test = own.test;
  if (talk && asked && (talk.outcome || now >= talk.until)) {
    uart.talk = own.asked = null;
    if (uart.poller.pending === talk.exchange) uart.poller.pending = null;
    if (talk.settings) uart.poller.plan[SETTINGS].due = uart.poller.slowAt = 0; // what was written counts at once
    answer(needs, asked.tail, asked.flags, bmsAnswer(talk, asked));
    remind(own, now + LOOK_MS);
  } else if (talk) {
    remind(own, talk.until);
  }
  if (!test || !test.result) return;
  if (test.tail) answer(needs, test.tail, test.flags, replyOf(test.result));
  else for (const client of needs.server.clients.slice()) if (client.pieces) clientEvent(needs.server, client, "drain");
  own.test = null;
}

// When commands come next.

/** The next step of commands is not later than `time`. */
export function remind(own: Commands, time: number): void {
  if (own.at > time) own.at = time;
}

// The restart that a command asked for.

/** From the farewell to the restart, ms. */
const FAREWELL_MS = 500;

/** Say good-bye, take back what must not stay retained without us, then restart. */
export function sayGoodbye(needs: Needs, own: Commands, now: number): void {
  const mqtt = needs.mqtt,
    session = mqtt.session;
  if (now < own.restartAt) return remind(own, own.restartAt);
  if (session.state === OFF) {
    saveEnergy(needs.energy, needs.snapshot.values, needs.store, needs.natives.crc32, Infinity);
    return needs.restart();
  }
  if (session.stream) return remind(own, now + FAREWELL_MS); // nothing may stand between the pieces of a message
  outboxFlush(session, now);
  publish(session, "status", '{"online":false}', RETAIN, now);
  const kinds = kindsToClear(mqtt, mqtt.rare.flags, false, false, true);
  for (let piece = 0; clearPiece(mqtt, kinds, piece); piece++);
  clearLast(mqtt, false, true);
  sessionEnd(session);
  own.restartAt = now + FAREWELL_MS;
  remind(own, own.restartAt);
}
