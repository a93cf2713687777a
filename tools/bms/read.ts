// What the tool reads of a TinyBMS, as values by their keys: requests and decoding are the firmware's.
import { snapshotOf } from "../../firmware/battery/snapshot";
import { eventsReplay } from "../../firmware/bms/events.cold";
import { askFor, readBlock } from "../../firmware/bms/requests.cold";
import { turnedWords } from "../../firmware/bms/rare.cold";
import { acceptSettings } from "../../firmware/bms/settings.cold";
import { exchangeOf, type Exchange } from "../tinybms/exchange";
import { ask, failureOf, talk, type Link } from "../tinybms/link";
import type { Registers, Value } from "../tinybms/values";

export type Values = Record<string, Value>;

/** Blocks of registers: first address and how many. */
export const FAST = [36, 17], CELLS = [0, 16], STATISTICS = [100, 18], SETTINGS = [300, 44], VERSIONS = [500, 10];
const NATIVE = 7, MODBUS = 3, NATIVE_MOST = 31, ALL_EVENTS = 0x12, CELL_COUNT = 16, BALANCING = 52;

/** Links whose unit answers 0x07 in an unexpected way: they are asked by 0x03 from then on. */
const withoutNative = new WeakSet<Link>();

/** Reads a block: by 0x07 where it fits into one packet, by 0x03 otherwise and for units that answer 0x07 in another way. */
export async function readRegisters(link: Link, [first, count]: number[]): Promise<Exchange> {
  if (count <= NATIVE_MOST && !withoutNative.has(link)) {
    const reply = await talk(link, readBlock(NATIVE, first, count));
    if (reply.outcome === "ok") return exchangeOf(reply.request, reply.bytes);
    if (!["nack", "length_mismatch", "multi_packet"].includes(reply.outcome)) throw new Error(failureOf(link, reply));
  }
  const { request, bytes } = await ask(link, readBlock(MODBUS, first, count));
  if (count <= NATIVE_MOST) withoutNative.add(link);
  return exchangeOf(request, bytes);
}

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
export interface Cell { cell: number; register: number; voltage_mV: number; balancing: boolean }
export interface Cells { cells: Cell[]; lowest_mV: number; highest_mV: number; spread_mV: number; moved: boolean }

/** Which registers are in use: as the firmware says, or the other end when those hold a zero and the others do not (decisions.md 13). */
function placeOf(registers: Registers, words: Uint16Array, lowOrder: boolean): { first: number; count: number; moved: boolean } {
  const snapshot = snapshotOf();
  snapshot.lowOrder = lowOrder;
  acceptSettings(snapshot, turnedWords(words), 0);
  const { cells: count, firstCell } = snapshot, other = CELL_COUNT - count - firstCell;
  const isWhole = (first: number): boolean => Array.from({ length: count }, (_, i) => registers[first + i]).every((word) => word > 0);
  const moved = !isWhole(firstCell) && isWhole(other);
  return { first: moved ? other : firstCell, count, moved };
}

/** The cells in use, cell 1 first. Rejects when the number of cells (register 307) cannot be. */
export async function readCells(link: Link, lowOrder: boolean): Promise<Cells> {
  const settings = await ask(link, readBlock(MODBUS, SETTINGS[0], SETTINGS[1]));
  const { registers } = await readRegisters(link, CELLS), { registers: fast } = await readRegisters(link, FAST);
  const { first, count, moved } = placeOf(registers, settings.words!, lowOrder);
  if (count === 0) throw new Error("series_cells: the BMS says a number of cells that cannot be; see register 307");
  const cells = Array.from({ length: count }, (_, i) => {
    const register = first + i;
    return { cell: i + 1, register, voltage_mV: registers[register] / 10, balancing: (fast[BALANCING] >> register & 1) === 1 };
  });
  const all = cells.map(({ voltage_mV }) => voltage_mV), lowest_mV = Math.min(...all), highest_mV = Math.max(...all);
  return { cells, lowest_mV, highest_mV, spread_mV: tenths(highest_mV - lowest_mV), moved };
}

/** Statistics by their keys. */
export async function readStatistics(link: Link): Promise<Values> {
  return (await readRegisters(link, STATISTICS)).values;
}

/** An event with the unit's lifetime then, and whether it is a fault or warning that goes on. */
export interface LogEvent { time_s: number; id: number; severity: string; name: string; active: boolean }

/** The whole event log, newest first, with the unit's clock now (s of its life). */
export async function readEvents(link: Link): Promise<{ now_s: number; events: LogEvent[] }> {
  const { request, bytes } = await ask(link, askFor(ALL_EVENTS)), { bmsTime, log } = exchangeOf(request, bytes);
  const active = eventsReplay([], log ?? []), shown: LogEvent[] = [];
  for (const { time, id, severity, name } of [...log ?? []].reverse()) {
    // Only the newest of the same kind goes on.
    shown.push({ time_s: time, id, severity, name, active: active.includes(id) && !shown.some((later) => later.id === id) });
  }
  return { now_s: bmsTime ?? 0, events: shown };
}

/** Versions and serial number. */
export async function readIdentity(link: Link): Promise<Values> {
  return (await readRegisters(link, VERSIONS)).values;
}
