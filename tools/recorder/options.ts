// The command line of `npm run recorder` and its environment variables: what they may be, and what they mean together.
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { Command } from "commander";
import { checked, fromEnvironment, type Environment } from "../environment";
import { addBrokerOptions, brokerOptions, type BrokerOptions } from "../mqtt/connect";
import type { Engine } from "./migrate";
import { isDevice } from "./topics";

export const HTTP_PORT = 8081;

/** What was asked for. `broker` null: the one on 1883, or one of our own. */
export interface Options {
  broker: BrokerOptions | null;
  prefix: string;
  /** A PostgreSQL by its URL; null: PGlite in the data folder. */
  database: string | null;
  data: string;
  http: number;
  address: string;
  group?: string;
  shard?: { k: number; n: number };
  name?: string;
  topics: "tinybms" | "seed";
  store: "values" | "all";
  keepRawDays: number;
  spoolBytes: number;
  engine: Engine;
  demo: number;
  demoDays: number;
  origins: string[];
  token?: string;
  readToken?: string;
  log: string;
}

type Given = Partial<BrokerOptions> & {
  database?: string;
  data?: string;
  http: number;
  address: string;
  group?: string;
  shard?: { k: number; n: number };
  name?: string;
  topics: Options["topics"];
  store: Options["store"];
  keepRaw: number;
  spoolMax: number;
  engine: Engine;
  demo?: number;
  demoDays: number;
  origin: string[];
  log: string;
};

function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < low || Number(text) > high)
      throw new Error(`must be a whole number, ${low} to ${high}`);
    return Number(text);
  };
}

function oneOf<T extends string>(...all: T[]): (text: string) => T {
  return (text) => {
    if (!all.includes(text as T)) throw new Error("must be one of " + all.join(", "));
    return text as T;
  };
}

function shardOf(text: string): { k: number; n: number } {
  const [, k, n] = (/^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? []).map(Number);
  if (!(n >= 1 && k >= 1 && k <= n)) throw new Error("must be k/n, such as 1/3");
  return { k, n };
}

function nameOf(text: string): string {
  if (!isDevice(text)) throw new Error("must be 1 to 32 letters, digits, _ or -");
  return text;
}

function databaseOf(text: string): string {
  if (!URL.canParse(text) || !/^postgres(ql)?:$/.test(new URL(text).protocol))
    throw new Error("must be a URL such as postgres://user@host/name");
  return text;
}

const ENVIRONMENT_HELP = `  MQTT_BROKER        as --broker
  MQTT_USERNAME, MQTT_PASSWORD  login, where the URL has none
  DATABASE_URL       postgres://user:pass@host:5432/name
  RECORDER_TOKEN     who has it may change things; RECORDER_READ_TOKEN: may only read
`;

/** Options of all sub-commands that need a database. */
function withDatabase(command: Command): Command {
  const home = join(process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "tinybms-gateway", "recorder");
  return addBrokerOptions(command)
    .option("--database <url>", "PostgreSQL 14 or newer (default: PGlite, inside)", checked(databaseOf))
    .option("--data <folder>", `spool, and PGlite's files (default: ${home}; with --demo a temporary one)`)
    .option("--name <name>", "client id at the broker, its own for each recorder", checked(nameOf))
    .option(
      "--topics <shape>",
      "tinybms, or seed: also {module_id}/{type}[/{sensor_type}], all topics",
      checked(oneOf("tinybms", "seed")),
      "tinybms",
    )
    .option("--store <what>", "values, or all: rows of rt/gx too", checked(oneOf("values", "all")), "values")
    .option(
      "--keep-raw <days>",
      "how long each value is kept; its minutes 2 years, its hours for good",
      checked(whole(1, 3650)),
      90,
    )
    .option("--spool-max <GB>", "room on the disk for what the database has not taken", checked(whole(1, 10_000)), 8)
    .option("--engine <name>", "plain, timescale or citus", checked(oneOf("plain", "timescale", "citus")), "plain")
    .option(
      "--log <level>",
      "what is logged: debug, info, warn, error",
      checked(oneOf("debug", "info", "warn", "error")),
      "info",
    );
}

function collect(text: string, before: string[]): string[] {
  return [...before, text.replace(/\/$/, "")];
}

