// UDP of the interpreter, as the time needs it: one packet out, its answer back.
import type { Question } from "../kernel/ports";

/** Send a packet from a free port; packets from elsewhere than `ip` and `port` are not heard. */
export function ask(ip: string, port: number, packet: string, heard: (packet: string) => void): Question {
  const socket = require("dgram").createSocket("udp4");
  socket.on("message", function (bytes, from) { if (from.address === ip && from.port === port) heard(bytes); });
  socket.bind(0);
  socket.send(packet, port, ip);
  return socket;
}
