// The rig's own line to the prelude: a TCP connection, because Espruino for Linux loses characters of its console and
// of its serial ports now and then (a thread fills its event buffer without a lock), but not those of a socket.
import { createServer, type AddressInfo, type Socket } from "node:net";

export interface Control {
  port: number;
  /** Sends one command (a letter and its value, tools/rig/prelude.js), at once or when the prelude has connected. */
  send(command: string): void;
  /** Told of each line that the prelude says. */
  onLine(listener: (line: string) => void): void;
  close(): Promise<void>;
}

/** Listens for the prelude on a free port. */
export function openControl(): Promise<Control> {
  let socket: Socket | null = null,
    waiting = "",
    heard = "",
    listener = (_line: string): void => undefined;
  const server = createServer((connected) => {
    socket = connected;
    socket.setNoDelay(true);
    socket.on("error", () => undefined); // the interpreter was killed
    socket.write(waiting);
    socket.on("data", (bytes) => {
      const lines = (heard + bytes.toString("latin1")).split("\n");
      heard = lines.pop()!;
      lines.forEach((line) => listener(line));
    });
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      socket?.destroy();
      server.close(() => resolve());
    });
  const send = (command: string): void => {
    if (socket) socket.write(`${command}\n`);
    else waiting += `${command}\n`;
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () =>
      resolve({ port: (server.address() as AddressInfo).port, send, onLine: (told) => (listener = told), close }),
    );
  });
}
