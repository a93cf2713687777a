// The board of the node host and of an Espruino for Linux: a simulated LFP battery on Serial1, no Wi-Fi to join, no
// time server to ask.

export const name = "host";
export const uartPort = "Serial1",
  uartRx = 16,
  uartTx = 17;
export const can = "twai",
  canTx = 32,
  canRx = 33;
export const canSpi = "SPI2",
  canSck = 18,
  canMiso = 19,
  canMosi = 23,
  canCs = 5,
  canCrystal = 16;
export const accessPoint = false;
export const outputs = "";
export const presets = '{"battery":{"chemistry":"lfp"},"time":{"server":""}}';
