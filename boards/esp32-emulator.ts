// An ESP32 in an emulator, for tests: the only board that leaves the interpreter's open access point on, because
// nothing else leads into an emulator's network. Never flash it: anybody near could reach the device. Pins as on
// esp32-devkit, a simulated LFP battery.

export const name = "esp32-emulator";
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
export const accessPoint = true;
export const outputs = "";
export const presets = '{"battery":{"chemistry":"lfp"},"time":{"server":""}}';
