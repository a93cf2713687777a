// What the firmware asks of its machine: types only. drivers/ implements them, main.ts hands them out.

/** Natives of the interpreter that cores may use: one call costs hardly more than a statement. */
export interface Natives {
  /** Milliseconds since boot, with a fraction; never jumps. */
  now(): number;
  /** The bytes of a byte string, without a copy. */
  toArrayBuffer(text: string): ArrayBuffer;
  toUint8Array(text: string): Uint8Array;
  crc32(text: string): number;
  /** 32 bits of the hardware's chance; NaN while the radio is off: they are the same at each start then. */
  random(): number;
  /** PBKDF1 of a password (RFC 8018, 5.1, with SHA-256): 16 bytes. */
  derive(pass: string, salt: string, rounds: number): string;
  /** JsVars in use after a collection, which takes up to 15 ms on a chip: once a minute (`care/memory.cold.ts`). */
  memory(): { usage: number; total: number; blocksize: number };
  /** The pool was full since the last call. */
  wasFull(): boolean;
  machine(): Machine;
  chip(): Chip;
  /** One line on the console. */
  print(line: string): void;
}

/**
 * What the chip and its radio say of themselves: address ("" without), MAC, signal (dBm), heap of the C runtime, flash
 * (bytes), board. NaN: unknown.
 */
export interface Machine {
  ip: string;
  mac: string;
  rssi: number;
  heap: number;
  heapMin: number;
  storageFree: number;
  storage: number;
  flash: number;
  board: string;
  /** The interpreter's version, and why it is none that is known to work ("" when it is). */
  espruino: string;
  warning: string;
  /** Bluetooth is on: it takes so many variables that only UART, CAN and control can run. */
  bluetooth: boolean;
}

/** What registers of the chip say of it: revision, clock, cores. NaN: unknown. */
export interface Chip {
  rev: number;
  cpuFreqMhz: number;
  cores: number;
}

/** Byte strings out; received ones reach the callback given to the driver. */
export interface UartPort {
  write(bytes: string): void;
}

/** A CAN controller's error counters and what follows from them; while it listens only they say nothing. */
export interface CanHealth {
  tec: number;
  rec: number;
  state: "active" | "warning" | "passive" | "bus_off" | "listen";
}

/** A CAN controller with 11-bit identifiers. */
export interface CanPort {
  /** Frames that left and were acknowledged, frames received, failed attempts, times bus-off. */
  tx: number;
  rx: number;
  errors: number;
  busOff: number;
  /** When a frame was acknowledged last (ms). */
  ackAt: number;
  /**
   * Id of a frame that lost arbitration for good (0: none): who sent it may send what is true now, and sets this to 0.
   */
  lost: number;
  /** Put one frame on the bus; false while the controller is busy or off the bus (try again, or give the frame up). */
  send(id: number, bytes: ArrayLike<number>, now: number): boolean;
  /** The identifier of the next frame received, 0 when there is none. */
  receive(): number;
  /**
   * Look after the controller: outcome of the last send, bus-off and its recovery. Called before each use. Not 0:
   * `receive` may have some, or `lost` is set.
   */
  tend(now: number): number;
  health(): CanHealth;
}

/** A TCP socket as the interpreter makes it. `write` queues without bound: who writes looks at `dSnd` first. */
export interface Socket {
  write(bytes: string): void;
  end(): void;
  on(event: "data", callback: (bytes: string) => void): void;
  on(event: "close" | "drain", callback: () => void): void;
  /** What was written and has not left yet. Who closes a dead connection empties it, or the socket stays open. */
  dSnd?: string;
}

/** The network. Everything but `connect` returns at once; `connect` may block everything for as long as TCP tries. */
export interface NetworkPort {
  /** The own address, "" while there is none. */
  address(): string;
  lookUp(host: string, done: (ip: string) => void): void;
  /** `done(true)` at the first echo. */
  ping(ip: string, done: (alive: boolean) => void): void;
  /** Throws when refused; may run `opened` before it returns. */
  connect(ip: string, port: number, opened: () => void): Socket;
  /**
   * `connect`, encrypted; `opened` may come before the handshake. Files: CA, certificate, key as DER, "" for none.
   * Throws for bad ones too, and "TLS needs ..." where there can be none.
   */
  connectTls(ip: string, port: number, opened: () => void, files: string[]): Socket;
  /** Why there can be no encrypted connection now, "TLS needs ..."; "" when there can. */
  tlsFault(): string;
  listen(port: number, accepted: (socket: Socket) => void): void;
  /**
   * Do what writes in a turn of its own: "data" is said while the sockets are looked at, and who writes then ends an
   * encrypted one.
   */
  soon(work: () => void): void;
  /**
   * Send one UDP packet to an IPv4 address and hear what comes back from there, until it is closed. May throw without a
   * network.
   */
  ask(ip: string, port: number, packet: string, heard: (packet: string) => void): Question;
}

/** A UDP socket that waits for an answer. */
export interface Question {
  close(): void;
}

/** Flash files; undefined when there is none. */
export interface StorePort {
  read(name: string): string | undefined;
  /**
   * A whole file; or `data` at `offset` into a file of `size` bytes, which is made when there is none. Bytes that are
   * written stay.
   */
  write(name: string, data: string, offset?: number, size?: number): boolean;
  erase(name: string): void;
  /** Bytes that can be written before the flash must be compacted, which takes seconds. */
  getFree(): number;
  getStats(): { totalBytes: number; freeBytes: number; trashBytes: number };
  compact(): void;
}
