// Espruino's Storage: files appended to a flash area, rewritten by deleting the old copy first. In memory or in a
// folder. Source: the reference of Espruino 2v29 (Storage) and runs of it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME_MAX = 28,
  AREA_BYTES = 224 * 4096,
  HEADER_BYTES = 32,
  PIECE_BYTES = 64,
  FILE_END = ".bin";

/** The contents are byte strings: one character a byte. */
export interface Store {
  files: Map<string, string>;
  /** Bytes used in flash since the last compaction, deleted copies included. */
  used: number;
  /** Flash operations (delete, header, piece of 64 bytes), bytes and compactions so far: what wears the flash. */
  operations: number;
  bytesWritten: number;
  compactions: number;
  faults: {
    /** The power fails at this operation, counted as `operations` is: it and all later ones do not happen. */
    cutAt: number;
  };
  /** The power has failed; `restorePower` brings it back. */
  isCut: boolean;
  /** Where a change is kept beyond the process; nothing for a store in memory. */
  persist(name: string): void;
}

/** Thrown at a power cut: the device is dead from then on. */
export const POWER_CUT = { isPowerCut: true };

/** The module `Storage` as the image sees it (firmware/espruino.d.ts). */
export interface StorageModule {
  read(name: string): string | undefined;
  write(name: string, data: string, offset?: number, size?: number): boolean;
  erase(name: string): void;
  getFree(): number;
  getStats(): { totalBytes: number; freeBytes: number; trashBytes: number };
  compact(): void;
}

function bytesInFlash(data: string): number {
  return HEADER_BYTES + Math.ceil(data.length / 4) * 4;
}

/** An empty store, or one with `files`, that lives as long as the process. */
export function memoryStore(files: Record<string, string> = {}): Store {
  const store: Store = {
    files: new Map(Object.entries(files)),
    used: 0,
    operations: 0,
    bytesWritten: 0,
    compactions: 0,
    faults: { cutAt: Infinity },
    isCut: false,
    persist: () => undefined,
  };
  store.used = [...store.files.values()].reduce((sum, data) => sum + bytesInFlash(data), 0);
  return store;
}

/** A store kept in `folder`, one file each, made when missing. Throws node's error when the folder cannot be used. */
export function folderStore(folder: string): Store {
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(folder).filter((name) => name.endsWith(FILE_END));
  const entries = names.map((name) => [
    decodeURIComponent(name.slice(0, -FILE_END.length)),
    readFileSync(join(folder, name), "latin1"),
  ]);
  const store = memoryStore(Object.fromEntries(entries));
  store.persist = (name) => {
    const path = join(folder, encodeURIComponent(name) + FILE_END);
    const data = store.files.get(name);
    if (data === undefined) rmSync(path, { force: true });
    else writeFileSync(path, data, "latin1");
  };
  return store;
}

/** One flash operation, unless the power fails now or has failed before. */
function operate(store: Store, bytes: number): void {
  store.isCut ||= store.operations + 1 >= store.faults.cutAt;
  if (store.isCut) throw POWER_CUT;
  store.operations++;
  store.bytesWritten += bytes;
}

/** Power is back, and stays: the next boot finds what the flash has. */
export function restorePower(store: Store): void {
  store.faults.cutAt = Infinity;
  store.isCut = false;
}

const filesBytes = (store: Store): number =>
  [...store.files.values()].reduce((sum, data) => sum + bytesInFlash(data), 0);

function compact(store: Store): void {
  store.compactions++;
  store.used = filesBytes(store);
}

function append(store: Store, name: string, data: string): void {
  operate(store, HEADER_BYTES);
  store.used += bytesInFlash(data);
  store.files.set(name, "\xff".repeat(data.length));
  for (let at = 0; at < data.length; at += PIECE_BYTES) {
    operate(store, Math.min(PIECE_BYTES, data.length - at));
    const written = data.slice(0, at + PIECE_BYTES);
    store.files.set(name, written.padEnd(data.length, "\xff"));
  }
}

function write(store: Store, fail: (message: string) => never, name: string, data: string): boolean {
  if (data.length === 0) fail("Can't create zero length file");
  if (store.files.get(name) === data) return true;
  if (store.used + bytesInFlash(data) > AREA_BYTES) compact(store);
  if (store.used + bytesInFlash(data) > AREA_BYTES) fail("Unable to find or create file");
  try {
    if (store.files.has(name)) {
      operate(store, 0);
      store.files.delete(name);
    }
    append(store, name, data);
  } finally {
    store.persist(name);
  }
  return true;
}

/** Into a file of `size` bytes that is there, or is made now: only bytes that are still free can be written. */
function writeAt(
  store: Store,
  fail: (message: string) => never,
  name: string,
  data: string,
  offset: number,
  size: number,
): boolean {
  const old = store.files.get(name);
  if (offset + data.length > size) fail("Too much data for file size");
  if (old?.length !== size) {
    if (offset > 0) fail("the host begins a reserved file at its start");
    write(store, fail, name, "\xff".repeat(size));
    store.bytesWritten -= size; // reserved, not written
  }
  const now = store.files.get(name)!,
    there = now.slice(offset, offset + data.length);
  if (there === data) return true;
  if (/[^\xff]/.test(there)) fail("File already written with different data");
  try {
    operate(store, data.length);
    store.files.set(name, now.slice(0, offset) + data + now.slice(offset + data.length));
  } finally {
    store.persist(name);
  }
  return true;
}

function erase(store: Store, name: string): void {
  if (!store.files.has(name)) return;
  operate(store, 0);
  store.files.delete(name);
  store.persist(name);
}

/**
 * The `Storage` module over `store`. Names are cut at 28 characters without a word; a write of the same data does
 * nothing; a zero length and a full flash throw through `fail`; `offset` and `size` write into a reserved file. Only
 * what firmware/espruino.d.ts declares is offered: more arguments fail.
 */
export function storageModule(store: Store, fail: (message: string) => never): StorageModule {
  const nameOf = (name: unknown): string => {
    if (typeof name !== "string" || name === "") return fail("Storage: the name must be a string that is not empty");
    return name.slice(0, NAME_MAX);
  };
  return {
    read: (name) => store.files.get(nameOf(name)),
    write: (...given: unknown[]) => {
      const [name, data, offset, size] = given;
      if (typeof data !== "string" || ![2, 4].includes(given.length)) {
        return fail("Storage.write: the host takes a name, a string, and both or neither of offset and size");
      }
      return given.length === 2
        ? write(store, fail, nameOf(name), data)
        : writeAt(store, fail, nameOf(name), data, Number(offset), Number(size));
    },
    erase: (name) => erase(store, nameOf(name)),
    getFree: () => AREA_BYTES - store.used,
    getStats: () => ({
      totalBytes: AREA_BYTES,
      freeBytes: AREA_BYTES - store.used,
      trashBytes: store.used - filesBytes(store),
    }),
    compact: () => compact(store),
  };
}
