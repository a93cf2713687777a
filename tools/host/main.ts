// `npm start`: builds the host board's image, runs it in a rig without hardware, and shows where everything is.
import { join } from "node:path";
import { root } from "../build/board";
import { buildImage } from "../build/image";
import { brokerUrl } from "./broker-url";
import { busyPorts, liveParts, overview, screenOn } from "./live";
import type { Screen, Status } from "./live";
import { hostOptions, readCommandLine } from "./options";
import type { CommandLine } from "./options";
import { openDoor, RECORDER_PORT, type Door } from "./recorder";
import { startHost, TOKEN_LINE } from "./run";
import type { Host } from "./run";
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

/** Refresh the live lines until the host ends; `isOver` is asked each time. */
async function showLive(host: Host, screen: Screen, period_ms: number, over: Promise<void>): Promise<void> {
  let isOver = false,
    frames = host.count.framesSent,
    at = performance.now();
  void over.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, period_ms).unref())]);
    if (isOver) return;
    const status = await readStatus(host),
      now = performance.now();
    const perSecond = ((host.count.framesSent - frames) * 1000) / (now - at);
    frames = host.count.framesSent;
    at = now;
    if (!isOver) screen.live(liveParts(status, perSecond));
  }
}

/**
 * Wait for the token, the image's first word. An image that breaks, or says nothing, is none of ours; rejects with what
 * it said.
 */
async function greeted(host: Host, { image }: CommandLine): Promise<void> {
  const { exceptions } = host.device();
  await host.until("set-up token", () => host.token() || exceptions.length > 0, TOKEN_LIMIT_MS).catch(() => "");
  if (host.token() || image === undefined) return;
  const why = exceptions.length ? String(exceptions[0]) : `no set-up token in ${TOKEN_LIMIT_MS / 1000} s`;
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

async function run(command: CommandLine): Promise<void> {
  const over = endAsked();
  const image = command.image ?? (await hostImage());
  const store = command.storage === undefined ? memoryStore() : folderStore(command.storage);
  let screen: Screen | null = null,
    door: Door | null = null;
  const early: string[] = [];
  const say = (line: string): void => {
    if (screen) screen.say([line]);
    else early.push(line);
  };
  const host = await startHost({
    ...hostOptions(command),
    image,
    store,
    onBms: (line) => say("BMS: " + line),
    onConsole: (line) => {
      if (!TOKEN_LINE.test(line)) say("device: " + line); // it stands in the overview
    },
  });
  try {
    command.faults.forEach((name) => host.simulator.faults.set(name));
    await greeted(host, command);
    screen = screenOn(process.stdout);
    screen.say([...busyPorts(host), ...overview(host, command), ...early]);
    door = await openRecorder(host, command, screen);
    await showLive(host, screen, process.stdout.isTTY ? LIVE_MS : PIPE_MS, over);
  } finally {
    screen?.close();
    await door?.close();
    await host.stop();
  }
}

run(readCommandLine(process.argv.slice(2), process.env)).catch((error: unknown) => {
  console.error("error: " + (error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
