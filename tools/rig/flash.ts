// Writes files into the interpreter's flash (Storage) before it boots, and reads them back: length and CRC of each.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSlot } from "../../firmware/config/slots.cold";
import { crc32 } from "../host/crc32";
import { runScript, type Launch } from "./interpreter";

/** Name of the Storage file (at most 28 characters) -> its bytes (a string holds one byte per character). */
export type FlashFiles = Record<string, string | Buffer>;
/** What the interpreter says about a file that it holds. */
export type FlashEntry = { name: string; length: number; crc: number };

const PIECE_BYTES = 2048;
/**
 * The script and what it writes lie in the interpreter's RAM (about 180 kB), so one run carries only so many pieces.
 */
const RUN_PIECES = 12;

const bytesOf = (content: string | Buffer): Buffer =>
  typeof content === "string" ? Buffer.from(content, "latin1") : content;

/** A string literal of ASCII alone that yields exactly these bytes in Espruino. */
export function byteLiteral(content: string | Buffer): string {
  let text = "";
  for (const byte of bytesOf(content)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}"`;
}

const writeLine = (name: string, bytes: Buffer, at: number): string =>
  `require("Storage").write(${byteLiteral(name)},${byteLiteral(bytes.subarray(at, at + PIECE_BYTES))},${at},${bytes.length});`;

/** The scripts that write the files: each a list of Storage.write calls that fits the interpreter's memory. */
export function flashScripts(files: FlashFiles): string[] {
  const scripts: string[] = [];
  const lines: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const bytes = bytesOf(content);
    if (name.length > 28) throw new Error(`Storage cuts names at 28 characters: ${name}`);
    if (bytes.length === 0) throw new Error(`Storage cannot hold the empty file ${name}`);
    // a small file in one run: half a .boot0 would run before the next
    const pieces = Math.ceil(bytes.length / PIECE_BYTES);
    if (pieces <= RUN_PIECES && lines.length + pieces > RUN_PIECES) scripts.push(lines.splice(0).join("\n"));
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      if (lines.length === RUN_PIECES) scripts.push(lines.splice(0).join("\n"));
      lines.push(writeLine(name, bytes, at));
    }
  }
  return lines.length ? [...scripts, lines.join("\n")] : scripts;
}

/** A script that prints length and CRC of each file; a missing file has length -1. */
function reportScript(names: string[]): string {
  const list = names.map((name) => byteLiteral(name)).join(",");
  return (
    `[${list}].forEach(function(n,i){var d=require("Storage").read(n);` +
    `print("~file "+i+" "+(d===undefined?-1:d.length)+" "+(d===undefined?0:E.CRC32(d)));});`
  );
}

async function runText(launch: Launch, directory: string, text: string): Promise<string> {
  const path = join(directory, "provision.js");
  // What is in .boot0 already runs before a script too, and may leave timers: hence the explicit end.
  writeFileSync(path, text + '\nsetTimeout("quit()",1);\n', "latin1");
  try {
    return await runScript(launch, directory, path);
  } finally {
    rmSync(path, { force: true });
  }
}

function entriesOf(printed: string, names: string[]): FlashEntry[] {
  return names.map((name, index) => {
    const found = printed.match(new RegExp(`~file ${index} (-?\\d+) (\\d+)`));
    if (!found) throw new Error(`the interpreter did not report ${name}:\n${printed}`);
    return { name, length: Number(found[1]), crc: Number(found[2]) };
  });
}

/** What the interpreter's flash in `directory` holds under these names; a missing file has length -1. */
export async function readBack(launch: Launch, directory: string, names: string[]): Promise<FlashEntry[]> {
  return entriesOf(await runText(launch, directory, reportScript(names)), names);
}

/** The bytes of these files in the flash of `directory`; one that is missing is left out. */
export async function readFiles(launch: Launch, directory: string, names: string[]): Promise<FlashFiles> {
  const list = names.map((name) => byteLiteral(name)).join(","),
    printed = await runText(
      launch,
      directory,
      `[${list}].forEach(function(n,i){var d=require("Storage").read(n);print("~bytes "+i+" "+(d?btoa(d):"")+"~");});`,
    );
  const bytesIn = (index: number): string => {
    const found = new RegExp(`~bytes ${index} ([^~]*)~`).exec(printed);
    if (!found) throw new Error(`the interpreter did not show ${names[index]}:\n${printed}`);
    return Buffer.from(found[1]!, "base64").toString("latin1");
  };
  return Object.fromEntries(names.map((name, index) => [name, bytesIn(index)]).filter(([, bytes]) => bytes !== ""));
}

/** Throws with the name of a file that is not as it was written. */
export function compare(files: FlashFiles, entries: FlashEntry[]): void {
  for (const entry of entries) {
    const bytes = bytesOf(files[entry.name]!);
    if (entry.length === bytes.length && entry.crc === crc32(bytes)) continue;
    throw new Error(`${entry.name} was written damaged: ${entry.length} bytes of ${bytes.length}, CRC ${entry.crc}`);
  }
}

/**
 * Writes the files into the flash of `directory` and compares what was read back. `.boot0` is written last, in the run
 * that reads back, because it would run in each run after it. Throws with the name of a damaged file.
 */
export async function provision(launch: Launch, directory: string, files: FlashFiles): Promise<FlashEntry[]> {
  const names = Object.keys(files).sort((a, b) => Number(a === ".boot0") - Number(b === ".boot0"));
  const part = (isBoot: boolean): string[] =>
    flashScripts(
      Object.fromEntries(names.filter((name) => (name === ".boot0") === isBoot).map((name) => [name, files[name]!])),
    );
  const scripts = [...part(false), ...part(true)];
  const last = scripts.pop() ?? "";
  let printed = "";
  for (const script of [...scripts, `${last}\n${reportScript(names)}`]) {
    printed = await runText(launch, directory, script);
    if (/Uncaught|ERROR|Interrupted|OUT OF MEMORY/.test(printed)) throw new Error(`provisioning failed:\n${printed}`);
  }
  const entries = entriesOf(printed, names);
  compare(files, entries);
  return entries;
}

/** The settings as the firmware itself would write them to an empty flash: file name -> bytes. */
export function settingsFiles(document: object): FlashFiles {
  const files: Record<string, string> = {};
  const store = {
    read: (name: string) => files[name],
    write: (name: string, data: string) => {
      files[name] = data;
      return true;
    },
    erase: (name: string) => void delete files[name],
  };
  const json = Buffer.from(JSON.stringify(document), "utf8").toString("latin1");
  const reason = writeSlot(store, (text) => crc32(Buffer.from(text, "latin1")), json, null);
  if (reason) throw new Error(reason);
  return files;
}
