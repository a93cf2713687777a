// Registers and bits of the on-chip CAN controller that both sides of its driver use. ESP32 Technical Reference Manual,
// TWAI: PeliCAN layout (SJA1000).

/** Address of the first register. */
export const BASE = 0x3ff6b000;
/** Address: commands, one a write, never read back. */
export const COMMAND = BASE + 4;
/** Address: status. */
export const STATUS = BASE + 8;
/** Address: frame to send, frame received, or filter. */
export const WINDOW = BASE + 0x40;

/** Status bit: the transmit buffer is free. */
export const FREE = 4;
/** Status bit: the last transmission is complete. */
export const COMPLETE = 8;
/** Status bit: transmitting. */
export const SENDING = 0x20;
/** Status bit: bus-off. */
export const BUS_OFF = 0x80;
/** Flag: arbitration lost. */
export const LOST = 0x40;

/** Command: transmit once without retry. */
export const SEND_ONCE = 3;
/** Command: release the receive buffer. */
export const RELEASE = 4;

/** Messages in the receive queue from which on it is as good as dead (erratum TWAI-3.13.11). */
export const QUEUE_DEAD = 62;
