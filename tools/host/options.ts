// The command line of `npm start` and the environment variables MQTT_*: what they may be, and what of the rig they set.
import { Command, Option } from "commander";
import { checked, type Environment, fromEnvironment, refuseMissingDashes } from "../environment";
import { FAULT_FORM, faultList, type NamedFault, parseFault } from "../simulator/faults";
import { scenarioList, scenarioOf } from "../simulator/scenarios";
import { CONTROL_PORT } from "./control";
import { parseBrokerUrl } from "./broker-url";
import type { BrokerAddress } from "./broker-url";
import { derOf, type TlsFiles } from "./pem";
import type { HostOptions } from "./run";
import { refusal } from "./settings";
import type { Settings } from "./settings";

/** Gateways that one process can carry. */
const MOST_DEVICES = 50;
export const DEFAULT_HTTP_PORT = 8080,
  DEFAULT_MQTT_PORT = 1883;

/** What was asked for. */
export interface CommandLine {
  scenario: string;
  /** A TinyBMS outside in place of the simulated one. */
  bms?: string;
  speed: number;
  seed: number;
  http: number;
  address: string;
  mqtt: number | BrokerAddress | "none";
  settings: Settings;
  /** Certificates and key that the environment names. */
  tls: TlsFiles;
  candump?: string;
  storage?: string;
  /** Start the recorder at once; its folder. */
  recorder?: boolean;
  data?: string;
  /** An image to run as it is; without it the host board's image is built. */
  image?: string;
  faults: NamedFault[];
  /** Port of the control route. */
  control: number;
  /** How many gateways run. */
  devices: number;
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error("must be a port, 0 to 65535 (0: any free one)");
  return Number(text);
}

/** A foreign broker by its URL. */
function brokerOf(text: string): BrokerAddress {
  const broker = parseBrokerUrl(text);
  for (const key of ["host", "user", "pass"] as const) {
    const reason = refusal("mqtt", key, broker[key]);
    if (reason !== "") throw new Error(`has a ${key} that ${reason}`);
  }
  return broker;
}

function mqttOf(text: string): number | BrokerAddress {
  return /^\d+$/.test(text) ? portOf(text) : brokerOf(text);
}

function numberOf(text: string, isGood: (value: number) => boolean, what: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!isGood(value)) throw new Error(what);
  return value;
}

function switchOf(text: string): boolean {
  const word = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  if (["false", "0", "no", "off"].includes(word)) return false;
  throw new Error("must be true or false");
}

function settingOf(module: string, key: string, value: unknown): unknown {
  const reason = refusal(module, key, value);
  if (reason !== "") throw new Error(reason);
  return value;
}

