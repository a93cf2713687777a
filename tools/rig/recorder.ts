// Real parts around a recorder: mosquitto and RabbitMQ from Debian, the recorder as a process that can be killed,
// devices whose every message is known.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isObject, jsonOf } from "../recorder/normalize";
import type { Sql } from "../recorder/sql";
import { startDemo, type Demo } from "../recorder/demo";
import { findExecutable } from "./interpreter";
import { freePort, sleep, until } from "./wait";

const root = join(import.meta.dirname, "../..");
export const PATIENCE = 60_000;
const END_MS = 30_000;

export const findMosquitto = (): string | null => findExecutable("mosquitto") ?? findExecutable("/usr/sbin/mosquitto");
export const findRabbit = (): string | null => findExecutable("/usr/lib/rabbitmq/bin/rabbitmq-server");
export const NO_MOSQUITTO = "mosquitto is not installed: skipped",
  NO_RABBIT = "RabbitMQ is not installed (apt install rabbitmq-server): skipped";

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const wire = net.connect(port, "127.0.0.1");
    wire.once("connect", () => resolve(wire.destroy() !== null));
    wire.once("error", () => resolve(false));
  });
}

const leftovers = new Set<() => void>();

/** Ends what tests that failed left behind. */
export function killLeftovers(): void {
  for (const kill of leftovers) kill();
}
process.on("exit", killLeftovers);

/** A process of a test: it ends with it. `isGroup`: and so do those that it started. */
function own(child: ChildProcess, isGroup = false): ChildProcess {
  const kill = (): void => {
    if (isGroup && child.pid) process.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  };
  leftovers.add(kill);
  child.once("exit", () => leftovers.delete(kill));
  return child;
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Ends a process by `signal`, and by SIGKILL when it does not. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await gone(child);
  clearTimeout(timer);
}

