// The composition root: the only file that names both drivers and cores. Boot order: UART, CAN, MQTT, HTTP, diagnostics.
import { name, presets } from "board";
import { limitsOf } from "./battery/limits";
import { snapshotOf } from "./battery/snapshot";
import { pollPlan } from "./bms/plan.baked.cold";
import { pollerOf } from "./bms/poller";
import { twai } from "./drivers/can-twai";
import { startTwai } from "./drivers/can-twai-start.cold";
import { findImageText, macAddress, newToken, openStore, startMachine } from "./drivers/machine.cold";
import { natives } from "./drivers/natives";
import { network } from "./drivers/network";
import { changeEvery, every, feedWatchdog } from "./drivers/timers";
import { openUart } from "./drivers/uart";
import { joinWifi, startWifi } from "./drivers/wifi.cold";
import { accept, serverOf } from "./http/server";
import { samplesOf } from "./kernel/samples";
import { startTask, type Scheduler, type Task } from "./kernel/tasks";
import { dueOf } from "./mqtt/due";
import { sessionOf } from "./mqtt/session";
import type { App, Wifi } from "./tasks/app";
import { canTaskOf } from "./tasks/can";
import { configureBattery, configureMqtt, settingsOf } from "./tasks/configure.cold";
import { diagnosticsTask } from "./tasks/diagnostics";
import { mqttTaskOf } from "./tasks/mqtt";
import { answer } from "./tasks/routes";
import { superviseTask } from "./tasks/supervise";
import { uartReceived, uartTask, type UartTask } from "./tasks/uart";

const VERSION = "0.1.0";
/** A task that throws this often within a minute lets the watchdog restart the device. */
const FAULTS = 3, FAULT_WINDOW_MS = 60000, WIFI_FIRST_MS = 5000;

const scheduler: Scheduler = { tasks: [], now: natives.now, every: every, change: changeEvery, failed: taskFailed };
const app = { natives: natives, network: network, store: openStore(), presets: presets, scheduler: scheduler, version: VERSION,
  snapshot: snapshotOf(), limits: limitsOf(), wifi: { up: false, retryAt: 0, wait: WIFI_FIRST_MS } as Wifi } as App;
const health = { faults: 0, since: 0, uart: 0, can: 0 };

function taskFailed(task: Task, error: unknown): void {
  const now = natives.now();
  if (now - health.since > FAULT_WINDOW_MS) {
    health.since = now;
    health.faults = 0;
  }
  health.faults++;
  natives.print("task " + task.name + ": " + error);
}

/** UART and CAN both stepped since the last call, and no task keeps failing. */
function healthy(): boolean {
  const ran = app.uart.task.due !== health.uart && app.can.task.due !== health.can && health.faults < FAULTS;
  if (ran) {
    health.uart = app.uart.task.due;
    health.can = app.can.task.due;
  }
  return ran;
}

/** Eight bytes of a CAN frame. */
function padded(text: string): Uint8Array {
  const bytes = new Uint8Array(8);
  bytes.set(natives.toUint8Array(text));
  return bytes;
}

function wifiChanged(up: boolean): void {
  app.wifi.up = up;
  if (up) app.wifi.wait = WIFI_FIRST_MS;
  else app.wifi.retryAt = natives.now() + app.wifi.wait;
}

function join(): void {
  joinWifi(settingsOf(app, "wifi"), wifiChanged);
}

startMachine(function (what) { natives.print("fault: " + what); });
const settings = function (module: string): Record<string, unknown> { return settingsOf(app, module); };
if (findImageText()) {
  app.device = "ESP32-" + macAddress().substr(6).toUpperCase();
  app.token = newToken();
  configureBattery(app);

  const uart = { poller: pollerOf(pollPlan()), snapshot: app.snapshot, samples: samplesOf(), natives: natives, raw: [null, null, null] } as unknown as UartTask;
  uart.port = openUart(function (bytes) { uartReceived(uart, bytes); });
  app.uart = uart;
  startTask(scheduler, uartTask(uart, settings("uart")));

  startTwai(twai, settings("can"));
  app.canPort = twai;
  app.can = canTaskOf(twai, app.snapshot, app.limits, padded(settings("can")["manufacturer"] as string));
  startTask(scheduler, app.can.task);
  startTask(scheduler, superviseTask(app.snapshot, app.limits, app.can, healthy, feedWatchdog));

  app.mqtt = mqttTaskOf({ session: sessionOf(), snapshot: app.snapshot, limits: app.limits, samples: uart.samples, due: dueOf(), can: app.can,
    natives: natives, network: network, raw: uart.raw, credentials: function () { return settings("mqtt"); } });
  configureMqtt(app);
  startTask(scheduler, app.mqtt.task);

  app.server = serverOf(natives.now, function (method, path, header, body) { return answer(app, method, path, header, body); });
  network.listen(settings("http")["port"] as number, function (socket) { accept(app.server, socket); });
  startTask(scheduler, diagnosticsTask(app, join));

  startWifi(settings("wifi"), app.device, wifiChanged);
  natives.print("tinybms-gateway " + VERSION + " " + app.device + " on " + name);
  natives.print("setup token: " + app.token);
} else {
  natives.print("This image must run from flash: send it with 'save on send: to flash'.");
}
