// Files of the tool: a backup of the settings where the user wants it, and the undo of the last change in the user's
// state folder.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Settings by their keys as people read them, and the raw words of 300..343. */
export interface Backup {
  format: "tinybms-settings";
  version: 1;
  time: string;
  unit: Record<string, unknown>;
  settings: Record<string, number | string>;
  words: number[];
}

/**
 * The last change of one unit: `begun` until it is known that it was taken. Values are numbers in the setting's unit.
 */
export interface Undo {
  format: "tinybms-undo";
  time: string;
  serial: string;
  state: "begun" | "done";
  undo: Record<string, unknown>;
  done: Record<string, unknown>;
}

const REASONS: Record<string, string> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "there is no such folder",
  EACCES: "no permission",
  EISDIR: "it is a folder",
  ENOSPC: "the disk is full",
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}

/** Refuses to replace a file that holds something. */
export function refuseExisting(file: string, force: boolean): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found && !force && (!found.isFile() || found.size > 0))
    throw new Error(`${file}: exists already; choose another name, or add --force`);
}

/** Writes a file whole or not at all. */
export function writeWhole(file: string, text: string): void {
  try {
    writeFileSync(file + ".new", text);
    renameSync(file + ".new", file);
  } catch (error) {
    rmSync(file + ".new", { force: true });
    throw new Error(`${file}: cannot be written: ${reasonOf(error)}`);
  }
}

/** The text of a file. */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file}: cannot be read: ${reasonOf(error)}`);
  }
}

/** The object in a JSON file; an empty one for what is none. */
function objectIn(file: string): Record<string, unknown> {
  const text = readText(file);
  try {
    const found = JSON.parse(text) as unknown;
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A backup; every key must be one of `keys`. */
export function readBackup(file: string, keys: string[]): Backup {
  const found = objectIn(file);
  if (found.format !== "tinybms-settings" || found.version !== 1)
    throw new Error(`${file}: is no backup of TinyBMS settings`);
  if (typeof found.settings !== "object" || found.settings === null) throw new Error(`${file}: settings: is missing`);
  for (const [key, value] of Object.entries(found.settings)) {
    if (!keys.includes(key)) throw new Error(`${file}: settings.${key}: is no setting`);
    if (typeof value !== "number" && typeof value !== "string")
      throw new Error(`${file}: settings.${key}: must be a number or a name`);
  }
  return found as unknown as Backup;
}

/** Where the undo of a unit is kept. */
export function undoFile(serial: string): string {
  return join(
    process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"),
    "tinybms-gateway",
    `undo-${serial}.json`,
  );
}

/** The last change of a unit, null when none is known. */
export function readUndo(serial: string): Undo | null {
  const file = undoFile(serial);
  if (!existsSync(file)) return null;
  const found = objectIn(file);
  if (found.format !== "tinybms-undo" || typeof found.undo !== "object")
    throw new Error(`${file}: is damaged, so nothing can be undone; remove it`);
  return found as unknown as Undo;
}

/** Keeps the last change of a unit; null forgets it. */
export function writeUndo(serial: string, undo: Undo | null): void {
  const file = undoFile(serial);
  if (!undo) return rmSync(file, { force: true });
  try {
    mkdirSync(dirname(file), { recursive: true });
  } catch (error) {
    throw new Error(`${dirname(file)}: cannot be made: ${reasonOf(error)}; a change could not be undone without it`);
  }
  writeWhole(file, JSON.stringify(undo, null, 2) + "\n");
}
