// What a board is: which UART and which pins. A new board is one new file beside this one, with these constants (plain
// ones, which the minifier puts where they are used).

export interface Board {
  name: string;
  /** UART to the TinyBMS: Espruino's name of it, and its pins. */
  uartPort: string;
  uartRx: number;
  uartTx: number;
  /**
   * The CAN controller: the one on the chip, or an MCP2515 on an SPI port. The other's driver is left out of the image.
   */
  can: "twai" | "mcp2515";
  /** Pins of the on-chip controller (0 without). */
  canTx: number;
  canRx: number;
  /**
   * Of an MCP2515: Espruino's name of the SPI port, its pins, the chip select, and the crystal in MHz ("", 0 without).
   */
  canSpi: string;
  canSck: number;
  canMiso: number;
  canMosi: number;
  canCs: number;
  canCrystal: number;
  /** Outputs that are set once at boot, before CAN starts: pin=level, separated by blanks. */
  outputs: string;
  /** Leave the interpreter's open access point on. Only for a board of tests whose network is nothing else. */
  accessPoint: boolean;
  /** JSON of the settings that differ from the defaults on this board. */
  presets: string;
}
