// Messages on the disk until the database has them: segments of 16 MB, appended and synced before anybody is told that
// they are kept. A record is length, CRC-32 (of all that follows it), arrival (float64), flags, length of the topic,
// topic, payload; little-endian.
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "../host/crc32";
import type { Message } from "./effects";

const SEGMENT_BYTES = 16 * 1024 * 1024,
  HEAD = 8,
  FIXED = 11,
  MOST_RECORD = 1024 * 1024;
const RETAIN = 4,
  DUP = 8;

/** A place between two records. */
export interface Position {
  segment: number;
  offset: number;
}

/** The disk or the room given to the spool is full. */
export class SpoolFull extends Error {}

export interface Spool {
  /** Names these files: what a database remembers of another spool does not count for them. */
  readonly id: string;
  /** Write and sync. All of it is kept when this resolves. Rejects with SpoolFull when there is no room. */
  append(messages: Message[]): Promise<void>;
  /** At most `most` records from a place on, and the place behind them; one reader at a time. */
  read(from: Position, most: number): Promise<{ messages: Message[]; next: Position }>;
  /** Where reading begins, and where the next record goes. */
  readonly start: Position;
  readonly end: Position;
  /** Bytes between a place and the end. */
  backlog(from: Position): number;
  /** Delete the segments before a place. */
  forget(before: Position): void;
  /** True when nothing more fits. */
  isFull(): boolean;
  /** Records that were damaged and passed over. */
  readonly damaged: number;
  close(): Promise<void>;
}

const nameOf = (segment: number): string => String(segment).padStart(8, "0") + ".spool";

/** Messages as records, one behind the other. */
export function encode(messages: Message[]): Buffer {
  let most = 0;
  // A character of a text takes at most three bytes.
  for (const { topic, payload } of messages) most += HEAD + FIXED + 3 * topic.length + payload.length;
  const bytes = Buffer.allocUnsafe(most);
  let at = 0;
  for (const message of messages) at = put(bytes, at, message);
  return bytes.subarray(0, at);
}

/** Writes a record at `at`; where the next one begins. */
function put(bytes: Buffer, at: number, { topic, payload, qos, retain, dup, arrival }: Message): number {
  const body = at + HEAD,
    name = bytes.write(topic, body + FIXED),
    end = body + FIXED + name + payload.length;
  bytes.writeUInt32LE(end - body, at);
  bytes.writeDoubleLE(arrival, body);
  bytes.writeUInt8(qos | (retain ? RETAIN : 0) | (dup ? DUP : 0), body + 8);
  bytes.writeUInt16LE(name, body + 9);
  payload.copy(bytes, body + FIXED + name);
  bytes.writeUInt32LE(crc32(bytes, body, end), at + 4);
  return end;
}

/** The record at `at` and where the next one begins; "end" when there is none whole, "bad" when it is damaged. */
export function decode(bytes: Buffer, at: number): { message: Message; next: number } | "end" | "bad" {
  if (at + HEAD > bytes.length) return "end";
  const size = bytes.readUInt32LE(at),
    next = at + HEAD + size;
  if (size < FIXED || size > MOST_RECORD) return "bad";
  if (next > bytes.length) return "end";
  const body = bytes.subarray(at + HEAD, next);
  if (crc32(body) !== bytes.readUInt32LE(at + 4)) return "bad";
  const flags = body.readUInt8(8),
    behind = FIXED + body.readUInt16LE(9);
  if (behind > body.length) return "bad";
  const message = {
    topic: body.toString("utf8", FIXED, behind),
    payload: Buffer.from(body.subarray(behind)),
    qos: flags & 3,
    retain: (flags & RETAIN) > 0,
    dup: (flags & DUP) > 0,
    arrival: body.readDoubleLE(0),
  };
  return { message, next };
}

/** Length of what is whole at the beginning of a segment: a torn tail was never acknowledged. */
function wholeLength(bytes: Buffer): number {
  let at = 0;
  for (let record = decode(bytes, at); typeof record !== "string"; record = decode(bytes, at)) at = record.next;
  return at;
}

function identity(folder: string): string {
  const path = join(folder, "id");
  if (!existsSync(path)) writeFileSync(path, randomUUID(), { flush: true });
  return readFileSync(path, "utf8").trim();
}

/** The files of a spool: which segments there are, and how long. */
class Segments {
  readonly sizes = new Map<number, number>();
  private file: FileHandle | null = null;
  /** What is read, always the same bytes: pieces of their own would be garbage faster than V8 takes it away. */
  private readonly page = Buffer.allocUnsafeSlow(HEAD + MOST_RECORD);

  constructor(private readonly folder: string) {
    const numbers = readdirSync(folder).flatMap((name) =>
      /^\d{8}\.spool$/.test(name) ? [Number(name.slice(0, 8))] : [],
    );
    for (const segment of numbers.sort((a, b) => a - b)) this.sizes.set(segment, statSync(this.path(segment)).size);
    if (numbers.length === 0) this.sizes.set(1, 0);
    else this.mend(this.last);
  }

