// An open port as the Web Serial API has it, which is what esptool-js speaks to.
import type { Port } from "../tinybms/port";

export interface WebSerial {
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  open(options: { baudRate: number }): Promise<void>;
  close(): Promise<void>;
  setSignals(signals: { dataTerminalReady?: boolean; requestToSend?: boolean }): Promise<void>;
  getInfo(): object;
  setBaudRate?(rate: number): Promise<void>;
}

/** `close` leaves the port itself open: who opened it closes it. */
export function webSerial(port: Port): WebSerial {
  let readable: WebSerial["readable"] = null,
    writable: WebSerial["writable"] = null,
    reader: ReadableStreamDefaultController<Uint8Array> | null = null;
  const lines = { dtr: false, rts: false };
  port.onData((bytes) => reader?.enqueue(Buffer.from(bytes, "latin1")));
  port.onEnd((reason) => reader?.error(new Error(reason)));
  return {
    get readable() {
      return readable;
    },
    get writable() {
      return writable;
    },
    open: () => {
      readable = new ReadableStream({
        start: (controller) => void (reader = controller),
        cancel: () => void (reader = null),
      });
      writable = new WritableStream({ write: (bytes) => port.write(Buffer.from(bytes).toString("latin1")) });
      return Promise.resolve();
    },
    close: () => {
      readable = writable = reader = null;
      return Promise.resolve();
    },
    setSignals: async ({ dataTerminalReady: dtr, requestToSend: rts }) => {
      if (dtr !== undefined) lines.dtr = dtr;
      if (rts !== undefined) lines.rts = rts;
      await port.signals?.(lines.dtr, lines.rts);
    },
    getInfo: () => ({}),
    ...(port.setBaud ? { setBaudRate: (rate: number) => port.setBaud!(rate) } : {}),
  };
}
