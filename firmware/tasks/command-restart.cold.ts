// The restart that a command asked for.
import { OFF, publish, RETAIN } from "../mqtt/session";
import { sessionEnd } from "../mqtt/session-life.cold";
import type { App } from "./app";
import { remind } from "./command-remind.cold";
import type { Commands } from "./command-state";

/** From the farewell to the restart, ms. */
const FAREWELL_MS = 500;

/** Say good-bye, then restart. */
export function sayGoodbye(app: App, own: Commands, now: number): void {
  const session = app.mqtt.session;
  if (now < own.restartAt) return remind(own, own.restartAt);
  if (session.state === OFF) return app.restart();
  publish(session, "status", '{"online":false}', RETAIN, now);
  sessionEnd(session);
  own.restartAt = now + FAREWELL_MS;
  remind(own, own.restartAt);
}
