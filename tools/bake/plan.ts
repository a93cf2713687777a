// Bakes the poll plan: rows of one group that lie close together become one block read (TinyBMS Rev D, 1.1.6 and 1.2.1).
import { eventLog, groups, registers, type Group } from "../../firmware/battery/registers";
import { header } from "./names";

/** Registers that one block read carries at most. */
const LONGEST = { 0x07: 31, 0x03: 127 };

export interface Block { group: Group; command: 0x03 | 0x07; at: number; count: number; every: number }

/** CRC-16/MODBUS, bit by bit: the plan is checked against a second implementation. */
export function crcBitwise(bytes: number[]): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** The block reads of all groups, in the order of \`groups\`. */
export function planOf(): Block[] {
  const blocks: Block[] = [];
  for (const [group, { command, every, hole }] of Object.entries(groups) as [Group, (typeof groups)[Group]][]) {
    const rows = registers.filter((row) => row.poll === group).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
    for (const row of rows) {
      const end = (row.at ?? 0) + (row.words ?? 1), last = blocks.at(-1);
      if (last?.group === group && (row.at ?? 0) - last.at - last.count <= hole && end - last.at <= LONGEST[command]) last.count = end - last.at;
      else blocks.push({ group, command, at: row.at ?? 0, count: end - (row.at ?? 0), every });
    }
  }
  if (blocks.length !== Object.keys(groups).length) throw new Error("a group of the poll plan does not fit one block read");
  return blocks;
}

const hex = (bytes: number[]): string => '"' + bytes.map((byte) => "\\x" + byte.toString(16).padStart(2, "0")).join("") + '"';

/** Request bytes of a block read. */
export function requestOf({ command, at, count }: Block): number[] {
  const body = command === 0x07 ? [0xaa, 0x07, count, at & 255, at >> 8] : [0xaa, 0x03, at >> 8, at & 255, 0, count];
  const crc = crcBitwise(body);
  return [...body, crc & 255, crc >> 8];
}

/** An exchange: what is asked, how the reply begins, its length (the shortest one of a list) and the CRC of its head. */
function exchangeText(request: number[], head: number[], length: number, every: number, turned: boolean, isList: boolean): string {
  return `{ request: ${hex(request)}, head: ${hex(isList ? head.slice(0, 2) : head)}, length: ${length}, crc: ${crcBitwise(head)},`
    + ` due: 0, every: ${every}${turned ? ", turned: true" : ""}${isList ? ", list: true" : ""} }`;
}

const withCrc = (body: number[]): number[] => [...body, crcBitwise(body) & 255, crcBitwise(body) >> 8];

/** firmware/bms/plan.baked.cold.ts */
export function bakePlan(): string {
  const rows = planOf().map((block) => {
    const text = exchangeText(requestOf(block), [0xaa, block.command, block.count * 2], block.count * 2 + 5, block.every, block.command === 3, false);
    return `    ${text}, // ${block.group}: ${block.at}..${block.at + block.count - 1}`;
  });
  const { all, newest, every } = eventLog;
  return `${header("battery/registers.ts")}import type { Exchange } from "./poller";

/** The poll plan, one block read a group, in their order; last the event log, all of it. \`crc\` is the CRC of the reply's first 3 bytes. */
export function pollPlan(): Exchange[] {
  return [
${rows.join("\n")}
    allEvents(),
  ];
}

/** The event log, all of it. */
export function allEvents(): Exchange {
  return ${exchangeText(withCrc([0xaa, all]), [0xaa, all, 4], 9, every, false, true)};
}

/** The newest events: the exchange that follows once the whole log was read, until one of its replies may have been lost. */
export function newestEvents(): Exchange {
  return ${exchangeText(withCrc([0xaa, newest]), [0xaa, newest, 4], 9, every, false, true)};
}
`;
}
