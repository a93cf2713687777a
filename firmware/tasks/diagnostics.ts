// The least urgent task: silent HTTP clients are closed, a lost Wi-Fi is joined again.
import { sweep } from "../http/clients.cold";
import { taskOf, type Task } from "../kernel/tasks";
import type { App } from "./app";

const PERIOD_MS = 1000;
/** Longest wait between two tries to join the Wi-Fi, ms. */
const WIFI_MOST_MS = 60000;

/** The task; `join` asks for the network once more and returns at once. */
export function diagnosticsTask(app: App, join: () => void): Task {
  return taskOf("diagnostics", PERIOD_MS, function (now) {
    const wifi = app.wifi;
    if (app.server.clients.length) sweep(app.server, now);
    if (wifi.retryAt && !wifi.up && now >= wifi.retryAt) {
      wifi.retryAt = now + wifi.wait;
      wifi.wait = Math.min(wifi.wait * 2, WIFI_MOST_MS);
      join();
    }
    return 0;
  });
}
