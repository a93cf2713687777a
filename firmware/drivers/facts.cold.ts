// What the chip and its radio say of themselves, for people. What a build of the interpreter cannot tell is unknown (NaN, "").
import type { Machine } from "../kernel/ports";

/** Facts of this moment. Bytes, dBm. */
export function machineFacts(): Machine {
  const wifi = require("Wifi"), own = wifi.getIP(), esp32 = global["ESP32"] as Esp32 | undefined;
  const chip = esp32 ? esp32.getState() : { freeHeap: NaN, minHeap: NaN };
  const rssi = wifi.getDetails().rssi, env = process.env;
  return {
    ip: own.ip && own.ip !== "0.0.0.0" ? own.ip : "", mac: own.mac || "", rssi: rssi === undefined ? NaN : rssi,
    heap: chip.freeHeap, heapMin: chip.minHeap === undefined ? NaN : chip.minHeap,
    storageFree: require("Storage").getFree(), storage: env.STORAGE || NaN, flash: env.FLASH || NaN, board: env.BOARD,
  };
}
