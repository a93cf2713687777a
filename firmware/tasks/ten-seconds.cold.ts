// What is done each ten seconds: who the battery is, error rates of a minute, the energy into flash, whether a GX or a cell is
// missed.
import { CAN_ERRORS, UART_ERRORS } from "../battery/alarm-state";
import { detected, stopped } from "../battery/charge-settings";
import { blocks, LOOK, preparedAt, preparedSum } from "../battery/charge-state";
import { saveEnergy } from "../battery/energy.cold";
import { acceptIdentity } from "../bms/identity.cold";
import { EXTRA, IDENTITY } from "../bms/poller";
import { batteryTexts } from "../victron/texts.cold";
import type { App } from "./app";
import { WARN, writeLog } from "./log";

/** Error rates are taken over a minute, energy is kept each ten; ms. */
const RATES_MS = 60000, SAVE_MS = 600000;
/** The share of bad replies or frames that warns, and the first of the battery's texts. */
const BAD = 0.05, BATTERY_TEXTS = 8;
/** Both directions, as bits of the blocks. */
const BOTH = 5;
/** Register 53 (cells that the BMS has found) in its group, which begins at 32. */
const DETECTED = 53 - 32;

/** Once a minute: are more than 5 % of the replies, or of the frames, bad? */
function takeRates(app: App, now: number): void {
  const last = app.rates, poller = app.uart.poller, port = app.canPort, crc = poller.crc - last.crc, errors = port.errors - last.errors;
  last.bits = (crc > (crc + poller.ok - last.ok) * BAD ? UART_ERRORS : 0) | (errors > (errors + port.tx - last.tx) * BAD ? CAN_ERRORS : 0);
  if (last.bits & UART_ERRORS) writeLog(app, WARN, "uart: " + crc + " of " + (crc + poller.ok - last.ok) + " replies were bad in the last minute");
  if (last.bits & CAN_ERRORS) writeLog(app, WARN, "can: " + errors + " of " + (errors + port.tx - last.tx) + " frames failed in the last minute");
  last.at = now;
  last.ok = poller.ok;
  last.crc = poller.crc;
  last.tx = port.tx;
  last.errors = port.errors;
}

/** Without a GX for as long as setting can.gx_loss_s says nothing may flow; frames go on, so that it finds the battery again. */
function missGx(app: App, now: number): void {
  const can = app.can, limits = app.limits, stop = can.gxLossMs && now - Math.max(can.gxAt, 0) > can.gxLossMs ? BOTH : 0;
  if (stop === limits.settings[stopped]) return;
  limits.settings[stopped] = stop;
  limits.state[blocks] |= LOOK;
}

/** The number of cells that the BMS has found counts in the rules; another one makes charge control look at them again. */
function takeCells(app: App): void {
  const limits = app.limits, words = app.uart.raw[EXTRA];
  if (!words || words[DETECTED] === limits.settings[detected]) return;
  limits.settings[detected] = words[DETECTED];
  limits.state[preparedAt] = limits.state[preparedSum] = NaN;
}

/** The cells were found at the other end of the registers than the setting says: a person should set it right. */
function tellMoved(app: App): void {
  const s = app.snapshot;
  if (app.rates.moved === s.cellsMoved) return;
  app.rates.moved = s.cellsMoved;
  writeLog(app, WARN, "bms.cell_order: the cells are in the " + (s.firstCell ? "high" : "low") + " registers");
}

/** `now` in ms. */
export function tenSeconds(app: App, now: number): void {
  const s = app.snapshot, words = app.uart.raw[IDENTITY];
  app.rates.doneAt = now;
  if (words) acceptIdentity(s, words);
  app.can.texts.set(app.natives.toUint8Array(batteryTexts(s.serial, app.can.chemistry, s.cells)), BATTERY_TEXTS);
  missGx(app, now);
  takeCells(app);
  tellMoved(app);
  if (now - app.rates.at >= RATES_MS) takeRates(app, now);
  if (now - app.energy.savedAt >= SAVE_MS) saveEnergy(app.energy, s.values, app.store, app.natives.crc32, now);
}
