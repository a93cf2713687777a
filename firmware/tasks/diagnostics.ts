// The least urgent task: silent HTTP clients are closed, a lost Wi-Fi is joined again.
import { sweep } from "../http/clients.cold";
import { taskOf, type Task } from "../kernel/tasks";
import type { App } from "./app";

const PERIOD_MS = 1000;
/** Longest wait between two tries to join the Wi-Fi, ms. */
const WIFI_MOST_MS = 60000;

function step(app: App, now: number): number {
  const wifi = app.wifi;
  if (app.server.clients.length) sweep(app.server, now);
  if (wifi.retryAt && !wifi.up && now >= wifi.retryAt) {
    wifi.retryAt = now + wifi.wait;
    wifi.wait = Math.min(wifi.wait * 2, WIFI_MOST_MS);
    wifi.join();
  }
  return 0;
}

export function diagnosticsTask(app: App): Task {
  return taskOf("diagnostics", PERIOD_MS, app, step);
}
