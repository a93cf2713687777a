// A network in virtual time for the device: streams, a broker, a time server and an HTTP client that all live on one
// clock, so that a day of traffic is the same each time.
import { EventEmitter } from "node:events";
import type net from "node:net";
import mqttPacket from "mqtt-packet";
import type { HostClock } from "./clock";
import { timeAnswer } from "./time-server";
import type { Datagram, Door, Transport, Wire } from "./transport";

/** One way through the network, ms. */
const LATENCY_MS = 2,
  LOOPBACK = "127.0.0.1";
export const BROKER_PORT = 1883;

/** One end of a stream; what comes while it is paused waits. */
interface End extends Wire {
  emit(event: string, ...values: unknown[]): boolean;
  isPaused: boolean;
  held: Buffer[];
  isOver: boolean;
}

function endOf(clock: HostClock, peer: () => End): End {
  const end: End = Object.assign(new EventEmitter(), {
    isPaused: false,
    held: [] as Buffer[],
    isOver: false,
    writableNeedDrain: false,
    write: (bytes: Buffer) => {
      clock.schedule(LATENCY_MS, () => {
        const other = peer();
        if (other.isPaused) other.held.push(bytes);
        else if (!other.isOver) other.emit("data", bytes);
      });
    },
    setNoDelay: () => undefined,
    pause: () => {
      end.isPaused = true;
    },
    resume: () => {
      end.isPaused = false;
      while (!end.isPaused && end.held.length > 0) end.emit("data", end.held.shift());
    },
    destroy: () => {
      for (const side of [end, peer()]) {
        clock.schedule(LATENCY_MS, () => {
          if (!side.isOver) side.emit("close");
          side.isOver = true;
        });
      }
    },
    destroySoon: () => {
      end.destroy();
    },
  });
  return end;
}

/** Both ends of a stream. */
export function wirePair(clock: HostClock): [Wire, Wire] {
  const left: End = endOf(clock, () => right),
    right: End = endOf(clock, () => left);
  return [left, right];
}

/** What a broker has heard, and its power. */
export interface VirtualBroker {
  isUp: boolean;
  /** Messages since the start, sessions that began, and the newest message of each topic. */
  messages: number;
  sessions: number;
  newest: Map<string, { at: number; payload: string }>;
  /** Told of each message. */
  listeners: ((topic: string, payload: string) => void)[];
  /** Stop and cut everybody off, or start. */
  switch(isOn: boolean): void;
  accept(wire: Wire): void;
  /** A message at QoS 0 to everybody, whatever they subscribed. */
  send(topic: string, payload: string): void;
}

/** Takes everybody and everything, answers each QoS, hands nothing on. MQTT 3.1.1 by the parser of the mqtt package. */
export function virtualBroker(clock: HostClock): VirtualBroker {
  const wires = new Set<Wire>();
  const answers: Record<string, (packet: mqttPacket.Packet) => object | null> = {
    connect: () => {
      broker.sessions++;
      return { cmd: "connack", returnCode: 0, sessionPresent: false };
    },
    subscribe: ({ messageId, subscriptions }: mqttPacket.Packet & { subscriptions?: { qos: number }[] }) => ({
      cmd: "suback",
      messageId,
      granted: (subscriptions ?? []).map(({ qos }) => qos),
    }),
    publish: (packet) => {
      const { topic, payload, qos, messageId } = packet as mqttPacket.IPublishPacket;
      broker.messages++;
      broker.listeners.forEach((listener) => listener(topic, payload.toString()));
      broker.newest.set(topic, { at: clock.now(), payload: payload.toString() });
      return qos ? { cmd: qos > 1 ? "pubrec" : "puback", messageId } : null;
    },
    pubrel: ({ messageId }) => ({ cmd: "pubcomp", messageId }),
    pingreq: () => ({ cmd: "pingresp" }),
  };
  const broker: VirtualBroker = {
    isUp: true,
    messages: 0,
    sessions: 0,
    newest: new Map(),
    listeners: [],
    switch: (isOn) => {
      broker.isUp = isOn;
      if (!isOn) wires.forEach((wire) => wire.destroy());
    },
    send: (topic, payload) => {
      const packet = mqttPacket.generate({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false });
      wires.forEach((wire) => wire.write(packet));
    },
    accept: (wire) => {
      const parser = mqttPacket.parser({ protocolVersion: 4 });
      wires.add(wire);
      wire.on("close", () => wires.delete(wire));
      wire.on("data", (bytes: Buffer) => parser.parse(bytes));
      parser.on("packet", (packet) => {
        const answer = answers[packet.cmd]?.(packet);
        if (answer) wire.write(mqttPacket.generate(answer as mqttPacket.Packet, { protocolVersion: 4 }));
      });
    },
  };
  return broker;
}

/** A time server that tells `seconds()`. */
function timeSocket(clock: HostClock, seconds: () => number): Datagram {
  const socket = new EventEmitter();
  return Object.assign(socket, {
    bind: () => undefined,
    close: () => {
      socket.removeAllListeners();
    },
    send: (bytes: Buffer, port: number, address: string) => {
      clock.schedule(2 * LATENCY_MS, () =>
        socket.emit("message", timeAnswer(bytes, seconds(), "good"), { address, port }),
      );
    },
  });
}

/**
 * The network of a device: every name is this machine, every host answers as the broker, every datagram goes to the
 * time server.
 */
export function virtualTransport(clock: HostClock, broker: VirtualBroker, seconds: () => number): Transport {
  return {
    lookUp: (_name, tell) => {
      clock.schedule(LATENCY_MS, () => tell(LOOPBACK));
    },
    datagram: () => timeSocket(clock, seconds),
    connect: () => {
      const [near, far] = wirePair(clock);
      clock.schedule(LATENCY_MS, () => {
        broker.accept(far);
        (near as End).emit("connect");
      });
      return near;
    },
  };
}

/** An answer as it has come so far; `isOver` when the device has closed. */
export interface Exchange {
  text: string;
  at: number;
  isOver: boolean;
  wire: Wire;
}

/** Connect to the device's server and send `bytes`. */
export function exchangeWith(clock: HostClock, door: Door & EventEmitter, bytes: string): Exchange {
  const [near, far] = wirePair(clock),
    exchange: Exchange = { text: "", at: NaN, isOver: false, wire: near };
  near.on("data", (piece: Buffer) => {
    exchange.text += piece.toString("latin1");
  });
  near.on("close", () => {
    exchange.isOver = true;
    exchange.at = clock.now();
  });
  clock.schedule(LATENCY_MS, () => {
    door.emit("connection", far as unknown as net.Socket);
  });
  if (bytes) near.write(Buffer.from(bytes, "latin1"));
  return exchange;
}

/**
 * The JSON of an answer with status 200; null while it is under way, for any other, and for one that was cut off by a
 * flood of clients.
 */
export function jsonOf<T>({ text, isOver }: Exchange): T | null {
  if (!isOver || !text.startsWith("HTTP/1.1 200")) return null;
  try {
    return JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as T;
  } catch {
    return null;
  }
}
