// The restart that a command asked for.
import { OFF, publish, RETAIN } from "../mqtt/session";
import { sessionEnd } from "../mqtt/session-life.cold";
import type { App } from "./app";
import { remind } from "./command-remind.cold";
import type { Commands } from "./command-state";
import { clearRetained } from "./mqtt-topics-parts";

/** From the farewell to the restart, ms. */
const FAREWELL_MS = 500;

/** Say good-bye, take back what must not stay retained without us, then restart. */
export function sayGoodbye(app: App, own: Commands, now: number): void {
  const mqtt = app.mqtt, session = mqtt.session;
  if (now < own.restartAt) return remind(own, own.restartAt);
  if (session.state === OFF) return app.restart();
  if (session.stream) return remind(own, now + FAREWELL_MS); // nothing may stand between the pieces of a message
  publish(session, "status", '{"online":false}', RETAIN, now);
  clearRetained(mqtt, mqtt.rare.flags, false, false, true);
  sessionEnd(session);
  own.restartAt = now + FAREWELL_MS;
  remind(own, own.restartAt);
}
