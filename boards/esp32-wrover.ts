// ESP32-DevKitC with a WROVER module (PSRAM) and an SN65HVD230 CAN transceiver. Its PSRAM sits on GPIO 16 and 17, so
// UART 3 has other pins; CAN as on esp32-devkit. The only board here whose interpreter has the heap for TLS
// (boards/README.md).

export const name = "esp32-wrover";
export const uartPort = "Serial3",
  uartRx = 26,
  uartTx = 27;
export const can = "twai",
  canTx = 32,
  canRx = 33;
export const canSpi = "",
  canSck = 0,
  canMiso = 0,
  canMosi = 0,
  canCs = 0,
  canCrystal = 0;
export const accessPoint = false;
export const outputs = "";
export const presets = "{}";
