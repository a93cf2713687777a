// `npm start`: builds the host board's image, runs it in a rig without hardware, and shows where everything is.
import { spawnSync } from "node:child_process";
import { busyPorts, liveLine, overview, screenOn } from "./live";
import type { Screen, Status } from "./live";
import { hostOptions, readCommandLine } from "./options";
import type { CommandLine } from "./options";
import { startHost } from "./run";
import type { Host } from "./run";
import { folderStore, memoryStore } from "./storage";

const LIVE_MS = 1000, PIPE_MS = 5000, STATUS_LIMIT_MS = 3000, TOKEN_LIMIT_MS = 3000;
const HOST_IMAGE = "dist/host.js";

/** Build the image of the board `host`; its output is shown only when it fails. */
function buildImage(): string {
  const env = { ...process.env, BOARD: "host", IMAGE: HOST_IMAGE };
  const build = spawnSync("npm", ["run", "--silent", "build"], { env, encoding: "utf8" });
  const output = build.error?.message ?? build.stdout + build.stderr;
  if (build.status !== 0) throw new Error("`npm run build` failed" + (output.trim() ? ":\n" + output : ""));
  return HOST_IMAGE;
}

async function readStatus(host: Host): Promise<Status | null> {
  try {
    const answer = await host.request("/api/status", { signal: AbortSignal.timeout(STATUS_LIMIT_MS) });
    return await answer.json() as Status;
  } catch {
    return null;
  }
}

/** Refresh the live line until the host ends; `isOver` is asked each time. */
async function showLive(host: Host, screen: Screen, period_ms: number, over: Promise<void>): Promise<void> {
  let isOver = false, frames = host.count.framesSent, at = performance.now();
  void over.then(() => { isOver = true; });
  while (!isOver) {
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, period_ms).unref())]);
    if (isOver) return;
    const status = await readStatus(host), now = performance.now();
    const perSecond = (host.count.framesSent - frames) * 1000 / (now - at);
    frames = host.count.framesSent;
    at = now;
    if (!isOver) screen.live(liveLine(status, perSecond));
  }
}

/** Resolves when the user, the system or a closed pipe asks for the end. */
function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    process.stdout.on("error", () => resolve());
  });
}

async function run(command: CommandLine): Promise<void> {
  const over = endAsked();
  const image = command.image ?? buildImage();
  const store = command.storage === undefined ? memoryStore() : folderStore(command.storage);
  let screen: Screen | null = null;
  const early: string[] = [];
  const host = await startHost({
    ...hostOptions(command), image, store,
    onConsole: (line) => { if (screen) screen.say(["device: " + line]); else early.push("device: " + line); },
  });
  try {
    command.faults.forEach((name) => host.simulator.faults.set(name));
    await host.until("set-up token", () => host.token(), TOKEN_LIMIT_MS).catch(() => "");
    screen = screenOn(process.stdout);
    screen.say([...busyPorts(host), ...overview(host, command), ...early]);
    await showLive(host, screen, process.stdout.isTTY ? LIVE_MS : PIPE_MS, over);
  } finally {
    screen?.close();
    await host.stop();
  }
}

run(readCommandLine(process.argv.slice(2), process.env)).catch((error: unknown) => {
  console.error("error: " + (error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
