// Values as people read them.

/** A dash where nothing is known. */
export const UNKNOWN = "–";

/** A number with a fixed count of digits; a dash when unknown. */
export function numberText(value: unknown, digits = 0): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return UNKNOWN;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
}

/** How long, in the largest unit that fits: 5 s, 3 min, 2 h, 4 d. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const DATE_TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** Local date and time of an ISO text or of ms. */
export const timeText = (time: string | number | null | undefined): string =>
  time === null || time === undefined ? UNKNOWN : DATE_TIME.format(new Date(time));

/** A name of the wire as words: cell_high -> cell high. */
export const words = (name: string | null | undefined): string => (name ? name.replaceAll("_", " ") : UNKNOWN);

/** JSON of the wire, short enough for a row. */
export function jsonText(value: unknown): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key} ${one !== null && typeof one === "object" ? JSON.stringify(one) : String(one)}`)
    .join(", ");
}
