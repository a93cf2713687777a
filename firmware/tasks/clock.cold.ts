// The time of day, as far as it is known.
import type { App } from "./app";

/** s since 1970, with a fraction; 0 while the time of day is not known. */
export function wallSeconds(app: Pick<App, "clock" | "natives">): number {
  return app.clock.epoch ? app.clock.epoch + app.natives.now() / 1000 : 0;
}
