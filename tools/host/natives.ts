// The interpreter's natives as the image sees them: `E`, `process`, `print`, random numbers, the watchdog.
// Source: the reference of Espruino 2v29 (E, process) and runs of it; firmware/espruino.d.ts says which of them there
// are.
import { inspect } from "node:util";
import { crc32 } from "./crc32";
import type { HostClock } from "./clock";
import type { Release } from "./espruino";
import type { Realm } from "./realm";

type Callback = (...values: unknown[]) => void;

/** What the natives need of the device. */
export interface NativeHooks {
  realm: Realm;
  clock: HostClock;
  release: Release;
  run(callback: Callback, values: unknown[]): void;
  print(line: string): void;
  /** The watchdog was not fed in time. */
  bark(): void;
}

export interface Natives {
  globals: Record<string, unknown>;
  /** Tell the image of error flags, as Espruino does in its idle loop: of one that stands already not again. */
  raiseFlags(flags: string[]): void;
  /** Tell the image of an exception that nobody caught. */
  raiseException(error: unknown): void;
}

/** Espruino's seed at every boot: its random numbers are the same until `E.srand`. */
export const BOOT_SEED = 0xdeadbeef;

/** Unsigned 32-bit numbers of the generator mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function isList(value: unknown): value is ArrayLike<number> {
  return typeof value === "object" && value !== null && typeof (value as ArrayLike<number>).length === "number";
}

/** One value as `print` shows it. */
export function shown(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { depth: 4, breakLength: Infinity });
}

/** Characters above 255 lose their high byte, as in a build without Unicode. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Natives over bytes and numbers. A wrong type throws, where Espruino would convert in silence. */
function bytesOf({ realm }: NativeHooks): Record<string, unknown> {
  const text = (name: string, data: unknown): string =>
    typeof data === "string" ? data : realm.fail(`E.${name}: the host takes a string`);
  const list = (name: string, data: unknown): ArrayLike<number> =>
    isList(data) ? data : realm.fail(`E.${name}: the host takes an array`);
  return {
    toUint8Array: (data: unknown) => realm.bytes(latin1(text("toUint8Array", data))),
    toArrayBuffer: (data: unknown) => realm.bytes(latin1(text("toArrayBuffer", data))).buffer,
    toString: (data: unknown) => Buffer.from(Array.from(list("toString", data))).toString("latin1"),
    toFlatString: (data: { data: number; count: number }) => String.fromCharCode(data.data).repeat(data.count),
    CRC32: (data: unknown) => crc32(latin1(text("CRC32", data))),
    sum: (data: unknown) => Array.from(list("sum", data)).reduce((sum, value) => sum + value, 0),
  };
}

function createWatchdog({ clock, bark }: NativeHooks): {
  enable(seconds: number, isAuto: unknown): void;
  kick(): void;
} {
  let limit_ms = Infinity;
  let cancel = (): void => undefined;
  const kick = (): void => {
    cancel();
    if (limit_ms < Infinity) cancel = clock.schedule(limit_ms, bark);
  };
  return {
    // Fed by the idle loop in automatic mode: it can't bark then, since the host's thread is the image's.
    enable: (seconds, isAuto) => {
      limit_ms = isAuto === false ? seconds * 1000 : Infinity;
      kick();
    },
    kick,
  };
}

function printed(values: unknown[]): string[] {
  return values.map(shown).join(" ").split(/\r?\n/);
}

/**
 * The natives of one boot. `process.memory` says NaN for each figure: node has no JsVars, and a made-up number would be
 * a lie in /api/status (JSON makes null of it). Random numbers are the same at each boot until `E.srand`, as on the
 * chip.
 */
export function createNatives(hooks: NativeHooks): Natives {
  const { realm } = hooks;
  const flagListeners: Callback[] = [],
    exceptionListeners: Callback[] = [],
    standing = new Set<string>();
  const watchdog = createWatchdog(hooks);
  let random = randomOf(BOOT_SEED);
  const listen =
    (listeners: Callback[], known: string) =>
    (event: unknown, callback: unknown): void => {
      if (event !== known || typeof callback !== "function")
        realm.fail(`the host knows the event ${known} alone, and a function`);
      listeners.push(callback as Callback);
    };
  (realm.global.Math as Record<string, unknown>).random = () => random() / 0x100000000;
  return {
    globals: {
      E: {
        ...bytesOf(hooks),
        srand: (seed: unknown) => {
          random = randomOf(Number(seed));
        },
        hwRand: () => random(),
        enableWatchdog: watchdog.enable,
        kickWatchdog: watchdog.kick,
        getErrorFlags: () => {
          const flags = [...standing];
          standing.clear();
          return flags;
        },
        on: listen(flagListeners, "errorFlag"),
        emit: (event: unknown, flags: unknown) => {
          if (event === "errorFlag") flagListeners.forEach((listener) => hooks.run(listener, [flags]));
        },
      },
      process: {
        memory: () => ({ usage: NaN, total: NaN, free: NaN }),
        env: { VERSION: hooks.release.version, BOARD: "HOST" },
        on: listen(exceptionListeners, "uncaughtException"),
      },
      print: (...values: unknown[]) => printed(values).forEach(hooks.print),
    },
    raiseFlags: (flags) => {
      const news = flags.filter((flag) => !standing.has(flag));
      news.forEach((flag) => standing.add(flag));
      // LOW_MEMORY alone is a warning, of which no event tells (src/jsinteractive.c)
      if (news.some((flag) => flag !== "LOW_MEMORY")) flagListeners.forEach((listener) => hooks.run(listener, [news]));
    },
    raiseException: (error) => exceptionListeners.forEach((listener) => hooks.run(listener, [error])),
  };
}
