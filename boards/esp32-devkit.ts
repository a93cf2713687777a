// ESP32-DevKitC with an SN65HVD230 CAN transceiver. TX on 32: pins 32 and 33 keep their routing through a reset of the
// interpreter. UART 3 on 16 and 17 (on modules with PSRAM these two are taken: use another board file).

export const name = "esp32-devkit";
export const uartPort = "Serial3",
  uartRx = 16,
  uartTx = 17;
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
