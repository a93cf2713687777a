// The table of `npm run -s watch`: one row a topic, the most alive part of the tree first, fitted to the terminal.
import Table from "cli-table3";
import pc from "../colors";
import { ageText, shown, type Devices, type Held } from "./messages";

const ORDER = ["status", "rt/bms", "rt/state", "rt/limits", "rt/alarms", "rt/cells", "rt/reg", "rt/gx", "rt"];
/** Older than this a value is pale, ms. */
const OLD_MS = 15000;
const NARROWEST = 60;
/** Lines that a value may take. */
const MOST_LINES = 6;

function place(suffix: string): number {
  const at = ORDER.findIndex((head) => suffix === head || suffix.startsWith(head + "/"));
  return at < 0 ? ORDER.length : at;
}

function rowOf(suffix: string, { payload, isRetained, at, count }: Held, widths: number[], now: number): string[] {
  const age = now - at,
    value = shown(payload),
    room = (widths[1] - 2) * MOST_LINES - 10;
  const cut = value.length > room ? value.slice(0, room - 1) + "…" : value,
    paint = age > OLD_MS && !isRetained ? pc.dim : (text: string) => text;
  return [paint(suffix), paint(cut), paint(ageText(age)), String(count), isRetained ? "yes" : ""];
}

/**
 * The table as lines of at most `width` characters; with `height` at most so many lines, and how many topics are left
 * out.
 */
export function tableLines(devices: Devices, now: number, width: number, height = Infinity): string[] {
  const lines: string[] = [];
  for (const [device, topics] of [...devices].sort()) {
    const rows = [...topics].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b));
    const first = Math.max(...rows.map(([suffix]) => suffix.length), 5) + 2,
      room = Math.max(width, NARROWEST);
    const widths = [first, Math.max(room - first - 9 - 8 - 10 - 6, 12), 9, 8, 10];
    const table = new Table({
      head: ["topic", "value", "age", "count", "retained"].map(pc.bold),
      colWidths: widths,
      style: { head: [], border: [], compact: true },
      colAligns: ["left", "left", "right", "right", "left"],
      wordWrap: true,
    });
    table.push(...rows.map(([suffix, held]) => rowOf(suffix, held, widths, now)));
    lines.push(pc.bold(`${device}  ${rows.length} topics`), ...table.toString().split("\n"));
  }
  if (lines.length <= height) return lines;
  const left = lines.length - height + 1;
  return [...lines.slice(0, height - 1), pc.dim(`… ${left} more lines; --filter shows a part, a higher window more`)];
}
