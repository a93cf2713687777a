// `npm run flash -- --port /dev/ttyUSB0 [--board NAME]`: builds the image, sends it to the device's flash with the espruino
// CLI, and reads it back. The CLI says "Upload Complete" and exits with 0 whatever happened, so only the read-back counts.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { boardNames, DEFAULT_BOARD, root } from "./build/board";
import { buildImage } from "./build/image";
import { crc32 } from "./host/crc32";

/** How to reach the device: a serial port, or tcp://host:port. */
export interface Device { port: string; baud: number }

/** Length in bytes and CRC-32 of what the device has in .bootcde. */
export interface Stored { length: number; crc: number }

const CLI = join(root, "node_modules/espruino/bin/espruino-cli.js");
const ATTEMPTS = 3, LIMIT_MS = 300_000, REBOOT_MS = 5000;

/** Asks for length and CRC; the answer's digits tell it from the echo of the question. */
const READ_BACK = 'print("~image "+(function(c){return c?c.length+" "+E.CRC32(c):"0 0"})(require("Storage").read(".bootcde")))';
/** Bluetooth takes 2,000 variables. Switching it off erases the boot code and restarts the device, so it comes before the upload. */
const BLUETOOTH_OFF = 'print("~bluetooth "+(global.ESP32&&ESP32.getState().BLE?(setTimeout(function(){ESP32.enableBLE(false)},500),"on"):"off"))';

/** The CLI's arguments: what reaches the device, the board's own file (offline), and what to do there. */
export function cliArguments({ port, baud }: Device, task: string[]): string[] {
  return ["-p", port, "-b", String(baud), "--no-ble", "--board", join(root, "boards/ESP32.json"), ...task];
}

/** Why a run of the CLI failed, from what it printed; "" when it says nothing of the kind. */
export function cliFault(printed: string): string {
  if (/Unable to connect|No Ports Found|ECONNREFUSED/.test(printed)) {
    return "cannot open the port: is the device plugged in, and no terminal open on it?";
  }
  if (/pre-1v96/.test(printed)) return "no Espruino answers there: is its binary on the chip (esptool), and the baud rate right?";
  const module = /Module (\S+) not found/.exec(printed);
  return module ? `the image requires ${module[1]}, which the device does not have` : "";
}

/** The device's answer to READ_BACK, wherever it stands in what the CLI printed; null when there is none. */
export function parseStored(printed: string): Stored | null {
  const found = /~image (\d+) (\d+)/.exec(printed);
  return found ? { length: Number(found[1]), crc: Number(found[2]) } : null;
}

/** Why `stored` is not the image; "" when it is. */
export function storedFault(image: Uint8Array, stored: Stored | null): string {
  if (stored === null) return "the device did not answer the read-back";
  if (stored.length !== image.length) return `the device has ${stored.length} bytes of ${image.length}`;
  const crc = crc32(image);
  return stored.crc === crc ? "" : `the device has CRC ${stored.crc.toString(16)} instead of ${crc.toString(16)}`;
}

/** Runs the CLI and resolves with all that it printed. Rejects with the reason when it says that it failed, or does not end. */
export function runCli(device: Device, task: string[]): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [CLI, ...cliArguments(device, task)], { stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => { printed += data.toString("latin1"); });
    child.once("error", failed);
    child.once("close", (code) => {
      const fault = cliFault(printed) || (code === 0 ? "" : `the espruino CLI ended with ${code ?? "a time-out"}:\n${printed}`);
      if (fault) failed(new Error(fault));
      else done(printed);
    });
  });
}

async function switchBluetoothOff(device: Device, say: (line: string) => void): Promise<void> {
  const printed = await runCli(device, ["-e", BLUETOOTH_OFF]);
  if (!printed.includes("~bluetooth on")) return;
  say("Bluetooth was on; the device restarts without it");
  await new Promise((resolve) => setTimeout(resolve, REBOOT_MS));
}

/** Sends the image in `file` to the device's flash until the read-back agrees. Rejects with the reason after three attempts. */
export async function flashFile(file: string, device: Device, say: (line: string) => void): Promise<void> {
  const image = readFileSync(file);
  await switchBluetoothOff(device, say);
  for (let attempt = 1; ; attempt++) {
    say(`sending ${image.length} bytes to ${device.port}`);
    await runCli(device, ["--config", "SAVE_ON_SEND=1", file]);
    const fault = storedFault(image, parseStored(await runCli(device, ["-e", READ_BACK])));
    if (!fault) return;
    if (attempt === ATTEMPTS) throw new Error(`${fault}, after ${ATTEMPTS} attempts`);
    say(`${fault}; once more`);
  }
}

async function main(): Promise<void> {
  const command = new Command("flash").description("build the image, send it to a device's flash, read it back")
    .requiredOption("--port <port>", "serial port of the device, or tcp://host:port")
    .option("--board <name>", `one of ${boardNames().join(", ")}`, process.env.BOARD || DEFAULT_BOARD)
    .option("--baud <rate>", "baud rate of the console", (text) => parseInt(text, 10), 115200).parse();
  const { port, board, baud } = command.opts<{ port: string; board: string; baud: number }>();
  const file = join(root, "dist/firmware.js");
  const { bytes } = await buildImage({ board, output: file });
  console.log(`built for ${board}: ${bytes} bytes`);
  await flashFile(file, { port, baud }, console.log);
  console.log("done: the device has the image, length and CRC agree");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error("error: " + (error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
}
