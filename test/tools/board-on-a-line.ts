// A board at the end of a line: the chip's boot loader while its flash is blank or somebody speaks to it, else Espruino
// (an interpreter for Linux), which starts anew when its program asks for it, as a chip does.
import type { ChildProcess } from "node:child_process";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { provision, type FlashFiles } from "../../tools/rig/flash";
import { findInterpreter, launchInterpreter, stopProcess, temporaryDirectory } from "../../tools/rig/interpreter";
import { romLoader, type RomLoader, type RomOptions } from "./rom-loader";

export interface BoardOptions extends RomOptions {
  /** What the interpreter's flash has at its first start: what a chip's build of Espruino has and a PC's has not. */
  files?: FlashFiles;
}

export interface BoardOnALine {
  where: string;
  rom: RomLoader;
  /** Folder of the interpreter's flash. */
  folder: string;
  /** What Espruino printed since its last start. */
  printed(): string;
  starts: number;
  /** The cable is pulled. */
  pull(): void;
  close(): Promise<void>;
}

const PROGRAM_AT = 0x10000,
  PROGRAM = 0xe9;
/** A question of a flasher: a board with reset lines is in its boot loader then. */
const SYNC = Buffer.from([0xc0, 0x00, 0x08, 0x24, 0x00]);
/** What the program says when it restarts the chip. */
export const REBOOTS = "rebooting";

export async function boardOnALine(options: BoardOptions = {}): Promise<BoardOnALine> {
  const directory = temporaryDirectory(),
    clients = new Set<Socket>();
  let espruino: ChildProcess | null = null,
    text = "",
    isProvisioned = false;
  const send = (bytes: Buffer): void => clients.forEach((client) => void client.write(bytes));
  const start = async (): Promise<void> => {
    const launch = { interpreter: findInterpreter()! };
    if (options.files && !isProvisioned) await provision(launch, directory.path, options.files);
    isProvisioned = true;
    text = "";
    board.starts++;
    const child = (espruino = launchInterpreter(launch, directory.path));
    child.stdout!.on("data", (data: Buffer) => {
      text += data.toString("latin1");
      send(data);
      if (!text.includes(REBOOTS) || espruino !== child) return;
      espruino = null;
      void stopProcess(child, "SIGKILL").then(start);
    });
  };
  const stop = async (): Promise<void> => {
    const child = espruino;
    espruino = null;
    if (child) await stopProcess(child, "SIGKILL");
  };
  const server = createServer((client) => {
    clients.add(client);
    client.setNoDelay(true);
    client.on("data", (bytes) => {
      if (espruino && bytes.includes(SYNC)) void stop();
      if (espruino) espruino.stdin!.write(bytes);
      else board.rom.receive(bytes);
    });
    client.on("error", () => undefined);
    client.on("close", () => {
      clients.delete(client);
      if (!espruino && board.rom.flash[PROGRAM_AT] === PROGRAM) void start();
    });
  });
  await new Promise<void>((up) => server.listen(0, "127.0.0.1", up));
  const board: BoardOnALine = {
    where: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rom: romLoader(send, options),
    folder: directory.path,
    printed: () => text,
    starts: 0,
    pull: () => clients.forEach((client) => client.destroy()),
    close: async () => {
      board.rom.flash[PROGRAM_AT] = 0xff;
      board.pull();
      server.close();
      await stop();
      directory.remove();
    },
  };
  return board;
}
