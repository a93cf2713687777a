// A UART as Espruino has it on an ESP32: bytes come as uart-model.ts lets them through, and leave as byte strings.
// Source: src/jswrap_stream.c of Espruino 2v29 (behaviour only).
import type { HostClock } from "./clock";
import type { Release } from "./espruino";
import type { Part } from "./loop";
import { latin1 } from "./natives";
import type { Realm } from "./realm";
import { uartAdvance, uartDue, uartHear, uartLook, uartModel, uartTake, type UartModel } from "./uart-model";

const UNHEARD_BYTES = 512;

type Callback = (...values: unknown[]) => void;

/** What a UART needs of the device. */
export interface SerialHooks {
  realm: Realm;
  clock: HostClock;
  release: Release;
  run(callback: Callback, values: unknown[]): void;
  /** Bytes leave the device. */
  send(bytes: Uint8Array): void;
  raiseFlags(flags: string[]): void;
  /** Something is on its way to the image, or another thing than before. */
  changed(): void;
}

export interface Serial extends Part {
  /** The object that the image sees as Serial1. */
  port: Record<string, unknown>;
  /** What `setup` was told last. */
  settings: { baud: number; rx: number; tx: number } | null;
  /** Bytes arrive at the device; callbacks run later, never inside this call. */
  receive(bytes: Uint8Array): void;
  /** Bytes that were lost since the boot: at the wire, in the queue of events, by appending. */
  lost: Readonly<UartModel["lost"]>;
  dispose(): void;
}

interface SerialState {
  hooks: SerialHooks;
  model: UartModel;
  listeners: Callback[];
  /** What came before there was a listener. */
  unheard: string;
  /** Error flags of this turn. */
  flags: Set<string>;
}

/** One 'data' event. Without a listener it waits; 512 bytes at most do. */
function deliver(s: SerialState, data: string): void {
  s.listeners.forEach((listener) => s.hooks.run(listener, [data]));
  if (s.listeners.length > 0) return;
  if (s.unheard.length + data.length > UNHEARD_BYTES) s.flags.add("BUFFER_FULL");
  s.unheard = (s.unheard + data).slice(0, UNHEARD_BYTES);
}

function turn(s: SerialState): void {
  const { hooks, model } = s,
    { clock } = hooks;
  if (s.listeners.length > 0 && s.unheard !== "") {
    const { unheard } = s;
    s.unheard = "";
    deliver(s, unheard);
  }
  uartLook(model, clock.now());
  for (let data = uartTake(model, clock.now()); data !== ""; data = uartTake(model, clock.now())) deliver(s, data);
  if (model.isOverflowed) s.flags.add("FIFO_FULL");
  model.isOverflowed = false;
  if (s.flags.size > 0) hooks.raiseFlags([...s.flags]);
  s.flags.clear();
}

function write(s: SerialState, isSetUp: boolean, data: unknown): void {
  const { fail } = s.hooks.realm;
  if (!isSetUp) fail("the host's UART was not set up");
  s.hooks.send(
    typeof data === "string" ? Uint8Array.from(latin1(data)) : fail("Serial.write: the host takes a string"),
  );
}

/** A UART whose other end is `send` and `receive`. */
export function createSerial(hooks: SerialHooks): Serial {
  const { clock } = hooks,
    model = uartModel(hooks.release.uart, clock.now());
  const s: SerialState = { hooks, model, listeners: [], unheard: "", flags: new Set() };
  const serial: Serial = {
    settings: null,
    lost: model.lost,
    port: {
      setup: (baud: number, pins: { rx: number; tx: number }) => {
        serial.settings = { baud, rx: pins.rx, tx: pins.tx };
      },
      write: (data: unknown) => write(s, serial.settings !== null, data),
      on: (event: unknown, callback: unknown) => {
        if (event !== "data" || typeof callback !== "function")
          hooks.realm.fail("a UART has the event data alone, and takes a function");
        s.listeners.push(callback as Callback);
        hooks.changed();
      },
      removeAllListeners: () => {
        s.listeners.length = 0;
      },
    },
    receive: (bytes) => {
      uartHear(model, Buffer.from(bytes).toString("latin1"), clock.now());
      hooks.changed();
    },
    dueAt: () => {
      uartAdvance(model, clock.now());
      return s.unheard !== "" && s.listeners.length > 0 ? 0 : uartDue(model);
    },
    turn: () => turn(s),
    dispose: () => {
      s.listeners.length = 0;
      s.unheard = "";
    },
  };
  return serial;
}
