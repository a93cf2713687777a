// The receive FIFO: a ring of 64 bytes and the list of messages in it, with the overrun behaviour of either controller.
// Source: ESP32 Technical Reference Manual, chapter TWAI (receive FIFO); ESP32 Chip Errata, TWAI-3.13.11.

export const FIFO_BYTES = 64,
  FIFO_MESSAGES = 64,
  UNDEFINED_BYTE = 0xa5;

export interface Fifo {
  ring: Uint8Array;
  /** Where the next message goes, and where an empty FIFO's window looks. */
  writeAt: number;
  messages: { at: number; length: number; damaged: boolean }[];
  /** DOS: the message in the window is not to be trusted (esp32), or one was lost (sja1000). */
  overrun: boolean;
  /** 64 messages have piled up: reads are garbage and releases do nothing. */
  dead: boolean;
}

/** An empty FIFO whose bytes are undefined. */
export function fifoOf(): Fifo {
  return {
    ring: new Uint8Array(FIFO_BYTES).fill(UNDEFINED_BYTE),
    writeAt: 0,
    messages: [],
    overrun: false,
    dead: false,
  };
}

/** Forget every message. The bytes stay, as they do in the chip. A dead FIFO lives again only when `revive`. */
export function fifoEmpty(fifo: Fifo, revive: boolean): void {
  fifo.overrun = false;
  if (fifo.dead && !revive) return;
  fifo.messages.length = 0;
  fifo.dead = false;
}

/** Number of messages that the counter register shows. */
export function fifoCount(fifo: Fifo): number {
  return fifo.messages.length;
}

/**
 * Take in one message. The esp32 writes the bytes of a message that does not fit over older ones and counts it; it sets
 * `overrun` when that message reaches the window. The sja1000 drops the message and sets `overrun` at once.
 */
export function fifoStore(fifo: Fifo, bytes: number[], keepOverrun: boolean): void {
  const used = fifo.messages.reduce((sum, message) => sum + message.length, 0);
  const damaged = used + bytes.length > FIFO_BYTES;
  if (damaged && !keepOverrun) {
    fifo.overrun = true;
    return;
  }
  if (fifo.dead) return;
  fifo.messages.push({ at: fifo.writeAt, length: bytes.length, damaged });
  for (const byte of bytes) {
    fifo.ring[fifo.writeAt] = byte;
    fifo.writeAt = (fifo.writeAt + 1) % FIFO_BYTES;
  }
  fifo.dead = fifo.messages.length >= FIFO_MESSAGES;
}

/** Drop the oldest message; nothing happens when there is none or the FIFO is dead. */
export function fifoRelease(fifo: Fifo): void {
  if (fifo.dead) return;
  fifo.messages.shift();
  if (fifo.messages.length > 0 && fifo.messages[0].damaged) fifo.overrun = true;
}

/** Byte `index` (0..12) of the window over the oldest message; beyond its end, whatever follows in the ring. */
export function fifoWindow(fifo: Fifo, index: number): number {
  if (fifo.dead) return UNDEFINED_BYTE;
  const at = fifo.messages.length > 0 ? fifo.messages[0].at : fifo.writeAt;
  return fifo.ring[(at + index) % FIFO_BYTES];
}
