// A tiny HTTP/1.1 server on connections: bounded requests, answers in pieces, one request a connection (RFC 9112). The
// interpreter's own server leaks a socket for each client that leaves early.
import type { Socket } from "../kernel/ports";

/**
 * The pieces of an answer; "" ends it, null is not there yet: who has it calls `clientEvent(server, client, "drain")`.
 */
export type Pieces = (piece: number) => string | null;

export interface Client {
  socket: Socket;
  rx: string;
  /** Length at which the request is complete, or its next chunk; the header's end is not known while it is 0. */
  want: number;
  /** Of a body in chunks those that are whole, and how many they are; ENDED behind the last. */
  body: string;
  chunks: number;
  /** What came has a turn to come in which it is looked at. */
  isPlanned: boolean;
  /** When it last did something (ms). */
  at: number;
  pieces: Pieces | null;
  piece: number;
}

/** In place of the number of chunks: all are there. */
export const ENDED = -1;

export interface Server {
  clients: Client[];
  /** The port that it listens on; 0: it does not yet. The setting http.port may be another one by now. */
  port: number;
  now(): number;
  /** What answers is not done in "data", but by this. */
  soon(work: () => void): void;
  /** Answer a request: method, path, headers as they came, body, and what stands behind the path's question mark. */
  answer(method: string, path: string, header: string, body: string, query: string): Pieces;
  requests: number;
  /** Wrong passwords that came one after the other, and when the last one did (ms). */
  wrong: number;
  wrongAt: number;
}
