// What is done to the machine once at boot: consoles that would be open doors, random numbers, board outputs, watchdog.
import { outputs } from "board";
import { setImageText } from "../kernel/text";
import type { StorePort } from "../kernel/ports";

/** The ESP32's hardware random number register (Technical Reference Manual, RNG_DATA_REG). */
const RANDOM = 0x3ff75144;
/** Longer than a blocking TCP connect to a host that is gone (lwIP gives up after about 75 s). */
const WATCHDOG_S = 120;
/** The image begins with this; its tables follow up to the end of the comment. */
const TEXT_START = "/*~TEXT~";

/** Close the consoles that need no password, seed the random numbers, set the board's outputs, arm the watchdog. */
export function startMachine(faulted: (what: unknown) => void): void {
  require("TelnetServer").setOptions({ mode: "off" });
  NRF.setServices({}, { uart: false });
  E.srand(peek32(RANDOM) ^ peek32(RANDOM));
  for (const output of (outputs as string).split(" ").filter(function (output) { return output !== ""; })) {
    const parts = output.split("=");
    pinMode(+parts[0], "output");
    digitalWrite(+parts[0], parts[1] === "1" ? 1 : 0);
  }
  E.on("errorFlag", faulted);
  process.on("uncaughtException", faulted);
  E.enableWatchdog(WATCHDOG_S, false);
}

/** Flash files. */
export function openStore(): StorePort {
  return require("Storage");
}

/** Find the image's tables in the flash; false when it does not run from there. */
export function findImageText(): boolean {
  const boot = require("Storage").read(".bootcde") || "", at = boot.indexOf(TEXT_START);
  if (at < 0) return false;
  setImageText(boot.substr(at + TEXT_START.length, boot.indexOf("*/", at) - at - TEXT_START.length));
  return true;
}

/** MAC address as 12 hex digits. */
export function macAddress(): string {
  return getSerial().split("-").join("").substr(0, 12);
}

/** Eight random hex digits: who reads the console may change settings. */
export function newToken(): string {
  return (0x100000000 + (peek32(RANDOM) >>> 0)).toString(16).substr(1).toUpperCase();
}
