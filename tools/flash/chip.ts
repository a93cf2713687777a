// The boot loader of the chip, by Espressif's esptool-js: which chip it is, what its flash holds, and writing it.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openPort, type Port } from "../tinybms/port";
import type { Part } from "./release";
import { webSerial } from "./web-serial";

/** What is used of esptool-js; its own types need a browser's. */
interface Loader {
  chip: { CHIP_NAME: string; getChipDescription(loader: Loader): Promise<string> };
  detectChip(mode: string, attempts: number): Promise<void>;
  runStub(): Promise<unknown>;
  changeBaud(): Promise<void>;
  flashMd5sum(address: number, size: number): Promise<string>;
  writeFlash(options: object): Promise<void>;
}
interface Transport {
  trace(message: string): void;
  disconnect(): Promise<void>;
}
interface EspTool {
  ESPLoader: new (options: object) => Loader;
  Transport: new (port: object) => Transport;
}

const ESPTOOL: string = "esptool-js";
const SLOW = 115_200,
  FAST = 460_800,
  ATTEMPTS = 4,
  WORD = 4,
  RESET_MS = 100;
const WANTED = "ESP32";

export interface Chip {
  /** As its maker calls it. */
  name: string;
  /** Whether the flash holds that already. */
  holds(part: Part): Promise<boolean>;
  /** Writes and compares the sums; `done` counts bytes. */
  write(parts: Part[], done: (bytes: number) => void): Promise<void>;
  /** Starts what is in the flash; false when somebody must press a button for it. */
  leave(): Promise<boolean>;
}

/** Flash takes whole words. */
function padded(data: Buffer): Uint8Array {
  const whole = Buffer.alloc(Math.ceil(data.length / WORD) * WORD, 0xff);
  data.copy(whole);
  return whole;
}
const md5 = (data: Uint8Array): string => createHash("md5").update(data).digest("hex");

/** What went wrong between PC and chip, for people. */
function connectFault(where: string, error: Error): Error {
  if (/UnexpectedChip/.test(error.name) || /chip (id|magic)/i.test(error.message))
    return new Error(`${where}: this is no ESP32 (${error.message}); nothing was written`);
  if (/connect/i.test(error.message))
    return new Error(
      `${where}: no chip answers. Hold the button BOOT, press EN (or RST) shortly, let BOOT go, and run it again`,
    );
  return new Error(`${where}: ${error.message}`);
}

async function connect(loader: Loader, port: Port): Promise<string> {
  try {
    await loader.detectChip("default_reset", ATTEMPTS);
  } catch (error) {
    throw connectFault(port.where, error as Error);
  }
  const { CHIP_NAME: kind } = loader.chip;
  if (kind !== WANTED)
    throw new Error(
      `${port.where}: this is an ${kind}; the gateway needs an ESP32 (WROOM or WROVER). Nothing was written`,
    );
  const name = await loader.chip.getChipDescription(loader);
  await loader.runStub();
  if (port.setBaud) await loader.changeBaud();
  return name;
}

/** Writes all parts; esptool-js compares each with what the flash then holds. */
async function writeParts(loader: Loader, parts: Part[], done: (bytes: number) => void): Promise<void> {
  const before = (index: number): number => parts.slice(0, index).reduce((sum, { data }) => sum + data.length, 0);
  await loader.writeFlash({
    fileArray: parts.map(({ data, address }) => ({ data: padded(data), address })),
    flashMode: "keep",
    flashFreq: "keep",
    flashSize: "keep",
    eraseAll: false,
    compress: true,
    calculateMD5Hash: md5,
    reportProgress: (index: number, written: number, total: number) =>
      done(before(index) + Math.round((parts[index]!.data.length * written) / total)),
  });
}

/** RTS pulls the chip's reset on boards that can. */
async function reset(port: Port): Promise<boolean> {
  const isThere = (await port.signals?.(false, true)) ?? false;
  await sleep(RESET_MS);
  await port.signals?.(false, false);
  return isThere;
}

/** Works with the chip at a port. What is lost on the way ends the work at once, with the reason. */
export async function withChip<T>(where: string, work: (chip: Chip) => Promise<T>): Promise<T> {
  const { ESPLoader, Transport } = (await import(ESPTOOL)) as EspTool,
    port = await openPort(where),
    gone = new Promise<never>((_, failed) => port.onEnd((reason) => failed(new Error(reason)))),
    transport = new Transport(webSerial(port)),
    silent = { clean: () => undefined, write: () => undefined, writeLine: () => undefined };
  gone.catch(() => undefined);
  transport.trace = () => undefined;
  const loader = new ESPLoader({
    transport,
    baudrate: port.setBaud ? FAST : SLOW,
    romBaudrate: SLOW,
    terminal: silent,
  });
  const all = async (): Promise<T> => {
    const name = await connect(loader, port);
    return work({
      name,
      holds: async ({ data, address }) =>
        (await loader.flashMd5sum(address, padded(data).length)) === md5(padded(data)),
      write: (parts, done) => writeParts(loader, parts, done),
      leave: () => reset(port),
    });
  };
  try {
    return await Promise.race([all(), gone]);
  } finally {
    await Promise.race([transport.disconnect().catch(() => undefined), sleep(1000)]);
    await port.close();
  }
}
