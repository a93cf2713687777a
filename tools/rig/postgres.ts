// A PostgreSQL of its own for a test, from Debian's package: in a folder that goes away, stopped and killed at will.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { tied } from "./interpreter";
import { freePort, TEST_MS } from "./wait";

const END_MS = 60_000;
const VERSIONS = "/usr/lib/postgresql";

/** The folder of PostgreSQL's programs; null when it is not installed. */
export function findPostgres(): string | null {
  const paths = (process.env.PATH ?? "").split(":");
  if (existsSync(VERSIONS)) {
    const versions = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
    paths.unshift(...versions.map((version) => join(VERSIONS, version, "bin")));
  }
  return paths.find((path) => existsSync(join(path, "initdb")) && existsSync(join(path, "postgres"))) ?? null;
}

export const NO_POSTGRES = "PostgreSQL is not installed (apt install postgresql): skipped";

/** It refuses to run as root: then it runs as the user of Debian's package. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export interface Postgres {
  url: string;
  start(): Promise<void>;
  /** kill -9 of all of it. */
  kill(): Promise<void>;
  query<T = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  /** A new, empty database beside the others; its URL. */
  database(name: string): Promise<string>;
  close(): Promise<void>;
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

async function once(url: string, text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

async function untilUp(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return void (await once(url, "SELECT 1"));
    } catch (error) {
      if (tries > 300) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Start one with a fresh folder. It syncs as a real one does. */
export async function startPostgres(): Promise<Postgres> {
  const programs = findPostgres();
  if (!programs) throw new Error(NO_POSTGRES);
  const folder = mkdtempSync(join(tmpdir(), "recorder-pg-")),
    data = join(folder, "data"),
    user = owner(),
    port = await freePort();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!);
  execFileSync(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
    { ...user, stdio: "ignore", timeout: TEST_MS }, // against a hang alone: the machine may be busy
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let child: ChildProcess | null = null;
  const end = async (signal: "SIGKILL" | "SIGINT"): Promise<void> => {
    const own = child;
    child = null;
    if (!own?.pid) return;
    const over = gone(own);
    if (signal === "SIGKILL") process.kill(-own.pid, signal);
    else own.kill(signal);
    const timer = setTimeout(() => process.kill(-own.pid!, "SIGKILL"), END_MS);
    await over;
    clearTimeout(timer);
  };
  const start = async (): Promise<void> => {
    const args = ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"];
    child = tied(spawn(join(programs, "postgres"), args, { ...user, stdio: "ignore", detached: true }));
    await untilUp(url);
  };
  await start();
  return {
    url,
    start,
    kill: () => end("SIGKILL"),
    query: async <T>(text: string, values?: unknown[]) => (await once(url, text, values)) as T[],
    database: async (name) => {
      await once(url, `CREATE DATABASE ${name}`);
      return url.replace(/postgres$/, name);
    },
    close: async () => {
      await end("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