/** Environment and defaults for what the command line does not say. Throws an Error that names what is wrong. */
export function optionsOf(given: Given, environment: Environment): Options {
  const same = (text: string): string => text,
    from = (name: string): string | undefined => fromEnvironment(environment, name, same);
  const own = brokerOptions(given, environment),
    isNamed = given.broker !== undefined || from("MQTT_BROKER") !== undefined;
  own.broker.user ||= from("MQTT_USERNAME") ?? "";
  own.broker.pass ||= from("MQTT_PASSWORD") ?? "";
  if (given.group !== undefined && given.shard !== undefined) throw new Error("--group and --shard exclude each other");
  const demo = given.demo ?? 0,
    home = join(from("XDG_STATE_HOME") ?? join(homedir(), ".local", "state"), "tinybms-gateway", "recorder");
  const {
    database,
    http,
    address,
    group,
    shard,
    name,
    topics,
    store,
    keepRaw,
    spoolMax,
    engine,
    demoDays,
    origin,
    log,
  } = given;
  return {
    broker: isNamed ? own : null,
    prefix: own.prefix,
    database: database ?? fromEnvironment(environment, "DATABASE_URL", databaseOf) ?? null,
    data: given.data ?? (demo > 0 ? mkdtempSync(join(tmpdir(), "recorder-demo-")) : home),
    http,
    address,
    group,
    shard,
    name,
    topics,
    store,
    keepRawDays: keepRaw,
    spoolBytes: spoolMax * 1e9,
    engine,
    demo,
    demoDays,
    origins: origin ?? [],
    token: from("RECORDER_TOKEN"),
    readToken: from("RECORDER_READ_TOKEN"),
    log,
  };
}

/** What each sub-command does with its options. */
export interface Actions {
  run(options: Options): Promise<void>;
  doctor(options: Options): Promise<void>;
  drain(options: Options): Promise<void>;
  migrate(options: Options): Promise<void>;
  export(options: Options, wanted: { device: string; sensor?: string; from?: string; to?: string }): Promise<void>;
}

export function commandLine(actions: Actions, environment: Environment): Command {
  const act = (action: (options: Options) => Promise<void>) => (given: Given) =>
    action(optionsOf({ ...given, demoDays: given.demoDays ?? 0 }, environment));
  const program = new Command("npm run recorder --")
    .description("Keeps everything that devices tell over MQTT in a database, and shows it live on a page.")
    .enablePositionalOptions();
  const run = withDatabase(
    program.command("run", { isDefault: true }).description("record (what happens without a command)"),
  )
    .option("--http <port>", "page and API", checked(whole(0, 65535)), HTTP_PORT)
    .option("--address <ip>", "where they are offered", "127.0.0.1")
    .option("--origin <url>", "another page that may ask the API; can be given again", collect, [])
    .option("--group <name>", "share the messages with other recorders (needs a broker that can)", checked(nameOf))
    .option("--shard <k/n>", "take the k-th of n parts of the devices (works with any broker)", checked(shardOf))
    .option("--demo <n>", "simulate so many devices, on a broker of its own", checked(whole(1, 5000)))
    .option("--demo-days <n>", "with so many days of history", checked(whole(0, 60)), 1)
    .action(act(actions.run));
  run.addHelpText("after", ENVIRONMENT_HELP);
  program.addHelpText("after", () => {
    const [, options] = run.helpInformation().split("Options:\n");
    return `\nOptions of run, which is what happens without a command:\n${options}\nEnvironment:\n${ENVIRONMENT_HELP}`;
  });
  withDatabase(program.command("doctor").description("check broker, database, clock, disk")).action(
    act(actions.doctor),
  );
  withDatabase(
    program
      .command("drain")
      .description("bring the spool of --data, and what the broker keeps for --name, to the database; then end"),
  )
    .option("--group <name>", "the group that it was in", checked(nameOf))
    .action(act(actions.drain));
  withDatabase(program.command("migrate").description("bring the schema up to date; then end")).action(
    act(actions.migrate),
  );
  withDatabase(program.command("export").description("rows of --device as CSV on the standard output"))
    .option("--sensor <names>", "only these, with commas")
    .option("--from <time>", "ISO; default: a day ago")
    .option("--to <time>", "ISO; default: now")
    .action((given: Given & { device?: string; sensor?: string; from?: string; to?: string }) => {
      if (given.device === undefined) throw new Error("--device <id> is needed");
      const { device, sensor, from, to } = given;
      return actions.export(optionsOf({ ...given, demoDays: 0 }, environment), { device, sensor, from, to });
    });
  return program;
}
