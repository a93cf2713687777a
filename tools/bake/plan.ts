// Bakes the poll plan: rows of one group that lie close together become block reads (TinyBMS Rev D, 1.1.6 and 1.2.1),
// none with a reply that Espruino may cut.
import { eventLog, groups, registers, type Group, type Reading, type Register } from "../../firmware/tables/registers";
import { MOST_BLOCK } from "../../firmware/bms/places";
import { header } from "./names";

/** Bytes of a reply around its words. */
const FRAME = 5;

/** One request of the plan. */
export interface Read {
  at: number;
  count: number;
}

/** A group: its reads, in their order. */
export interface Block {
  group: Group | "events";
  command: 0x03 | 0x07;
  every: number;
  reads: Read[];
}

/** CRC-16/MODBUS, bit by bit: the plan is checked against a second implementation. */
export function crcBitwise(bytes: number[]): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

const endOf = (row: Register): number => (row.at ?? 0) + (row.words ?? 1);

/** The rows from the first to the last in reads of `pieces` registers each; one read of all of them without. */
function readsOf(name: string, rows: Register[], hole: number, pieces?: readonly number[]): Read[] {
  const at = rows[0].at ?? 0,
    count = Math.max(...rows.map(endOf)) - at;
  const behind = rows.findIndex((row, i) => i > 0 && (row.at ?? 0) - endOf(rows[i - 1]) > hole);
  if (behind > 0) {
    const row = rows[behind],
      before = rows[behind - 1];
    throw new Error(
      `poll plan: ${name}: ${row.key} (register ${row.at}) lies ${(row.at ?? 0) - endOf(before)} registers behind ` +
        `${before.key}, which ends at ${endOf(before) - 1}; ${name} allows ${hole}: ` +
        "give the row another poll group, or the group a wider hole",
    );
  }
  const reads = (pieces ?? [count]).map((size, i, sizes) => ({
    at: sizes.slice(0, i).reduce((sum, other) => sum + other, at),
    count: size,
  }));
  for (const read of reads)
    if (read.count > MOST_BLOCK)
      throw new Error(
        `poll plan: ${name}: a read of ${read.count} registers has a reply of ${FRAME + 2 * read.count} bytes; ` +
          `more than ${MOST_BLOCK} (${FRAME + 2 * MOST_BLOCK} bytes) may be cut: ` +
          `give the group pieces, or ${rows[rows.length - 1].key} (register ${rows[rows.length - 1].at}) another group`,
      );
  const last = reads[reads.length - 1];
  if (last.at + last.count !== at + count)
    throw new Error(
      `poll plan: ${name}: its pieces end at ${last.at + last.count - 1}, its registers at ${at + count - 1}`,
    );
  const cut = rows.find((row) => reads.some((read) => (row.at ?? 0) < read.at && endOf(row) > read.at));
  if (cut) throw new Error(`poll plan: ${name}: ${cut.key} stands in two pieces`);
  return reads;
}

const byAddress = (rows: Register[]): Register[] => [...rows].sort((a, b) => (a.at ?? 0) - (b.at ?? 0));

/**
 * All groups in the order of `groups`, then the event log. Throws one line when a reply could be cut, or taken for
 * another one.
 */
export function planOf(
  rows: Register[] = registers,
  table: Record<string, Reading> = groups,
  pieces: readonly number[] = eventLog.pieces,
): Block[] {
  const blocks = Object.entries(table).map(([group, { command, every, hole, pieces: own }]): Block => {
    const reads = readsOf(group, byAddress(rows.filter((row) => row.poll === group)), hole, own);
    return { group: group as Group, command, every, reads };
  });
  const slots = byAddress(rows.filter((row) => row.type === "event")),
    counter = rows.find((row) => row.key === "lifetime_counter");
  blocks.push({
    group: "events",
    command: eventLog.command,
    every: eventLog.every,
    reads: [...readsOf("events", slots, 0, pieces), { at: counter?.at ?? 0, count: eventLog.counter }],
  });
  const all = blocks.flatMap(({ group, reads }) => reads.map(({ count }) => ({ group, count })));
  all.forEach(({ group, count }, i) => {
    const other = all.find((one, k) => k < i && one.count === count);
    if (other)
      throw new Error(
        `poll plan: ${other.group} and ${group} both read ${count} registers, so that their replies look alike`,
      );
  });
  return blocks;
}

const hex = (bytes: number[]): string =>
  '"' + bytes.map((byte) => "\\x" + byte.toString(16).padStart(2, "0")).join("") + '"';

/** Request bytes of a block read. */
export function requestOf(command: number, { at, count }: Read): number[] {
  return withCrc(command === 0x07 ? [0xaa, 0x07, count, at & 255, at >> 8] : [0xaa, 0x03, at >> 8, at & 255, 0, count]);
}

const withCrc = (body: number[]): number[] => [...body, crcBitwise(body) & 255, crcBitwise(body) >> 8];

/**
 * An exchange: what is asked, how the reply begins, its length (the shortest one of a list) and the CRC of its head.
 */
function exchangeText(request: number[], head: number[], length: number, every: number, isList: boolean): string {
  return (
    `{ request: ${hex(request)}, head: ${hex(isList ? head.slice(0, 2) : head)}, length: ${length}, crc: ${crcBitwise(head)},` +
    ` due: 0, every: ${every}${isList ? ", list: true" : ""} }`
  );
}

/** The first read of a group, with what it reads in all. */
function blockText({ group, command, every, reads }: Block): string {
  const [first] = reads,
    kinds = [command === 0x03 ? "turned: true" : "", reads.length > 1 ? "part: 0" : ""].filter(Boolean);
  const head = [0xaa, command, first.count * 2];
  const text = exchangeText(requestOf(command, first), head, first.count * 2 + FRAME, every, false);
  const ranges = reads.map(({ at, count }) => `${at}..${at + count - 1}`).join(", ");
  return `    ${text.replace(/ }$/, kinds.map((kind) => `, ${kind}`).join("") + " }")}, // ${group}: ${ranges}`;
}

/** firmware/bms/plan.baked.cold.ts */
export function bakePlan(): string {
  const plan = planOf(),
    { newest, every } = eventLog;
  const pieces = plan.flatMap(({ reads }, i) =>
    reads.length > 1 ? [[i, JSON.stringify(reads.map(({ at, count }) => [at, count]))]] : [],
  );
  if (pieces.length !== 2) throw new Error("poll plan: two groups are read in pieces, settings and events");
  return `${header("tables/registers.ts")}import type { Exchange } from "./poller";

/**
 * The poll plan: the first block read of each group, in their order. \`crc\` is the CRC of the reply's first 3 bytes.
 */
export function pollPlan(): Exchange[] {
  return [
${plan.map(blockText).join("\n")}
  ];
}

/**
 * The block reads that make a group whole (place ${pieces.map(([i]) => i).join(" or ")} of the plan): first register,
 * how many.
 */
export function readsOf(group: number): number[][] {
  return group === ${pieces[0][0]} ? ${pieces[0][1]} : ${pieces[1][1]};
}

/**
 * The newest events: the exchange that follows once the whole log was read, until one of its replies may have been
 * lost.
 */
export function newestEvents(): Exchange {
  return ${exchangeText(withCrc([0xaa, newest]), [0xaa, newest, 4], 9, every, true)};
}
`;
}
