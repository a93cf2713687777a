// A UART as Espruino has it: byte strings of at most 64 bytes in, any split; byte strings out.
// Source: espruino.md section 4 (serial 'data', buffer without listener).
import type { HostClock } from "./clock";
import { latin1 } from "./natives";
import type { Realm } from "./realm";

const CHUNK_BYTES = 64, UNHEARD_BYTES = 512;

type Callback = (...values: unknown[]) => void;

/** What a UART needs of the device. */
export interface SerialHooks {
  realm: Realm; clock: HostClock;
  run(callback: Callback, values: unknown[]): void;
  /** Bytes leave the device. */
  send(bytes: Uint8Array): void;
  raiseFlags(flags: string[]): void;
}

export interface Serial {
  /** The object that the image sees as Serial1. */
  port: Record<string, unknown>;
  /** What `setup` was told last. */
  settings: { baud: number; rx: number; tx: number } | null;
  /** Bytes arrive at the device; callbacks run later, never inside this call. */
  receive(bytes: Uint8Array): void;
  dispose(): void;
}

interface SerialState { hooks: SerialHooks; listeners: Callback[]; waiting: string; cancel: (() => void) | undefined }

function deliver(s: SerialState): void {
  s.cancel = undefined;
  if (s.listeners.length === 0 || s.waiting === "") return;
  const chunk = s.waiting.slice(0, CHUNK_BYTES);
  s.waiting = s.waiting.slice(CHUNK_BYTES);
  s.listeners.forEach((listener) => s.hooks.run(listener, [chunk]));
  wake(s);
}

function wake(s: SerialState): void {
  if (s.waiting !== "") s.cancel ??= s.hooks.clock.soon(() => deliver(s));
}

function receive(s: SerialState, bytes: Uint8Array): void {
  s.waiting += Buffer.from(bytes).toString("latin1");
  if (s.listeners.length === 0 && s.waiting.length > UNHEARD_BYTES) {
    s.waiting = s.waiting.slice(0, UNHEARD_BYTES);
    s.hooks.raiseFlags(["BUFFER_FULL"]);
  }
  wake(s);
}

/** A UART whose other end is `send` and `receive`. */
export function createSerial(hooks: SerialHooks): Serial {
  const { fail } = hooks.realm;
  const s: SerialState = { hooks, listeners: [], waiting: "", cancel: undefined };
  const serial: Serial = {
    settings: null,
    port: {
      setup: (baud: number, pins: { rx: number; tx: number }) => { serial.settings = { baud, rx: pins.rx, tx: pins.tx }; },
      write: (data: unknown) => {
        if (!serial.settings) fail("the host's UART was not set up");
        hooks.send(typeof data === "string" ? Uint8Array.from(latin1(data)) : fail("Serial.write: the host takes a string"));
      },
      on: (event: unknown, callback: unknown) => {
        if (event !== "data" || typeof callback !== "function") fail("a UART has the event data alone, and takes a function");
        s.listeners.push(callback as Callback);
        wake(s);
      },
    },
    receive: (bytes) => receive(s, bytes),
    dispose: () => { s.cancel?.(); s.listeners.length = 0; s.waiting = ""; },
  };
  return serial;
}
