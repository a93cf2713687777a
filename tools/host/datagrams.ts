// Espruino's `dgram` on node's UDP sockets: byte strings, one socket a request, nothing thrown by the network.
// Source: libs/network of Espruino 2v29, tried on Linux (behaviour only).
import type { HostClock } from "./clock";
import type { NetworkFaults } from "./faults";
import { answerName, NAME_PORT } from "./name-server";
import { latin1 } from "./natives";
import type { Realm } from "./realm";
import type { Datagram, Transport } from "./transport";
import { GATEWAY } from "./wifi";

type Callback = (...values: unknown[]) => void;

/** What UDP needs of the device. */
export interface DatagramHooks {
  realm: Realm;
  clock: HostClock;
  faults: NetworkFaults;
  transport: Transport;
  run(callback: Callback, values: unknown[]): void;
}

export interface Datagrams {
  /** What `require("dgram")` gives. */
  module: { createSocket(type: unknown): object };
  /** Close everything without a word to the image. */
  dispose(): void;
}

/** What the device loses or hears of a packet: nothing while it has no network. */
const isCut = ({ faults }: DatagramHooks): boolean => faults.wifi === "down" || faults.stalled !== "none";

function createSocket(hooks: DatagramHooks, open: Set<Datagram>): object {
  const wire = hooks.transport.datagram(),
    listeners: Callback[] = [];
  const tell = (bytes: string, address: string, port: number): void =>
    listeners.forEach((listener) => hooks.run(listener, [bytes, { address, port, size: bytes.length }]));
  open.add(wire);
  wire.on("error", () => undefined); // an ICMP answer: the image never hears of it
  wire.on("message", (bytes: Buffer, { address, port }: { address: string; port: number }) => {
    if (!isCut(hooks)) tell(bytes.toString("latin1"), address, port);
  });
  /** The gateway's name server: silent while names are not to be had. */
  const askName = (packet: string): void => {
    if (hooks.faults.dns === "fails") return;
    answerName(latin1(packet), hooks.transport.lookUp, (answer) =>
      hooks.clock.soon(() => {
        if (open.has(wire)) tell(answer.toString("latin1"), GATEWAY, NAME_PORT);
      }),
    );
  };
  return {
    bind: (port: unknown) => {
      wire.bind(Number(port));
    },
    on: (event: unknown, callback: unknown) => {
      if (event !== "message" || typeof callback !== "function") {
        hooks.realm.fail("the host's UDP sockets know the event message alone, and a function");
      }
      listeners.push(callback as Callback);
    },
    send: (packet: unknown, port: unknown, ip: unknown) => {
      if (typeof packet !== "string" || typeof port !== "number" || typeof ip !== "string" || !/^[\d.]+$/.test(ip)) {
        hooks.realm.fail("dgram send: the host takes a string, a port and an IPv4 address");
      }
      if (isCut(hooks)) return;
      if (ip === GATEWAY && port === NAME_PORT) askName(packet as string);
      else wire.send(latin1(packet as string), port as number, ip as string);
    },
    close: () => {
      if (open.delete(wire)) wire.close();
    },
  };
}

/** The `dgram` module. */
export function createDatagrams(hooks: DatagramHooks): Datagrams {
  const open = new Set<Datagram>();
  return {
    module: {
      createSocket: (type) =>
        type === "udp4" ? createSocket(hooks, open) : hooks.realm.fail("createSocket: the host knows udp4 alone"),
    },
    dispose: () => {
      open.forEach((wire) => wire.close());
      open.clear();
    },
  };
}
