// Writes an image into the flash of an Espruino by its console, block by block, and believes nothing that it has not
// read back.
import { interpreterOf } from "../../firmware/drivers/espruino.cold";
import { crc32 } from "../host/crc32";
import { type DeviceConsole, restartDevice } from "./console";

/** What a person sees of it. */
export interface Teller {
  say(line: string): void;
  /** So many of the image's bytes were read back and are right. */
  progress(bytes: number): void;
}

export const BLOCK_BYTES = 2048;
/** Blocks whose sums are read back in one answer. */
const CHECKED_AT_ONCE = 16;
const ATTEMPTS = 3,
  ROUNDS = 5,
  COMPACT_MS = 120_000,
  RESTART_MS = 5000;
const FILE = ".bootcde";
/** Names that stay on the device while it lasts: Storage; writes a block if it came whole; sums of blocks. */
const HELPERS =
  `global.S=require("Storage"),` +
  `global.w=function(o,c,d,n){return E.CRC32(d)===c?S.write("${FILE}",d,o,n):"damaged"},` +
  `global.c=function(o,n,b){var t=[];for(;n>0;n--,o+=b)t.push(E.CRC32(S.read("${FILE}",o,b)||""));return t.join()},1`;

/** Why `image` cannot be an image of this project; "" when it can. Only plain characters pass the console unharmed. */
export function imageFault(image: string): string {
  const strange = /[^\n\t\x20-\x7e]/.exec(image);
  if (image === "") return "the image is empty";
  return strange
    ? `the image has the byte ${strange[0].charCodeAt(0)} at ${strange.index}, which no console carries`
    : "";
}

const blockAt = (image: string, block: number): string => image.substr(block * BLOCK_BYTES, BLOCK_BYTES);
const sum = (text: string): number => crc32(Buffer.from(text, "latin1"));
const isTrue = (answer: string): boolean => answer === "true" || answer === "1";

/** Who answers; a version that is not known to work is told. */
async function greet(device: DeviceConsole, tell: Teller): Promise<void> {
  device.tell("");
  const version = await device.ask("process.env.VERSION"),
    { warning } = interpreterOf(version);
  tell.say(`Espruino ${version} answers`);
  if (warning) tell.say(`warning: Espruino ${version} ${warning}`);
}

/**
 * The program that runs is ended, and does not start again until all is done. The watchdog of the program would bite in
 * the middle: from now on the interpreter feeds it.
 */
async function quiet(device: DeviceConsole): Promise<void> {
  await device.ask("(E.enableWatchdog(120),1)");
  device.tell("reset()");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const answer = await device.ask(HELPERS);
  if (!isTrue(answer)) throw new Error(`the device cannot take the image: ${answer}`);
}

/**
 * Bluetooth takes 2,000 variables. Switching it off erases the boot code and restarts the device, so it comes first.
 */
async function switchBluetoothOff(device: DeviceConsole, tell: Teller): Promise<void> {
  if (!isTrue(await device.ask("!!(global.ESP32&&ESP32.getState().BLE)"))) return;
  tell.say("Bluetooth is on; the device restarts without it");
  device.tell("ESP32.enableBLE(false)");
  await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
}

/** Room for the whole file, compacting if there is none. */
async function makeRoom(device: DeviceConsole, size: number): Promise<void> {
  await device.ask(`(S.erase("${FILE}"),1)`);
  if (Number(await device.ask("S.getFree()")) > size + BLOCK_BYTES) return;
  await device.ask("(S.compact(),1)", COMPACT_MS);
  const free = Number(await device.ask("S.getFree()"));
  if (free <= size) throw new Error(`the flash has room for ${free} bytes, the image has ${size}`);
}

/** The blocks that do not read back as they should. */
async function wrongBlocks(device: DeviceConsole, image: string, tell: Teller): Promise<number[]> {
  const count = Math.ceil(image.length / BLOCK_BYTES),
    wrong: number[] = [];
  for (let from = 0; from < count; from += CHECKED_AT_ONCE) {
    const blocks = Math.min(CHECKED_AT_ONCE, count - from);
    const sums = (await device.ask(`c(${from * BLOCK_BYTES},${blocks},${BLOCK_BYTES})`)).split(",");
    for (let i = 0; i < blocks; i++) if (Number(sums[i]) !== sum(blockAt(image, from + i))) wrong.push(from + i);
  }
  tell.progress(Math.max(0, image.length - wrong.length * BLOCK_BYTES));
  return wrong;
}

/** Sends blocks. False: one of them holds something else already, which flash cannot take back. */
async function sendBlocks(device: DeviceConsole, image: string, blocks: number[], tell: Teller): Promise<boolean> {
  const before = image.length - blocks.length * BLOCK_BYTES;
  for (const [done, block] of blocks.entries()) {
    const text = blockAt(image, block);
    const answer = await device.ask(`w(${block * BLOCK_BYTES},${sum(text)},${JSON.stringify(text)},${image.length})`);
    if (answer.startsWith("!") && /different data/.test(answer)) return false;
    if (answer.startsWith("!")) throw new Error(`the device cannot write: ${answer.slice(1)}`);
    tell.progress(Math.max(0, before + (done + 1) * BLOCK_BYTES));
  }
  return true;
}

/** Sends all blocks, reads all back, sends what is missing again. True when everything reads back right. */
async function sendImage(device: DeviceConsole, image: string, tell: Teller): Promise<boolean> {
  await makeRoom(device, image.length);
  let missing = Array.from({ length: Math.ceil(image.length / BLOCK_BYTES) }, (_, block) => block);
  for (let round = 0; round < ROUNDS; round++) {
    if (!(await sendBlocks(device, image, missing, tell))) return false;
    missing = await wrongBlocks(device, image, tell);
    if (!missing.length) {
      const whole = await device.ask(`(function(t){return t.length+" "+E.CRC32(t)})(S.read("${FILE}"))`);
      return whole === `${image.length} ${sum(image)}`;
    }
    tell.say(`${missing.length} of ${Math.ceil(image.length / BLOCK_BYTES)} blocks are missing; sent again`);
  }
  return false;
}

/**
 * Puts `image` into the device's boot code; the interpreter waits. Rejects with the reason when it cannot be verified;
 * then no boot code is left there, as far as the device still answers.
 */
export async function writeImage(device: DeviceConsole, image: string, tell: Teller): Promise<void> {
  const fault = imageFault(image);
  if (fault) throw new Error(fault);
  await greet(device, tell);
  await switchBluetoothOff(device, tell);
  await quiet(device);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await sendImage(device, image, tell)) return;
    if (attempt < ATTEMPTS) tell.say("the flash holds something else than was sent; everything once more");
  }
  await device.ask(`(S.erase("${FILE}"),1)`);
  throw new Error(`the image could not be verified in ${ATTEMPTS} attempts; the device has no boot code now`);
}

/** Writes the image and starts it. */
export async function upload(device: DeviceConsole, image: string, tell: Teller): Promise<void> {
  await writeImage(device, image, tell);
  restartDevice(device);
}
