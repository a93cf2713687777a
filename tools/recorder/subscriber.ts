// The connection that records: a session that the broker keeps, QoS 1, and a PUBACK only when the store says that a
// message is kept.
import { randomBytes } from "node:crypto";
import {
  connect,
  connectAsync,
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
} from "mqtt";
import type { Message } from "./effects";

const EXPIRY_S = 7 * 86_400,
  RECEIVE_MAXIMUM = 5000,
  RECONNECT_MS = 5000,
  CONNECT_MS = 30_000,
  KEEPALIVE_S = 30,
  PROBE_MS = 3000;
/** Kind and length of a PUBACK, before the message's id. */
const PUBACK = 0x40020000;
const BAD_VERSION = [1, 132],
  TAKEN_OVER = 142,
  MOST_TAKEOVERS = 3,
  MINUTE = 60_000;

/**
 * Messages that a broker sends before it waits for a PUBACK, by what it speaks: MQTT 5 as we ask for, else as brokers
 * do.
 */
export const WINDOW = { 5: RECEIVE_MAXIMUM, 4: 10 } as const;

/** How to reach the broker; what mqtt.js needs. */
export type Reach = Pick<
  IClientOptions,
  "host" | "port" | "protocol" | "username" | "password" | "ca" | "cert" | "key"
>;

export interface SubscriberOptions {
  reach: Reach;
  /** Client id: the broker keeps the session under it. */
  id: string;
  prefix: string;
  /** Topics to ask for: the prefix's, or all. */
  filter: string;
  /** Share the messages with the others of this group. */
  group?: string;
  /** Filters that the session has from before, and that are not wanted any more. What waits in it stays. */
  leaves?: string[];
  /**
   * A message came; `ack` tells the broker that it is kept (QoS 1), and does nothing once the connection has changed.
   */
  received(message: Message, isHeld: boolean, ack: () => void): void;
  changed(isUp: boolean, hasSession: boolean): void;
  warn(text: string, error?: unknown): void;
  now(): number;
  /** Until it connects again, ms. */
  reconnectMs?: number;
}

/** mqtt.js sends no PUBACK for a message whose handler fails, and reads on. */
const HELD = new Error("held");

export class Subscriber {
  version: 5 | 4 = 5;
  isUp = false;
  /** How often the connection was lost, since the start. */
  losses = 0;
  private client: MqttClient | null = null;
  private starting: NodeJS.Timeout | undefined;
  private connection = 0;
  private isPaused = false;
  private isStopped = false;
  private isAsked = false;
  private isDeaf = false;
  private takeovers: number[] = [];
  /** This process has said that the id is its own. */
  private hasClaimed = false;
  /** The connection that another one took is counted once, however many ways tell of it. */
  private isCounted = false;
  /** Ids to answer, on the connection that is up. */
  private late: number[] = [];
  /** Tells this process from another one with the same id. */
  private readonly instance = randomBytes(6).toString("hex");
  private fail: (error: Error) => void = () => undefined;
  /** Rejects when going on makes no sense. */
  readonly failed: Promise<never> = new Promise((_, reject) => {
    this.fail = reject;
  });

  constructor(private readonly options: SubscriberOptions) {
    this.failed.catch(() => undefined);
  }

  /** Connect, and again whenever the connection is lost. */
  start(): void {
    const { reach, id, reconnectMs = RECONNECT_MS } = this.options;
    const properties =
      this.version === 5 ? { sessionExpiryInterval: EXPIRY_S, receiveMaximum: RECEIVE_MAXIMUM } : undefined;
    const client = connect({
      ...reach,
      clientId: id,
      clean: false,
      protocolVersion: this.version,
      properties,
      keepalive: KEEPALIVE_S,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: reconnectMs,
      resubscribe: false,
    });
    this.client = client;
    let hasAnswered = false,
      hasFailed = false;
    client.handleMessage = (packet, done) => this.take(client, packet, done);
    client.on("connect", (connack) => {
      hasAnswered = true;
      void this.connected(client, connack);
    });
    client.on("disconnect", ({ reasonCode }) => {
      if (reasonCode === TAKEN_OVER && client === this.client) this.takenOver();
    });
    client.on("error", (error) => {
      hasFailed = true;
      if (BAD_VERSION.includes((error as { code?: number }).code ?? -1)) this.speakOther(client);
      else this.options.warn("broker", error);
    });
    client.on("close", () => {
      this.lost(client);
      // RabbitMQ and aedes hang up on a version that they do not know. A broker that goes down does it too, so MQTT 5
      // is asked for again.
      if (this.version === 4 || (!hasAnswered && !hasFailed)) this.speakOther(client);
      hasFailed = false;
    });
  }

  /**
   * Go on with the other version: at once with the older one, with the newer one when the broker has had time to come
   * back.
   */
  private speakOther(client: MqttClient): void {
    if (this.isStopped || this.isPaused || client !== this.client) return;
    client.end(true);
    this.client = null;
    const wait_ms = this.version === 5 ? 0 : (this.options.reconnectMs ?? RECONNECT_MS);
    this.version = this.version === 5 ? 4 : 5;
    this.starting = setTimeout(() => this.start(), wait_ms);
  }

  private lost(client: MqttClient): void {
    if (!this.isUp || client !== this.client) return;
    this.isUp = false;
    this.losses++;
    this.connection++;
    this.late = [];
    this.options.changed(false, false);
  }

  /**
   * Where it is retained which process has this id: few brokers tell the one whose session was taken over. Who comes
   * back and finds another one's name where its own was knows it.
   */
  private get claim(): string {
    return `${this.options.prefix}/${this.options.id}/test`;
  }

  private heardClaim(instance: string): void {
    if (this.hasClaimed && instance !== this.instance) this.takenOver();
  }

