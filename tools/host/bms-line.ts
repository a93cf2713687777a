// The line to a TinyBMS outside this process: a serial port, or TCP to a simulator or a serial server. It is opened
// again when it goes.
import { openPort, type Port } from "../tinybms/port";

/** So long after the line went, or could not be opened again, the next try begins, ms. */
const AGAIN_MS = 2000;

/** The TinyBMS's end of the UART, as the simulator has it. */
export interface BmsLine {
  /** Bytes from the gateway; lost while the line is gone. */
  receive(bytes: Uint8Array): void;
  /** Registers a receiver of the bytes to the gateway; returns a function that takes it out again. */
  onSend(receiver: (bytes: Uint8Array) => void): () => void;
  close(): Promise<void>;
}

/**
 * Opens a serial port by its path, or tcp://HOST:PORT. Rejects with one line that says what to do when that fails;
 * later failures are told to `say`, once for each reason, and so is the return.
 */
export async function openBmsLine(where: string, say: (line: string) => void): Promise<BmsLine> {
  const receivers = new Set<(bytes: Uint8Array) => void>();
  let port: Port | null = null,
    timer: NodeJS.Timeout | undefined,
    isClosed = false,
    told = "";
  const tell = (line: string): void => {
    if (line !== told) say(line);
    told = line;
  };
  const open = async (): Promise<void> => {
    const opened = await openPort(where);
    if (isClosed) return opened.close();
    port = opened;
    opened.onData((bytes) => receivers.forEach((receiver) => receiver(Buffer.from(bytes, "latin1"))));
    opened.onEnd((reason) => {
      port = null;
      tell(`${reason}; trying again`);
      again();
    });
  };
  const again = (): void => {
    if (isClosed) return;
    timer = setTimeout(() => {
      open().then(
        () => tell(`${where}: open again`),
        (error: unknown) => {
          tell((error as Error).message);
          again();
        },
      );
    }, AGAIN_MS);
  };
  await open();
  return {
    receive: (bytes) => port?.write(Buffer.from(bytes).toString("latin1")),
    onSend: (receiver) => {
      receivers.add(receiver);
      return () => void receivers.delete(receiver);
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await port?.close();
    },
  };
}
