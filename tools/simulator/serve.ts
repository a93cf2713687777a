// The simulator for other processes: on a TCP port of this machine, and on a pseudo terminal made by socat.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { lstatSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { Simulator } from "./simulator";

/** Where a simulator can be reached; `close` frees it and resolves when it is gone. */
export interface Service {
  where: string;
  close(): Promise<void>;
}

/** A reader that takes nothing loses bytes beyond this, as a UART would. */
const BACKLOG_BYTES = 65536;
const PTY_WAIT_MS = 5000;
const PTY_POLL_MS = 20;

function writeOrDrop(stream: Writable, bytes: Uint8Array): void {
  if (stream.writable && stream.writableLength < BACKLOG_BYTES) stream.write(bytes);
}

/**
 * Serves one battery on a TCP port (0: any free one) of the local host; every client hears every reply, as on one wire.
 * Rejects with a clear message when the port is in use.
 */
export async function serveTcp(
  simulator: Simulator,
  port: number,
  host = "127.0.0.1",
): Promise<Service & { port: number }> {
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.setNoDelay(true);
    socket.on("data", (bytes) => simulator.receive(bytes));
    // A client that vanishes is no error of ours; "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => clients.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new Error(`port ${port} is in use; choose another with --tcp PORT`) : error);
    });
    server.listen(port, host, resolve);
  });
  const stop = simulator.onSend((bytes) => clients.forEach((socket) => writeOrDrop(socket, bytes)));
  const bound = (server.address() as AddressInfo).port;
  return {
    where: `tcp://${host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        stop();
        clients.forEach((socket) => socket.destroy());
        server.close(() => resolve());
      }),
  };
}

function kindOf(path: string): "none" | "link" | "other" {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return "none";
  return found.isSymbolicLink() ? "link" : "other";
}

/** Resolves when socat has made the link; rejects when socat is missing, ends, or takes too long. */
async function linkMade(socat: ChildProcess, path: string): Promise<void> {
  let failure: string | undefined;
  let said = "";
  socat.stderr?.on("data", (text) => (said += text));
  socat.on("error", (error: NodeJS.ErrnoException) => {
    failure =
      error.code === "ENOENT" ? "socat is not installed; a pseudo terminal needs it (package socat)" : error.message;
  });
  socat.on("exit", (code) => (failure ??= `socat ended with ${code}: ${said.trim()}`));
  for (let waited = 0; kindOf(path) !== "link"; waited += PTY_POLL_MS) {
    if (failure === undefined && waited > PTY_WAIT_MS) failure = "socat made no pseudo terminal in 5 s";
    if (failure !== undefined) throw new Error(failure);
    await wait(PTY_POLL_MS);
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await gone;
}

/**
 * Serves the battery on a pseudo terminal with a link at `path`. Programs may open and close it as they like. Rejects
 * when socat is missing or can't do it, or when something that is no link lies at `path`; an old link is replaced.
 */
export async function servePty(simulator: Pick<Simulator, "receive" | "onSend">, path: string): Promise<Service> {
  if (kindOf(path) === "other") throw new Error(`${path} exists and is no link; choose another with --pty PATH`);
  rmSync(path, { force: true });
  const socat = spawn("socat", [`PTY,raw,echo=0,link=${path}`, "STDIO"], { stdio: ["pipe", "pipe", "pipe"] });
  const kill = (): void => void socat.kill();
  process.on("exit", kill);
  const end = async (): Promise<void> => {
    process.off("exit", kill);
    await endOf(socat);
    rmSync(path, { force: true });
  };
  socat.stdin.on("error", () => undefined);
  try {
    await linkMade(socat, path);
  } catch (error) {
    await end();
    throw error;
  }
  socat.stdout.on("data", (bytes) => simulator.receive(bytes));
  const stop = simulator.onSend((bytes) => writeOrDrop(socat.stdin, bytes));
  return {
    where: path,
    async close() {
      stop();
      await end();
    },
  };
}
