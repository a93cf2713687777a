// The embedded MQTT broker, with what a test wants of it: every message, refusals, and a switch to stop and start it.
import net from "node:net";
import { Aedes } from "aedes";
import type { AedesPublishPacket, AuthenticateError } from "aedes";
import { keep } from "../can/twai-state";
import { listenNear } from "./ports";
import type { Listening } from "./ports";

const MESSAGES_KEPT = 10000,
  BAD_CREDENTIALS = 4;

/** A message as it reached the broker; `payload` is UTF-8 text. */
export interface Message {
  at: number;
  topic: string;
  payload: string;
  qos: number;
  retain: boolean;
}

export interface BrokerOptions {
  /** 0: any free port. */
  port: number;
  address: string;
  /** The caller's clock, ms. */
  now(): number;
}

export interface Broker {
  listening: Listening;
  isUp(): boolean;
  /** The newest messages, oldest first; at least the last 10,000. */
  messages: Message[];
  /** What is retained, by topic. */
  retained: Map<string, Message>;
  /** The only user that may connect; null: everybody may. */
  credentials: { user: string; pass: string } | null;
  /** Ids of the clients that are connected. */
  clients(): string[];
  publish(topic: string, payload: string, options?: { qos?: 0 | 1 | 2; retain?: boolean }): Promise<void>;
  /** Stop listening and cut every connection; what is retained stays. */
  stop(): Promise<void>;
  /** Listen again on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

function remember(broker: Broker, now: () => number, packet: AedesPublishPacket): void {
  if (packet.topic.startsWith("$SYS/")) return;
  const { topic, qos, retain } = packet,
    payload = packet.payload.toString();
  const message = { at: now(), topic, payload, qos, retain };
  keep(broker.messages, message, MESSAGES_KEPT);
  if (retain && payload === "") broker.retained.delete(topic);
  else if (retain) broker.retained.set(topic, message);
}

function closeServer(server: net.Server, wires: Set<net.Socket>): Promise<void> {
  wires.forEach((wire) => wire.destroy());
  return new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
}

/** Start a broker on `port` or the next free one. Rejects with a sentence when no port is free. */
export async function startBroker({ port, address, now }: BrokerOptions): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const clients = new Set<string>(),
    wires = new Set<net.Socket>();
  const server = net.createServer((wire) => {
    wires.add(wire);
    wire.on("close", () => wires.delete(wire));
    aedes.handle(wire);
  });
  const closeBroker = (): Promise<void> => new Promise((resolve) => aedes.close(() => resolve()));
  const listening = await listenNear(server, port, address).catch(async (error: unknown) => {
    await closeBroker();
    throw error;
  });
  const broker: Broker = {
    listening,
    isUp: () => server.listening,
    messages: [],
    retained: new Map(),
    credentials: null,
    clients: () => [...clients],
    publish: (topic, payload, { qos = 0, retain = false } = {}) =>
      new Promise((resolve, reject) => {
        aedes.publish({ cmd: "publish", topic, payload, qos, retain, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        );
      }),
    stop: () => closeServer(server, wires),
    start: async () => {
      await listenNear(server, broker.listening.port, address);
    },
    close: async () => {
      await closeServer(server, wires);
      await closeBroker();
    },
  };
  aedes.authenticate = (_client, user, pass, done) => {
    const wanted = broker.credentials;
    const isGood = wanted === null || (user === wanted.user && pass?.toString() === wanted.pass);
    if (isGood) done(null, true);
    else
      done(
        Object.assign(new Error("bad user name or password"), { returnCode: BAD_CREDENTIALS }) as AuthenticateError,
        false,
      );
  };
  aedes.on("client", (client) => clients.add(client.id));
  aedes.on("clientDisconnect", (client) => clients.delete(client.id));
  aedes.on("publish", (packet) => remember(broker, now, packet));
  return broker;
}
