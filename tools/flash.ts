// `npm run flash -- --port /dev/ttyUSB0 [--espruino FILE] [--board NAME]`: from a bare chip to a gateway that works
// (tools/flash/course.ts).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import { boardNames, DEFAULT_BOARD, root } from "./build/board";
import { buildImage } from "./build/image";
import { checked, fromEnvironment, refuseMissingDashes } from "./environment";
import { openConsole } from "./flash/console";
import { type Bar, type CourseOptions, goCourse, STEPS } from "./flash/course";
import { type Teller, upload } from "./flash/upload";
import { terminal } from "./setup/terminal";
import { endWithReader } from "./stdout";
import { openPort } from "./tinybms/port";

/** Only with a terminal there is a bar; lines stand above it. */
function barOf(total: number): Bar {
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

const EXAMPLES = `
FILE of --espruino is the .tgz of an Espruino release for the ESP32, or its folder; without it Espruino must be on the
chip. A gateway that is there keeps its settings. Steps for --only: ${STEPS.join(", ")}.`;

function commandLine(): Command {
  const command = new Command("flash")
    .description("put Espruino, the image and settings on an ESP32, read them back, wait until the gateway works")
    .requiredOption("--port <port>", "serial port of the device, or tcp://host:port")
    .option("--board <name>", `one of ${flashable().join(", ")}`, checked(boardOf))
    .option("--espruino <file>", "write this Espruino first")
    .option("--config <file>", "settings of this file, nothing is asked")
    .option("--yes", "write without a last question")
    .option("--force", "write an Espruino that is not known to work")
    .addOption(new Option("--only <step>", "only this step").choices(STEPS))
    .addHelpText("after", EXAMPLES);
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
  const options = command.opts<CourseOptions & { board: string }>(),
    image = join(root, "dist/firmware.js");
  if (!options.only || options.only === "image") {
    const { bytes } = await buildImage({ board: options.board, output: image });
    console.log(`built for ${options.board}: ${bytes} bytes, to ${options.port}`);
  }
  await goCourse(options, { asker: terminal(), say: (line) => console.log(line), bar: barOf, image });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error("error: " + (error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
}
