// `npm run recorder`: everything that devices tell over MQTT, in a database and live on a page.
import { readFileSync } from "node:fs";
import net from "node:net";
import { pino, type Logger } from "pino";
import pc from "../colors";
import { endWithReader } from "../stdout";
import { shownBroker, type BrokerAddress } from "../host/broker-url";
import { startBroker } from "../host/broker";
import { startDemo } from "./demo";
import { doctor } from "./doctor";
import { csvOf } from "./export";
import { migrate } from "./migrate";
import { commandLine, type Options } from "./options";
import { shownDatabase } from "./postgres";
import { openStorage, startRecorder, type Recorder } from "./recorder";
import { drain } from "./drain";
import type { Reach } from "./subscriber";

const STANDARD_PORT = 1883,
  LOOK_MS = 1000;

export function versionOf(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string })
    .version;
}

function fileOf(what: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read the ${what} ${path}: ${(error as Error).message}`);
  }
}

/** A broker as mqtt.js wants it; certificates are read. */
export function reachOf(
  { host, port, user, pass, isTls }: BrokerAddress,
  files: { ca?: string; cert?: string; key?: string } = {},
): Reach {
  const login = { username: user || undefined, password: user && pass ? pass : undefined };
  if (!isTls) return { host, port, protocol: "mqtt", ...login };
  return {
    host,
    port,
    protocol: "mqtts",
    ...login,
    ca: fileOf("CA certificate", files.ca),
    cert: fileOf("client certificate", files.cert),
    key: fileOf("client key", files.key),
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const wire = net.connect({ port, host: "127.0.0.1", timeout: LOOK_MS });
    const end = (is: boolean) => () => {
      wire.destroy();
      resolve(is);
    };
    wire.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}

/** The broker that was named, the one on 1883, or one of our own; a demo always has its own unless one was named. */
async function findBroker(options: Options): Promise<{ reach: Reach; shown: string; close(): Promise<void> }> {
  if (options.broker) {
    const { broker, ...files } = options.broker;
    return { reach: reachOf(broker, files), shown: shownBroker(broker), close: async () => undefined };
  }
  const host = "127.0.0.1",
    local = (port: number): Reach => ({ host, port, protocol: "mqtt" });
  if (options.demo === 0 && (await answers(STANDARD_PORT)))
    return { reach: local(STANDARD_PORT), shown: `mqtt://${host}:${STANDARD_PORT}`, close: async () => undefined };
  const broker = await startBroker({
      port: options.demo > 0 ? 0 : STANDARD_PORT,
      address: options.address,
      now: Date.now,
    }),
    { port } = broker.listening;
  return { reach: local(port), shown: `mqtt://${host}:${port} (inside)`, close: () => broker.close() };
}

function loggerOf({ log }: Options): Logger {
  return pino({ level: log, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}

function overview(recorder: Recorder, options: Options, broker: string): string[] {
  const { url, token, isNewToken } = recorder;
  return [
    pc.bold("The recorder keeps what devices tell, and shows it"),
    `Page      ${url}/${isNewToken ? "#token=" + token : ""}`,
    `API       ${url}/openapi.json`,
    `MQTT      ${broker}   ${options.topics === "seed" ? "#" : options.prefix + "/#"}`,
    `Database  ${options.database === null ? `PGlite in ${options.data}` : shownDatabase(options.database)}`,
    ...(isNewToken ? [`Token     ${token}   (to change things; RECORDER_TOKEN sets one)`] : []),
    ...(broker.endsWith("(inside)")
      ? [pc.dim("The broker is a part of this program: what is on its way is lost when the program is killed.")]
      : []),
    pc.dim("Ctrl-C ends it."),
  ];
}

/** Resolves when the user or the system asks for the end. */
function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
}

async function run(options: Options): Promise<void> {
  endWithReader(() => undefined); // who read the log may go, the recorder goes on
  const over = endAsked(),
    broker = await findBroker(options),
    recorder = await startRecorder(options, broker.reach, loggerOf(options), versionOf());
  try {
    const { reach } = broker,
      { prefix, demo: devices, demoDays: days } = options;
    const demo = devices > 0 ? await startDemo({ reach, prefix, devices, seed: 1, qos: 0, days, now: Date.now }) : null;
    console.log(overview(recorder, options, broker.shown).join("\n"));
    process.send?.({ url: recorder.url, token: recorder.token });
    await Promise.race([over, recorder.failed]);
    await demo?.close();
  } finally {
    await recorder.close();
    await broker.close();
  }
}

/** A storage for a short piece of work. */
async function withStorage(
  options: Options,
  work: (storage: Awaited<ReturnType<typeof openStorage>>) => Promise<void>,
): Promise<void> {
  const storage = await openStorage(options, loggerOf(options));
  try {
    await work(storage);
  } finally {
    await storage.sql.close();
    await storage.spool.close();
  }
}

const DAY = 86_400_000;

function timeOf(text: string | undefined, preset: number): number {
  const time = text === undefined ? preset : Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`${text} is no time such as 2026-02-03T10:00:00Z`);
  return time;
}

const program = commandLine(
  {
    run,
    doctor: async (options) => {
      const broker = await findBroker(options);
      await doctor(options, broker.reach).finally(() => broker.close());
    },
    drain: async (options) => {
      const broker = await findBroker(options);
      await withStorage(options, (storage) => drain(storage, options, broker.reach)).finally(() => broker.close());
    },
    migrate: (options) =>
      withStorage(options, async ({ sql }) => console.log(`${await migrate(sql, options.engine)} migrations applied`)),
    export: (options, { device, sensor, from, to }) =>
      withStorage(options, async ({ sql }) => {
        endWithReader();
        const until = timeOf(to, Date.now()),
          since = timeOf(from, until - DAY);
        for await (const text of csvOf(sql, { device, sensors: sensor?.split(","), from: since, to: until }))
          process.stdout.write(text);
      }),
  },
  process.env,
);

program
  .parseAsync()
  .catch((error: unknown) => {
    console.error("recorder: " + (error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  })
  .finally(() => setTimeout(() => process.exit(), LOOK_MS).unref());
