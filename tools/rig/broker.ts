// An MQTT broker for the interpreter: mosquitto when it is installed, else the host's embedded one; with a client that
// hears every message, and a switch to stop and start it.
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectSocket } from "node:net";
import { connectAsync, type MqttClient } from "mqtt";
import { startBroker as startEmbedded } from "../host/broker";
import { findExecutable, stopProcess, temporaryDirectory, tied } from "./interpreter";
import { freePort, until } from "./wait";

/** A message as a subscriber of everything got it; `at` in ms since the broker was first started. */
export interface Heard {
  at: number;
  topic: string;
  payload: string;
  qos: number;
  retain: boolean;
}

export interface RigBroker {
  kind: "mosquitto" | "aedes";
  port: number;
  messages: Heard[];
  publish(topic: string, payload: string, qos?: 0 | 1 | 2): Promise<void>;
  /** Stop listening and cut every connection. */
  stop(): Promise<void>;
  /** Listen again on the same port, and hear everything again. */
  start(): Promise<void>;
  close(): Promise<void>;
}

interface Switch {
  start(): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** mosquitto, from sbin too: Debian puts it where a user's PATH may not look. */
const findMosquitto = (): string | null => findExecutable("mosquitto") ?? findExecutable("/usr/sbin/mosquitto");

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function mosquittoSwitch(mosquitto: string, port: number): Switch {
  const directory = temporaryDirectory();
  const config = join(directory.path, "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n`);
  let child: ChildProcess | null = null;
  const stop = async (): Promise<void> => {
    if (child) await stopProcess(child, "SIGTERM");
    child = null;
  };
  return {
    stop,
    start: async () => {
      child = tied(spawn(mosquitto, ["-c", config], { stdio: ["ignore", "ignore", "ignore"] }));
      await until("mosquitto listens", 5000, () => isListening(port));
    },
    close: async () => {
      await stop();
      directory.remove();
    },
  };
}

async function embeddedSwitch(port: number): Promise<Switch> {
  const broker = await startEmbedded({ port, address: "127.0.0.1", now: Date.now });
  let isFirst = true;
  return {
    stop: () => broker.stop(),
    close: () => broker.close(),
    start: async () => {
      if (!isFirst) await broker.start();
      isFirst = false;
    },
  };
}

async function listen(port: number, messages: Heard[], since: number): Promise<MqttClient> {
  const client = await connectAsync({ host: "127.0.0.1", port, clientId: "rig", reconnectPeriod: 0 });
  client.on("error", () => undefined); // a broker that is stopped
  client.on("message", (topic, payload, { qos, retain }) => {
    messages.push({ at: Date.now() - since, topic, payload: payload.toString(), qos, retain });
  });
  await client.subscribeAsync("#", { qos: 2 });
  return client;
}

/** Starts a broker on a free port of this machine; `kind` "aedes" forces the embedded one. */
export async function startBroker(kind?: "mosquitto" | "aedes"): Promise<RigBroker> {
  const port = await freePort(),
    since = Date.now(),
    messages: Heard[] = [];
  const mosquitto = kind === "aedes" ? null : findMosquitto();
  const power = mosquitto ? mosquittoSwitch(mosquitto, port) : await embeddedSwitch(port);
  let client: MqttClient | null = null;
  const hangUp = async (): Promise<void> => {
    await client?.endAsync(true);
    client = null;
  };
  const start = async (): Promise<void> => {
    await power.start();
    client = await listen(port, messages, since);
  };
  await start();
  return {
    kind: mosquitto ? "mosquitto" : "aedes",
    port,
    messages,
    start,
    publish: async (topic, payload, qos = 0) => {
      await client!.publishAsync(topic, payload, { qos });
    },
    stop: async () => {
      await hangUp();
      await power.stop();
    },
    close: async () => {
      await hangUp();
      await power.close();
    },
  };
}