  path(segment: number): string {
    return join(this.folder, nameOf(segment));
  }

  get first(): number {
    return this.sizes.keys().next().value!;
  }

  get last(): number {
    return [...this.sizes.keys()].at(-1)!;
  }

  get bytes(): number {
    return [...this.sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  private mend(segment: number): void {
    const length = wholeLength(readFileSync(this.path(segment)));
    if (length < this.sizes.get(segment)!) truncateSync(this.path(segment), length);
    this.sizes.set(segment, length);
  }

  /** Append to the last segment, or to a new one when it is full. What a failed write left behind is cut off. */
  async append(bytes: Buffer): Promise<void> {
    if (this.sizes.get(this.last)! + bytes.length > SEGMENT_BYTES && this.sizes.get(this.last)! > 0)
      await this.nextSegment();
    const segment = this.last,
      at = this.sizes.get(segment)!;
    this.file ??= await open(this.path(segment), "a");
    try {
      await this.file.appendFile(bytes);
      await this.file.datasync();
      this.sizes.set(segment, at + bytes.length);
    } catch (error) {
      await this.file.truncate(at).catch(() => undefined);
      throw error;
    }
  }

  private async nextSegment(): Promise<void> {
    await this.file?.close();
    this.file = null;
    this.sizes.set(this.last + 1, 0);
    // The name of a new file is on the disk when its folder is synced.
    this.file = await open(this.path(this.last), "a");
    const folder = await open(this.folder, "r");
    await folder.sync().finally(() => folder.close());
  }

  /** A piece of a segment from a place on, with one whole record at least; it is there until the next is read. */
  async read({ segment, offset }: Position): Promise<Buffer> {
    const size = Math.min(this.sizes.get(segment)! - offset, this.page.length);
    if (size <= 0) return this.page.subarray(0, 0);
    const file = await open(this.path(segment), "r");
    const { bytesRead } = await file.read(this.page, 0, size, offset).finally(() => file.close());
    return this.page.subarray(0, bytesRead);
  }

  forget(before: number): void {
    for (const segment of [...this.sizes.keys()]) {
      if (segment >= before || segment === this.last) return;
      rmSync(this.path(segment), { force: true });
      this.sizes.delete(segment);
    }
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = null;
  }
}

/** Read whole records; what is damaged ends its segment. */
async function readRecords(
  own: Segments,
  from: Position,
  most: number,
  damage: () => void,
): Promise<{ messages: Message[]; next: Position }> {
  let { segment, offset } = from.segment < own.first ? { segment: own.first, offset: 0 } : from;
  const messages: Message[] = [];
  while (messages.length < most) {
    const bytes = await own.read({ segment, offset });
    let at = 0,
      record = decode(bytes, at);
    for (; typeof record !== "string" && messages.length < most; record = decode(bytes, at)) {
      messages.push(record.message);
      at = record.next;
    }
    offset += at;
    if (typeof record !== "string") break;
    if (record === "bad") damage();
    else if (at > 0) continue; // there may be more than was read
    if (segment >= own.last) break;
    [segment, offset] = [segment + 1, 0];
  }
  return { messages, next: { segment, offset } };
}

/** The spool in a folder, which is made when it is not there; `mostBytes`: how long it may grow. */
export function openSpool(folder: string, mostBytes: number): Spool {
  mkdirSync(folder, { recursive: true });
  const id = identity(folder),
    own = new Segments(folder);
  let damaged = 0,
    turn: Promise<void> = Promise.resolve();
  const write = async (bytes: Buffer): Promise<void> => {
    if (own.bytes + bytes.length > mostBytes) throw new SpoolFull("the spool is full");
    await own.append(bytes).catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === "ENOSPC" ? new SpoolFull("the disk is full") : error;
    });
  };
  return {
    id,
    append: (messages) => {
      const written = turn.then(() => write(encode(messages)));
      turn = written.catch(() => undefined);
      return written;
    },
    read: (from, most) =>
      readRecords(own, from, most, () => {
        damaged++;
      }),
    get start() {
      return { segment: own.first, offset: 0 };
    },
    get end() {
      return { segment: own.last, offset: own.sizes.get(own.last)! };
    },
    backlog: ({ segment, offset }) => {
      let bytes = 0;
      for (const [number, size] of own.sizes) bytes += number < segment ? 0 : number === segment ? size - offset : size;
      return bytes;
    },
    forget: ({ segment }) => own.forget(segment),
    isFull: () => own.bytes > mostBytes * 0.9,
    get damaged() {
      return damaged;
    },
    close: async () => {
      await turn;
      await own.close();
    },
  };
}
