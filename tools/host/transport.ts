// What carries the bytes of the device's network: node's sockets, or anything else that looks like them (tests bring
// their own).
import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";

/** A stream as the device's sockets use it: events data, drain, error, close, and connect of one that was asked for. */
export interface Wire {
  on<Values extends unknown[]>(event: string, listener: (...values: Values) => void): unknown;
  write(bytes: Buffer): unknown;
  readonly writableNeedDrain: boolean;
  setNoDelay(isOn: boolean): unknown;
  pause(): unknown;
  resume(): unknown;
  /** Close when all is sent, or at once. */
  destroySoon(): void;
  destroy(): unknown;
}

/** Where connections come in: the event connection, with a wire. */
export interface Door {
  on(event: "connection", listener: (wire: net.Socket) => void): unknown;
  off(event: "connection", listener: (wire: net.Socket) => void): unknown;
}

/** A UDP socket: events message (bytes, sender) and error. */
export interface Datagram {
  on<Values extends unknown[]>(event: string, listener: (...values: Values) => void): unknown;
  bind(port: number): unknown;
  send(bytes: Buffer, port: number, address: string): unknown;
  close(): unknown;
}

/** The network; `lookUp` tells null for a name that nobody knows. */
export interface Transport {
  connect(host: string, port: number): Wire;
  lookUp(name: string, tell: (address: string | null) => void): void;
  datagram(): Datagram;
}

/** Node's own. */
export const nodeTransport: Transport = {
  connect: (host, port) => net.connect({ host, port }),
  lookUp: (name, tell) => dns.lookup(name, 4, (error, address) => tell(error ? null : address)),
  datagram: () => dgram.createSocket("udp4"),
};
