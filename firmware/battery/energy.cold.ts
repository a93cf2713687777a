// The energy counters in flash. A flash file cannot be changed, only filled: so two reserved files of 256 records of 16 bytes
// take turns, and nothing is erased but once in some days. Record: number, charged, discharged (Wh), CRC-32 of these, all
// 32 bits, low byte first. A record that the power cut tore is skipped.
import type { StorePort } from "../kernel/ports";
import type { Energy } from "./energy";
import { chargedEnergy, dischargedEnergy } from "./registers.baked";

const NAMES = ["energy.a", "energy.b"];
const RECORD = 16, RECORDS = 256, FILE = RECORD * RECORDS;
const FREE = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
/** Room for a new file and its header; without it nothing is saved: the flash would be compacted, which takes seconds. */
const ROOM = FILE + 64;
/** Counters that are not worth a record: less than this apart (kWh). */
const WORTH = 0.0999;

type Crc = (text: string) => number;

function u32(value: number): string {
  return String.fromCharCode(value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255);
}

function u32At(text: string, at: number): number {
  return text.charCodeAt(at) + text.charCodeAt(at + 1) * 256 + text.charCodeAt(at + 2) * 65536 + text.charCodeAt(at + 3) * 16777216;
}

/** 16 bytes of a record; energies in kWh. */
export function energyRecord(seq: number, charged: number, discharged: number, crc32: Crc): string {
  const text = u32(seq) + u32(charged * 1000 + 1e-6) + u32(discharged * 1000 + 1e-6);
  return text + u32(crc32(text));
}

/** Number and energies (kWh) of a record; null when it is none. */
export function readEnergy(record: string, crc32: Crc): number[] | null {
  if (record.length !== RECORD || record === FREE || record.substr(12) !== u32(crc32(record.substr(0, 12)))) return null;
  return [u32At(record, 0), u32At(record, 4) / 1000, u32At(record, 8) / 1000];
}

/** The counters from the newest record of flash, 0 when there is none; their state. */
export function loadEnergy(v: Float64Array, store: StorePort, crc32: Crc): Energy {
  const energy: Energy = { at: -1, power: 0, saved: 0, savedAt: 0, seq: 0, file: 0, place: 0 };
  let file = 0, at = 0, text: string | undefined = "", found: number[] | null = null;
  v[chargedEnergy] = v[dischargedEnergy] = 0;
  for (; file < 2; file++) {
    text = store.read(NAMES[file]);
    if (!text || text.length !== FILE) continue;
    at = FILE - RECORD;
    while (at >= 0 && text.substr(at, RECORD) === FREE) at -= RECORD;
    const free = at / RECORD + 1;
    found = null;
    for (; at >= 0 && !found; at -= RECORD) found = readEnergy(text.substr(at, RECORD), crc32);
    if (!found || found[0] < energy.seq) continue;
    energy.seq = found[0];
    energy.file = file;
    energy.place = free;
    v[chargedEnergy] = found[1];
    v[dischargedEnergy] = found[2];
  }
  energy.saved = v[chargedEnergy] + v[dischargedEnergy];
  return energy;
}

/** Write a record if it is worth one; in the other file when this one is full. */
export function saveEnergy(energy: Energy, v: Float64Array, store: StorePort, crc32: Crc, now: number): void {
  const sum = v[chargedEnergy] + v[dischargedEnergy];
  energy.savedAt = now;
  if (!(sum - energy.saved > WORTH)) return;
  const begins = energy.seq === 0 || energy.place >= RECORDS, file = begins && energy.seq ? 1 - energy.file : energy.file;
  if (begins && store.getFree() < ROOM) return;
  if (begins) store.erase(NAMES[file]);
  const place = begins ? 0 : energy.place;
  if (!store.write(NAMES[file], energyRecord(energy.seq + 1, v[chargedEnergy], v[dischargedEnergy], crc32), place * RECORD, FILE)) return;
  energy.seq++;
  energy.file = file;
  energy.place = place + 1;
  energy.saved = sum;
}