  private takenOver(): void {
    if (this.isCounted) return;
    this.isCounted = true;
    const now = this.options.now();
    this.takeovers = [...this.takeovers.filter((at) => now - at < MINUTE), now];
    if (this.takeovers.length < MOST_TAKEOVERS) return;
    this.fail(
      new Error(`another recorder uses the id ${this.options.id}: give each its own --name (and its own --data)`),
    );
    void this.stop();
  }

  private async connected(client: MqttClient, { sessionPresent }: IConnackPacket): Promise<void> {
    this.connection++;
    this.isCounted = false;
    this.late = [];
    const { filter, group, prefix, warn, changed } = this.options;
    try {
      if (group !== undefined && !this.isAsked) await proveSharing(client, prefix);
      if (this.options.leaves) await client.unsubscribeAsync(this.options.leaves);
      if (!sessionPresent || !this.isAsked) {
        const topic = group === undefined ? filter : `$share/${group}/${filter}`;
        const [granted] = await client.subscribeAsync(topic, { qos: 1 });
        if (!granted || granted.qos === 128) throw new Error(`the broker refuses the subscription to ${topic}`);
      }
      await client.subscribeAsync(this.claim, { qos: 0 });
      this.isAsked = true;
      this.isUp = true;
      // QoS 0: mqtt.js would send a lost QoS 1 message again before the claim of another one is read.
      client.publish(this.claim, this.instance, { qos: 0, retain: true });
      this.hasClaimed = true;
      changed(true, sessionPresent);
    } catch (error) {
      if (error instanceof NotShared) return this.fail(error);
      warn("subscription", error);
      if (client.connected) client.stream.destroy();
    }
  }

  /** A message: QoS 1 is answered later, by `ack`. */
  private take(client: MqttClient, packet: IPublishPacket, done: (error?: Error) => void): void {
    const { topic, qos, retain, dup, messageId } = packet,
      connection = this.connection;
    const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
    const isHeld = qos === 1 && messageId !== undefined;
    if (topic === this.claim) {
      this.heardClaim(payload.toString());
      return done();
    }
    if (this.isDeaf) return done(isHeld ? HELD : undefined);
    const message = { topic, payload, qos, retain, dup, arrival: this.options.now() };
    // No name for this function: giving it one costs more than calling it.
    this.options.received(message, isHeld, () => this.answer(client, connection, isHeld ? messageId : undefined));
    done(isHeld ? HELD : undefined);
  }

  /** PUBACK, unless the connection on which the message came is gone. */
  private answer(client: MqttClient, connection: number, messageId: number | undefined): void {
    if (messageId === undefined || connection !== this.connection || !client.connected) return;
    if (this.late.push(messageId) === 1) setImmediate(() => this.sendLate());
  }

  /**
   * The PUBACKs of a batch in one write: mqtt.js has no late ones, and one by one they cost more than the messages.
   * Success is the same four bytes in MQTT 3.1.1 and 5.
   */
  private sendLate(): void {
    const ids = this.late,
      bytes = Buffer.allocUnsafe(4 * ids.length);
    this.late = [];
    if (ids.length === 0 || !this.client?.connected) return;
    for (const [i, id] of ids.entries()) bytes.writeUInt32BE(PUBACK + id, 4 * i);
    this.client.stream.write(bytes);
  }

  /** Take nothing more, but stay connected for the answers to what was taken. */
  stopReading(): void {
    this.isDeaf = true;
  }

  /** Hang up; the broker keeps what is QoS 1. */
  pause(): void {
    if (this.isPaused || (!this.client && !this.starting)) return;
    this.isPaused = true;
    clearTimeout(this.starting);
    this.sendLate();
    this.client?.end(false);
  }

  resume(): void {
    if (!this.isPaused || this.isStopped) return;
    this.isPaused = false;
    this.start();
  }

  /** DISCONNECT; the broker keeps the session, and forgets the claim. */
  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    clearTimeout(this.starting);
    this.hasClaimed = false;
    this.sendLate();
    if (this.isUp) this.client?.publish(this.claim, "", { qos: 0, retain: true });
    await this.client?.endAsync(false).catch(() => undefined);
  }
}

/** The broker keeps nothing more for this id. */
export async function forgetSession(reach: Reach, clientId: string, protocolVersion: 4 | 5): Promise<void> {
  const client = await connectAsync({ ...reach, clientId, clean: true, protocolVersion, reconnectPeriod: 0 });
  await client.endAsync();
}

class NotShared extends Error {
  constructor(why: string) {
    super(`${why}: --group cannot be used with this broker; use --shard k/n, which needs nothing of it`);
  }
}

/**
 * Some brokers grant a shared subscription and deliver nothing. So one message through a group of our own must come
 * first. The topic is one that recorders ignore.
 */
export async function proveSharing(client: MqttClient, prefix: string): Promise<void> {
  const name = randomBytes(6).toString("hex"),
    topic = `${prefix}/probe-${name}/test`,
    shared = `$share/probe-${name}/${topic}`;
  const heard = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), PROBE_MS);
    client.on("message", function hear(told) {
      if (told !== topic) return;
      clearTimeout(timer);
      client.off("message", hear);
      resolve(true);
    });
  });
  const [granted] = await client.subscribeAsync(shared, { qos: 1 }).catch(() => []);
  if (!granted || granted.qos === 128) throw new NotShared("the broker refuses shared subscriptions");
  await client.publishAsync(topic, name, { qos: 1 });
  const isHeard = await heard;
  await client.unsubscribeAsync(shared).catch(() => undefined);
  if (!isHeard) throw new NotShared("the broker grants shared subscriptions but does not deliver through them");
}
