// The UART to the TinyBMS: 115200 baud, 8 data bits, no parity (Enepaq Rev D, 1). Bytes only.
import { uartPort, uartRx, uartTx } from "board";
import type { UartPort } from "../kernel/ports";

const BAUD = 115200;

/** Open the board's UART; every piece received goes to `received`, at most 64 bytes each on the chip. */
export function openUart(received: (bytes: string) => void): UartPort {
  const port = global[uartPort] as SerialPort;
  port.setup(BAUD, { rx: uartRx, tx: uartTx });
  port.on("data", received);
  return port;
}

/**
 * Espruino removes a listener that it broke off (no memory, too many nested calls: jswrap_stream_pushData): `received`
 * hears again, once, and first what came meanwhile.
 */
export function listenAgain(received: (bytes: string) => void): void {
  const port = global[uartPort] as SerialPort;
  port.removeAllListeners("data");
  port.on("data", received);
}
