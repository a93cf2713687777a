// An SNTP server for the rig: right, or wrong in each way that a device must stand (RFC 4330).
import dgram from "node:dgram";
import type { AddressInfo } from "node:net";
import type { Clock } from "../simulator/clock";
import { hostClock } from "./clock";
import type { Transport } from "./transport";

/** From 1900 to 1970, and the length of an NTP era (s). */
const UNIX = 2208988800,
  ERA = 4294967296;

/**
 * What it does: answers; says nothing; answers late; wants to be left alone; is not synchronised itself; sends noise;
 * echoes another token.
 */
export type TimeManner =
  | "good"
  | "silent"
  | "late"
  | "kiss"
  | "unsynchronised"
  | "noise"
  | "foreign"
  | "client mode"
  | "stratum 16"
  | "no time";

export interface TimeServer {
  port: number;
  /** s since 1970, as it tells them. */
  now(): number;
  manner: TimeManner;
  /** What it waits by and notes times by. */
  clock: Clock;
  /** A late answer comes after this, ms of `clock`. */
  lateMs: number;
  /** When requests came in, ms of `clock`. */
  requests: number[];
  close(): Promise<void>;
}

function putTime(packet: Buffer, at: number, seconds: number): void {
  const whole = Math.floor(seconds),
    part = Math.floor((seconds - whole) * ERA);
  packet.writeUInt32BE((whole + UNIX) % ERA, at);
  packet.writeUInt32BE(part, at + 4);
}

/** The answer to a request in a manner. */
export function timeAnswer(request: Buffer, seconds: number, manner: TimeManner): Buffer {
  if (manner === "noise") return Buffer.from("this is no time at all, but long enough to look like one, isn't it");
  const packet = Buffer.alloc(48),
    leap = manner === "unsynchronised" ? 3 : 0;
  packet[0] = (leap << 6) | (4 << 3) | (manner === "client mode" ? 3 : 4);
  packet[1] = manner === "kiss" ? 0 : manner === "stratum 16" ? 16 : 2;
  if (manner === "kiss") packet.write("RATE", 12);
  request.copy(packet, 24, 40, 48);
  if (manner === "foreign") packet[31]! ^= 1;
  putTime(packet, 32, seconds);
  if (manner !== "no time") putTime(packet, 40, seconds);
  return packet;
}

/** A server on a free port of this machine that tells `now`. */
export async function startTimeServer(now: () => number): Promise<TimeServer> {
  const socket = dgram.createSocket("udp4"),
    cancels = new Set<() => void>();
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  const server: TimeServer = {
    port: (socket.address() as AddressInfo).port,
    now,
    clock: hostClock(),
    manner: "good",
    lateMs: 0,
    requests: [],
    close: () => {
      cancels.forEach((cancel) => cancel());
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
  socket.on("message", (request, { port, address }) => {
    server.requests.push(server.clock.now());
    if (server.manner === "silent") return;
    const answer = timeAnswer(request, server.now(), server.manner);
    cancels.add(
      server.clock.schedule(server.manner === "late" ? server.lateMs : 0, () => socket.send(answer, port, address)),
    );
  });
  return server;
}

/** Where time servers listen, and the one that the settings name at first. */
export const TIME_NAME = "pool.ntp.org";
const TIME_PORT = 123,
  LOOPBACK = "127.0.0.1";

/** A network that has that time server itself, and tells `seconds`: the time is known without the internet. */
export function withTimeServer(network: Transport, seconds: () => number): Transport {
  return {
    ...network,
    lookUp: (name, tell) => (name === TIME_NAME ? setImmediate(tell, LOOPBACK) : network.lookUp(name, tell)),
    datagram: () => {
      const socket = network.datagram(),
        hears: ((answer: Buffer, from: { address: string; port: number }) => void)[] = [];
      let isOpen = true;
      return {
        bind: (port) => socket.bind(port),
        on: (event, listener) => {
          if (event === "message") hears.push(listener as never);
          return socket.on(event, listener);
        },
        send: (bytes, port, address) => {
          if (port !== TIME_PORT || address !== LOOPBACK) return socket.send(bytes, port, address);
          setImmediate(() => {
            if (isOpen) hears.forEach((hear) => hear(timeAnswer(bytes, seconds(), "good"), { address, port }));
          });
        },
        close: () => {
          isOpen = false;
          return socket.close();
        },
      };
    },
  };
}
