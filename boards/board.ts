// What a board is: which UART and which pins. A new board is one new file beside this one, with these constants (plain
// ones, which the minifier puts where they are used).

export interface Board {
  name: string;
  /** UART to the TinyBMS: Espruino's name of it, and its pins. */
  uartPort: string; uartRx: number; uartTx: number;
  /** Pins of the on-chip CAN controller. */
  canTx: number; canRx: number;
  /** Outputs that are set once at boot, before CAN starts: pin=level, separated by blanks. */
  outputs: string;
  /** JSON of the settings that differ from the defaults on this board. */
  presets: string;
}
