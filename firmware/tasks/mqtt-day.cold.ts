// The day that ISO times of messages begin with.
import { dayOf } from "../kernel/time.cold";
import type { App } from "./app";
import { wallSeconds } from "./clock.cold";

/** The time of day became known, or it is midnight. */
export function newDay(app: App): void {
  const wall = wallSeconds(app), rare = app.mqtt.rare;
  rare.date = dayOf(wall);
  rare.dayAt = Math.floor(wall / 86400) * 86400;
}
