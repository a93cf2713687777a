// The energy counters in flash, and what flash has of them in the snapshot. A flash file cannot be changed, only
// filled: so two reserved files of 256 records of 16 bytes take turns, and nothing is erased but once in some days.
// Record: number, charged, discharged (Wh), CRC-32 of these, all 32 bits, low byte first. A record that the power cut
// tore is skipped.
import type { StorePort } from "../kernel/ports";
import type { Energy } from "./energy";
import { chargedEnergy, dischargedEnergy } from "./registers.baked";

const NAMES = ["energy.a", "energy.b"];
const RECORD = 16,
  RECORDS = 256,
  FILE = RECORD * RECORDS;
const FREE = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
/**
 * Room for a new file and its header; without it nothing is saved: the flash would be compacted, which takes seconds.
 */
const ROOM = FILE + 64;
/**
 * A record at most each minute, and only when this much has flowed since the last (kWh): some 500 a day of 25 kWh, two
 * files, which fill the flash in two months. When little of it is free a record comes each ten minutes. ms, bytes
 */
const SAVE_MS = 60000,
  SLOW_MS = 600000,
  SCARCE = 262144,
  WORTH = 0.0499;

/** How often a record may come. */
function everyMs(store: StorePort): number {
  return store.getFree() < SCARCE ? SLOW_MS : SAVE_MS;
}

type Crc = (text: string) => number;

function u32(value: number): string {
  return String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
}

function u32At(text: string, at: number): number {
  return (
    text.charCodeAt(at) +
    text.charCodeAt(at + 1) * 256 +
    text.charCodeAt(at + 2) * 65536 +
    text.charCodeAt(at + 3) * 16777216
  );
}

/** Places in what `readEnergy` gives. */
const SEQ = 0,
  CHARGED_KWH = 1,
  DISCHARGED_KWH = 2;

/** 16 bytes of a record; energies in kWh. */
export function energyRecord(seq: number, charged: number, discharged: number, crc32: Crc): string {
  const text = u32(seq) + u32(charged * 1000 + 1e-6) + u32(discharged * 1000 + 1e-6);
  return text + u32(crc32(text));
}

/** Number and energies (kWh) of a record; null when it is none. */
export function readEnergy(record: string, crc32: Crc): number[] | null {
  if (record.length !== RECORD || record === FREE || record.substr(12) !== u32(crc32(record.substr(0, 12))))
    return null;
  return [u32At(record, 0), u32At(record, 4) / 1000, u32At(record, 8) / 1000];
}

/** The counters from the newest record of flash, 0 when there is none; their state. */
export function loadEnergy(v: Float64Array, store: StorePort, crc32: Crc): Energy {
  const energy: Energy = {
    at: -1,
    power: 0,
    charged: 0,
    discharged: 0,
    saved: 0,
    savedAt: -SLOW_MS,
    every: everyMs(store),
    seq: 0,
    file: 0,
    place: 0,
  };
  let file = 0,
    at = 0,
    text: string | undefined = "",
    found: number[] | null = null;
  v[chargedEnergy] = v[dischargedEnergy] = 0;
  for (; file < 2; file++) {
    text = store.read(NAMES[file]);
    if (!text || text.length !== FILE) continue;
    at = FILE - RECORD;
    while (at >= 0 && text.substr(at, RECORD) === FREE) at -= RECORD;
    const free = at / RECORD + 1;
    found = null;
    for (; at >= 0 && !found; at -= RECORD) found = readEnergy(text.substr(at, RECORD), crc32);
    if (!found || found[SEQ] < energy.seq) continue;
    energy.seq = found[SEQ];
    energy.file = file;
    energy.place = free;
    v[chargedEnergy] = found[CHARGED_KWH];
    v[dischargedEnergy] = found[DISCHARGED_KWH];
  }
  energy.charged = v[chargedEnergy];
  energy.discharged = v[dischargedEnergy];
  energy.saved = energy.charged + energy.discharged;
  return energy;
}

/**
 * Write a record if it is worth one and the last is old enough (after a start at once: what is counted is to be seen
 * soon); in the other file when this one is full. What was written is what is told from now on. `now` ms, Infinity
 * before a restart.
 */
export function saveEnergy(energy: Energy, v: Float64Array, store: StorePort, crc32: Crc, now: number): void {
  const sum = energy.charged + energy.discharged;
  if (now - energy.savedAt < energy.every || !(sum - energy.saved > WORTH)) return;
  energy.savedAt = now;
  const begins = energy.seq === 0 || energy.place >= RECORDS,
    file = begins && energy.seq ? 1 - energy.file : energy.file;
  if (begins && store.getFree() < ROOM) return;
  if (begins) energy.every = everyMs(store);
  if (begins) store.erase(NAMES[file]);
  const place = begins ? 0 : energy.place;
  if (
    !store.write(
      NAMES[file],
      energyRecord(energy.seq + 1, energy.charged, energy.discharged, crc32),
      place * RECORD,
      FILE,
    )
  )
    return;
  energy.seq++;
  energy.file = file;
  energy.place = place + 1;
  energy.saved = sum;
  // as the record has them, in whole Wh
  v[chargedEnergy] = Math.floor(energy.charged * 1000 + 1e-6) / 1000;
  v[dischargedEnergy] = Math.floor(energy.discharged * 1000 + 1e-6) / 1000;
}
