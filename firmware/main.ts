// The composition root: the only file that names both drivers and cores. Boot order: UART, CAN, MQTT, HTTP, diagnostics.
import { can, canCrystal, name, presets } from "board";
import { limitsOf } from "./battery/limits";
import { journalOf } from "./battery/journal";
import { snapshotOf } from "./battery/snapshot";
import { pollPlan } from "./bms/plan.baked.cold";
import { pollerOf } from "./bms/poller";
import { mcp2515 } from "./drivers/can-mcp2515";
import { startMcp2515 } from "./drivers/can-mcp2515-start.cold";
import { twai } from "./drivers/can-twai";
import { startTwai } from "./drivers/can-twai-start.cold";
import { findImageText } from "./drivers/image";
import { macAddress, newToken, openStore, startMachine } from "./drivers/machine.cold";
import { clock, natives, setClock, startedAt } from "./drivers/natives";
import { network } from "./drivers/network";
import { changeEvery, every, feedWatchdog, restart } from "./drivers/timers";
import { openUart } from "./drivers/uart";
import { joinWifi, startWifi } from "./drivers/wifi.cold";
import { accept, serverOf } from "./http/accept.cold";
import type { CanPort } from "./kernel/ports";
import { samplesOf } from "./kernel/samples";
import { startTask } from "./kernel/task-start.cold";
import type { Scheduler, Task } from "./kernel/tasks";
import { dueOf } from "./mqtt/due";
import { sessionOf } from "./mqtt/session";
import type { App, Wifi } from "./tasks/app";
import { canTaskOf } from "./tasks/can";
import type { Clock } from "./tasks/clock";
import { NEVER, type Commands } from "./tasks/command-state";
import { applyChanges } from "./tasks/configure.cold";
import { logFault } from "./tasks/log-fault.cold";
import { settingsOf } from "./tasks/settings.cold";
import { diagnosticsTask } from "./tasks/diagnostics";
import { mqttTaskOf } from "./tasks/mqtt";
import { openState } from "./tasks/open.cold";
import type { Replay } from "./tasks/replay-state";
import { answer } from "./tasks/routes.cold";
import { VERSION } from "./version";
import { superviseTask } from "./tasks/supervise";
import { uartReceived, uartTask, type UartTask } from "./tasks/uart";

/** A task that throws this often within a minute lets the watchdog restart the device: from then on it is not fed any more. */
const FAULTS = 3, FAULT_WINDOW_MS = 60000, WIFI_FIRST_MS = 5000;
/** So long after the start the broker counts as away, ms. */
const REPLAY_FROM_MS = 30000;

/** The board's CAN controller; the build leaves the other driver out. */
const onChip = (can as string) === "twai", canPort: CanPort = onChip ? twai : mcp2515;

const health = { faults: 0, since: 0, uart: 0, can: 0 };

function taskFailed(task: Task, error: unknown): void {
  const now = natives.now();
  if (health.faults < FAULTS && now - health.since > FAULT_WINDOW_MS) {
    health.since = now;
    health.faults = 0;
  }
  health.faults++;
  faulted("task " + task.name + ": " + error);
}

const scheduler: Scheduler = { clock: clock, start: startedAt, tasks: [], every: every, change: changeEvery, failed: taskFailed };
const app = {
  natives: natives, network: network, presets: presets, scheduler: scheduler,
  snapshot: snapshotOf(), limits: limitsOf(), wifi: { up: false, retryAt: 0, wait: WIFI_FIRST_MS } as Wifi,
  clock: { at: 0, epoch: 0, syncs: 0, syncedAt: 0, failures: 0, failed: 0, error: "", request: null } as Clock,
  setClock: setClock, replay: { at: REPLAY_FROM_MS, boot: 0, dropped: 0, log: null } as Replay,
  commands: { at: NEVER, mode: 0, answerFlags: 0, configFlags: 0, pending: 0, registers: 0, out: [] as (string | number)[], dropped: 0,
    acked: [] as number[], restartAt: 0 } as Commands, restart: restart,
} as App;

/** UART and CAN both stepped since the last call, and no task keeps failing. */
function healthy(): boolean {
  const ran = app.uart.task.due !== health.uart && app.can.task.due !== health.can && health.faults < FAULTS;
  if (ran) {
    health.uart = app.uart.task.due;
    health.can = app.can.task.due;
  }
  return ran;
}

/** Exceptions, and flags of the interpreter (memory, overflow). */
function faulted(what: unknown): void {
  logFault(app, "" + what);
}

function wifiChanged(up: boolean): void {
  app.wifi.up = up;
  if (up) app.wifi.wait = WIFI_FIRST_MS;
  else app.wifi.retryAt = natives.now() + app.wifi.wait;
}

function join(): void {
  joinWifi(settingsOf(app, "wifi"), wifiChanged);
}

app.wifi.join = join;
if (findImageText()) {
  startMachine(faulted);
  app.store = openStore();
  app.device = "ESP32-" + macAddress().substr(6).toUpperCase();
  app.token = newToken();

  const uart = {
    poller: pollerOf(pollPlan()), snapshot: app.snapshot, samples: samplesOf(), natives: natives, journal: journalOf(),
    raw: [null, null, null, null, null, null], status: -1, talk: null, clock: app.clock,
  } as unknown as UartTask;
  uart.port = openUart(function (bytes) { uartReceived(uart, bytes); });
  app.uart = uart;
  startTask(scheduler, uartTask(uart, settingsOf(app, "uart")));

  if (!(onChip ? startTwai(twai, settingsOf(app, "can")) : startMcp2515(mcp2515, settingsOf(app, "can"), canCrystal))) {
    natives.print("CAN: no answer from the controller");
  }
  app.canPort = canPort;
  app.can = canTaskOf(canPort, app.snapshot, app.limits, openState(app));
  startTask(scheduler, app.can.task);
  startTask(scheduler, superviseTask({ app: app, ran: healthy, feed: feedWatchdog }));

  app.mqtt = mqttTaskOf({ session: sessionOf(), snapshot: app.snapshot, limits: app.limits, samples: uart.samples, due: dueOf(), can: app.can,
    raw: uart.raw, app: app });
  applyChanges(app, "battery. mqtt.");
  startTask(scheduler, app.mqtt.task);

  app.server = serverOf(natives.now, function (method, path, header, body, query) { return answer(app, method, path, header, body, query); });
  network.listen(settingsOf(app, "http")["port"] as number, function (socket) { accept(app.server, socket); });
  startTask(scheduler, diagnosticsTask(app));

  startWifi(settingsOf(app, "wifi"), app.device, wifiChanged);
  natives.print("tinybms-gateway " + VERSION + " " + app.device + " on " + name);
  natives.print("setup token: " + app.token);
} else {
  natives.print("This image must run from flash: send it with 'save on send: to flash'.");
}