export interface BrokerRig {
  port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** A mosquitto that keeps sessions over a restart, with room for all that waits. */
export async function startMosquitto(more = ""): Promise<BrokerRig> {
  const folder = mkdtempSync(join(tmpdir(), "recorder-mosquitto-")),
    port = await freePort(),
    config = join(folder, "mosquitto.conf");
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence true",
    `persistence_location ${folder}/`,
    "autosave_interval 5",
    "max_queued_messages 0",
    "max_inflight_messages 5000",
    "log_type none",
    "user root",
    more,
  ];
  writeFileSync(config, lines.join("\n") + "\n");
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    child = own(spawn(findMosquitto()!, ["-c", config], { stdio: "ignore" }));
    await until("mosquitto listens", PATIENCE, () => listens(port));
  };
  const stop = async (): Promise<void> => {
    if (child) await end(child, "SIGTERM");
    child = null;
  };
  await start();
  return {
    port,
    start,
    stop,
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** RabbitMQ with its MQTT plugin, all of it in a folder of its own. */
export async function startRabbit(): Promise<BrokerRig> {
  const folder = mkdtempSync(join(tmpdir(), "recorder-rabbit-")),
    [port, amqp, distribution, names] = [await freePort(), await freePort(), await freePort(), await freePort()];
  writeFileSync(
    join(folder, "rabbitmq.conf"),
    `mqtt.listeners.tcp.1 = 127.0.0.1:${port}\nmqtt.allow_anonymous = true\nlisteners.tcp.1 = 127.0.0.1:${amqp}\n`,
  );
  writeFileSync(join(folder, "plugins"), "[rabbitmq_mqtt].\n");
  const env = {
    ...process.env,
    HOME: folder,
    ERL_EPMD_PORT: String(names),
    ERL_EPMD_RELAXED_COMMAND_CHECK: "1", // else it does not end by -kill while it believes that a node lives
    RABBITMQ_NODENAME: `recorder${process.pid}@localhost`,
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_PID_FILE: join(folder, "pid"),
  };
  const child = own(spawn(findRabbit()!, [], { env, stdio: "ignore", detached: true }), true);
  await until("RabbitMQ listens", PATIENCE * 2, () => listens(port));
  const stop = async (): Promise<void> => {
    process.kill(-child.pid!, "SIGKILL");
    await gone(child);
    try {
      execFileSync("epmd", ["-kill"], { env, stdio: "ignore", timeout: END_MS });
    } catch {
      // It is not there any more.
    }
  };
  return {
    port,
    start: async () => undefined,
    stop,
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface RecorderRig {
  url: string;
  pid: number;
  data: string;
  /** What it has logged. */
  log(): string;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM, and its exit status. */
  stop(): Promise<number | null>;
  /** Ends when it has ended by itself. */
  ended: Promise<void>;
}

/** True when database and broker are there. */
export const isReady = async (url: string): Promise<boolean> =>
  (await fetch(url + "/health/ready", { signal: AbortSignal.timeout(END_MS) }).catch(() => null))?.ok ?? false;

/** A recorder as a process of its own; resolves when it has said where it is. */
export async function startRecorderProcess(data: string, options: string[]): Promise<RecorderRig> {
  const args = [join(root, "tools/recorder/start.mjs"), "--http", "0", "--data", data, ...options];
  const child = own(
    spawn(process.execPath, args, {
      cwd: root,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, RECORDER_TOKEN: "test-token" },
    }),
  );
  let log = "",
    url = "";
  child.stderr!.on("data", (bytes: Buffer) => {
    log = (log + bytes.toString()).slice(-20_000);
  });
  child.on("message", (told) => {
    url = (told as { url: string }).url;
  });
  await until("the recorder is up", PATIENCE, () => url !== "" || child.exitCode !== null);
  if (url === "") throw new Error(`the recorder ended with status ${child.exitCode}:\n${log}`);
  return {
    url,
    pid: child.pid!,
    data,
    log: () => log,
    ended: gone(child),
    kill: () => end(child, "SIGKILL"),
    stop: async () => {
      await end(child, "SIGTERM");
      return child.exitCode;
    },
  };
}

/** Rows that devices have told, by device, sensor and time. */
export type Oracle = Map<string, number | null>;

/** Devices whose every register message is written down before it is published. */
export async function startKnownDevices(
  port: number,
  devices: number,
  seed = 1,
): Promise<{ demo: Demo; told: Oracle; startedBefore: number }> {
  const told: Oracle = new Map(),
    boots = new Map<string, number>(),
    startedBefore = 7_200_000;
  const tell = (topic: string, payload: string): void => {
    const [, device, ...levels] = topic.split("/"),
      suffix = levels.join("/"),
      json = jsonOf(payload);
    if (!isObject(json)) return;
    if (suffix === "system/config") boots.set(device, Math.round((json.uptimeStart as number) * 1000));
    if (suffix.startsWith("rt/reg/"))
      told.set(
        `${device} ${levels[2]} ${boots.get(device)! + (json.timestamp_ms as number)}`,
        json.value as number | null,
      );
  };
  const reach = { host: "127.0.0.1", port, protocol: "mqtt" as const };
  const demo = await startDemo(
    { reach, prefix: "tinybms", devices, seed, qos: 1, days: 0, now: () => Date.now() - startedBefore, tell },
    false,
  );
  return { demo, told, startedBefore };
}

/** What the database has, as the oracle writes it. */
export async function rowsIn(sql: Sql): Promise<Oracle> {
  const rows = await sql.query<[string, string, number, number | null]>({
    isArray: true,
    text: `SELECT d.device_id, s.sensor_type, extract(epoch FROM m.time)::float8 * 1000, m.value FROM measurements m
      JOIN devices d ON d.id = m.device_id JOIN sensors s ON s.id = m.sensor_id WHERE s.sensor_type NOT LIKE 'rt/%'`,
  });
  return new Map(rows.map(([device, sensor, time, value]) => [`${device} ${sensor} ${Math.round(time)}`, value]));
}

/** What of the oracle the database does not have, and what it has beside it. */
export function difference(told: Oracle, kept: Oracle): { missing: string[]; extra: string[]; other: string[] } {
  return {
    missing: [...told.keys()].filter((key) => !kept.has(key)),
    extra: [...kept.keys()].filter((key) => !told.has(key)),
    other: [...told].flatMap(([key, value]) =>
      kept.has(key) && kept.get(key) !== value ? [`${key}: ${value} is ${kept.get(key)}`] : [],
    ),
  };
}

/** Until the database has as many rows as were told, or nothing more comes. */
export async function settled(sql: Sql, told: Oracle): Promise<Oracle> {
  let kept: Oracle = new Map(),
    same = 0;
  for (;;) {
    const now = await rowsIn(sql).catch(() => kept);
    same = now.size === kept.size ? same + 1 : 0;
    kept = now;
    if (kept.size >= told.size || same > 40) return kept;
    await sleep(500);
  }
}

/** Numbers that are the same for a seed. */
export { randomOf } from "../recorder/demo";
export const resident = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
