// What commands leave to be done later, one look at a time: answers that found no room, the end of a conversation with the
// TinyBMS or of a connection test, the settings on cfg/*, the restart. The parts are called one after the other, so that only one of
// them takes memory.
import { CONNECTED } from "../mqtt/session";
import type { App } from "./app";
import { finish, mqttTest, sayGoodbye, settingsTopics } from "./command-later";
import { remind } from "./command-remind.cold";
import { NEVER } from "./command-state";

/** Between two settings, between two looks at those of the TinyBMS, and until the states (place in `Rare.due`) are out, ms. */
const NEXT_MS = 100, REGISTERS_MS = 60000, WAIT_MS = 500, STATES = 2;

/** Whatever is due; afterwards `app.commands.at` says when to come again. */
export function commandStep(app: App, now: number): void {
  const own = app.commands;
  own.at = NEVER;
  if (own.test) mqttTest(app, now);
  if (own.out.length || app.uart.talk || own.test) finish(app, own, now);
  if (app.mqtt.session.state === CONNECTED) { // the settings come after the states
    remind(own, now + (app.mqtt.rare.due[STATES] <= now ? WAIT_MS : settingsTopics(app, now) ? NEXT_MS : REGISTERS_MS));
  }
  if (own.restartAt) sayGoodbye(app, own, now);
}
