// The line to a TinyBMS: a serial port (115200 8N1) or a TCP connection that carries the same bytes. What can go wrong
// when it is opened is said in one line, with what to do.
import { readFileSync, statSync } from "node:fs";
import { connect } from "node:net";

/** An open line. Bytes are latin-1 strings; `onEnd` is told once when the line is lost, not after `close`. */
export interface Port {
  where: string;
  write(bytes: string): void;
  onData(receiver: (bytes: string) => void): void;
  onEnd(ended: (reason: string) => void): void;
  close(): Promise<void>;
  /** Of a serial port: sets DTR and RTS, false where there are none (a pseudo terminal); changes the speed. */
  signals?(dtr: boolean, rts: boolean): Promise<boolean>;
  setBaud?(rate: number): Promise<void>;
}

const BAUD = 115200,
  CONNECT_MS = 5000,
  SCHEME = "tcp://";

/** The group that owns a device; "dialout" when that can't be found out. */
function groupOf(path: string): string {
  try {
    const { gid } = statSync(path);
    const line = readFileSync("/etc/group", "latin1")
      .split("\n")
      .find((entry) => entry.split(":")[2] === String(gid));
    const name = line?.split(":")[0];
    return name && name !== "root" ? name : "dialout";
  } catch {
    return "dialout";
  }
}

/** One line for a serial port that can't be opened: what the driver said, in words. */
export function serialFailure(path: string, said: string): string {
  if (/no such file|ENOENT|not found/i.test(said)) return `${path}: there is no such port; is the cable plugged in?`;
  if (/permission|EACCES|access denied/i.test(said)) {
    return `${path}: no permission; add your user to the group ${groupOf(path)} (sudo usermod -aG ${groupOf(path)} $USER) and log in again`;
  }
  if (/lock|busy|EBUSY|temporarily unavailable|in use/i.test(said))
    return `${path}: the port is busy; another program has it open`;
  return `${path}: cannot be opened as a serial port (${said.replace(/^Error:?\s*/, "").trim()})`;
}

/** One line for a TCP connection that does not come about. */
export function tcpFailure(where: string, code: string): string {
  if (code === "ECONNREFUSED") return `${where}: connection refused; nothing listens there`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `${where}: there is no host of this name`;
  if (code === "ETIMEDOUT" || code === "EHOSTUNREACH" || code === "ENETUNREACH")
    return `${where}: the host does not answer`;
  return `${where}: no connection (${code})`;
}

/** Collects listeners and tells the end once. */
function ends(): { tell(reason: string): void; on(ended: (reason: string) => void): void; close(): void } {
  let listeners: ((reason: string) => void)[] = [];
  return {
    tell(reason) {
      listeners.splice(0).forEach((listener) => listener(reason));
    },
    on: (ended) => void listeners.push(ended),
    close: () => void (listeners = []),
  };
}

async function openTcp(where: string): Promise<Port> {
  const found = /^([^:]+|\[[^\]]+\]):(\d{1,5})$/.exec(where.slice(SCHEME.length).replace(/\/$/, ""));
  if (!found || +found[2] > 65535) throw new Error(`${where}: must be tcp://HOST:PORT`);
  const socket = connect({ host: found[1].replace(/^\[|\]$/g, ""), port: +found[2] }),
    end = ends();
  socket.setNoDelay(true);
  socket.setTimeout(CONNECT_MS, () => socket.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", ({ code }: NodeJS.ErrnoException) => reject(new Error(tcpFailure(where, code ?? "unknown"))));
  });
  socket.setTimeout(0);
  socket.on("error", () => undefined); // "close" follows
  socket.on("close", () => end.tell(`${where}: the connection was closed`));
  return {
    where,
    onEnd: end.on,
    write: (bytes) => void socket.write(bytes, "latin1"),
    onData: (receiver) => void socket.on("data", (bytes) => receiver(bytes.toString("latin1"))),
    close: () =>
      new Promise((resolve) => {
        end.close();
        if (socket.destroyed) return resolve();
        socket.once("close", () => resolve());
        socket.destroy();
      }),
  };
}

async function openSerial(path: string): Promise<Port> {
  const { SerialPort } = await import("serialport"),
    end = ends();
  const serial = new SerialPort({ path, baudRate: BAUD, dataBits: 8, parity: "none", stopBits: 1, autoOpen: false });
  await new Promise<void>((resolve, reject) =>
    serial.open((error) => {
      if (error) reject(new Error(serialFailure(path, error.message)));
      else resolve();
    }),
  );
  serial.on("error", () => undefined); // "close" follows
  serial.on("close", () => end.tell(`${path}: the port is gone; was the cable pulled?`));
  return {
    where: path,
    onEnd: end.on,
    write: (bytes) => void serial.write(Buffer.from(bytes, "latin1")),
    signals: (dtr, rts) => new Promise((resolve) => serial.set({ dtr, rts }, (error) => resolve(!error))),
    setBaud: (baudRate) =>
      new Promise((resolve, reject) => serial.update({ baudRate }, (error) => (error ? reject(error) : resolve()))),
    onData: (receiver) => void serial.on("data", (bytes: Buffer) => receiver(bytes.toString("latin1"))),
    close: () =>
      new Promise((resolve) => {
        end.close();
        if (serial.isOpen) serial.close(() => resolve());
        else resolve();
      }),
  };
}

/** Opens `tcp://HOST:PORT` or a serial port by its path. Rejects with one line that says what to do. */
export function openPort(where: string): Promise<Port> {
  return where.startsWith(SCHEME) ? openTcp(where) : openSerial(where);
}

/** The serial ports of this machine; none where they can't be listed. */
export async function serialPorts(): Promise<string[]> {
  try {
    const { SerialPort } = await import("serialport");
    return (await SerialPort.list()).filter(({ vendorId }) => vendorId).map(({ path }) => path);
  } catch {
    return [];
  }
}
