// Where a chip keeps its CAN controller, clock gate and pin routing. A further chip is a further row of `chips`.
// Source: ESP32 Technical Reference Manual, chapters System and Memory, IO_MUX and GPIO Matrix.

export interface Chip {
  /** Every base address at which the 32 controller registers answer. */
  controllers: number[];
  /** Clock gate and reset registers, the controller's bit in both, and what the clock register holds after reset. */
  clockEnable: number;
  resetEnable: number;
  gateBit: number;
  clockEnableAtReset: number;
  /** GPIO block, its selection tables, and the number of pins. */
  gpio: number;
  outSelect: number;
  inSelect: number;
  pins: number;
  /** Address of each pin's IO_MUX register; 0 for a pin that does not exist. */
  ioMux: number[];
  transmitSignal: number;
  receiveSignal: number;
  /** OUT_SEL: value of a plain GPIO, and the bits that must equal the signal (signal and inversion). */
  plainOutput: number;
  outSelectMask: number;
  /** IN_SEL: bit that selects the matrix, pin field, and the two constants that field can name. */
  useMatrix: number;
  inPinMask: number;
  constantHigh: number;
  constantLow: number;
  /** MCU_SEL value that connects a pad to the matrix. */
  padToMatrix: number;
  /** Pins from here on have no output driver. */
  firstInputOnly: number;
}

const ESP32_IO_MUX: Record<number, number> = {
  0: 0x44,
  1: 0x88,
  2: 0x40,
  3: 0x84,
  4: 0x48,
  5: 0x6c,
  6: 0x60,
  7: 0x64,
  8: 0x68,
  9: 0x54,
  10: 0x58,
  11: 0x5c,
  12: 0x34,
  13: 0x38,
  14: 0x30,
  15: 0x3c,
  16: 0x4c,
  17: 0x50,
  18: 0x70,
  19: 0x74,
  20: 0x78,
  21: 0x7c,
  22: 0x80,
  23: 0x8c,
  25: 0x24,
  26: 0x28,
  27: 0x2c,
  32: 0x1c,
  33: 0x20,
  34: 0x14,
  35: 0x18,
  36: 0x04,
  37: 0x08,
  38: 0x0c,
  39: 0x10,
};

const esp32: Chip = {
  controllers: [0x3ff6b000, 0x6002b000],
  clockEnable: 0x3ff000c0,
  resetEnable: 0x3ff000c4,
  gateBit: 1 << 19,
  clockEnableAtReset: 0xf9c1e06f,
  gpio: 0x3ff44000,
  outSelect: 0x3ff44530,
  inSelect: 0x3ff44130,
  pins: 40,
  ioMux: Array.from({ length: 40 }, (_, pin) => (pin in ESP32_IO_MUX ? 0x3ff49000 + ESP32_IO_MUX[pin] : 0)),
  transmitSignal: 123,
  receiveSignal: 94,
  plainOutput: 0x100,
  outSelectMask: 0x3ff,
  useMatrix: 0x80,
  inPinMask: 0x3f,
  constantHigh: 0x38,
  constantLow: 0x30,
  padToMatrix: 2,
  firstInputOnly: 34,
};

/** The chips that the model knows. */
export const chips = { esp32 };
export type ChipName = keyof typeof chips;
