// What arrives on the subscribed topics.
import type { App } from "./app";

/** A message on `cmd` or `cfg/set` (below the base), or on another subscribed topic (its whole name). Nothing is acted upon yet. */
export function mqttReceived(_app: App, _suffix: string, _payload: string, _qos: number, _retained: boolean): void {
  return;
}
