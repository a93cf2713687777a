// Encrypted connections by the interpreter's `tls`. It verifies nothing: neither the broker's certificate nor its name.
import type { Socket } from "../kernel/ports";

/** C heap that mbed TLS needs for a connection: two buffers of 16 kB and its context, bytes. */
const HEAP = 40000;

function tlsModule(): TlsModule {
  try {
    return require("tls");
  } catch (error) {
    throw new Error("TLS needs an interpreter with the module tls");
  }
}

/**
 * Connect; blocks as `net.connect` does. Files: CA, certificate, key as DER, "" for none; bad ones throw. Throws "TLS needs ..."
 * where there can be no encrypted connection. The PC's interpreter has no ESP32 to ask for its heap.
 */
export function connectTls(ip: string, port: number, opened: () => void, files: string[]): Socket {
  const tls = tlsModule(), chip = global["ESP32"] as Esp32 | undefined;
  const options: TlsOptions = { host: ip, port: port }, free = chip ? chip.getState().freeHeap : HEAP;
  if (free < HEAP) throw new Error("TLS needs " + HEAP + " bytes of heap, there are " + free);
  if (files[0]) options.ca = files[0];
  if (files[1]) options.cert = files[1];
  if (files[2]) options.key = files[2];
  return tls.connect(options, opened);
}
