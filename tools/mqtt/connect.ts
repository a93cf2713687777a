// How the MQTT tools find their broker: options, environment, certificates; and a connection that says in words why
// there is none.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { checked, type Environment, fromEnvironment } from "../environment";
import { parseBrokerUrl, shownBroker, type BrokerAddress } from "../host/broker-url";

const CONNECT_MS = 10000,
  RECONNECT_MS = 5000;

/** What the options and the environment say; `device` is "+" when any is meant. */
export interface BrokerOptions {
  broker: BrokerAddress;
  prefix: string;
  device: string;
  ca?: string;
  cert?: string;
  key?: string;
}

export const ENVIRONMENT_HELP = `
Environment (options win):
  MQTT_BROKER        mqtt://user:pass@host:port, or mqtts:// for TLS (mqtt://127.0.0.1:1883)
  MQTT_TOPIC_PREFIX  first level of the topics (tinybms)
  MQTT_CA_CERT       file with the CA that signed the broker's certificate
  MQTT_CLIENT_CERT, MQTT_CLIENT_KEY  files of a client certificate and its key`;

function prefixOf(text: string): string {
  const prefix = text
    .split("/")
    .map((level) => level.trim())
    .filter((level) => level !== "")
    .join("/");
  if (prefix === "") throw new Error("must not be empty");
  if (/[+#\0]/.test(prefix)) throw new Error("must not hold + or #");
  return prefix;
}

function deviceOf(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(text)) throw new Error("must be 1 to 32 letters, digits, _ or -");
  return text;
}

/** Adds the options that all MQTT tools have. */
export function addBrokerOptions(command: Command): Command {
  return command
    .option("--broker <url>", "the broker", checked(parseBrokerUrl))
    .option("--prefix <topic>", "first level of the topics", checked(prefixOf))
    .option("--device <id>", "only this device", checked(deviceOf))
    .option("--ca <file>", "CA certificate, PEM")
    .option("--cert <file>", "client certificate, PEM")
    .option("--key <file>", "its key, PEM")
    .addHelpText("after", ENVIRONMENT_HELP);
}

/** Options and environment together. Throws an Error that names the variable or the option. */
export function brokerOptions(given: Partial<BrokerOptions>, environment: Environment): BrokerOptions {
  const same = (text: string): string => text;
  const {
    ca = fromEnvironment(environment, "MQTT_CA_CERT", same),
    cert = fromEnvironment(environment, "MQTT_CLIENT_CERT", same),
    key = fromEnvironment(environment, "MQTT_CLIENT_KEY", same),
  } = given;
  if ((cert === undefined) !== (key === undefined))
    throw new Error("a client certificate needs its key, and the other way round");
  return {
    broker:
      given.broker ??
      fromEnvironment(environment, "MQTT_BROKER", parseBrokerUrl) ??
      parseBrokerUrl("mqtt://127.0.0.1:1883"),
    prefix: given.prefix ?? fromEnvironment(environment, "MQTT_TOPIC_PREFIX", prefixOf) ?? "tinybms",
    device: given.device ?? "+",
    ca,
    cert,
    key,
  };
}

function fileOf(what: string, path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new Error(`cannot read the ${what}: ${isAbsent ? `there is no ${path}` : (error as Error).message}`, {
      cause: error,
    });
  }
}

/** Why there is no connection, for people: names the broker, never the password. */
function reasonOf(error: Error & { code?: string | number; errors?: Error[] }, broker: BrokerAddress): string {
  const { code, message } = (error.errors?.[0] as typeof error | undefined) ?? error;
  const known: Record<string, string> = {
    "ECONNREFUSED": "nobody listens there",
    "ENOTFOUND": "there is no such host",
    "EAI_AGAIN": "there is no such host",
    "4": "bad user name or password",
    "5": "not authorised",
  };
  return `cannot connect to ${shownBroker(broker)}: ${known[String(code)] ?? (message || String(code))}`;
}

/**
 * A connection to the broker that comes back by itself. Rejects with an Error of one line when the first try fails;
 * `lost` is told when the connection goes away later.
 */
export async function connectBroker(options: BrokerOptions, lost: () => void = () => undefined): Promise<MqttClient> {
  const { broker } = options,
    { host, port, user, pass, isTls } = broker;
  const tls: IClientOptions = isTls
    ? {
        ca: fileOf("CA certificate", options.ca),
        cert: fileOf("client certificate", options.cert),
        key: fileOf("client key", options.key),
      }
    : {};
  const client = connect({
    host,
    port,
    protocol: isTls ? "mqtts" : "mqtt",
    username: user || undefined,
    password: user && pass ? pass : undefined,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: RECONNECT_MS,
    ...tls,
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      client.end(true);
      reject(new Error(reasonOf(error, broker), { cause: error }));
    };
    client.once("error", failed);
    client.once("close", () => failed(new Error("the connection was closed, or nobody answered")));
    client.once("connect", () => {
      client.removeAllListeners("error").removeAllListeners("close");
      resolve();
    });
  });
  client.on("error", () => undefined); // it comes back by itself
  client.on("close", lost);
  return client;
}
