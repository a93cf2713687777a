// What is done to the machine once at boot: consoles that would be open doors, random numbers, board outputs, watchdog.
import { outputs } from "board";
import type { StorePort } from "../kernel/ports";

/** The ESP32's hardware random number register (Technical Reference Manual, RNG_DATA_REG). */
const RANDOM = 0x3ff75144;
/** Longer than a blocking TCP connect to a host that is gone (lwIP gives up after about 75 s). */
const WATCHDOG_S = 120;

/** Close the consoles that need no password, seed the random numbers, set the board's outputs, arm the watchdog. */
export function startMachine(faulted: (what: unknown) => void): void {
  require("TelnetServer").setOptions({ mode: "off" });
  NRF.setServices({}, { uart: false });
  E.srand(peek32(RANDOM) ^ peek32(RANDOM));
  for (const output of (outputs as string).split(" ").filter(function (text) { return text !== ""; })) {
    const parts = output.split("=");
    pinMode(+parts[0], "output");
    digitalWrite(+parts[0], parts[1] === "1" ? 1 : 0);
  }
  E.on("errorFlag", faulted);
  process.on("uncaughtException", faulted);
  E.enableWatchdog(WATCHDOG_S, false);
}

/** Flash files. Compacting takes seconds, so it is done now, before CAN starts, when less than a quarter is free (decisions 37). */
export function openStore(): StorePort {
  const storage = require("Storage"), stats = storage.getStats();
  if (stats.trashBytes > 0 && stats.freeBytes < stats.totalBytes / 4) storage.compact();
  return storage;
}

/** MAC address as 12 hex digits. */
export function macAddress(): string {
  return getSerial().split("-").join("").substr(0, 12);
}

/** Eight random hex digits: who reads the console may change settings. */
export function newToken(): string {
  return (0x100000000 + (peek32(RANDOM) >>> 0)).toString(16).substr(1).toUpperCase();
}
