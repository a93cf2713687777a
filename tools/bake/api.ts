// Bakes what the HTTP API needs of the tables: its routes, the fields of CAN frames in words, the metrics of
// Prometheus, its description; as lines at the end of the image's text.
import { canFrames, type FrameField } from "../../firmware/tables/frames";
import type { Register } from "../../firmware/tables/registers";
import { routes, type Route } from "../../firmware/tables/routes";
import { header, slotOf, slots } from "./names";
import { openApi } from "./openapi";

/** Kelvin is what a GX reads; people read degrees. */
const KELVIN = 273;

/** Label, how it stands in the frame, byte; then what is needed of: divisor, unit, what is added, bit, absent. */
function fieldCells({ label, as, at, per, unit, add, bit, absent }: FrameField): unknown[] {
  const isTemperature = unit === "K" && add === KELVIN;
  return [label, as, at, per ?? 1, (isTemperature ? "degC" : unit) ?? "", add ?? 0, bit ?? 0, absent ?? -1];
}

const frameLine = ({ name, every, fields }: (typeof canFrames)[number]): string =>
  JSON.stringify({ n: name, e: every, f: fields.map(fieldCells) });

/** Prometheus wants base units: the name of each, what a value is multiplied by, and the decimals that are left. */
const UNITS: Record<string, [name: string, factor: number, digits: number]> = {
  "V": ["_volts", 1, 3],
  "mV": ["_volts", 0.001, 4],
  "A": ["_amperes", 1, 3],
  "W": ["_watts", 1, 0],
  "degC": ["_celsius", 1, 1],
  "%": ["_ratio", 0.01, 5],
  "km": ["_meters", 1000, 0],
  "kWh": ["_joules_total", 3.6e6, 0],
  "": ["", 1, 0],
};

/** Rows that are a metric of their own: measured values and limits. Cells have one with labels. */
const measured = slots.filter(
  ({ quiet, poll, type }) => !quiet && (poll === undefined || poll === "fast") && type !== "bits",
);

/** Slot, factor, ten to the power of the decimals, name, type, help. */
function metricLine({ key, unit, label }: Register): string {
  const known = UNITS[unit];
  if (!known) throw new Error(`tools/bake/api.ts: ${key}: Prometheus has no name for the unit ${unit}`);
  const [suffix, factor, digits] = known,
    type = suffix.endsWith("_total") ? "counter" : "gauge";
  return [slotOf(key), factor, 10 ** digits, `tinybms_${key}${suffix}`, type, label].join("\t");
}

/** Method and path, whether for owners alone, flags, what is below, media type. */
function routeLine({ route, isOwners, flags, below, type }: Route): string {
  return [route, isOwners ? 1 : "", flags ?? "", below ?? "", type ?? ""].join("\t");
}

/** The blocks of lines, in their order; that of the routes begins with an empty one. */
const blocks = (): Record<string, string[]> => ({
  ROUTES: ["", ...(routes as readonly Route[]).map(routeLine)],
  FRAMES: canFrames.map(frameLine),
  METRICS: measured.map(metricLine),
  OPENAPI: [JSON.stringify(openApi()).replaceAll("*/", "*\\/")],
});

/** What follows the rare topics in firmware/image.text. */
export function apiText(): string {
  return Object.values(blocks())
    .map((lines) => lines.join("\n") + "\n")
    .join("");
}

/** firmware/api/text.baked.ts; `start` is where `apiText` begins in the image's text. */
export function bakeApi(start: number): string {
  const found = Object.entries(blocks()).map(([name, lines]) => {
    const from = start;
    start += lines.join("\n").length + 1;
    return `${name}_AT = ${from}, ${name}_END = ${start}`;
  });
  const names = routes.map(({ route }) => `\n  | ${JSON.stringify(route)}`).join("");
  return `${header("tables/routes.ts, tables/frames.ts and tables/registers.ts")}
/** Where each block of lines starts in the image's text, and where it ends. */
export const ${found.join(",\n  ")};
/** The routes; each has its handler (routes.cold.ts). */
export type RouteName =${names};
`;
}
