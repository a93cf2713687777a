// Espruino's `dgram` on node's UDP sockets: byte strings, one socket a request, nothing thrown by the network.
// Source: libs/network of Espruino 2v29, tried on Linux (behaviour only).
import type { NetworkFaults } from "./faults";
import { latin1 } from "./natives";
import type { Realm } from "./realm";
import type { Datagram, Transport } from "./transport";

type Callback = (...values: unknown[]) => void;

/** What UDP needs of the device. */
export interface DatagramHooks {
  realm: Realm; faults: NetworkFaults; transport: Transport;
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
  const wire = hooks.transport.datagram(), listeners: Callback[] = [];
  open.add(wire);
  wire.on("error", () => undefined); // an ICMP answer: the image never hears of it
  wire.on("message", (bytes: Buffer, { address, port }: { address: string; port: number }) => {
    if (isCut(hooks)) return;
    listeners.forEach((listener) => hooks.run(listener, [bytes.toString("latin1"), { address, port, size: bytes.length }]));
  });
  return {
    bind: (port: unknown) => { wire.bind(Number(port)); },
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
      if (!isCut(hooks)) wire.send(latin1(packet as string), port as number, ip as string);
    },
    close: () => { if (open.delete(wire)) wire.close(); },
  };
}

/** The `dgram` module. */
export function createDatagrams(hooks: DatagramHooks): Datagrams {
  const open = new Set<Datagram>();
  return {
    module: {
      createSocket: (type) => (type === "udp4" ? createSocket(hooks, open) : hooks.realm.fail("createSocket: the host knows udp4 alone")),
    },
    dispose: () => {
      open.forEach((wire) => wire.close());
      open.clear();
    },
  };
}
