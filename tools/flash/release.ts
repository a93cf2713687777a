// An Espruino release for the ESP32, as it is downloaded: an archive or its folder, with three files that belong to
// fixed places of the flash. Looked at before anything of it is written.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { interpreterOf } from "../../firmware/drivers/espruino.cold";

/** A file of a release and its place in the flash. */
export interface Part {
  name: string;
  address: number;
  data: Buffer;
}
export interface Release {
  /** What it calls itself, "" when that cannot be told. */
  version: string;
  parts: Part[];
}

/** Places of Espruino's own make (make/targets/ESP32.make). Flash files of the gateway begin behind them all. */
const PLACES: [name: string, address: number][] = [
  ["bootloader.bin", 0x1000],
  ["partitions_espruino.bin", 0x8000],
  ["espruino_esp32.bin", 0x10000],
];
/** The header of a program (ESP-IDF, esp_image_header_t): its first byte, and where the number of the chip stands. */
const PROGRAM = 0xe9,
  CHIP_AT = 12;
const CHIPS: Record<number, string> = { 0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 13: "ESP32-C6" };
const VERSION = /(?:^|[^\w.])(\dv\d\d(?:\.\d{1,4})?)(?=\0)/,
  IN_NAME = /(\dv\d\d(?:\.\d{1,4})?)/;

/** The folder in which the files stand: this one, or one in it. */
function folderOf(where: string): string {
  const folders = [
    where,
    ...readdirSync(where, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(where, name)),
  ];
  const found = folders.find((folder) => existsSync(join(folder, PLACES[2]![0])));
  if (!found)
    throw new Error(
      `${where}: holds no ${PLACES[2]![0]}; give the archive or folder of an Espruino release for the ESP32`,
    );
  return found;
}

function partsIn(where: string): Part[] {
  const folder = folderOf(where);
  return PLACES.map(([name, address]) => {
    if (!existsSync(join(folder, name))) throw new Error(`${folder}: ${name} is missing; give the whole release`);
    return { name, address, data: readFileSync(join(folder, name)) };
  });
}

/** The parts of an archive, by the system's tar. */
function unpacked(archive: string): Part[] {
  const folder = mkdtempSync(join(tmpdir(), "tinybms-espruino-"));
  try {
    const { status, stderr, error } = spawnSync("tar", ["-xzf", archive, "-C", folder], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${archive}: cannot be unpacked (${(error?.message ?? stderr).trim()})`);
    return partsIn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads a release. Rejects what is none, or is for another chip. */
export function readRelease(where: string): Release {
  if (!existsSync(where)) throw new Error(`${where}: there is no such file`);
  const isFolder = statSync(where).isDirectory();
  if (!isFolder && !/\.(tgz|tar\.gz)$/.test(where))
    throw new Error(
      `${where}: give the .tgz of an Espruino release for the ESP32, or its folder: a bare chip needs three files`,
    );
  const parts = isFolder ? partsIn(where) : unpacked(where),
    program = parts[2]!.data,
    chip = program[CHIP_AT] ?? -1;
  if (program[0] !== PROGRAM) throw new Error(`${where}: ${parts[2]!.name} is no program of an ESP32`);
  if (chip !== 0) throw new Error(`${where}: this Espruino is for an ${CHIPS[chip] ?? "other chip"}, not for an ESP32`);
  const version = VERSION.exec(program.toString("latin1")) ?? IN_NAME.exec(basename(where));
  return { version: version?.[1] ?? "", parts };
}

/** Why a version must not be written, "" when it may; a warning where it is newer than any that was tried. */
export function judgeVersion(version: string): { refused: string; warning: string } {
  if (!version) return { refused: "it does not say which Espruino it is", warning: "" };
  const { warning } = interpreterOf(version);
  return /^is newer/.test(warning) ? { refused: "", warning } : { refused: warning, warning: "" };
}
