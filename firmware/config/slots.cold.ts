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
  erase(name: string): void;
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

// The CA's certificate is a file beside them. One that comes with settings counts with them or not at all: it waits in
// a file of their form, with their number.

/** The file, and the one of a certificate that waits. */
const CA = "tls.ca",
  CA_NEXT = "tls.ca.next";

/** The certificate that counts (DER), "" when there is none. */
export function caOf(files: Files, crc32: Crc32): string {
  const next = readSlot(files, CA_NEXT, crc32);
  return next.seq && next.seq <= newestSlot(files, crc32).seq ? next.document : files.read(CA) || "";
}

/** Put a certificate that waits into its place; one whose settings were not written is forgotten. */
function settleCa(files: Files, crc32: Crc32): void {
  if (files.read(CA_NEXT) === undefined) return;
  const ca = caOf(files, crc32);
  if (ca !== (files.read(CA) || "")) {
    if (ca) files.write(CA, ca);
    else files.erase(CA);
  }
  if ((files.read(CA) || "") === ca) files.erase(CA_NEXT);
}

// The device's own password is a file of that form too: half of it is none, and a new one is made.

const OWN = "login";

/** What stands in it, "" when there is none that is whole. */
export function ownText(files: Files, crc32: Crc32): string {
  return readSlot(files, OWN, crc32).document;
}

/** Write it; "" takes it away. */
export function writeOwn(files: Files, crc32: Crc32, text: string): void {
  if (text) files.write(OWN, slotText(1, text, crc32));
  else if (files.read(OWN) !== undefined) files.erase(OWN);
}

/**
 * Write a document over the older slot and read it back, with a certificate ("" takes it away; null: it stays as it
 * is); the reason when it did not arrive, the old ones then count on.
 */
export function writeSlot(files: Files, crc32: Crc32, document: string, ca: string | null): string {
  const newest = newestSlot(files, crc32),
    name = newest.name === NAMES[0] ? NAMES[1] : NAMES[0],
    text = slotText(newest.seq + 1, document, crc32),
    next = ca === null ? undefined : slotText(newest.seq + 1, ca, crc32);
  try {
    settleCa(files, crc32);
    if (next) files.write(CA_NEXT, next);
    if (files.read(CA_NEXT) !== next) return "flash: read back something else";
    files.write(name, text);
  } catch (error) {
    return "flash: cannot write";
  }
  const isThere = files.read(name) === text;
  try {
    settleCa(files, crc32);
  } catch (error) {
    // it is read from where it waits, and the next write tries again
  }
  return isThere ? "" : "flash: read back something else";
}
