// The least urgent task: silent HTTP clients are closed, a lost Wi-Fi is joined again, the memory is looked at, the
// time is asked for, and what the broker missed is kept and told later.
import { sweep } from "../http/server.cold";
import { taskOf } from "../kernel/tasks.cold";
import type { Task } from "../kernel/tasks";
import { CONNECTED } from "../mqtt/session";
import type { Needs } from "./needs";
import { clockStep } from "../time/clock.cold";
import { lookAtMemory } from "./memory.cold";
import { replayKeep, replaySend } from "../publish/replay.cold";
import { tendWifi } from "./wifi.cold";

const PERIOD_MS = 1000;
/** Longest wait between two tries to join the Wi-Fi, ms. */
const WIFI_MOST_MS = 60000;

function step(needs: Needs, now: number): number {
  const wifi = needs.wifi,
    replay = needs.replay;
  if (needs.server.clients.length) sweep(needs.server, now);
  if (now >= wifi.lookAt) tendWifi(needs, now);
  if (wifi.retryAt && !wifi.up && now >= wifi.retryAt) {
    wifi.retryAt = now + wifi.wait;
    wifi.wait = Math.min(wifi.wait * 2, WIFI_MOST_MS);
    wifi.join();
  }
  if (now >= needs.memory.at) lookAtMemory(needs, now, needs.natives.wasFull());
  if (now >= needs.clock.at) clockStep(needs, now);
  if (now >= replay.at) {
    if (needs.mqtt.session.state !== CONNECTED || !replay.boot) replayKeep(needs.mqtt, now);
    else if (replay.log) replaySend(needs.mqtt, now);
  }
  return 0;
}

export function diagnosticsTask(needs: Needs): Task {
  return taskOf("diagnostics", PERIOD_MS, needs, step);
}
