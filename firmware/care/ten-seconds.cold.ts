// What is done each ten seconds: who the battery is, error rates of a minute, the energy into flash, whether a GX or a
// cell is missed.
import { CAN_ERRORS, MEMORY_LOW, UART_ERRORS, WAS_RESET } from "../battery/alarms";
import { detected, stopped } from "../charge/settings";
import { BLOCK_CHARGE, BLOCK_DISCHARGE, blocks, LOOK, preparedAt, preparedSum } from "../charge/memory";
import { saveEnergy } from "../battery/energy.cold";
import { DETECTED_CELLS_WORD } from "../battery/words.baked";
import { acceptIdentity } from "../bms/poller.cold";
import { EXTRA, IDENTITY } from "../bms/places";
import { batteryTexts } from "../victron/texts.cold";
import { MISSING_SAID_MS, type Needs, type Rates } from "./needs";
import { WARN } from "../log/log";
import { writeLog } from "../log/log.cold";

/** Error rates are taken over a minute, ms. */
const RATES_MS = 60000;
/** The share of bad replies or frames that warns. */
const BAD = 0.05;
/** The first of the battery's texts. */
const BATTERY_TEXTS = 8;
/** A start that nobody wanted is told for this long, ms. */
const RESET_TOLD_MS = 3600000;
/** Both directions. */
const BOTH = BLOCK_CHARGE + BLOCK_DISCHARGE;

/** The counters at boot; the first work of ten seconds comes after three. */
export function ratesOf(): Rates {
  return {
    at: 0,
    doneAt: -7000,
    bits: 0,
    errorBits: 0,
    ok: 0,
    crc: 0,
    tx: 0,
    errors: 0,
    busOff: 0,
    moved: false,
    silentAt: 0,
    sayAt: MISSING_SAID_MS,
  };
}

/** Once a minute: are more than 5 % of the replies, or of the frames, bad? */
function takeRates(needs: Needs, now: number): void {
  const last = needs.rates,
    poller = needs.uart.poller,
    port = needs.canPort,
    crc = poller.crc - last.crc,
    errors = port.errors - last.errors;
  last.errorBits =
    (crc > (crc + poller.ok - last.ok) * BAD ? UART_ERRORS : 0) |
    (errors > (errors + port.tx - last.tx) * BAD ? CAN_ERRORS : 0);
  if (last.errorBits & UART_ERRORS)
    writeLog(
      needs,
      WARN,
      "uart: " + crc + " of " + (crc + poller.ok - last.ok) + " replies were bad in the last minute",
    );
  if (last.errorBits & CAN_ERRORS)
    writeLog(
      needs,
      WARN,
      "can: " + errors + " of " + (errors + port.tx - last.tx) + " frames failed in the last minute",
    );
  last.at = now;
  last.ok = poller.ok;
  last.crc = poller.crc;
  last.tx = port.tx;
  last.errors = port.errors;
}

/**
 * Without a GX for as long as setting can.gx_loss_s says nothing may flow; frames go on, so that it finds the battery
 * again.
 */
function missGx(needs: Needs, now: number): void {
  const can = needs.can,
    limits = needs.limits,
    stop = can.gxLossMs && now - Math.max(can.gxAt, 0) > can.gxLossMs ? BOTH : 0;
  if (stop === limits.settings[stopped]) return;
  limits.settings[stopped] = stop;
  limits.state[blocks] |= LOOK;
}

/**
 * The number of cells that the BMS has found counts in the rules; another one makes charge control look at them again.
 */
function takeCells(needs: Needs): void {
  const limits = needs.limits,
    words = needs.uart.raw[EXTRA];
  if (!words || words[DETECTED_CELLS_WORD] === limits.settings[detected]) return;
  limits.settings[detected] = words[DETECTED_CELLS_WORD];
  limits.state[preparedAt] = limits.state[preparedSum] = NaN;
}

/** The cells were found at the other end of the registers than the setting says: a person should set it right. */
function tellMoved(needs: Needs): void {
  const s = needs.snapshot;
  if (needs.rates.moved === s.cellsMoved) return;
  needs.rates.moved = s.cellsMoved;
  writeLog(needs, WARN, "bms.cell_order: the cells are in the " + (s.firstCell ? "high" : "low") + " registers");
}

/** `now` in ms. */
export function tenSeconds(needs: Needs, now: number): void {
  const s = needs.snapshot,
    words = needs.uart.raw[IDENTITY];
  needs.rates.doneAt = now;
  if (words) acceptIdentity(s, words);
  needs.can.texts.set(needs.natives.toUint8Array(batteryTexts(s.serial, needs.can.chemistry, s.cells)), BATTERY_TEXTS);
  missGx(needs, now);
  takeCells(needs);
  tellMoved(needs);
  if (now - needs.rates.at >= RATES_MS) takeRates(needs, now);
  needs.rates.bits =
    needs.rates.errorBits |
    (needs.memory.isLow ? MEMORY_LOW : 0) |
    (needs.wasReset && now < RESET_TOLD_MS ? WAS_RESET : 0);
  saveEnergy(needs.energy, s.values, needs.store, needs.natives.crc32, now);
}
