// Bakes the poll plan: rows of one group that lie close together become one block read (TinyBMS Rev D, 1.1.6 and 1.2.1).
import { groups, registers, type Group } from "../../firmware/battery/registers";
import { header } from "./names";

/** A hole of up to 6 registers costs less than a request of its own (12 bytes); 0x07 carries at most 31, 0x03 127. */
const HOLE = 6, LONGEST = { 0x07: 31, 0x03: 127 };

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
  for (const [group, { command, every }] of Object.entries(groups) as [Group, (typeof groups)[Group]][]) {
    const rows = registers.filter((row) => row.poll === group).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
    for (const row of rows) {
      const end = (row.at ?? 0) + (row.words ?? 1), last = blocks.at(-1);
      if (last?.group === group && (row.at ?? 0) - last.at - last.count <= HOLE && end - last.at <= LONGEST[command]) last.count = end - last.at;
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

/** firmware/bms/plan.baked.cold.ts */
export function bakePlan(): string {
  const rows = planOf().map((block) => {
    const head = [0xaa, block.command, block.count * 2];
    return `    { request: ${hex(requestOf(block))}, head: ${hex(head)}, length: ${block.count * 2 + 5}, crc: ${crcBitwise(head)},`
      + ` every: ${block.every}, due: 0 },`
      + ` // ${block.group}: ${block.at}..${block.at + block.count - 1}`;
  });
  return `${header("battery/registers.ts")}import type { Exchange } from "./poller";

/** The poll plan, one block read a group: fast, cells, settings. \`crc\` is the CRC of \`head\`. */
export function pollPlan(): Exchange[] {
  return [
${rows.join("\n")}
  ];
}
`;
}
