// The composition root: the only file that names both drivers and cores. Boot order: UART, CAN, MQTT, HTTP,
// diagnostics.
import type { Alarms } from "./battery/alarms";
import { clockOf } from "./time/clock.cold";
import { can, canCrystal, name, presets } from "board";
import { type Limits, limitsOf } from "./charge/limits";
import { journalOf } from "./battery/journal";
import { type Snapshot, snapshotOf } from "./battery/snapshot";
import { pollPlan } from "./bms/plan.baked.cold";
import { pollerOf } from "./bms/poller";
import { mcp2515 } from "./drivers/can-mcp2515";
import { startMcp2515 } from "./drivers/can-mcp2515.cold";
import { twai } from "./drivers/can-twai";
import { startTwai } from "./drivers/can-twai.cold";
import { findImageText } from "./drivers/image";
import { macAddress, openStore, startMachine, wasReset } from "./drivers/machine.cold";
import { clock, natives, setClock, startedAt } from "./drivers/natives";
import { network as sockets } from "./drivers/network";
import { changeEvery, every, feedWatchdog, restart } from "./drivers/timers";
import { listenAgain, openUart } from "./drivers/uart";
import { joinWifi, startWifi, stopAccessPoint } from "./drivers/network.cold";
import { accept, serverOf } from "./http/server.cold";
import type { CanPort, NetworkPort } from "./kernel/ports";
import type { Pieces } from "./http/server";
import { samplesDrain, samplesOf } from "./kernel/samples";
import { reviveTimer, schedulerOf, startTask, taskOf } from "./kernel/tasks.cold";
import { hurryTask, setTimer, type Task } from "./kernel/tasks";
import { dueOf } from "./publish/due";
import type { Needs as SettingsNeeds } from "./config/needs";
import { fallAtOnce } from "./victron/fall.cold";
import { mqttReceived } from "./command/command.cold";
import { commandsOf, commandStep } from "./command/later.cold";
import { ratesOf } from "./care/ten-seconds.cold";
import { CONNECTED, OFF, sessionOf } from "./mqtt/session";
import type { App } from "./app";
import { type CanTask, canTaskOf } from "./victron/task";
import type { Clock } from "./time/clock";
import { NEVER } from "./kernel/time";
import { bootNotes, logFault, writeLog } from "./log/log.cold";
import { applyAll } from "./settings/apply.cold";
import { WARN } from "./log/log";
import { takeFlags } from "./care/memory.cold";
import { wifiOf } from "./care/wifi.cold";
import { settingsOf } from "./config/settings.cold";
import { diagnosticsTask } from "./care/diagnostics";
import { mqttTaskOf } from "./publish/task";
import { openState } from "./settings/boot.cold";
import { settleLogin } from "./settings/login.cold";
import { sealStored } from "./settings/seal.cold";
import { answer } from "./api/routes.cold";
import { VERSION } from "./kernel/version";
import { superviseTask } from "./care/supervise";
import { uartReceived, uartTaskOf, type UartTask } from "./bms/task";

/**
 * A task that throws this often within a minute lets the watchdog restart the device: from then on it is not fed any
 * more.
 */
const FAULTS = 3,
  FAULT_WINDOW_MS = 60000,
  WIFI_FIRST_MS = 5000;
/** From a new sample to the step of MQTT that tells it, ms: frames on CAN that it makes urgent go first. */
const SAMPLE_MS = 40;
/** From the start to the first connection, ms: the battery is heard before, so that what is told is known. */
const FIRST_CONNECT_MS = 1000;
/** Period of the jobs' task when there are none, and until the next one when there are more, ms. */
const JOBS_MS = 5000,
  AT_ONCE_MS = 0.1;
/** So long after the start the broker counts as away, ms. */
const REPLAY_FROM_MS = 30000;

/** The board's CAN controller; the build leaves the other driver out. */
const onChip = (can as string) === "twai",
  canPort: CanPort = onChip ? twai : mcp2515;

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

const scheduler = schedulerOf({
  clock: clock,
  start: startedAt,
  change: changeEvery,
  every: every,
  failed: taskFailed,
});
let app: App | null = null;

