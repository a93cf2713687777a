// What happens to a client: it is admitted, its request answered in pieces, and it leaves (by itself, or because it is silent).
import { respond } from "./clients-parts";
import type { Client, Server } from "./server";

/** Clients at a time, bytes of a header and of a body, and the longest silence of a client, ms. */
const CLIENTS = 4, MOST_HEADER = 1024, MOST_BODY = 4096, IDLE_MS = 10000;

function remove(server: Server, client: Client): void {
  const at = server.clients.indexOf(client);
  if (at >= 0) server.clients.splice(at, 1);
}

function sendNext(server: Server, client: Client): void {
  const text = client.pieces ? client.pieces(client.piece) : "";
  client.at = server.now();
  if (text === null) return;
  client.piece++;
  if (text) {
    client.socket.write(text);
  } else {
    remove(server, client);
    client.socket.end();
  }
}

function admit(server: Server, client: Client): void {
  const clients = server.clients;
  if (clients.length >= CLIENTS) {
    let oldest = clients[0];
    for (const other of clients) if (other.at < oldest.at) oldest = other;
    remove(server, oldest);
    oldest.socket.end();
  }
  clients.push(client);
}

function received(server: Server, client: Client): void {
  const rx = client.rx, end = rx.indexOf("\r\n\r\n"); // the interpreter also finds the begin of it at the end of what came
  if (client.want === 0 && (end < 0 || end + 4 > rx.length) && rx.length <= MOST_HEADER) return;
  respond(server, client, MOST_HEADER, MOST_BODY);
  if (client.pieces) {
    client.rx = "";
    server.requests++;
    sendNext(server, client);
  }
}

/**
 * What happened to a client: it came (when all places are taken the one that has been silent longest makes room), more of
 * its request came, its output left, it went. One whose place was taken may still be heard, and is not answered.
 */
export function clientEvent(server: Server, client: Client, event: "came" | "bytes" | "drain" | "gone"): void {
  if (event === "came") admit(server, client);
  else if (server.clients.indexOf(client) < 0) return;
  else if (event === "bytes") received(server, client);
  else if (event === "drain") sendNext(server, client);
  else remove(server, client);
}

/** Close clients that have been silent too long. */
export function sweep(server: Server, now: number): void {
  for (const client of server.clients.slice()) {
    if (now - client.at > IDLE_MS) {
      remove(server, client);
      client.socket.end();
    }
  }
}
