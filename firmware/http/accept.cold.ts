// The begin of the HTTP server and of a client.
import type { Socket } from "../kernel/ports";
import { clientEvent, type Client, type Server } from "./server";

export function serverOf(now: () => number, answer: Server["answer"]): Server {
  return { clients: [], now: now, answer: answer, requests: 0 };
}

/** A new client. What it does is looked at by the rare part; only the ears stay. */
export function accept(server: Server, socket: Socket): void {
  const client: Client = { socket: socket, rx: "", want: 0, at: server.now(), pieces: null, piece: 0 };
  clientEvent(server, client, "came");
  socket.on("data", function (bytes) {
    if (client.pieces) return;
    client.rx += bytes;
    client.at = server.now();
    if (client.rx.length >= client.want) clientEvent(server, client, "bytes");
  });
  socket.on("drain", function () { if (client.pieces) clientEvent(server, client, "drain"); });
  socket.on("close", function () { clientEvent(server, client, "gone"); });
}
