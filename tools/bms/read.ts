// What the tool reads of a TinyBMS, as values by their keys: requests and decoding are the firmware's.
import { snapshotOf } from "../../firmware/battery/snapshot";
import { eventsInRegisters, eventsReplay } from "../../firmware/bms/events.cold";
import { readsOf } from "../../firmware/bms/plan.baked.cold";
import { EVENTS as EVENTS_GROUP, SETTINGS as SETTINGS_GROUP } from "../../firmware/bms/places";
import { readBlock } from "../../firmware/bms/requests.cold";
import { SETTINGS_WORDS } from "../../firmware/bms/settings";
import { acceptSettings } from "../../firmware/bms/settings.cold";
import { SETTINGS_FIRST } from "../bake/settings";
import { eventNamed, exchangeOf } from "../tinybms/exchange";
import { ask, failureOf, talk, type Link } from "../tinybms/link";
import { type Registers, type Value, valuesOf } from "../tinybms/values";

export type Values = Record<string, Value>;

/**
 * Blocks of registers: first address and how many; those of the settings; those of the event log, the lifetime counter
 * last.
 */
export const FAST = [36, 17],
  CELLS = [0, 16],
  STATISTICS = [100, 18],
  VERSIONS = [500, 10],
  SETTINGS = readsOf(SETTINGS_GROUP),
  EVENTS = readsOf(EVENTS_GROUP);
const NATIVE = 7,
  MODBUS = 3,
  CELL_COUNT = 16,
  BALANCING = 52,
  FIRST_SLOT = 200,
  LOG_WORDS = 98,
  LIFETIME = 32;

/** Links whose unit answers 0x07 in an unexpected way: they are asked by 0x03 from then on. */
const withoutNative = new WeakSet<Link>();

/** Reads a block: by 0x07, and by 0x03 from units that answer 0x07 in another way. */
async function readOne(link: Link, first: number, count: number): Promise<Registers> {
  if (!withoutNative.has(link)) {
    const reply = await talk(link, readBlock(NATIVE, first, count));
    if (reply.outcome === "ok") return exchangeOf(reply.request, reply.bytes).registers;
    if (!["nack", "length_mismatch", "multi_packet"].includes(reply.outcome)) throw new Error(failureOf(link, reply));
  }
  const { request, bytes } = await ask(link, readBlock(MODBUS, first, count));
  withoutNative.add(link);
  return exchangeOf(request, bytes).registers;
}

/** Reads blocks, one after the other, and gives all of it. */
export async function readRegisters(
  link: Link,
  ...blocks: number[][]
): Promise<{ registers: Registers; values: Values }> {
  const registers: Registers = {};
  for (const [first, count] of blocks) Object.assign(registers, await readOne(link, first, count));
  return { registers, values: valuesOf(registers) };
}

/** The words at `count` addresses from `first` on. */
const wordsAt = (registers: Registers, first: number, count: number): Uint16Array =>
  Uint16Array.from({ length: count }, (_, i) => registers[first + i]);

const tenths = (value: number): number => Math.round(value * 10) / 10;

/** Live values, with power and spread. */
export async function readLive(link: Link): Promise<Values> {
  const { values } = await readRegisters(link, FAST);
  const { pack_voltage: volts, pack_current: amps, max_cell_voltage: high, min_cell_voltage: low } = values;
  return {
    ...values,
    pack_power: typeof volts === "number" && typeof amps === "number" ? tenths(volts * amps) : null,
    cell_spread: typeof high === "number" && typeof low === "number" ? high - low : null,
  };
}

/** One cell: its number from the negative end on, its register, mV, and whether it is being balanced. */
export interface Cell {
  cell: number;
  register: number;
  voltage_mV: number;
  balancing: boolean;
}
export interface Cells {
  cells: Cell[];
  lowest_mV: number;
  highest_mV: number;
  spread_mV: number;
  moved: boolean;
}

/**
 * Which registers are in use: as the firmware says, or the other end when those hold a zero and the others do not.
 */
function placeOf(
  registers: Registers,
  words: Uint16Array,
  lowOrder: boolean,
): { first: number; count: number; moved: boolean } {
  const snapshot = snapshotOf();
  snapshot.lowOrder = lowOrder;
  acceptSettings(snapshot, words, 0);
  const { cells: count, firstCell } = snapshot,
    other = CELL_COUNT - count - firstCell;
  const isWhole = (first: number): boolean =>
    Array.from({ length: count }, (_, i) => registers[first + i]).every((word) => word > 0);
  const moved = !isWhole(firstCell) && isWhole(other);
  return { first: moved ? other : firstCell, count, moved };
}

/** The cells in use, cell 1 first. Rejects when the number of cells (register 307) cannot be. */
export async function readCells(link: Link, lowOrder: boolean): Promise<Cells> {
  const settings = await readRegisters(link, ...SETTINGS);
  const { registers } = await readRegisters(link, CELLS),
    { registers: fast } = await readRegisters(link, FAST);
  const { first, count, moved } = placeOf(
    registers,
    wordsAt(settings.registers, SETTINGS_FIRST, SETTINGS_WORDS),
    lowOrder,
  );
  if (count === 0) throw new Error("series_cells: the BMS says a number of cells that cannot be; see register 307");
  const cells = Array.from({ length: count }, (_, i) => {
    const register = first + i;
    return {
      cell: i + 1,
      register,
      voltage_mV: registers[register] / 10,
      balancing: ((fast[BALANCING] >> register) & 1) === 1,
    };
  });
  const all = cells.map(({ voltage_mV }) => voltage_mV),
    lowest_mV = Math.min(...all),
    highest_mV = Math.max(...all);
  return { cells, lowest_mV, highest_mV, spread_mV: tenths(highest_mV - lowest_mV), moved };
}

/** Statistics by their keys. */
export async function readStatistics(link: Link): Promise<Values> {
  return (await readRegisters(link, STATISTICS)).values;
}

/** An event with the unit's lifetime then, and whether it is a fault or warning that goes on. */
export interface LogEvent {
  time_s: number;
  id: number;
  severity: string;
  name: string;
  active: boolean;
}

/**
 * The whole event log, newest first, with the unit's clock now (s of its life). It is read again when it changed
 * meanwhile.
 */
export async function readEvents(link: Link): Promise<{ now_s: number; events: LogEvent[] }> {
  let words: Uint16Array = new Uint16Array(),
    before = words,
    now_s = 0;
  do {
    const { registers } = await readRegisters(link, ...EVENTS);
    before = words;
    words = wordsAt(registers, FIRST_SLOT, LOG_WORDS);
    now_s = registers[LIFETIME] + registers[LIFETIME + 1] * 0x10000;
  } while (words.some((word, i) => word !== before[i]));
  const log = eventsInRegisters(words, now_s).map(eventNamed),
    active = eventsReplay([], log),
    shown: LogEvent[] = [];
  for (const { time, id, severity, name } of [...log].reverse()) {
    // Only the newest of the same kind goes on.
    shown.push({
      time_s: time,
      id,
      severity,
      name,
      active: active.includes(id) && !shown.some((later) => later.id === id),
    });
  }
  return { now_s, events: shown };
}

/** Versions and serial number. */
export async function readIdentity(link: Link): Promise<Values> {
  return (await readRegisters(link, VERSIONS)).values;
}
