// What the care for the device needs: all that it looks after.
import type { Server } from "../http/server";
import type { Needs as SettingsNeeds } from "../settings/needs";

/**
 * A TinyBMS that has told nothing by then is spoken of, ms: within 15 s of power-on, of which the image and the next
 * second may take two.
 */
export const MISSING_SAID_MS = 12000;

export interface Needs extends SettingsNeeds {
  server: Server;
  rates: Rates;
  wifi: Wifi;
  /** The watchdog or an exception of the interpreter ended the run before this one. */
  wasReset: boolean;
  /** Bluetooth is on and leaves no room: UART, CAN and control alone. */
  isReduced: boolean;
}

/** Counters a minute ago (`at`, ms), and what follows from them. */
export interface Rates {
  at: number;
  /** When the work of ten seconds was done (ms). */
  doneAt: number;
  /** What is looked at each ten seconds, and of it what the rates say of errors: bits of `Alarms.device`. */
  bits: number;
  errorBits: number;
  ok: number;
  crc: number;
  tx: number;
  errors: number;
  /** Bus-offs when somebody last acknowledged. */
  busOff: number;
  /** It was told that the cells are at the other end. */
  moved: boolean;
  /** When CAN was last silent on purpose (ms). */
  silentAt: number;
  /** When to say next that the TinyBMS is missing (ms). */
  sayAt: number;
}

/** `lookAt`: when it is looked at next; `retryAt`: when to try again (ms, 0: not). */
export interface Wifi {
  up: boolean;
  retryAt: number;
  wait: number;
  lookAt: number;
  /** Those that it was started with: what was changed since counts from the next start. */
  settings: Record<string, unknown>;
  /** Ask for the network once more; returns at once. */
  join(): void;
  /** Stop the access point; whether one was up. */
  stopAccessPoint(): boolean;
}
