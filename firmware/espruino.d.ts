// The device's globals, as Espruino 2v29 has them. @types/espruino misses or mistypes these, and clashes
// with node's types, so the firmware sees this file alone.

/** A GPIO: Espruino takes the bare number wherever a pin is expected. */
type Pin = number;
type TimerId = number;

interface SerialPort {
  setup(baud: number, options: { rx: Pin; tx: Pin }): void;
  write(data: string): void;
  on(event: "data", callback: (data: string) => void): void;
  removeAllListeners(event: "data"): void;
}

/** `send` lowers the pin `cs` while it sends; it gives back as many bytes as it was given. */
interface SpiPort {
  setup(options: { sck: Pin; miso: Pin; mosi: Pin; baud: number; mode: 0 | 1 | 2 | 3 }): void;
  send(data: number, cs: Pin): number;
  send(data: ArrayLike<number>, cs: Pin): Uint8Array;
}

/**
 * TCP socket. `write` always returns false and queues without bound; `dSnd` is what waits (undocumented, pinned by a
 * test).
 */
interface NetSocket {
  write(data: string): boolean;
  end(data?: string): void;
  on(event: "data", callback: (data: string) => void): void;
  on(event: "close" | "error" | "drain" | "end", callback: (reason?: unknown) => void): void;
  dSnd?: string;
}
interface NetModule {
  /** Blocks the interpreter until connected; a refusal throws at once. */
  connect(options: { host: string; port: number }, connected: () => void): NetSocket;
  createServer(client: (socket: NetSocket) => void): { listen(port: number): void };
}

interface TlsOptions {
  host: string;
  port: number;
  ca?: string;
  cert?: string;
  key?: string;
}
/** As `net`. A text of up to 100 characters is the name of a file, a longer one the file itself (DER). */
interface TlsModule {
  connect(options: TlsOptions, connected: () => void): NetSocket;
}
/** UDP socket. */
interface DatagramSocket {
  bind(port: number): void;
  /** The address as a number with dots: a name would block while it is resolved. */
  send(packet: string, port: number, ip: string): void;
  on(event: "message", callback: (packet: string, from: { address: string; port: number }) => void): void;
  close(): void;
}
interface DatagramModule {
  createSocket(type: "udp4"): DatagramSocket;
}

/** Flash files. Names of at most 28 characters; a rewrite marks the old file deleted, then appends. */
interface StorageModule {
  read(name: string): string | undefined;
  /** `offset` and `size`: into a file of that size, which is made when there is none; what is written cannot change. */
  write(name: string, data: string, offset?: number, size?: number): boolean;
  erase(name: string): void;
  /** Free bytes behind the last file. */
  getFree(): number;
  getStats(): { totalBytes: number; freeBytes: number; trashBytes: number };
  compact(): void;
}

interface WifiModule {
  connect(ssid: string, options: { password?: string }, callback: (err: string | null) => void): void;
  setHostname(name: string, callback?: () => void): void;
  getIP(): { ip?: string; gw?: string; mac?: string };
  getAPIP(): { ip?: string; gw?: string; mac?: string };
  getStatus(): { mode: "NULL" | "STA" | "AP" | "APSTA" | "UNKNOWN" };
  stopAP(): void;
  /** Forget what is restored at each boot (without argument: keep the present state for it). */
  save(what: "clear"): void;
  getDetails(): { status?: string; rssi?: number };
  on(event: "connected" | "disconnected", callback: (details: object) => void): void;
  getHostByName(name: string, callback: (ip: string | null) => void): void;
  /** Sends five echo requests; the callback runs once for each answer or time-out. */
  ping(ip: string | 0, callback: ((answer: { totalBytes?: number; error?: number }) => void) | null): void;
}

interface TelnetModule {
  setOptions(options: { mode: "off" | "on" }): void;
}

interface CryptoModule {
  /** Undefined where memory is short. */
  SHA256(message: string | ArrayBuffer): ArrayBuffer | undefined;
}

declare function require(name: "net"): NetModule;
declare function require(name: "crypto"): CryptoModule;
declare function require(name: "tls"): TlsModule;
declare function require(name: "dgram"): DatagramModule;
declare function require(name: "Storage"): StorageModule;
declare function require(name: "Wifi"): WifiModule;
declare function require(name: "TelnetServer"): TelnetModule;

declare const global: Record<string, unknown>;
declare const E: {
  toArrayBuffer(data: string): ArrayBuffer;
  toUint8Array(data: string): Uint8Array;
  toString(data: Uint8Array | number[]): string;
  /** So many bytes in one run of variables; undefined where there is none, also after they were moved together. */
  toFlatString(data: { data: number; count: number }): string | undefined;
  CRC32(data: string): number;
  sum(data: ArrayLike<number>): number;
  srand(seed: number): void;
  hwRand(): number;
  enableWatchdog(seconds: number, auto: boolean): void;
  kickWatchdog(): void;
  /** The error flags; they are off from then on. */
  getErrorFlags(): string[];
  on(event: "errorFlag", callback: (flags: string[]) => void): void;
  emit(event: "errorFlag", flags: string[]): void;
};
declare const process: {
  memory(collect?: boolean): { usage: number; total: number; free: number; blocksize: number };
  /** Sizes of the flash and of the area for files in bytes, where the build tells them. */
  env: { VERSION: string; BOARD: string; FLASH?: number; STORAGE?: number };
  on(event: "uncaughtException", callback: (error: unknown) => void): void;
};
/** On the chip only: look for it in `global`. */
interface Esp32 {
  getState(): { freeHeap: number; minHeap?: number; BLE?: boolean };
}
declare const ESP32: { reboot(): void };
declare const NRF: { setServices(services: object, options: { uart: boolean }): void };

declare function print(...values: unknown[]): void;
declare function getTime(): number;
/** Set the clock, s since 1970; timers go on as they were. Its seconds have 32 bits with sign. */
declare function setTime(seconds: number): void;
declare function getSerial(): string;
declare function peek32(address: number): number;
declare function peek32(address: number, count: number): Uint32Array;
declare function poke32(address: number, value: number | ArrayLike<number>): void;
declare function pinMode(pin: Pin, mode: "output" | "input" | "input_pullup"): void;
declare function digitalWrite(pin: Pin, value: 0 | 1): void;
/** Further values are given to the callback. */
declare function setInterval<Values extends unknown[]>(
  callback: (...values: Values) => void,
  period: number,
  ...values: Values
): TimerId;
declare function clearInterval(id: TimerId): void;
declare function changeInterval(id: TimerId, period: number): void;
declare function setTimeout(callback: () => void, delay: number): TimerId;
