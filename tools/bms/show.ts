// How the tool speaks: tables for people, JSON for machines, one line for a failure.
import Table from "cli-table3";
import pc from "../colors";
import { rows } from "../tinybms/values";
import type { Cells, Values } from "./read";

/** How a value is shown; `digits` of those that are measured. */
type Named = { label: string; unit: string; digits?: number };

const sentence = (key: string): string => key[0].toUpperCase() + key.slice(1).replaceAll("_", " ");

const labels = new Map<string, Named>(
  rows.flatMap((row): [string, Named][] => [
    [row.key, row],
    ...(row.bits ?? []).map(({ key, unit = "" }): [string, Named] => [key, { label: sentence(key), unit }]),
  ]),
);
labels.set("pack_power", { label: "Battery power (positive = charging)", unit: "W", digits: 0 });
labels.set("cell_spread", { label: "Highest minus lowest cell", unit: "mV" });

/** A cell of a table: null is unknown. */
export function shown(value: unknown, digits?: number): string {
  if (value === null || value === undefined) return "-";
  if (Array.isArray(value)) return value.length ? value.join(" ") : "none";
  return typeof value === "number" && digits !== undefined ? value.toFixed(digits) : String(value);
}

const BARE = Object.fromEntries(
  [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
    "left",
    "left-mid",
    "mid",
    "mid-mid",
    "right",
    "right-mid",
  ].map((place) => [place, ""]),
);

/** A table without a frame; columns numbered in `right` hold numbers. */
export function table(head: string[], body: string[][], right: number[] = []): string {
  const made = new Table({
    head: head.map((name) => pc.bold(name)),
    chars: { ...BARE, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, i) => (right.includes(i) ? "right" : "left")),
  });
  made.push(...body);
  return made
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Values with their names and units, in the order given. */
export function valueTable(values: Values, keys = Object.keys(values)): string {
  return table(
    ["Value", "", ""],
    keys.map((key) => {
      const { label, unit, digits } = labels.get(key) ?? { label: key, unit: "" };
      return [label, shown(values[key], digits), values[key] === null || unit === "count" ? "" : pc.dim(unit)];
    }),
    [1],
  );
}

const BAR_WIDTH = 20;

/** Cells with a bar between the lowest and the highest. */
export function cellTable({ cells, lowest_mV, highest_mV, spread_mV, moved }: Cells): string {
  const volts = (mV: number): string => (mV / 1000).toFixed(4);
  const body = cells.map(({ cell, register, voltage_mV, balancing }) => {
    const share = spread_mV > 0 ? (voltage_mV - lowest_mV) / spread_mV : 1;
    const mark =
      spread_mV === 0 ? "" : voltage_mV === highest_mV ? "highest" : voltage_mV === lowest_mV ? "lowest" : "";
    const bar = "#".repeat(Math.max(1, Math.round(share * BAR_WIDTH))).padEnd(BAR_WIDTH);
    return [String(cell), String(register), volts(voltage_mV), bar, mark, balancing ? pc.yellow("balancing") : ""];
  });
  const sum = cells.reduce((total, { voltage_mV }) => total + voltage_mV, 0) / 1000;
  const note = moved ? [pc.yellow("The cells are at the other end of the registers than --cell-order says.")] : [];
  return [
    table(["Cell", "Register", "V", "", "", ""], body, [0, 1, 2]),
    `${cells.length} cells, ${volts(lowest_mV)} to ${volts(highest_mV)} V, spread ${spread_mV.toFixed(1)} mV, sum ${sum.toFixed(3)} V`,
    ...note,
  ].join("\n");
}

const MINUTE = 60,
  HOUR = 3600,
  DAY = 86400;

/** "3 d 04:05:06". */
export function duration(seconds: number): string {
  const part = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const clock = `${part((seconds % DAY) / HOUR)}:${part((seconds % HOUR) / MINUTE)}:${part(seconds % MINUTE)}`;
  return seconds >= DAY ? `${Math.floor(seconds / DAY)} d ${clock}` : clock;
}

/** When something was that long ago, in this machine's time zone: "2025-01-31 12:00:00". */
export function wallClock(ago_s: number, now_ms: number): string {
  const date = new Date(now_ms - ago_s * 1000),
    two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** How an event of this severity looks. */
export function severityColor(severity: string): (text: string) => string {
  return severity === "fault" ? pc.red : severity === "warning" ? pc.yellow : pc.dim;
}

/** A failure: one line on stderr, or `{"error"}` on stdout; the exit status becomes 1. */
export function fail(message: string, json: boolean): void {
  if (json) console.log(JSON.stringify({ error: message }));
  else console.error(`${pc.red("error:")} ${message}`);
  process.exitCode = 1;
}