/** UART and CAN both stepped since the last call, and no task keeps failing. */
function healthy(own: App): boolean {
  const ran = own.uart.task.at !== health.uart && own.can.task.at !== health.can && health.faults < FAULTS;
  if (ran) {
    health.uart = own.uart.task.at;
    health.can = own.can.task.at;
  }
  return ran;
}

/** Exceptions that nobody caught. */
function faulted(what: unknown): void {
  if (app) logFault(app, "" + what);
  else natives.print("fault: " + what);
}

/** Work that has a turn of its own, oldest first. */
const jobs: (() => void)[] = [];

/** The oldest job. What goes wrong in it is told, and is no fault of the device. */
function nextJob(waiting: typeof jobs): number {
  const work = waiting.shift();
  try {
    if (work) work();
  } catch (error) {
    faulted(error);
  }
  return waiting.length ? AT_ONCE_MS : 0;
}

const jobsTask = taskOf("jobs", JOBS_MS, jobs, nextJob);

/**
 * Espruino has no current network after a `write` or `end` in "data", and the TLS socket that it looks at next ends the
 * device (networkFree and ssl_recv in libs/network/network.c): what writes is a job.
 */
const network: NetworkPort = Object.assign(sockets, {
  soon: function (work: () => void) {
    jobs.push(work);
    hurryTask(scheduler, jobsTask, 0);
  },
});

/** Bytes from the TinyBMS. */
function bytesCame(bytes: string): void {
  scheduler.isTaken = true;
  if (app) uartReceived(app.uart, bytes);
}

/** Flags of the interpreter: memory, overflow, a callback that it broke off and will not call again. */
function flagged(flags: string[]): void {
  if (flags.indexOf("CALLBACK") >= 0) {
    listenAgain(bytesCame);
    reviveTimer(scheduler);
  }
  if (app) takeFlags(app, flags);
}

/** Logins are made of chance, which there is from the first address on. */
function openLogins(own: App): void {
  if (own.token) return;
  settleLogin(own);
  if (own.token) sealStored(own);
}

function wifiChanged(up: boolean): void {
  if (!app) return;
  app.wifi.up = up;
  if (!up) {
    app.wifi.retryAt = natives.now() + app.wifi.wait;
    return;
  }
  openLogins(app);
  app.wifi.wait = WIFI_FIRST_MS;
  hurryTask(scheduler, app.mqtt.task, 0);
}

/** The clock is set; as that makes the interpreter's timers later by what this turn took so far, ours is set anew. */
function clockTold(seconds: number): void {
  setClock(seconds, scheduler);
  setTimer(scheduler, natives.now());
}

function join(): void {
  if (app) joinWifi(app.wifi.settings, wifiChanged);
}

function commandsDue(now: number): void {
  if (app) commandStep(app, now);
}

/** A request of an HTTP client. */
function answered(method: string, path: string, header: string, body: string, query: string): Pieces {
  openLogins(app!);
  return answer(app!, method, path, header, body, query);
}

function messageCame(suffix: string, payload: string | null, qos: number, isRetained: boolean): void {
  if (app) mqttReceived(app, suffix, payload, qos, isRetained);
}

/** The conversation with the TinyBMS runs from now on. */
function startUart(kept: SettingsNeeds, snapshot: Snapshot, limits: Limits, timeOfDay: Clock): UartTask {
  const uart = uartTaskOf(
    {
      poller: pollerOf(pollPlan()),
      snapshot: snapshot,
      samples: samplesOf(settingsOf(kept, "mqtt")["queueLength"] as number),
      natives: natives,
      journal: journalOf(),
      clock: timeOfDay,
      port: openUart(bytesCame),
      worse: function (now) {
        if (app) fallAtOnce(app, now);
      },
      taken: function () {
        if (!app) return;
        if (app.session.state === CONNECTED) hurryTask(scheduler, app.mqtt.task, SAMPLE_MS);
        else if (app.session.state === OFF) samplesDrain(app.uart.samples); // nobody takes it
      },
    },
    settingsOf(kept, "uart"),
  );
  startTask(scheduler, uart.task);
  return uart;
}

