// The name server of an interpreter's network, on a free port: the prelude takes port 53 of the gateway for it.
import { createSocket } from "node:dgram";
import { answerName } from "../host/name-server";

export interface Names {
  port: number;
  close(): void;
}

/** Listens on loopback; knows `hosts` (name -> address). */
export function openNames(hosts: Record<string, string>): Promise<Names> {
  const socket = createSocket("udp4");
  socket.on("message", (packet, { port, address }) => {
    answerName(
      packet,
      (name, tell) => tell(hosts[name] ?? null),
      (answer) => socket.send(answer, port, address),
    );
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", () => resolve({ port: socket.address().port, close: () => socket.close() }));
  });
}
