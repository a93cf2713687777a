// A second, plain connection: to publish, to hear answers, to hear devices that somebody watches, and to sweep what is
// retained.
import { connect, type MqttClient } from "mqtt";
import type { Message } from "./effects";
import type { Reach } from "./subscriber";

const RECONNECT_MS = 5000,
  CONNECT_MS = 30_000,
  SWEEP_MS = 2000,
  QUIET_MS = 500;

export interface Side {
  publish(topic: string, payload: string): Promise<void>;
  /**
   * Subscribe until the function that is returned is called; `heard` gets the messages of this topic (or below this
   * filter's `#`).
   */
  listen(filter: string, qos: 0 | 1, heard: (message: Message) => void): Promise<() => void>;
  /** Hear once all that is retained below a filter. */
  sweep(filter: string, heard: (message: Message) => void): Promise<void>;
  close(): Promise<void>;
}

/** Does a topic fit a filter? `+` stands for one level, `#` at the end for all that follow. */
export function fits(filter: string, topic: string): boolean {
  const wanted = filter.split("/"),
    levels = topic.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (level !== "+" && level !== levels[i]) return false;
  }
  return wanted.length === levels.length;
}

/** Until nothing retained has come for a moment. */
async function sweep(
  listen: Side["listen"],
  filter: string,
  heard: (message: Message) => void,
  now: () => number,
): Promise<void> {
  const began = now();
  let last = began;
  const end = await listen(filter, 1, (message) => {
    last = now();
    if (message.retain) heard(message);
  });
  while ((now() - last < QUIET_MS || now() - began < SWEEP_MS) && now() - began < SWEEP_MS * 5) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS / 2));
  }
  end();
}

/** Connects at the first use. */
export function openSide(reach: Reach, id: string, now: () => number): Side {
  const listeners = new Map<string, Set<(message: Message) => void>>(),
    leaving = new Map<string, Promise<unknown>>();
  let client: MqttClient | null = null;
  const hear = (
    topic: string,
    payload: Buffer,
    { qos, retain, dup }: { qos: number; retain: boolean; dup: boolean },
  ): void => {
    for (const [filter, all] of listeners) {
      if (fits(filter, topic)) for (const heard of all) heard({ topic, payload, qos, retain, dup, arrival: now() });
    }
  };
  const open = (): MqttClient => {
    if (client) return client;
    client = connect({
      ...reach,
      clientId: id,
      clean: true,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: CONNECT_MS,
    });
    client.on("error", () => undefined); // it comes back by itself
    client.on("message", hear);
    return client;
  };
  const listen: Side["listen"] = async (filter, qos, heard) => {
    const own = listeners.get(filter) ?? new Set();
    listeners.set(filter, own.add(heard));
    // Some brokers (aedes) work on both at once: the end of an earlier subscription could end this one.
    await leaving.get(filter);
    await open().subscribeAsync(filter, { qos });
    return () => {
      own.delete(heard);
      if (own.size > 0 || !listeners.delete(filter)) return;
      const left = open()
        .unsubscribeAsync(filter)
        .catch(() => undefined);
      leaving.set(filter, left);
      void left.then(() => leaving.get(filter) === left && leaving.delete(filter));
    };
  };
  return {
    listen,
    publish: async (topic, payload) => {
      await open().publishAsync(topic, payload, { qos: 1, retain: false });
    },
    sweep: (filter, heard) => sweep(listen, filter, heard, now),
    close: async () => {
      await client?.endAsync(true).catch(() => undefined);
    },
  };
}
