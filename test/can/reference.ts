// A reference driver, written by hand from the ESP32 Technical Reference Manual (TWAI), as named steps that a test can
// drop or put in another order.
import { Twai } from "../../tools/can/twai-model";

export const BASE = 0x3ff6b000,
  CLK = 0x3ff000c0,
  RST = 0x3ff000c4,
  GATE = 0x80000;
export const MODE = 0x00,
  CMD = 0x04,
  STATUS = 0x08,
  IR = 0x0c,
  IER = 0x10,
  BTR0 = 0x18,
  BTR1 = 0x1c,
  ALC = 0x2c,
  ECC = 0x30,
  EWL = 0x34,
  RXERR = 0x38,
  TXERR = 0x3c,
  WINDOW = 0x40,
  RMC = 0x74,
  CDR = 0x7c;
export const TX_PIN = 32,
  RX_PIN = 33;
const OUT_SEL = 0x3ff44530,
  IN_SEL_RX = 0x3ff442a8;

/** One read or write of a controller register by its offset. */
export function read(model: Twai, offset: number): number {
  return model.peek32(BASE + offset);
}
export function write(model: Twai, offset: number, value: number | number[]): void {
  model.poke32(BASE + offset, value);
}

export interface Step {
  name: string;
  run: (model: Twai) => void;
}

const plain = (name: string, offset: number, value: number | number[]): Step => ({
  name,
  run: (model) => write(model, offset, value),
});

/** Init for 500 kbit/s with the filter for 0x305 and 0x307 (TWAI: bit timing, acceptance filter). */
export const initSteps: Step[] = [
  { name: "clock on", run: (m) => m.poke32(CLK, m.peek32(CLK) | GATE) },
  {
    name: "reset pulse",
    run: (m) => {
      m.poke32(RST, m.peek32(RST) | GATE);
      m.poke32(RST, m.peek32(RST) & ~GATE);
    },
  },
  { name: "TX level high", run: (m) => m.digitalWrite(TX_PIN, 1) },
  { name: "TX pad", run: (m) => m.pinMode(TX_PIN, "output") },
  { name: "RX pad", run: (m) => m.pinMode(RX_PIN, "input_pullup") },
  { name: "RX routing", run: (m) => m.poke32(IN_SEL_RX, 0x80 | RX_PIN) },
  { name: "TX routing", run: (m) => m.poke32(OUT_SEL + 4 * TX_PIN, 0x7b) },
  {
    name: "enter reset mode",
    run: (m) => {
      write(m, MODE, 0x01);
      if (!(read(m, MODE) & 1)) throw new Error("no reset mode");
    },
  },
  plain("PeliCAN", CDR, 0x88),
  plain("freeze REC", MODE, 0x0b),
  plain("interrupts off", IER, 0),
  plain("BTR0", BTR0, 0x83),
  plain("BTR1", BTR1, 0x3e),
  plain("acceptance code", WINDOW, [0x60, 0xa0, 0, 0]),
  plain("acceptance mask", WINDOW + 16, [0, 0x5f, 0xff, 0xff]),
  plain("warning limit", EWL, 96),
  plain("TEC", TXERR, 0),
  plain("REC", RXERR, 0),
  {
    name: "clear latches",
    run: (m) => {
      read(m, IR);
      read(m, ALC);
      read(m, ECC);
    },
  },
  {
    name: "leave reset mode",
    run: (m) => {
      write(m, MODE, 0x08);
      read(m, MODE);
    },
  },
  plain("clear FIFO", CMD, 0x0e),
];

/** Run the init but for the steps named. */
export function init(model: Twai, without: string[] = []): void {
  initSteps.filter((step) => !without.includes(step.name)).forEach((step) => step.run(model));
}

/** A model after init whose controller has joined the bus. */
export function started(model: Twai): Twai {
  init(model);
  model.advance(100);
  return model;
}

/** Sends one frame. False when bus-off or busy. */
export function send(model: Twai, id: number, data: number[], command = 0x01): boolean {
  const status = read(model, STATUS);
  if (status & 0x80 || !(status & 0x04)) return false;
  write(model, WINDOW, [data.length, id >> 3, (id & 7) << 5, ...data]);
  write(model, CMD, command);
  return true;
}

export interface Received {
  id: number;
  data: number[];
}

/** Takes what was received. Frames and the number of overruns seen. */
export function receiveAll(model: Twai): { frames: Received[]; overruns: number } {
  const frames: Received[] = [];
  let overruns = 0;
  for (let n = 0; n < 64; n++) {
    const status = read(model, STATUS);
    if (status & 2) {
      write(model, CMD, 8);
      for (let k = read(model, RMC); k > 0; k--) write(model, CMD, 4);
      overruns++;
      continue;
    }
    if (!(status & 1)) break;
    const window = model.peek32(BASE + WINDOW, 13) as Uint32Array;
    write(model, CMD, 4);
    if (window[0] & 0x80) continue;
    frames.push({
      id: (window[1] << 3) | (window[2] >> 5),
      data: Array.from(window.slice(3, 3 + Math.min(window[0] & 15, 8))),
    });
  }
  return { frames, overruns };
}

/** The texts of a model's complaints. */
export function complaints(model: Twai): string[] {
  return [...model.violations, ...model.warnings].map((entry) => entry.note);
}
