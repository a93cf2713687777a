// Pin routing: GPIO levels and enables, the GPIO matrix, the pads, and what Espruino's pinMode and digitalWrite do to
// them. Source: ESP32 Technical Reference Manual, chapter IO_MUX and GPIO Matrix.
import { TwaiState, violate } from "./twai-state";
import { ReceiveLine } from "./wire";

const PAD_ENABLED = 0x2a00,
  PAD_PULL_UP = 0x100,
  PAD_INPUT = 0x200;
const LEVELS_AT = 0x04,
  ENABLES_AT = 0x20,
  BANK_BYTES = 0x18;

function padIsMatrix(s: TwaiState, pin: number): boolean {
  return ((s.pins.ioMux[pin] >> 12) & 7) === s.chip.padToMatrix;
}

function isEnabled(s: TwaiState, pin: number): boolean {
  return ((s.pins.enable[pin >> 5] >>> (pin & 31)) & 1) === 1;
}

/** The pin that the transmit signal drives; -1 when it reaches none. */
export function transmitPin(s: TwaiState): number {
  const { outSelect } = s.pins,
    { outSelectMask, transmitSignal } = s.chip;
  for (let pin = 0; pin < outSelect.length; pin++)
    if ((outSelect[pin] & outSelectMask) === transmitSignal && isEnabled(s, pin) && padIsMatrix(s, pin)) return pin;
  return -1;
}

/** Where the receive signal comes from. A signal that is not routed at all reads dominant. */
export function receiveLine(s: TwaiState): ReceiveLine {
  const chip = s.chip,
    select = s.pins.inSelect[chip.receiveSignal];
  const pin = select & chip.inPinMask;
  if ((select & ~chip.inPinMask) !== chip.useMatrix) return "dominant";
  if (pin === chip.constantHigh) return "recessive";
  if (pin >= chip.pins || !padIsMatrix(s, pin) || (s.pins.ioMux[pin] & PAD_INPUT) === 0) return "dominant";
  return pin === transmitPin(s) ? "echo" : "bus";
}

/** The set of registers at `offset` in a level or enable block: bank 0 or 1, and 0 plain, 1 set bits, 2 clear bits. */
function bankAt(s: TwaiState, addr: number): { words: number[]; bank: number; act: number } | null {
  for (const [at, words] of [
    [LEVELS_AT, s.pins.out],
    [ENABLES_AT, s.pins.enable],
  ] as [number, number[]][]) {
    const offset = addr - s.chip.gpio - at;
    if (offset >= 0 && offset < BANK_BYTES) return { words, bank: Math.floor(offset / 12), act: (offset / 4) % 3 };
  }
  return null;
}

/** One word of the GPIO block or the pads; -1 for an address that is neither. Set and clear registers read 0. */
export function gpioRead(s: TwaiState, addr: number): number {
  const bank = bankAt(s, addr);
  if (bank) return bank.act === 0 ? bank.words[bank.bank] >>> 0 : 0;
  const table = tableAt(s, addr);
  return table ? table.words[table.index] : -1;
}

/** The selection table or pad register at `addr`. */
function tableAt(s: TwaiState, addr: number): { words: Uint32Array; index: number } | null {
  const { outSelect, inSelect, ioMux } = s.chip;
  const output = (addr - outSelect) / 4,
    input = (addr - inSelect) / 4;
  if (output >= 0 && output < s.chip.pins) return { words: s.pins.outSelect, index: output };
  if (input >= 0 && input < 256) return { words: s.pins.inSelect, index: input };
  const pad = ioMux.indexOf(addr);
  return pad >= 0 ? { words: s.pins.ioMux, index: pad } : null;
}

/** A pin that was a plain output at level 0 held the bus dominant until this moment. */
function checkLevelBeforeRouting(s: TwaiState, pin: number, select: number): void {
  const isTransmit = (select & s.chip.outSelectMask) === s.chip.transmitSignal;
  const isHigh = ((s.pins.out[pin >> 5] >>> (pin & 31)) & 1) === 1;
  if (isTransmit && !isHigh) violate(s, "transmit pin " + pin + " was not driven high (recessive) before routing");
}

/** Write one word of the GPIO block or the pads; false when the address is neither. */
export function gpioWrite(s: TwaiState, addr: number, value: number): boolean {
  const bank = bankAt(s, addr);
  if (bank) {
    const old = bank.words[bank.bank];
    bank.words[bank.bank] = bank.act === 0 ? value : bank.act === 1 ? old | value : old & ~value;
    return true;
  }
  const table = tableAt(s, addr);
  if (!table) return false;
  if (table.words === s.pins.outSelect) checkLevelBeforeRouting(s, table.index, value);
  table.words[table.index] = value;
  return true;
}

function setBit(words: number[], pin: number, on: boolean): void {
  const bit = 1 << (pin & 31);
  words[pin >> 5] = on ? words[pin >> 5] | bit : words[pin >> 5] & ~bit;
}

function pinExists(s: TwaiState, pin: number): boolean {
  const exists = Number.isInteger(pin) && (s.chip.ioMux[pin] ?? 0) !== 0;
  if (!exists) violate(s, "no such pin: " + pin);
  return exists;
}

/** Connect the pad as an output driven by its GPIO level. The transmit signal loses the pin. */
function makeOutput(s: TwaiState, pin: number): void {
  if (pin >= s.chip.firstInputOnly) violate(s, "pin " + pin + " is input only");
  s.pins.ioMux[pin] = PAD_ENABLED;
  s.pins.outSelect[pin] = s.chip.plainOutput;
  setBit(s.pins.enable, pin, true);
}

/** `pinMode` as Espruino does it: it always takes the pin away from the matrix signal that drove it. */
export function pinMode(s: TwaiState, pin: number, mode: string): void {
  if (!pinExists(s, pin)) return;
  s.pins.manual.add(pin);
  if (mode === "output") return makeOutput(s, pin);
  if (mode !== "input" && mode !== "input_pullup") return violate(s, "pin mode not modelled: " + mode);
  s.pins.ioMux[pin] = PAD_ENABLED | (mode === "input_pullup" ? PAD_PULL_UP : 0);
  s.pins.outSelect[pin] = s.chip.plainOutput;
  setBit(s.pins.enable, pin, false);
}

/** `digitalWrite` as Espruino does it: also makes an untouched pin an output, and always re-selects plain GPIO. */
export function digitalWrite(s: TwaiState, pin: number, value: number | boolean): void {
  if (!pinExists(s, pin)) return;
  setBit(s.pins.out, pin, Boolean(value));
  if (!s.pins.manual.has(pin)) makeOutput(s, pin);
  s.pins.outSelect[pin] = s.chip.plainOutput;
  setBit(s.pins.enable, pin, true);
}
