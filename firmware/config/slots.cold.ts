// The settings on flash: two files, each a header of 20 characters (TBC1, sequence number, CRC32 of the document, both
// in hex) and the document. The older file is overwritten, so a power cut at any write leaves a valid one.

const MAGIC = "TBC1",
  HEADER = 20;
/** File names of the two slots. */
const NAMES = ["cfg.a", "cfg.b"];

export interface Slot {
  name: string;
  seq: number;
  document: string;
}

interface Files {
  read(name: string): string | undefined;
  write(name: string, data: string): boolean;
}
type Crc32 = (text: string) => number;

function hex8(value: number): string {
  return ("0000000" + value.toString(16)).substr(-8);
}

function slotText(seq: number, document: string, crc32: Crc32): string {
  return MAGIC + hex8(seq) + hex8(crc32(document)) + document;
}

/** The slot in a file; sequence number 0 when there is none that is whole. */
function readSlot(files: Files, name: string, crc32: Crc32): Slot {
  const text = files.read(name) || "",
    document = text.substr(HEADER);
  const seq = parseInt(text.substr(4, 8), 16) || 0;
  const whole = seq > 0 && text === slotText(seq, document, crc32);
  return { name: name, seq: whole ? seq : 0, document: whole ? document : "" };
}

/** The newest valid slot; `{}` with sequence number 0 when both are bad or missing. */
export function newestSlot(files: Files, crc32: Crc32): Slot {
  const a = readSlot(files, NAMES[0], crc32),
    b = readSlot(files, NAMES[1], crc32);
  const newest = b.seq > a.seq ? b : a;
  return newest.seq ? newest : { name: NAMES[1], seq: 0, document: "{}" };
}

/**
 * Write a document over the older slot and read it back; the reason when it did not arrive, the old one then counts on.
 */
export function writeSlot(files: Files, crc32: Crc32, document: string): string {
  const newest = newestSlot(files, crc32),
    name = newest.name === NAMES[0] ? NAMES[1] : NAMES[0];
  const text = slotText(newest.seq + 1, document, crc32);
  try {
    files.write(name, text);
  } catch (error) {
    return "flash: cannot write";
  }
  return files.read(name) === text ? "" : "flash: read back something else";
}
