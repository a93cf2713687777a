// mosquitto with a configuration of its own: password file, access list, TLS, persistence; stopped, frozen and started
// again.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { findExecutable, stopProcess, temporaryDirectory, tied } from "./interpreter";
import { freePort, until } from "./wait";

export interface Mosquitto {
  port: number;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** The process sleeps: its connections stay open and nothing answers. */
  freeze(isFrozen: boolean): void;
  /** A client of the mqtt package; ended with the broker. */
  client(options?: IClientOptions): Promise<MqttClient>;
  close(): Promise<void>;
}

export interface MosquittoOptions {
  /**
   * Lines of the configuration below the listener; `@name` is the path of a file given here, `@` alone that of their
   * directory.
   */
  lines?: string[];
  files?: Record<string, string>;
  /** User name and password for a password file `@passwords`. */
  users?: Record<string, string>;
}

/** mosquitto, from sbin too: Debian puts it where a user's PATH may not look. */
export const findMosquitto = (): string | null => findExecutable("mosquitto") ?? findExecutable("/usr/sbin/mosquitto");

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function writeFiles(
  directory: string,
  port: number,
  { lines = ["allow_anonymous true"], files = {}, users = {} }: MosquittoOptions,
): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  Object.entries(users).forEach(([user, pass], i) => {
    execFileSync("mosquitto_passwd", ["-b", ...(i ? [] : ["-c"]), join(directory, "passwords"), user, pass], {
      stdio: "ignore",
    });
  });
  const text = [`listener ${port} 127.0.0.1`, "user root", "log_type none", ...lines].join("\n");
  writeFileSync(join(directory, "mosquitto.conf"), text.replace(/@(\w*)/g, (_, name) => join(directory, name)) + "\n");
  return join(directory, "mosquitto.conf");
}

/** Starts mosquitto on a free port; null where it is not installed. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto | null> {
  const program = findMosquitto();
  if (!program) return null;
  const port = await freePort(),
    directory = temporaryDirectory(),
    clients: MqttClient[] = [];
  const config = writeFiles(directory.path, port, options);
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = tied(spawn(program, ["-c", config], { stdio: ["ignore", "ignore", "ignore"] }));
    await until("mosquitto listens", 5000, () => isListening(port));
  };
  const stop = async (): Promise<void> => {
    child?.kill("SIGCONT");
    if (child) await stopProcess(child, "SIGTERM");
    child = null;
  };
  await start();
  return {
    port,
    start,
    stop,
    freeze: (isFrozen) => void child?.kill(isFrozen ? "SIGSTOP" : "SIGCONT"),
    client: async (given = {}) => {
      const client = await connectAsync({ host: "127.0.0.1", port, reconnectPeriod: 0, ...given });
      client.on("error", () => undefined);
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) await client.endAsync(true);
      await stop();
      directory.remove();
    },
  };
}
