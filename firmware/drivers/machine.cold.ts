// What is done to the machine once at boot: consoles that would be open doors, random numbers, board outputs. (The
// watchdog is on already: its statement stands before all else in the image, tools/build/options.ts.)

import type { Chip, Machine, StorePort } from "../kernel/ports";
import { interpreter } from "./espruino.cold";
import { ownAddress } from "./network.cold";
import { RESTART_MARK, RESTART_WANTED } from "./restart";
import { outputs } from "board";

/** The ESP32's hardware random number register (Technical Reference Manual, RNG_DATA_REG). */
const RANDOM = 0x3ff75144;

/**
 * Close the consoles that need no password, seed the random numbers, set the board's outputs; who is told of faults and
 * error flags.
 */
export function startMachine(faulted: (what: unknown) => void, flagged: (flags: string[]) => void): void {
  require("TelnetServer").setOptions({ mode: "off" });
  NRF.setServices({}, { uart: false });
  E.srand(peek32(RANDOM) ^ peek32(RANDOM));
  for (const output of (outputs as string).split(" ").filter(function (text) {
    return text !== "";
  })) {
    const parts = output.split("=");
    pinMode(+parts[0], "output");
    digitalWrite(+parts[0], parts[1] === "1" ? 1 : 0);
  }
  E.on("errorFlag", function (flags) {
    if (flags.indexOf("CALLBACK") >= 0) E.getErrorFlags(); // a flag that stands is not told again
    flagged(flags);
  });
  process.on("uncaughtException", faulted);
}

/**
 * The pool was full since the last call. No event tells that alone (Espruino, src/jsinteractive.c,
 * JSERR_WARNINGS_MASK).
 */
export function poolWasFull(): boolean {
  const flags = E.getErrorFlags();
  if (flags.indexOf("CALLBACK") >= 0) E.emit("errorFlag", flags); // one of this very turn would not be told any more
  return flags.indexOf("LOW_MEMORY") >= 0;
}

/**
 * Flash files. Compacting takes seconds, so it is done now, before CAN starts, when less than a quarter is free.
 */
export function openStore(): StorePort {
  const storage = require("Storage"),
    stats = storage.getStats();
  if (stats.trashBytes > 0 && stats.freeBytes < stats.totalBytes / 4) storage.compact();
  return storage;
}

/** MAC address as 12 hex digits. */
export function macAddress(): string {
  return getSerial().split("-").join("").substr(0, 12);
}

/**
 * 32 random bits. Without the radio the register has no noise to take them from (Technical Reference Manual, 24), so
 * there is none before the first address. (`E.hwRand` is the generator of `Math.random`, the same at each start.)
 */
export function randomWord(): number {
  return ownAddress() ? peek32(RANDOM) >>> 0 : NaN;
}

/**
 * A key from a password, 16 bytes: PBKDF1 (RFC 8018, 5.1) with SHA-256. (Espruino's PBKDF2 needs 236 bytes of memory in
 * one piece, which there is not always.)
 */
export function derived(pass: string, salt: string, rounds: number): string {
  const hash = require("crypto").SHA256;
  let key = hash(pass + salt);
  for (let i = 1; i < rounds && key; i++) key = hash(key);
  if (!key) throw new Error("no memory for the hash of a password");
  return E.toString(new Uint8Array(key, 0, 16));
}

// What the chip and its radio say of themselves, for people. What a build of the interpreter cannot tell is unknown
// (NaN, "").

/** Facts of this moment. Bytes, dBm. */
export function machineFacts(): Machine {
  const wifi = require("Wifi"),
    own = wifi.getIP(),
    esp32 = global["ESP32"] as Esp32 | undefined;
  const chip = esp32 ? esp32.getState() : { freeHeap: NaN, minHeap: NaN, BLE: false };
  const rssi = wifi.getDetails().rssi,
    env = process.env,
    espruino = interpreter();
  return {
    ip: own.ip && own.ip !== "0.0.0.0" ? own.ip : "",
    mac: (own.mac || "").toUpperCase(),
    rssi: rssi === undefined ? NaN : rssi,
    heap: chip.freeHeap,
    heapMin: chip.minHeap === undefined ? NaN : chip.minHeap,
    storageFree: require("Storage").getFree(),
    storage: env.STORAGE || NaN,
    flash: env.FLASH || NaN,
    board: env.BOARD,
    espruino: espruino.version,
    warning: espruino.warning,
    bluetooth: !!chip.BLE,
  };
}

// What registers of the ESP32 say of the chip (Technical Reference Manual: eFuse, DPORT, RTC; the revision as ESP-IDF
// reads it, efuse_hal_get_major_chip_version).

/** EFUSE_BLK0_RDATA3: bit 0 no second core, bit 15 revision. EFUSE_BLK0_RDATA5: bit 20 revision. */
const FUSES_3 = 0x3ff5a00c,
  FUSES_5 = 0x3ff5a014;
/** APB_CTRL_DATE: bit 31 revision. */
const APB_DATE = 0x3ff6607c;
/** RTC_CNTL_CLK_CONF: bits 27 and 28, the clock comes from the PLL. DPORT_CPU_PER_CONF: bits 0 and 1, 80, 160, 240. */
const CLOCK_SOURCE = 0x3ff48070,
  CLOCK_PERIOD = 0x3ff0003c,
  FROM_PLL = 1;

function bit(address: number, place: number): number {
  return (peek32(address) >>> place) & 1;
}

/** Facts that do not change while the chip runs; on any other machine nothing is known. */
export function chipFacts(): Chip {
  if (process.env.BOARD !== "ESP32") return { rev: NaN, cpuFreqMhz: NaN, cores: NaN };
  const revision = bit(FUSES_3, 15) + bit(FUSES_5, 20) * 2 + bit(APB_DATE, 31) * 4,
    period = peek32(CLOCK_PERIOD) & 3,
    isPll = ((peek32(CLOCK_SOURCE) >>> 27) & 3) === FROM_PLL;
  return {
    rev: [0, 1, 0, 2, 0, 0, 0, 3][revision],
    cpuFreqMhz: isPll && period < 3 ? (period + 1) * 80 : NaN,
    cores: 2 - bit(FUSES_3, 0),
  };
}

// Why the chip started. A restart that somebody wants and one that follows an exception or the watchdog have the same
// reset cause, so who wants one leaves a mark (drivers/restart.ts).

/** RTC_CNTL_RESET_STATE: bits 0 to 5, the cause. */
const RESET_STATE = 0x3ff48034;
/** Causes: software, of the chip and of a core (so ends a panic of ESP-IDF, which the watchdog's bite is). */
const BY_SOFTWARE = [3, 12],
  BY_WATCHDOG = [4, 7, 8, 9, 11, 13, 16];

/** Whether the watchdog or an exception of the interpreter ended the run before this one; asked once a start. */
export function wasReset(): boolean {
  const cause = peek32(RESET_STATE) & 63,
    isWanted = peek32(RESTART_MARK) === RESTART_WANTED;
  if (isWanted) poke32(RESTART_MARK, 0);
  return BY_WATCHDOG.indexOf(cause) >= 0 || (BY_SOFTWARE.indexOf(cause) >= 0 && !isWanted);
}
