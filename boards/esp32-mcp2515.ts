// ESP32-DevKitC with an MCP2515 module. SCK 18, SO (MISO) 19, SI (MOSI) 23, CS 5; INT stays open. The chip runs on 3.3
// V: at 5 V its SO would drive 5 V into the ESP32. Modules with a TJA1050 need 5 V for that transceiver alone; cut its
// supply from the MCP2515's, or take a module with a 3.3 V transceiver. `canCrystal` is what is printed on the module's
// crystal: 8 (no 1 Mbit/s) or 16 MHz.

export const name = "esp32-mcp2515";
export const uartPort = "Serial3",
  uartRx = 16,
  uartTx = 17;
export const can = "mcp2515",
  canTx = 0,
  canRx = 0;
export const canSpi = "SPI2",
  canSck = 18,
  canMiso = 19,
  canMosi = 23,
  canCs = 5,
  canCrystal = 8;
export const accessPoint = false;
export const outputs = "";
export const presets = "{}";
