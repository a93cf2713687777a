// LILYGO T-CAN485. The CAN transceiver needs its 5 V supply switched on (16) and its standby pin low (23). The TinyBMS
// speaks logic level: header pins 32 and 33, not the RS485 terminal.

export const name = "lilygo-t-can485";
export const uartPort = "Serial3",
  uartRx = 32,
  uartTx = 33;
export const can = "twai",
  canTx = 27,
  canRx = 26;
export const canSpi = "",
  canSck = 0,
  canMiso = 0,
  canMosi = 0,
  canCs = 0,
  canCrystal = 0;
export const accessPoint = false;
export const outputs = "16=1 23=0";
export const presets = "{}";
