// The recorder beside `npm start`: a process of its own, begun when its page is first opened (or at once), so that it
// never holds up the device. A door on its port begins it and sends the page on.
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, type Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, getPriority, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listenNear } from "./ports";

export const RECORDER_PORT = 8081;
const PROGRAM = fileURLToPath(new URL("../recorder/start.mjs", import.meta.url));
const STARTING = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Recorder</title><p>The recorder starts ...</p>`;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

export interface Door {
  /** The address for people. */
  url: string;
  /** Begin the recorder; resolves with its page's link. */
  open(): Promise<string>;
  close(): Promise<void>;
}

export interface DoorOptions {
  /** The broker's URL, with its login. */
  broker: string;
  prefix: string;
  /** Port wished for; the next free one is taken. */
  port: number;
  /** Where it keeps its data; without it they are forgotten at the end. */
  data?: string;
  /** Its priority, which is below ours unless a test, which waits for it on a busy machine, wants another. */
  priority?: number;
  onEnd(status: number | null): void;
}

/** The recorder's process, and the link that it tells. Rejects when it ends before. */
function begin(options: DoorOptions, data: string): { child: ChildProcess; link: Promise<string> } {
  const { broker, prefix, onEnd, priority = constants.priority.PRIORITY_BELOW_NORMAL } = options;
  const args = [PROGRAM, "--http", "0", "--data", data, "--prefix", prefix, "--log", "error"];
  const env = { ...process.env, MQTT_BROKER: broker };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "ignore", "ipc"] });
  // Not a higher one than our own: only root may do that.
  if (child.pid !== undefined) setPriority(child.pid, Math.max(getPriority(), priority));
  const link = new Promise<string>((resolve, reject) => {
    child.once("message", (told) => {
      const { url, token } = told as { url: string; token: string };
      resolve(`${url}/#token=${token}`);
    });
    child.once("exit", (status) => {
      onEnd(status);
      reject(new Error(`the recorder ended with status ${status}`));
    });
  });
  link.catch(() => undefined);
  return { child, link };
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/**
 * A door on a port: the first who asks begins the recorder and waits for it. Only this machine may ask: the answer
 * holds a token.
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const isOwn = options.data === undefined,
    data = options.data ?? mkdtempSync(join(tmpdir(), "recorder-start-"));
  let run: ReturnType<typeof begin> | null = null,
    link = "";
  const open = async (): Promise<string> => {
    run ??= begin(options, data);
    return (link = await run.link);
  };
  const server: Server = createServer(({ headers }, answer) => {
    if (!LOOPBACK.test(headers.host ?? "")) return void answer.writeHead(403).end();
    void open().catch(() => undefined);
    if (link !== "") return void answer.writeHead(302, { location: link, "cache-control": "no-store" }).end();
    answer.writeHead(200, { "content-type": "text/html", "cache-control": "no-store" }).end(STARTING);
  });
  const { port } = await listenNear(server, options.port, "127.0.0.1");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    run?.child.kill("SIGTERM");
    if (run) await ended(run.child);
    if (isOwn) rmSync(data, { recursive: true, force: true });
  };
  return { url: `http://127.0.0.1:${port}/`, open, close };
}