function topicOf(module: string, key: string, text: string): unknown {
  const prefix = text.replace(/^\/+|\/+$/g, "");
  if (/[+#]/.test(prefix)) throw new Error("must not hold + or #");
  return settingOf(module, key, prefix);
}

function qosOf(text: string): unknown {
  return settingOf(
    "mqtt",
    "default_qos",
    numberOf(text, (value) => [0, 1, 2].includes(value), "must be 0, 1 or 2"),
  );
}

/** A login of a broker whose URL has none. */
function withLogin(broker: BrokerAddress, environment: Environment): BrokerAddress {
  const text = (key: "user" | "pass") => (value: string) => settingOf("mqtt", key, value) as string,
    user = fromEnvironment(environment, "MQTT_USERNAME", text("user")),
    pass = fromEnvironment(environment, "MQTT_PASSWORD", text("pass"));
  return broker.user ? broker : { ...broker, user: user ?? "", pass: pass ?? "" };
}

/** What the variables MQTT_* say (ENVIRONMENT_HELP). Throws an Error that names the variable. */
export function readEnvironment(environment: Environment): {
  settings: Settings;
  tls: TlsFiles;
  isEnabled: boolean;
  broker(): BrokerAddress | undefined;
} {
  const settings: Settings = {};
  const put = (module: string, key: string, value: unknown): void => {
    if (value !== undefined) (settings[module] ??= {})[key] = value;
  };
  put(
    "mqtt",
    "baseTopic",
    fromEnvironment(environment, "MQTT_TOPIC_PREFIX", (text) => topicOf("mqtt", "baseTopic", text)),
  );
  put("mqtt", "default_qos", fromEnvironment(environment, "MQTT_QOS", qosOf));
  for (const key of ["telemetry", "text"]) put("retain", key, fromEnvironment(environment, "MQTT_RETAIN", switchOf));
  put("ha", "enabled", fromEnvironment(environment, "MQTT_HA_DISCOVERY", switchOf));
  put(
    "ha",
    "prefix",
    fromEnvironment(environment, "MQTT_HA_DISCOVERY_PREFIX", (text) => topicOf("ha", "prefix", text)),
  );
  const file = (name: string, label: Parameters<typeof derOf>[1]): string | undefined =>
    fromEnvironment(environment, name, (path) => derOf(path, label));
  return {
    settings,
    tls: {
      ca: file("MQTT_CA_CERT", "CERTIFICATE"),
      cert: file("MQTT_CLIENT_CERT", "CERTIFICATE"),
      key: file("MQTT_CLIENT_KEY", "PRIVATE KEY"),
    },
    isEnabled: fromEnvironment(environment, "MQTT_ENABLED", switchOf) ?? true,
    broker: () => {
      const broker = fromEnvironment(environment, "MQTT_BROKER", brokerOf);
      return broker && withLogin(broker, environment);
    },
  };
}

const faultOf = (text: string, before: NamedFault[]): NamedFault[] => [...before, checked(parseFault)(text)];

const ENVIRONMENT_HELP = `
Environment (options win):
  MQTT_BROKER        mqtt://user:pass@host:port, instead of the embedded broker
  MQTT_USERNAME      login, where the URL has none
  MQTT_PASSWORD
  MQTT_TOPIC_PREFIX  first level of the topics (tinybms)
  MQTT_QOS           QoS of telemetry: 0, 1 or 2 (0)
  MQTT_RETAIN        retain register messages and texts: true or false (false)
  MQTT_HA_DISCOVERY  Home Assistant's discovery: true or false (false)
  MQTT_HA_DISCOVERY_PREFIX  its first level (homeassistant)
  MQTT_CA_CERT, MQTT_CLIENT_CERT, MQTT_CLIENT_KEY  PEM files for mqtts:// (one block each)
  MQTT_ENABLED       false: no MQTT at all`;

function commandOf(): Command {
  const speed = (text: string): number =>
    numberOf(text, (value) => value > 0 && value <= 10000, "must be above 0, at most 10000");
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
  const seed = (text: string): number => numberOf(text, isCount, "must be a whole number from 0 on");
  const devices = (text: string): number =>
    numberOf(text, (value) => isCount(value) && value >= 1 && value <= MOST_DEVICES, `must be 1 to ${MOST_DEVICES}`);
  return new Command("npm start --")
    .description("Runs the gateway's image in node: simulated TinyBMS in, CAN to a virtual GX, MQTT and HTTP out.")
    .option(
      "--scenario <name>",
      "what the battery goes through",
      checked((text) => scenarioOf(text) && text),
      "default",
    )
    .addOption(
      new Option(
        "--bms <port|url>",
        "a TinyBMS in place of the simulated one: a serial port, or tcp://host:port",
      ).conflicts(["scenario", "speed", "seed", "fault", "devices"]),
    )
    .option("--speed <n>", "battery seconds in a second; all else keeps real time", checked(speed), 1)
    .option("--seed <n>", "seed of the simulated battery", checked(seed), 1)
    .option("--http <port>", "port of the device's HTTP server", checked(portOf), DEFAULT_HTTP_PORT)
    .option(
      "--mqtt <port|url>",
      `port of the embedded broker, or a broker of yours (default: ${DEFAULT_MQTT_PORT})`,
      checked(mqttOf),
    )
    .option("--address <ip>", "where HTTP and broker are offered", "127.0.0.1")
    .option("--candump <file>", "log every CAN frame in candump format")
    .option("--storage <folder>", "keep the device's flash files there (default: forgotten at the end)")
    .option(
      `--fault <${FAULT_FORM}>`,
      "a fault of the battery's UART, times in s from the start; can be given again",
      faultOf,
      [],
    )
    .option("--devices <n>", "so many gateways, each with an id, a battery and an HTTP port", checked(devices), 1)
    .option("--control <port>", "port where scenario, speed and faults can be changed", checked(portOf), CONTROL_PORT)
    .option("--recorder", "start the recorder at once, not when its page is first opened")
    .option("--data <folder>", "keep the recorder's data there (default: forgotten at the end)")
    .option("--image <file>", "run this image instead of building the host board's")
    .addHelpText("after", `\nScenarios:\n${scenarioList()}\n\nFaults:\n${faultList()}\n${ENVIRONMENT_HELP}`);
}

/**
 * Reads the arguments after `main.ts`, and the environment. Ends the process for `--help` and for what makes no sense,
 * with a sentence that names the option or the variable.
 */
export function readCommandLine(given: string[], environment: Environment): CommandLine {
  const command = commandOf();
  refuseMissingDashes(command, environment, "npm start");
  command.parse(given, { from: "user" });
  if (command.args.length > 0) command.error(`error: do not know what to do with: ${command.args.join(" ")}`);
  const { fault, mqtt, ...options } = command.opts<
    Omit<CommandLine, "faults" | "settings" | "mqtt"> & { fault: NamedFault[]; mqtt?: number | BrokerAddress }
  >();
  try {
    const { settings, tls, isEnabled, broker } = readEnvironment(environment);
    return {
      ...options,
      faults: fault,
      settings,
      tls,
      mqtt:
        typeof mqtt === "object"
          ? withLogin(mqtt, environment)
          : (mqtt ?? (isEnabled ? (broker() ?? DEFAULT_MQTT_PORT) : "none")),
    };
  } catch (error) {
    return command.error("error: " + (error as Error).message);
  }
}

/** The rig's options of a command line; image and flash are the caller's. */
export function hostOptions({
  scenario,
  bms,
  speed,
  seed,
  http,
  address,
  mqtt,
  settings,
  tls,
  candump,
}: CommandLine): HostOptions {
  return { scenario, bms, speed, seed, http, address, mqtt, settings, tls, candump };
}
