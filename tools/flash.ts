// `npm run flash -- --port /dev/ttyUSB0 [--board NAME]`: builds the image and sends it to the device's flash
// (tools/flash/upload.ts).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SingleBar } from "cli-progress";
import { Command } from "commander";
import { boardNames, DEFAULT_BOARD, root } from "./build/board";
import { buildImage } from "./build/image";
import { checked, fromEnvironment, refuseMissingDashes } from "./environment";
import { openConsole } from "./flash/console";
import { type Teller, upload } from "./flash/upload";
import { endWithReader } from "./stdout";
import { openPort } from "./tinybms/port";

/** Only with a terminal there is a bar; lines stand above it. */
function barOf(total: number): Teller & { end(): void } {
  const bar = new SingleBar({
    format: "[{bar}] {percentage} % of {total} bytes, {eta_formatted} left",
    hideCursor: true,
    clearOnComplete: true,
  });
  const start = (at: number): void => {
    if (process.stdout.isTTY) bar.start(total, at);
  };
  let at = 0;
  start(0);
  return {
    say: (line) => {
      bar.stop();
      console.log(line);
      start(at);
    },
    progress: (bytes) => bar.update((at = Math.min(bytes, total))),
    end: () => bar.stop(),
  };
}

/** Sends the image in `file` to the device at `port` (a serial port, or tcp://host:port). Rejects with the reason. */
export async function flashFile(file: string, port: string, tell: Teller): Promise<void> {
  const image = readFileSync(file, "latin1"),
    line = await openPort(port);
  try {
    await upload(openConsole(line), image, tell);
    await new Promise((resolve) => setTimeout(resolve, 200)); // the last line leaves before the port closes
  } finally {
    await line.close();
  }
}

/** Boards with a flash to write to: `host` is this machine. */
const flashable = (): string[] => boardNames().filter((name) => name !== "host");

function boardOf(name: string): string {
  if (!flashable().includes(name)) throw new Error(`must be one of ${flashable().join(", ")}`);
  return name;
}

function commandLine(): Command {
  const command = new Command("flash")
    .description("build the image, send it to a device's flash, read every block back")
    .requiredOption("--port <port>", "serial port of the device, or tcp://host:port")
    .option("--board <name>", `one of ${flashable().join(", ")}`, checked(boardOf));
  try {
    const board = fromEnvironment(process.env, "BOARD", boardOf) ?? DEFAULT_BOARD;
    command.setOptionValueWithSource("board", board, "default");
  } catch (error) {
    if (!process.argv.includes("--board") && !process.argv.includes("--help"))
      command.error("error: " + (error as Error).message);
  }
  return command;
}

async function main(): Promise<void> {
  const command = commandLine();
  refuseMissingDashes(command, process.env, "npm run flash");
  endWithReader(() => undefined); // the device gets its image all the same
  command.parse();
  const { port, board } = command.opts<{ port: string; board: string }>();
  const file = join(root, "dist/firmware.js");
  const { bytes } = await buildImage({ board, output: file });
  console.log(`built for ${board}: ${bytes} bytes, to ${port}`);
  const bar = barOf(bytes);
  try {
    await flashFile(file, port, bar);
  } finally {
    bar.end();
  }
  console.log("done: the device has the image, every block, length and CRC agree; it restarts");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error("error: " + (error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
}
