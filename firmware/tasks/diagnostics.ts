// The least urgent task: silent HTTP clients are closed, a lost Wi-Fi is joined again, the time is asked for, and
// what the broker missed is kept and told later.
import { sweep } from "../http/clients.cold";
import { taskOf } from "../kernel/task-start.cold";
import type { Task } from "../kernel/tasks";
import { CONNECTED } from "../mqtt/session";
import type { App } from "./app";
import { clockStep } from "./clock.cold";
import { replayKeep } from "./replay-keep.cold";
import { replaySend } from "./replay-send.cold";

const PERIOD_MS = 1000;
/** Longest wait between two tries to join the Wi-Fi, ms. */
const WIFI_MOST_MS = 60000;

function step(app: App, now: number): number {
  const wifi = app.wifi, replay = app.replay;
  if (app.server.clients.length) sweep(app.server, now);
  if (wifi.retryAt && !wifi.up && now >= wifi.retryAt) {
    wifi.retryAt = now + wifi.wait;
    wifi.wait = Math.min(wifi.wait * 2, WIFI_MOST_MS);
    wifi.join();
  }
  if (now >= app.clock.at) clockStep(app, now);
  if (now >= replay.at) {
    if (app.mqtt.session.state !== CONNECTED || !replay.boot) replayKeep(app, now);
    else if (replay.log) replaySend(app, now);
  }
  return 0;
}

export function diagnosticsTask(app: App): Task {
  return taskOf("diagnostics", PERIOD_MS, app, step);
}