/** Frames leave from now on. */
function startCan(kept: SettingsNeeds, snapshot: Snapshot, limits: Limits, alarms: Alarms, texts: Uint8Array): CanTask {
  const config = settingsOf(kept, "can"),
    isThere = onChip ? startTwai(twai, config) : startMcp2515(mcp2515, config, canCrystal),
    canTask = canTaskOf(canPort, snapshot, limits, alarms, texts);
  if (!isThere) natives.print("CAN: no answer from the controller");
  startTask(scheduler, canTask.task);
  return canTask;
}

/** Make everything, each part from those before it; UART and CAN run as soon as they are there. */
function boot(): App {
  const kept = { natives: natives, store: openStore(), presets: presets },
    snapshot = snapshotOf(),
    limits = limitsOf(),
    session = sessionOf(),
    timeOfDay = clockOf(),
    uart = startUart(kept, snapshot, limits, timeOfDay),
    state = openState(kept, snapshot),
    canTask = startCan(kept, snapshot, limits, state.alarms, state.texts);
  const needs = {
    natives: natives,
    store: kept.store,
    presets: presets,
    network: network,
    canPort: canPort,
    scheduler: scheduler,
    device: "ESP32-" + macAddress().substr(6).toUpperCase(),
    token: "",
    mark: "",
    snapshot: snapshot,
    limits: limits,
    alarms: state.alarms,
    energy: state.energy,
    uart: uart,
    can: canTask,
    session: session,
    server: serverOf(natives.now, network.soon, answered),
    commands: commandsOf(commandsDue, messageCame),
    rates: ratesOf(),
    wasReset: wasReset(),
    isReduced: false,
    memory: { at: 0, usage: NaN, total: NaN, blocksize: NaN, heap: NaN, heapMin: NaN, fills: 0, isLow: false },
    wifi: wifiOf(WIFI_FIRST_MS, join, stopAccessPoint),
    clock: timeOfDay,
    setClock: clockTold,
    lines: { text: "" },
    replay: { at: REPLAY_FROM_MS, boot: 0, dropped: 0, log: null },
    restart: restart,
  };
  return Object.assign(needs, {
    mqtt: mqttTaskOf({
      session: session,
      snapshot: snapshot,
      limits: limits,
      samples: uart.samples,
      due: dueOf(),
      can: canTask,
      raw: uart.raw,
      needs: needs,
    }),
  });
}

/** The other tasks, the server and Wi-Fi. With Bluetooth there is room for the first of them only. */
function start(own: App): void {
  startTask(
    scheduler,
    superviseTask({
      needs: own,
      isSecond: true,
      nextAt: 0,
      isMade: false,
      ran: function () {
        return healthy(own);
      },
      feed: feedWatchdog,
    }),
  );
  own.isReduced = bootNotes(own);
  if (!own.isReduced) startTask(scheduler, own.mqtt.task); // settings wake it
  applyAll(own);
  own.session.retryAt = natives.now() + FIRST_CONNECT_MS;
  if (own.isReduced) own.clock.at = own.replay.at = NEVER;
  else {
    own.server.port = settingsOf(own, "http")["port"] as number;
    network.listen(own.server.port, function (socket) {
      accept(own.server, socket);
    });
  }
  startTask(scheduler, jobsTask);
  startTask(scheduler, diagnosticsTask(own));
  if (!own.isReduced) own.wifi.settings = settingsOf(own, "wifi");
  if (startWifi(own.wifi.settings, own.device, wifiChanged))
    writeLog(own, WARN, "wifi: a network that was kept by Wifi.save is cleared, wifi.ssid counts");
}

if (findImageText()) {
  startMachine(faulted, flagged);
  app = boot();
  start(app);
  natives.print("tinybms-gateway " + VERSION + " " + app.device + " on " + name);
  openLogins(app);
} else {
  natives.print("This image must run from flash: send it with 'save on send: to flash'.");
}
