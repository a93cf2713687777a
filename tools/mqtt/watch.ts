// `npm run -s watch`: what the broker holds and sends for a device, as a live table, or as JSON for machines.
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import type { MqttClient } from "mqtt";
import pc from "../colors";
import { shownBroker } from "../host/broker-url";
import { endWithReader } from "../stdout";
import { addBrokerOptions, brokerOptions, connectBroker, type BrokerOptions } from "./connect";
import { jsonOf, placeOf, take, valueOf, type Devices, type Received } from "./messages";
import { tableLines } from "./table";

const HOME = "\x1b[H",
  CLEAR = "\x1b[2J",
  CLEAR_BELOW = "\x1b[J",
  CLEAR_RIGHT = "\x1b[K",
  HIDE_CURSOR = "\x1b[?25l",
  SHOW_CURSOR = "\x1b[?25h";
const DRAW_MS = 1000,
  PIPE_WIDTH = 120;

interface Options extends BrokerOptions {
  once?: boolean;
  json?: boolean;
  seconds: number;
  filter?: string;
}

/** A message that is wanted: of a device, and below the filter. */
function isWanted({ prefix, filter = "" }: Options, topic: string): boolean {
  return placeOf(topic, prefix)?.suffix.startsWith(filter) ?? false;
}

async function listen(client: MqttClient, options: Options, heard: (message: Received) => void): Promise<void> {
  client.on("message", (topic, payload, { qos, retain }) => {
    if (isWanted(options, topic)) heard({ topic, payload: payload.toString("utf8"), qos, retain, at: Date.now() });
  });
  await client.subscribeAsync(`${options.prefix}/${options.device}/#`, { qos: 2 });
}

/** Collect for a while, print, end. Nothing heard is a failure. */
async function once(client: MqttClient, options: Options): Promise<void> {
  const devices: Devices = new Map();
  await listen(client, options, (message) => {
    take(devices, options.prefix, message);
  });
  await new Promise((resolve) => setTimeout(resolve, options.seconds * 1000));
  const broker = shownBroker(options.broker),
    { prefix, device } = options;
  if (options.json)
    process.stdout.write(JSON.stringify({ broker, prefix, devices: jsonOf(devices, Date.now()) }) + "\n");
  else process.stdout.write(tableLines(devices, Date.now(), process.stdout.columns ?? PIPE_WIDTH).join("\n") + "\n");
  if (devices.size === 0)
    throw new Error(
      `${broker} neither holds nor sends anything below ${prefix}/${device}/ within ${options.seconds} s`,
    );
}

/** One line a message: for a pipe, and with --json as JSON. */
function lineOf({ topic, payload, qos, retain, at }: Received, { prefix, json }: Options): string {
  if (!json) return `${new Date(at).toISOString().slice(11, 23)} ${topic} ${payload}`;
  return JSON.stringify({
    topic,
    ...placeOf(topic, prefix),
    payload: valueOf(payload),
    qos,
    retained: retain,
    time: new Date(at).toISOString(),
  });
}

/** Redraw the table until the end is asked for. */
async function live(client: MqttClient, options: Options, isUp: () => boolean, over: Promise<void>): Promise<void> {
  const devices: Devices = new Map(),
    out = process.stdout,
    isTable = out.isTTY && !options.json;
  const draw = (): void => {
    const state = isUp() ? pc.green("connected") : pc.red("connection lost, trying again");
    const head = `${pc.bold(shownBroker(options.broker))}  ${state}  ${pc.dim("Ctrl-C ends it")}`;
    const rows = devices.size
      ? tableLines(devices, Date.now(), out.columns ?? PIPE_WIDTH, (out.rows ?? 40) - 2)
      : [`nothing below ${options.prefix}/${options.device}/ yet`];
    out.write(HOME + [head, ...rows].map((line) => line + CLEAR_RIGHT).join("\n") + CLEAR_BELOW);
  };
  await listen(client, options, (message) => {
    take(devices, options.prefix, message);
    if (!isTable) out.write(lineOf(message, options) + "\n");
  });
  if (isTable) out.write(HIDE_CURSOR + CLEAR);
  const timer = isTable ? setInterval(draw, DRAW_MS) : undefined;
  if (isTable) draw();
  await over;
  clearInterval(timer);
  if (isTable) out.write("\n" + SHOW_CURSOR);
}

/** Resolves when the user or the system asks for the end. */
function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds > 0 && seconds <= 3600))
    throw new InvalidArgumentError("must be above 0, at most 3600");
  return seconds;
}

async function run(given: Partial<Options>): Promise<void> {
  const options: Options = { seconds: 3, ...given, ...brokerOptions(given, process.env) };
  let isUp = true;
  const over = endAsked(),
    client = await connectBroker(options, () => {
      isUp = false;
    });
  client.on("connect", () => {
    isUp = true;
  });
  try {
    if (options.once) await once(client, options);
    else await live(client, options, () => isUp, over);
  } finally {
    await client.endAsync(true);
  }
}

function commandLine(): Command {
  const tool = new Command("watch").description(
    "What the broker holds and sends for the gateway, as a live table; in a pipe one line a message.",
  );
  return addBrokerOptions(tool)
    .option("--once", "listen for a while, print the table, end")
    .option("--seconds <n>", "how long --once listens", secondsOf, 3)
    .option("--filter <suffix>", "only topics that begin so below the device, such as rt/reg")
    .option("--json", "for machines: one line a message, or with --once one object")
    .action(run);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  endWithReader();
  await commandLine()
    .parseAsync()
    .catch((error: unknown) => {
      process.stderr.write(`watch: ${(error as Error).message}\n`);
      process.exitCode = 1;
    });
}
