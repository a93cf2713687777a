// `npm start`: builds the host board's image, runs it in a rig without hardware, and shows where everything is.
import { join } from "node:path";
import { root } from "../build/board";
import { buildImage } from "../build/image";
import { brokerUrl } from "./broker-url";
import { type ControlDoor, openControlDoor } from "./control";
import { deviceIdOf } from "./device";
import { keysOf, listenToKeys } from "./keys";
import { busyPorts, liveParts, overview, screenOn } from "./live";
import type { Part, Screen, Status } from "./live";
import { hostOptions, readCommandLine } from "./options";
import type { CommandLine } from "./options";
import { openDoor, RECORDER_PORT, type Door } from "./recorder";
import { LOGIN_LINE, startHost, TOKEN_LINE } from "./run";
import type { Host } from "./run";
import { stageOf, type Stage } from "./stage";
import { folderStore, memoryStore } from "./storage";

const LIVE_MS = 1000,
  PIPE_MS = 5000,
  STATUS_LIMIT_MS = 3000,
  TOKEN_LIMIT_MS = 10000;
const HOST_IMAGE = "dist/host.js";

/** The image of the board `host`; a build takes some seconds, so it says so. */
async function hostImage(): Promise<string> {
  const began = performance.now();
  let wasBuilt = false;
  await buildImage({ board: "host", check: false, output: join(root, HOST_IMAGE) }, () => {
    wasBuilt = true;
    console.log("building the image (once for these sources) ...");
  });
  if (wasBuilt) console.log(`built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return join(root, HOST_IMAGE);
}

async function readStatus(host: Host): Promise<Status | null> {
  try {
    const answer = await host.request("/api/status", { signal: AbortSignal.timeout(STATUS_LIMIT_MS) });
    return (await answer.json()) as Status;
  } catch {
    return null;
  }
}

/** What a device says now, and how many frames it sent since the last look. */
interface Look {
  frames: number;
  at: number;
}

/** Refresh the live lines until the host ends; `over` is asked each time. */
async function showLive(hosts: Host[], screen: Screen, period_ms: number, over: Promise<void>): Promise<void> {
  const looks = hosts.map(({ count }): Look => ({ frames: count.framesSent, at: performance.now() }));
  let isOver = false;
  void over.then(() => {
    isOver = true;
  });
  const look = async (host: Host, before: Look): Promise<Part[]> => {
    const status = await readStatus(host),
      now = performance.now(),
      perSecond = ((host.count.framesSent - before.frames) * 1000) / (now - before.at);
    Object.assign(before, { frames: host.count.framesSent, at: now });
    return liveParts(status, perSecond);
  };
  while (!isOver) {
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, period_ms).unref())]);
    if (isOver) return;
    const parts = await Promise.all(hosts.map((host, i) => look(host, looks[i])));
    if (isOver) return;
    if (hosts.length === 1) screen.live(parts[0]);
    else screen.table(parts.map((of, i) => [{ text: idOf(hosts[i]) }, ...of]));
  }
}

const idOf = (host: Host): string => host.topic.split("/").at(-1)!;

/**
 * Wait for the token or the login, the image's first words. An image that breaks, or says nothing, is none of ours;
 * rejects with what it said.
 */
async function greeted(host: Host, { image }: CommandLine): Promise<void> {
  const { exceptions } = host.device();
  const hasSaid = (): string => host.token() || host.login();
  await host.until("a login", () => hasSaid() || exceptions.length > 0, TOKEN_LIMIT_MS).catch(() => "");
  if (hasSaid() || image === undefined) return;
  const why = exceptions.length ? String(exceptions[0]) : `no login in ${TOKEN_LIMIT_MS / 1000} s`;
  throw new Error(`${image}: is no image of the gateway: ${why}`);
}

/** Resolves when the user, the system or a closed pipe asks for the end. */
function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    process.stdout.on("error", () => resolve());
  });
}

/**
 * Where the recorder is offered; it begins when somebody opens its page. None without a broker, or without a free port.
 */
async function openRecorder(host: Host, { mqtt, recorder, data }: CommandLine, screen: Screen): Promise<Door | null> {
  const broker =
    typeof mqtt === "object" ? brokerUrl(mqtt) : host.broker ? `mqtt://127.0.0.1:${host.broker.listening.port}` : null;
  if (broker === null) return null;
  const prefix = host.topic.split("/").slice(0, -1).join("/"),
    onEnd = (status: number | null): void => {
      if (status !== 0) screen.say([`recorder: ended with status ${status}`]);
    };
  try {
    const door = await openDoor({ broker, prefix, port: RECORDER_PORT, data, onEnd });
    screen.say([`Recorder  ${door.url}   (history and fleet; starts when it is opened)`]);
    if (recorder)
      void door.open().then(
        (link) => screen.say([`Recorder  ${link}`]),
        () => undefined,
      );
    return door;
  } catch (error) {
    screen.say([`recorder: ${(error as Error).message}`]);
    return null;
  }
}

/** A file or folder of one of several devices: the first has it as it was asked for. */
function ownPath(path: string | undefined, index: number): string | undefined {
  return path === undefined || index === 0 ? path : `${path}.${deviceIdOf(index)}`;
}

/** Boots the gateways one after the other; the first brings the broker, which the others take. */
async function startHosts(
  command: CommandLine,
  image: string,
  tell: (index: number, line: string) => void,
): Promise<Host[]> {
  const hosts: Host[] = [];
  try {
    for (let index = 0; index < command.devices; index++) {
      const { seed, candump, storage } = command,
        folder = ownPath(storage, index),
        broker = hosts[0]?.broker;
      const host = await startHost({
        ...hostOptions(command),
        ...(broker
          ? { mqtt: { host: "127.0.0.1", port: broker.listening.port, user: "", pass: "", isTls: false } }
          : {}),
        http: command.http && command.http + index,
        index,
        ownTime: true,
        seed: seed + index,
        candump: ownPath(candump, index),
        image,
        store: folder === undefined ? memoryStore() : folderStore(folder),
        onBms: (line) => tell(index, "BMS: " + line),
        onConsole: (line) => {
          if (!TOKEN_LINE.test(line) && !LOGIN_LINE.test(line)) tell(index, "device: " + line); // it stands in the overview
        },
      });
      hosts.push(host);
      for (const { name, options } of command.faults) host.simulator.faults.set(name, options);
      await greeted(host, command);
    }
    return hosts;
  } catch (error) {
    await stopAll(hosts);
    throw error;
  }
}

/** The first one last: it has the broker. */
async function stopAll(hosts: Host[]): Promise<void> {
  for (const host of hosts.reverse()) await host.stop();
}

/** Resolves when a key asks for the end. */
function keysAsked(stage: Stage, screen: Screen, undo: (() => void | Promise<void>)[]): Promise<void> {
  return new Promise((resolve) => {
    const act = keysOf(stage);
    const stop = listenToKeys(process.stdin, (key) => {
      const said = act(key);
      if (said === null) resolve();
      else if (said !== "") screen.say([said]);
    });
    undo.push(stop);
  });
}

/** The control route; the rig runs without it when no port is free. */
async function openControl(stage: Stage, port: number, screen: Screen): Promise<ControlDoor | null> {
  try {
    return await openControlDoor(stage, port);
  } catch (error) {
    screen.say([`control: ${(error as Error).message}`]);
    return null;
  }
}

async function run(command: CommandLine): Promise<void> {
  const asked = endAsked(),
    image = command.image ?? (await hostImage()),
    early: string[] = [],
    undo: (() => void | Promise<void>)[] = [];
  let screen: Screen | null = null;
  const tell = (index: number, line: string): void => {
    const text = command.devices > 1 ? `${deviceIdOf(index)} ${line}` : line;
    if (screen) screen.say([text]);
    else early.push(text);
  };
  const hosts = await startHosts(command, image, tell);
  try {
    const shown = screenOn(process.stdout),
      stage = stageOf(hosts.map(({ simulator }) => simulator));
    screen = shown;
    undo.push(() => shown.close());
    const control = command.bms === undefined ? await openControl(stage, command.control, shown) : null;
    if (control) undo.push(() => control.close());
    screen.say([...hosts.flatMap(busyPorts), ...overview(hosts, command, control?.url ?? null), ...early]);
    const over = Promise.race([asked, ...(control ? [keysAsked(stage, shown, undo)] : [])]);
    const door = await openRecorder(hosts[0], command, shown);
    if (door) undo.push(() => door.close());
    await showLive(hosts, screen, process.stdout.isTTY ? LIVE_MS : PIPE_MS, over);
  } finally {
    for (const step of undo.reverse()) await step();
    await stopAll(hosts);
  }
}

run(readCommandLine(process.argv.slice(2), process.env)).catch((error: unknown) => {
  console.error("error: " + (error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
